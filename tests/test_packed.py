"""Packed coefficients: every bit comes back, and there are as many as theory counts."""

from __future__ import annotations

import dataclasses
import io
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlin import PAR, PARLasso, PARRidge, designs, theory
from parlin.packed import Packed, pack, unpack
from tests.random_par import SEEDED

BITS = {"escape": theory.escape_code_bits, "bitmap": theory.bitmap_bits}
DTYPES = (np.float32, np.float64)

each_layout = pytest.mark.parametrize("layout", BITS)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)

# Of one level, two, few and many; evenly spaced and not; around 0 and next to it.
GRIDS = {
    "one level": PAR([0.0], [-1.0, 1.0]),
    "one level off zero": PAR([0.3], [-1.0, 1.0]),
    "a box": designs.box(-1.0, 1.0),
    "binary": designs.binary(),
    "three levels": designs.lasso(0.1, 1),
    "ridge": designs.ridge(0.1, 7),
    "many levels": designs.ridge(1 / 3, 300),
    "half cells": designs.sawtooth(0.7, 4),
    "integers": designs.integers(2, 9),
    "geometric": PAR.even([0.0, 0.1, 0.3, 0.9], [1.0, 2.0, 3.0, 4.0]),
    "longer to the right": PAR(np.arange(-3, 6) * 0.1, np.arange(-4.5, 5.0)),
    "half-integers": PAR([-1.5, -0.5, 0.5, 1.5], [-2.0, -1.0, 0.0, 1.0, 2.0]),
}
UNIFORM = {
    "binary",
    "three levels",
    "ridge",
    "many levels",
    "half cells",
    "integers",
    "half-integers",
    "longer to the right",
}

each_grid = pytest.mark.parametrize("grid", GRIDS)


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def through_a_file(packed):
    file = io.BytesIO()
    file.write(packed.to_bytes())
    return Packed.from_bytes(file.getvalue())


@st.composite
def coefficients(draw):
    """A grid, a dtype, and a vector that mixes its levels, their neighbours and any finite floats."""
    penalty, dtype = GRIDS[draw(st.sampled_from(sorted(GRIDS)))], draw(st.sampled_from(DTYPES))
    levels = penalty.levels.astype(dtype)
    neighbours = np.nextafter(levels, dtype(np.inf))
    known = st.sampled_from([*levels.tolist(), *neighbours.tolist(), -0.0])
    width = 8 * np.dtype(dtype).itemsize
    anything = st.floats(width=width, allow_nan=False, allow_infinity=False)
    values = draw(st.lists(st.one_of(known, known, anything), min_size=1, max_size=60))
    return penalty, np.array(values, dtype=dtype)


@each_layout
@SEEDED
@given(drawn=coefficients())
def test_every_bit_comes_back_and_there_are_as_many_as_theory_counts(layout, drawn):
    penalty, coef = drawn
    packed = pack(coef, penalty, layout)
    back = through_a_file(packed)
    assert back == packed
    assert same_bits(unpack(back), coef)
    levels = {level.tobytes() for level in penalty.levels.astype(coef.dtype)}
    n_free = sum(entry.tobytes() not in levels for entry in coef)
    counted = BITS[layout](coef.size, n_free, len(levels), 8 * coef.itemsize, packed.uniform)
    assert packed.n_bits == counted
    assert packed.n_bytes == len(packed.payload) == -(-counted // 8)
    assert len(packed.to_bytes()) == packed.n_bytes_with_header == packed.n_bytes + 36


@each_layout
@each_dtype
@each_grid
@pytest.mark.parametrize("on_level", [True, False])
@pytest.mark.parametrize("d", [1, 7, 64])
def test_all_or_none_of_the_coefficients_on_levels(layout, dtype, grid, on_level, d):
    levels = GRIDS[grid].levels.astype(dtype)
    # Beyond the last level there is none.
    coef = np.resize(levels, d) if on_level else levels[-1] + np.arange(1, d + 1, dtype=dtype)
    packed = pack(coef, GRIDS[grid], layout)
    assert same_bits(unpack(through_a_file(packed)), coef)
    n_free = 0 if on_level else d
    assert packed.n_bits == BITS[layout](d, n_free, levels.size, 8 * coef.itemsize, grid in UNIFORM)


@each_dtype
@each_grid
def test_two_floats_tell_the_grids_that_are_uniform(dtype, grid):
    packed = pack(np.zeros(3, dtype), GRIDS[grid])
    assert packed.uniform == (grid in UNIFORM)


@each_dtype
@pytest.mark.parametrize("design", [designs.ridge, designs.lasso, designs.sawtooth, designs.rippled_mcp])
@SEEDED
@given(spacing=st.floats(1e-3, 1e3), n_levels=st.integers(1, 40))
def test_two_floats_tell_the_grids_of_designs_whatever_the_spacing(dtype, design, spacing, n_levels):
    penalty = design(spacing, n_levels)
    levels = penalty.levels.astype(dtype)
    packed = pack(levels, penalty)
    assert packed.uniform
    assert same_bits(unpack(packed), levels)


def test_the_payload_is_the_one_written_by_hand():
    # Codebook 1 + 0 = 1; codes 3 (off), 0, 2, 1 of two bits each: 11 00 10 01; then the float 0.5.
    packed = pack(np.array([0.5, -1.0, 1.0, 0.0], np.float32), designs.ridge(1.0, 1))
    assert packed.payload.hex() == "0000803f" + "00000000" + "c9" + "0000003f"
    # Bits 0 1 1 1, then codes 00 10 01, padded with zeros.
    packed = pack(np.array([0.5, -1.0, 1.0, 0.0], np.float32), designs.ridge(1.0, 1), "bitmap")
    assert packed.payload.hex() == "0000803f" + "00000000" + "7240" + "0000003f"
    assert packed.n_bits == 64 + 10 + 32


@each_layout
def test_minus_zero_is_kept_and_counts_as_off_the_levels(layout):
    minus, plus = np.array([-0.0, 0.5]), np.array([0.0, 0.5])
    packed = pack(minus, designs.ridge(0.5, 1), layout)
    assert np.signbit(unpack(packed)).tolist() == [True, False]
    assert packed.n_bits > pack(plus, designs.ridge(0.5, 1), layout).n_bits


def test_levels_that_float32_cannot_tell_apart_count_once():
    penalty = PAR([0.0, 1.0, 1.0 + 1e-12, 2.0], [-1.0, 1.0, 2.0, 3.0, 4.0])
    coef = np.array([0.0, 1.0, 2.0, 1.5], np.float32)
    packed = pack(coef, penalty)
    assert packed.n_levels == 3
    assert same_bits(unpack(packed), coef)
    assert pack(coef.astype(np.float64), penalty).n_levels == 4


@each_layout
@each_dtype
@pytest.mark.parametrize("estimator", [PARRidge, PARLasso])
def test_a_fit_comes_back_and_its_codes_say_how_much_it_takes(layout, dtype, estimator):
    rng = np.random.default_rng(0)
    model = estimator(alpha=0.05, spacing=0.05, n_levels=7)
    model.fit(rng.standard_normal((20, 100)), rng.standard_normal(20))
    coef = model.coef_.astype(dtype)
    packed = pack(coef, model.penalty_, layout)
    assert same_bits(unpack(through_a_file(packed)), coef)
    n_free = int(np.count_nonzero(model.codes_ < 0))
    assert 0 < n_free <= 20
    assert packed.n_bits == BITS[layout](100, n_free, 15, 8 * coef.itemsize)


def test_coefficients_are_read_whatever_their_memory_order_and_are_left_alone():
    coef = np.array([0.0, 0.3, 0.5, 0.7])
    kept = coef.copy()
    expected = pack(coef, designs.ridge(0.5, 1))
    assert pack(coef.astype(">f8"), designs.ridge(0.5, 1)) == expected
    assert pack(np.repeat(coef, 2)[::2], designs.ridge(0.5, 1)) == expected
    assert same_bits(coef, kept)


PACKED = pack(np.array([0.0, 0.3, 0.5]), designs.ridge(0.5, 1))


@pytest.mark.parametrize("length", range(len(PACKED.to_bytes())))
def test_bytes_cut_short_are_refused(length):
    with pytest.raises(ValueError, match=r"begin with|header has|payload has"):
        Packed.from_bytes(PACKED.to_bytes()[:length])


@pytest.mark.parametrize("place", range(len(PACKED.to_bytes())))
def test_an_altered_byte_is_refused_wherever_it_stands(place):
    data = bytearray(PACKED.to_bytes())
    data[place] ^= 1
    with pytest.raises(ValueError, match=r"begin with|payload has|checksum"):
        Packed.from_bytes(bytes(data))


def test_bytes_too_many_and_another_format_are_refused():
    with pytest.raises(ValueError, match="payload has"):
        Packed.from_bytes(PACKED.to_bytes() + b"\0")
    with pytest.raises(ValueError, match="begin with b'PARW', but these bytes with b'\\\\x93NUM'"):
        Packed.from_bytes(b"\x93NUMPY" + PACKED.to_bytes())


@pytest.mark.parametrize("place", [8, 9, 10])
def test_an_unknown_layout_dtype_or_grid_is_refused(place):
    data = bytearray(PACKED.to_bytes())
    data[place] = 7
    data[4:8] = zlib.crc32(bytes(data[8:])).to_bytes(4, "little")
    with pytest.raises(ValueError, match="the header says kinds"):
        Packed.from_bytes(bytes(data))


@each_layout
@pytest.mark.parametrize(
    "change",
    [
        {"n_features": 2}, {"n_features": 4}, {"n_features": 99}, {"n_levels": 40}, {"n_levels": 2},
        {"n_bits": 1}, {"payload": b""}, {"payload": b"\xff" * 33}, {"grid": "table"},
    ],
)  # fmt: skip
def test_a_payload_that_does_not_fit_what_is_said_of_it_is_refused(layout, change):
    packed = pack(np.array([0.0, 0.3, 0.5]), designs.ridge(0.5, 1), layout)
    with pytest.raises(ValueError, match="does not hold"):
        unpack(dataclasses.replace(packed, **change))


def test_packed_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PACKED.n_bits = 0


@pytest.mark.parametrize(
    ("coef", "penalty", "layout", "error", "says"),
    [
        ([0.0, np.nan], designs.ridge(1.0, 1), "escape", ValueError, "must be finite"),
        ([0.0, np.inf], designs.ridge(1.0, 1), "bitmap", ValueError, "must be finite"),
        (np.zeros(2, int), designs.ridge(1.0, 1), "escape", TypeError, "but is int64"),
        (np.zeros(2, np.float16), designs.ridge(1.0, 1), "escape", TypeError, "but is float16"),
        (np.zeros((2, 2)), designs.ridge(1.0, 1), "escape", ValueError, "pack outputs one by one"),
        (np.zeros(0), designs.ridge(1.0, 1), "escape", ValueError, "d >= 1"),
        (np.zeros(2), PAR([], [0.0]), "escape", ValueError, "no level"),
        (np.zeros(2), np.array([0.0, 1.0]), "escape", TypeError, "penalty must be a PAR"),
        (np.zeros(2), designs.ridge(1.0, 1), "huffman", ValueError, "layout must be one of"),
        (np.zeros(2, np.float32), designs.ridge(1e39, 1), "escape", ValueError, "too large for float32"),
    ],
)
def test_what_cannot_be_packed_is_refused(coef, penalty, layout, error, says):
    with pytest.raises(error, match=says):
        pack(coef, penalty, layout)


@pytest.mark.parametrize("wrong", ["weights.bin", None, 7, [1, 2]])
def test_only_bytes_are_read(wrong):
    with pytest.raises(TypeError, match="data must be bytes, such as a file's, but is"):
        Packed.from_bytes(wrong)


def test_only_what_was_packed_is_unpacked():
    with pytest.raises(TypeError, match=r"packed must be what `pack` or `Packed.from_bytes` gave"):
        unpack(PACKED.to_bytes())


@pytest.mark.parametrize(
    "claimed",
    [{"n_features": 2**40}, {"n_levels": 2**40}, {"n_levels": 2**63}, {"n_levels": 0}, {"n_features": 0}],
)
@pytest.mark.parametrize("layout", ["escape", "bitmap"])
def test_numbers_that_the_payload_cannot_bear_are_refused_before_memory_is_taken(claimed, layout):
    packed = pack(np.zeros(5), designs.ridge(1.0, 3), layout)
    with pytest.raises(ValueError, match="does not hold"):
        unpack(dataclasses.replace(packed, **claimed))


# -- what lasts ----------------------------------------------------------------------------------------

HELD = [0.25, -0.75, 0.1, 0.0, 0.5, -0.0, 0.25, 2.5, -0.25, 0.0, 0.75]
# Written by the first version; every later one reads them.
FILES = {
    "escape": (
        "50415257d3282a54000100000b0000000000000007000000000000006101000000000000000000000000d03f0000000000000000"
        "83bbe74f009a9999999999b93f00000000000000800000000000000440",
        designs.ridge(0.25, 3),
    ),
    "bitmap": (
        "5041525713d3ebc7010100000b0000000000000007000000000000006301000000000000000000000000d03f0000000000000000"
        "daf03b13c09a9999999999b93f00000000000000800000000000000440",
        designs.ridge(0.25, 3),
    ),
    "bitmap of a table in float32": (
        "504152575263c890010002000b0000000000000003000000000000003501000000000000000040bf000000000000803e"
        "d250c8cdcccc3d0000003f0000008000002040000080be0000403f",
        PAR([-0.75, 0.0, 0.25], [-1.0, -0.5, 0.5, 1.0]),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_first_version_is_read_and_written(name):
    written, penalty = bytes.fromhex(FILES[name][0]), FILES[name][1]
    packed = Packed.from_bytes(written)
    assert same_bits(unpack(packed), np.array(HELD, packed.dtype))
    assert pack(unpack(packed), penalty, packed.layout).to_bytes() == written


# -- what cannot be a coefficient, and memory ----------------------------------------------------------


@each_layout
@each_dtype
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["coefficient", "codebook"])
def test_what_pack_refuses_unpack_refuses(layout, dtype, wrong, place):
    packed = pack(np.array([0.0, 0.3, 0.5], dtype), designs.ridge(0.5, 1), layout)
    size, bad = np.dtype(dtype).itemsize, np.array([wrong], dtype).tobytes()
    payload = bad + packed.payload[size:] if place == "codebook" else packed.payload[:-size] + bad
    with pytest.raises(ValueError, match="coef must be finite, but holds nan or infinity"):
        unpack(dataclasses.replace(packed, payload=payload))


def peak(action):
    tracemalloc.start()
    try:
        result = action()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


LARGE = 300_001
VECTORS = {
    "three levels": (np.arange(LARGE) % 3 - 1.0, designs.integers(-1, 1)),
    "all zero": (np.zeros(LARGE), designs.ridge(0.25, 3)),
    "255 levels": (np.arange(LARGE) % 255 - 127.0, designs.integers(-127, 127)),
    "all distinct": (np.linspace(0.1, 0.2, LARGE), designs.ridge(0.25, 3)),
    "half of them free": (np.where(np.arange(LARGE) % 2, 0.25, np.pi), designs.ridge(0.25, 3)),
    "every one a level": (
        np.sqrt(np.arange(LARGE)),
        PAR.even(np.sqrt(np.arange(LARGE)), np.arange(1.0, LARGE + 1)),
    ),
}


@each_layout
@each_dtype
@pytest.mark.parametrize("name", VECTORS)
def test_packing_and_unpacking_take_little_memory(layout, dtype, name):
    coef, penalty = VECTORS[name][0].astype(dtype), VECTORS[name][1]
    to_pack, packed = peak(lambda: pack(coef, penalty, layout))
    to_write, data = peak(packed.to_bytes)
    to_read, back = peak(lambda: unpack(Packed.from_bytes(data)))
    assert same_bits(back, coef)
    larger = max(coef.nbytes, len(data))
    assert max(to_pack, to_write, to_read) <= 3 * larger
