"""Levels and slopes: what is refused and how, values without cancellation, the convex envelope."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from parlin import PAR
from parlin.penalty import piecewise
from parlin.penalty.envelope import convex_envelope
from tests import laws, random_par
from tests.random_par import NAMED, SEEDED

INF = np.inf

REFUSED = [
    ([0.0], [1.0], r"one entry more than levels, but there are 1 levels and 1 slopes"),
    ([], [], r"one entry more than levels, but there are 0 levels and 0 slopes"),
    ([0.0, 1.0], [1.0, 2.0, 3.0, 4.0], r"2 levels and 4 slopes; give the slopes left of, between and right"),
    ([0.0, np.nan], [1.0, 2.0, 3.0], r"levels must be finite, but levels\[1\] = nan"),
    ([-INF, 0.0], [1.0, 2.0, 3.0], r"levels\[0\] = -inf; a box side is an infinite slope"),
    ([0.0, 0.5, 0.5], [1.0, 2.0, 3.0, 4.0], r"levels\[2\] = 0.5 <= levels\[1\] = 0.5; drop the repeat"),
    ([0.0, -1.0], [1.0, 2.0, 3.0], r"levels\[1\] = -1 <= levels\[0\] = 0; sort levels and slopes together"),
    ([0.0, -0.0], [1.0, 2.0, 3.0], r"drop the repeat"),
    ([0.0], [1.0, np.nan], r"slopes must be finite, .* but slopes\[1\] = nan"),
    ([0.0], [INF, 1.0], r"slopes\[0\] = inf"),
    ([0.0], [0.0, -INF], r"slopes\[1\] = -inf"),
    ([0.0, 1.0], [0.0, INF, 1.0], r"slopes\[1\] = inf"),
    ([], [INF], r"slopes\[0\] = inf"),
    ([], [-INF], r"slopes\[0\] = -inf"),
    (
        [0.0, 1.0],
        [0.0, 2.0, 2.0],
        r"it is 2 on both sides of levels\[1\] = 1; drop that level or use PAR.merged",
    ),
    ([3.0], [0.0, -0.0], r"it is 0 on both sides of levels\[0\] = 3"),
]

ACCEPTED = [
    ([], [0.0]),
    ([], [-3.0]),
    ([0.0], [-INF, INF]),
    ([0.0], [-INF, -1.0]),
    ([2.0], [1.0, INF]),
    ([1.0, 2.0], [-INF, 0.0, INF]),
    ([-1e300, 1e300], [1.0, 0.0, 1.0]),
    ([0.0, 5e-324], [-1.0, 0.0, 1.0]),
]


@pytest.mark.parametrize(("levels", "slopes", "message"), REFUSED)
def test_wrong_levels_and_slopes_are_refused_by_place_and_value(levels, slopes, message):
    with pytest.raises(ValueError, match=message):
        PAR(levels, slopes)


@pytest.mark.parametrize(("levels", "slopes"), ACCEPTED)
def test_every_other_choice_is_a_penalty(levels, slopes):
    par = PAR(levels, slopes)
    assert par.levels.tolist() == levels
    assert par.slopes.tolist() == slopes


def test_the_anchors_are_the_ends_nearest_to_zero_with_their_values():
    # |x| with a kink more on either side: cells (−∞, −2], [−2, 0], [0, 1], [1, ∞).
    points, values = piecewise.anchors(np.array([-2.0, 0.0, 1.0]), np.array([-3.0, -1.0, 1.0, 2.0]))
    assert points.tolist() == [-2.0, 0.0, 0.0, 1.0]
    assert values.tolist() == [2.0, 0.0, 0.0, 1.0]
    # A box away from 0 is anchored at its near side.
    points, values = piecewise.anchors(np.array([1.0, 2.0]), np.array([-INF, 3.0, INF]))
    assert points.tolist() == [1.0, 1.0, 2.0]
    assert values.tolist() == [0.0, 0.0, 3.0]


def test_values_near_zero_do_not_suffer_from_a_high_wall_elsewhere():
    par = PAR([-1e6, 0.0, 0.5, 1.0], [-1e10, -1e9, 1.0, -1.0, 1.0])
    x = np.linspace(0.0, 2.0, 33)
    assert np.array_equal(par.value(x), np.where(x <= 0.5, x, np.where(x <= 1.0, 1.0 - x, x - 1.0)))


def test_values_of_random_penalties_are_right_to_rounding_in_rational_arithmetic():
    for _, par, _, v in random_par.trials(300, seed=31):
        exact = laws.Exact(par)
        low, high = par.domain
        origin = min(max(0.0, low), high)
        x = np.concatenate((par.levels, v))
        for xi, value in zip(x.tolist(), par.value(x).tolist(), strict=True):
            true = exact.value(Fraction(xi))
            if true is None:
                assert value == INF
                continue
            # A sum of at most K + 1 terms of the size of the variation of ψ between the origin and x.
            between = np.unique(
                np.clip(np.append(par.levels, [origin, xi]), min(origin, xi), max(origin, xi))
            )
            middle = par.slopes[np.searchsorted(par.levels, (between[1:] + between[:-1]) / 2)]
            variation = float(np.sum(np.abs(middle * np.diff(between)), where=np.isfinite(middle)))
            slack = laws.EPS * (par.levels.size + laws.FEW) * variation
            assert abs(value - float(true - exact.value(Fraction(origin)))) <= slack


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_envelope_is_the_largest_convex_function_below(name, par):
    values = par.value(par.levels)
    envelope = convex_envelope(par.levels, par.slopes, values)
    support, slopes = par.levels[envelope.levels], envelope.slopes
    assert np.all(np.diff(slopes) > 0)
    assert envelope.levels[0] == 0 and envelope.levels[-1] == par.levels.size - 1
    # Below: nowhere above the graph.  Largest: it meets the graph at its own kinks.
    below = np.interp(par.levels, support, values[envelope.levels])
    assert np.all(below <= values + 1e-14)
    assert np.array_equal(below[envelope.levels], values[envelope.levels])


@SEEDED
@given(random_par.pars())
def test_the_supporting_level_maximises_p_x_minus_psi_over_the_levels(par):
    if par.levels.size == 0:
        return
    values = par.value(par.levels)
    envelope = convex_envelope(par.levels, par.slopes, values)
    kinks = np.concatenate((envelope.slopes, par.slopes[np.isfinite(par.slopes)]))
    p = np.unique(np.concatenate((np.linspace(-12.0, 12.0, 49), kinks)))
    chosen = envelope.supporting_level(p)
    best = np.max(p[:, None] * par.levels - values, axis=1)
    np.testing.assert_allclose(p * par.levels[chosen] - values[chosen], best, rtol=0, atol=1e-12)
