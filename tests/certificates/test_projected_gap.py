"""Dual points next to the residual, and what stands in where no gap exists."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, Status, certify, designs, solve
from parlin.certificates.duality_gap import duality_gap, possible_fall, projected_gap
from parlin.certificates.stopping import Met, check_point, how_met
from tests.cases import LASSO
from tests.fuzz.cases import Case
from tests.fuzz.exact import ExactProblem
from tests.fuzz.optimum import minimum
from tests.solve.cases import SOLVERS

FREE = [0.0, 0.0, 1.0]
DIAGONAL = {
    "eight and minus eight": [1e8, 1e-8, 1.0],
    "three and minus twelve": [1e3, 1e-12, 1.0],
    "two small ones": [1e-9, 1e-10, 1.0],
    "minus fourteen": [1.0, 1e-14, 1.0],
}


@pytest.mark.parametrize("name", DIAGONAL)
@pytest.mark.parametrize("stored", [np.asarray, sparse.csc_array])
@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2]])
def test_a_small_unpenalised_column_is_not_dropped_from_the_dual_point(order, stored, name):
    scales = np.array(DIAGONAL[name])[order]
    X = np.diag(scales)
    problem = Problem(LeastSquares(stored(X), np.ones(3)), designs.lasso(0.25, 4).scaled(0.01), FREE)
    solution = 1.0 / scales[:2]
    for k in range(2):
        w = np.array([*solution, 0.9655])
        w[k] = 0.0
        better = problem.objective([*solution, 0.9655])
        gap = certify(problem, w).gap
        true = (problem.objective(w) - better) / max(problem.loss.value_at_zero, problem.objective(w))
        assert gap is None or gap >= true * (1 - 1e-9)
        assert true > 0.3
    assert certify(problem, [*solution, 0.9655]).gap <= 0.01


def test_the_gap_of_the_documented_point():
    penalty = designs.lasso(0.25, 4).scaled(0.01)
    problem = Problem(LeastSquares(np.diag([1e8, 1e-8, 1.0]), np.ones(3)), penalty, FREE)
    assert certify(problem, [1e-8, 0.0, 0.9655]).gap >= 0.333


def test_unpenalised_columns_too_close_to_dependent_have_no_gap():
    rng = np.random.default_rng(2)
    a = rng.standard_normal(9)
    near = a + 1e-12 * rng.standard_normal(9)
    X = np.column_stack((a, near, rng.standard_normal(9)))
    problem = Problem(LeastSquares(X, rng.standard_normal(9)), designs.ridge(0.5, 4), FREE)
    assert certify(problem, np.zeros(3)).gap is None
    X[:, 1] = rng.standard_normal(9)
    problem = Problem(LeastSquares(X, rng.standard_normal(9)), designs.ridge(0.5, 4), FREE)
    assert certify(problem, np.zeros(3)).gap > 0.0


def exact_case(seed: int, intercept: bool = False, free: bool = False) -> Case:
    """Whole numbers on scales that differ by up to a million."""
    rng = np.random.default_rng((3, seed))
    X = rng.integers(-4, 5, (5, 3)) * 10.0 ** rng.integers(-3, 4, 3)
    y = rng.integers(-9, 10, 5).astype(float)
    penalty = designs.lasso(0.5, 3).scaled(float(rng.choice([1e-6, 1e-3, 0.1])))
    weights = np.array([0.0, 1.0, 2.0]) if free else None
    return Case(X, y, penalty.levels, penalty.slopes, intercept=intercept, penalty_weights=weights)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_a_gap_bounds_the_exact_distance_to_the_minimum_from_any_point(intercept, free):
    tight = 0
    for seed in range(40):
        case = exact_case(seed, intercept, free)
        problem, exact = case.problem(), ExactProblem(case)
        if exact.rank < 3:
            continue
        best = minimum(exact, np.zeros(3))
        rng = np.random.default_rng(seed)
        near = best.w * (1 + 1e-9 * rng.standard_normal(3))
        for w in (best.w, np.zeros(3), near, best.w + rng.choice(2, 3)):
            true = float(exact.objective(w) - best.value)
            noise = 1e-13 * float(exact.loss_at_zero + exact.objective(w))
            chosen = np.union1d(np.flatnonzero(~problem.on_level(w)), problem.separable.unpenalised)
            for gap in (duality_gap(problem, w), projected_gap(problem, w, chosen)):
                assert gap is None or gap >= true - noise
                assert gap is None or gap >= 0.0
        gap = projected_gap(problem, best.w, np.flatnonzero(~problem.on_level(best.w)))
        tight += gap is not None and gap <= 1e-9 * float(exact.loss_at_zero)
    assert tight >= 20


def test_the_projected_gap_does_not_see_rounding_errors_of_large_columns():
    X, y = np.array([[3e-3, 3e-3], [6e5, -6e5]]), np.array([9.0, 5.0])
    problem = Problem(LeastSquares(X, y), PAR([0.0], [-2.6e-7, 2.6e-7]))
    w = np.array([1499.9711152777782, 1499.9711069444452])
    plain, projected = duality_gap(problem, w), projected_gap(problem, w, np.arange(2))
    assert projected <= 1e-10 * problem.value_scale(0.0) and projected <= plain


def test_slopes_beyond_the_domain_by_an_allowance_are_paid_for():
    problem = Problem(LeastSquares([[1.0]], [1.0]), LASSO.scaled(0.5))
    none = np.array([], dtype=int)
    w = np.array([0.4])  # the slope of the loss there is .6
    plain = projected_gap(problem, w, none)
    allowed = projected_gap(problem, w, none, np.array([0.2]))
    # With the slope at .5 the terms of loss and penalty vanish; .1 · 2 · .4 is added.
    assert plain == pytest.approx(0.5 * (0.6 - 0.5) ** 2)
    assert allowed == pytest.approx(2 * 0.1 * 0.4)


def test_too_many_columns_have_neither(monkeypatch):
    monkeypatch.setattr("parlin.certificates.duality_gap._MOST_PRODUCTS", 10.0)
    rng = np.random.default_rng(4)
    loss = LeastSquares(rng.standard_normal((6, 3)), rng.standard_normal(6))
    problem = Problem(loss, designs.ridge(0.5, 3))
    assert projected_gap(problem, np.full(3, 0.3), np.arange(3)) is None
    assert possible_fall(problem, np.full(3, 0.3), 1e-8) is None


# -- where no gap exists ----------------------------------------------------------------------------


def test_what_free_moves_gain_is_the_exact_fall_of_least_squares():
    for seed in range(20):
        rng = np.random.default_rng((5, seed))
        X, y = rng.integers(-4, 5, (5, 3)) * 10.0 ** rng.integers(-3, 4, 3), rng.integers(-9, 10, 5) + 0.0
        case = Case(X, y, np.empty(0), np.zeros(1), intercept=bool(seed % 2))
        exact = ExactProblem(case)
        w = rng.standard_normal(3)
        true = exact.objective(w) - minimum(exact, w).value
        assert possible_fall(case.problem(), w, 1e-8) == pytest.approx(float(true), rel=1e-7)
        assert isinstance(true, Fraction)


def test_a_fall_is_that_of_the_free_coordinates_alone_on_slopes_of_their_cells():
    # ½ (w − 3)² + ½ (v − 5)² with slopes 0 and 1: the free w falls by ½ (2 − 3)² where the slope is 0.
    penalty = PAR([0.0], [0.0, 1.0])
    root = math.sqrt(2.0)
    problem = Problem(LeastSquares(root * np.eye(2), [3.0 * root, -5.0 * root]), penalty)
    assert possible_fall(problem, np.array([1.0, 0.0]), 1e-8) == pytest.approx(0.5 * (3.0 - 1.0 - 1.0) ** 2)
    assert possible_fall(problem, np.array([2.0, -5.0]), 1e-8) == pytest.approx(0.0, abs=1e-28)
    assert possible_fall(problem, np.zeros(2), 1e-8) == 0.0


def test_a_fall_without_end_is_infinite():
    # Equal columns with slopes 0 and 1: along (1, −1) only the penalty changes, and it falls.
    X, y = np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([1.0, 2.0])
    problem = Problem(LeastSquares(X, y), PAR([0.0], [0.0, 1.0]), [1.0, 1.0])
    assert possible_fall(problem, np.array([-1.0, 2.0]), 1e-8) == math.inf
    assert possible_fall(problem, np.array([-1.0, 0.0]), 1e-8) == pytest.approx(0.5 * 2.5 * 2.0**2)
    assert how_met(problem, check_point(problem, np.array([-1.0, 2.0]), 1e-8), 1e-8, slopes=False) is Met.NOT


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_small_gradient_along_a_direction_of_small_curvature_is_no_solution(solver):
    X = np.array([[2.0, 1.9999999], [-2, -2.0000001], [-3, -2.9999998]])
    problem = Problem(LeastSquares(X, np.array([0.0, -3, -1])), PAR([], [0.0]))
    w = np.linalg.lstsq(X[:, :1], np.array([0.0, -3, -1]), rcond=None)[0]
    w = np.array([0.5 * w[0], 0.5 * w[0]])
    check = check_point(problem, w, 1e-5)
    assert check.residual <= 1e-5 and certify(problem, w).gap is None
    assert possible_fall(problem, w, 1e-8) > 0.4 * problem.loss.value_at_zero
    assert how_met(problem, check, 1e-5, slopes=False) is Met.NOT
    chosen = SOLVERS[solver]
    if solver == "auto" or chosen.unsupported(problem) is None:
        result = solve(problem, chosen, w0=w, tol=1e-5, max_iter=200)
        if result.status.is_success:
            assert result.certificate.objective == pytest.approx(0.1237373738, rel=1e-3)


def test_a_fall_within_rounding_errors_is_a_success_by_rounding():
    X = np.array([[2.0, 1.9999999], [-2, -2.0000001], [-3, -2.9999998]])
    problem = Problem(LeastSquares(X, np.array([0.0, -3, -1])), PAR([], [0.0]))
    w = np.array([-10757574.85398402, 10757575.76307493])
    check = check_point(problem, w, 1e-8)
    assert how_met(problem, check, 1e-8, slopes=False) is Met.ROUNDED
    exactly = Problem(LeastSquares(np.eye(2), [1.0, 2.0]), PAR([], [0.0]))
    result = solve(exactly)
    assert result.status is Status.CONVERGED and result.certificate.gap is None
