"""Rounding to levels, its error, blocks, and the two classical ways to find levels that are not the best."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from parlin import designs
from parlin.quantizers import (
    binary_levels,
    blocks,
    lloyd_levels,
    lsbq_levels,
    nearest,
    optimal_levels,
    rounding_error,
    ternary_levels,
    two_bit_levels,
    uniform_levels,
)

VALUES = np.random.default_rng(0).standard_normal((6, 72))
QUANTIZERS = {
    "optimal": lambda v, **o: optimal_levels(v, 8, **o),
    "symmetric": lambda v, **o: optimal_levels(v, 7, symmetric=True, **o),
    "binary": binary_levels,
    "ternary": ternary_levels,
    "two_bit": two_bit_levels,
    "uniform": lambda v, **o: uniform_levels(v, 8, **o),
    "mean": lambda v, **o: uniform_levels(v, 8, scale="mean", **o),
    "greedy": lambda v, **o: lsbq_levels(v, 3, **o),
    "alternating": lambda v, **o: lsbq_levels(v, 3, rounds=20, **o),
    "lloyd": lambda v, **o: lloyd_levels(v, np.linspace(-2, 2, 8), **o),
}
each = pytest.mark.parametrize("find", QUANTIZERS.values(), ids=QUANTIZERS)


@each
def test_rounded_values_are_members_and_the_nearest_ones(find):
    """The greedy program's rounding misses both (defects N3, N4 of the references)."""
    levels = find(VALUES)
    rounded = nearest(VALUES, levels)
    for row, own, near in zip(VALUES, levels, rounded, strict=True):
        assert np.isin(near, own).all()
        assert np.array_equal(np.abs(row - near), np.abs(row[:, None] - own).min(axis=1))


@each
def test_rows_are_quantized_alone(find):
    levels = find(VALUES)
    for row, own in zip(VALUES, levels, strict=True):
        assert np.array_equal(find(row), own[np.isfinite(own)])


@each
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "not empty"),
        ([[[1.0]]], "must have shape"),
        ([1.0, np.nan], "finite"),
        ([1.0, np.inf], "finite"),
        ([1.0 + 1j], "real"),
    ],
)
def test_bad_values_are_refused(find, values, message):
    with pytest.raises(ValueError, match=message):
        find(values)


@each
@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0], "shape"), ([1.0, -1.0], ">= 0"), ([0.0, 0.0], "not all 0"), ([np.inf, 1.0], "finite")],
)
def test_bad_weights_are_refused(find, weights, message):
    with pytest.raises(ValueError, match=message):
        find([1.0, 2.0], sample_weight=weights)


@each
def test_one_value_and_a_column_of_values(find):
    levels = find([[2.0], [-3.0]])
    assert levels.shape[0] == 2
    assert rounding_error([2.0], find([2.0])) <= rounding_error([2.0], [0.0])


def test_rounding_is_that_of_a_penalty_with_these_levels():
    levels = optimal_levels(VALUES.ravel(), 5)
    midpoint = 0.5 * (levels[0] + levels[1])
    values = np.append(VALUES.ravel(), midpoint)
    assert np.array_equal(nearest(values, levels), designs.distance(levels).nearest_level(values))
    assert nearest([midpoint], levels)[0] == levels[1]  # halves go up


@pytest.mark.parametrize(
    "levels", [[], [1.0, 0.0], [0.0, 0.0], [np.nan], [np.inf], [0.0, np.inf, 1.0], [[0.0], [1.0]]]
)
def test_what_is_no_set_of_levels_is_refused(levels):
    with pytest.raises(ValueError, match="levels must"):
        nearest([1.0, 2.0, 3.0], levels)


def test_blocks_are_rows_of_neighbours_and_a_view():
    values = np.arange(24.0).reshape(2, 12)
    found = blocks(values, 4)
    assert found.shape == (6, 4) and np.shares_memory(found, values)
    assert found[1].tolist() == [4.0, 5.0, 6.0, 7.0]
    with pytest.raises(ValueError, match="2 a row are left over"):
        blocks(values, 5)
    for empty in (1.0, []):
        with pytest.raises(ValueError, match="no whole number of blocks"):
            blocks(empty, 1)


# -- Lloyd and LSBQ -----------------------------------------------------------------------------------


def test_lloyd_ends_where_levels_are_means_and_never_rounds_worse():
    values = VALUES.ravel()
    errors = [rounding_error(values, lloyd_levels(values, [-1.0, 0.0, 0.5], k)) for k in range(12)]
    assert all(b <= a + 1e-15 for a, b in itertools.pairwise(errors))
    levels = lloyd_levels(values, [-1.0, 0.0, 0.5], 1000)
    rounded = nearest(values, levels)
    for level in levels:
        assert level == pytest.approx(values[rounded == level].mean(), abs=1e-14)
    assert rounding_error(values, optimal_levels(values, 3)) <= rounding_error(values, levels)


def test_a_level_without_values_stays():
    assert lloyd_levels([1.0, 2.0], [0.0, 10.0]).tolist() == [1.5, 10.0]
    assert lloyd_levels([1.0, 2.0], [0.0, 10.0], 0).tolist() == [0.0, 10.0]


def test_greedy_scales_are_means_of_what_is_left():
    values = np.array([4.0, -1.0, 2.0, 0.0])
    # |v| has mean 7/4; left over are 9/4, 3/4, 1/4, -7/4, whose sizes have mean 5/4.
    assert lsbq_levels(values, 2).tolist() == [-3.0, -0.5, 0.5, 3.0]
    assert lsbq_levels(values, 1).tolist() == [-1.75, 1.75]


@pytest.mark.parametrize("n_bits", [2, 3, 4])
def test_alternating_helps_and_the_best_levels_are_better_still(n_bits):
    for row in VALUES:
        errors = [rounding_error(row, lsbq_levels(row, n_bits, rounds=k)) for k in (0, 1, 5, 50)]
        assert all(b <= a * (1 + 1e-12) for a, b in itertools.pairwise(errors))
        assert rounding_error(row, optimal_levels(row, 2**n_bits)) <= errors[-1]


def test_greedy_levels_at_four_bits_are_far_from_the_best_ones():
    values = np.random.default_rng(1).standard_normal(10_000)
    ratio = rounding_error(values, lsbq_levels(values, 4)) / rounding_error(
        values, optimal_levels(values, 16)
    )
    assert 3 < ratio < 4


def test_too_many_bits_are_refused():
    with pytest.raises(ValueError, match="n_bits must be >= 1"):
        lsbq_levels([1.0], 0)
    with pytest.raises(ValueError, match="at most 16"):
        lsbq_levels([1.0], 17)


# -- extremes -----------------------------------------------------------------------------------------


def test_weights_and_values_near_the_largest_float():
    heavy = [1e-300, 1e-300, 1e300, 1e300]
    assert optimal_levels([0.0, 1.0, 2.0, 3.0], 3, sample_weight=heavy).tolist() == [2.0, 3.0]
    assert rounding_error([0.0, 1.0], [0.0], [1e308, 1e308]) == 0.5
    assert lloyd_levels([1.7e308, -1.7e308, 1.7e308], [-1.0, 1.0]).tolist() == [-1.7e308, 1.7e308]
    assert lloyd_levels([0.0, 1.0, 3.0], [0.0, 3.0], sample_weight=[1e308] * 3).tolist() == [0.5, 3.0]
    with pytest.raises(ValueError, match="overflows"):
        uniform_levels([1.0, 2.0], 9, scale=1.7e308)


def test_an_odd_number_of_levels_has_zero_and_numbers_are_no_answer():
    with pytest.raises(TypeError, match="zero must be True, False or None"):
        uniform_levels([1.0], 3, zero=0)
