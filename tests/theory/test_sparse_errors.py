"""Bounds on sparse estimates: instances that attain them, fits that keep them, and the event they need."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from parlin import PAR, LeastSquares, Problem, certify, designs, solve, theory
from parlin.datasets import synthetic
from tests.random_par import SEEDED

positive = st.floats(1e-2, 1e2)
sizes = st.integers(1, 1000)


# -- the event --------------------------------------------------------------------------------------


@SEEDED
@given(noise=positive, n=sizes, d=sizes, failure=st.floats(1e-6, 0.5), slope=positive)
def test_the_strength_makes_the_event_as_likely_as_asked(noise, n, d, failure, slope):
    alpha = theory.lasso_alpha(noise, n, d, failure, slope)
    assert theory.noise_event_probability(alpha * slope / 2, noise, n, d) >= 1 - failure


@SEEDED
@given(ratio=st.floats(0.1, 8), noise=positive, n=sizes, d=sizes)
def test_the_probability_is_never_below_the_union_bound(ratio, noise, n, d):
    threshold = ratio * noise / math.sqrt(n)
    union = 1 - 2 * d * math.exp(-(ratio**2) / 2)
    assert theory.noise_event_probability(threshold, noise, n, d) >= union - 1e-12


def test_orthogonal_columns_have_exactly_that_probability():
    n, noise, threshold = 8, 0.5, 0.3
    X = math.sqrt(n) * np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    draws = noise * np.random.default_rng(1).standard_normal((20_000, n)) @ X / n
    inside = np.mean(np.abs(draws).max(axis=1) <= threshold)
    exact = theory.noise_event_probability(threshold, noise, n, n)
    assert exact == pytest.approx((1 - 2 * stats.norm.sf(threshold * math.sqrt(n) / noise)) ** n, rel=1e-12)
    assert abs(inside - exact) < 4 * math.sqrt(exact * (1 - exact) / 20_000)


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
    share = 1 + theory.lasso_cone(1.0, largest)
    assert truth - w == pytest.approx(theory.lasso_l1_distance(1, alpha, 1.0, 1.0, largest) / share)


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
    share = (1 + theory.lasso_cone(slope, largest)) * math.sqrt(s)
    assert theory.lasso_l1_distance(*arguments) == pytest.approx(share * euclidean)
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


# -- nonconvex penalties ----------------------------------------------------------------------------


def test_mcp_and_scad_concavity_are_the_least_that_make_convex():
    x = np.linspace(1e-3, 4, 4001)
    spacing = x[1] - x[0]
    mcp = np.where(x < 3.0, x - x**2 / 6.0, 1.5)
    knee, a = 1.0, 3.5
    slope = np.clip((a * knee - x) / ((a - 1) * knee), 0, 1)
    scad = np.concatenate(([0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * spacing)))
    for values, concavity in ((mcp, theory.mcp_concavity(3.0)), (scad, theory.scad_concavity(knee, a))):
        second = np.diff(values, 2) / spacing**2
        assert -second.min() == pytest.approx(concavity, rel=1e-4)


def test_without_concavity_the_amenable_distance_is_that_of_the_lasso():
    for s, alpha, curvature in ((1, 0.5, 2.0), (7, 0.01, 0.3)):
        assert theory.amenable_distance(s, alpha, curvature, 0.0) == pytest.approx(
            theory.lasso_distance(s, alpha, curvature), rel=1e-15
        )


def test_a_penalty_as_concave_as_the_loss_is_curved_has_no_bound():
    with pytest.raises(ValueError, match="must be > 0, but is 0"):
        theory.amenable_distance(3, alpha=1.0, curvature=0.75, concavity=1.0)


@pytest.mark.parametrize("name", ["rippled_mcp", "rippled_scad", "mcp", "scad"])
def test_critical_points_on_the_event_keep_the_amenable_distance(name):
    reach, spacing, seed = 4.0, 0.25, 11
    data = synthetic(80, 40, seed=seed, n_nonzero=3)
    if "scad" in name:
        concavity = theory.scad_concavity(reach / 3.7)
    else:
        concavity = theory.mcp_concavity(reach)
    penalty = getattr(designs, name)(spacing, 16, **({"ripple": 0.2} if "rippled" in name else {}))
    error = 0.2 if "rippled" in name else theory.chord_slope_error(spacing, concavity)
    correlation = np.abs(data.X.T @ (data.y - data.X @ data.coef)).max() / 80
    alpha = 1.001 * correlation / (0.5 - error)
    problem = Problem(LeastSquares(data.X, data.y), penalty.scaled(alpha))
    rng = np.random.default_rng(seed)
    for start in (None, data.coef, 3 * rng.standard_normal(40)):
        w = solve(problem, w0=start, tol=1e-10).w
        assert certify(problem, w).residual <= 1e-9
        difference = w - data.coef
        curvature = np.sum((data.X @ difference) ** 2) / 80 / np.sum(difference**2)
        assert curvature > 0.75 * alpha * concavity
        bound = theory.amenable_distance(3, alpha, curvature, concavity)
        assert 0 < np.linalg.norm(difference) <= bound


def test_a_restricted_eigenvalue_does_not_serve_the_amenable_distance():
    # No noise, and a critical point far off: the curvature along its error is 0, that on the cone is not.
    alpha, concavity = 0.01, theory.mcp_concavity(1.0)
    problem = Problem(LeastSquares([[1.0, 0.2]], [2.0]), designs.mcp(0.25, 4, 1.0).scaled(alpha))
    far = np.array([-18.0, 100.0])
    assert certify(problem, far).residual <= 1e-12
    error = far - [2.0, 0.0]
    directions = np.linspace(-3.0, 3.0, 6001)  # z = (1, t) with |t| <= 3
    on_cone = np.min((1 + 0.2 * directions) ** 2 / (1 + directions**2))
    assert on_cone > 0.75 * alpha * concavity
    assert np.linalg.norm(error) > 50 * theory.amenable_distance(1, alpha, on_cone, concavity)
    assert (error[0] + 0.2 * error[1]) ** 2 < 0.75 * alpha * concavity * (error @ error)


def test_probabilities_keep_their_digits_at_both_ends():
    tiny = theory.noise_event_probability(1e-17, 1.0, 1, 1)
    assert tiny == pytest.approx(1e-17 * math.sqrt(2 / math.pi), rel=1e-14)
    assert theory.noise_event_probability(1e-300, 1e300, 1, 3) == 0.0
    assert theory.noise_event_probability(40.0, 1.0, 1, 10**6) == 1.0
    assert 1 - theory.noise_event_probability(5.0, 1.0, 1, 1000) == pytest.approx(
        1000 * math.erfc(5 / math.sqrt(2)), rel=1e-3
    )
