"""Every solver reaches correct points: critical, within budget, no worse than an interior-point method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, Status, certify, designs, solve
from parlin.reference import solve_with_cvxpy
from parlin.solvers import ADMM, FISTA
from tests.cases import VALLEY_AT_MINUS_ONE, build
from tests.kkt import FOUR_BY_FIVE, MINIMUM, SOLUTION, Raw
from tests.random_par import NAMED
from tests.solve.cases import DETERMINISTIC, SOLVERS, random_raw, supported

# -- correct points ---------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [p for _, p in NAMED], ids=[name for name, _ in NAMED])
@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_reaches_a_critical_point_of_every_penalty(name, penalty):
    for raw in (
        random_raw(penalty.scaled(0.2), 15, 5, seed=1),
        random_raw(penalty.scaled(0.2), 12, 4, seed=2, intercept=True, sample_weight=np.linspace(0.5, 2, 12)),
    ):
        problem = build(raw)
        result = solve(problem, supported(name, problem), max_iter=5000)
        assert result.status is Status.CONVERGED, result
        assert raw.violation(result.w) <= 1.01e-8
        assert result.certificate == certify(problem, result.w)
        quantized = np.isin(result.w, penalty.quantization_levels)
        assert np.all(quantized | ~np.isin(result.w, penalty.levels))  # nothing rests on a concave kink


# Passes over the data to a residual of 1e-10 on the written-out problem; a new solver needs a line.
BUDGETS = {
    "ADMM": 130, "CoordinateDescent": 30, "FISTA": 50, "ProximalGradient": 50, "SemismoothNewton": 30,
}  # fmt: skip


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("w0", [None, [2.0, -2, 2, -2, 2]], ids=["default", "corner"])
def test_the_written_out_problem_is_solved_within_the_budget_of_its_solver(name, w0):
    problem = build(FOUR_BY_FIVE)
    result = solve(problem, supported(name, problem), w0=w0, tol=1e-10, check_passes=1e-9)
    assert np.allclose(result.w, SOLUTION, atol=1e-8)
    assert result.w[:3].tolist() == SOLUTION[:3].tolist()
    assert result.certificate.objective == pytest.approx(MINIMUM, rel=1e-14)
    assert result.certificate.gap <= 1e-9
    assert result.passes <= BUDGETS[name]


CONVEX = {
    "ridge": designs.ridge(0.5, 3),
    "lasso": designs.lasso(0.25, 6),
    "box": designs.box(-0.5, 1.0),
    "bounded ridge": designs.ridge(0.3, 2, bounded=True),
    "asymmetric": VALLEY_AT_MINUS_ONE,
    "half a box": PAR([0.0, 1.0], [-np.inf, 0.2, 1.0]),
}
CONVEX_DATA = {
    "wide": {},
    "tall with intercept": {"n": 30, "d": 12, "intercept": True},
    "sparse with intercept": {"sparse": True, "intercept": True},
    "sample weights": {"sample_weight": True, "intercept": True},
    "penalty weights with zeros": {"penalty_weights": True},
    "everything": {"sparse": True, "intercept": True, "sample_weight": True, "penalty_weights": True},
}


def convex_raw(kind: str, penalty: PAR, seed: int) -> Raw:
    options = {"n": 10, "d": 25} | CONVEX_DATA[kind]
    n, d = options["n"], options["d"]
    rng = np.random.default_rng((seed, list(CONVEX_DATA).index(kind)))
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-0.5, 0.3, d)
    if options.get("sparse"):
        X *= rng.random((n, d)) < 0.4
    y = X @ rng.standard_normal(d) + 2.0
    omega = None
    if options.get("penalty_weights"):
        omega = rng.uniform(0.3, 3.0, d)
        omega[[2, d - 1]] = 0.0
    s = rng.uniform(0.2, 3.0, n) if options.get("sample_weight") else None
    centred = X - np.average(X, axis=0, weights=s) if options.get("intercept") else X
    strength = 0.1 * np.max(np.abs(centred.T @ y)) / n
    scaled = penalty.scaled(strength)
    return Raw(X, y, scaled.levels, scaled.slopes, bool(options.get("intercept")), s, omega)


@pytest.mark.parametrize("kind", CONVEX_DATA)
@pytest.mark.parametrize("penalty", CONVEX.values(), ids=CONVEX)
def test_convex_solutions_are_no_worse_than_an_interior_point_method_and_pass_the_independent_check(
    penalty, kind
):
    raw = convex_raw(kind, penalty, seed=3)
    problem = build(raw)
    if "sparse" in kind or kind == "everything":
        loss = LeastSquares(sparse.csr_array(raw.X), raw.y, raw.sample_weight, raw.intercept)
        problem = Problem(loss, problem.penalty, raw.penalty_weights)
    reference = solve_with_cvxpy(problem)
    theirs = raw.objective(reference.w)
    for name, solver in SOLVERS.items():
        if solver != "auto" and solver.unsupported(problem) is not None:
            continue
        slow = name.startswith("ProximalGradient") or name == "FISTA-textbook"
        result = solve(problem, solver, tol=1e-9, max_iter=500 if slow else 20_000)
        if slow and result.status is Status.MAX_ITER:
            continue  # without restart the rate is a matter of conditioning; nothing is claimed
        assert result.status.is_success, (name, result)
        ours = raw.objective(result.w)
        assert ours <= theirs + 1e-8 * abs(theirs), name
        assert theirs <= ours + 1e-5 * abs(ours), name  # the comparison is with the same problem
        assert raw.violation(result.w) <= 1.01e-9, name
        assert result.certificate.objective == pytest.approx(ours, rel=1e-12)


def test_the_quantization_bound_holds_at_every_certified_point():
    # Theory 3.1: Gaussian X and nonzero slopes: at most n coordinates are off the grid.
    for shape in ("ridge", "lasso", "rippled_mcp", "sawtooth"):
        raw = random_raw(getattr(designs, shape)(0.25, 6).scaled(0.05), 8, 60, seed=4)
        problem = build(raw)
        for solver in SOLVERS.values():
            if solver != "auto" and solver.unsupported(problem) is not None:
                continue
            result = solve(problem, solver, tol=1e-10)
            assert result.status.is_success
            assert raw.unquantized(result.w).size <= 8


# -- defects of another program, by their names -----------------------------------------------------


def test_defect_P2_the_quantization_rate_counts_floats_equal_to_a_level_on_the_returned_point():
    # There: a tolerance of 1e-3, and for ADMM the variable that is never quantized.
    raw = random_raw(designs.lasso(0.25, 8).scaled(0.1), 20, 200, seed=23)
    problem = build(raw)
    states = []
    result = solve(problem, ADMM(), callback=lambda k, state, c: states.append(state) and False)
    on = np.isin(result.w, raw.levels).sum()
    assert result.certificate.on_level == on >= 180
    assert np.isin(states[-1].x, raw.levels).sum() < on  # the other variable: near the levels, not on them
    almost = np.nextafter(result.w, np.inf)
    assert certify(problem, almost).on_level == np.isin(almost, raw.levels).sum() < on


def test_defect_P4_a_small_move_of_the_accelerated_method_is_not_taken_for_a_solution():
    # There the residual is x1 − x in place of x1 − v, v the extrapolated point. At a turning point of
    # the momentum x1 = x nearly, far from the solution; every certificate here is of the point itself.
    # Two columns of sizes 1 and .188: FISTA swings along the second, and hardly moves at a turning point.
    penalty = designs.ridge(10.0, 3).scaled(1e-9)
    raw = Raw(np.diag([1.0, 0.188]), np.ones(2), penalty.levels, penalty.slopes)
    problem = build(raw)
    scale = np.array([0.5, 0.5 * 0.188])  # the largest |∂f(0)|, and in proportion to the columns
    tol, fooled, previous = 1e-3, [], np.full(2, np.inf)

    def callback(iteration, state, certificate):
        nonlocal previous
        move = np.max(np.abs(state.w - previous) * problem.loss.lipschitz / scale)
        true = float(np.max(raw.distances(state.w) / scale))
        assert certificate.residual == pytest.approx(true, rel=1e-6, abs=1e-12)
        if move <= tol < true:
            fooled.append(iteration)
        previous = state.w.copy()

    result = solve(problem, FISTA(restart=False), tol=tol, check_passes=1.0, callback=callback)
    assert result.status is Status.CONVERGED
    assert fooled, "the instance must have such turning points, or it shows nothing"
    assert result.n_iter > fooled[0]
