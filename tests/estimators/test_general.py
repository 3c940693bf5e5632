"""PARRegressor: any piecewise-affine penalty as a parameter."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import PAR, PARLasso, PARRegressor, PARRidge, designs
from tests.cases import W
from tests.kkt import Raw
from tests.random_par import NAMED


def data(n: int = 20, d: int = 6, seed: int = 0):
    rng = np.random.default_rng((58, seed))
    X = rng.standard_normal((n, d))
    return X, X @ rng.choice([-1.0, 0.0, 1.0], d) + 0.3 * rng.standard_normal(n) + 1.0


@pytest.mark.parametrize("penalty", [p for _, p in NAMED], ids=[name for name, _ in NAMED])
def test_every_penalty_is_fitted_to_a_critical_point(penalty):
    X, y = data()
    model = PARRegressor(0.3, penalty=penalty).fit(X, y)
    scaled = penalty.scaled(0.3)
    raw = Raw(X, y, scaled.levels, scaled.slopes, intercept=True)
    assert model.penalty_ == penalty
    assert model.result_.status.is_success
    assert raw.violation(model.coef_, model.intercept_) <= 1.01e-8
    low, high = penalty.domain
    assert np.all((model.coef_ >= low) & (model.coef_ <= high))


def test_the_named_estimators_are_special_cases():
    X, y = data()
    for other, penalty in (
        (PARRidge(0.1, spacing=0.25, n_levels=5), designs.ridge(0.25, 5)),
        (PARLasso(0.1, spacing=0.25, n_levels=5, growth=0.2), designs.lasso(0.25, 5, growth=0.2)),
    ):
        model = PARRegressor(0.1, penalty=penalty).fit(X, y)
        assert np.array_equal(model.coef_, other.fit(X, y).coef_)
        assert model.intercept_ == other.intercept_
        assert model.dual_gap_ == other.dual_gap_


def test_the_default_penalty_is_seven_levels_of_a_half():
    X, y = data()
    assert PARRegressor(0.1).fit(X, y).penalty_ == designs.lasso(0.5, 7)


def test_a_strong_W_makes_every_coefficient_a_sign():
    X, y = data(40)
    model = PARRegressor(2.0, penalty=W).fit(X, y)
    assert set(np.abs(model.coef_).tolist()) == {1.0}
    assert model.quantization_rate_ == 1.0


def test_a_penalty_without_a_gap_says_none_and_a_nonconvex_one_has_no_gap_at_all():
    X, y = data()
    flat = PARRegressor(0.1, penalty=PAR([0.0, 1.0], [0.0, 1.0, 2.0])).fit(X, y)
    assert flat.dual_gap_ is None
    assert not hasattr(PARRegressor(0.1, penalty=W).fit(X, y), "dual_gap_")


def test_a_gap_of_an_earlier_convex_fit_does_not_survive_a_nonconvex_one():
    X, y = data()
    model = PARRegressor(0.1).fit(X, y)
    assert model.dual_gap_ <= 1e-8
    model.set_params(penalty=W).fit(X, y)
    assert not hasattr(model, "dual_gap_")


def test_a_penalty_that_falls_without_end_needs_more_samples_than_features():
    falling = PAR([0.0, 1.0], [-2.0, -1.0, -0.5])
    X, y = data()
    model = PARRegressor(0.1, penalty=falling).fit(X, y)
    raw = Raw(X, y, falling.levels, 0.1 * falling.slopes, intercept=True)
    assert raw.violation(model.coef_, model.intercept_) <= 1e-8
    with pytest.raises(ValueError, match=r"objective can be unbounded below.*\(4, 6\).*add a box side"):
        PARRegressor(0.1, penalty=falling).fit(X[:4], y[:4])


@pytest.mark.parametrize("wrong", ["lasso", 1.0, designs.lasso, [0.0, 1.0]])
def test_a_penalty_of_another_kind_is_an_error_that_points_to_the_designs(wrong):
    X, y = data()
    with pytest.raises(TypeError, match=r"penalty must be a PAR or None, but is .*see parlin\.designs"):
        PARRegressor(0.1, penalty=wrong).fit(X, y)
