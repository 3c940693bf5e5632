"""Models do not depend on how the data are stored, shifted or scaled, nor on a fit before."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from parlin import PARLasso, PARNonconvex, PARRegressor, PARRidge, Status
from tests.cases import LASSO
from tests.estimators.cases import ESTIMATORS, on_grid

STORED = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
    "csr matrix": sparse.csr_matrix,
}
each_storage = pytest.mark.parametrize("stored", STORED)
SMALL_X = np.array([[-3.0, 3], [1, -1], [-4, 2], [-1, 3], [-1, 1], [-3, 0]])
SMALL_Y = np.array([2.0, 0, -1, 6, 2, -3])


@each_storage
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e7, 1e9, -1e9, 1e12])
def test_a_column_far_from_zero_has_the_coefficients_of_the_column_near_it(offset, stored):
    X = STORED[stored](SMALL_X + np.array([0.0, offset]))
    model = PARRegressor(alpha=1e-4, penalty=LASSO).fit(X, SMALL_Y)
    assert model.coef_ == pytest.approx([1.46867734, 2.00772754], abs=1e-8)
    assert model.result_.status.is_success and model.result_.passes < 1000


@each_storage
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_every_estimator_is_the_same_for_shifted_columns_of_any_storage(offset, name, stored):
    rng = np.random.default_rng(71)
    X = rng.integers(-4, 5, (20, 5)).astype(float)
    y = X @ [1.0, -0.5, 0, 0.25, 0] + rng.integers(-1, 2, 20)
    weights = rng.integers(1, 4, 20).astype(float)
    near = on_grid(name).fit(X, y, weights)
    far = on_grid(name).fit(STORED[stored](X + offset * np.array([1.0, 0, -1, 0, 1])), y + offset, weights)
    assert far.coef_ == pytest.approx(near.coef_, abs=1e-7)
    assert far.predict(X[:1] + offset * np.array([1.0, 0, -1, 0, 1])) - offset == pytest.approx(
        near.predict(X[:1]), abs=1e-5
    )


@each_storage
def test_sparse_columns_with_a_mean_much_larger_than_their_spread(stored):
    X, y = np.array([[0.0, 0], [-1, 2]]) + 3e8, np.array([-2.0, 1])
    model = PARRidge(1e-6, spacing=0.5, n_levels=3).fit(STORED[stored](X), y)
    assert model.coef_ == pytest.approx([-0.5, 1.24999875], abs=1e-9)
    assert model.result_.status.is_success
    assert model.result_.certificate.objective == pytest.approx(9.37499e-07, rel=1e-5)


@each_storage
@pytest.mark.parametrize("seed", range(6))
def test_random_columns_with_means_of_a_hundred_million_spreads(seed, stored):
    rng = np.random.default_rng((72, seed))
    X, y = rng.integers(-3, 4, (7, 4)).astype(float), rng.integers(-3, 4, 7).astype(float)
    offsets = rng.choice([0.0, 1e8, -3e8], 4)
    near, far = (
        PARRidge(1e-3, spacing=0.25, n_levels=9).fit(STORED[stored](X + shift), y)
        for shift in (0.0, offsets)
    )
    assert far.coef_ == pytest.approx(near.coef_, abs=1e-7)
    assert far.result_.certificate.objective == pytest.approx(
        near.result_.certificate.objective, rel=1e-7, abs=1e-9
    )


OFFSET_Y = (np.array([[4.0], [3], [3], [3]]), np.array([7.0, 7, 7, 5]))


@each_storage
@pytest.mark.parametrize("offset", [0.0, 1e9, 3e13, -(2.0**50)])
def test_targets_far_from_zero_have_the_coefficients_of_those_near_it(offset, stored):
    X, y = OFFSET_Y
    model = PARRegressor(alpha=0.01, penalty=LASSO).fit(STORED[stored](X), y + offset)
    assert model.coef_ == pytest.approx([0.6133333333], abs=1e-8)


@pytest.mark.parametrize("offset", [1e9, 3e13, 1e15])
def test_targets_and_columns_both_far_from_zero(offset):
    X, y = OFFSET_Y
    model = PARRegressor(alpha=0.01, penalty=LASSO).fit(X + offset, y + offset)
    assert model.coef_ == pytest.approx([0.6133333333], abs=1e-8)
    levels = PARRidge(alpha=0.01, spacing=0.2, n_levels=5).fit(X + offset, y + offset)
    assert levels.codes_.tolist() == PARRidge(alpha=0.01, spacing=0.2, n_levels=5).fit(X, y).codes_.tolist()


# -- grids taken from the data ----------------------------------------------------------------------

ILL = np.array([
    [-300, 1, 0.01], [-300, 3, -0.02], [-200, -2, -0.01], [-200, -1, 0.02], [0, 3, 0], [-200, 2, 0.02],
    [300, 3, -0.03], [0, -2, -0.02],
])  # fmt: skip
ILL_Y = np.array([-3.0, 4, 3, -3, -1, 3, -4, 1])


@each_storage
def test_the_default_grid_of_ridge_is_that_of_the_exact_ridge(stored):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = PARRidge(alpha=1e-6).fit(STORED[stored](ILL), ILL_Y)
    assert model.levels_[-1] == pytest.approx(85.45503489593587, rel=1e-11)


@pytest.mark.parametrize("estimator", [PARRidge(alpha=1e-6), PARLasso(alpha=1e-5)], ids=repr)
def test_default_grids_do_not_depend_on_storage(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        grids = [estimator.fit(STORED[stored](ILL), ILL_Y).levels_ for stored in STORED]
    for other in grids[1:]:
        np.testing.assert_allclose(other, grids[0], rtol=1e-9)


# -- extreme scales ---------------------------------------------------------------------------------


def gaussian() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 40))
    return X, X[:, :5].sum(axis=1) + rng.standard_normal(80)


@pytest.mark.parametrize("scale", [1e-120, 1e-110, 1e110, 1e120])
def test_gaps_of_the_nonconvex_model_are_the_same_at_every_scale(scale):
    X, y = gaussian()
    here, there = (PARNonconvex(alpha=0.1 * s, random_state=0).fit(X, y * s) for s in (1.0, scale))
    gap = here.result_.certificate.gap
    assert 0.15 < gap < 0.25
    assert there.result_.certificate.gap == pytest.approx(gap, rel=1e-6)
    assert there.coef_ / scale == pytest.approx(here.coef_, rel=1e-6)


@pytest.mark.parametrize("alpha", [1e39, 1e40])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_large_response_of_small_columns_ends_in_a_model(alpha):
    X, y = gaussian()
    model = PARNonconvex(alpha=alpha, random_state=0).fit(X * 1e-60, y * 1e100)
    assert np.isfinite(model.coef_).all()
    assert model.result_.certificate.gap >= 0.0


# -- warm starts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_fit_that_failed_seeds_no_other(bad, name):
    rng = np.random.default_rng(73)
    X, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    model = on_grid(name, warm_start=True).fit(X, y)
    model.coef_ = np.full(4, bad)  # what an overflow leaves
    again = model.fit(X, y)
    assert np.isfinite(again.coef_).all() and again.result_.status.is_success
    assert again.coef_ == pytest.approx(on_grid(name).fit(X, y).coef_, abs=1e-6)


@pytest.mark.parametrize("status", [Status.NOT_FINITE, Status.STALLED])
def test_a_fit_without_success_seeds_no_other_although_its_coefficients_are_finite(status):
    rng = np.random.default_rng(8)
    X = rng.standard_normal((20, 4))
    model = PARRidge(0.1, warm_start=True).fit(X, X[:, 0])
    assert np.array_equal(model._starts(1, 4)[0], model.coef_)
    model.result_ = dataclasses.replace(model.result_, status=status)
    assert model._starts(1, 4) == [None]
