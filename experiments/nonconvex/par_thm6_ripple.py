r"""Chords of MCP and SCAD quantize off 0 with a ripple alone, and the ripple has a price.

Claims
------
C10: slopes of chords are near those of MCP and SCAD, with a ripple and without (C10/slopes), as the bounds on
errors need. Plain chords never quantize off 0 (C10/trap); rippled ones do (C10/ripple), which has its price
in squared error (C10/price) and saves no storage where most coefficients are 0 (C10/storage). Still they err
less than convex baselines (C10/rivals).

Source
------
[PAR], nonconvex penalties (MCP and SCAD) and 2 times less storage; theory 6b.

Setting
-------
y = X w* + ξ with normal noise and ‖X_j‖² = n; levels up to 2 with spacing q = 1/4; strengths in units of
`theory.lasso_alpha`. C10/trap and C10/ripple count coefficients at the critical points that proximal gradient
and the automatic solver reach from 0, from the Lasso and from random starts, on independent and
autoregressive columns, fewer rows than columns or more. A point is evidence if its gradient is within 1e-8 of
the smallest slope of criticality; in C10/trap concave kinks are allowed, or the claim would be empty. Prices
are means over 50 samples with independent columns, with 95 % intervals; the baselines, PAR-Lasso and the
Lasso rounded to the grid, take the strength that is best on those very samples, and the first fit of each is
compared with cvxpy.

Prediction
----------
The slope error ε is at most `theory.chord_slope_error` for plain chords and h for a ripple h; h + μ_p q/8
where a kink of SCAD is between two levels. Levels off 0 of plain chords are concave kinks, where no minimiser
in one coordinate can be. Off the grid a ripple h adds s α² h² to the squared error, since on the halves of a
cell the slopes m ± h have mean square m² + h². That is so at little noise, with αh small against q: with
more, quantization and the steeper kink at 0 save some of it. A level takes ⌈log2 K⌉ bits where a 0 took one
(`theory.escape_code_bits`, `theory.bitmap_bits`), so a sparse fit gets longer.

Falsified by
------------
A slope further from p's than ε: `0.9 * theory.chord_slope_error` violates C10/slopes; a critical point of
plain chords with a coefficient on a level off 0: `multistart.Point.on_grid + 1` violates C10/trap; a rippled
penalty all of whose critical points have none there, or six fewer: `multistart.Point.on_grid - 6` violates
C10/ripple; an added squared error whose interval leaves out s α² h²: with half the penalty,
`PAR.scaled(lam=0.5 * lam)` violates C10/price; a baseline whose mean error is not larger by more than
chance: with a strength half as large again, `1.5 * Setting.alpha` violates C10/rivals; a sparse fit that a
ripple shortens: with two levels to tell apart, `theory.bitmap_bits(n_levels=2)` violates C10/storage.

Control
-------
Chords over two cells (C10/slopes); a ripple, and none (C10/trap, C10/ripple); truths on the grid (C10/price,
C10/rivals), and without zeros (C10/storage).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import columns
from experiments.measure.intervals import MeanInterval
from experiments.nonconvex import slope_errors, thm6_ripple_figure
from experiments.nonconvex.level_counts import LevelCounts
from experiments.nonconvex.multistart import (
    ALL_PROBLEMS,
    FEW_PROBLEMS,
    Point,
    at_critical_points,
    reach_all,
)
from experiments.nonconvex.penalty_families import amenable_kinds
from experiments.nonconvex.ripple_cost import Baseline, Prices, Setting, baselines, interval_columns, prices
from experiments.nonconvex.slope_errors import ROUNDING, SlopeError
from experiments.problems.sparse_regression import Design

made_precise = partial(Evidence, source="[PAR] nonconvex penalties", standing=Standing.MADE_PRECISE)
SIMILAR = "It says that guarantees are similar: "


@dataclass(frozen=True)
class Config:
    designs: tuple[Design, ...]
    noises: tuple[float, ...]
    seeds: tuple[int, ...]
    n_random: int
    ripple: float  # of the critical points that are counted
    price: Setting
    ripples: tuple[float, ...]
    price_seeds: tuple[int, ...]

    @classmethod
    def full(cls) -> Config:
        return cls(
            **ALL_PROBLEMS,
            ripple=0.2,
            price=Setting(
                100, 200, 8, noise=0.1, strength=0.4, baseline_strengths=(0.05, 0.1, 0.2, 0.4, 0.8)
            ),
            ripples=(0.07, 0.1, 0.14, 0.2, 0.28, 0.36, 0.44),
            price_seeds=tuple(range(50)),
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            **FEW_PROBLEMS,
            ripple=0.2,
            price=Setting(50, 80, 4, noise=0.1, strength=0.4, baseline_strengths=(0.1, 0.3)),
            ripples=(0.14, 0.28),
            price_seeds=tuple(range(6)),
        )


def run(config: Config) -> tuple[Evidence, ...]:
    problems = config.designs, config.noises, config.seeds, config.n_random
    reached = [found for kinds in amenable_kinds(config.ripple) for found in reach_all(kinds, *problems)]
    points = [point for found in reached for point in found.points]
    rippled = [point for point in points if point.kind.name.startswith("rippled")]
    plain = [point for point in points if not point.kind.name.startswith("rippled")]
    # Truths off the grid and, for the controls, on it; filled ones have no zeros.
    settings, seeds = (config.price, config.ripples, config.price_seeds), config.price_seeds
    off, on = (prices(*settings, on_grid=on_grid) for on_grid in (False, True))
    against = [baselines(config.price, seeds, on_grid=on_grid) for on_grid in (False, True)]
    size = config.price.n // 5
    filled = prices(replace(config.price, d=size, size=size), config.ripples, seeds, on_grid=True)
    return (
        _slopes(config),
        _trap(plain, rippled),
        _ripple(plain, rippled),
        _price(off, on),
        _against_baselines(off, against[0], on, against[1]),
        _storage(off, on, filled),
    )


def _slopes(config: Config) -> Evidence:
    found, outside = slope_errors.one_cell(config.ripples), slope_errors.two_cells()

    def errors(found: Sequence[SlopeError]) -> dict[str, list[Any]]:
        return columns(found, attrgetter("measured"), attrgetter("formula"))

    return made_precise(
        claim="C10/slopes",
        statement="Slopes of chords are within μ_p q/2 of those of MCP and SCAD; with a ripple h, within h, "
        "and h + μ_p q/8 where a kink of SCAD is between two levels.",
        remark=SIMILAR + "the error of the slopes has to be below 1/2.",
        relation="<=",
        tolerance=ROUNDING,
        **errors(found),
        control=Control(outside="Chords over two cells.", **errors(outside)),
        table={"penalty": [one.kind.name for one in found]},
    )


def _trap(plain: Sequence[Point], rippled: Sequence[Point]) -> Evidence:
    def counts(points: Sequence[Point]) -> dict[str, list[Any]]:
        return at_critical_points(points, attrgetter("on_grid"), 0)

    return made_precise(
        claim="C10/trap",
        statement="No critical point of plain MCP or SCAD chords has a coefficient on a level "
        "off 0, wherever the run began.",
        remark=SIMILAR + "those on the error, but such chords quantize at 0 only.",
        relation="<=",
        **counts(plain),
        control=Control(outside="With a ripple, levels off 0 are convex kinks.", **counts(rippled)),
        table=LevelCounts.of(plain).table,
    )


def _ripple(plain: Sequence[Point], rippled: Sequence[Point]) -> Evidence:
    inside, outside = LevelCounts.of(rippled), LevelCounts.of(plain)
    return made_precise(
        claim="C10/ripple",
        statement="With a ripple, critical points of MCP and SCAD have coefficients on levels off 0.",
        remark=SIMILAR + "to quantize off 0 these penalties need a ripple.",
        relation=">=",
        bound=1,
        **inside.largest,
        control=Control(outside="Without a ripple.", bound=1, **outside.largest),
        table=inside.table,
    )


def _price(off: Prices, on: Prices) -> Evidence:
    def deviations(found: Prices) -> dict[str, list[Any]]:
        pairs = list(zip(found.costs, found.predicted, strict=True))
        return {
            "measured": [abs(cost.mean - predicted) for cost, predicted in pairs],
            "bound": [cost.half for cost, _ in pairs],
            "certified": found.certified,
        }

    return made_precise(
        claim="C10/price",
        statement="Off the grid, at little noise, a ripple h adds s α² h² to the mean squared error, but "
        "for chance.",
        remark=SIMILAR + "quantization off 0 has this price.",
        relation="<=",
        **deviations(off),
        control=Control(outside="Truths on the grid, where the ripple lowers the error.", **deviations(on)),
        table={
            "alpha": off.setting.alpha,
            "ripple": [found.ripple for found in off.rippled[1:]],
            "predicted": off.predicted,
            "off": interval_columns(off.costs),
            "on": interval_columns(on.costs),
        },
    )


def _against_baselines(
    off: Prices, against_off: Sequence[Baseline], on: Prices, against_on: Sequence[Baseline]
) -> Evidence:
    def differences(found: Prices, against: Sequence[Baseline]) -> dict[str, Any]:
        pairs = list(product(found.rippled, against))
        return {
            "measured": [MeanInterval.of(one.errors - other.errors).high for one, other in pairs],
            "bound": 0.0,
            "certified": [one.certified and other.certified for one, other in pairs],
        }

    def table(found: Prices, against: Sequence[Baseline]) -> dict[str, Any]:
        return {
            "rippled": interval_columns([MeanInterval.of(one.errors) for one in found.rippled]),
            "baselines": [baseline.row for baseline in against],
        }

    return made_precise(
        claim="C10/rivals",
        statement="Off the grid MCP, rippled or not, errs less on average than PAR-Lasso and the rounded "
        "Lasso at the strengths best for them.",
        remark=SIMILAR + "on these data the mean errors of MCP chords are smaller.",
        relation="<=",
        **differences(off, against_off),
        control=Control(
            outside="Truths on the grid, where a rounded Lasso may have no error.",
            **differences(on, against_on),
        ),
        table={
            "ripple": [found.ripple for found in off.rippled],
            "off": table(off, against_off),
            "on": table(on, against_on),
        },
    )


def _storage(off: Prices, on: Prices, filled: Prices) -> Evidence:
    def bits(*found: Prices) -> dict[str, Any]:
        """Bits with a ripple, as little as the interval of what it adds allows, and those without."""
        without = [float(np.mean(prices.rippled[0].bits)) for prices in found for _ in prices.added_bits]
        added = [interval.low for prices in found for interval in prices.added_bits]
        return {
            "measured": np.add(without, added),
            "bound": without,
            "certified": [certified for prices in found for certified in prices.certified],
        }

    return made_precise(
        claim="C10/storage",
        statement="Where few coefficients are not 0, a ripple takes more bits than it saves: codes of many "
        "levels are longer than one bit.",
        remark="It says 2 times less storage; a sparse fit is stored in few bits without levels off 0.",
        relation=">=",
        **bits(off, on),
        control=Control(outside="Truths on the grid without zeros.", **bits(filled)),
        table={
            "ripple": [found.ripple for found in off.rippled],
            "off": off.storage_columns,
            "on": on.storage_columns,
            "filled": filled.storage_columns,
        },
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm6_ripple_figure.draw(evidence, figure)
