"""No deterministic solver returns a worse point than one it saw; who goes on, and from where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, Status, _loop, certify, designs, solve
from parlin.certificates.stopping import Met, check_point, downhill, how_met
from parlin.solvers import ADMM, FISTA, CoordinateDescent, ProximalGradient
from parlin.solvers.stochastic import ProxSGD, StraightThrough
from tests.cases import LASSO, W
from tests.solve.cases import SOLVERS, supported
from tests.solvers.stochastic.cases import problem as stochastic_problem

NONCONVEX = {
    "mcp": designs.mcp(0.25, 8),
    "scad": designs.scad(0.25, 8),
    "rippled": designs.rippled_mcp(0.25, 8),
    "W": W,
    "sawtooth": designs.sawtooth(0.5, 3),
}


def random_problem(penalty, seed: int, n: int = 12, d: int = 20, **options) -> Problem:
    rng = np.random.default_rng((61, seed))
    X = rng.standard_normal((n, d))
    y = X[:, :4] @ rng.choice([-1.0, -0.6, 0.7, 1.2], 4) + 0.3 * rng.standard_normal(n)
    return Problem(LeastSquares(X, y, **options), penalty)


# -- concave kinks and points that a proximal step leaves -------------------------------------------


@pytest.mark.parametrize("penalty", NONCONVEX)
@pytest.mark.parametrize("name", SOLVERS)
def test_no_success_is_on_a_concave_kink_or_can_be_left_by_a_proximal_step(name, penalty):
    for seed in range(4):
        strength = 0.5 if seed < 2 else 0.05
        problem = random_problem(NONCONVEX[penalty].scaled(strength), seed, fit_intercept=bool(seed % 2))
        solver = supported(name, problem)
        rng = np.random.default_rng(seed)
        for w0 in (None, rng.choice(problem.penalty.levels, 20), rng.standard_normal(20)):
            result = solve(problem, solver, w0=w0, max_iter=1500)
            start = 0.0 if w0 is None else w0
            assert result.certificate.objective <= problem.objective(start + np.zeros(20)) * (1 + 1e-12)
            if result.status.is_success:
                assert result.certificate.prox_residual <= 1e-8
                assert not problem.on_concave_kink(result.w).any()


@pytest.mark.parametrize("name", SOLVERS)
def test_a_start_on_a_concave_kink_that_is_critical_is_left_downhill(name):
    # MCP's outermost levels are concave kinks: with a gradient inside their interval they are critical.
    penalty = designs.mcp(0.25, 8)
    slopes = penalty.slopes
    kinks = np.flatnonzero(slopes[1:] < slopes[:-1])
    k = int(kinks[-2])
    level, middle = penalty.levels[k], 0.5 * (slopes[k] + slopes[k + 1])
    # ½ (w − y)² with −f'(level) = middle
    problem = Problem(LeastSquares([[1.0]], [level + middle]), penalty)
    assert certify(problem, [level]).residual == 0.0
    assert problem.on_concave_kink([level]).tolist() == [True]
    check = check_point(problem, np.array([level]), 1e-8)
    assert how_met(problem, check, 1e-8, slopes=False) is Met.NOT
    lower = downhill(problem, check)
    assert lower is not None and problem.objective(lower) < problem.objective([level])
    result = solve(problem, supported(name, problem), w0=[level])
    assert result.certificate.objective < problem.objective([level])
    assert result.status.is_success and not problem.on_concave_kink(result.w).any()


def test_downhill_is_for_critical_points_of_nonconvex_penalties():
    problem = random_problem(W.scaled(0.1), 0)
    assert downhill(problem, check_point(problem, np.full(20, 0.3), 1e-8)) is None  # not critical
    assert downhill(problem, check_point(problem, solve(problem).w, 1e-8)) is None  # as low as it gets
    assert downhill(problem, check_point(problem, np.full(20, np.nan), 1e-8)) is None


def test_two_points_as_low_as_each_other_may_both_be_kept():
    # ½ (w − y)² + |w| and its mirror image in W: from the tie the prox residual is 0, not the distance.
    problem = Problem(LeastSquares([[1.0]], [0.0]), W)
    for w in ([1.0], [-1.0]):
        assert certify(problem, w).prox_residual == 0.0


# -- the best point ---------------------------------------------------------------------------------


class TooLong(FISTA):
    """FISTA with a step that is so much too long that it diverges."""

    def step(self, problem, state):
        gradient = problem.loss.gradient(state.extrapolated)
        w = problem.prox(state.extrapolated - 30.0 / problem.loss.lipschitz * gradient, 1.0)
        return replace(super().step(problem, state), w=w, extrapolated=w, passes=state.passes + 1)


@pytest.mark.parametrize("start", ["default", "solution", "random"])
@pytest.mark.parametrize("solver", [TooLong(), ProximalGradient(100.0), ADMM(1e-4), ADMM(1e-9)], ids=repr)
@pytest.mark.parametrize("penalty", ["lasso", *NONCONVEX])
def test_a_solver_that_goes_uphill_returns_the_best_point_it_saw(penalty, solver, start):
    par = LASSO if penalty == "lasso" else NONCONVEX[penalty]
    problem = random_problem(par.scaled(0.05), 3)
    w0 = np.zeros(20)
    if start == "solution":
        w0 = solve(problem, ProximalGradient(), tol=1e-4).w
    if start == "random":
        w0 = np.random.default_rng(5).standard_normal(20)
    seen = []
    result = solve(problem, solver, w0=w0, tol=1e-13, max_iter=120, check_passes=1,
                   callback=lambda _, __, c: seen.append(c.objective))  # fmt: skip
    rounding = 1e-14 * abs(problem.objective(w0))
    assert result.certificate.objective <= problem.objective(w0) + rounding
    if not result.status.is_success:
        finite = [value for value in seen if np.isfinite(value)]
        assert result.certificate.objective <= min(finite)
    assert np.isfinite(result.w).all() and result.lower_objective is None
    assert result.message == result.status.value
    assert result.certificate == certify(problem, result.w, 1e-13)


def test_an_overflow_returns_the_point_before_it():
    problem = random_problem(LASSO.scaled(0.05), 4)
    result = solve(problem, ProximalGradient(100.0), w0=np.zeros(20))
    assert result.status is Status.NOT_FINITE
    assert np.isfinite(result.w).all() and np.isfinite(result.certificate.objective)
    assert "infinite or NaN" in result.message


def test_a_last_iterate_that_is_kept_names_the_lower_objective_that_was_seen():
    problem = stochastic_problem()
    seen = []
    solver = ProxSGD(0.9, 4, epochs=4, random_state=1)
    check = {"check_passes": 1.0, "callback": lambda _, s, c: seen.append(c.objective)}
    result = solve(problem, solver, tol=None, **check)
    assert result.certificate.objective == seen[-1]
    # The start is no iterate of the method.
    assert min(seen[1:]) < seen[-1] and result.lower_objective == min(seen[1:])
    assert f"{min(seen[1:]):.6g}" in result.message and result.message.startswith(result.status.value)
    best = solve(problem, replace(solver, keep="best"), tol=None)
    assert best.lower_objective is None and best.message == best.status.value
    assert best.certificate.objective < result.certificate.objective


# -- slow progress ----------------------------------------------------------------------------------


def chain(d: int, stored="csc") -> Problem:
    """Differences of neighbours, whose Gram matrix is a band with condition number d²."""
    rng = np.random.default_rng(0)
    X = sparse.diags_array([np.ones(d), -np.ones(d)], offsets=[0, -1], shape=(d + 10, d), format=stored)
    y = X @ (np.cumsum(rng.standard_normal(d)) * 0.1) + 0.01 * rng.standard_normal(d + 10)
    return Problem(LeastSquares(X, y), designs.ridge(0.1, 200).scaled(1e-9))


@pytest.mark.parametrize("stored", ["csc", "csr"])
def test_one_free_column_more_changes_the_number_of_passes_by_little(stored):
    passes = {}
    for d in (999, 1000, 1001, 1500):
        result = solve(chain(d, stored), max_passes=6000)
        assert result.status.is_success
        passes[d] = result.passes
    assert max(passes.values()) <= 4000
    if CoordinateDescent().unsupported(chain(10)) is None:
        assert max(passes.values()) <= 30 * min(passes.values())


@pytest.mark.parametrize("intercept", [False, True])
def test_a_long_chain_is_solved_in_as_many_passes_with_an_intercept(intercept):
    loss = LeastSquares(chain(1500).loss.design.X, chain(1500).loss.y, fit_intercept=intercept)
    result = solve(Problem(loss, designs.ridge(0.1, 200).scaled(1e-9)), max_passes=6000)
    assert result.status.is_success and result.passes <= 4000


class Slow(ProximalGradient):
    """A solver that makes hardly any progress, at a hundred passes a step."""

    def step(self, problem, state):
        w = 0.999999 * state.w + 1e-6 * super().step(problem, state).w
        return replace(state, w=w, passes=state.passes + 100.0)


def test_slow_progress_hands_over_from_the_best_point(monkeypatch):
    problem = random_problem(designs.ridge(0.25, 6).scaled(0.01), 6)
    monkeypatch.setattr(_loop, "automatic_solver", lambda _: Slow())
    result = solve(problem, w0=np.full(20, 0.3))
    assert result.status is Status.CONVERGED
    passes = [record.passes for record in result.history]
    assert passes == sorted(passes) and 500.0 <= passes[-1] <= 1500.0


def test_where_nobody_is_left_slow_progress_ends_at_the_best_point(monkeypatch):
    problem = random_problem(designs.ridge(0.25, 6).scaled(0.01), 6)
    monkeypatch.setattr(_loop, "automatic_solver", lambda _: Slow())
    monkeypatch.setattr(_loop, "_other_solver", lambda _: Slow())
    result = solve(problem, w0=np.full(20, 0.3))
    assert result.status is Status.STALLED and 20_000.0 < result.passes <= 1.2 * 20_200.0
    assert result.certificate.objective <= problem.objective(np.full(20, 0.3))


def test_a_named_solver_is_never_replaced_for_being_slow():
    problem = random_problem(designs.ridge(0.25, 6).scaled(0.01), 6)
    result = solve(problem, Slow(), max_passes=5000.0)
    assert result.status is Status.MAX_ITER and result.n_iter == 50


def test_progress_is_looked_at_seldom_and_only_where_another_solver_may_take_over(monkeypatch):
    looks, is_slow = [], _loop._is_slow
    monkeypatch.setattr(_loop, "_is_slow", lambda *args: looks.append(1) or is_slow(*args))
    X = np.random.default_rng(5).standard_normal((5, 8))
    problem = Problem(LeastSquares(X, X[:, 0]), designs.lasso(0.25, 4).scaled(1e-3))
    solve(problem, FISTA(), tol=None, max_iter=3000, check_passes=1)
    assert not looks
    monkeypatch.setattr(_loop, "automatic_solver", lambda _: FISTA())
    solve(problem, tol=1e-300, max_iter=3000, check_passes=1)
    assert 0 < len(looks) <= 12


def test_a_start_whose_objective_overflows_is_none():
    rng = np.random.default_rng(6)
    Z = rng.standard_normal((30, 3))
    problem = Problem(LeastSquares(Z, Z @ [1.0, 2.0, 3.0]), PAR([0.0], [-1.0, 1.0]))
    assert np.array_equal(solve(problem, w0=np.full(3, 1e160)).w, solve(problem).w)


@pytest.mark.parametrize("name", SOLVERS)
def test_no_success_is_above_zero_coefficients(name):
    # The residual and the fall of the free coordinates are small far out, where F is a million.
    problem = Problem(LeastSquares([[1.0, 2.0]], [1.0]), PAR([-2e5], [0.0, 1e-4]))
    result = solve(problem, supported(name, problem), tol=1e-4, max_iter=2000)
    assert not result.status.is_success or result.certificate.objective <= 0.5 * (1 + 1e-4)


@pytest.mark.parametrize("size", [1e10, 1e20, 1e100])
def test_levels_that_are_large_beside_the_coefficients_do_not_hide_a_solution(size):
    A = np.random.default_rng(0).standard_normal((8, 20))
    b = A[:, :3].sum(axis=1)
    result = solve(Problem(LeastSquares(A * size, b), designs.lasso(0.25, 4).scaled(0.1 * size)))
    lasso = solve(Problem(LeastSquares(A, b), PAR([0.0], [-0.1, 0.1])))
    assert result.status.is_success
    assert result.certificate.objective == pytest.approx(lasso.certificate.objective, rel=1e-9)


def test_the_lowest_objective_that_was_seen_outlives_a_break():
    A = np.random.default_rng(0).standard_normal((8, 20))
    problem = Problem(LeastSquares(A, A[:, :3].sum(axis=1)), designs.lasso(0.25, 4).scaled(0.05))
    solver = StraightThrough(step_size=0.02, batch_size=3, epochs=40, random_state=0)
    whole, half = solve(problem, solver, tol=None), solve(problem, solver, tol=None, max_iter=30)
    rest = solve(problem, solver, tol=None, state=half.state)
    assert whole.lower_objective is not None and rest.message == whole.message


@pytest.mark.parametrize("most", [1, 2, 3, 1000])
def test_no_success_is_above_a_point_that_was_seen_however_short_the_budget(most):
    # The first step of this solver leads to a critical point that is higher than the start.
    penalty, root = PAR([-1.0, 0.0, 1.0], [-2.0, 1.7, -2.0, 2.0]), 2.0**0.5
    problem = Problem(LeastSquares(root * np.diag([1.0, 10.0]), root * np.array([-0.8, 10.0])), penalty)
    start = [-0.95, 1.0]
    result = solve(problem, ADMM(1e-3), w0=start, max_iter=most, check_passes=1e-9)
    assert result.certificate.objective <= problem.objective(start)
    assert result.status.is_success == (most == 1000)
    stopped = solve(problem, ADMM(1e-3), w0=start, check_passes=1e-9, callback=lambda n, *_: n == 1)
    assert stopped.n_iter == 1 and stopped.status is Status.COMPLETED


def test_a_default_start_that_was_never_checked_is_returned_where_all_else_is_worse():
    problem = random_problem(LASSO.scaled(0.1), 3)
    result = solve(problem, ProximalGradient(step_size=50.0), check_passes=1e6, max_iter=5)
    assert result.status is Status.MAX_ITER
    assert result.certificate.objective <= problem.objective(problem.start())


def test_a_zero_column_begins_at_the_minimum_of_the_penalty():
    penalty = PAR([-0.003, -0.001, 0.0005, 0.0015, 0.002], [-1.0, 2.0, -2.25, 0.25, 1.25, 0.5])
    problem = Problem(LeastSquares([[1.0, 0.0]], [1.0]), penalty)
    result = solve(problem, w0=[0.0, 8e7])
    assert result.status.is_success and result.passes < 100
    assert penalty.value(result.w[1]) == penalty.value(problem.start()[1])
