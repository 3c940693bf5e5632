"""Products of levels and slopes neither under- nor overflow: powers of two change no bit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parlin import PAR, designs
from parlin.penalty.piecewise import unit
from tests.random_par import NAMED

POWERS = [-500, -399, 398, 500]  # of two: 1e-150 to 1e150
BOUNDED = {name: par for name, par in NAMED if par.bounded_below}


def scaled(par: PAR, x: float, slope: float) -> PAR:
    return PAR(x * par.levels, slope * par.slopes)


def test_a_unit_is_a_power_of_two_that_brings_the_largest_entry_near_one():
    for size in (1e-300, 1e-120, 1e-61, 1e61, 1e200, 1e308, 5e-324):
        factor = unit(np.array([0.0, size, -size / 3]))
        assert math.frexp(factor)[0] == 0.5
        assert 0.5 <= factor * size <= 2.0 or size < 1e-307
    assert unit(np.array([1e-59, 1e59])) == 1.0
    assert unit(np.zeros(3)) == 1.0 and unit(np.empty(0)) == 1.0
    assert unit(np.array([np.inf, -np.inf, 3.0])) == 1.0
    assert unit(np.array([1e-200]), np.array([1.0])) == 1.0


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", BOUNDED)
def test_the_proximal_map_of_a_scaled_penalty_is_the_scaled_one_bit_for_bit(name, power):
    par, u = BOUNDED[name], 2.0**power
    v = np.concatenate((np.linspace(-6.0, 6.0, 401), par.levels))
    for step in (0.25, 1.0):
        expected = par.prox(v, step)
        assert np.array_equal(scaled(par, u, u).prox(u * v, step), u * expected)
        # A step against the slopes: step · slope is what it was.
        assert np.array_equal(scaled(par, 1.0, u).prox(v, step / u), expected)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", BOUNDED)
def test_the_hull_and_the_minimiser_of_a_scaled_penalty_are_the_scaled_ones_bit_for_bit(name, power):
    par, u = BOUNDED[name], 2.0**power
    for x, slope in ((u, u), (u, 1.0), (1.0, u)):
        other = scaled(par, x, slope)
        assert other.shape == par.shape
        assert np.array_equal(other.envelope.levels, par.envelope.levels)
        assert np.array_equal(other.envelope.slopes, slope * par.envelope.slopes)
        assert other.minimiser() == x * par.minimiser()


@pytest.mark.parametrize("power", [-400, 400])
def test_the_conjugate_of_a_scaled_penalty_has_the_scaled_terms(power):
    u = 2.0**power
    par = designs.rippled_mcp(0.5, 3)
    p, w = np.linspace(par.slopes[0], par.slopes[-1], 9)[1:-1], np.linspace(-2.0, 2.0, 7)
    for slope in p:
        here = par.fenchel_young(w, np.full(7, slope))
        there = scaled(par, u, 1.0).fenchel_young(u * w, np.full(7, slope))
        np.testing.assert_allclose(there, u * here, rtol=1e-12, atol=1e-15 * u)
