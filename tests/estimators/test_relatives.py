"""Ridge and lasso as the estimators solve them: exact, however the data are stored, weighted or scaled."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from parlin import PARLasso, PARRidge
from parlin.estimators import _relatives
from parlin.estimators._base import Targets
from parlin.estimators._relatives import lasso_coefficients, ridge_coefficients
from parlin.matrix import DesignMatrix
from tests.kkt import Raw

STORED = {"C": np.asarray, "F": np.asfortranarray, "csr": sparse.csr_array, "csc": sparse.csc_array}


def targets(X, y, weights=None, centre: bool = True) -> Targets:
    y = np.asarray(y, dtype=np.float64)
    return Targets(DesignMatrix(X, weights, centre=centre), y.reshape(len(y), -1))


def exact_ridge(X: np.ndarray, y: np.ndarray, weights, alpha: float, centre: bool) -> np.ndarray:
    """The minimiser of ``Σ s_i (y_i − x_i'w − b)² / 2 + alpha ‖w‖² / 2`` by elimination in rationals."""
    n, d = X.shape
    s = [Fraction(1)] * n if weights is None else [Fraction(w) for w in weights.tolist()]
    total = sum(s)
    s = [w / total for w in s]
    rows = [[Fraction(x) for x in row] for row in X.tolist()]
    t = [Fraction(v) for v in y.tolist()]
    if centre:
        means = [sum(w * row[j] for w, row in zip(s, rows, strict=True)) for j in range(d)]
        mean = sum(w * v for w, v in zip(s, t, strict=True))
        rows = [[x - m for x, m in zip(row, means, strict=True)] for row in rows]
        t = [v - mean for v in t]
    columns = list(zip(*rows, strict=True))

    def inner(a, b) -> Fraction:
        return sum(w * x * z for w, x, z in zip(s, a, b, strict=True))

    A = [
        [inner(a, b) + Fraction(alpha) * (a is b) for b in columns] + [inner(a, t)] for a in columns
    ]  # fmt: skip
    for k in range(d):
        pivot = next(i for i in range(k, d) if A[i][k])
        A[k], A[pivot] = A[pivot], A[k]
        A[k] = [a / A[k][k] for a in A[k]]
        for i in range(d):
            if i != k:
                A[i] = [a - A[i][k] * b for a, b in zip(A[i], A[k], strict=True)]
    return np.array([float(row[-1]) for row in A])


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("shape", [(9, 4), (4, 9)], ids=["tall", "wide"])
@pytest.mark.parametrize("alpha", [1e-6, 1e-2, 10.0])
def test_ridge_is_that_of_rational_arithmetic(alpha, shape, centre, weighted, stored):
    rng = np.random.default_rng((81, shape[0]))
    X = rng.integers(-4, 5, shape) * 10.0 ** rng.integers(-2, 3, shape[1])
    y = rng.integers(-9, 10, shape[0]).astype(float)
    weights = rng.integers(1, 5, shape[0]).astype(float) if weighted else None
    found = ridge_coefficients(targets(STORED[stored](X), y, weights, centre), alpha)
    expected = exact_ridge(X, y, weights, alpha, centre)
    np.testing.assert_allclose(found, [expected], rtol=0, atol=1e-10 * np.abs(expected).max())


def test_without_a_strength_the_solution_of_least_norm():
    rng = np.random.default_rng(82)
    X = np.repeat(rng.standard_normal((7, 3)), 2, axis=1)
    y = rng.standard_normal(7)
    for A in (X, sparse.csr_array(X)):
        found = ridge_coefficients(targets(A, y, centre=False), 0.0)[0]
        np.testing.assert_allclose(found, np.linalg.pinv(X) @ y, atol=1e-12)
        np.testing.assert_allclose(found[::2], found[1::2], atol=1e-12)
    centred = ridge_coefficients(targets(X, y), 0.0)[0]
    np.testing.assert_allclose(centred, np.linalg.pinv(X - X.mean(axis=0)) @ (y - y.mean()), atol=1e-12)


def test_a_strength_next_to_nothing_on_dependent_columns_is_finite():
    X = np.repeat(np.arange(6.0)[:, None], 3, axis=1)
    for alpha in (1e-300, 1e-30, 1e-17):
        found = ridge_coefficients(targets(X, np.arange(6.0)), alpha)
        np.testing.assert_allclose(found, np.full((1, 3), 1 / 3), atol=1e-6)


def test_several_targets_are_solved_one_by_one():
    rng = np.random.default_rng(83)
    X, Y = rng.standard_normal((12, 4)), rng.standard_normal((12, 3))
    for relative in (ridge_coefficients, lasso_coefficients):
        together = relative(targets(X, Y), 0.1)
        alone = np.concatenate([relative(targets(X, y), 0.1) for y in Y.T])
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)], ids=["tall", "wide"])
@pytest.mark.parametrize("stored", STORED)
def test_where_factors_are_too_large_the_iteration_gives_the_same(stored, shape, monkeypatch):
    rng = np.random.default_rng(84)
    X, y, weights = rng.standard_normal(shape), rng.standard_normal(shape[0]), rng.uniform(0.5, 2.0, shape[0])
    given = targets(STORED[stored](X + 3.0), y, weights)
    factored = ridge_coefficients(given, 0.1)
    monkeypatch.setattr(_relatives, "_FACTORED", 5)
    np.testing.assert_allclose(ridge_coefficients(given, 0.1), factored, rtol=0, atol=1e-11)


@pytest.mark.parametrize("stored", STORED)
def test_the_lasso_is_optimal_by_the_definition(stored):
    rng = np.random.default_rng(85)
    X, y = rng.standard_normal((15, 8)) + 2.0, rng.standard_normal(15)
    weights = rng.uniform(0.5, 2.0, 15)
    w = lasso_coefficients(targets(STORED[stored](X), y, weights), 0.05)[0]
    raw = Raw(X, y, np.zeros(1), np.array([-0.05, 0.05]), intercept=True, sample_weight=weights)
    assert raw.violation(w) <= 1e-12 and w.any()


# -- the grids that are made of them ----------------------------------------------------------------


@pytest.mark.parametrize("estimator", [PARRidge, PARLasso])
@pytest.mark.parametrize("condition", [0, 2, 4])
def test_default_grids_are_the_same_for_every_storage_repeated_rows_and_scales(condition, estimator):
    rng = np.random.default_rng((86, condition))
    X = rng.integers(-4, 5, (12, 3)) * 10.0 ** np.array([-condition / 2, 0.0, condition / 2])
    y, counts = rng.integers(-5, 6, 12).astype(float), rng.integers(1, 4, 12)
    model = estimator(alpha=1e-5)
    expected = model.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts)).levels_
    for stored in STORED.values():
        np.testing.assert_allclose(model.fit(stored(X), y, counts).levels_, expected, rtol=1e-11)
    # A power of two scales everything exactly.
    strength = 1e-5 if estimator is PARRidge else 2.0**20 * 1e-5
    scaled = estimator(alpha=strength).fit(X, 2.0**20 * y, counts).levels_
    np.testing.assert_allclose(scaled, 2.0**20 * expected, rtol=1e-11)


def test_the_grid_of_an_unpenalised_fit_ends_at_the_largest_coefficient_of_least_squares():
    rng = np.random.default_rng(87)
    X = rng.standard_normal((15, 4))
    y = X @ [3.0, -1.0, 0.5, 0.0] + 0.1 * rng.standard_normal(15)
    free = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
    for stored in STORED.values():
        model = PARRidge(alpha=0.0, n_levels=4).fit(stored(X), y)
        assert model.levels_[-1] == pytest.approx(np.abs(free).max(), rel=1e-12)
