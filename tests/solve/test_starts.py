"""Starts: the default one, warm ones, and many random ones."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import LeastSquares, Problem, Status, _loop, designs, multi_start, solve
from parlin._loop import _other_solver, automatic_solver
from parlin._starts import default_start
from parlin.solvers import ProximalGradient
from tests.cases import VALLEY_AT_MINUS_ONE, W, build
from tests.solve.cases import random_raw


def test_multi_start_is_solve_from_each_start_in_order():
    problem = build(random_raw(designs.rippled_mcp(0.5, 3).scaled(0.3), 12, 8, seed=17))
    rng = np.random.default_rng(18)
    starts = [None, *rng.choice(problem.penalty.quantization_levels, (3, 8))]
    results = multi_start(problem, starts, tol=1e-9)
    for start, result in zip(starts, results, strict=True):
        alone = solve(problem, w0=start, tol=1e-9)
        assert np.array_equal(alone.w, result.w)
        assert alone.certificate == result.certificate
    assert all(result.status.is_success for result in results)
    assert multi_start(problem, []) == []


@pytest.mark.parametrize("shape", ["rippled_mcp", "sawtooth", "staircase", "mcp", "scad", "rippled_scad"])
def test_the_default_start_of_a_nonconvex_problem_is_better_than_zero(shape):
    problem = build(random_raw(getattr(designs, shape)(0.5, 4).scaled(0.05), 12, 20, seed=19))
    start = default_start(problem)
    assert problem.objective(start) <= problem.objective(np.zeros(20))
    assert solve(problem).certificate.objective <= problem.objective(start) * (1 + 1e-9)


def test_the_default_start_of_a_convex_problem_is_the_minimiser_of_the_penalty():
    for penalty, point in (
        (designs.box(0.5, 2.0), 0.5),
        (designs.lasso(1.0, 2), 0.0),
        (VALLEY_AT_MINUS_ONE, 0.5),
    ):
        raw = random_raw(penalty, 6, 3, seed=20, penalty_weights=np.array([1.0, 0.0, 2.0]))
        expected = [point, 0.0, point] if penalty is not VALLEY_AT_MINUS_ONE else [-1.0, 0.0, -1.0]
        assert default_start(build(raw)).tolist() == expected


def test_the_work_of_a_default_start_counts_in_the_passes_of_the_run():
    # The strength is followed down by solving; a budget of passes that does not see it is no budget.
    problem = build(random_raw(designs.rippled_mcp(0.25, 6).scaled(0.02), 12, 30, seed=21))
    counted = Counting(problem)
    with counted:
        result = solve(problem, ProximalGradient(), tol=None, max_passes=20)
    certificates = 2 * (len(result.history) + 9)  # nine solves find the start
    assert counted.products <= 2 * (result.passes + certificates)


class Counting:
    """Counts the products with X and X' of one problem while it is entered."""

    NAMES = ("matvec", "residual", "rmatvec")

    def __init__(self, problem: Problem) -> None:
        self.design, self.products = problem.loss.design, 0

    def __enter__(self) -> Counting:
        for name in self.NAMES:
            setattr(self.design, name, self._counted(getattr(self.design, name)))
        return self

    def _counted(self, original):
        def product(*vectors):
            self.products += 1
            return original(*vectors)

        return product

    def __exit__(self, *_) -> None:
        for name in self.NAMES:
            delattr(self.design, name)


def test_the_automatic_solver_supports_what_it_is_chosen_for():
    for penalty in (designs.lasso(0.5, 2), W, designs.box(0.0, 1.0)):
        for omega in (None, np.array([1.0, 2.0, 0.0])):
            raw = random_raw(penalty, 6, 3, seed=22, penalty_weights=omega)
            problem = build(raw)
            assert automatic_solver(problem).unsupported(problem) is None
            assert solve(problem).status.is_success


class _Resting(ProximalGradient):
    """A solver that comes to rest after two steps."""

    def step(self, problem, state):
        after = super().step(problem, state)
        after.done = after.passes >= 2.0
        return after


class _Overflowing(ProximalGradient):
    def step(self, problem, state):
        after = super().step(problem, state)
        after.w = np.full_like(after.w, np.inf)
        return after


@pytest.mark.parametrize("first", [_Resting(), _Overflowing()])
@pytest.mark.parametrize("name", ["ridge", "W"])
def test_where_a_solver_stalls_or_overflows_the_automatic_choice_goes_on_from_the_best_point(
    monkeypatch, first, name
):
    rng = np.random.default_rng(4)
    penalty = designs.ridge(0.25, 7).scaled(0.01) if name == "ridge" else W.scaled(0.01)
    problem = Problem(LeastSquares(rng.standard_normal((9, 12)), rng.standard_normal(9)), penalty)
    alone = solve(problem, first, w0=np.zeros(12))
    assert alone.status in (Status.STALLED, Status.NOT_FINITE)
    assert alone.certificate.objective <= problem.objective(np.zeros(12))
    monkeypatch.setattr(_loop, "automatic_solver", lambda p: first)
    assert type(_other_solver(problem)) is not type(first)
    result = solve(problem, w0=np.zeros(12))
    assert result.status.is_success and result.certificate.objective <= alone.certificate.objective
    assert [record.passes for record in result.history] == sorted({r.passes for r in result.history})
