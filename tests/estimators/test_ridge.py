"""PARRidge: ridge regression in the limit of a fine grid, near it on any."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from parlin import PARRidge, designs
from tests.kkt import Raw


def data(n: int, d: int, seed: int = 0):
    rng = np.random.default_rng((54, seed))
    X = rng.standard_normal((n, d)) + 0.5
    return X, X @ rng.standard_normal(d) + rng.standard_normal(n)


def distance_bound(X: np.ndarray, alpha: float, spacing: float, fit_intercept: bool) -> float:
    """Theory 4.1: ``α/(α + μ) √d q/2``."""
    A = X - X.mean(axis=0) if fit_intercept else X
    smallest = max(np.linalg.eigvalsh(A.T @ A / len(X))[0], 0.0)
    return alpha / (alpha + smallest) * np.sqrt(X.shape[1]) * spacing / 2


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize(("n", "d"), [(30, 5), (8, 20)])
@pytest.mark.parametrize("spacing", [0.5, 0.1, 0.01])
def test_the_distance_from_ridge_is_within_the_theorem(spacing, n, d, fit_intercept):
    X, y = data(n, d)
    for alpha in (0.01, 0.3, 3.0):
        ridge = Ridge(alpha=n * alpha, fit_intercept=fit_intercept, solver="cholesky").fit(X, y)
        model = PARRidge(alpha, spacing=spacing, n_levels=None, fit_intercept=fit_intercept).fit(X, y)
        assert np.abs(model.coef_).max() <= model.levels_[-1]  # the grid covers the solution
        distance = np.linalg.norm(model.coef_ - ridge.coef_)
        bound = distance_bound(X, alpha, spacing, fit_intercept)
        assert distance <= bound
        assert distance >= 0.01 * bound  # a bound far from every run would show little


def test_as_the_spacing_shrinks_the_model_becomes_ridge_with_sample_weights():
    X, y = data(12, 6)
    s = np.random.default_rng(1).uniform(0.2, 3.0, 12)
    ridge = Ridge(alpha=s.sum() * 0.2).fit(X, y, sample_weight=s)
    errors = []
    for spacing in (1e-1, 1e-2, 1e-3, 1e-4):
        model = PARRidge(0.2, spacing=spacing, n_levels=None, tol=1e-10).fit(X, y, sample_weight=s)
        errors.append(np.abs(model.coef_ - ridge.coef_).max() / spacing)
    assert max(errors) <= np.sqrt(6) / 2  # proportional to the spacing, with the constant of theory 4.1
    assert model.intercept_ == pytest.approx(ridge.intercept_, abs=1e-3)


def test_the_penalty_is_the_chords_of_half_the_square():
    X, y = data(12, 6)
    model = PARRidge(0.2, spacing=0.25, n_levels=5).fit(X, y)
    assert model.penalty_ == designs.ridge(0.25, 5)
    assert model.levels_.tolist() == (0.25 * np.arange(-5, 6)).tolist()
    assert np.allclose(model.penalty_.value(model.levels_), model.levels_**2 / 2, atol=1e-15)


@pytest.mark.parametrize("n_levels", [1, 4, 7])
def test_without_a_spacing_the_grid_ends_at_the_largest_coefficient_of_ridge(n_levels):
    X, y = data(30, 5)
    ridge = Ridge(alpha=30 * 0.3).fit(X, y)
    model = PARRidge(0.3, n_levels=n_levels).fit(X, y)
    assert model.levels_.size == 2 * n_levels + 1
    assert model.levels_[-1] == pytest.approx(np.abs(ridge.coef_).max(), rel=1e-12)


def test_without_a_number_of_levels_no_coefficient_touches_the_last():
    X, y = data(30, 5)
    model = PARRidge(0.01, spacing=0.05, n_levels=None, tol=1e-10).fit(X, y)
    longer = PARRidge(0.01, spacing=0.05, n_levels=500, tol=1e-10).fit(X, y)
    assert np.abs(model.coef_).max() < model.levels_[-1]
    assert np.allclose(model.coef_, longer.coef_, atol=1e-9)
    # A spacing above all coefficients: two levels a side are enough.
    assert PARRidge(3.0, spacing=50.0, n_levels=None).fit(X, y).levels_.size <= 7


def test_a_grid_begun_too_short_grows_until_it_covers_the_solution_and_not_much_beyond():
    class Misled(PARRidge):
        """Ridge said that all coefficients are tiny."""

        def _unquantized_coefficients(self, targets):
            return 1e-3 * super()._unquantized_coefficients(targets)

    X, y = data(30, 5)
    model = Misled(0.01, spacing=0.05, n_levels=None, tol=1e-10).fit(X, y)
    expected = PARRidge(0.01, spacing=0.05, n_levels=500, tol=1e-10).fit(X, y)
    assert np.allclose(model.coef_, expected.coef_, atol=1e-9)
    assert np.abs(model.coef_).max() < model.levels_[-1] <= 2 * np.abs(model.coef_).max() + 0.1


def test_a_bounded_grid_is_a_box_that_no_coefficient_leaves():
    X, y = data(30, 5)
    free = PARRidge(0.01, spacing=0.1, n_levels=4).fit(X, y)
    boxed = PARRidge(0.01, spacing=0.1, n_levels=4, bounded=True).fit(X, y)
    assert np.abs(free.coef_).max() > 0.4
    assert np.abs(boxed.coef_).max() == 4 * 0.1
    assert np.isinf(boxed.penalty_.slopes[[0, -1]]).all()
    scaled = boxed.penalty_.scaled(0.01)
    raw = Raw(X, y, scaled.levels, scaled.slopes, intercept=True)
    assert raw.violation(boxed.coef_, boxed.intercept_) <= 1e-8
    assert 0 <= boxed.dual_gap_ <= 1e-8


def test_twenty_samples_leave_at_most_nineteen_coefficients_off_the_grid():
    X, y = data(20, 200)
    for alpha in (1.0, 0.1, 0.01):
        model = PARRidge(alpha, spacing=0.02, n_levels=20).fit(X, y)
        assert np.sum(~np.isin(model.coef_, model.levels_)) <= 19
        assert model.quantization_rate_ >= 1 - 19 / 200


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_levels": None}, "n_levels=None needs a spacing; give one of the two"),
        ({"n_levels": None, "spacing": 0.1, "bounded": True}, "bounded=True needs n_levels"),
        ({"n_levels": None, "spacing": 1e-9}, "spacing = 1e-09 needs more than 1000000 levels"),
        ({"bounded": "no"}, "bounded must be"),
    ],
)
def test_parameters_that_contradict_each_other_are_errors_with_a_remedy(parameters, message):
    X, y = data(30, 5)
    with pytest.raises((TypeError, ValueError), match=message):
        PARRidge(0.1, **parameters).fit(X, y)
