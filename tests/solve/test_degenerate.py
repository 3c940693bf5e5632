"""Degenerate data: rank-deficient, duplicated, constant, zero, as small as data can be, and badly scaled."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import parlin.solvers
from parlin import PAR, LeastSquares, Problem, Result, Status, alpha_max, designs, solve
from parlin.solvers import FISTA
from tests.cases import VALLEY_AT_MINUS_ONE, W, build
from tests.kkt import Raw
from tests.solve.cases import SOLVERS, random_raw, supported


def degenerate() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(12)
    gauss = rng.standard_normal
    zero = gauss((6, 5))
    zero[:, 2] = 0.0
    constant = zero.copy()
    constant[:, 1] = 7.1
    return {
        "rank deficient": (gauss((8, 2)) @ gauss((2, 9)), gauss(8)),
        "duplicated": (np.repeat(gauss((6, 3)), 3, axis=1), gauss(6)),
        "opposite": (np.column_stack((zero[:, :2], -zero[:, :2])), gauss(6)),
        "zero column": (zero, gauss(6)),
        "constant column": (constant, gauss(6)),
        "zero X": (np.zeros((4, 3)), gauss(4)),
        "one feature": (gauss((5, 1)), gauss(5)),
        "one sample": (gauss((1, 5)), gauss(1)),
        "one number": (np.array([[2.0]]), np.array([1.3])),
        "zero y": (gauss((5, 7)), np.zeros(5)),
        "constant y": (gauss((5, 7)), np.full(5, 0.1)),
        "signs": (rng.choice([-1.0, 1.0], (4, 12)), gauss(4)),
        "one-hot": (np.eye(5)[rng.integers(0, 5, 20)], gauss(20)),
    }


DEGENERATE_PENALTIES = {
    "ridge": designs.ridge(0.5, 3),
    "lasso": designs.lasso(0.5, 3),
    "bounded ridge": designs.ridge(0.5, 3, bounded=True),
    "box": designs.box(-1.0, 1.0),
    "box off 0": designs.box(0.5, 1.0),
    "asymmetric": VALLEY_AT_MINUS_ONE,
    "flat left": PAR([0.0, 1.0], [0.0, 1.0, 2.0]),
    "none": PAR([], [0.0]),
    "staircase": designs.staircase(0.5, 3),
    "sawtooth": designs.sawtooth(0.5, 3),
    "rippled_mcp": designs.rippled_mcp(0.5, 3),
    "scad": designs.scad(0.5, 4),
    "W": W,
}


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("data", degenerate())
@pytest.mark.parametrize("name", ["auto", "FISTA", "ADMM"])
def test_degenerate_data_end_in_a_certified_critical_point(data, intercept, name):
    X, y = degenerate()[data]
    failures = {}
    labels = ["ridge", "box off 0", "asymmetric"]
    if name == "auto":
        labels = DEGENERATE_PENALTIES
    elif name != "ADMM":  # which promises nothing where the penalty is not convex
        labels += ["staircase", "W"]
    for label in labels:
        scaled = DEGENERATE_PENALTIES[label].scaled(0.07)
        raw = Raw(X, y, scaled.levels, scaled.slopes, intercept)
        for form in (np.asarray, sparse.csr_array) if name == "auto" else (np.asarray,):
            problem = Problem(LeastSquares(form(X), y, fit_intercept=intercept), scaled)
            result = solve(problem, SOLVERS[name], max_iter=5000)
            size = np.sqrt(np.mean(y**2)) + np.sum(np.sqrt(np.mean(X**2, axis=0)) * np.abs(result.w))
            wrong = raw.distances(result.w) > 1e-8 * np.sqrt(np.mean(X**2, axis=0)) * size
            if not result.status.is_success or wrong.any():
                failures[label, form.__name__] = (result, raw.distances(result.w).max())
    assert not failures


def small_problem(seed: int) -> tuple[Problem, Raw, str]:
    """A problem of a few numbers: sparse or not, any penalty, columns of any kind."""
    rng = np.random.default_rng((25, seed))
    n, d = int(rng.integers(1, 9)), int(rng.integers(1, 12))
    X = [
        rng.standard_normal((n, d)),
        np.repeat(rng.standard_normal((n, d // 3 + 1)), 3, axis=1),
        rng.choice([-1.0, 1.0], (n, d)),
        rng.integers(-2, 3, (n, d)).astype(float),
        rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-2, 2, d),
    ][seed % 5]
    n, d = X.shape
    y = X @ rng.choice([-1.0, 0.0, 0.5, 1.0], d) if rng.random() < 0.3 else rng.standard_normal(n)
    labels = [label for label in DEGENERATE_PENALTIES if label != "none"]
    label = labels[int(rng.integers(len(labels)))]
    penalty = DEGENERATE_PENALTIES[label].scaled(10.0 ** rng.uniform(-3, 0))
    intercept, form = bool(rng.integers(2)), (np.asarray, sparse.csr_array)[rng.integers(2)]
    omega = rng.choice([0.0, 1.0, 2.0], d) if rng.random() < 0.3 else None
    problem = Problem(LeastSquares(form(X), y, fit_intercept=intercept), penalty, omega)
    raw = Raw(X, y, penalty.levels, penalty.slopes, intercept, None, omega)
    return problem, raw, f"{label} {form.__name__} {X.shape} intercept={intercept} {omega}"


def test_small_random_problems_end_in_certified_critical_points():
    failures = []
    # The last one once ended a unit in the last place off a level.
    for seed in (*range(300), 2631):
        problem, raw, description = small_problem(seed)
        result = solve(problem, max_iter=2000)
        mean_square = np.sqrt(np.mean(raw.X**2, axis=0))
        size = np.sqrt(np.mean(raw.y**2)) + mean_square @ np.abs(result.w)
        if not parlin.compiled and result.status is Status.MAX_ITER and problem.penalty.shape != "convex":
            continue  # proximal gradient needs more iterations, and says so
        if not result.status.is_success or np.any(raw.distances(result.w) > 1e-8 * mean_square * size):
            failures.append((seed, description, result))
    assert not failures


@pytest.mark.parametrize("seed", [2772, 3179])
def test_without_a_signal_rounding_above_its_estimate_is_never_called_converged(seed):
    # y = 0 leaves no scale but rounding, which here is a few times its estimate: the end is honest.
    problem, _, _ = small_problem(seed)
    result = solve(problem, max_iter=2000)
    assert result.status.is_success or result.status is Status.STALLED
    assert result.status is not Status.CONVERGED or result.certificate.strict_residual <= 1e-8


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("penalty", [designs.box(-0.5, 0.25), designs.ridge(0.1, 3, bounded=True)])
def test_a_start_outside_the_box_is_brought_back(name, penalty):
    raw = random_raw(penalty.scaled(0.1), 12, 5, seed=27)
    problem = build(raw)
    inside = solve(problem, supported(name, problem), tol=1e-11)
    outside = solve(problem, SOLVERS[name], w0=[7.0, -7.0, 7.0, -7.0, 0.1], tol=1e-11)
    assert outside.status.is_success
    assert np.allclose(outside.w, inside.w, atol=1e-9)
    assert math.isfinite(outside.certificate.objective)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_a_solution_on_levels_is_on_them_float_for_float(name, form):
    # y = X (1, −1)' and the sawtooth is 0 at ±1: nothing is lower.
    X, y = np.array([[1.0, 2.0], [-1.0, -1.0]]), np.array([-1.0, 0.0])
    problem = Problem(LeastSquares(form(X), y), designs.sawtooth(0.5, 2).scaled(0.01))
    for start in (None, [0.9, -0.9]):
        result = solve(problem, supported(name, problem), w0=start)
        assert result.status is Status.CONVERGED
        assert result.w.tolist() == [1.0, -1.0]


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("penalty", [designs.lasso(0.5, 2), W], ids=["lasso", "W"])
def test_a_problem_without_penalised_coordinates_is_least_squares(name, penalty):
    rng = np.random.default_rng(26)
    X, y = rng.standard_normal((9, 3)), rng.standard_normal(9)
    problem = Problem(LeastSquares(X, y), penalty, penalty_weights=np.zeros(3))
    result = solve(problem, supported(name, problem), tol=1e-11)
    assert np.allclose(result.w, np.linalg.lstsq(X, y)[0], atol=1e-8)
    assert result.certificate.size == 0


# -- scaled targets, scaled columns and large means ---------------------------------------------------


def never_a_wrong_success(raw: Raw, result: Result, tol: float = 1e-8) -> None:
    """CONVERGED means the residual of the definition, in extended precision, is within tol."""
    norms, _ = raw.norms()
    scale = np.max(np.abs(raw.descent(np.zeros(norms.size)))).astype(float) * norms / norms.max()
    if result.status is Status.CONVERGED:
        assert np.all(raw.distances(result.w) <= 1.01 * tol * scale)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("factor", [1e-8, 1e-4, 1e4, 1e8])
@pytest.mark.parametrize("intercept", [False, True])
def test_scaling_y_never_yields_a_wrong_success(factor, name, intercept):
    for levels_too in (False, True):
        raw = random_raw(designs.lasso(0.25, 12), 20, 30, seed=9, intercept=intercept)
        y = factor * raw.y
        unit = designs.lasso(0.25 * (factor if levels_too else 1.0), 12)
        penalty = unit.scaled(0.02 * alpha_max(raw.X, y, unit, fit_intercept=intercept))
        raw = replace(raw, y=y, levels=penalty.levels, slopes=penalty.slopes)
        problem = build(raw)
        result = solve(problem, supported(name, problem), max_iter=3000)
        never_a_wrong_success(raw, result)
        if not name.startswith("ProximalGradient"):
            assert result.status is Status.CONVERGED


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("factor", [1e-4, 1e-2, 1e2, 1e4])
@pytest.mark.parametrize("columns", [slice(3, 4), slice(0, 10)], ids=["one", "ten"])
def test_scaling_columns_never_yields_a_wrong_success(factor, name, columns):
    for strength in (1e-2, 1e-6):
        raw = random_raw(designs.ridge(0.25, 12), 20, 30, seed=10)
        X = raw.X.copy()
        X[:, columns] *= factor
        y = raw.X[:, columns] @ np.ones(raw.X[:, columns].shape[1])  # made by the scaled columns alone
        unit = designs.ridge(0.25, 12)
        penalty = unit.scaled(strength * alpha_max(X, y, unit, fit_intercept=False))
        raw = Raw(X, y, penalty.levels, penalty.slopes)
        problem = build(raw)
        result = solve(problem, supported(name, problem), max_iter=2000)
        never_a_wrong_success(raw, result)
        if name == "auto":
            assert result.status.is_success


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("mean", [1e5, 1e6, 1e7])
def test_columns_with_a_large_mean_do_not_pass_far_from_the_solution(name, mean):
    # An intercept makes the means irrelevant; the solution is that of the centred columns.
    raw = random_raw(designs.lasso(0.25, 12).scaled(0.01), 60, 12, seed=11, intercept=True)
    X = raw.X.copy()
    for j in range(1, 12):
        X[:, j] = 0.95 * X[:, j - 1] + 0.3 * X[:, j]
    shifted = replace(raw, X=X + mean, y=X @ np.linspace(-1, 1, 12))
    exact = replace(shifted, X=shifted.X - shifted.X.mean(axis=0))
    best = solve(build(exact), FISTA(), tol=1e-10)
    assert best.status is Status.CONVERGED
    problem = build(shifted)
    result = solve(problem, supported(name, problem), max_iter=5000)
    if result.status.is_success:
        assert np.allclose(result.w, best.w, atol=1e-5)
