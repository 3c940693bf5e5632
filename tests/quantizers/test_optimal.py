"""Levels of least rounding error, against every division, against another program, and at the extremes."""

from __future__ import annotations

import kmeans1d
import numpy as np
import pytest

from parlin.quantizers import (
    binary_levels,
    nearest,
    optimal_levels,
    rounding_error,
    ternary_levels,
    two_bit_levels,
)
from tests.quantizers.cases import error, least_error, small_sets

OF_A_FORM = {2: binary_levels, 3: ternary_levels, 4: two_bit_levels}


@pytest.mark.parametrize("n_levels", [1, 2, 3, 4])
@pytest.mark.parametrize("symmetric", [False, True])
def test_no_division_rounds_better(n_levels, symmetric):
    for values, weights in small_sets(80):
        levels = optimal_levels(values, n_levels, symmetric=symmetric, sample_weight=weights)
        if symmetric and n_levels == 1:
            assert levels.tolist() == [0.0]
            continue
        least = least_error(values, weights, n_levels, symmetric)
        assert error(values, levels, weights) == pytest.approx(least, rel=1e-12, abs=1e-14)
        assert levels.size <= n_levels and np.all(np.diff(levels) > 0)
        if symmetric:
            assert np.array_equal(levels, -levels[::-1])


@pytest.mark.parametrize("n_levels", OF_A_FORM)
def test_one_sort_finds_the_best_symmetric_levels(n_levels):
    for values, weights in small_sets(120, seed=1):
        levels = OF_A_FORM[n_levels](values, sample_weight=weights)
        least = least_error(values, weights, n_levels, symmetric=True)
        assert error(values, levels, weights) == pytest.approx(least, rel=1e-12, abs=1e-14)
        assert np.array_equal(levels, -levels[::-1])


@pytest.mark.parametrize("n_levels", [2, 3, 7, 16])
@pytest.mark.parametrize("draw", ["normal", "t", "lumps"])
def test_levels_are_those_of_kmeans1d(n_levels, draw):
    rng = np.random.default_rng(n_levels)
    values = {
        "normal": lambda: rng.standard_normal(3000),
        "t": lambda: rng.standard_t(2, 3000),
        "lumps": lambda: np.round(rng.standard_normal(3000), 1),
    }[draw]()
    levels = optimal_levels(values, n_levels)
    theirs = np.array(kmeans1d.cluster(values, n_levels).centroids)
    np.testing.assert_allclose(levels, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1.0, 1e100, 1e290])
@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_scales_and_offsets_lose_nothing(scale, offset):
    values = np.round(np.random.default_rng(2).standard_normal(200), 3) + offset
    plain = optimal_levels(values, 5)
    # An offset costs the digits that the values themselves have lost.
    expected = optimal_levels(values - offset, 5) + offset
    np.testing.assert_allclose(plain, expected, rtol=0, atol=1e-13 + 4e-16 * offset)
    np.testing.assert_allclose(optimal_levels(values * scale, 5), plain * scale, rtol=1e-14 + 4e-16 * offset)


@pytest.mark.parametrize("find", [*OF_A_FORM.values(), lambda v: optimal_levels(v, 4, symmetric=True)])
def test_levels_of_levels_are_themselves(find):
    values = np.random.default_rng(3).standard_normal(100)
    levels = find(values)
    assert np.array_equal(find(nearest(values, levels)), levels)
    free = optimal_levels(values, 6)
    assert np.array_equal(optimal_levels(nearest(values, free), 6), free)


def test_a_weight_is_a_number_of_repetitions():
    rng = np.random.default_rng(4)
    values, counts = rng.standard_normal(30), rng.integers(0, 4, 30)
    for n_levels in (2, 3, 5):
        for symmetric in (False, True):
            weighted = optimal_levels(values, n_levels, symmetric=symmetric, sample_weight=counts)
            repeated = optimal_levels(np.repeat(values, counts), n_levels, symmetric=symmetric)
            np.testing.assert_allclose(weighted, repeated, rtol=1e-13)


def test_fewer_distinct_values_than_levels_give_fewer_levels():
    assert optimal_levels([3.0, 1.0, 3.0], 5).tolist() == [1.0, 3.0]
    assert optimal_levels([0.0, -0.0], 3).tolist() == [0.0]
    assert not np.signbit(optimal_levels([-0.0], 1)).any()
    assert optimal_levels([2.0, -2.0, 2.0], 4, symmetric=True).tolist() == [-2.0, 2.0]
    assert ternary_levels([0.5, 0.5]).tolist() == [-0.5, 0.0, 0.5]  # the error is 0, not .71
    for find in OF_A_FORM.values():
        assert find(np.zeros(4)).tolist() == [0.0]


def test_rows_have_levels_of_their_own_and_short_ones_end_with_infinity():
    rows = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]])
    levels = optimal_levels(rows, 2)
    assert levels.tolist() == [[1.5, 3.5], [5.0, np.inf]]
    assert nearest(rows, levels).tolist() == [[1.5, 1.5, 3.5, 3.5], [5.0] * 4]
    assert rounding_error(rows, levels) == pytest.approx(0.125)


def test_the_best_error_of_normal_values_is_the_known_one():
    # Max (1960): 1.1175, .1175, .01154 for 2, 4, 16 levels, of a normal law.
    values = np.random.default_rng(5).standard_normal(200_000)
    for n_levels, known in ((2, 0.3634), (4, 0.1175), (16, 0.009497)):
        assert rounding_error(values, optimal_levels(values, n_levels)) == pytest.approx(known, rel=0.01)
