"""The penalty as an object: a value that never changes, its constructors, class, levels and domain."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given

from parlin import PAR, designs
from tests import laws, random_par
from tests.cases import W
from tests.random_par import NAMED, SEEDED

INF = np.inf


# -- a value that stays what it is ------------------------------------------------------------------


def test_a_penalty_owns_its_arrays_and_nothing_can_be_written():
    levels, slopes = np.array([0.0, 1.0]), np.array([-1.0, 0.5, 2.0])
    par = PAR(levels, slopes)
    levels[0], slopes[0] = -5.0, -7.0
    assert par.levels.tolist() == [0.0, 1.0] and par.slopes.tolist() == [-1.0, 0.5, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        par.levels[0] = 3.0
    with pytest.raises(ValueError, match="read-only"):
        par.slopes[0] = 3.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        par.levels = np.zeros(2)


@pytest.mark.parametrize(
    "given", [([0, 1], [-1, 0, 2]), ((0, 1), (-1, 0, 2)), (np.float32([0, 1]), np.int64([-1, 0, 2]))]
)
def test_lists_tuples_and_other_numbers_become_float64(given):
    par = PAR(*given)
    assert par.levels.dtype == par.slopes.dtype == np.float64
    assert par == PAR([0.0, 1.0], [-1.0, 0.0, 2.0])


def test_equality_and_hash_go_by_the_numbers():
    a, b = PAR([0.0, 1.0], [-1.0, 0.0, 2.0]), PAR([-0.0, 1.0], [-1.0, -0.0, 2.0])
    assert a == b and hash(a) == hash(b) and len({a, b}) == 1
    a.prox([1.0], 0.5), a.shape, a.value(1.0)  # what is cached must not matter
    assert a == b and hash(a) == hash(b)
    assert a != PAR([0.0, 1.0], [-1.0, 0.0, np.nextafter(2.0, 3.0)])
    assert a != PAR([0.0], [-1.0, 0.0]) and a != PAR([0.0, 2.0], [-1.0, 0.0, 2.0])
    assert a != "PAR" and (a == 1) is False


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_penalties_survive_pickle_copy_and_repr(name, par):
    par.prox([0.3], 0.5), par.shape
    for copied in (pickle.loads(pickle.dumps(par)), copy.copy(par), copy.deepcopy(par)):
        assert copied == par and hash(copied) == hash(par)
        assert not copied.levels.flags.writeable
        assert np.array_equal(copied.prox([0.3, 1.1], 0.5), par.prox([0.3, 1.1], 0.5))
    text = repr(par)
    assert text.startswith("PAR(levels=[") and "\n" not in text and len(text) < 200


def test_a_short_penalty_shows_all_of_itself():
    assert repr(W) == "PAR(levels=[-1.  0.  1.], slopes=[-1.  1. -1.  1.])"


# -- constructors -----------------------------------------------------------------------------------


def test_even_mirrors():
    par = PAR.even([0.0, 1.0, 3.0], [0.5, 2.0, 4.0])
    assert par == PAR([-3.0, -1.0, 0.0, 1.0, 3.0], [-4.0, -2.0, -0.5, 0.5, 2.0, 4.0])
    x = np.linspace(0.0, 5.0, 21)
    assert np.array_equal(par.value(x), par.value(-x))
    assert PAR.even([0.0, 2.0], [1.0, INF]).domain == (-2.0, 2.0)


@pytest.mark.parametrize(
    ("levels", "slopes", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "must begin with 0, but the first is 1"),
        ([], [], "must begin with 0, but the first is none"),
        ([0.0, 1.0], [1.0], "an even PAR of 2 levels needs as many slopes, not 1"),
        ([0.0, 1.0], [1.0, 1.0], "both sides of levels"),
        ([0.0, 1.0], [0.0, 1.0], "both sides of levels"),
    ],
)
def test_even_refuses_what_is_not_even(levels, slopes, message):
    with pytest.raises(ValueError, match=message):
        PAR.even(levels, slopes)


def test_merged_drops_the_levels_without_a_kink():
    assert PAR.merged([0.0, 1.0, 2.0], [1.0, 1.0, 2.0, 2.0]) == PAR([1.0], [1.0, 2.0])
    assert PAR.merged([0.0, 1.0], [3.0, 3.0, 3.0]) == PAR([], [3.0])
    assert PAR.merged([0.0, 1.0], [1.0, 2.0, 3.0]) == PAR([0.0, 1.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("levels", "slopes", "message"),
    [
        ([0.0, 1.0], [1.0, 2.0], "one entry more than levels, but there are 2 levels and 2 slopes"),
        ([0.0, 1.0], [1.0, 2.0, 3.0, 4.0], "one entry more than levels, but there are 2 levels and 4 slopes"),
        ([0.0, 2.0, 1.0], [-1.0, 1.0, 1.0, 1.0], "levels must be strictly increasing"),
        ([0.0, np.nan], [-1.0, 1.0, 1.0], "levels must be finite"),
    ],
)
def test_merged_refuses_what_the_constructor_refuses_even_at_levels_it_would_drop(levels, slopes, message):
    with pytest.raises(ValueError, match=message):
        PAR.merged(levels, slopes)


def test_scaling_multiplies_slopes_and_leaves_levels_and_box_sides():
    par = PAR([-1.0, 0.0, 2.0], [-INF, -1.0, 0.5, INF])
    assert par.scaled(4.0) == PAR([-1.0, 0.0, 2.0], [-INF, -4.0, 2.0, INF])
    x = np.linspace(-1.0, 2.0, 13)
    assert np.array_equal(par.scaled(4.0).value(x), 4.0 * par.value(x))
    assert par.scaled(1.0) == par


def test_strength_zero_leaves_nothing_but_the_box():
    assert W.scaled(0.0) == PAR([], [0.0])
    assert W.scaled(0) == PAR([], [0.0])
    assert designs.ridge(0.5, 3, bounded=True).scaled(0.0) == designs.box(-1.5, 1.5)
    assert PAR([2.0], [-INF, INF]).scaled(0.0) == PAR([2.0], [-INF, INF])
    assert PAR([1.0, 2.0], [-INF, 3.0, 5.0]).scaled(0.0) == PAR([1.0], [-INF, 0.0])


def test_kinks_that_vanish_by_rounding_are_merged():
    par = PAR([0.0, 1.0], [1.0, 1.0 + laws.EPS, 2.0])
    assert par.scaled(1e-320).levels.tolist() == [1.0]


@pytest.mark.parametrize("lam", [-1.0, np.nan, INF, -INF])
def test_a_strength_that_is_no_nonnegative_number_is_refused(lam):
    with pytest.raises(ValueError, match="lam must be a finite number >= 0, but is"):
        W.scaled(lam)


# -- class, levels, domain --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("par", "shape"),
    [
        (PAR([], [5.0]), "convex"),
        (PAR([0.0], [-INF, INF]), "convex"),
        (PAR([0.0, 1.0], [-1.0, 0.0, 1.0]), "convex"),
        (PAR([0.0, 1.0], [1.0, 2.0, 3.0]), "convex"),
        (PAR([0.0, 1.0], [-1.0, 2.0, 1.0]), "quasiconvex"),
        (PAR([0.0, 1.0], [-1.0, 0.0, -1.0]), "quasiconvex"),  # falls for ever
        (PAR([0.0, 1.0], [2.0, 0.0, 1.0]), "quasiconvex"),  # rises for ever
        (PAR([0.0, 1.0], [-2.0, 0.0, -1.0]), "quasiconvex"),
        (PAR([0.0], [1.0, -1.0]), "nonconvex"),
        (PAR([0.0, 1.0], [-INF, 1.0, -1.0]), "nonconvex"),
        (W, "nonconvex"),
    ],
)
def test_the_class_follows_theory_1(par, shape):
    assert par.shape == shape


@SEEDED
@given(random_par.pars())
def test_the_class_is_what_the_values_say(par):
    low, high = max(par.domain[0], -20.0), min(par.domain[1], 20.0)
    x = np.linspace(low, high, 257)
    value = par.value(x)
    third = value[2:] - 2 * value[1:-1] + value[:-2]
    if par.shape == "convex":
        assert np.all(third >= -1e-10)
    # Quasiconvex: no point higher than all on its left and all on its right.
    left, right = np.minimum.accumulate(value), np.minimum.accumulate(value[::-1])[::-1]
    hill = np.max(np.minimum(value - left, value - right))
    if par.shape == "nonconvex":
        levels = np.concatenate((par.levels, [par.levels[0] - 1, par.levels[-1] + 1]))
        fine = np.unique(np.clip(np.concatenate((levels, x)), *par.domain))
        value = par.value(fine)
        left, right = np.minimum.accumulate(value), np.minimum.accumulate(value[::-1])[::-1]
        assert np.max(np.minimum(value - left, value - right)) > 0
    else:
        assert hill <= 1e-10


def test_the_quantization_levels_are_the_convex_kinks():
    assert W.quantization_levels.tolist() == [-1.0, 1.0]
    assert designs.box(0.0, 1.0).quantization_levels.tolist() == [0.0, 1.0]
    assert PAR([], [1.0]).quantization_levels.size == 0


def test_the_domain_is_bounded_by_box_sides_alone():
    assert PAR([], [1.0]).domain == (-INF, INF)
    assert PAR([1.0, 2.0], [-INF, 0.0, 1.0]).domain == (1.0, INF)
    assert PAR([1.0, 2.0], [0.0, 1.0, INF]).domain == (-INF, 2.0)
    assert PAR([2.0], [-INF, INF]).domain == (2.0, 2.0)


@pytest.mark.parametrize(
    ("par", "bounded"),
    [
        (W, True),
        (PAR([], [0.0]), True),
        (PAR([], [1.0]), False),
        (PAR([0.0], [0.0, -1.0]), False),
        (PAR([0.0], [1.0, 2.0]), False),
        (PAR([0.0], [-INF, -1.0]), False),
        (PAR([0.0, 1.0], [-INF, -1.0, INF]), True),
        (PAR([0.0], [0.0, 1.0]), True),
    ],
)
def test_a_penalty_is_bounded_below_unless_an_end_falls(par, bounded):
    assert par.bounded_below is bounded
    assert (par.minimiser() is None) is not bounded


@pytest.mark.parametrize(
    ("par", "minimiser"),
    [
        (W, -1.0),  # of two equally near the first
        (PAR([-3.0, 0.0, 1.0], [-1.0, 1.0, -2.5, 1.0]), -3.0),
        (PAR([-3.0, 0.0, 1.0], [-1.0, 1.0, -3.0, 1.0]), 1.0),
        (PAR([-3.0, 0.0, 1.0], [-1.0, 1.0, -3.5, 1.0]), 1.0),
        (PAR([-1.0, 1.0], [-1.0, 0.0, 1.0]), 0.0),  # inside the flat cell
        (PAR([-2.0, -1.0, 1.0, 2.5], [-1.0, 1.0, 0.0, -1.0, 1.0]), 2.5),  # a flat cell on top of a hill
        (PAR([1.0, 2.0], [-1.0, 0.0, 1.0]), 1.0),  # its near end
        (PAR([-2.0, -1.0], [-1.0, 0.0, 1.0]), -1.0),
        (PAR([2.0, 3.0], [-INF, 1.0, INF]), 2.0),
        (PAR([-3.0, -2.0], [-INF, 1.0, INF]), -3.0),
        (PAR([], [0.0]), 0.0),
        (PAR([5.0], [-INF, INF]), 5.0),
        (PAR([1.0], [-1.0, 0.0]), 1.0),
    ],
)
def test_the_minimiser_is_a_global_one_the_nearest_to_zero(par, minimiser):
    assert par.minimiser() == minimiser


def test_the_minimiser_of_random_penalties_is_one_in_rational_arithmetic_up_to_rounding():
    seen = 0
    for _, par, _, v in random_par.trials(400, seed=51):
        if not par.bounded_below:
            assert par.minimiser() is None
            continue
        exact, x = laws.Exact(par), laws.Fraction(par.minimiser())
        here = exact.value(x)
        assert here is not None
        points = [laws.Fraction(u) for u in (*par.levels.tolist(), *v.tolist(), 0.0)]
        heights = [h for h in map(exact.value, points) if h is not None]
        climb = float(np.sum(np.abs(par.slopes[1:-1] * np.diff(par.levels)))) if par.levels.size else 0.0
        assert float(here - min(heights)) <= laws.EPS * (par.levels.size + laws.FEW) * 2 * climb
        if par.shape != "nonconvex":  # the slopes tell, so nothing is lost
            assert here == min(heights)
        seen += 1
    assert seen > 150


@pytest.mark.parametrize("half", [0.05, 0.1, 1 / 3, 0.7])
@pytest.mark.parametrize("m", [2, 5, 20])
def test_zero_in_a_flat_cell_is_the_minimiser_though_other_wells_round_to_less(half, m):
    right = half * np.arange(1, 2 * m + 2)
    slopes = np.append(np.tile([1.0, -1.0], m), 1.0)
    par = PAR(np.concatenate((-right[::-1], right)), np.concatenate((-slopes[::-1], [0.0], slopes)))
    assert par.minimiser() == 0.0


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("steepness", [1.0, 1e6, 1e12 / 3])
def test_of_wells_of_one_depth_the_nearest_is_the_minimiser_though_values_round(sign, steepness):
    # Far from 0 behind a fall; climbs and descents are multiples of 1/8192, so the depths are equal exactly.
    for seed in range(30):
        climbs = np.repeat(np.random.default_rng(seed).integers(1, 1000, 10) / 8192, 2)
        levels = 100.0 + np.concatenate(([0.0], np.cumsum(climbs)))
        slopes = np.concatenate(([-steepness], np.resize([1.0, -1.0], 20), [1.0]))
        par = PAR(levels, slopes) if sign > 0 else PAR(-levels[::-1], -slopes[::-1])
        assert par.minimiser() == 100.0 * sign


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_minimiser_is_found_behind_a_wall_that_swallows_small_differences(sign):
    # Convex, with slopes −1e8, −1e-9, 1e-9: in floats the values at 1, 2 and 3 are all −1e8.
    par = PAR([1.0, 2.0, 3.0], [-1e8, -1e-9, 1e-9, 5.0])
    if sign < 0:
        par = PAR(-par.levels[::-1], -par.slopes[::-1])
    assert par.minimiser() == 2.0 * sign
    assert par.convex_relative() == par
