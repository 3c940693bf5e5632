"""A point is certified if and only if definitions written down here in NumPy say so."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from experiments.measure.certified_point import (
    TOLERANCE,
    CertifiedPoint,
    estimator_tolerance,
    excess_over_cvxpy,
    is_certified,
    smallest_slope,
    solve_to_slopes,
)
from parlin import PAR, LeastSquares, PARRidge, Problem, designs
from parlin.solvers import FISTA

X = np.random.default_rng(0).standard_normal((12, 5))
Y = X @ np.array([1.0, -0.5, 0.0, 0.25, 2.0]) + np.random.default_rng(1).standard_normal(12)
# One column of length √2: the loss is (w − c)²/2.
ONE = np.array([[1.0], [1.0]])


def one(centre: float, penalty: PAR) -> Problem:
    return Problem(LeastSquares(ONE, [centre, centre]), penalty)


def distance(problem: Problem, w: np.ndarray) -> float:
    """The largest distance of minus the gradient from the slopes on both sides of each coordinate."""
    loss, penalty, largest = problem.loss, problem.penalty, 0.0
    gradient = X.T @ (X @ w - Y) / Y.size
    for x, pull in zip(w, -gradient, strict=True):
        left = penalty.slopes[np.sum(penalty.levels < x)]
        right = penalty.slopes[np.sum(penalty.levels <= x)]
        low, high = min(left, right), max(left, right)
        largest = max(largest, low - pull, pull - high)
    assert loss.y.size == Y.size
    return largest


@pytest.mark.parametrize("alpha", [1.0, 1e-2, 1e-4])
def test_the_distance_from_the_slopes_decides_at_weak_strengths(alpha):
    problem = Problem(LeastSquares(X, Y), designs.ridge(0.5, 8).scaled(alpha))
    w = solve_to_slopes(problem).w
    assert distance(problem, w) <= 1e-8 * alpha * 0.25
    assert is_certified(problem, w)
    # So small a move leaves the residual, relative to the gradient at 0, far below the tolerance.
    free = problem.unquantized(w)
    for size, passes in ((1e-10, True), (1e-6, False)):
        moved = w.copy()
        moved[free[0]] += size * alpha
        assert (distance(problem, moved) <= 1e-8 * alpha * 0.25) == passes
        assert is_certified(problem, moved) == passes


def test_a_point_that_fits_the_data_at_a_weak_strength_is_not_certified():
    wide = np.random.default_rng(2).standard_normal((4, 9))
    problem = Problem(LeastSquares(wide, wide[:, 0]), designs.ridge(0.5, 8).scaled(1e-10))
    point = CertifiedPoint(problem, np.linalg.pinv(wide) @ wide[:, 0])
    assert point.certificate.residual <= TOLERANCE
    assert not point.certified and not point.critical and point.n_off_levels == 9


def test_the_residual_decides_at_strong_strengths():
    # With slopes of 1e9 a distance of 1 is small against them, and large against the gradient at 0.
    problem = one(1.0, PAR([0.0], [1e9, 2e9]))
    assert is_certified(problem, np.array([1.0 - 1e9]))
    found = CertifiedPoint(problem, np.array([2.0 - 1e9]))
    assert found.residual_over_slope <= TOLERANCE < found.certificate.residual
    assert not found.certified


def test_a_concave_kink_is_critical_in_the_sense_of_clarke_and_not_certified():
    w_shaped = PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0])
    kink = CertifiedPoint(one(0.0, w_shaped), np.zeros(1))
    assert kink.clarke_critical and not kink.certified and not kink.critical
    valley = CertifiedPoint(one(1.0, w_shaped), np.ones(1))
    assert valley.clarke_critical and valley.certified


@pytest.mark.parametrize("strength", [1.0, 1e-3, 1e-9, 1e-12])
def test_a_peak_is_certified_at_no_strength(strength):
    penalty = PAR([0.0, 1.0, 2.0], [-1.0, 1.0, -1.0, 1.0]).scaled(strength)
    assert not CertifiedPoint(one(1.0, penalty), np.ones(1)).certified


def test_a_local_minimum_that_a_move_to_another_cell_improves_is_critical_and_not_certified():
    # (w − 2.2)²/2 + ψ with slope 1 up to 1 and then 0.2: minima at 1.2 in the first cell, at 2 in the second.
    penalty = PAR([0.0, 1.5], [-1.0, 1.0, 0.2])
    point = CertifiedPoint(one(2.2, penalty), np.array([1.2]))
    step = np.linspace(-0.1, 0.1, 11)
    values = (1.2 + step - 2.2) ** 2 / 2 + np.where(1.2 + step <= 1.5, 1.2 + step, 1.5 + 0.2 * (step - 0.3))
    assert np.argmin(values) == 5
    assert (2.0 - 2.2) ** 2 / 2 + 1.5 + 0.2 * 0.5 < values[5]
    assert point.clarke_critical and not point.certified
    best = CertifiedPoint(point.problem, np.array([2.0]))
    assert best.clarke_critical and best.certified


@pytest.mark.parametrize(("excess", "passes"), [(None, True), (-1.0, True), (1e-8, True), (1.1e-8, False)])
def test_an_objective_above_that_of_cvxpy_is_not_certified(excess, passes):
    problem = one(1.0, designs.ridge(0.5, 4))
    w = solve_to_slopes(problem).w
    assert CertifiedPoint(problem, w, excess=excess).certified == passes
    assert CertifiedPoint(problem, w, excess=excess).critical


def test_without_a_slope_there_is_nothing_to_be_relative_to():
    problem = Problem(LeastSquares(X, Y), PAR([], [0.0]))
    assert is_certified(problem, np.linalg.lstsq(X, Y, rcond=None)[0])
    assert not is_certified(problem, np.zeros(5))


def test_no_number_and_no_solution_are_not_certified():
    problem = one(1.0, designs.ridge(0.5, 4))
    assert not is_certified(problem, np.array([np.nan]))
    assert not is_certified(problem, np.array([np.inf]))


def test_the_excess_is_relative_to_the_larger_of_both_objectives():
    penalty = designs.lasso(0.5, 4).scaled(0.3)
    problem = Problem(LeastSquares(X, Y), penalty)
    w = np.full(5, 0.3)

    def value(v):
        pieces = [s * v + c for s, c in lines(penalty)]
        return cp.sum(cp.maximum(*pieces))

    v = cp.Variable(5)
    program = cp.Problem(cp.Minimize(cp.sum_squares(Y - X @ v) / (2 * Y.size) + value(v)))
    least = program.solve(solver=cp.CLARABEL)
    ours = np.sum((Y - X @ w) ** 2) / (2 * Y.size) + sum(max(s * x + c for s, c in lines(penalty)) for x in w)
    expected = (ours - least) / max(np.mean(Y**2) / 2, abs(least))
    assert excess_over_cvxpy(problem, w) == pytest.approx(expected, rel=1e-6)
    best = CertifiedPoint(problem, solve_to_slopes(problem).w).compared_with_cvxpy()
    assert abs(best.excess) <= 1e-8 and best.certified
    assert best.moved(w).excess is None


def lines(penalty: PAR) -> list[tuple[float, float]]:
    """A convex penalty as the largest of affine functions, 0 at 0."""
    found = []
    for k, slope in enumerate(penalty.slopes):
        anchor = penalty.levels[min(k, penalty.levels.size - 1)]
        found.append((float(slope), float(penalty.value(np.array([anchor]))[0] - slope * anchor)))
    return found


def test_an_excess_of_a_negative_or_tiny_optimum_keeps_its_sign_and_size():
    # y = 0 with slopes above 0 on one side: the optimum is negative, so dividing by it would turn the sign.
    tilted = PAR([-1.0, 0.0], [-1.0, 0.5, 2.0])
    problem = one(1e-3, tilted)
    best = np.array([1e-3 - 0.5])
    assert abs(excess_over_cvxpy(problem, best)) <= 1e-8
    assert excess_over_cvxpy(problem, best + 0.1) == pytest.approx(0.005 / 0.1245, rel=0.02)


@pytest.mark.parametrize("solver", ["auto", FISTA()])
@pytest.mark.parametrize("alpha", [1e-1, 1e-5])
def test_what_is_solved_to_the_slopes_is_certified(solver, alpha):
    problem = Problem(LeastSquares(X, Y), designs.lasso(0.25, 12).scaled(alpha))
    result = solve_to_slopes(problem, solver)
    assert result.status.is_success and is_certified(problem, result.w)


def test_the_tolerance_of_an_estimator_makes_its_coefficients_certified():
    alpha = 1e-5
    problem = Problem(LeastSquares(X, Y), designs.ridge(0.25, 12).scaled(alpha))
    model = PARRidge(
        alpha=alpha, spacing=0.25, n_levels=12, fit_intercept=False, tol=estimator_tolerance(problem)
    )
    assert is_certified(problem, model.fit(X, Y).coef_)
    assert estimator_tolerance(problem) == pytest.approx(
        1e-8 * alpha * 0.125 / np.abs(X.T @ Y / 12).max(), rel=1e-12
    )


def test_points_off_the_levels_are_counted_float_for_float():
    problem = Problem(LeastSquares(X, Y), designs.ridge(0.1, 20))
    w = np.array([0.1, 0.2, 0.30000000000000004, 0.55, 3.0])
    point = CertifiedPoint(problem, w, {"seed": 3})
    expected = [j for j, x in enumerate(w) if all(x != level for level in problem.penalty.levels)]
    assert point.off_levels.tolist() == expected
    assert point.n_off_levels == len(expected) and point.rate == 1 - len(expected) / 5
    assert point.rounded().n_off_levels == 0 and point.rounded().labels == {"seed": 3}


def test_purification_keeps_the_fit_and_leaves_at_most_the_rank():
    doubled = np.repeat(X[:3], 2, axis=1)
    problem = Problem(LeastSquares(doubled, Y[:3]), designs.ridge(0.5, 20).scaled(1e-3))
    point = CertifiedPoint(problem, solve_to_slopes(problem, FISTA()).w)
    after = point.purified()
    np.testing.assert_allclose(doubled @ after.w, doubled @ point.w, atol=1e-12)
    assert after.n_off_levels <= 3 and after.certified


def test_a_proof_is_about_levels_and_cells():
    problem = one(1.0, designs.ridge(0.5, 4))
    assert CertifiedPoint(problem, np.array([0.5])).proved
    assert not CertifiedPoint(problem, np.array([1.5])).proved


def test_the_smallest_slope_is_neither_zero_nor_infinite():
    assert smallest_slope(one(1.0, PAR([-1.0, 0.0, 1.0], [-np.inf, -0.5, 0.0, 2.0]))) == 0.5
