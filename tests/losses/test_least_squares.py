"""Least squares: its definition, its derivative, weights as repetitions, the intercept as centring."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression

from parlin import DesignMatrix, LeastSquares
from tests import laws

N, D = 12, 5
STORED = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "float32": np.float32,
    "list": lambda X: X.tolist(),
}


def data(seed: int = 0, n: int = N, d: int = D):
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((n, d)) * (rng.random((n, d)) < 0.7)).astype(np.float32).astype(np.float64)
    return X, rng.standard_normal(n) + 3.0, rng.uniform(0.2, 2.0, n), rng.standard_normal(d)


def value_by_definition(X, y, s, w, b=0.0):
    """Σ s_i (y_i − x_i'w − b)² / (2 Σ s_i), one sample at a time."""
    total = sum(si * (yi - float(xi @ w) - b) ** 2 for xi, yi, si in zip(X, y, s, strict=True))
    return total / (2 * sum(s))


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_loss_is_its_definition_and_its_gradient_its_derivative(stored, weighted, fit_intercept):
    X, y, s, w = data()
    loss = LeastSquares(STORED[stored](X), y, s if weighted else None, fit_intercept)
    s = s if weighted else np.ones(N)
    b = np.average(y - X @ w, weights=s) if fit_intercept else 0.0
    assert loss.size == D
    assert loss.intercept(w) == pytest.approx(b, rel=1e-13)
    assert loss.value(w) == pytest.approx(value_by_definition(X, y, s, w, b), rel=1e-13)
    np.testing.assert_allclose(loss.residual(w), y - X @ w - b, rtol=1e-12, atol=1e-13)
    by_hand = -X.T @ (s * (y - X @ w - b)) / s.sum()
    np.testing.assert_allclose(loss.gradient(w), by_hand, rtol=1e-12, atol=1e-13)
    laws.gradient_by_differences(loss, w)
    laws.gradient_by_differences(loss, np.zeros(D), length=10.0)
    value, gradient = loss.value_and_gradient(w)
    assert value == loss.value(w) and np.array_equal(gradient, loss.gradient(w))
    assert loss.value_at_zero == loss.value(np.zeros(D))
    assert np.array_equal(loss.gradient_at_zero, loss.gradient(np.zeros(D)))


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("moved", [[], [2], [0, 1, 2, 3, 4]])
def test_the_value_near_a_point_is_the_value(stored, fit_intercept, moved):
    X, y, s, w = data()
    loss = LeastSquares(STORED[stored](X), y, s, fit_intercept)
    point = w.copy()
    point[moved] += [1.5, -0.25, 3.0, 0.5, -2.0][: len(moved)]
    expected = LeastSquares(STORED[stored](X), y, s, fit_intercept).value(point)
    for other in (w, w + 1.0):  # whatever point was asked for last
        loss.gradient(other)
        assert loss.value_near(w, point) == pytest.approx(expected, rel=1e-13)
    assert loss.value_near(w, w) == loss.value(w)
    for size in (1e4, 1e8, 1e12, 1e100):  # from far away too
        assert loss.value_near(size * w, point) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("stored", STORED)
def test_the_intercept_is_the_best_one(stored):
    X, y, s, w = data(1)
    loss = LeastSquares(STORED[stored](X), y, s, fit_intercept=True)
    best = loss.intercept(w)
    for b in (best - 1e-3, best + 1e-3, 0.0):
        assert value_by_definition(X, y, s, w, b) > loss.value(w)


@pytest.mark.parametrize("stored", STORED)
def test_implicit_centring_equals_explicit_centring(stored):
    X, y, s, w = data(2)
    implicit = LeastSquares(STORED[stored](X), y, s, fit_intercept=True)
    X0 = X - np.average(X, axis=0, weights=s)
    explicit = LeastSquares(X0, y - np.average(y, weights=s), s)
    assert implicit.value(w) == pytest.approx(explicit.value(w), rel=1e-13)
    np.testing.assert_allclose(implicit.gradient(w), explicit.gradient(w), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(implicit.coordinate_lipschitz, explicit.coordinate_lipschitz, rtol=1e-12)
    assert implicit.lipschitz == pytest.approx(explicit.lipschitz, rel=1e-12)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_a_weight_is_a_number_of_repetitions_and_zero_drops_the_row(stored, fit_intercept):
    X, y, _, w = data(3)
    counts = np.array([2, 0, 1, 3, 1, 0, 0, 1, 4, 1, 1, 2])
    weighted = LeastSquares(STORED[stored](X), y, counts, fit_intercept)
    repeated = LeastSquares(
        STORED[stored](np.repeat(X, counts, axis=0)), np.repeat(y, counts), None, fit_intercept
    )
    assert weighted.value(w) == pytest.approx(repeated.value(w), rel=1e-13)
    np.testing.assert_allclose(weighted.gradient(w), repeated.gradient(w), rtol=1e-12, atol=1e-14)
    assert weighted.lipschitz == pytest.approx(repeated.lipschitz, rel=1e-12)
    assert weighted.intercept(w) == pytest.approx(repeated.intercept(w), rel=1e-13)
    np.testing.assert_allclose(weighted.gradient_scale, repeated.gradient_scale, rtol=1e-12, atol=1e-15)


def test_rows_of_weight_zero_are_gone_whatever_they_hold():
    X, y, s, w = data(4)
    s[[2, 7]] = 0.0
    clean = LeastSquares(np.delete(X, [2, 7], axis=0), np.delete(y, [2, 7]), np.delete(s, [2, 7]), True)
    X[2], y[7] = 1e300, np.inf
    dirty = LeastSquares(X, y, s, True)
    assert dirty.design.shape == (N - 2, D)
    assert dirty.value(w) == clean.value(w) and np.array_equal(dirty.gradient(w), clean.gradient(w))


def test_a_weight_for_all_and_weights_of_any_unit_change_nothing():
    X, y, s, w = data(5)
    assert LeastSquares(X, y, 3.0).value(w) == pytest.approx(LeastSquares(X, y).value(w), rel=1e-14)
    assert LeastSquares(X, y, 2.0**40 * s).value(w) == LeastSquares(X, y, s).value(w)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_gradient_vanishes_at_the_solution_of_scikit_learn(stored, fit_intercept):
    X, y, s, _ = data(6)
    peer = LinearRegression(fit_intercept=fit_intercept).fit(X, y, s)
    loss = LeastSquares(STORED[stored](X), y, s, fit_intercept)
    np.testing.assert_allclose(loss.gradient(peer.coef_), 0.0, atol=1e-13)
    assert loss.intercept(peer.coef_) == pytest.approx(float(peer.intercept_), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_lipschitz_constants_are_those_of_the_hessian(stored, fit_intercept):
    X, y, s, _ = data(7)
    loss = LeastSquares(STORED[stored](X), y, s, fit_intercept)
    # The columns of the Hessian of a quadratic are differences of gradients.
    hessian = np.column_stack([loss.gradient(e) - loss.gradient(np.zeros(D)) for e in np.eye(D)])
    assert loss.lipschitz == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-12)
    np.testing.assert_allclose(loss.coordinate_lipschitz, np.diag(hessian), rtol=1e-12)
    assert loss.coordinate_step == pytest.approx(1 / np.diag(hessian).max(), rel=1e-12)


def test_a_constant_target_and_a_constant_column_are_nothing_next_to_an_intercept():
    X, _, s, w = data(8)
    X[:, 2] = 0.1
    for store in STORED.values():
        loss = LeastSquares(store(X), np.full(N, 0.3), s, fit_intercept=True)
        assert loss.y_mean == 0.3
        assert loss.value_at_zero == 0.0 and np.all(loss.gradient_at_zero == 0.0)
        assert loss.coordinate_lipschitz[2] == 0.0 and loss.gradient_scale[2] == 0.0
        assert abs(loss.gradient(w)[2]) <= loss.rounding_floor(w)[2]


def test_the_scale_and_the_floor_of_the_gradient_are_their_formulas():
    X, y, s, w = data(9)
    loss = LeastSquares(X, y, s, fit_intercept=True)
    p = s / s.sum()
    X0, y0 = X - p @ X, y - p @ y
    norms = np.sqrt(p @ X0**2)
    at_zero = np.max(np.abs(X0.T @ (p * y0)))
    np.testing.assert_allclose(loss.gradient_scale, at_zero * norms / norms.max(), rtol=1e-12)
    raw, r = np.sqrt(p @ X**2), y0 - X0 @ w
    floor = norms * (np.sqrt(p @ y**2) + raw @ np.abs(w)) + raw * np.sqrt(p @ r**2)
    np.testing.assert_allclose(loss.rounding_floor(w), 8 * laws.EPS * floor, rtol=1e-12)
    nothing = LeastSquares(np.zeros((3, 2)), [1.0, 2.0, 3.0])
    assert nothing.gradient_scale.tolist() == [0.0, 0.0] and nothing.coordinate_step == 1.0


@pytest.mark.parametrize("stored", ["C", "csr"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_the_floor_covers_the_rounding_of_the_gradient(stored, fit_intercept, unit):
    rng = np.random.default_rng(10)
    for offset in (0.0, 1e4):
        X = rng.standard_normal((40, 6)) + offset
        y, w = unit * rng.standard_normal(40), unit * rng.standard_normal(6)
        loss = LeastSquares(STORED[stored](X), y, None, fit_intercept)
        Xl, yl = X.astype(np.longdouble), y.astype(np.longdouble)
        r = yl - Xl @ w
        exact = -(Xl - Xl.mean(axis=0)).T @ (r - r.mean()) / 40 if fit_intercept else -Xl.T @ r / 40
        error = np.abs(loss.gradient(w) - exact).astype(np.float64)
        assert np.all(error <= loss.rounding_floor(w))


# -- the dual ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["C", "csr"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_dual_point_is_the_residual_projected_off_the_unpenalised_columns(stored, fit_intercept):
    X, y, s, w = data(11)
    X[:, 4] = X[:, 0] - X[:, 1]  # dependent columns are allowed
    loss = LeastSquares(STORED[stored](X), y, s, fit_intercept)
    assert np.array_equal(loss.dual_point(w, np.array([], dtype=int)), loss.residual(w))
    free = np.array([0, 1, 4])
    nu = loss.dual_point(w, free)
    p = s / s.sum()
    X0 = X - p @ X if fit_intercept else X
    np.testing.assert_allclose(X0[:, free].T @ (p * nu), 0.0, atol=1e-14)
    # What was taken away lies in their span, so the rest is the projection.
    root = np.sqrt(p)
    taken = root * (loss.residual(w) - nu)
    coefficients = np.linalg.lstsq(root[:, None] * X0[:, free], taken, rcond=None)[0]
    np.testing.assert_allclose(root[:, None] * X0[:, free] @ coefficients, taken, atol=1e-13)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_dual_point_is_orthogonal_in_relation_to_its_own_size(fit_intercept):
    # Nearly all of the residual lies in the span; what one projection leaves of it is rounding of the whole.
    X, y, s, _ = data(15)
    X[:, 1] += 1e3
    loss = LeastSquares(X, y + 1e9 * X[:, 0] - 1e8 * X[:, 1], s, fit_intercept)
    free = np.array([0, 1])
    nu = loss.dual_point(np.zeros(D), free)
    Z = loss.design.columns(free)
    cosines = Z.T @ loss.design.embed(nu) / np.linalg.norm(Z, axis=0) / np.linalg.norm(loss.design.embed(nu))
    assert np.max(np.abs(cosines)) <= 1e-13


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_fenchel_young_of_the_loss_is_its_definition(fit_intercept):
    # For ν = r(v) with any v, −X'ν is the gradient of f at v, so f*(−X'ν) = <∇f(v), v> − f(v).
    X, y, s, w = data(12)
    loss = LeastSquares(X, y, s, fit_intercept)
    p = s / s.sum()
    for seed in range(5):
        v = np.random.default_rng(seed).standard_normal(D)
        nu = loss.residual(v)
        conjugate = loss.gradient(v) @ v - loss.value(v)
        centred = X - p @ X if fit_intercept else X
        pairing = p @ (nu * (centred @ w))
        assert loss.fenchel_young(w, nu) == pytest.approx(loss.value(w) + conjugate + pairing, rel=1e-11)
    assert loss.fenchel_young(w, loss.residual(w)) == 0.0


# -- what is refused --------------------------------------------------------------------------------

X0, Y0 = np.arange(6.0).reshape(3, 2), np.arange(3.0)
NAN, INF = np.nan, np.inf

REFUSED = [
    ((X0, Y0[:2]), r"y must have shape (3,), one entry a row of X, but has shape (2,)"),
    ((X0, Y0[:, None]), r"y must have shape (3,)"),
    ((X0, 1.0), r"y must have shape (3,)"),
    ((X0, 1.0, 1.0), r"y must have shape (3,)"),
    ((X0, Y0, [1.0, 2.0]), r"sample_weight must have shape (3,), but has shape (2,)"),
    ((X0, Y0[:2], [1.0, 2.0]), r"y must have shape (3,), one entry a row of X, but has shape (2,)"),
    ((X0, Y0[:2], [1.0, 0.0]), r"y must have shape (3,), one entry a row of X, but has shape (2,)"),
    ((sparse.csr_array(X0), Y0[:2], [1.0, 0.0]), r"y must have shape (3,)"),
    ((X0, Y0, [1.0, -1.0, 1.0]), "sample_weight must be finite and nonnegative"),
    ((X0, Y0, [1.0, NAN, 1.0]), "sample_weight must be finite and nonnegative"),
    ((X0, Y0, [1.0, INF, 1.0]), "sample_weight must be finite and nonnegative"),
    ((X0, Y0, [0.0, 0.0, 0.0]), "sample_weight must have a positive entry, but all are zero"),
    ((X0, Y0, 0.0), "sample_weight must have a positive entry, but all are zero"),
    ((X0.ravel(), Y0), "X must be two-dimensional"),
    (
        (DesignMatrix(X0), Y0, [1.0, 1.0, 1.0]),
        "a DesignMatrix already holds its sample weights and its centring",
    ),
    ((DesignMatrix(X0), Y0, None, True), "a DesignMatrix already holds its sample weights and its centring"),
    ((DesignMatrix(X0), Y0[:2]), r"y must have shape (3,)"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_does_not_fit_is_refused_with_what_is_needed(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        LeastSquares(*arguments)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_data_without_rows_or_columns_are_refused(shape, store, fit_intercept):
    with pytest.raises(ValueError, match="X must have at least one row and one column, but has shape"):
        LeastSquares(store(np.zeros(shape)), np.zeros(shape[0]), None, fit_intercept)


@pytest.mark.parametrize("bad", [[NAN], [INF], [-INF], [INF, -INF], [NAN, INF]])
@pytest.mark.parametrize("place", ["X", "y"])
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 3.0]])
def test_data_that_are_not_finite_are_refused_without_a_warning(bad, place, store, fit_intercept, weights):
    X, y = X0.copy(), Y0.copy()
    target = X[:, 1] if place == "X" else y
    target[: len(bad)] = bad
    with pytest.raises(ValueError, match="X and y must be finite"):
        LeastSquares(store(X), y, weights, fit_intercept)


def test_a_design_is_shared_and_inputs_are_not_written():
    X, y, s, w = data(13)
    before = X.copy(), y.copy(), s.copy(), w.copy()
    for array in (X, y, s, w):
        array.flags.writeable = False
    loss = LeastSquares(X, y, s, fit_intercept=True)
    second = LeastSquares(loss.design, y)
    assert second.design is loss.design
    assert second.value(w) == loss.value(w) and second.intercept(w) == loss.intercept(w)
    loss.gradient(w), loss.dual_point(w, np.array([1])), loss.rounding_floor(w), loss.gradient_scale
    for array, copy in zip((X, y, s, w), before, strict=True):
        assert np.array_equal(array, copy)


def test_targets_that_change_later_do_not_change_the_loss():
    X, y, _, w = data(14)
    loss, before = LeastSquares(X, y), y.copy()
    value = loss.value(w)
    y[:] = 0.0
    assert np.array_equal(loss.y, before) and loss.value(w) == value


def test_frozen_values_of_the_loss():
    # By hand: residuals 1 − 1 = 0 and 3 − 2 = 1, so ½ · (0 + 1)/2 and −(0 · 1 + 1 · 2)/2.
    loss = LeastSquares([[1.0], [2.0]], [1.0, 3.0])
    assert loss.value([1.0]) == 0.25 and loss.gradient([1.0]).tolist() == [-1.0]
    # With an intercept: x = ∓½, y = ∓1, residuals ∓½; weighted 3:1 the means are 1.25 and 1.5.
    loss = LeastSquares([[1.0], [2.0]], [1.0, 3.0], fit_intercept=True)
    assert loss.value([1.0]) == 0.125 and loss.gradient([1.0]).tolist() == [-0.25]
    weighted = LeastSquares([[1.0], [2.0]], [1.0, 3.0], [3.0, 1.0], fit_intercept=True)
    assert weighted.intercept([1.0]) == 0.25 and weighted.intercept([0.0]) == 1.5


def test_what_is_remembered_of_a_point_is_of_that_point():
    X, y, _, w = data(15)
    loss, fresh = LeastSquares(X, y), LeastSquares(X, y)
    first = loss.gradient(w).copy()
    w[0] += 1.0
    assert np.array_equal(loss.gradient(w), fresh.gradient(w.copy()))
    assert not np.array_equal(loss.gradient(w), first)
    assert np.array_equal(loss.residual(w), y - X @ w)
    with pytest.raises(ValueError, match="read-only"):
        loss.gradient(w)[0] = 0.0


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
def test_complex_data_are_refused(store):
    with pytest.raises(ValueError, match="X and y must be real, but are complex"):
        LeastSquares(store(np.array([[1.0 + 1.0j]])), [1.0])
    with pytest.raises(ValueError, match="X and y must be real, but are complex"):
        LeastSquares(store(np.array([[1.0]])), [1.0j])


def test_a_row_of_weight_zero_leaves_the_order_in_memory():
    X = np.asfortranarray(np.random.default_rng(0).standard_normal((6, 4)))
    loss = LeastSquares(X, np.ones(6), [1.0, 0.0, 2.0, 1.0, 1.0, 1.0])
    assert loss.design.X.flags.f_contiguous
    np.testing.assert_array_equal(loss.design.X, np.delete(X, 1, axis=0))


def test_a_shared_design_must_be_finite_too():
    with pytest.raises(ValueError, match="X and y must be finite"):
        LeastSquares(DesignMatrix([[1.0, np.nan], [0.0, 1.0]]), [1.0, 2.0])


@pytest.mark.parametrize("store", [np.asfortranarray, np.ascontiguousarray, sparse.csc_array])
def test_a_point_of_another_shape_is_refused(store):
    loss = LeastSquares(store(np.random.default_rng(0).standard_normal((100, 1000))), np.ones(100))
    for wrong in (np.zeros(990), np.zeros((1000, 1)), np.zeros(1010)):
        for ask in (loss.value, loss.gradient, loss.residual):
            with pytest.raises(
                ValueError, match=r"w must have shape .1000,., one entry a column of X, but has"
            ):
                ask(wrong)


@pytest.mark.parametrize("store", [np.asfortranarray, np.ascontiguousarray, sparse.csc_array])
def test_entries_whose_squares_overflow_are_refused_with_the_remedy(store):
    with pytest.raises(ValueError, match="X is too large: squares of its entries overflow; divide X by"):
        LeastSquares(store(np.array([[1e200, 1.0], [0.0, 1.0]])), [1.0, 2.0])
    LeastSquares(store(np.array([[1e150, 1.0], [0.0, 1.0]])), [1.0, 2.0])
