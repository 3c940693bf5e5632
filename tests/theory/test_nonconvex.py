"""Bounds for nonconvex penalties: what they need, and critical points that keep them."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import LeastSquares, Problem, certify, designs, solve, theory
from parlin.datasets import synthetic


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
