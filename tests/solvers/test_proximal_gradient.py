"""Proximal gradient: the written-out iteration, its rates, its descent, its step lengths."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, designs, solve
from parlin.penalty.prox import prox_naive
from parlin.solvers import ProximalGradient
from tests.cases import W, build
from tests.kkt import FOUR_BY_FIVE, MINIMUM, SOLUTION, Raw
from tests.random_par import NAMED

NONCONVEX = {name: p for name, p in NAMED if p.shape != "convex" and p.bounded_below}


def states(problem: Problem, solver, w0, count: int) -> list:
    """The state before the first step and after each of `count` steps."""
    found = [solver.init(problem, np.asarray(w0, dtype=np.float64))]
    for _ in range(count):
        found.append(solver.step(problem, found[-1]))
    return found


def gaussian(penalty: PAR, n: int = 12, d: int = 6, seed: int = 0, **options) -> Raw:
    rng = np.random.default_rng((31, seed))
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    return Raw(X, y, penalty.levels, penalty.slopes, **options)


# -- the iteration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "penalty", [designs.lasso(0.5, 3), W, designs.box(-0.5, 0.25)], ids=["lasso", "W", "box"]
)
@pytest.mark.parametrize("step", [0.05, 0.3])
def test_every_iterate_is_the_written_out_one(penalty, step):
    omega = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 1.0])
    s = np.linspace(0.5, 2.0, 12)
    raw = gaussian(penalty.scaled(0.2), sample_weight=s, penalty_weights=omega)
    problem = build(raw)
    w = np.array([0.3, -2.0, 0.0, 0.24, 1.0, -0.2])
    for state in states(problem, ProximalGradient(step_size=step), w, 8)[1:]:
        v = w + step * raw.X.T @ (s / s.sum() * (raw.y - raw.X @ w))
        w = np.array(
            [
                prox_naive(raw.levels, raw.slopes, x, step * o)[0] if o else x
                for x, o in zip(v, omega, strict=True)
            ]
        )
        assert np.allclose(state.w, w, rtol=0, atol=1e-13)
        w = state.w


def test_one_step_solves_an_orthogonal_design():
    # X'X/n = I: the proximal step of length 1 is the minimiser.
    Q, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((9, 4)))
    raw = Raw(3 * Q, np.arange(9.0), *_arrays(designs.ridge(0.5, 4)))
    last = states(build(raw), ProximalGradient("1/L"), np.full(4, 3.3), 1)[-1]
    assert raw.violation(last.w) <= 1e-14


def _arrays(penalty: PAR) -> tuple[np.ndarray, np.ndarray]:
    return penalty.levels, penalty.slopes


# -- rates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("solver", "budget"), [(ProximalGradient(), 40), (ProximalGradient("1/L"), 90)])
@pytest.mark.parametrize("w0", [np.zeros(5), np.array([2.0, -2, 2, -2, 2])], ids=["zero", "corner"])
def test_the_written_out_problem_is_solved_within_budget(solver, budget, w0):
    result = solve(build(FOUR_BY_FIVE), solver, w0=w0, tol=1e-10, check_passes=1e-9)
    assert np.allclose(result.w, SOLUTION, atol=1e-8)
    assert result.w[:3].tolist() == SOLUTION[:3].tolist()
    assert result.certificate.objective == pytest.approx(MINIMUM, rel=1e-14)
    assert result.n_iter <= budget


@pytest.mark.parametrize("w0", [np.zeros(5), np.array([2.0, -2, 2, -2, 2])], ids=["zero", "corner"])
def test_the_objective_falls_as_the_theorem_says(w0):
    # Theory 7: F(w_k) − F* <= L ‖w_0 − w*‖² / (2k).
    problem = build(FOUR_BY_FIVE)
    bound = problem.loss.lipschitz * np.sum((w0 - SOLUTION) ** 2) / 2
    ratios = [
        (FOUR_BY_FIVE.objective(state.w) - MINIMUM) * k / bound
        for k, state in enumerate(states(problem, ProximalGradient("1/L"), w0, 60))
        if k
    ]
    assert max(ratios) <= 1
    assert max(ratios) >= 0.01  # a bound that no run comes near would show little


def test_with_full_column_rank_the_distance_shrinks_by_the_condition_number():
    # Theory 7: ‖w⁺ − w*‖ <= (1 − μ/L) ‖w − w*‖.
    raw = gaussian(designs.ridge(0.25, 5).scaled(0.1))
    problem = build(raw)
    best = solve(problem, tol=1e-15).w
    eigenvalues = np.linalg.eigvalsh(raw.X.T @ raw.X / 12)
    factor = 1 - eigenvalues[0] / eigenvalues[-1]
    distances = [
        np.linalg.norm(s.w - best) for s in states(problem, ProximalGradient("1/L"), np.full(6, 3.0), 80)
    ]
    ratios = [after / before for before, after in pairwise(distances) if before > 1e-10]
    assert len(ratios) >= 20
    assert max(ratios) <= factor * (1 + 1e-6)
    assert max(ratios) >= 0.5 * factor


def test_the_quantized_coordinates_are_found_once_the_iterate_is_near_enough():
    # Theory 7, identification: δ from how far −∂_j f is from the ends of its interval, c from how far
    # the free coordinates are from the levels.
    problem, raw = build(FOUR_BY_FIVE), FOUR_BY_FIVE
    low, high = raw.clarke(SOLUTION)
    descent = raw.descent(SOLUTION).astype(float)
    quantized = np.isin(SOLUTION, raw.levels)
    inside = np.minimum(descent - low, high - descent)[quantized].min() / problem.loss.lipschitz
    free = np.abs(SOLUTION[~quantized, None] - raw.levels).min()
    near = False
    for before, after in pairwise(states(problem, ProximalGradient("1/L"), np.full(5, 2.0), 60)):
        if np.linalg.norm(before.w - SOLUTION) < min(inside, free):
            near = True
            assert np.array_equal(np.isin(after.w, raw.levels), quantized)
            assert np.array_equal(after.w[quantized], SOLUTION[quantized])
    assert near


# -- nonconvex penalties ----------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", NONCONVEX.values(), ids=NONCONVEX)
@pytest.mark.parametrize("solver", [ProximalGradient(), ProximalGradient("1/L")], ids=["backtracking", "1/L"])
def test_the_objective_never_rises(penalty, solver):
    for n, d in ((12, 6), (6, 15)):
        raw = gaussian(penalty.scaled(0.3), n, d, seed=n)
        problem = build(raw)
        start = np.clip(np.random.default_rng(2).uniform(-3, 3, d), *penalty.domain)
        found = states(problem, solver, start, 40)
        values = [problem.objective(state.w) for state in found]
        assert all(after <= before + 1e-13 * abs(before) for before, after in pairwise(values))
        assert values[-1] < values[0]


@pytest.mark.parametrize("name", ["W", "rippled", "sawtooth"])
def test_the_decrease_and_the_residual_are_within_the_theorem(name):
    # Theory 7: F(w⁺) <= F(w) − (1/(2γ) − L/2) ‖w⁺ − w‖², and with γ = 1/(2L)
    # min_{k <= T} dist(0, ∂F(w_k))² <= 18 L (F(w_0) − inf F) / T.
    penalty = {"W": W, "rippled": designs.rippled_mcp(0.5, 3), "sawtooth": designs.sawtooth(0.5, 3)}[name]
    raw = gaussian(penalty.scaled(0.3), 6, 15)
    problem = build(raw)
    L = problem.loss.lipschitz
    found = states(problem, ProximalGradient(step_size=0.5 / L), np.linspace(-2, 2, 15), 60)
    for before, after in pairwise(found):
        fall = problem.objective(before.w) - problem.objective(after.w)
        assert fall >= 0.5 * L * np.sum((after.w - before.w) ** 2) - 1e-13
    lowest = 15 * float(min(0.0, penalty.scaled(0.3).value(penalty.levels).min()))
    budget = 18 * L * (problem.objective(found[0].w) - lowest)
    squares = [np.sum(raw.distances(state.w) ** 2) for state in found[1:]]
    for k in range(1, len(squares) + 1):
        assert min(squares[:k]) <= budget / k


# -- step lengths -----------------------------------------------------------------------------------


def lengths(raw: Raw, found: list) -> np.ndarray:
    """The steps γ of a run without penalty, where every move is −γ ∇f."""
    moves = [after.w - before.w for before, after in pairwise(found)]
    gradients = [-raw.descent(state.w).astype(float) for state in found[:-1]]
    for move, gradient in zip(moves, gradients, strict=True):
        assert abs(move @ gradient) == pytest.approx(np.linalg.norm(move) * np.linalg.norm(gradient))
    return np.array([-(m @ g) / (g @ g) for m, g in zip(moves, gradients, strict=True)])


def unpenalised(penalty: PAR) -> Raw:
    return gaussian(penalty, penalty_weights=np.zeros(6))


def test_backtracking_keeps_every_step_at_least_one_over_L_and_often_longer():
    raw = unpenalised(designs.lasso(0.25, 4))
    found = states(build(raw), ProximalGradient(), np.full(6, 2.0), 15)
    safe = 1 / np.linalg.eigvalsh(raw.X.T @ raw.X / 12)[-1]
    steps = lengths(raw, found)
    assert np.all(steps >= safe * (1 - 1e-9))
    assert steps.max() > 1.2 * safe
    assert np.ptp(steps) > 0
    for step, before, after in zip(steps, found, found[1:], strict=False):
        move = after.w - before.w
        curvature = np.sum((raw.X @ move) ** 2) / 12
        assert curvature * step <= move @ move * (1 + 1e-9) or step <= safe * (1 + 1e-9)


def test_a_step_of_one_over_L_is_that_of_the_largest_eigenvalue():
    # A little less for a nonconvex penalty, where F must fall by more than nothing.
    for penalty, low in ((designs.lasso(0.25, 4), 1 - 1e-9), (W, 0.9)):
        raw = unpenalised(penalty)
        found = states(build(raw), ProximalGradient("1/L"), np.full(6, 2.0), 5)
        relative = lengths(raw, found) * np.linalg.eigvalsh(raw.X.T @ raw.X / 12)[-1]
        assert np.all((low <= relative) & (relative <= 1 + 1e-9))
        assert (relative < 1 - 1e-3).all() == (low < 0.95)


def test_a_zero_design_is_solved_by_the_penalty_alone():
    problem = Problem(LeastSquares(np.zeros((3, 2)), np.ones(3)), designs.box(0.5, 2.0))
    result = solve(problem, ProximalGradient(), w0=[1.0, 7.0])
    assert result.status.is_success
    assert np.all((result.w >= 0.5) & (result.w <= 2.0))


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf, "L", "1/l"])
def test_a_wrong_step_size_is_refused_with_a_sentence(step):
    reason = ProximalGradient(step_size=step).unsupported(build(FOUR_BY_FIVE))
    assert reason.startswith("step_size must be None, '1/L' or a positive finite number, but is ")
    assert repr(step) in reason


@pytest.mark.parametrize("step", [None, "1/L", 0.1, 1, np.float64(0.1)])
def test_a_right_step_size_is_accepted(step):
    assert ProximalGradient(step_size=step).unsupported(build(FOUR_BY_FIVE)) is None


@pytest.mark.parametrize("solver", [ProximalGradient(), ProximalGradient("1/L"), ProximalGradient(0.01)])
def test_passes_are_half_the_products_with_the_data(solver, monkeypatch):
    problem = build(gaussian(designs.lasso(0.25, 4).scaled(0.05)))
    products = []
    for name in ("residual", "matvec", "rmatvec"):
        product = getattr(problem.loss.design, name)
        monkeypatch.setattr(
            problem.loss.design,
            name,
            lambda *vectors, p=product: products.append(1) or p(*vectors),
            raising=False,
        )
    state = states(problem, solver, np.full(6, 2.0), 10)[-1]
    assert state.passes == len(products) / 2


def test_a_state_is_not_changed_by_the_step_after_it():
    problem = build(FOUR_BY_FIVE)
    first = ProximalGradient().init(problem, np.full(5, 1.5))
    kept = copy.deepcopy(vars(first))
    ProximalGradient().step(problem, first)
    assert all(np.array_equal(value, kept[name]) for name, value in vars(first).items())
