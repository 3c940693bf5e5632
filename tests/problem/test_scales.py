"""What counts as large: the loss says so, and where it has no scale the penalty or the levels do."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, certify, designs, solve
from tests.cases import LASSO, VALLEY_AT_MINUS_ONE
from tests.problem.cases import OMEGA, data, loss

X = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]])
NORMS = np.sqrt(np.mean(X**2, axis=0))


def test_with_a_signal_the_scale_is_that_of_the_loss():
    problem = Problem(loss(), LASSO, OMEGA)
    assert problem.gradient_unit == problem.loss.gradient_unit > 0.0
    assert np.array_equal(problem.gradient_scale, problem.loss.gradient_scale)
    for objective in (0.0, -3.0 * problem.loss.value_at_zero, 7.0 * problem.loss.value_at_zero):
        assert problem.value_scale(objective) == max(problem.loss.value_at_zero, abs(objective))


def test_without_a_signal_the_slope_at_zero_is_the_scale():
    # The penalty wants w = −1: at 0 its slope is .3.
    problem = Problem(LeastSquares(X, np.zeros(3)), VALLEY_AT_MINUS_ONE)
    assert problem.gradient_unit == pytest.approx(0.3 / NORMS.max())
    np.testing.assert_allclose(problem.gradient_scale, 0.3 * NORMS / NORMS.max())
    assert problem.value_scale(0.0) == pytest.approx(0.5 * (0.3 / NORMS.max()) ** 2)
    assert problem.value_scale(-50.0) == 50.0


@pytest.mark.parametrize("largest", [1e-3, 0.5, 40.0])
def test_where_zero_is_the_solution_the_largest_level_is_the_scale(largest):
    problem = Problem(LeastSquares(X, np.zeros(3)), designs.box(-largest, largest / 2))
    assert problem.gradient_unit == pytest.approx(NORMS.max() * largest)
    no_level = Problem(LeastSquares(X, np.zeros(3)), PAR([], [0.0]))
    assert no_level.gradient_unit == pytest.approx(NORMS.max())
    at_zero = Problem(LeastSquares(X, np.zeros(3)), LASSO)
    assert at_zero.gradient_unit == pytest.approx(NORMS.max())


def test_scales_are_read_only_and_those_of_constant_targets():
    problem = Problem(LeastSquares(X, np.full(3, 4.0), fit_intercept=True), designs.box(-1, 1))
    assert problem.loss.gradient_unit == 0.0 and problem.gradient_unit > 0.0
    with pytest.raises(ValueError, match="read-only"):
        problem.gradient_scale[0] = 1.0
    assert Problem(LeastSquares(np.zeros((3, 2)), np.ones(3)), LASSO).gradient_unit == 0.0


@pytest.mark.parametrize("unit", [2.0**-40, 1.0, 2.0**40])
def test_the_residual_without_a_signal_is_invariant_under_units_of_the_levels(unit):
    residuals = [
        certify(Problem(LeastSquares(X, np.zeros(3)), designs.box(-u, u)), u * np.array([0.3, -0.2])).residual
        for u in (1.0, unit)
    ]
    assert residuals[0] == residuals[1] and 1e-3 < residuals[0] < np.inf


@pytest.mark.parametrize("w0", [[0.3, -0.2], [1e-30, 1e-30], [1.0, 1.0]])
def test_without_a_signal_every_start_leads_to_zero(w0):
    for penalty in (designs.box(-1, 1), designs.ridge(0.5, 2), PAR([], [0.0])):
        result = solve(Problem(LeastSquares(X, np.zeros(3)), penalty), w0=w0)
        assert result.status.name == "CONVERGED" and np.abs(result.w).max() <= 1e-8


def test_concave_kinks_are_levels_where_the_slope_falls():
    A, y, _ = data()
    penalty = PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0])  # 0 is a concave kink
    problem = Problem(LeastSquares(A, y), penalty, OMEGA)
    w = np.array([0.0, 0.0, 1.0, 0.0, 0.5])
    assert problem.on_concave_kink(w).tolist() == [True, False, False, True, False]
    assert not Problem(LeastSquares(A, y), LASSO).on_concave_kink(w).any()
    assert not Problem(LeastSquares(A, y), PAR([], [0.0])).on_concave_kink(w).any()


def test_a_scale_that_overflows_is_infinite_and_no_error():
    problem = Problem(LeastSquares([[1e-166]], [0.0]), PAR([1.0], [-2e-5, 0.0]))
    result = solve(problem, tol=1e-6)
    assert result.status.is_success and result.w.tolist() == [1.0]
