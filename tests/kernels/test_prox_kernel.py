"""The compiled prox and the pure one: each returns the floats of the definition, bit for bit.

The definition here is one argument at a time in Python floats.  Where nothing is compiled, the tests of
the pure path still run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import parlin
from parlin import PAR, designs
from parlin.penalty.prox import Prox, ProxTable, apply_table, prox_table
from tests import random_par
from tests.random_par import NAMED

FloatArray = np.ndarray
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, -5e-324])
BLOCK = 128


def by_definition(table: ProxTable, v: FloatArray) -> FloatArray:
    """``min(max(v − shift_i, lower_i), upper_i)``, i the number of thresholds ``<= v``."""
    thresholds, shifts, lower, upper = (array.tolist() for array in table[:4])
    x = []
    for argument in v.tolist():
        i = bisect_right(thresholds, argument)
        moved = argument - shifts[i]
        x.append(moved if moved != moved else min(max(moved, lower[i]), upper[i]))
    return np.array(x)


def pure(table: ProxTable) -> Callable[[FloatArray], FloatArray]:
    return lambda v: apply_table(table._replace(kernel=None), v)


def new_kernel(table: ProxTable) -> Callable[[FloatArray], FloatArray]:
    return Prox(*table[:4])


def kernel_with_index(table: ProxTable) -> Callable[[FloatArray], FloatArray]:
    kernel = Prox(*table[:4])
    kernel(np.zeros(100 * table.shifts.size))
    assert kernel.method != "search"
    return kernel


PATHS = (pure, new_kernel, kernel_with_index) if parlin.compiled else (pure,)
every_path = pytest.mark.parametrize("path", PATHS)


def assert_same_bits(x: FloatArray, expected: FloatArray) -> None:
    """Equal floats, the signs of zeros included; any NaN equals any other."""
    number = ~np.isnan(expected)
    assert np.array_equal(np.isnan(x), ~number)
    assert np.array_equal(x[number].view(np.int64), expected[number].view(np.int64))


def telling(table: ProxTable, limit: int = 400) -> FloatArray:
    """Thresholds, ends of flat parts, the floats next to them, points between, and special values."""
    rng = np.random.default_rng(table.shifts.size)
    ends = np.concatenate((table.lower + table.shifts, table.upper + table.shifts, table.lower))
    places = np.unique(np.concatenate((table.thresholds, ends[np.isfinite(ends)])))
    if places.size > limit:
        places = rng.choice(places, limit, replace=False)
    between = rng.uniform(places.min(initial=0.0) - 1.0, places.max(initial=0.0) + 1.0, 50)
    neighbours = (np.nextafter(places, -np.inf), np.nextafter(places, np.inf), places * (1 + 1e-9))
    return rng.permutation(np.concatenate((places, *neighbours, between, SPECIAL)))


def table_of(par: PAR, step: float) -> ProxTable:
    return prox_table(par.levels, par.slopes, step, par.shape == "convex")


def nearly_uniform(count: int) -> Iterator[ProxTable]:
    """Convex tables on grids off centre: gaps, flat parts of all sizes, spacings that almost agree."""
    for number in range(count):
        rng = np.random.default_rng((21, number))
        m = int(rng.integers(2, 60))
        gaps = np.full(m, rng.choice([1.0, 0.1, 1 / 3])) * (1 + rng.choice([0, 1e-12, 1e-7]) * rng.random(m))
        odd = rng.integers(0, m)
        gaps[odd : odd + rng.integers(0, 4)] *= rng.uniform(0.5, 30)
        levels = np.cumsum(gaps) + 10.0 ** rng.uniform(-1, 9) * rng.choice([-1, 0, 1])
        slopes = np.cumsum(np.full(m + 1, rng.choice([1e-9, 1e-6, 0.01, 1.0, 50.0])))
        yield table_of(PAR(levels, slopes - rng.choice(slopes)), 1.0)


# -- bit for bit ------------------------------------------------------------------------------------


@every_path
def test_random_penalties_of_all_kinds(path):
    for _, par, step, _ in random_par.trials(240, seed=20):
        table = table_of(par, step)
        v = telling(table)
        assert_same_bits(path(table)(v), by_definition(table, v))


@every_path
@pytest.mark.parametrize(("name", "par"), NAMED)
def test_every_design(name, par, path):
    for step in (1e-3, 0.4, 7.0):
        table = table_of(par, step)
        v = telling(table)
        assert_same_bits(path(table)(v), by_definition(table, v))


@every_path
def test_tables_that_are_almost_uniform(path):
    for table in nearly_uniform(150):
        v = telling(table)
        assert_same_bits(path(table)(v), by_definition(table, v))


@every_path
@pytest.mark.parametrize("step", [2.0**-4, 1.0, 4.0])
def test_ties_of_whole_numbers_go_to_the_right(step, path):
    for number in range(60):
        rng = np.random.default_rng((22, number))
        levels = np.unique(rng.integers(-9, 10, 8)).astype(float)
        table = table_of(PAR.merged(levels, rng.integers(-5, 6, levels.size + 1)), step)
        v = np.concatenate((np.arange(-400, 401) / 16, table.thresholds))
        assert_same_bits(path(table)(v), by_definition(table, v))


@every_path
def test_levels_by_the_thousand_and_levels_crowded_in_one_place(path):
    rng = np.random.default_rng(23)
    crowd = np.cumsum(2.0 ** np.arange(-30, 10))
    for par in (
        designs.lasso(0.1, 3000),
        PAR(np.sort(rng.standard_normal(5000)), rng.standard_normal(5001)),
        PAR(crowd, np.arange(crowd.size + 1.0)),
        PAR(np.concatenate(([-1e300], crowd)), rng.standard_normal(crowd.size + 2)),
    ):
        table = table_of(par, 0.01)
        v = telling(table)
        assert_same_bits(path(table)(v), by_definition(table, v))


@every_path
@pytest.mark.parametrize("step", [0.01, 1.0])
def test_many_levels_that_a_formula_gives_and_many_that_no_formula_gives(step, path):
    zero_based, from_the_left = 0.3 * np.arange(-200, 201), np.linspace(1.7, 9.3, 300)
    off_by_a_bit = zero_based.copy()
    off_by_a_bit[350] = np.nextafter(off_by_a_bit[350], np.inf)
    for levels in (zero_based, zero_based[200:], zero_based[:201], from_the_left, off_by_a_bit):
        slopes = 0.1 * np.arange(levels.size + 1.0) - 9.0
        boxed = np.concatenate(([-np.inf], slopes[1:-1], [np.inf]))
        for par in (PAR(levels, slopes), PAR(levels, boxed)):
            table = table_of(par, step)
            v = np.concatenate((telling(table), table.thresholds[-7:], table.thresholds[:6]))
            assert_same_bits(path(table)(v), by_definition(table, v))


@every_path
@pytest.mark.parametrize(("par", "step"), [(designs.ridge(1.0, 3), 1e307), (designs.binary(), 1e-320)])
def test_steps_at_the_ends_of_the_floats(par, step, path):
    table = table_of(par, step)
    assert_same_bits(path(table)(SPECIAL[3:]), by_definition(table, SPECIAL[3:]))


@every_path
@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_arrays_of_every_length(size, path):
    for par in (designs.ridge(0.1, 7), designs.sawtooth(0.1, 7)):
        table = table_of(par, 0.2)
        v = np.random.default_rng(24).uniform(-1, 1, size)
        assert_same_bits(path(table)(v), by_definition(table, v))


@every_path
def test_zero_keeps_the_sign_of_the_stored_level(path):
    # Between levels, on a level next to slope 0, at the side of a box, at the only point, without levels.
    point = PAR([0.0], [-np.inf, np.inf])
    for par in (designs.box(-1, 1), PAR([0.0], [0.0, 1.0]), designs.box(0, 1), point, PAR([], [0.0])):
        x = path(table_of(par, 1.0))(np.array([-0.0, 0.0]))
        assert x.tolist() == [0.0, 0.0]
        assert not np.signbit(x).any()


# -- which way pieces are found ---------------------------------------------------------------------


def method(par: PAR, step: float) -> str:
    kernel = kernel_with_index(table_of(par, step))
    return kernel.method


@pytest.mark.parametrize("par", [par for name, par in NAMED if name.split("-")[0] in ("ridge", "lasso")])
@pytest.mark.parametrize("step", [0.01, 0.3, 5.0])
def test_grids_of_ridge_and_lasso_are_counted(par, step):
    table = table_of(par, step)
    gaps = np.diff(table.thresholds)
    # At most two gaps, about the centre, differ from the others.
    assert np.sum(np.abs(gaps - gaps[:1]) > 1e-9) <= 2
    if parlin.compiled and table.thresholds.size > 1:
        assert method(par, step) == "uniform"


@pytest.mark.parametrize(("name", "par"), [(name, par) for name, par in NAMED if par.shape == "nonconvex"])
def test_the_jumps_of_nonconvex_penalties_are_compared(name, par):
    for step in (0.01, 0.1):
        table = table_of(par, step)
        below = np.nextafter(table.thresholds, -np.inf)
        jumps = by_definition(table, table.thresholds) - by_definition(table, below) > 1e-6
        if parlin.compiled and jumps.any():
            assert method(par, step) == "buckets"


# -- arrays of every kind ---------------------------------------------------------------------------

RIPPLED, STEP = designs.rippled_mcp(0.25, 6), 0.1


def expected_of(v: FloatArray) -> FloatArray:
    return by_definition(table_of(RIPPLED, STEP), v.ravel()).reshape(v.shape)


@pytest.mark.parametrize("ties", ["right", "left", "toward_zero"])
def test_out_is_written_and_returned(ties):
    v = np.random.default_rng(25).uniform(-2, 2, (7, 50))
    out = np.full(v.shape, np.nan)
    assert RIPPLED.prox(v, STEP, out=out, ties=ties) is out
    assert_same_bits(out.ravel(), expected_of(v).ravel())


def test_arguments_and_out_of_any_layout():
    v = np.random.default_rng(26).uniform(-2, 2, (12, 50))
    unaligned = np.zeros(v.nbytes + 1, dtype=np.uint8)[1:].view(np.float64).reshape(v.shape)
    for layout in (v[:, ::2], v.T, v[::-1], np.asfortranarray(v), v.astype(">f8"), v.astype(np.float32)):
        assert np.array_equal(RIPPLED.prox(layout, STEP), expected_of(np.array(layout, dtype=np.float64)))
    for out in (np.zeros((50, 12)).T, np.zeros((24, 50))[::2], np.zeros(v.shape, order="F"), unaligned):
        assert RIPPLED.prox(v, STEP, out=out) is out
        assert np.array_equal(out, expected_of(v))
    unaligned[...] = v
    assert np.array_equal(RIPPLED.prox(unaligned, STEP), expected_of(v))
    assert RIPPLED.prox(v[0, 0], STEP).shape == ()
    assert RIPPLED.prox(v[0, 0], STEP) == expected_of(v)[0, 0]
    assert RIPPLED.prox(v[:0], STEP).shape == (0, 50)


@pytest.mark.parametrize("shift", [-300, -1, 0, 1, 300])
def test_out_may_share_memory_with_the_arguments(shift):
    v = np.random.default_rng(27).uniform(-2, 2, 2000)
    expected = expected_of(v[400:1600])
    assert np.array_equal(RIPPLED.prox(v[400:1600], STEP, out=v[400 + shift : 1600 + shift]), expected)
    assert np.array_equal(v[400 + shift : 1600 + shift], expected)


def test_arguments_are_not_written_to_and_out_must_fit():
    v = np.random.default_rng(28).uniform(-2, 2, 300)
    v.flags.writeable = False
    kept = v.copy()
    RIPPLED.prox(v, STEP)
    assert np.array_equal(v, kept)
    with pytest.raises(ValueError, match="read-only"):
        RIPPLED.prox(kept, STEP, out=v)
    with pytest.raises(ValueError, match=r"out must be float64 of shape \(300,\)"):
        RIPPLED.prox(v, STEP, out=np.zeros(299))
    with pytest.raises(ValueError, match="out must be float64"):
        RIPPLED.prox(v, STEP, out=np.zeros(300, dtype=np.float32))


# -- without the kernels ----------------------------------------------------------------------------

SCRIPT = """
import numpy as np, parlin
from parlin import designs
v = np.random.default_rng(29).uniform(-2, 2, 1000)
par = designs.rippled_mcp(0.25, 6)
print(parlin.compiled, par.prox(v, 0.1).tobytes().hex())
"""


def test_pure_python_can_be_asked_for_and_returns_the_same_bits():
    environment = {**os.environ, "PARLIN_PURE": "1"}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True)
    compiled, bits = run.stdout.decode().split()
    v = np.random.default_rng(29).uniform(-2, 2, 1000)
    assert compiled == "False"
    assert bytes.fromhex(bits) == RIPPLED.prox(v, STEP).tobytes()


@pytest.mark.skipif(not parlin.compiled, reason="needs the compiled kernels")
def test_threads_that_share_a_map_all_find_its_values():
    rng = np.random.default_rng(30)
    par = PAR(np.sort(rng.standard_normal(400)), rng.standard_normal(401))
    v = rng.uniform(-3, 3, 4000)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(30):
            table = table_of(par, 0.01)
            kernel = Prox(*table[:4])
            with ThreadPoolExecutor(8) as threads:
                found = list(threads.map(kernel, [v] * 24))
            for x in found:
                assert_same_bits(x, found[0])
        assert_same_bits(found[0], by_definition(table, v))
        assert kernel.method == "buckets"
    finally:
        sys.setswitchinterval(interval)
