"""Defects of the references' quantizers: their formula, written down here, fails where ours does not.

D1 to D4, N3 and N4 are of the programs of [PARQ], X5 and X6 of those of [ProxQuant].
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from parlin import designs
from parlin.quantizers import (
    lsbq_levels,
    nearest,
    optimal_levels,
    rounding_error,
    ternary_levels,
    two_bit_levels,
    uniform_levels,
)

VALUES = np.random.default_rng(0).standard_normal(64)


def signs(r):
    return np.where(r >= 0, 1.0, -1.0)


def test_d1_a_ternary_scale_is_the_mean_of_what_is_rounded_to_it_and_not_half_of_it():
    """Theirs takes v between |p|_i and |p|_{i+1} with v half the mean of the larger ones, and levels ±v."""
    sizes = np.sort(np.abs(VALUES))
    halves = [0.5 * sizes[i + 1 :].mean() for i in range(sizes.size - 1)]
    feasible = [v for i, v in enumerate(halves) if sizes[i] <= v < sizes[i + 1]]
    theirs = min(rounding_error(VALUES, [-v, 0.0, v]) for v in feasible)
    ours = rounding_error(VALUES, ternary_levels(VALUES))
    assert theirs > 1.3 * ours
    grid = np.linspace(0.01, 3, 3000)
    assert ours <= min(rounding_error(VALUES, [-v, 0.0, v]) for v in grid) + 1e-12


def test_d2_two_bit_levels_of_a_row_are_the_best_ones():
    """Theirs takes v1 from means of halved sums, and v2 as the mean of |r|: off the optimum on most rows."""
    ratios = []
    for row in np.random.default_rng(1).standard_normal((50, 64)):
        sizes = np.sort(np.abs(row))
        total, count = np.cumsum(sizes), np.arange(1, sizes.size + 1)
        candidates = [
            v
            for i in range(1, sizes.size - 1)
            for v in (0.5 * (total[-1] - total[i]) / (sizes.size - count[i]),)
            if sizes[i] <= v <= sizes[i + 1]
        ] or [0.5 * total[-1] / sizes.size]
        errors = []
        for v1 in candidates:
            v2 = np.abs(row - v1 * signs(row)).mean()
            errors.append(rounding_error(row, np.unique([-v1 - v2, -abs(v1 - v2), abs(v1 - v2), v1 + v2])))
        ratios.append(min(errors) / rounding_error(row, two_bit_levels(row)))
    assert min(ratios) >= 1 - 1e-12 and np.mean(ratios) > 1.02


def test_d4_levels_with_an_offset_are_where_values_are_rounded_to():
    """Theirs subtracts and adds a rounded zero point: values are on another grid than the levels."""
    values = np.random.default_rng(2).uniform(3.0, 7.0, 100)
    step = np.ptp(values) / 15
    rounded = np.round(values / step) * step
    theirs = np.arange(-8, 8) * step
    assert not np.isin(np.round(rounded, 9), np.round(theirs, 9)).all()
    for levels in (optimal_levels(values, 16), uniform_levels(values, 16)):
        assert np.isin(nearest(values, levels), levels).all()


def greedy(values, n_bits):
    """The greedy program: the rounded values p − r, and its own levels, sums of ±v_i."""
    rest, scales = values.copy(), []
    for _ in range(n_bits):
        scales.append(np.abs(rest).mean())
        rest = rest - scales[-1] * signs(rest)
    combinations = np.array(list(itertools.product((-1.0, 1.0), repeat=n_bits)))
    return values - rest, np.sort(combinations @ np.array(scales))


def test_n3_greedy_values_are_members_of_their_levels():
    values = np.random.default_rng(3).standard_normal(4096)
    rounded, levels = greedy(values, 4)
    assert not np.isin(rounded, levels).all()
    ours = lsbq_levels(values, 4)
    np.testing.assert_allclose(ours, levels, atol=1e-14)
    assert np.isin(nearest(values, ours), ours).all()


@pytest.mark.parametrize("n_bits", [4, 5])
def test_n4_greedy_values_are_at_the_nearest_level(n_bits):
    values = np.random.default_rng(4).standard_normal(4096)
    rounded, levels = greedy(values, n_bits)
    assert np.mean((values - rounded) ** 2) > rounding_error(values, levels) * 1.001
    ours = lsbq_levels(values, n_bits)
    assert np.array_equal(np.abs(values - nearest(values, ours)), np.abs(values[:, None] - ours).min(axis=1))


def test_x5_alternating_assigns_to_the_nearest_level():
    """Theirs assigns greedily by the signs of what is left over, as in N4, with scales from least squares."""
    values = np.random.default_rng(5).standard_normal(512)
    combinations = np.array(list(itertools.product((-1.0, 1.0), repeat=4)))
    scales = np.array([np.abs(values).mean() / 2**i for i in range(4)])
    for _ in range(20):
        rest, codes = values.copy(), []
        for scale in scales:
            codes.append(signs(rest))
            rest = rest - scale * codes[-1]
        scales = np.linalg.lstsq(np.transpose(codes), values, rcond=None)[0]
    levels = np.unique(combinations @ scales)
    theirs = np.mean((values - np.transpose(codes) @ scales) ** 2)
    assert theirs > rounding_error(values, levels)
    assert rounding_error(values, lsbq_levels(values, 4, rounds=20)) <= theirs


def test_x6_levels_found_inside_the_map_make_it_no_proximal_map():
    """With levels that follow the argument, what one entry is mapped to depends on the other entries."""
    first = np.array([1.0, -1.0, 3.0])
    second = np.array([1.0, -1.0, 9.0])
    found = [nearest(v, optimal_levels(v, 2, symmetric=True))[0] for v in (first, second)]
    assert found[0] != found[1]
    fixed = designs.distance([-2.0, 2.0])
    assert fixed.prox(first, 10.0)[0] == fixed.prox(second, 10.0)[0]
