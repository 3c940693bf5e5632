"""Rounding errors by rows: what the sums of one gradient can lose, with no large row for a small one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, Status, certify, solve
from parlin.certificates.stopping import Met, check_point, how_met
from tests.fuzz.cases import Case
from tests.fuzz.exact import ExactProblem
from tests.fuzz.optimum import minimum

KINDS = ("plain", "intercept", "far from zero", "weights", "sparse", "large rows", "cancelling columns")


def random_loss(kind: str, seed: int) -> tuple[LeastSquares, np.ndarray, np.ndarray, np.ndarray | None]:
    """A loss of the kind, its data, and a point."""
    rng = np.random.default_rng((KINDS.index(kind), seed))
    n, d = int(rng.integers(2, 9)), int(rng.integers(1, 6))
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    s = rng.uniform(0.2, 3.0, n) if kind in ("weights", "sparse") else None
    if kind == "far from zero":
        X, y = X + rng.choice([0.0, 1e3, 1e8], d), y + rng.choice([0.0, 1e9])
    if kind == "large rows":
        X *= 10.0 ** rng.integers(-8, 9, n)[:, None]
        y *= 10.0 ** rng.integers(-8, 9, n)
    if kind == "cancelling columns":
        X = X[:, :1] + 1e-7 * X
    if kind == "sparse":
        X *= rng.random((n, d)) < 0.5
    stored = sparse.csr_array(X) if kind == "sparse" else X
    loss = LeastSquares(stored, y, s, fit_intercept=kind in ("intercept", "far from zero", "sparse"))
    w = rng.standard_normal(d) * 10.0 ** rng.uniform(-3, 3)
    if kind == "cancelling columns" and d > 1:
        w[:2] = 1e7 * np.array([1.0, -1.0]) * rng.uniform(0.5, 1.0)
    return loss, X, y, w


def exact_gradient(loss: LeastSquares, X: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The gradient in rational numbers, with the weights that the library has."""
    s = [Fraction(x) for x in loss.design.weights.tolist()]
    rows = [[Fraction(x) for x in row] for row in X.tolist()]
    target, at = [Fraction(x) for x in y.tolist()], [Fraction(x) for x in w.tolist()]
    if loss.design.centre:
        total = sum(s)
        means = [sum(a * row[j] for a, row in zip(s, rows, strict=True)) / total for j in range(len(at))]
        rows = [[x - m for x, m in zip(row, means, strict=True)] for row in rows]
        mean = sum(a * t for a, t in zip(s, target, strict=True)) / total
        target = [t - mean for t in target]
    r = [t - sum(x * c for x, c in zip(row, at, strict=True)) for t, row in zip(target, rows, strict=True)]
    return np.array([
        float(-sum(a * row[j] * e for a, row, e in zip(s, rows, r, strict=True))) for j in range(len(at))
    ])  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_both_bounds_hold_and_that_by_rows_is_the_smaller_one(kind):
    below = 0
    for seed in range(40):
        loss, X, y, w = random_loss(kind, seed)
        wrong = np.abs(exact_gradient(loss, X, y, w) - loss.gradient(w))
        norms, rows = loss.rounding_floor(w), loss.rounding_floor(w, by_rows=True)
        assert np.all(wrong <= rows) and np.all(rows <= norms)
        below += np.count_nonzero(rows < 0.5 * norms)
    assert below > 0 or kind == "cancelling columns"  # whose rows are alike


def test_the_bound_by_rows_is_eight_roundings_of_the_sum_of_absolute_terms():
    loss, X, y, w = random_loss("weights", 3)
    s = loss.design.weights
    terms = np.abs(y) + np.abs(X) @ np.abs(w) + np.abs(y - X @ w)
    expected = 8 * np.finfo(np.float64).eps * (np.abs(X).T @ (s * terms))
    np.testing.assert_allclose(
        loss.rounding_floor(w, by_rows=True), np.minimum(expected, loss.rounding_floor(w)), rtol=1e-12
    )


LARGE_ROW = np.array([[-3e-3, -3e-3], [-2e-5, 2e-5], [-8e-6, -8e-6], [6e5, -6e5]])
LARGE_ROW_TARGETS = np.array([-9.0, 4, 7, 5])


@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6])
def test_a_large_row_does_not_allow_for_errors_of_the_others(size, intercept, stored):
    # What a coordinate step from 0 makes of these data: the residual is that of the large row alone.
    X, penalty = size * LARGE_ROW, PAR([0.0], [-2.6e-7 * size, 2.6e-7 * size])
    loss = LeastSquares(stored(X), LARGE_ROW_TARGETS, fit_intercept=intercept)
    problem = Problem(loss, penalty)
    w = np.array([5.0 / 6e5, 0.0]) / size
    assert certify(problem, w).gap > 0.5
    case = Case(X, LARGE_ROW_TARGETS, penalty.levels, penalty.slopes, intercept=intercept)
    least = float(minimum(ExactProblem(case), np.zeros(2)).value)
    assert how_met(problem, check_point(problem, w, 1e-8), 1e-8, slopes=False) is Met.NOT
    result = solve(problem, w0=w)
    if result.status.is_success:
        assert result.certificate.gap <= 1e-8
        assert result.certificate.objective == pytest.approx(least, rel=1e-6)
    assert result.certificate.objective <= problem.objective(w)


def test_a_residual_within_its_rounding_errors_needs_a_gap_within_its_own():
    # One accurate and one inaccurate residual of the same size: only the second passes.
    X, y = np.array([[3e-3, 3e-3], [6e5, -6e5]]), np.array([9.0, 5.0])
    problem = Problem(LeastSquares(X, y), PAR([0.0], [-2.6e-7, 2.6e-7]))
    far, near = np.array([5.0 / 6e5, 0.0]), np.array([1499.9711152777782, 1499.9711069444452])
    checks = [check_point(problem, w, 1e-8) for w in (far, near)]
    assert all(check.residual <= 1e-8 for check in checks)
    assert [how_met(problem, check, 1e-8, slopes=False) for check in checks] == [Met.NOT, Met.ROUNDED]
    assert certify(problem, far).gap == pytest.approx(0.764, abs=1e-3)
    assert certify(problem, near).gap <= 1e-8


def test_a_point_of_large_coefficients_next_to_the_minimum_is_a_success_by_rounding():
    rng = np.random.default_rng(1)
    a = rng.standard_normal(8)
    X = np.column_stack((a, a + 1e-8 * rng.standard_normal(8)))
    problem = Problem(LeastSquares(X, rng.standard_normal(8)), PAR([0.0], [-1e-12, 1e-12]))
    result = solve(problem)
    if np.abs(result.w).max() > 1e5:
        assert result.status in (Status.ROUNDING, Status.STALLED)
    assert result.status is not Status.CONVERGED or result.certificate.gap <= 1e-8


def test_a_check_that_rounding_decides_takes_the_bound_by_rows():
    X = np.array([[2.0, 1.9999999], [-2.0, -2.0000001], [-3.0, -2.9999998]])
    problem = Problem(LeastSquares(X, np.array([0.0, -3.0, -1.0])), PAR([], [0.0]))
    w = np.array([-10757574.85398402, 10757575.76307493])
    check = check_point(problem, w, 1e-8)
    assert check.residual <= 1e-8 < check.strict_residual
    assert np.array_equal(check.point.allowance, problem.loss.rounding_floor(w, by_rows=True))
    assert (check.point.allowance < problem.loss.rounding_floor(w)).any()
