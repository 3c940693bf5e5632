"""Small problems on which a float64 run goes wrong unless care is taken; exact rationals give the minima."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, Status, certify, designs, solve
from tests.cases import LASSO
from tests.fuzz.cases import STORAGES, Case
from tests.fuzz.exact import ExactProblem
from tests.fuzz.optimum import minimum
from tests.solve.cases import SOLVERS, supported

STEEP = [-2.6e-7, 2.6e-7]
RIDGE = designs.ridge(1.0, 2).scaled(0.1)
# The case, its minimum, and a minimiser of it where it is known to that many digits.
CASES = {
    "one large row, an intercept": (
        Case(
            np.array([[-3e-3, -3e-3], [-2e-5, 2e-5], [-8e-6, -8e-6], [6e5, -6e5]]),
            np.array([-9.0, 4, 7, 5]), np.zeros(1), np.array(STEEP), intercept=True,
        ),
        0.57836776, [2418.790685547776, 2418.7906864096894],
    ),
    "one large row": (
        Case(np.array([[3e-3, 3e-3], [6e5, -6e5]]), np.array([9.0, 5]), np.zeros(1), np.array(STEEP)),
        7.8e-4, [1499.97112, 1499.97111],
    ),
    "nearly equal columns": (
        Case(
            np.array([[-3.0, -3.0000003, 1], [-3, -3.0000002, -3], [3, 2.9999997, 0]]),
            np.array([-2.0, 2, -3]), RIDGE.levels, RIDGE.slopes, penalty_weights=np.array([0.0, 0, 1]),
        ),
        0.0408648393, [-6942344.353917805, 6942344.045978296, -0.8085066165246301],
    ),
    "nearly equal columns, no penalty": (
        Case(
            np.array([[2.0, 1.9999999], [-2, -2.0000001], [-3, -2.9999998]]), np.array([0.0, -3, -1]),
            np.empty(0), np.zeros(1),
        ),
        0.1237373738, [-10757574.9, 10757575.8],
    ),
}  # fmt: skip
# Relatives of these, whose minimum is found exactly in the test.
RELATIVES = {
    "a large row among more columns": Case(
        np.array([[2e-3, 1e-3, 1], [4e5, -4e5, 2], [1e-3, 3e-3, -1], [-2e5, 2e5, 1]]),
        np.array([3.0, 1, -6, 2]), np.array([0.0, 1.0]), np.array([-1e-7, 1e-7, 3e-7]),
    ),
    "a large row that weighs most": Case(
        np.array([[2e-3, 2e-3], [3e5, -3e5], [1e-3, 2e-3]]), np.array([4.0, 7, -1]), np.zeros(1),
        np.array([-1e-7, 1e-7]), sample_weight=np.array([1.0, 5.0, 2.0]), storage="csc",
    ),
    "nearly equal columns in a lasso": Case(
        np.array([[1.0, 1.0000001], [2, 2.0000001], [-1, -1.0000002], [0, 1e-7]]),
        np.array([1.0, -2, 3, 1]), np.zeros(1), np.array([-1e-9, 1e-9]), storage="F",
    ),
    "nearly equal columns that are free": Case(
        np.array([[1.0, 1.0000001, 2], [-1, -1.0000003, 1], [2, 2.0000001, 0], [0, 0, 1]]),
        np.array([1.0, 2, -1, 3]), RIDGE.levels, RIDGE.slopes, penalty_weights=np.array([0.0, 0.0, 1.0]),
    ),
    "nearly equal columns far from zero": Case(
        np.array([[1.0, 1.000001], [3, 3.000002], [-2, -2.000001], [0, 1e-6]]) + 64.0,
        np.array([1.0, 5, 2, -3]), np.empty(0), np.zeros(1), intercept=True, storage="csr",
    ),
}  # fmt: skip
EVERY = {name: case for name, (case, _, _) in CASES.items()} | RELATIVES


def least(case: Case) -> float:
    """The exact minimum."""
    return float(minimum(ExactProblem(case), np.zeros(case.shape[1])).value)


def objective(case: Case, w: np.ndarray) -> float:
    """F(w) without a rounding error but the last."""
    return float(ExactProblem(case).objective(w))


@pytest.mark.parametrize("name", CASES)
def test_the_minima_are_those_stated(name):
    case, value, w = CASES[name]
    assert least(case) == pytest.approx(value, rel=1e-4 if name == "one large row" else 1e-7)
    assert minimum(ExactProblem(case), np.zeros(len(w))).w == pytest.approx(w, rel=1e-8)


@pytest.mark.parametrize("name", EVERY)
def test_coordinate_descent_reaches_the_minimum(name):
    case = EVERY[name]
    problem = case.problem()
    for solver in (supported("CoordinateDescent", problem), "auto"):
        result = solve(problem, solver)
        assert result.status.is_success
        size = max(problem.loss.value_at_zero, 1e-300)
        assert objective(case, result.w) - least(case) <= 1e-7 * size
        assert result.certificate.objective == pytest.approx(objective(case, result.w), abs=1e-7 * size)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("solver", SOLVERS)
def test_no_solver_calls_a_point_a_success_that_is_not_next_to_the_minimum(solver, name):
    case = EVERY[name]
    problem = case.problem()
    result = solve(problem, supported(solver, problem), max_iter=2000)
    size = problem.loss.value_at_zero
    value, start = objective(case, result.w), objective(case, np.zeros(case.shape[1]))
    assert value <= start * (1 + 1e-12)
    if result.status.is_success:
        assert value - least(case) <= 1e-6 * size
        gap = result.certificate.gap
        assert gap is None or gap <= 1e-6


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("distance", [1e-6, 2e-7, 1e-7])
def test_two_nearly_equal_columns_of_any_storage_take_no_step_uphill(distance, storage):
    rng = np.random.default_rng(5)
    a = rng.integers(-4, 5, 12).astype(float)
    X = np.column_stack((a, a + distance * rng.integers(-4, 5, 12), rng.integers(-4, 5, 12)))
    y = rng.integers(-4, 5, 12).astype(float)
    for intercept in (False, True):
        case = Case(X, y, RIDGE.levels, RIDGE.slopes, storage, intercept=intercept,
                    penalty_weights=np.array([0.0, 0.0, 1.0]))  # fmt: skip
        problem = case.problem()
        solver = supported("CoordinateDescent", problem)
        result = solve(problem, solver, max_iter=300)
        assert result.status.is_success
        assert objective(case, result.w) - least(case) <= 1e-7 * problem.loss.value_at_zero
        assert result.n_iter <= 50


def test_two_nearly_equal_columns_of_many_are_solved_in_few_steps():
    rng = np.random.default_rng(6)
    X = rng.standard_normal((200, 50))
    X[:, 1] = X[:, 0] + 5e-8 * rng.standard_normal(200)
    y = X[:, 2:6].sum(axis=1) + rng.standard_normal(200)
    problem = Problem(LeastSquares(X, y), PAR([], [0.0]))
    result = solve(problem, supported("CoordinateDescent", problem), max_iter=200)
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    assert result.status.is_success
    assert result.certificate.objective <= problem.objective(best) * (1 + 1e-7)


# -- without a scale --------------------------------------------------------------------------------

SIGNAL_FREE = {
    "a box": (np.array([[1.0, 2], [3, -1], [0, 1]]), designs.box(-1, 1), [0.3, -0.2]),
    "a lasso": (np.array([[1.0, 2], [3, -1], [0, 1]]), designs.lasso(0.25, 3), [0.3, -0.2]),
    "no penalty": (np.array([[2.0, 1], [-1, 3], [1, 1]]), PAR([], [0.0]), [1.0, 2.0]),
    "large entries": (1e6 * np.array([[1.0, 2], [3, -1], [0, 1]]), designs.box(-1, 1), [0.3, -0.2]),
    "small entries": (1e-6 * np.array([[1.0, 2], [3, -1], [0, 1]]), designs.ridge(0.5, 2), [0.3, -0.2]),
}


@pytest.mark.parametrize("name", SIGNAL_FREE)
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("solver", ["auto", "CoordinateDescent", "SemismoothNewton"])
def test_constant_targets_are_solved_from_any_start(solver, constant, name):
    X, penalty, w0 = SIGNAL_FREE[name]
    if constant:
        X = np.vstack((X, X[:1] + 1.0))
    y = np.full(len(X), 7.0 * constant)
    problem = Problem(LeastSquares(X, y, fit_intercept=constant), penalty)
    result = solve(problem, supported(solver, problem), w0=w0)
    assert result.status is Status.CONVERGED
    assert result.w == pytest.approx([0.0, 0.0], abs=1e-8)
    assert certify(problem, [0.0, 0.0]).residual == 0.0
    assert certify(problem, w0).residual > 1e-3


def test_a_minimiser_of_the_penalty_is_no_solution_by_the_lack_of_a_scale():
    # y = 0 and a penalty that pulls: minimise w²/2 − 3w/10 for w in [0, 1].
    problem = Problem(LeastSquares([[1.0]], [0.0]), PAR([0.0, 1.0], [-1.0, -0.3, 2.0]))
    for w0 in ([0.0], [1.0], [0.9], [1e-200]):
        result = solve(problem, w0=w0)
        assert result.status is Status.CONVERGED
        assert result.w == pytest.approx([0.3], abs=1e-8)


# -- too small for squares --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-170, 1e-165, 1e-200])
def test_entries_whose_squares_vanish_are_refused_or_solved(size):
    try:
        result = solve(Problem(LeastSquares([[size]], [size]), PAR([], [0.0])))
    except ValueError as error:
        assert "small" in str(error)
        return
    assert not result.status.is_success or result.w == pytest.approx([1.0])


@pytest.mark.parametrize(("size", "target"), [(1e-160, 1.0), (1e-155, 1e-3), (3e-162, 1e100)])
def test_a_result_of_entries_whose_squares_nearly_vanish_can_be_printed(size, target):
    try:
        result = solve(Problem(LeastSquares([[size]], [target]), LASSO))
    except ValueError as error:
        assert "small" in str(error)
        return
    assert result.status.name in repr(result)
    if result.status.is_success:  # |x'y| <= 1 or w = (y − 1/x)/x
        assert result.w == pytest.approx([0.0 if size * target <= 1.0 else (target - 1.0 / size) / size])


@pytest.mark.parametrize("x", [0, -500, -560])
@pytest.mark.parametrize("y", [0, -400, -520])
def test_problems_whose_squares_vanish_are_those_in_larger_units_digit_for_digit(x, y):
    rng = np.random.default_rng(7)
    X, targets = rng.standard_normal((8, 4)), rng.standard_normal(8)
    for penalty in (designs.lasso(0.25, 3).scaled(0.05), designs.rippled_mcp(0.25, 3).scaled(0.05)):
        slopes, levels = np.ldexp(penalty.slopes, x + y), np.ldexp(penalty.levels, y - x)
        if np.any(slopes == 0.0) and np.any(penalty.slopes != 0.0) and x + y < -1000:
            continue
        tiny = LeastSquares(np.ldexp(X, x), np.ldexp(targets, y), fit_intercept=True)
        ordinary = LeastSquares(X, targets, fit_intercept=True)
        a, b = solve(Problem(ordinary, penalty)), solve(Problem(tiny, PAR(levels, slopes)))
        assert a.status.is_success and b.status.is_success
        np.testing.assert_allclose(np.ldexp(b.w, x - y), a.w, rtol=1e-9)
        assert b.certificate.gap == pytest.approx(a.certificate.gap, rel=1e-6, abs=1e-12)
        assert b.certificate.quantization_rate == a.certificate.quantization_rate


def test_a_column_too_small_beside_others_is_refused_by_its_number():
    with pytest.raises(ValueError, match=r"column 1 of X is so much smaller"):
        LeastSquares([[1.0, 1e-170], [2.0, 3e-170]], [1.0, 2.0])


@pytest.mark.parametrize("power", [-120, -60, 60, 120])
def test_a_scaled_problem_has_the_scaled_solution(power):
    unit = 10.0**power
    rng = np.random.default_rng(8)
    X, y = rng.standard_normal((9, 4)), rng.standard_normal(9)
    for penalty in (designs.ridge(0.5, 3), designs.rippled_mcp(0.5, 3)):
        here = Problem(LeastSquares(X, y), penalty.scaled(0.1))
        there = Problem(LeastSquares(X, unit * y), PAR(unit * penalty.levels, 0.1 * unit * penalty.slopes))
        a, b = solve(here), solve(there)
        assert a.status.is_success and b.status.is_success
        assert b.w == pytest.approx(unit * a.w, rel=1e-7)
        assert b.certificate.gap == pytest.approx(a.certificate.gap, rel=1e-6, abs=1e-12)


# -- gaps are never negative ------------------------------------------------------------------------


def test_no_gap_is_negative():
    for seed in range(200):
        rng = np.random.default_rng((9, seed))
        X, y = rng.integers(-3, 4, (4, 3)).astype(float), rng.integers(-3, 4, 4) / 3.0
        penalty = designs.lasso(1 / 3, 3).scaled(float(rng.choice([0.1, 0.3, 1 / 7])))
        problem = Problem(LeastSquares(X, y, fit_intercept=bool(seed % 2)), penalty, [0.0, 1.0, 0.7])
        for w in (solve(problem).w, np.zeros(3), rng.choice(penalty.levels, 3)):
            gap = certify(problem, w).gap
            assert gap >= 0.0 and math.isfinite(math.sqrt(gap))


# -- every solver alike -----------------------------------------------------------------------------

LEVELS = [
    -117703.66666666667, -114955.66666666667, -16730.0, 11224.0, 54742.333333333336, 59163.333333333336,
    65776.33333333333, 142074.0,
]  # fmt: skip
SLOPES = [
    -np.inf, -1.1412929242633276, -4.2751405203223203e-07, -4.1644042472726587e-07, -4.1180609347908464e-07,
    0.0, 123.71389890639841, 2970446612.644929, np.inf,
]  # fmt: skip


@pytest.mark.parametrize("solver", ["auto", "CoordinateDescent"])
@pytest.mark.parametrize("scale", [1.0, 2.0**-20, 2.0**20])
def test_no_more_coefficients_are_free_than_the_rank_though_columns_differ_by_ten_million(scale, solver):
    X = np.asfortranarray([[-7e6, 0.6]]) * scale
    problem = Problem(LeastSquares(X, np.array([2.0])), PAR(LEVELS, SLOPES))
    supported("CoordinateDescent", problem)  # which "auto" begins with
    result = solve(problem, supported(solver, problem), tol=1e-6)
    assert result.status.is_success
    assert problem.unquantized(result.w).size <= 1


@pytest.mark.parametrize("seed", range(12))
def test_centred_columns_have_one_row_less(seed):
    rng = np.random.default_rng((10, seed))
    n, d = 3, 6
    X = rng.integers(-3, 4, (n, d)) * 10.0 ** rng.integers(-3, 4, d)
    y = rng.integers(-4, 5, n).astype(float)
    problem = Problem(LeastSquares(X, y, fit_intercept=True), designs.ridge(0.5, 4).scaled(1e-3))
    result = solve(problem, supported("CoordinateDescent", problem))
    moved = problem.loss.design.column_norms[problem.unquantized(result.w)] > 0
    assert result.status.is_success and np.count_nonzero(moved) <= n - 1


SPIKE = np.zeros((100, 1))
SPIKE[0] = 3e-100
TINY = {
    "mostly zeros": (SPIKE, np.arange(100.0) + 1.0, None, False),
    "beside a constant": ([[5.0, 1e-170], [5.0, 2e-170], [5.0, -1e-170]], [1.0, 2.0, 4.0], None, True),
    "of little weight": ([[0.0], [1.0]], [1.0, 2.0], [1.0, 1e-250], False),
}


@pytest.mark.parametrize("stored", [np.asarray, sparse.csc_array])
@pytest.mark.parametrize("name", TINY)
def test_columns_whose_squares_underflow_for_whatever_reason_are_solved(name, stored):
    X, y, weights, intercept = TINY[name]
    X, y = np.asarray(X), np.asarray(y)
    problem = Problem(LeastSquares(stored(X), y, weights, intercept), PAR([], [0.0]))
    result = solve(problem)
    assert result.status.is_success
    j, s = X.shape[1] - 1, np.ones(y.size) if weights is None else np.asarray(weights)
    x, t = X[:, j] / np.abs(X[:, j]).max(), y
    if intercept:
        x, t = x - x.mean(), y - y.mean()
    expected = (s * x) @ t / ((s * x) @ x) / np.abs(X[:, j]).max()
    assert result.w[j] == pytest.approx(expected, rel=1e-12)
    assert certify(problem, result.w).residual <= 1e-8
