"""Bounds on lasso-like estimates: instances that attain them, and fits that keep them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from parlin import PAR, LeastSquares, Problem, designs, solve, theory
from parlin.datasets import synthetic
from tests.random_par import SEEDED
from tests.theory.cases import positive, sizes

# -- Lasso ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("largest", [1.0, 1.25])
def test_one_coefficient_attains_the_distances(largest):
    # H = 1 and noise at the edge of the event, against the truth: D = -α (A + a_0/2).
    alpha, truth = 0.25, 10.0
    penalty = PAR.even([0.0, 1.0], [1.0, largest]) if largest > 1 else PAR([0.0], [-1.0, 1.0])
    problem = Problem(LeastSquares([[1.0]], [truth - alpha / 2]), penalty.scaled(alpha))
    (w,) = solve(problem, tol=1e-13).w
    for bound in (theory.lasso_distance, theory.lasso_prediction_distance):
        assert truth - w == pytest.approx(bound(1, alpha, 1.0, 1.0, largest), rel=1e-12)
    # ‖D‖_1 is bounded with the mass that the cone allows off the support, which is not there.
    factor = 1 + theory.lasso_cone(1.0, largest)
    assert truth - w == pytest.approx(theory.lasso_l1_distance(1, alpha, 1.0, 1.0, largest) / factor)


def lasso_fit(seed: int, growth: float):
    """A sparse truth, a fit on the event, and the A of theory 5."""
    data = synthetic(60, 100, seed=seed, n_nonzero=4, noise=0.1)
    penalty = designs.lasso(0.25, 20, growth)
    correlation = np.abs(data.X.T @ (data.y - data.X @ data.coef)).max() / 60
    alpha = 2 * correlation
    problem = Problem(LeastSquares(data.X, data.y), penalty.scaled(alpha))
    low, high = penalty.subdifferential(data.coef[data.coef != 0])
    return data, problem, alpha, float(np.minimum(np.abs(low), np.abs(high)).max())


@pytest.mark.parametrize("growth", [0.05, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_fits_on_the_event_keep_all_bounds(seed, growth):
    data, problem, alpha, largest = lasso_fit(seed, growth)
    result = solve(problem, tol=1e-10)
    assert result.status.is_success
    error = result.w - data.coef
    on = data.coef != 0
    curvature = np.sum((data.X @ error) ** 2) / 60 / np.sum(error**2)
    arguments = (int(on.sum()), alpha, curvature, 1.0, largest)
    assert np.abs(error[~on]).sum() <= theory.lasso_cone(1.0, largest) * np.abs(error[on]).sum()
    assert np.linalg.norm(error) <= theory.lasso_distance(*arguments)
    assert np.abs(error).sum() <= theory.lasso_l1_distance(*arguments)
    assert np.linalg.norm(data.X @ error) / math.sqrt(60) <= theory.lasso_prediction_distance(*arguments)


@SEEDED
@given(s=sizes, alpha=positive, curvature=positive, slope=positive, largest=positive)
def test_the_three_distances_are_one_inequality(s, alpha, curvature, slope, largest):
    # κ‖D‖² = ‖XD‖²/n and ‖D‖_1 <= (1 + c_0) √s ‖D‖_2
    arguments = (s, alpha, curvature, slope, largest)
    euclidean = theory.lasso_distance(*arguments)
    assert theory.lasso_prediction_distance(*arguments) == pytest.approx(math.sqrt(curvature) * euclidean)
    factor = (1 + theory.lasso_cone(slope, largest)) * math.sqrt(s)
    assert theory.lasso_l1_distance(*arguments) == pytest.approx(factor * euclidean)
    # The cone is where what pulls off the support, at least α a_0/2, still meets what pulls on it.
    pull = theory.lasso_distance(1, alpha, 1.0, slope, largest)
    assert theory.lasso_cone(slope, largest) * alpha * slope / 2 == pytest.approx(pull)


def test_no_support_leaves_no_error():
    for bound in (theory.lasso_distance, theory.lasso_l1_distance, theory.lasso_prediction_distance):
        assert bound(0, 0.5, 1.0) == 0.0
    data = synthetic(20, 30, seed=0, n_nonzero=0)
    alpha = 2 * np.abs(data.X.T @ data.y).max() / 20
    w = solve(Problem(LeastSquares(data.X, data.y), designs.lasso(0.25, 4).scaled(alpha))).w
    assert not w.any()


@pytest.mark.parametrize(
    "bound", [theory.lasso_distance, theory.lasso_l1_distance, theory.lasso_prediction_distance]
)
def test_without_curvature_there_is_no_bound(bound):
    with pytest.raises(ValueError, match="curvature must be finite and > 0"):
        bound(3, 0.1, 0.0)


# -- another penalty --------------------------------------------------------------------------------


@pytest.mark.parametrize("growth", [0.01, 0.2])
def test_a_swapped_penalty_keeps_the_fitted_values_near(growth):
    data = synthetic(30, 50, seed=5, n_nonzero=5)
    loss, alpha = LeastSquares(data.X, data.y), 0.1
    penalty = designs.lasso(0.25, 20, growth)
    grid = solve(Problem(loss, penalty.scaled(alpha)), tol=1e-12).w
    plain = solve(Problem(loss, PAR([0.0], [-alpha, alpha])), tol=1e-12).w
    low, high = penalty.subdifferential(grid[grid != 0])
    error = float(np.max(np.maximum(np.abs(low), np.abs(high)) - 1.0))
    difference = grid - plain
    bound = theory.swapped_prediction_distance(alpha, error, np.abs(difference).sum())
    assert 0 < np.linalg.norm(data.X @ difference) / math.sqrt(30) <= bound
