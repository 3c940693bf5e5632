"""Scaled targets, scaled columns and large means never yield a wrong success."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from parlin import Result, Status, alpha_max, designs, solve
from parlin.solvers import FISTA
from tests.cases import build
from tests.kkt import Raw
from tests.solve.cases import SOLVERS, random_raw, supported


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
