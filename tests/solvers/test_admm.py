"""ADMM: the splitting written out, its Lagrangian, its one factorisation, its stopping."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

import parlin.solvers.admm
from parlin import PAR, LeastSquares, Problem, Status, designs, solve
from parlin.penalty.prox import prox_naive
from parlin.solvers import ADMM
from tests.cases import W, build
from tests.kkt import FOUR_BY_FIVE, MINIMUM, SOLUTION, Raw


def states(problem: Problem, solver, w0, count: int) -> list:
    found = [solver.init(problem, np.asarray(w0, dtype=np.float64))]
    for _ in range(count):
        found.append(solver.step(problem, found[-1]))
    return found


def gaussian(penalty: PAR, n: int, d: int, seed: int = 0, **options) -> Raw:
    rng = np.random.default_rng((35, seed))
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    return Raw(X, y, penalty.levels, penalty.slopes, **options)


# -- the iteration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), [(9, 4), (4, 9)], ids=["tall", "wide"])
@pytest.mark.parametrize(
    "penalty", [designs.lasso(0.25, 4), W, designs.box(-0.1, 0.2)], ids=["lasso", "W", "box"]
)
def test_every_iterate_is_that_of_Douglas_and_Rachford(penalty, n, d):
    # With s = z − u/ρ: x = prox_{f/ρ}(s), z = prox_{ψ/ρ}(2x − s), s += z − x.
    rho = 0.7
    raw = gaussian(penalty.scaled(0.1), n, d)
    found = states(build(raw), ADMM(rho=rho), np.linspace(-1, 1, d), 25)
    H = raw.X.T @ raw.X / n
    s = found[1].w - found[0].dual / rho
    for k, state in enumerate(found[1:], start=1):
        x = np.linalg.solve(H + rho * np.eye(d), raw.X.T @ raw.y / n + rho * s)
        assert np.allclose(state.x, x, rtol=0, atol=1e-12), k
        z = np.array([prox_naive(raw.levels, raw.slopes, float(v), 1 / rho)[0] for v in 2 * x - s])
        if k + 1 < len(found):
            assert np.allclose(found[k + 1].w, z, rtol=0, atol=1e-12), k
        s = s + z - x


@pytest.mark.parametrize("intercept", [False, True])
def test_minus_the_dual_is_the_gradient_after_every_iteration(intercept):
    # Theory 7: what the order z, x, dual is for.
    raw = gaussian(W.scaled(0.2), 6, 9, intercept=intercept, sample_weight=np.linspace(0.5, 2, 6))
    problem = build(raw)
    for state in states(problem, ADMM(), np.linspace(-1, 1, 9), 20):
        assert np.allclose(-state.dual, problem.loss.gradient(state.x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("intercept", [False, True])
def test_the_identity_of_Woodbury_and_the_direct_factor_give_the_same_iterates(intercept, form):
    # Each sample thrice is the same problem with more samples than features: the other factorisation.
    raw = gaussian(designs.ridge(0.25, 4).scaled(0.1), 4, 9)
    wide = LeastSquares(form(raw.X), raw.y, fit_intercept=intercept)
    tall = LeastSquares(form(np.repeat(raw.X, 3, axis=0)), np.repeat(raw.y, 3), fit_intercept=intercept)
    penalty = PAR(raw.levels, raw.slopes)
    start = np.linspace(-1, 1, 9)
    for rho in (0.05, 1.0):
        first, second = (states(Problem(f, penalty), ADMM(rho=rho), start, 30) for f in (wide, tall))
        for a, b in zip(first, second, strict=True):
            assert np.allclose(a.w, b.w, rtol=0, atol=1e-11)
            assert np.allclose(a.x, b.x, rtol=0, atol=1e-11)


def test_the_certified_variable_is_the_quantized_one():
    raw = gaussian(designs.lasso(0.25, 8).scaled(0.05), 8, 40)
    result_states = []
    result = solve(build(raw), ADMM(), callback=lambda k, s, c: result_states.append(s) and False)
    last = result_states[-1]
    assert np.array_equal(result.w, last.w)
    assert np.isin(last.w, raw.levels).sum() >= 32
    assert np.isin(last.x, raw.levels).sum() == 0
    assert np.allclose(last.w, last.x, atol=1e-6)


def test_unpenalised_coordinates_are_solved_for():
    omega = np.array([1.0, 0.0, 1.0, 0.0])
    raw = gaussian(designs.lasso(0.25, 4).scaled(10.0), 9, 4, penalty_weights=omega)
    result = solve(build(raw), ADMM(), tol=1e-11)
    assert result.w[[0, 2]].tolist() == [0.0, 0.0]
    assert np.allclose(result.w[[1, 3]], np.linalg.lstsq(raw.X[:, [1, 3]], raw.y)[0], atol=1e-9)


# -- convergence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rho", "budget"), [(None, 130), (0.3, 120), (1.0, 60), (3.0, 120), (10.0, 350)])
def test_the_written_out_problem_is_solved_within_budget_for_every_rho(rho, budget):
    result = solve(build(FOUR_BY_FIVE), ADMM(rho=rho), tol=1e-10, check_passes=1e-9)
    assert np.allclose(result.w, SOLUTION, atol=1e-8)
    assert result.w[:3].tolist() == SOLUTION[:3].tolist()
    assert result.certificate.objective == pytest.approx(MINIMUM, rel=1e-14)
    assert result.n_iter <= budget


def lagrangian(raw: Raw, state, rho: float) -> float:
    gap = state.x - state.w
    smooth = 0.5 * np.mean((raw.y - raw.X @ state.x) ** 2)
    psi = sum(raw.penalty(float(z)) for z in state.w)
    return smooth + psi + state.dual @ gap + 0.5 * rho * gap @ gap


@pytest.mark.parametrize(
    "penalty", [W, designs.rippled_mcp(0.5, 3), designs.sawtooth(0.5, 3)], ids=["W", "mcp", "saw"]
)
@pytest.mark.parametrize("factor", [1.0, 1.5, None])
def test_the_augmented_lagrangian_never_rises_for_rho_from_L_on(penalty, factor):
    # Theory 7; u_0 = −∇f(x_0) makes it hold from the first iteration on. The default is L.
    raw = gaussian(penalty.scaled(0.3), 6, 15)
    problem = build(raw)
    L = np.linalg.norm(raw.X, 2) ** 2 / 6
    rho = None if factor is None else factor * L
    found = states(problem, ADMM(rho=rho), np.linspace(-2, 2, 15), 60)
    assert found[0].rho == pytest.approx(L if factor is None else rho)
    values = [lagrangian(raw, state, found[0].rho) for state in found]
    assert all(after <= before + 1e-12 * abs(before) for before, after in pairwise(values))
    assert values[-1] < values[0]


def test_it_does_rise_for_rho_far_below_L():
    raw = gaussian(W.scaled(0.3), 6, 15)
    rho = 0.05 * np.linalg.norm(raw.X, 2) ** 2 / 6
    values = [lagrangian(raw, s, rho) for s in states(build(raw), ADMM(rho=rho), np.linspace(-2, 2, 15), 60)]
    assert any(after > before + 1e-6 for before, after in pairwise(values))


# -- defect P3: it ignores tol, factorises at every iteration, and crashes on another loss -----------


def test_defect_P3_a_looser_tolerance_ends_earlier_and_keeps_its_word():
    raw = gaussian(designs.lasso(0.25, 8).scaled(0.05), 8, 40)
    problem = build(raw)
    results = [solve(problem, ADMM(), tol=tol, check_passes=1.0) for tol in (1e-2, 1e-5, 1e-9)]
    counts = [result.n_iter for result in results]
    assert counts == sorted(set(counts))
    for result, tol in zip(results, (1e-2, 1e-5, 1e-9), strict=True):
        assert result.status is Status.CONVERGED
        assert result.certificate.residual <= tol
        assert raw.violation(result.w) <= tol


@pytest.mark.parametrize(("n", "d"), [(9, 4), (4, 9)], ids=["tall", "wide"])
def test_defect_P3_the_matrix_is_factorised_once(n, d, monkeypatch):
    sizes = []
    original = parlin.solvers.admm.cho_factor

    def counted(matrix, **options):
        sizes.append(matrix.shape)
        return original(matrix, **options)

    monkeypatch.setattr(parlin.solvers.admm, "cho_factor", counted)
    result = solve(build(gaussian(designs.lasso(0.25, 8).scaled(0.05), n, d)), ADMM())
    assert result.n_iter > 5
    assert sizes == [(4, 4)]  # the smaller side


def test_defect_P3_another_loss_is_refused_with_a_sentence():
    class Curved(LeastSquares):
        quadratic = False

    problem = Problem(Curved(FOUR_BY_FIVE.X, FOUR_BY_FIVE.y), designs.lasso(1.0, 2))
    with pytest.raises(ValueError, match=r"ADMM .* needs a quadratic loss"):
        solve(problem, ADMM())


# -- parameters -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rho", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_rho_is_refused_with_a_sentence(rho):
    reason = ADMM(rho=rho).unsupported(build(FOUR_BY_FIVE))
    assert reason == f"rho must be None or a positive finite number, but is {rho!r}"


def test_a_rho_lost_in_rounding_is_an_honest_end_or_an_error_that_names_it():
    # Two equal columns and ρ = 1e-20: H + ρI is singular in float64.
    problem = Problem(LeastSquares(np.ones((5, 2)), np.arange(5.0)), designs.lasso(1.0, 2).scaled(0.1))
    try:
        result = solve(problem, ADMM(rho=1e-20), max_iter=50)
    except ValueError as error:
        assert "rho" in str(error)
    else:
        assert not result.status.is_success or result.certificate.residual <= 1e-8


def test_a_design_too_large_to_factorise_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(parlin.solvers.admm, "_LARGEST_FACTOR", 3)
    reason = ADMM().unsupported(build(FOUR_BY_FIVE))
    assert "4 > 3" in reason


@pytest.mark.parametrize(("n", "d", "cost"), [(4, 9, 1.0), (9, 4, 4 / 18)], ids=["wide", "tall"])
def test_passes_count_the_work_in_products_with_the_data(n, d, cost):
    # Wide: one product each way. Tall: a solve with a d × d factor costs d²; a pass 2nd.
    found = states(build(gaussian(designs.lasso(0.25, 4).scaled(0.05), n, d)), ADMM(), np.zeros(d), 6)
    assert found[0].passes == 1.0
    assert np.diff([state.passes for state in found]) == pytest.approx(cost)


def test_a_zero_design_is_solved_by_the_penalty_alone():
    problem = Problem(LeastSquares(np.zeros((3, 2)), np.ones(3)), designs.box(0.5, 2.0))
    assert solve(problem, ADMM(), w0=[1.0, 7.0]).w.tolist() == [1.0, 2.0]
