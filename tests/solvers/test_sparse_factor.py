"""Sparse normal equations are the dense ones, and are left alone where their factor would fill."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin import LeastSquares, Problem, designs, solve
from parlin.matrix import DesignMatrix
from parlin.solvers import SemismoothNewton
from parlin.solvers.sparse_factor import sparse_solver


def band(n: int = 40, d: int = 30) -> np.ndarray:
    rng = np.random.default_rng(91)
    X = np.zeros((n, d))
    for j in range(d):
        X[j : j + 3, j] = rng.uniform(0.5, 2.0, min(3, n - j)) * rng.choice([-1.0, 1.0])
    return X


@pytest.mark.parametrize("stored", [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("shift", [0.0, 1e-8, 1.0])
def test_it_solves_the_dense_equations(shift, centre, weighted, stored):
    rng = np.random.default_rng(92)
    X, weights = band(), rng.uniform(0.2, 3.0, 40) if weighted else None
    design = DesignMatrix(stored(X), weights, centre=centre)
    chosen = np.sort(rng.permutation(30)[:17])
    scale, b = rng.uniform(0.1, 10.0, 17), rng.standard_normal(17)
    B = DesignMatrix(X, weights, centre=centre).columns(chosen) * scale
    expected = np.linalg.solve(B.T @ B + shift * np.eye(17), b)
    found = sparse_solver(design, chosen, scale, shift)(b)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_columns_far_from_zero_are_shifted_before():
    # One column of many: it becomes dense, and the others stay as they are.
    X = band()
    X[:, 4] += 2.0**30
    design = DesignMatrix(sparse.csc_array(X), centre=True)
    solve_it = sparse_solver(design, np.arange(30), np.ones(30), 1.0)
    if solve_it is not None:
        B = band() - band().mean(axis=0)
        expected = np.linalg.solve(B.T @ B / 40 + np.eye(30), np.ones(30))
        np.testing.assert_allclose(solve_it(np.ones(30)), expected, atol=1e-6)


def test_dense_data_and_columns_that_meet_too_often_are_left_to_others():
    rng = np.random.default_rng(93)
    X = rng.standard_normal((40, 30))
    assert sparse_solver(DesignMatrix(X), np.arange(30), np.ones(30), 1.0) is None
    assert sparse_solver(DesignMatrix(sparse.csr_array(X)), np.arange(30), np.ones(30), 1.0) is None


def test_a_singular_matrix_has_no_solver():
    X = sparse.csc_array(np.repeat(np.eye(6), 2, axis=1))
    assert sparse_solver(DesignMatrix(X), np.arange(12), np.ones(12), 0.0) is None
    # Columns that add up to a constant one are dependent once they are centred.
    eye = DesignMatrix(sparse.csc_array(np.eye(8)), centre=True)
    solver = sparse_solver(eye, np.arange(8), np.ones(8), 0.0)
    assert solver is None or not np.all(np.abs(solver(np.arange(8.0))) < 1e10)
    assert sparse_solver(eye, np.arange(8), np.ones(8), 1e-3) is not None


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_semismooth_newton_on_a_sparse_band_ends_where_the_dense_one_does(weighted, intercept):
    rng = np.random.default_rng(94)
    d = 300  # a dense factor takes more products than a sparse design is worth
    X = sparse.diags_array([np.ones(d), -np.ones(d)], offsets=[0, -1], shape=(d + 5, d), format="csc")
    y = X @ (np.cumsum(rng.standard_normal(d)) * 0.1) + 0.01 * rng.standard_normal(d + 5)
    weights = rng.uniform(0.5, 2.0, d + 5) if weighted else None
    loss = LeastSquares(X, y, weights, fit_intercept=intercept)
    problem = Problem(loss, designs.ridge(0.1, 200).scaled(1e-6))
    result = solve(problem, SemismoothNewton(), max_passes=3000)
    assert result.status.is_success
    dense = LeastSquares(X.toarray(), y, weights, fit_intercept=intercept)
    other = solve(Problem(dense, problem.penalty), max_passes=3000)
    assert result.certificate.objective == pytest.approx(other.certificate.objective, rel=1e-7)
