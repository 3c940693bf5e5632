"""The constants of proximal gradient, eager and lazy."""

from __future__ import annotations

import pytest

from parlin import theory


def test_a_longer_step_than_the_inverse_of_the_lipschitz_constant_has_no_bound():
    with pytest.raises(ValueError, match="step must be at most 1/lipschitz"):
        theory.proximal_gradient_residual(1.0, 0.6, 4, lipschitz=2.0)


def test_the_two_constants_at_half_the_longest_step():
    convex = theory.proximal_gradient_residual(3.0, 0.25, 6, lipschitz=2.0)
    other = theory.proximal_gradient_residual(3.0, 0.25, 6, lipschitz=2.0, convex=False)
    assert convex == 4 * 2.0 * 3.0 / 6
    assert other == 6 * 2.0 * 3.0 / 6


def test_the_floor_of_the_lazy_method_rises_to_the_target_as_steps_shrink():
    floors = [theory.lazy_residual_floor(0.2, 0.5, step) for step in (0.1, 0.01, 0.001)]
    assert floors == pytest.approx([0.13, 0.193, 0.1993])
