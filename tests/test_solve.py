"""The one loop with every solver: correct points, honest statuses, budgets kept, inputs left alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import parlin.solvers
from parlin import PAR, LeastSquares, Problem, Result, Status, alpha_max, certify, designs, multi_start, solve
from parlin.reference import solve_with_cvxpy
from parlin.solve import automatic_solver, default_start
from parlin.solvers import ADMM, FISTA, ProximalGradient
from tests.kkt import FOUR_BY_FIVE, MINIMUM, SOLUTION, Raw
from tests.random_par import NAMED

SOLVERS = {name: getattr(parlin.solvers, name)() for name in parlin.solvers.__all__} | {
    "ProximalGradient-1/L": ProximalGradient("1/L"),
    "FISTA-textbook": FISTA(restart=False),
    "auto": "auto",
}
W = PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0])
ASYMMETRIC = PAR([-1.0, 0.5, 2.0], [-2.0, 0.3, 1.0, 4.0])


def build(raw: Raw) -> Problem:
    loss = LeastSquares(raw.X, raw.y, raw.sample_weight, raw.intercept)
    return Problem(loss, PAR(raw.levels, raw.slopes), raw.penalty_weights)


def supported(name: str, problem: Problem):
    """The solver, or a skip with its own reason why it cannot treat the problem."""
    solver = SOLVERS[name]
    reason = None if solver == "auto" else solver.unsupported(problem)
    if reason is not None:
        pytest.skip(reason)
    return solver


def random_raw(penalty: PAR, n: int, d: int, seed: int, **options) -> Raw:
    rng = np.random.default_rng((seed, n, d))
    X = rng.standard_normal((n, d))
    y = X @ (rng.standard_normal(d) * (rng.random(d) < 0.5)) + 0.5 * rng.standard_normal(n)
    return Raw(X, y, penalty.levels, penalty.slopes, **options)


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


@pytest.mark.parametrize("name", parlin.solvers.__all__)
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
    "asymmetric": ASYMMETRIC,
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


# -- the same problem in other words ----------------------------------------------------------------


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


# -- scales -----------------------------------------------------------------------------------------


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


# -- degenerate data --------------------------------------------------------------------------------


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
    "asymmetric": ASYMMETRIC,
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


# -- statuses ---------------------------------------------------------------------------------------


@pytest.fixture
def problem() -> Problem:
    return build(random_raw(designs.lasso(0.25, 6).scaled(0.05), 10, 25, seed=13))


def test_every_status_is_a_sentence_of_its_own_and_two_are_successes():
    sentences = [status.value for status in Status]
    assert len(set(sentences)) == len(sentences) == 6
    assert all(len(sentence.split()) >= 6 for sentence in sentences)
    assert {s for s in Status if s.is_success} == {Status.CONVERGED, Status.ROUNDING}
    assert "max_iter" in Status.MAX_ITER.value


@pytest.mark.parametrize("name", SOLVERS)
def test_a_budget_too_small_ends_as_max_iter_at_a_certified_point(name, problem):
    budget = 0 if name in ("auto", "CoordinateDescent") else 1  # one visit of its own solves a small problem
    result = solve(problem, supported(name, problem), max_iter=budget, tol=1e-30)
    assert result.status is Status.MAX_ITER
    assert result.n_iter == budget
    assert result.certificate == certify(problem, result.w, 1e-30)


@pytest.mark.parametrize("name", SOLVERS)
def test_no_tolerance_runs_the_whole_budget(name, problem):
    result = solve(problem, supported(name, problem), tol=None, max_iter=37)
    assert (result.status, result.n_iter) == (Status.COMPLETED, 37)
    assert result.history[-1].iteration == 37
    assert "tol=None" in Status.COMPLETED.value


@pytest.mark.parametrize("name", SOLVERS)
def test_a_long_run_without_tolerance_ends_where_it_converged(name):
    # Long after the iterate has stopped moving nothing may overflow: a step that grows by a tenth at
    # every iteration does so after 7448.
    problem = Problem(LeastSquares([[1.0]], [0.3]), designs.lasso(1.0, 2))
    solver = supported(name, problem)
    count = 8000 if name == "ProximalGradient" else 200
    result = solve(problem, solver, tol=None, max_iter=count, check_passes=1e6)
    assert (result.status, result.n_iter, result.w.tolist()) == (Status.COMPLETED, count, [0.0])


@pytest.mark.parametrize("name", SOLVERS)
def test_the_budget_of_passes_is_kept_to_one_iteration(name, problem):
    solver = supported(name, problem)
    each = np.diff(
        [r.passes for r in solve(problem, solver, tol=None, max_iter=30, check_passes=1e-9).history]
    )
    for budget in (0, 3, 17):
        result = solve(problem, solver, tol=None, max_passes=budget)
        assert result.status is Status.COMPLETED
        assert budget <= result.passes <= max(1.0, budget + each.max())
        assert result.passes == result.history[-1].passes


def test_zero_iterations_certify_the_start(problem):
    w0 = np.linspace(-1, 1, 25)
    result = solve(problem, FISTA(), w0=w0, max_iter=0)
    assert (result.status, result.n_iter, len(result.history)) == (Status.MAX_ITER, 0, 1)
    assert np.array_equal(result.w, w0)
    solution = solve(problem, tol=1e-12).w
    again = solve(problem, FISTA(), w0=solution, max_iter=0)
    assert (again.status, again.n_iter) == (Status.CONVERGED, 0)


def test_a_tolerance_below_what_float64_allows_ends_honestly(problem):
    for name, solver in SOLVERS.items():
        if solver != "auto" and solver.unsupported(problem) is not None:
            continue
        result = solve(problem, solver, tol=1e-18, max_iter=20_000)
        assert result.status is not Status.CONVERGED or result.certificate.strict_residual <= 1e-18, name
        assert result.certificate.strict_residual <= 1e-8, name


@pytest.mark.parametrize(
    "solver", [ProximalGradient(step_size=100.0), ProximalGradient(step_size=3.0)], ids=["fast", "slow"]
)
def test_a_run_that_diverges_is_no_success(solver, problem):
    result = solve(problem, solver)
    assert result.status is Status.NOT_FINITE
    assert not result.certificate.residual <= 1e-8


@pytest.mark.parametrize("name", SOLVERS)
def test_data_whose_objective_overflows_are_no_success(name):
    raw = random_raw(designs.lasso(1.0, 2).scaled(0.1), 3, 6, seed=14)
    problem = build(replace(raw, y=1e200 * raw.y))
    assert solve(problem, supported(name, problem), max_iter=50).status is Status.NOT_FINITE


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("name", SOLVERS)
def test_a_start_that_is_not_finite_ends_as_such_or_is_an_error(name, bad, problem):
    w0 = np.zeros(25)
    w0[3] = bad
    try:
        result = solve(problem, supported(name, problem), w0=w0, max_iter=50)
    except ValueError as error:
        assert "w0" in str(error)
    else:
        assert result.status is Status.NOT_FINITE


def test_an_iterate_that_repeats_itself_above_the_tolerance_has_stalled(problem):
    result = solve(problem, Lazy(), max_iter=1000)
    assert (result.status, result.n_iter) == (Status.STALLED, 1)


class Lazy(FISTA):
    """A solver that gives up at once."""

    def step(self, problem, state):
        return replace(state, done=True)


def test_the_representation_says_how_it_ended_and_how_good_the_point_is(problem):
    text = repr(solve(problem))
    assert text.startswith("Result(CONVERGED, n_iter=")
    assert "residual=" in text
    assert "of 25" in text


# -- the loop ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOLVERS)
def test_the_callback_sees_every_certificate_and_can_stop(name, problem):
    seen = []

    def callback(iteration, state, certificate):
        assert certificate == certify(problem, state.w, 1e-30)
        seen.append((iteration, state.passes, certificate))
        return len(seen) == 3

    result = solve(problem, supported(name, problem), tol=1e-30, check_passes=1e-9, callback=callback)
    assert [(r.iteration, r.passes) for r in result.history] == [entry[:2] for entry in seen]
    assert result.n_iter == seen[-1][0]
    assert len(seen) <= 3
    if len(seen) == 3:
        assert result.status is Status.COMPLETED
        assert result.w.shape == (25,)


def test_a_point_within_tolerance_is_converged_even_if_the_callback_stops_there(problem):
    w = solve(problem, tol=1e-12).w
    result = solve(problem, FISTA(), w0=w, callback=lambda *_: True)
    assert result.status is Status.CONVERGED


@pytest.mark.parametrize("name", SOLVERS)
def test_certificates_are_made_as_often_as_asked(name, problem):
    history = solve(problem, supported(name, problem), tol=None, max_iter=60, check_passes=5.0).history
    passes = np.array([record.passes for record in history])
    longest = np.diff(
        [r.passes for r in solve(problem, SOLVERS[name], tol=None, max_iter=60, check_passes=1e-9).history]
    ).max()
    assert np.all(np.diff(passes) >= 0)
    assert np.all(np.diff(passes)[:-1] <= 5.0 + longest + 1e-9)
    if name not in (
        "CoordinateDescent",
        "SemismoothNewton",
        "auto",
    ):  # it is done early, which is certified as well
        assert np.all(np.diff(passes)[:-1] >= 5.0)
    assert [r.iteration for r in history] == sorted({r.iteration for r in history})
    seconds = [record.seconds for record in history]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("name", SOLVERS)
def test_nothing_given_is_written_to(name):
    rng = np.random.default_rng(15)
    X, y = rng.standard_normal((12, 5)), rng.standard_normal(12)
    s, omega, w0 = rng.uniform(0.5, 2, 12), np.ones(5), rng.standard_normal(5)
    given = [X, y, s, omega, w0]
    before = [a.copy() for a in given]
    for a in given:
        a.flags.writeable = False
    for penalty in (designs.lasso(0.5, 3).scaled(0.1), W.scaled(0.1)):
        for form in (np.asarray, np.asfortranarray, sparse.csr_array):
            data = form(X)
            problem = Problem(LeastSquares(data, y, s, fit_intercept=True), penalty, omega)
            result = solve(problem, supported(name, problem), w0=w0)
            assert result.status.is_success
            assert not np.shares_memory(result.w, w0)
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array])
def test_repeated_entries_of_a_sparse_matrix_are_their_sum_and_stay_as_they_are(form, intercept):
    rng = np.random.default_rng(16)
    rows, columns = rng.integers(0, 8, 60), rng.integers(0, 4, 60)
    values = rng.standard_normal(60)
    X = form(sparse.coo_array((values, (rows, columns)), shape=(8, 4)))
    # The constructors sum duplicates; take the entries apart again.
    data, indices, indptr = np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr
    twice = form((data, indices, indptr), shape=(8, 4))
    assert twice.nnz == 2 * X.nnz
    y = rng.standard_normal(8)
    penalty = designs.lasso(0.25, 3).scaled(0.05)
    here, there = (Problem(LeastSquares(A, y, fit_intercept=intercept), penalty) for A in (X, twice))
    assert np.allclose(here.loss.coordinate_lipschitz, there.loss.coordinate_lipschitz)
    first, second = solve(here, tol=1e-10), solve(there, tol=1e-10)
    assert np.allclose(first.w, second.w, atol=1e-8)
    assert certify(there, first.w).residual == pytest.approx(certify(here, first.w).residual, abs=1e-12)
    assert twice.nnz == 2 * X.nnz


# -- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tol": 0.0}, "tol must be positive or None, but is 0.0"),
        ({"tol": -1.0}, "tol must be positive or None, but is -1.0"),
        ({"tol": math.nan}, "tol must be positive or None, but is nan"),
        ({"max_iter": -1}, "max_iter"),
        ({"max_passes": -1.0}, "max_passes"),
        ({"check_passes": 0.0}, "check_passes"),
        ({"w0": [1.0, 2.0]}, r"w0 must have shape \(25,\), but has shape \(2,\)"),
        ({"solver": "fista"}, "solver must be 'auto' or such as parlin.solvers.FISTA.., but is 'fista'"),
        ({"solver": ADMM(rho=-1.0)}, "rho must be None or a positive finite number, but is -1.0"),
        (
            {"solver": ProximalGradient(step_size=0.0)},
            "step_size must be .* positive finite number, but is 0.0",
        ),
        ({"solver": ProximalGradient(step_size="L")}, "step_size must be .*but is 'L'"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_what_is_needed(options, message, problem):
    with pytest.raises(ValueError, match=message):
        solve(problem, **options)


@pytest.mark.parametrize("wrong", [42, None, FISTA], ids=["a number", "None", "a class"])
def test_a_solver_of_the_wrong_kind_is_an_error_that_says_what_is_needed(wrong, problem):
    with pytest.raises((TypeError, ValueError), match="solver must be"):
        solve(problem, wrong)


def test_more_rows_than_weights_and_targets_is_an_error_that_names_the_shapes():
    with pytest.raises(ValueError, match="shape"):
        LeastSquares(np.ones((3, 2)), [1.0, 2.0], sample_weight=[1.0, 0.0])


# -- starts -----------------------------------------------------------------------------------------


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
    for penalty, point in ((designs.box(0.5, 2.0), 0.5), (designs.lasso(1.0, 2), 0.0), (ASYMMETRIC, 0.5)):
        raw = random_raw(penalty, 6, 3, seed=20, penalty_weights=np.array([1.0, 0.0, 2.0]))
        expected = [point, 0.0, point] if penalty is not ASYMMETRIC else [-1.0, 0.0, -1.0]
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


def test_where_coordinate_descent_stalls_the_automatic_choice_goes_on():
    # y = 0, a penalty that is steep away from 0, and columns whose scales differ by six decades.
    rng = np.random.default_rng([3, 299])
    n, d = int(rng.integers(1, 30)), int(rng.integers(1, 50))
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-3, 3, d)
    penalty = PAR([-1.0, -0.25, 0.5, 2.0], [-np.inf, -2.0, -0.5, 0.25, 3.0])
    problem = Problem(LeastSquares(X, np.zeros(n), fit_intercept=True), penalty.scaled(1e-5))
    alone = SOLVERS["CoordinateDescent"]
    if alone.unsupported(problem) is None:
        assert solve(problem, alone, tol=1e-9).status is Status.STALLED
    result = solve(problem, tol=1e-9)
    assert result.status.is_success
    assert [record.passes for record in result.history] == sorted({r.passes for r in result.history})


# -- defects of another program, by their names ------------------------------------------------------


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
