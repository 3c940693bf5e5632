"""Solutions on a grid of strengths: scikit-learn's conventions, its Lasso, and the definition."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, lasso_path

from parlin import PAR, LeastSquares, alpha_max, designs
from parlin.datasets import synthetic
from parlin.path.grid import grid_path, par_path
from parlin.path.path import solution_path
from parlin.solvers import FISTA
from tests.cases import LASSO
from tests.kkt import Raw

DATA = synthetic(20, 30, seed=0, n_nonzero=5)
RIDGE = designs.ridge(0.25, 6)


def test_every_result_is_optimal_by_the_definition_and_in_the_given_order():
    alphas = np.array([0.1, 1.0, 0.02, 0.4])
    results = grid_path(LeastSquares(DATA.X, DATA.y), RIDGE, alphas)
    for alpha, result in zip(alphas, results, strict=True):
        definition = Raw(DATA.X, DATA.y, RIDGE.levels, alpha * RIDGE.slopes)
        assert result.status.is_success
        assert definition.violation(result.w) < 1e-8


def test_each_starts_where_the_next_larger_ended():
    # Too few iterations to arrive: the same strength again goes on, and another order changes nothing.
    loss, few = LeastSquares(DATA.X, DATA.y), {"solver": FISTA(), "max_iter": 40}
    first, second = grid_path(loss, RIDGE, [0.5, 0.5], **few)
    assert not first.status.is_success
    assert second.certificate.residual < 0.1 * first.certificate.residual
    falling, rising = grid_path(loss, RIDGE, [0.5, 0.2], **few), grid_path(loss, RIDGE, [0.2, 0.5], **few)
    assert np.array_equal(falling[1].w, rising[0].w)


def test_a_nonconvex_penalty_is_followed():
    binary = designs.binary()
    truth = np.random.default_rng(1).choice([-1.0, 1.0], 10)
    X = np.random.default_rng(2).standard_normal((30, 10))
    results = grid_path(LeastSquares(X, X @ truth), binary, np.geomspace(2.0, 0.05, 5))
    assert all(result.status.is_success for result in results)
    assert results[-1].w.tolist() == truth.tolist()


def test_weights_reach_the_problem():
    omega = np.where(np.arange(30) == 3, 0.0, 2.0)
    (result,) = grid_path(LeastSquares(DATA.X, DATA.y), LASSO, [1e3], penalty_weights=omega)
    assert np.flatnonzero(result.w).tolist() == [3]


def test_one_level_is_lasso_path():
    alphas, theirs, _ = lasso_path(DATA.X, DATA.y, eps=1e-2, alphas=25, tol=1e-13, max_iter=100_000)
    ours = par_path(DATA.X, DATA.y, LASSO, alphas=25, eps=1e-2, fit_intercept=False, tol=1e-12)
    np.testing.assert_allclose(ours[0], alphas, rtol=1e-12)
    assert ours[1].shape == theirs.shape == (30, 25)
    np.testing.assert_allclose(ours[1], theirs, atol=1e-7)
    assert ours[2].shape == (25,)
    assert ours[2].max() < 1e-10


def test_an_intercept_is_fitted_unless_told_otherwise():
    X, y = DATA.X + 3.0, DATA.y + 10.0
    _, coefs, _ = par_path(X, y, LASSO, alphas=[0.1], tol=1e-12)
    np.testing.assert_allclose(coefs[:, 0], Lasso(alpha=0.1, tol=1e-13).fit(X, y).coef_, atol=1e-7)
    _, coefs, _ = par_path(X, y, LASSO, alphas=[0.1], tol=1e-12, fit_intercept=False)
    plain = Lasso(alpha=0.1, tol=1e-13, fit_intercept=False, max_iter=1_000_000).fit(X, y)
    np.testing.assert_allclose(coefs[:, 0], plain.coef_, atol=1e-6)


def test_sparse_and_single_precision_data():
    X = DATA.X * (np.abs(DATA.X) > 0.8)
    dense = par_path(X, DATA.y, RIDGE, alphas=8)
    for stored in (sparse.csr_array(X), sparse.csc_array(X)):
        for found, wanted in zip(par_path(stored, DATA.y, RIDGE, alphas=8), dense, strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-7)
    single = par_path(X.astype(np.float32), DATA.y, RIDGE, alphas=8)
    np.testing.assert_allclose(single[1], dense[1], atol=1e-4)


def test_given_strengths_fall_and_a_number_spans_eps():
    alphas, coefs, _ = par_path(DATA.X, DATA.y, RIDGE, alphas=[0.1, 1.0, 0.3])
    assert alphas.tolist() == [1.0, 0.3, 0.1]
    alone = [par_path(DATA.X, DATA.y, RIDGE, alphas=[alpha])[1][:, 0] for alpha in alphas]
    np.testing.assert_allclose(coefs, np.stack(alone, axis=1), atol=1e-6)
    alphas, coefs, _ = par_path(DATA.X, DATA.y, RIDGE, alphas=5, eps=0.1)
    assert alphas[0] == alpha_max(DATA.X, DATA.y, RIDGE)
    np.testing.assert_allclose(alphas[1:] / alphas[:-1], 0.1**0.25)
    assert not coefs[:, 0].any()
    assert par_path(DATA.X, DATA.y)[0].shape == (100,)


def test_weights_of_samples_and_penalty():
    counts = np.tile([1, 2], 10)
    omega = np.linspace(0.5, 2.0, 30)
    alphas, coefs, _ = par_path(
        DATA.X, DATA.y, RIDGE, alphas=6, sample_weight=counts, penalty_weights=omega, fit_intercept=False
    )
    X, y = np.repeat(DATA.X, counts, axis=0), np.repeat(DATA.y, counts)
    for alpha, w in zip(alphas, coefs.T, strict=True):
        definition = Raw(X, y, RIDGE.levels, alpha * RIDGE.slopes, penalty_weights=omega)
        assert definition.violation(w) < 1e-8
    assert not coefs[:, 0].any()


def test_gaps_are_nan_where_there_is_none():
    one_sided = PAR([0.0], [-1.0, 0.0])
    y = np.array([-2.0, -1.0, -3.0])
    _, _, gaps = par_path(np.ones((3, 1)), y, one_sided, alphas=[0.5], fit_intercept=False)
    assert np.isnan(gaps).all()


def test_nothing_to_fit():
    alphas, coefs, _ = par_path(DATA.X, np.full(20, 2.0), RIDGE, alphas=4)
    assert alphas[0] > alphas[-1] > 0
    assert not coefs.any()


def test_what_is_not_certified_is_told():
    with pytest.warns(ConvergenceWarning, match="2 of 3 strengths are not certified"):
        par_path(DATA.X, DATA.y, RIDGE, alphas=3, solver=FISTA(), max_iter=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"penalty": "ridge"}, TypeError, "must be a PAR or None"),
        ({"alphas": 0}, ValueError, "alphas must be >= 1, but is 0"),
        ({"alphas": []}, ValueError, "nonempty one-dimensional"),
        ({"alphas": [[1.0]]}, ValueError, "nonempty one-dimensional"),
        ({"alphas": 0.5}, ValueError, "nonempty one-dimensional"),
        ({"alphas": True}, ValueError, "nonempty one-dimensional"),
        ({"alphas": [-1.0]}, ValueError, "finite and >= 0"),
        ({"alphas": [np.nan]}, ValueError, "finite and >= 0"),
        ({"eps": 0.0}, ValueError, "eps must lie in"),
        ({"eps": 2.0}, ValueError, "eps must lie in"),
        ({"penalty": designs.box(-1.0, 1.0)}, ValueError, "give alphas as an array"),
        ({"y": np.zeros((20, 2))}, ValueError, "1d array"),
        ({"y": np.zeros(19)}, ValueError, "inconsistent numbers of samples"),
        ({"X": np.full((20, 30), np.inf)}, ValueError, "infinity"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        par_path(**{"X": DATA.X, "y": DATA.y, "penalty": RIDGE, **arguments})


@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("offset", [1e7, 1e9, -3e10])
def test_columns_far_from_zero_have_the_path_of_those_near_it(offset, stored):
    rng = np.random.default_rng(2)
    X = rng.integers(-4, 5, (20, 3)).astype(float)
    y = X @ [1.0, 2, 0] + rng.integers(-1, 2, 20)
    near = par_path(X, y, LASSO, alphas=20)
    far = par_path(stored(X + np.array([0.0, offset, 0.0])), y + offset, LASSO, alphas=20)
    assert not np.isnan(far[1]).any()
    np.testing.assert_allclose(far[0], near[0], rtol=1e-9)
    np.testing.assert_allclose(far[1], near[1], atol=1e-7)
    exact, shifted = (
        solution_path(LeastSquares(A, y, fit_intercept=True), LASSO)
        for A in (X, stored(X + np.array([0.0, offset, 0.0])))
    )
    np.testing.assert_allclose(shifted.at(near[0][5]), exact.at(near[0][5]), atol=1e-8)
