"""The optimality rule: residuals by the definition, and where rounding errors are allowed for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, certify, designs
from parlin.certificates.stopping import check_point, highest_allowed_objective, largest_ratio
from tests.cases import VALLEY_AT_A_QUARTER, W
from tests.certificates.cases import DATA, build, points, raw_problem

TOL = 1e-8


def scale_by_definition(raw) -> np.ndarray:
    """``max|∇f(0)| ‖X_j‖ / max_k ‖X_k‖``."""
    norms, _ = raw.norms()
    largest = np.max(np.abs(raw.descent(np.zeros(norms.size))))
    return (largest * norms / norms.max()).astype(np.float64)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("penalty", [VALLEY_AT_A_QUARTER, W, designs.box(-1.0, 0.5)])
def test_the_residual_is_the_largest_distance_relative_to_its_scale(penalty, kind):
    raw = raw_problem(kind, penalty.scaled(0.3))
    problem = build(raw)
    for w in points(raw):
        check = check_point(problem, w, TOL)
        expected = np.max(raw.distances(w) / scale_by_definition(raw))
        assert expected > 1e-3  # far above rounding errors
        assert check.residual == pytest.approx(expected, rel=1e-11)
        assert check.strict_residual == pytest.approx(expected, rel=1e-11)
        assert check.objective == pytest.approx(raw.objective(w), rel=1e-13)


@pytest.mark.parametrize("kind", DATA)
def test_the_numbers_that_stop_a_run_are_those_of_the_certificate(kind):
    raw = raw_problem(kind, VALLEY_AT_A_QUARTER)
    problem = build(raw)
    for w in points(raw):
        check, certificate = check_point(problem, w.copy(), TOL), certify(problem, w, TOL)
        for name in ("objective", "residual", "strict_residual"):
            assert getattr(check, name) == getattr(certificate, name)
        assert check.point.slope_residual == certificate.slope_residual


def test_a_coordinate_counts_as_strictly_stationary_on_a_level_alone():
    # f = ½ (w − 1)² / 1 and slopes ±½: w = ½ is stationary inside a cell, to a rounding of the gradient.
    problem = Problem(LeastSquares([[1.0]], [1.0]), PAR([0.0], [-0.5, 0.5]))
    inside = check_point(problem, np.array([0.5]), TOL)
    assert inside.residual == 0.0
    allowance = problem.loss.rounding_floor(np.array([0.5]))[0]
    assert inside.strict_residual == allowance / problem.loss.gradient_scale[0] > 0
    resting = check_point(Problem(problem.loss, PAR([0.0], [-2.0, 2.0])), np.zeros(1), TOL)
    assert (resting.residual, resting.strict_residual) == (0.0, 0.0)


def test_rounding_errors_are_allowed_for_up_to_the_objective_of_the_start_alone():
    # Nearly equal columns with large opposite coefficients: the errors of the gradient exceed tol times its
    # scale, and what the gradient is made of is less than them.
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal((2, 8))
    X = np.column_stack((a, a + 1e-9 * b))
    problem = Problem(LeastSquares(X, b + 2.0 * a), designs.lasso(0.5, 2).scaled(1e-12))
    near, far = np.array([-1e9 + 2.0, 1e9]), np.full(2, 1e9)
    allowed, refused = check_point(problem, near, TOL), check_point(problem, far, TOL)
    assert allowed.objective <= highest_allowed_objective(problem.start_objective) < refused.objective
    assert np.all(allowed.point.allowance > TOL * allowed.point.scale)
    assert allowed.residual < allowed.strict_residual
    assert np.all(refused.point.allowance == 0.0)
    assert refused.residual == refused.strict_residual > TOL


@pytest.mark.parametrize("start", [4.0, 0.0, -4.0])
def test_the_highest_allowed_objective_is_a_billionth_above_the_start_of_either_sign(start):
    assert highest_allowed_objective(start) == start + 4e-9 * bool(start)
    assert highest_allowed_objective(np.array([start])).tolist() == [highest_allowed_objective(start)]


def test_the_largest_ratio_counts_nothing_over_nothing_as_zero():
    assert largest_ratio(np.array([1.0, 6.0]), np.array([2.0, 3.0])) == 2.0
    assert largest_ratio(np.array([0.0, 6.0]), np.array([0.0, 3.0])) == 2.0
    assert largest_ratio(np.array([0.0]), np.array([0.0])) == 0.0
    assert largest_ratio(np.array([5e-324, 6.0]), np.array([0.0, 3.0])) == math.inf
    assert largest_ratio(np.array([1e300]), np.array([1e-320])) == math.inf  # and no warning


@pytest.mark.parametrize("w", [[math.nan, 0.0], [math.inf, 0.0], [1e200, 0.0]])
def test_a_point_or_a_loss_that_is_not_finite_never_stops_a_run(w):
    problem = Problem(LeastSquares(np.eye(2), np.ones(2)), designs.lasso(1.0, 1))
    with np.errstate(over="ignore"):
        check = check_point(problem, np.array(w), TOL)
    assert math.isnan(check.objective)
    assert (check.residual, check.strict_residual, check.point) == (math.inf, math.inf, None)


# -- relative to the slopes -------------------------------------------------------------------------


def test_the_slope_residual_is_relative_to_the_smallest_slope_of_each_coordinate():
    penalty = PAR([0.0, 1.0], [-4.0, 0.25, 2.0])
    problem = Problem(LeastSquares(np.eye(2), [1.0, 4.0]), penalty, [1.0, 2.0])
    # −∇f(0) = (0.5, 2); at 0 the slopes go up to 0.25 and 0.5.
    point = check_point(problem, np.zeros(2), TOL).point
    assert point.slope_residual == pytest.approx(max(0.25 / 0.25, 1.5 / 0.5), rel=1e-14)
    assert not point.meets_slopes(2.999, rounding=False)
    assert point.meets_slopes(3.001, rounding=False)


def test_slopes_below_the_rounding_errors_are_met_only_where_those_are_allowed_for():
    loss = LeastSquares([[1e8, 3e7], [1e7, 2e8]], [1e8, -1e8])
    w = np.linalg.solve(loss.design.X, loss.y)
    w = w * (1 + 2e-16)
    problem = Problem(loss, PAR([0.0], [-1e-12, 1e-12]))
    point = check_point(problem, w, TOL).point
    assert np.all(problem.distance(point.gradient, w) <= point.allowance)
    assert point.slope_residual > TOL
    assert not point.meets_slopes(TOL, rounding=False)
    assert point.meets_slopes(TOL, rounding=True)


def test_without_a_finite_nonzero_slope_there_is_nothing_to_meet():
    point = check_point(Problem(LeastSquares([[1.0]], [3.0]), designs.box(-1.0, 1.0)), np.zeros(1), TOL).point
    assert point.slope_residual is None
    assert point.meets_slopes(TOL, rounding=False)
