"""Penalties that interpolate a function between its levels."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import PAR, designs
from tests.designs.cases import grid

INF = np.inf


def test_from_function_interpolates_and_goes_on_by_one_more_chord():
    x = np.array([-1.0, 0.0, 0.5, 2.0])
    par = designs.from_function(np.exp, x)
    np.testing.assert_allclose(par.value(x) - par.value(0.0), np.exp(x) - 1.0, rtol=1e-14, atol=1e-15)
    assert par.slopes[0] == pytest.approx(np.exp(-1.0) - np.exp(-2.0))
    assert par.slopes[-1] == pytest.approx((np.exp(3.5) - np.exp(2.0)) / 1.5)


def test_from_function_in_a_box_never_looks_outside_it():
    seen = []
    par = designs.from_function(lambda x: seen.append(x) or np.sqrt(x), [0.0, 1.0, 4.0], bounded=True)
    assert min(s.min() for s in seen) == 0.0 and max(s.max() for s in seen) == 4.0
    assert par == PAR([0.0, 1.0, 4.0], [-INF, 1.0, 1 / 3, INF])


def test_from_function_of_half_the_square_is_ridge():
    # On quarters all chords are exact.
    assert designs.from_function(lambda x: x**2 / 2, grid(0.25, 8)) == designs.ridge(0.25, 8)
    assert designs.from_function(lambda x: x**2 / 2, range(-2, 6), bounded=True) == designs.integers(-2, 5)


def test_from_function_keeps_only_the_kinks_of_the_absolute_value():
    assert designs.from_function(np.abs, grid(0.1, 10)) == PAR([0.0], [-1.0, 1.0])


@pytest.mark.parametrize(
    "function", [lambda x: 3 * x, lambda x: 0.3 * x + 0.7, lambda x: 1e6 - x / 3, lambda x: 3 * (x - 0.1)]
)
def test_from_function_finds_no_kink_in_a_straight_line(function):
    # On a grid of tenths the chords of a line differ in their last bits; those are no kinks.
    par = designs.from_function(function, grid(0.1, 10))
    assert par.levels.size == 0
    assert par.slopes[0] == pytest.approx(function(1.0) - function(0.0))


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0.0], "at least 2 increasing numbers, but there are 1"),
        ([], "at least 2 increasing numbers, but there are 0"),
        ([0.0, 1.0, 1.0], "levels must be strictly increasing"),
        ([0.0, 2.0, 1.0], "levels must be strictly increasing"),
        ([0.0, 1.0, np.nan], "levels must be finite"),
        ([0.0, 1.0, INF], "levels must be finite"),
    ],
)
@pytest.mark.parametrize("bounded", [False, True])
def test_from_function_refuses_levels_that_are_no_grid(levels, message, bounded):
    with pytest.raises(ValueError, match=message):
        designs.from_function(np.abs, levels, bounded=bounded)


@pytest.mark.parametrize(
    "function", [lambda x: x * np.nan, lambda x: x / 0.0 + np.inf, lambda x: 1.0, lambda x: x[:-1]]
)
@pytest.mark.parametrize("bounded", [False, True])
def test_from_function_refuses_anything_but_one_finite_number_a_point(function, bounded):
    points = 3 if bounded else 5
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=f"one finite number for each of the {points} points"),
    ):
        designs.from_function(function, [0.0, 1.0, 2.0], bounded=bounded)


def test_from_function_keeps_a_kink_that_is_small_but_real():
    par = designs.from_function(lambda x: x + 1e-9 * np.maximum(x - 1.0, 0.0), np.linspace(0.0, 2.0, 9))
    assert par.levels.tolist() == [1.0]
