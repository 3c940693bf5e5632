"""What must not fool the certificate: units, small columns, and gradients made of rounding errors."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from parlin import LeastSquares, Problem, certify, designs, solve
from tests.certificates.cases import (
    build,
    points,
    raw_problem,
)
from tests.kkt import Raw


@pytest.mark.parametrize("power", [-30, -13, 0, 13, 30])
def test_scaling_the_problem_by_a_power_of_two_changes_no_relative_number(power):
    unit = 2.0**power
    raw = raw_problem("wide", designs.lasso(0.5, 4).scaled(0.3))
    for w in points(raw):
        here = certify(build(raw), w)
        scaled = Raw(raw.X, unit * raw.y, unit * raw.levels, unit * raw.slopes)
        there = certify(build(scaled), unit * w)
        same = ("residual", "strict_residual", "slope_residual", "prox_residual", "prox_step", "gap")
        assert [getattr(there, k) for k in same] == [getattr(here, k) for k in same]
        assert there.objective == unit**2 * here.objective


@pytest.mark.parametrize("smallness", [1e-4, 1e-8])
def test_ten_small_columns_left_at_zero_do_not_pass(smallness):
    # y is made by the small columns alone, so all-zero coefficients there are entirely wrong,
    # although their gradients are tiny next to those of the large columns.
    rng = np.random.default_rng(11)
    X = rng.standard_normal((30, 20))
    X[:, :10] *= smallness
    y = X @ np.concatenate((rng.choice([-1.0, 1.0], 10) / smallness, np.zeros(10)))
    y += X[:, 10:] @ rng.standard_normal(10)
    penalty = designs.ridge(0.5, 4).scaled(1e-3 * smallness**2)
    problem = Problem(LeastSquares(X, y), penalty)
    large_only = Problem(LeastSquares(X[:, 10:], y), penalty)
    w = np.concatenate((np.zeros(10), solve(large_only, tol=1e-12).w))
    gradient = np.abs(problem.loss.gradient(w))
    assert gradient[:10].max() <= 10 * smallness  # negligible in absolute terms
    assert certify(problem, w).residual > 1e-2
    assert solve(problem, w0=w, max_iter=0).status.name == "MAX_ITER"


def test_the_rounding_floor_bounds_what_float64_gets_wrong_in_the_gradient():
    for seed in range(30):
        rng = np.random.default_rng((17, seed))
        n, d = int(rng.integers(2, 9)), int(rng.integers(1, 6))
        X = rng.standard_normal((n, d)) + rng.choice([0.0, 1e3, 1e6], d)
        y = rng.standard_normal(n) + rng.choice([0.0, 1e4])
        raw = Raw(X, y, np.empty(0), np.zeros(1), intercept=bool(rng.integers(2)))
        loss = LeastSquares(X, y, fit_intercept=raw.intercept)
        w = rng.standard_normal(d) * 10.0 ** rng.uniform(-3, 3)
        wrong = np.abs(exact_gradient(raw, w) - loss.gradient(w))
        assert np.all(wrong <= loss.rounding_floor(w))


def test_the_rounding_floor_covers_columns_that_cancel():
    # Two nearly equal columns with large opposite coefficients: Xw is small, its rounding is not.
    rng = np.random.default_rng(2)
    a = rng.standard_normal(6)
    X = np.column_stack((a, a + 1e-7 * rng.standard_normal(6)))
    raw = Raw(X, rng.standard_normal(6), np.empty(0), np.zeros(1))
    loss, w = LeastSquares(raw.X, raw.y), np.array([1.234567e7, -1.234567e7])
    wrong = np.abs(exact_gradient(raw, w) - loss.gradient(w))
    assert np.all(wrong <= loss.rounding_floor(w))


@pytest.mark.parametrize("offset", [1e4, 1e5, 1e6])
def test_the_rounding_floor_is_not_far_above_the_rounding_errors(offset):
    # Columns with a large mean and an intercept: centring is implicit, so the errors of the gradient
    # grow with the mean once, not with its square.
    rng = np.random.default_rng(23)
    X, y, w = rng.standard_normal((20, 6)) + offset, rng.standard_normal(20), rng.standard_normal(6)
    raw = Raw(X, y, np.empty(0), np.zeros(1), intercept=True)
    loss = LeastSquares(X, y, fit_intercept=True)
    wrong = np.abs(exact_gradient(raw, w) - loss.gradient(w))
    assert np.max(loss.rounding_floor(w)) <= 1e4 * np.max(wrong)


@pytest.mark.parametrize("kind", ["normal", "whole numbers"])
def test_a_gradient_made_of_rounding_errors_does_not_converge(kind):
    # Where the gradient cannot be computed to tol, a small computed one is luck, and an exact zero
    # (which whole numbers like to give) even more so: it may pass as ROUNDING, never as CONVERGED.
    accepted = 0
    for seed in range(15):
        rng = np.random.default_rng((37, seed))
        a, b, y = rng.standard_normal((3, 5)) if kind == "normal" else rng.integers(-3, 4, (3, 5)) + 0.0
        a[0], b[1] = 1.0, 1.0
        X = np.column_stack((a, a + 2.0**-30 * b))
        raw = Raw(X, y, np.empty(0), np.zeros(1))
        problem = build(raw)
        best = np.linalg.lstsq(X, y)[0]
        scale = np.max(np.abs(raw.descent(np.zeros(2))))
        for w in best + 1e-16 * np.abs(best).max() * rng.standard_normal((40, 1)):
            result = solve(problem, w0=w, max_iter=0)
            accepted += result.status.is_success
            if result.status.name == "CONVERGED":
                assert np.all(np.abs(exact_gradient(raw, w)) <= 2e-8 * scale)
    assert accepted > 0



def exact_gradient(raw: Raw, w: np.ndarray) -> np.ndarray:
    """The gradient of f in rational arithmetic, unweighted."""
    X = [[Fraction(v) for v in row] for row in raw.X.tolist()]
    w = [Fraction(v) for v in w.tolist()]
    r = [
        Fraction(t) - sum(a * b for a, b in zip(row, w, strict=True)) for row, t in zip(X, raw.y, strict=True)
    ]
    if raw.intercept:
        mean = sum(r) / len(r)
        r = [v - mean for v in r]
    return np.array(
        [float(-sum(a * b for a, b in zip(c, r, strict=True)) / len(r)) for c in zip(*X, strict=True)]
    )
