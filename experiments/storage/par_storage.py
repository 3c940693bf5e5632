r"""Storage is halved where few coefficients are off the levels, and nowhere else.

Claims
------
C11: designs with n/d up to a fraction that theory gives are stored in half the bits of floats at every
strength. Behind it are the bits of the escape layout (C11/escape) and of the bitmap layout (C11/bitmap), the
fraction up to which either halves (C11/threshold), and the one from which neither does, whatever the grid
(C11/impossible). All of it is of bytes that were written (C11/file) and read back (C11/round-trip).

Source
------
[PAR] on storage; theory 9, with u <= n from theory 3.1.

Setting
-------
Fits of PARRidge and PARLasso without intercept on the diabetes data with all cubic features, the digits, and
normal designs with fewer rows than columns and with more; K = 3, 15 and 31 levels; strengths over four
decades; and regressions on levels that are no multiples of one spacing. The coefficients are packed
(`parlin.packed`) as float32 and as float64 in both layouts, written, and read. u counts those that equal no
level as floats of that length. A fit is evidence if its gradient is within 1e-8 of the smallest slope of
criticality and its objective, where compared, no larger than cvxpy's up to 1e-8.

Prediction
----------
`theory.escape_code_bits` and `theory.bitmap_bits`, to the bit; half of floats up to a fraction u/d of
`theory.escape_free_share` and `theory.bitmap_free_share`, and no further. A normal design has u <= n, and
u = n at weak strengths, so n/d up to it is a promise that one row more breaks. From u/d = 1/2 - 1/F
on, both layouts take Fd/2 + F bits or more, since every coefficient has a bit and the levels a float.

Falsified by
------------
One bit more or less than the formula: `theory.escape_code_bits(float_bits=float_bits - 1)` violates
C11/escape and C11/file, `theory.bitmap_bits(float_bits=float_bits - 1)` violates C11/bitmap and C11/file,
`Stored.n_bits - 1` violates C11/impossible; a fit beyond the fraction that is halved, or one within it that
is not: `0.9 * theory.escape_free_share` violates C11/threshold, `0.9 * theory.bitmap_free_share` violates
C11/threshold, `1.1 * theory.escape_free_share` violates C11, `1.1 * theory.bitmap_free_share` violates C11;
a coefficient that comes back with other bits: `packed.unpack + 1e-9` violates C11/round-trip.

Control
-------
Levels that are no multiples of one spacing, counted as two floats (C11/escape, C11/bitmap); the fraction of
the other layout (C11/threshold); one row more at the weakest strength (C11); a single level with one free
coefficient less (C11/impossible); the header left out (C11/file); the fit rounded to the nearest levels, so
that codes are all that is stored (C11/round-trip).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import CertifiedPoint
from experiments.measure.columns import columns
from experiments.storage import storage_figure
from experiments.storage.stored_fits import (
    FLOAT_BITS,
    LAYOUTS,
    Stored,
    fits,
    gaussian,
    largest_free,
    on_grid,
    on_levels,
    real,
    stored,
    table,
)

claimed = partial(Evidence, source="[PAR] storage")
made_precise = partial(
    claimed,
    standing=Standing.MADE_PRECISE,
    remark="It says that storage falls by a factor of two, and names neither a layout nor a fraction.",
)
HEADER_BYTES = 36


@dataclass(frozen=True)
class Config:
    d: int
    rows: tuple[int, ...]
    tall: tuple[int, int]
    levels_a_side: tuple[int, ...]
    real: tuple[str, ...]
    alphas: tuple[float, ...]  # falling
    seeds: tuple[int, ...]
    promise_levels_a_side: tuple[int, ...]
    promise_seeds: tuple[int, ...]
    irregular_levels: tuple[float, ...]  # on the right side, 0 first
    irregular_rows: tuple[int, ...]
    single_level_d: int  # a multiple of 64: 1/2 - 1/F of it is whole for both F
    compared: int  # seeds whose fits are compared with cvxpy

    @classmethod
    def full(cls) -> Config:
        return cls(
            d=200,
            rows=(20, 50, 73, 74, 76, 77, 80, 110, 160),
            tall=(300, 200),
            levels_a_side=(1, 7, 15),
            real=("diabetes", "digits"),
            alphas=(1.0, 0.1, 0.03, 1e-2, 1e-4),
            seeds=(0, 1),
            promise_levels_a_side=(3, 7),
            promise_seeds=tuple(range(100, 110)),
            irregular_levels=(0.0, 0.02, 0.05, 0.1, 0.2, 0.4),
            irregular_rows=(20, 63, 64, 65, 66, 67, 68, 110),
            single_level_d=192,
            compared=1,
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            d=64,
            rows=(10, 17, 18, 19, 20, 22, 40),
            tall=(100, 64),
            levels_a_side=(1, 7),
            real=("digits",),
            alphas=(1.0, 0.1, 1e-4),
            seeds=(0,),
            promise_levels_a_side=(7,),
            promise_seeds=(100,),
            irregular_levels=(0.0, 0.02, 0.05, 0.1, 0.2, 0.4),
            irregular_rows=(10, 14, 16, 30),
            single_level_d=64,
            compared=0,
        )


def run(config: Config) -> tuple[Evidence, ...]:
    even = stored(_even(config))
    irregular = stored(_irregular(config))
    every = [*even, *irregular]
    return (
        _promise(config),
        *(_bits(every, irregular, layout) for layout in LAYOUTS),
        _threshold(every),
        _impossible(config, even),
        _file(every, irregular),
        _round_trip(every, irregular),
    )


def _even(config: Config) -> Iterator[CertifiedPoint]:
    """The fits on multiples of a spacing."""
    shapes = [(n, config.d) for n in config.rows] + [config.tall]
    for m, k in product(config.levels_a_side, (0, 1)):
        for name in config.real:
            yield from fits(name, real(name), on_grid(m)[k], config.alphas, compare=config.compared > 0)
        for (n, d), seed in product(shapes, config.seeds):
            # One n on either side of d stands for the others.
            compare = seed < config.compared and n in (config.rows[0], config.tall[0])
            data = f"normal {n} × {d}"
            yield from fits(data, gaussian(n, d, seed), on_grid(m)[k], config.alphas, seed, compare)


def _irregular(config: Config) -> Iterator[CertifiedPoint]:
    model = on_levels(config.irregular_levels)
    for n, seed in product(config.irregular_rows, config.seeds):
        data, compare = f"normal {n} × {config.d}", n == config.irregular_rows[0] and seed < config.compared
        yield from fits(data, gaussian(n, config.d, seed), model, config.alphas, seed, compare)


def _promise(config: Config) -> Evidence:
    within, beyond = [], []
    settings = product(config.promise_levels_a_side, FLOAT_BITS, LAYOUTS, config.promise_seeds, (0, 1))
    for m, float_bits, layout, seed, k in settings:
        n = largest_free(config.d, 2 * m + 1, float_bits, layout)
        model, kind = on_grid(m)[k], ([layout], [float_bits])
        compare = seed == config.promise_seeds[0]
        found = fits(f"normal {n}", gaussian(n, config.d, seed), model, config.alphas[::2], seed, compare)
        within += stored(found, *kind)
        found = fits(f"normal {n + 1}", gaussian(n + 1, config.d, seed), model, config.alphas[-1:], seed)
        beyond += stored(found, *kind)
    return made_precise(
        claim="C11",
        statement="A normal design with n/d up to theory's fraction is stored in half, at every strength.",
        relation=">=",
        **columns(within, lambda found: found.ratio, 2.0),
        control=Control(
            outside="One row more, the weakest strength.", **columns(beyond, lambda found: found.ratio, 2.0)
        ),
        table=table(within),
    )


def _bits(every: Sequence[Stored], irregular: Sequence[Stored], layout: str) -> Evidence:
    formula = {"escape": "d⌈log2(K + 1)⌉ + uF", "bitmap": "d + (d − u)⌈log2 K⌉ + uF"}[layout]
    chosen, uneven = ([found for found in kind if found.read.layout == layout] for kind in (every, irregular))
    return made_precise(
        claim=f"C11/{layout}",
        statement=f"The {layout} layout takes {formula} bits and 2F for an even grid, KF for any other.",
        relation="==",
        **columns(chosen, lambda found: found.n_bits, lambda found: found.theory_bits(found.even)),
        control=Control(
            outside="Levels that are no multiples of one spacing, counted as two floats.",
            **columns(uneven, lambda found: found.n_bits, lambda found: found.theory_bits(True)),
        ),
        table=table(chosen),
    )


def _threshold(every: Sequence[Stored]) -> Evidence:
    other = dict(zip(LAYOUTS, LAYOUTS[::-1], strict=True))

    def halved(found: Stored) -> bool:
        return 2 * found.n_bits <= found.float_bits * found.shape[0]

    def predicted(found: Stored) -> bool:
        return found.free <= found.largest_free(found.read.layout)

    def predicted_by_the_other(found: Stored) -> bool:
        return found.free <= found.largest_free(other[found.read.layout])

    return made_precise(
        claim="C11/threshold",
        statement="A fit is at most half the size of floats exactly where u/d is at most theory's fraction.",
        relation="==",
        **columns(every, halved, predicted),
        control=Control(
            outside="The fraction of the other layout.", **columns(every, halved, predicted_by_the_other)
        ),
        table={
            "ratio": [found.ratio for found in every],
            "largest_free": [found.largest_free(found.read.layout) for found in every],
        }
        | table(every, "data", "layout", "K", "F"),
    )


def _impossible(config: Config, even: Sequence[Stored]) -> Evidence:
    d = config.single_level_d  # A single level is the cheapest code that there is.

    def bound(found: Stored) -> float:
        return found.float_bits * (found.shape[0] / 2 + 1)

    def single_level(float_bits: int, fewer: int) -> Iterator[Stored]:
        n = d // 2 - d // float_bits - fewer
        for seed in config.seeds:
            design = gaussian(n, d, seed)
            (*_, last) = fits(f"normal {n} × {d}", design, on_levels([0.0]), config.alphas, seed)
            yield from stored([last], LAYOUTS, [float_bits])

    at_limit = [found for float_bits in FLOAT_BITS for found in single_level(float_bits, 0)]
    below = [found for float_bits in FLOAT_BITS for found in single_level(float_bits, 1)]
    beyond = [
        found for found in [*even, *at_limit] if found.free >= found.shape[0] * (0.5 - 1 / found.float_bits)
    ]
    return claimed(
        claim="C11/impossible",
        statement="From u/d = 1/2 − 1/F on, neither layout halves the bits of floats, whatever the grid.",
        standing=Standing.REFUTED,
        remark="It says that storage falls by a factor of two; on tall designs it falls little or rises.",
        relation=">=",
        **columns(beyond, lambda found: found.n_bits, bound),
        control=Control(
            outside="A single level and one free coefficient less: exactly half.",
            **columns(below, lambda found: found.n_bits, bound),
        ),
        table=table(beyond),
    )


def _file(every: Sequence[Stored], irregular: Sequence[Stored]) -> Evidence:
    def payload(found: Stored) -> int:
        return -(-found.theory_bits(found.even) // 8)

    return made_precise(
        claim="C11/file",
        statement="A file has the bits of the formula, rounded up to a byte, and a header of 36 bytes.",
        relation="==",
        **columns(every, lambda found: found.n_bytes_written, lambda found: payload(found) + HEADER_BYTES),
        control=Control(
            outside="The header is left out, as it is in the formulas.",
            **columns(irregular, lambda found: found.n_bytes_written, payload),
        ),
    )


def _round_trip(every: Sequence[Stored], irregular: Sequence[Stored]) -> Evidence:
    return made_precise(
        claim="C11/round-trip",
        statement="Read back, every coefficient of every fit has the bits that it had.",
        relation="<=",
        **columns(every, lambda found: found.n_changed, 0.0),
        control=Control(
            outside="The fit is rounded to the nearest levels, so that codes are all that is stored.",
            **columns(irregular, lambda found: found.rounded_changes, 0.0),
        ),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    storage_figure.draw(evidence, figure)
