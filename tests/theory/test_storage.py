"""Bits of quantized coefficients: counted by hand, and the fraction at which they are half of floats."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlin import theory
from tests.random_par import SEEDED


def test_bits_are_those_counted_by_hand():
    # 3 levels and the escape are 4 symbols of 2 bits; a grid is two floats.
    assert theory.escape_code_bits(10, n_free=2, n_levels=3) == 10 * 2 + 2 * 32 + 2 * 32
    assert theory.escape_code_bits(10, 2, 3, uniform=False) == 10 * 2 + 2 * 32 + 3 * 32
    assert theory.escape_code_bits(10, 0, 4, 64) == 10 * 3 + 2 * 64
    assert theory.bitmap_bits(10, n_free=2, n_levels=3) == 10 + 8 * 2 + 2 * 32 + 2 * 32
    assert theory.bitmap_bits(10, 10, 1, uniform=False) == 10 + 10 * 32 + 32
    # A single level needs no code but the bit.
    assert theory.bitmap_bits(10, 0, 1, uniform=False) == 10 + 32


@pytest.mark.parametrize(("n", "ratio"), [(20, 4.26), (80, 1.87), (100, 1.57), (150, 1.13), (75, 1.96)])
def test_ratios_of_the_worked_example(n, ratio):
    # d = 200, 15 levels, 32 bits, every one of the n coefficients that may be off the levels is
    assert 32 * 200 / theory.escape_code_bits(200, n, 15) == pytest.approx(ratio, abs=0.005)


LAYOUTS = [
    pytest.param(theory.escape_code_bits, theory.escape_free_share, id="escape"),
    pytest.param(theory.bitmap_bits, theory.bitmap_free_share, id="bitmap"),
]


@pytest.mark.parametrize(("bits", "fraction"), LAYOUTS)
@SEEDED
@given(
    d=st.integers(1, 500),
    levels=st.integers(1, 300),
    float_bits=st.sampled_from([16, 32, 64]),
    uniform=st.booleans(),
    ratio=st.sampled_from([1.0, 2.0, 4.0]),
)
def test_the_fraction_is_where_the_ratio_is_met(bits, fraction, d, levels, float_bits, uniform, ratio):
    largest = fraction(d, levels, float_bits, uniform, ratio)
    # Whole numbers of coefficients below and above it, apart from rounding of the fraction.
    for u in {math.floor(largest * d - 1e-9), math.ceil(largest * d + 1e-9)} & set(range(d + 1)):
        enough = ratio * bits(d, u, levels, float_bits, uniform) <= float_bits * d
        assert enough == (u <= largest * d)


@pytest.mark.parametrize("fraction", [theory.escape_free_share, theory.bitmap_free_share])
def test_no_grid_halves_at_half_a_bit_short_of_a_half(fraction):
    assert max(fraction(10**9, levels) for levels in range(1, 40)) <= 0.5 - 1 / 32 + 1e-7


def test_codes_as_long_as_floats_save_nothing():
    with pytest.raises(ValueError, match="float_bits must be > 9"):
        theory.bitmap_free_share(10, n_levels=500, float_bits=8)
