r"""Optimal levels have the least rounding error of their form, and those of the programs more.

Claims
------
C31: what coefficients lose with few bits depends on their levels first. The error of `optimal_levels`, free
and symmetric, of `ternary_levels` and of `two_bit_levels` is the least of their form (C31/levels). Greedy
levels, the default of a program, have more than three times the least error at four bits (C31/greedy), and
the program then does not round to the nearest of them (C31/nearest). The programs for optimal ternary and
two-bit levels do not find them (C31/programs), and what the greedy and the affine program round values to is
not among their levels (C31/members).

Source
------
Programs of [PARQ]: greedy, ternary, two-bit and affine levels, re-derived from their formulas in `formulas`.

Setting
-------
Normal values. C31/levels: rows of up to 9 values, and of 200 for the symmetric forms, whose one threshold on
``|v|`` has as many places. Otherwise rows of 72, a filter of a convolution, and of 10 000; C31/programs with
50 rows of 64, C31/members with 4096 values.

Prediction
----------
Least squares in one dimension: each level is the mean of an interval of the sorted values, or of their sizes.
All divisions into intervals are enumerated, and errors follow from their definition.

Falsified by
------------
An error that is not the least up to rounding, as that of levels a little to the side: `optimal_levels +
0.05` violates C31/levels and C31/greedy; a greedy program that rounds to the nearest level, as with fewer
bits: `formulas.greedy(n_bits=2)` violates C31/nearest; ternary levels far to the side, which are worse than
the program's: `ternary_levels + 1` violates C31/levels and C31/programs; no value off the levels: `0 *
outside` violates C31/members.

Control
-------
The programs' levels (C31/levels); two bits (C31/greedy and C31/nearest); optimal levels (C31/programs);
values rounded to the nearest level (C31/members)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import Column
from experiments.measure.intervals import lower_limit
from experiments.quantizers import formulas, quantizers_figure
from experiments.quantizers.formulas import FloatArray, error
from parlin.quantizers import (
    lsbq_levels,
    nearest,
    optimal_levels,
    ternary_levels,
    two_bit_levels,
    uniform_levels,
)

SOURCE = "program of [PARQ]"
CONSIDERABLY = {"ternary": 1.2, "two bits": 1.02}
LEVELS: dict[str, Callable[[FloatArray, int], FloatArray]] = {
    "optimal": lambda v, bits: optimal_levels(v, 2**bits),
    "optimal, symmetric": lambda v, bits: optimal_levels(v, 2**bits, symmetric=True),
    "alternating": lambda v, bits: lsbq_levels(v, bits, rounds=20),
    "greedy": lambda v, bits: formulas.greedy(v, bits).levels,
    "uniform, best": lambda v, bits: uniform_levels(v, 2**bits),
    "uniform, mean": lambda v, bits: uniform_levels(v, 2**bits, scale="mean"),
    "uniform, max": lambda v, bits: uniform_levels(v, 2**bits, scale="max"),
}
BITS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Config:
    small: tuple[int, ...]
    symmetric: int
    sizes: tuple[tuple[int, int], ...]  # values a row, rows
    program_rows: int
    members: int
    seed: int = 400

    @classmethod
    def full(cls) -> Config:
        return cls((5, 7, 9), 200, ((72, 20), (10_000, 4)), 50, 4096)

    @classmethod
    def smoke(cls) -> Config:
        return cls((5, 7), 40, ((72, 3), (4000, 1)), 10, 512)


def run(config: Config) -> tuple[Evidence, ...]:
    made_precise = partial(Evidence, source=SOURCE, standing=Standing.MADE_PRECISE)
    refuted = partial(Evidence, source=SOURCE, standing=Standing.REFUTED)
    return (
        made_precise(**_levels(config)),
        made_precise(**_greedy(config)),
        refuted(**_nearest(config)),
        refuted(**_programs(config)),
        refuted(**_members(config)),
    )


def _rows(config: Config, size: int, count: int) -> FloatArray:
    return np.random.default_rng([config.seed, size]).standard_normal((count, size))


def _levels(config: Config) -> dict[str, object]:
    inside, outside = Column.empty(), Column.empty()
    for size in config.small:
        for values in _rows(config, size, 5):
            for K in (1, 2, 3, 4):
                least = min(_free(values, K))
                inside.add(error(values, optimal_levels(values, K)) / least, 1.0, True)
            least = min(_free(values, 4))
            outside.add(error(values, formulas.greedy(values, 2).levels) / least, 1.0, True)
    for values in _rows(config, config.symmetric, 5):
        least = {K: min(_symmetric(values, K)) for K in (3, 4)}
        for K, levels in (
            (3, ternary_levels(values)),
            (3, optimal_levels(values, 3, symmetric=True)),
            (4, two_bit_levels(values)),
            (4, optimal_levels(values, 4, symmetric=True)),
        ):
            inside.add(error(values, levels) / least[K], 1.0, True)
        outside.add(error(values, formulas.ternary(values)) / least[3], 1.0, True)
        outside.add(error(values, formulas.two_bit(values)) / least[4], 1.0, True)
    return {
        "claim": "C31/levels",
        "statement": "Optimal levels, free and symmetric, ternary and two-bit levels have the least rounding "
        f"error of their form, up to {max(config.small)} values and {config.symmetric} for symmetric forms.",
        "remark": "It computes some of them approximately and calls them optimal.",
        "relation": "==",
        "tolerance": 1e-12,
        **inside._asdict(),
        "control": Control(outside="Greedy levels, and those of the programs.", **outside._asdict()),
    }


def _free(values: FloatArray, K: int) -> Iterator[float]:
    """The errors of all divisions of the sorted values into K intervals, each with its mean as the level."""
    ordered = np.sort(values)
    for cuts in combinations(range(1, values.size), K - 1):
        parts = np.split(ordered, cuts)
        yield sum(float(np.sum((part - part.mean()) ** 2)) for part in parts) / values.size


def _symmetric(values: FloatArray, K: int) -> Iterator[float]:
    """The same of sizes, with two intervals; the lower one of three levels has the level 0."""
    sizes = np.sort(np.abs(values))
    for cut in range(1, values.size):
        low, high = sizes[:cut], sizes[cut:]
        center = 0.0 if K == 3 else low.mean()
        yield float(np.sum((low - center) ** 2) + np.sum((high - high.mean()) ** 2)) / values.size


def _greedy(config: Config) -> dict[str, object]:
    inside, outside = Column.empty(), Column.empty()
    table: dict[str, list[object]] = {"size": [], "bits": [], "levels": [], "ratio": [], "error": []}
    for size, count in config.sizes:
        rows = _rows(config, size, count)
        for bits in BITS:
            relative = {
                name: np.array([error(v, levels(v, bits)) for v in rows]) for name, levels in LEVELS.items()
            }
            ratios = relative["greedy"] / relative["optimal"]
            for column, of in ((inside, 4), (outside, 2)):
                for ratio in ratios if bits == of else ():
                    column.add(ratio, 3.0, True)
            squares = np.mean(rows**2, axis=1)
            for name, errors in relative.items():
                table["size"].append(size)
                table["bits"].append(bits)
                table["levels"].append(name)
                table["ratio"].append(np.mean(errors / relative["optimal"]))
                table["error"].append(np.mean(errors / squares))
    return {
        "claim": "C31/greedy",
        "statement": "Greedy levels of normal values at 4 bits have at least 3 times the least rounding "
        "error, in every row of " + " and of ".join(f"{size}" for size, _ in config.sizes) + " values.",
        "remark": "They are its default; it does not compare them with optimal ones.",
        "relation": ">=",
        **inside._asdict(),
        "control": Control(outside="Two bits.", **outside._asdict()),
        "table": table,
    }


def _nearest(config: Config) -> dict[str, object]:
    inside, outside = Column.empty(), Column.empty()
    size, count = config.sizes[-1]
    for values in _rows(config, size, count):
        for column, bits in ((inside, 4), (outside, 2)):
            rounded = formulas.greedy(values, bits)
            theirs = float(np.mean((values - rounded.values) ** 2))
            column.add(theirs / error(values, rounded.levels), 1.001, True)
    return {
        "claim": "C31/nearest",
        "statement": "The greedy program's own values at 4 bits have a rounding error at least a thousandth "
        "above that of the nearest of its levels.",
        "remark": "It rounds to the nearest level later on, so that hard weights change at a step that finds "
        "levels anew.",
        "relation": ">=",
        **inside._asdict(),
        "control": Control(outside="Two bits.", **outside._asdict()),
    }


def _programs(config: Config) -> dict[str, object]:
    inside, outside = Column.empty(), Column.empty()
    rows = _rows(config, 64, config.program_rows)
    for name, theirs, ours, K in (
        ("ternary", formulas.ternary, ternary_levels, 3),
        ("two bits", formulas.two_bit, two_bit_levels, 4),
    ):
        own = np.array([error(v, ours(v)) for v in rows])
        for column, levels in (
            (inside, theirs),
            (outside, partial(optimal_levels, n_levels=K, symmetric=True)),
        ):
            ratios = np.array([error(v, levels(v)) for v in rows]) / own
            column.add(lower_limit(ratios), CONSIDERABLY[name], True)
    return {
        "claim": "C31/programs",
        "statement": "The programs for optimal levels have on average at least 1.2 times (ternary) and 1.02 "
        f"times (two bits) the least error, by the 99 % limit of {len(rows)} rows of 64 normal values.",
        "remark": "It calls them optimal; the first takes half the mean of what is rounded to a level.",
        "relation": ">=",
        **inside._asdict(),
        "control": Control(outside="Optimal symmetric levels.", **outside._asdict()),
    }


def outside(values: FloatArray, levels: FloatArray) -> int:
    """How many values equal no level, float for float."""
    return int(np.sum(~np.isin(values, levels)))


def _members(config: Config) -> dict[str, object]:
    inside, control = Column.empty(), Column.empty()
    (values,) = _rows(config, config.members, 1)
    for rounded, of in (
        (formulas.greedy(values, 4), values),
        (formulas.affine(values - values.min() + 3.0, 16), values - values.min() + 3.0),
    ):
        inside.add(outside(rounded.values, rounded.levels), 1.0, True)
        control.add(outside(nearest(of, rounded.levels), rounded.levels), 1.0, True)
    return {
        "claim": "C31/members",
        "statement": "Some of the values that the greedy program at 4 bits and the affine program with 16 "
        "levels round to are none of their levels, float for float.",
        "remark": "It calls its levels those that weights are rounded to.",
        "relation": ">=",
        **inside._asdict(),
        "control": Control(outside="Values rounded to the nearest level.", **control._asdict()),
    }


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    quantizers_figure.draw(evidence, figure)
