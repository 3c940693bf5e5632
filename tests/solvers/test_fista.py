"""FISTA: the textbook iteration, its rate, restart, and descent where the penalty is nonconvex."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, designs, solve
from parlin.penalty.prox import prox_naive
from parlin.solvers import FISTA, ProximalGradient
from tests.cases import W, build
from tests.kkt import FOUR_BY_FIVE, MINIMUM, SOLUTION, Raw
from tests.random_par import NAMED

NONCONVEX = {name: p for name, p in NAMED if p.shape != "convex" and p.bounded_below}


def states(problem: Problem, solver, w0, count: int) -> list:
    found = [solver.init(problem, np.asarray(w0, dtype=np.float64))]
    for _ in range(count):
        found.append(solver.step(problem, found[-1]))
    return found


def gaussian(penalty: PAR, n: int = 8, d: int = 5, seed: int = 0) -> Raw:
    rng = np.random.default_rng((32, seed))
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    return Raw(X, y, penalty.levels, penalty.slopes)


def step_length(raw: Raw) -> float:
    return len(raw.y) / np.linalg.norm(raw.X, 2) ** 2


# -- the iteration ----------------------------------------------------------------------------------


def textbook(raw: Raw, w0: np.ndarray, count: int) -> list[np.ndarray]:
    """Beck and Teboulle 2009, equations (4.1)–(4.3), one coordinate after the other."""
    step = step_length(raw)
    x, y, t = w0, w0, 1.0
    found = []
    for _ in range(count):
        v = y + step * raw.X.T @ (raw.y - raw.X @ y) / len(raw.y)
        following = np.array([prox_naive(raw.levels, raw.slopes, float(a), step)[0] for a in v])
        after = (1 + math.sqrt(1 + 4 * t * t)) / 2
        y = following + (t - 1) / after * (following - x)
        x, t = following, after
        found.append(x)
    return found


@pytest.mark.parametrize("penalty", [designs.lasso(0.25, 4), designs.box(-0.1, 0.2)], ids=["lasso", "box"])
def test_defect_P5_momentum_begins_where_the_textbook_says(penalty):
    # There the momentum of step k is used at step k + 1. Here the third iterate already carries
    # (t_2 − 1)/t_3 = .2817 of the move before it.
    raw = gaussian(penalty.scaled(0.05))
    start = np.clip(np.linspace(-2, 2, 5), *penalty.domain)
    found = states(build(raw), FISTA(restart=False), start, 40)[1:]
    for state, expected in zip(found, textbook(raw, start, 40), strict=True):
        assert np.allclose(state.w, expected, rtol=0, atol=1e-12)
    t2 = (1 + math.sqrt(5)) / 2
    weight = (t2 - 1) / ((1 + math.sqrt(1 + 4 * t2 * t2)) / 2)
    assert weight == pytest.approx(0.2817, abs=1e-4)
    extrapolated = found[1].w + weight * (found[1].w - found[0].w)
    assert np.allclose(found[1].extrapolated, extrapolated, rtol=0, atol=1e-15)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("penalty", [designs.lasso(0.25, 4), W], ids=["lasso", "W"])
def test_the_first_two_iterates_are_those_of_proximal_gradient(penalty, restart):
    # t_1 = 1: the first extrapolation is none.
    raw = gaussian(penalty.scaled(0.1))
    problem = build(raw)
    start = np.linspace(-2, 2, 5)
    plain = states(problem, ProximalGradient("1/L"), start, 3)
    fast = states(problem, FISTA(restart=restart), start, 3)
    assert [a.w.tolist() for a in plain[:3]] == [b.w.tolist() for b in fast[:3]]
    assert not np.array_equal(plain[3].w, fast[3].w)


def test_restart_changes_nothing_until_the_momentum_points_uphill():
    raw = gaussian(designs.lasso(0.25, 4).scaled(0.01), seed=1)
    problem = build(raw)
    start = np.full(5, 2.0)
    plain, restarted = (states(problem, FISTA(restart=r), start, 80) for r in (False, True))
    first = next(k for k, (a, b) in enumerate(zip(plain, restarted, strict=True)) if a.momentum != b.momentum)
    assert first > 2
    for a, b in zip(plain[:first], restarted[:first], strict=True):
        assert np.array_equal(a.w, b.w)
    # At the restart: the step's own direction and the move disagree, and the memory is gone.
    before, at = restarted[first - 1], restarted[first]
    assert (before.extrapolated - at.w) @ (at.w - before.w) > 0
    assert at.momentum == 1.0
    assert np.array_equal(at.extrapolated, at.w)


# -- rates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("solver", "budget"), [(FISTA(), 50), (FISTA(restart=False), 100)])
@pytest.mark.parametrize("w0", [np.zeros(5), np.array([2.0, -2, 2, -2, 2])], ids=["zero", "corner"])
def test_the_written_out_problem_is_solved_within_budget(solver, budget, w0):
    result = solve(build(FOUR_BY_FIVE), solver, w0=w0, tol=1e-10, check_passes=1e-9)
    assert np.allclose(result.w, SOLUTION, atol=1e-8)
    assert result.w[:3].tolist() == SOLUTION[:3].tolist()
    assert result.certificate.objective == pytest.approx(MINIMUM, rel=1e-14)
    assert result.n_iter <= budget


@pytest.mark.parametrize("w0", [np.zeros(5), np.array([2.0, -2, 2, -2, 2])], ids=["zero", "corner"])
def test_the_objective_falls_as_the_theorem_says(w0):
    # Theory 7: F(w_k) − F* <= 2 L ‖w_0 − w*‖² / (k + 1)², a theorem without restart.
    problem = build(FOUR_BY_FIVE)
    bound = 2 * problem.loss.lipschitz * np.sum((w0 - SOLUTION) ** 2)
    ratios = [
        (FOUR_BY_FIVE.objective(state.w) - MINIMUM) * (k + 1) ** 2 / bound
        for k, state in enumerate(states(problem, FISTA(restart=False), w0, 80))
        if k
    ]
    assert max(ratios) <= 1
    assert max(ratios) >= 0.01


def test_restart_pays_on_an_ill_conditioned_problem():
    rng = np.random.default_rng(33)
    X = rng.standard_normal((40, 10)) * np.logspace(0, -1.5, 10)
    penalty = designs.lasso(0.5, 3).scaled(1e-4)
    problem = build(Raw(X, X @ rng.standard_normal(10), penalty.levels, penalty.slopes))
    counts = [solve(problem, FISTA(restart=r), tol=1e-6).n_iter for r in (True, False)]
    assert counts[0] < 0.5 * counts[1]


# -- nonconvex penalties ----------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", NONCONVEX.values(), ids=NONCONVEX)
def test_the_objective_never_rises_where_the_penalty_is_nonconvex(penalty):
    for n, d in ((12, 6), (6, 15)):
        raw = gaussian(penalty.scaled(0.3), n, d, seed=n)
        problem = build(raw)
        start = np.clip(np.random.default_rng(3).uniform(-3, 3, d), *penalty.domain)
        values = [raw.objective(state.w) for state in states(problem, FISTA(), start, 40)]
        assert all(after <= before + 1e-13 * abs(before) for before, after in pairwise(values))
        assert values[-1] < values[0]


def test_the_textbook_method_would_rise_on_the_W():
    # Theory 7: no monotonicity without the safeguard, so the test above has something to guard.
    raw = gaussian(W.scaled(0.3), 6, 15, seed=6)
    start = np.random.default_rng(3).uniform(-3, 3, 15)
    values = [raw.objective(w) for w in textbook(raw, start, 200)]
    assert any(after > before + 1e-9 for before, after in pairwise(values))


def test_an_accelerated_step_is_kept_where_it_lowers_the_objective():
    # Otherwise the monotone variant would be proximal gradient in disguise.
    rng = np.random.default_rng(34)
    X = rng.standard_normal((60, 20)) * np.logspace(0, -1, 20)
    penalty = designs.rippled_mcp(0.5, 3).scaled(1e-3)
    problem = build(Raw(X, X @ rng.standard_normal(20), penalty.levels, penalty.slopes))
    start = np.zeros(20)
    fast = solve(problem, FISTA(), w0=start, check_passes=1.0)
    slow = solve(problem, ProximalGradient("1/L"), w0=start, check_passes=1.0)
    assert fast.status.is_success
    assert slow.status.is_success
    assert fast.n_iter < slow.n_iter


# -- the state --------------------------------------------------------------------------------------


def test_the_certified_point_is_the_output_of_the_prox_not_the_extrapolated_one():
    raw = gaussian(designs.lasso(0.25, 8).scaled(0.05), 6, 30)
    found = states(build(raw), FISTA(restart=False), np.full(30, 1.1), 30)
    moving = [s for s in found[3:] if not np.array_equal(s.w, s.extrapolated)]
    on = [np.isin(s.w, raw.levels).sum() for s in moving]
    off = [np.isin(s.extrapolated, raw.levels).sum() for s in moving]
    assert sum(on) > sum(off)


@pytest.mark.parametrize("penalty", [designs.lasso(0.25, 4), W], ids=["lasso", "W"])
def test_passes_are_half_the_products_with_the_data(penalty, monkeypatch):
    problem = build(gaussian(penalty.scaled(0.1)))
    products = []
    for name in ("residual", "matvec", "rmatvec"):
        product = getattr(problem.loss.design, name)
        monkeypatch.setattr(
            problem.loss.design,
            name,
            lambda *vectors, p=product: products.append(1) or p(*vectors),
            raising=False,
        )
    state = states(problem, FISTA(), np.full(5, 2.0), 25)[-1]
    assert state.passes == len(products) / 2


def test_a_zero_design_is_solved_by_the_penalty_alone():
    problem = Problem(LeastSquares(np.zeros((3, 2)), np.ones(3)), designs.box(0.5, 2.0))
    assert solve(problem, FISTA(), w0=[1.0, 7.0]).w.tolist() == [1.0, 2.0]


def test_a_state_is_not_changed_by_the_step_after_it():
    for raw in (FOUR_BY_FIVE, gaussian(W.scaled(0.1))):
        problem = build(raw)
        state = states(problem, FISTA(), np.full(5, 1.5), 4)[-1]
        kept = copy.deepcopy(vars(state))
        FISTA().step(problem, state)
        assert all(np.array_equal(value, kept[name]) for name, value in vars(state).items())
