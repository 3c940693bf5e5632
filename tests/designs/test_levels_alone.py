"""Penalties that a set of levels alone determines: the distance to it, and the chords of the parabola."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import PAR, designs

SETS = ([-1.0, 1.0], [0.0], [-2.0, -0.5, 0.25, 3.0], [1e-100, 2e-100], [-1e100, 5e99, 1e100], [1e9, 1e9 + 1])
V = np.random.default_rng(0).standard_normal(4000) * 3


@pytest.mark.parametrize("levels", SETS)
@pytest.mark.parametrize("slope", [1.0, 0.3])
def test_the_distance_is_the_distance_up_to_a_constant(levels, slope):
    par = designs.distance(levels, slope)
    x = np.linspace(2 * min(levels) - max(levels) - 1, 2 * max(levels) - min(levels) + 1, 301)
    distance = slope * np.abs(x[:, None] - np.array(levels)).min(axis=1)
    values = par.value(x)
    scale = np.abs(x).max() * slope
    np.testing.assert_allclose(values - values[0], distance - distance[0], rtol=0, atol=1e-14 * scale)
    assert np.array_equal(par.quantization_levels, levels)


def test_known_penalties_are_distances():
    assert designs.distance([-1.0, 1.0]) == designs.binary()
    assert designs.distance(0.25 * np.arange(-3, 4)) == designs.sawtooth(0.25, 3)
    assert designs.distance([0.0]) == PAR([0.0], [-1.0, 1.0])


@pytest.mark.parametrize("levels", [[-1.0, 1.0], [-2.0, -0.5, 0.25, 3.0]])
def test_a_long_step_to_the_distance_rounds_and_a_shorter_one_does_not(levels):
    par, gap = designs.distance(levels), np.diff(levels).max()
    inside = V[(V > levels[0]) & (V < levels[-1])]
    assert np.array_equal(par.prox(inside, 0.5 * gap), par.nearest_level(inside))
    assert not np.array_equal(par.prox(inside, 0.4 * gap), par.nearest_level(inside))


@pytest.mark.parametrize("levels", SETS)
def test_chords_interpolate_the_parabola(levels):
    par = designs.chords(levels)
    values, parabola = par.value(np.array(levels)), 0.5 * np.array(levels) ** 2
    assert np.array_equal(par.levels, levels) and par.domain == (levels[0], levels[-1])
    scale = parabola.max() + np.ptp(levels) * np.abs(levels).max()
    np.testing.assert_allclose(values - values[0], parabola - parabola[0], rtol=0, atol=1e-14 * scale)


def test_chords_of_an_even_grid_are_those_of_ridge():
    levels = 0.25 * np.arange(-3, 4)
    assert designs.chords(levels) == designs.ridge(0.25, 3, bounded=True)
    assert designs.chords(levels, bounded=False) == designs.ridge(0.25, 3)


@pytest.mark.parametrize("levels", [[-1.0, 1.0], [-2.0, -0.5, 0.25, 3.0]])
@pytest.mark.parametrize("rho", [1.5, 4.0, 1e3])
def test_the_prox_of_chords_is_soft_rounding(levels, rho):
    """[PARQ]: in the cell [a, b] of p, with c its middle, it is c + ρ (p − c), clipped to the cell."""
    cell = np.clip(np.searchsorted(levels, V) - 1, 0, len(levels) - 2)
    low, high = np.array(levels)[cell], np.array(levels)[cell + 1]
    soft = np.clip(0.5 * (low + high) + rho * (V - 0.5 * (low + high)), low, high)
    found = designs.chords(levels).prox(rho * V, rho - 1)
    np.testing.assert_allclose(found, soft, rtol=0, atol=1e-14 * rho * 10)


@pytest.mark.parametrize("design", [designs.distance, designs.chords])
@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "at least 1 increasing number"),
        ([1.0, 0.0], "strictly increasing"),
        ([0.0, np.nan], "levels must be finite"),
    ],
)
def test_no_set_of_levels_is_refused(design, levels, message):
    with pytest.raises(ValueError, match=message):
        design(levels)


def test_a_slope_that_is_not_positive_is_refused():
    for slope in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="slope must be finite and > 0"):
            designs.distance([0.0, 1.0], slope)


def test_one_level_is_a_point_for_chords_in_a_box_and_too_few_without():
    assert designs.chords([0.5]).domain == (0.5, 0.5)
    with pytest.raises(ValueError, match="at least 2 increasing numbers, but there are 1"):
        designs.chords([0.5], bounded=False)


def test_levels_without_a_float_between_them_are_named():
    with pytest.raises(ValueError, match=r"need a float between them.*1\.0000000000000002 have none"):
        designs.distance([0.0, 1.0, np.nextafter(1.0, 2.0)])
