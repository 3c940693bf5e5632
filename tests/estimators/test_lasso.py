"""PARLasso: the lasso in the limit of one endless cell, sparse and quantized on any grid."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LinearRegression

from parlin import PARLasso, alpha_max, designs
from tests.kkt import Raw


def data(n: int, d: int, seed: int = 0):
    rng = np.random.default_rng((55, seed))
    X = rng.standard_normal((n, d)) + 0.5
    w = rng.standard_normal(d) * (rng.random(d) < 0.4)
    return X, X @ w + 0.3 * rng.standard_normal(n)


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d"), [(30, 8), (10, 25)])
def test_inside_an_endless_first_cell_it_is_the_lasso(n, d, weighted, fit_intercept):
    X, y = data(n, d)
    s = np.random.default_rng(2).uniform(0.2, 3.0, n) if weighted else None
    for alpha in (0.5, 0.1):
        lasso = Lasso(alpha, fit_intercept=fit_intercept, tol=1e-12, max_iter=100_000)
        lasso.fit(X, y, sample_weight=s)
        model = PARLasso(alpha, spacing=1e3, n_levels=1, fit_intercept=fit_intercept, tol=1e-11)
        model.fit(X, y, sample_weight=s)
        assert np.allclose(model.coef_, lasso.coef_, atol=1e-7)
        assert np.array_equal(model.coef_ == 0, np.abs(lasso.coef_) < 1e-9)
        assert model.intercept_ == pytest.approx(lasso.intercept_, abs=1e-6)


def test_on_one_side_of_the_largest_useful_strength_all_is_zero_and_on_the_other_not():
    X, y = data(30, 8)
    top = np.max(np.abs((X - X.mean(axis=0)).T @ y)) / 30
    assert alpha_max(X, y, designs.lasso(0.25, 4)) == pytest.approx(top, rel=1e-12)
    above = PARLasso(top * 1.000001, spacing=0.25, n_levels=4).fit(X, y)
    below = PARLasso(top * 0.99, spacing=0.25, n_levels=4).fit(X, y)
    assert above.coef_.tolist() == [0.0] * 8
    assert above.intercept_ == pytest.approx(y.mean(), rel=1e-14)
    assert np.count_nonzero(below.coef_) == 1


def test_the_slopes_grow_from_cell_to_cell_by_growth():
    X, y = data(30, 8)
    model = PARLasso(0.1, spacing=0.25, n_levels=3, growth=0.5).fit(X, y)
    assert model.penalty_ == designs.lasso(0.25, 3, growth=0.5)
    assert model.penalty_.slopes[4:].tolist() == [1.0, 1.5, 2.0, 2.5]
    more = PARLasso(0.1, spacing=0.25, n_levels=3, growth=5.0).fit(X, y)
    assert more.quantization_rate_ > model.quantization_rate_


def test_without_a_spacing_the_grid_ends_at_the_largest_coefficient_of_the_lasso():
    X, y = data(30, 8)
    lasso = Lasso(0.1, tol=1e-12).fit(X, y)
    model = PARLasso(0.1, n_levels=5).fit(X, y)
    assert model.levels_.size == 11
    assert model.levels_[-1] == pytest.approx(np.abs(lasso.coef_).max(), rel=1e-3)
    # Where the lasso is zero any grid will do.
    assert PARLasso(1e3).fit(X, y).coef_.tolist() == [0.0] * 8


def test_without_a_number_of_levels_no_coefficient_touches_the_last():
    X, y = data(30, 8)
    model = PARLasso(0.01, spacing=0.05, n_levels=None, tol=1e-10).fit(X, y)
    longer = PARLasso(0.01, spacing=0.05, n_levels=400, tol=1e-10).fit(X, y)
    assert np.abs(model.coef_).max() < model.levels_[-1]
    assert np.allclose(model.coef_, longer.coef_, atol=1e-9)


def test_a_bounded_grid_is_a_box_that_no_coefficient_leaves():
    X, y = data(30, 8)
    boxed = PARLasso(0.01, spacing=0.1, n_levels=3, bounded=True).fit(X, y)
    assert np.abs(boxed.coef_).max() == 3 * 0.1
    scaled = boxed.penalty_.scaled(0.01)
    raw = Raw(X, y, scaled.levels, scaled.slopes, intercept=True)
    assert raw.violation(boxed.coef_, boxed.intercept_) <= 1e-8


def test_zeros_and_other_levels_are_both_hit():
    X, y = data(12, 60)
    model = PARLasso(0.05, spacing=0.1, n_levels=10, growth=0.3).fit(X, y)
    assert np.sum(~np.isin(model.coef_, model.levels_)) <= 11
    assert np.sum(model.coef_ == 0) > 0
    assert np.sum(np.isin(model.coef_, model.levels_) & (model.coef_ != 0)) > 0


def test_the_weakest_strength_approaches_least_squares():
    X, y = data(30, 8)
    model = PARLasso(1e-9, spacing=0.25, n_levels=8, tol=1e-12).fit(X, y)
    assert np.allclose(model.coef_, LinearRegression().fit(X, y).coef_, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"growth": 0.0}, "growth must be finite and > 0, but is 0.0; at 0 only the level 0 is a kink"),
        ({"growth": -1.0}, "growth must be finite and > 0, but is -1.0"),
        ({"growth": "fast"}, "growth must be a real number, but is 'fast'"),
        ({"n_levels": None}, "n_levels=None needs a spacing; give one of the two"),
        ({"n_levels": None, "spacing": 0.1, "bounded": True}, "bounded=True needs n_levels"),
        ({"bounded": "no"}, "bounded must be"),
    ],
)
def test_wrong_parameters_are_errors_with_a_remedy(parameters, message):
    X, y = data(30, 8)
    with pytest.raises((TypeError, ValueError), match=message):
        PARLasso(0.1, **parameters).fit(X, y)
