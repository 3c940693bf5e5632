"""The same problem in other words gives the same iterates with every solver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from parlin import LeastSquares, Problem, designs, solve
from tests.cases import W, build
from tests.kkt import Raw
from tests.solve.cases import SOLVERS, random_raw, supported


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("penalty", [designs.ridge(0.5, 3), W], ids=["ridge", "W"])
def test_powers_of_two_as_units_change_every_iterate_by_that_factor_and_no_bit_else(name, penalty):
    raw = random_raw(penalty.scaled(0.3), 12, 5, seed=5)
    problem = build(raw)
    solver = supported(name, problem)
    plain = iterates(problem, solver)
    for power in (-20, 3, 20):
        unit = 2.0**power
        scaled = Raw(raw.X, unit * raw.y, unit * raw.levels, unit * raw.slopes)
        for here, there in zip(plain, iterates(build(scaled), solver), strict=True):
            assert np.array_equal(unit * here, there)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize(
    "penalty", [designs.ridge(0.5, 3), designs.rippled_mcp(0.5, 3)], ids=["ridge", "mcp"]
)
def test_repeating_a_sample_is_weighting_it_at_every_iterate(name, penalty):
    times = np.array([1, 3, 2, 0, 1, 4, 1, 2])
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((8, 4)), rng.standard_normal(8)
    penalty = penalty.scaled(0.2)
    repeated = LeastSquares(np.repeat(X, times, axis=0), np.repeat(y, times), fit_intercept=True)
    weighted = LeastSquares(X, y, times.astype(float), fit_intercept=True)
    first, second = Problem(repeated, penalty), Problem(weighted, penalty)
    solver = supported(name, first)
    same_runs(iterates(first, solver), iterates(second, solver))


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize(
    "penalty", [designs.ridge(0.5, 3), designs.rippled_mcp(0.5, 3)], ids=["ridge", "mcp"]
)
def test_an_intercept_is_centring_the_data_at_every_iterate(name, penalty):
    raw = random_raw(penalty.scaled(0.2), 10, 4, seed=7, intercept=True)
    shifted = replace(raw, X=raw.X + np.array([3.0, -1.0, 0.5, 10.0]), y=raw.y - 4.0)
    centred = replace(raw, X=raw.X - raw.X.mean(axis=0), y=raw.y - raw.y.mean(), intercept=False)
    solver = supported(name, build(raw))
    same_runs(iterates(build(shifted), solver), iterates(build(centred), solver))


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.coo_array])
@pytest.mark.parametrize("penalty", [designs.lasso(0.5, 3), W], ids=["lasso", "W"])
def test_a_sparse_design_gives_the_solution_of_the_dense_one(name, form, penalty):
    raw = random_raw(penalty.scaled(0.2), 12, 5, seed=8, intercept=True)
    X = raw.X * (np.abs(raw.X) > 0.7)
    dense = Problem(LeastSquares(X, raw.y, fit_intercept=True), penalty.scaled(0.2))
    other = Problem(LeastSquares(form(X), raw.y, fit_intercept=True), penalty.scaled(0.2))
    solver = supported(name, dense)
    start = np.zeros(5)
    here, there = (solve(p, solver, w0=start, tol=1e-11) for p in (dense, other))
    assert np.allclose(here.w, there.w, atol=1e-9)
    assert here.certificate.on_level == there.certificate.on_level


def iterates(problem: Problem, solver, count: int = 12) -> list[np.ndarray]:
    """The first iterates, each of them certified on the way, from a start off every level."""
    seen = []
    start = np.linspace(-1.3, 1.1, problem.size) * float(problem.penalty.levels[-1])
    solve(
        problem, solver, w0=start, tol=None, max_iter=count, check_passes=1e-9,
        callback=lambda k, state, c: seen.append(state.w.copy()) or len(seen) > count,
    )  # fmt: skip
    return seen


def same_runs(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    for k, (here, there) in enumerate(zip(first, second, strict=False)):
        assert np.allclose(here, there, rtol=0, atol=1e-10), k
