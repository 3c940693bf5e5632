"""Distances from ridge: against their definitions, their special cases, and fits that attain them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlin import LeastSquares, Problem, designs, solve, theory
from parlin.datasets import synthetic
from tests.random_par import SEEDED

positive = st.floats(1e-3, 1e3)
sizes = st.integers(1, 10_000)


def test_without_strong_convexity_there_is_no_bound():
    with pytest.raises(ValueError, match=r"alpha \* modulus \+ curvature must be > 0, but is -1"):
        theory.strongly_convex_distance(4, 0.25, alpha=2.0, modulus=-1.0, curvature=1.0)


# -- distance from ridge ----------------------------------------------------------------------------


def test_ridge_distance_without_curvature_is_that_of_the_source():
    # sqrt(d) q / 2 at d = 100, q = 0.1; and the example of a short grid, d = 1, q = 0.2
    assert theory.ridge_distance(100, 0.1, alpha=3.0) == pytest.approx(0.5, rel=1e-15)
    assert theory.ridge_distance(1, 0.2, alpha=1.0) == pytest.approx(0.1, rel=1e-15)


@SEEDED
@given(n_features=sizes, spacing=positive, alpha=positive, curvature=positive)
def test_curvature_only_tightens_the_ridge_distance(n_features, spacing, alpha, curvature):
    loose = theory.ridge_distance(n_features, spacing, alpha)
    bounds = [theory.ridge_distance(n_features, spacing, alpha, c) for c in (0.0, curvature, 2 * curvature)]
    assert loose == bounds[0] > bounds[1] > bounds[2] > 0


@SEEDED
@given(n_features=sizes, spacing=positive, alpha=positive, curvature=positive)
def test_ridge_distance_is_the_strongly_convex_one_at_modulus_one(n_features, spacing, alpha, curvature):
    error = theory.chord_slope_error(spacing, largest_curvature=1.0)
    general = theory.strongly_convex_distance(n_features, error, alpha, 1.0, curvature)
    assert general == pytest.approx(theory.ridge_distance(n_features, spacing, alpha, curvature), rel=1e-14)


@pytest.mark.parametrize("curvature", [0.25, 1.0, 9.0])
@pytest.mark.parametrize("spacing", [0.125, 2.0])
def test_one_coefficient_attains_both_distances(curvature, spacing):
    # f(w) = h/2 (w − c/h)² with c = α q/2: the gradient at 0 is at the end of [−αq/2, αq/2], so 0 is the
    # minimiser with chords, and c/(h + α) that of ridge.
    alpha = 1.0
    centre = alpha * spacing / 2
    problem = Problem(
        LeastSquares([[math.sqrt(curvature)]], [centre / math.sqrt(curvature)]), designs.ridge(spacing, 3)
    )
    (w,) = solve(problem, tol=1e-12).w
    distance = abs(w - centre / (curvature + alpha))
    assert distance == pytest.approx(theory.ridge_distance(1, spacing, alpha, curvature), rel=1e-9)
    predicted = math.sqrt(curvature) * distance
    bound = theory.ridge_prediction_distance(1, spacing, alpha)
    if curvature == alpha:
        assert predicted == pytest.approx(bound, rel=1e-9)
    else:
        assert predicted < 0.99 * bound


@SEEDED
@given(n_features=sizes, spacing=positive, alpha=positive)
def test_prediction_distance_is_the_largest_over_one_curvature(n_features, spacing, alpha):
    curvatures = alpha * np.geomspace(1e-3, 1e3, 61)  # α itself among them
    weighted = [math.sqrt(h) * theory.ridge_distance(n_features, spacing, alpha, h) for h in curvatures]
    bound = theory.ridge_prediction_distance(n_features, spacing, alpha)
    assert max(weighted) == pytest.approx(bound, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(10, 30), (60, 30)])
@pytest.mark.parametrize("spacing", [0.1, 1.0])
def test_fits_keep_both_distances_on_the_grid_that_is_asked_for(n, d, spacing):
    alpha = 0.2
    data = synthetic(n, d, seed=n)
    hessian = data.X.T @ data.X / n
    ridge = np.linalg.solve(hessian + alpha * np.eye(d), data.X.T @ data.y / n)
    n_levels = theory.covering_levels(float(np.abs(ridge).max()), d, spacing)
    problem = Problem(LeastSquares(data.X, data.y), designs.ridge(spacing, n_levels).scaled(alpha))
    w = solve(problem, tol=1e-10).w
    assert np.abs(w).max() < n_levels * spacing < theory.ridge_reach(spacing, n_levels)
    curvature = max(np.linalg.eigvalsh(hessian)[0], 0.0)
    difference = w - ridge
    assert np.linalg.norm(difference) <= theory.ridge_distance(d, spacing, alpha, curvature)
    predicted = np.linalg.norm(data.X @ difference) / math.sqrt(n)
    assert predicted <= theory.ridge_prediction_distance(d, spacing, alpha)


def test_a_short_grid_breaks_the_ridge_distance():
    # m = 3, q = 0.2, h = α = 1, c = 10: the last slope is 0.7, so w = 9.3, and ridge is at 5.
    problem = Problem(LeastSquares([[1.0]], [10.0]), designs.ridge(0.2, 3))
    (w,) = solve(problem, tol=1e-12).w
    assert w - 5.0 == pytest.approx(4.3)
    assert w > theory.ridge_reach(0.2, 3)
    assert w - 5.0 > 40 * theory.ridge_distance(1, 0.2, alpha=1.0, curvature=1.0)


# -- grids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_levels", [0, 1, 4])
@pytest.mark.parametrize("spacing", [0.125, 3.0])
def test_ridge_chords_follow_the_square_up_to_the_reach_and_no_further(spacing, n_levels):
    penalty = designs.ridge(spacing, n_levels)
    reach = theory.ridge_reach(spacing, n_levels)
    points = np.union1d(np.linspace(-reach, reach, 1001), penalty.levels)
    low, high = penalty.subdifferential(points)
    error = np.maximum(np.abs(low - points), np.abs(high - points))
    largest = theory.chord_slope_error(spacing, largest_curvature=1.0)
    assert error.max() == pytest.approx(largest, rel=1e-12)
    beyond = 1.01 * reach
    low, high = penalty.subdifferential([beyond])
    assert min(beyond - low[0], beyond - high[0]) > largest


@SEEDED
@given(largest=st.floats(0, 1e3), n_features=sizes, spacing=positive)
def test_covering_levels_is_the_least_number_beyond_ridge_and_its_distance(largest, n_features, spacing):
    n_levels = theory.covering_levels(largest, n_features, spacing)
    needed = largest + theory.ridge_distance(n_features, spacing, alpha=1.0)
    assert n_levels * spacing > needed * (1 - 1e-12)
    assert (n_levels - 1) * spacing <= needed * (1 + 1e-12)


def test_chord_slope_error_bounds_the_chords_of_a_curved_penalty():
    # p = x²/2 + |x|³/6 has p″ = 1 + |x|; on the cells up to 2.5 that is at most 3.5.
    spacing = 0.5
    levels = np.arange(-5, 6) * spacing
    penalty = designs.from_function(lambda x: x**2 / 2 + np.abs(x) ** 3 / 6, levels, bounded=True)
    inside = np.linspace(-2.5, 2.5, 997)[1:-1]
    low, high = penalty.subdifferential(inside)
    derivative = inside + inside * np.abs(inside) / 2
    error = np.max(np.maximum(np.abs(low - derivative), np.abs(high - derivative)))
    bound = theory.chord_slope_error(spacing, largest_curvature=3.5)
    assert 0.8 * bound < error <= bound


@SEEDED
@given(n_features=sizes, error=positive, alpha=positive, modulus=positive, curvature=positive)
def test_strongly_convex_distance_solves_its_inequality(n_features, error, alpha, modulus, curvature):
    # (μ + α m) D² = α ε √d D, where monotonicity meets Cauchy and Schwarz
    distance = theory.strongly_convex_distance(n_features, error, alpha, modulus, curvature)
    assert (curvature + alpha * modulus) * distance == pytest.approx(
        alpha * error * math.sqrt(n_features), rel=1e-12
    )


def test_a_weakly_convex_penalty_has_a_bound_where_the_loss_makes_up_for_it():
    assert theory.strongly_convex_distance(4, 0.5, alpha=1.0, modulus=-1.0, curvature=3.0) == 0.5
