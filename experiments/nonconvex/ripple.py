"""What a ripple on chords of MCP and SCAD does and costs, as claims with their controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import columns
from experiments.measure.intervals import MeanInterval
from experiments.nonconvex import ripple_cost
from experiments.nonconvex.multistart import Multistart, Point
from experiments.nonconvex.penalty_families import (
    SPACING,
    Amenable,
    plain_mcp,
    plain_scad,
    rippled_mcp,
    rippled_scad,
)
from experiments.nonconvex.ripple_cost import Prices, Rival, Setting
from parlin import theory

made_precise = partial(Evidence, source="[PAR] nonconvex penalties", standing=Standing.MADE_PRECISE)
WORDING = "It says that guarantees are similar: "
_ROUNDING = 1e-12
_BETWEEN, _ON_LEVEL = 3.7, 4.0  # a of SCAD; the knee is between two levels, or on one


def slopes(ripples: Sequence[float]) -> Evidence:
    """The slope error ε of every penalty, found from its subdifferential, beside the formula for it."""
    plain = (plain_mcp(), plain_scad(_BETWEEN), plain_scad(_ON_LEVEL))
    found = [(kind, theory.chord_slope_error(SPACING, kind.concavity)) for kind in plain]
    for h in ripples:
        found.append((rippled_mcp(h), h))
        if h > 0.1:  # a smaller ripple leaves SCAD's levels concave kinks, since it falls more steeply
            between = rippled_scad(h, _BETWEEN)
            found.append((between, h + between.concavity * SPACING / 8))
            found.append((rippled_scad(h, _ON_LEVEL), h))
    doubled = plain_mcp(2 * SPACING)
    outside = [(doubled, theory.chord_slope_error(SPACING, doubled.concavity))]

    def judged(pairs: Sequence[tuple[Amenable, float]]) -> dict[str, list[Any]]:
        return {
            "measured": [kind.slope_error for kind, _ in pairs],
            "bound": [bound for _, bound in pairs],
            "certified": [_confirmed(kind) for kind, _ in pairs],
        }

    return made_precise(
        claim="C10/slopes",
        statement="Slopes of chords are within μ_p q/2 of those of MCP and SCAD; with a ripple h, within h, "
        "and h + μ_p q/8 where a kink of SCAD is between two levels.",
        remark=WORDING + "the error of the slopes has to be below 1/2.",
        relation="<=",
        tolerance=_ROUNDING,
        **judged(found),
        control=Control(outside="Chords over two cells.", **judged(outside)),
        table={"penalty": [kind.name for kind, _ in found]},
    )


def _confirmed(kind: Amenable) -> bool:
    """Whether no point of a fine grid has a larger error."""
    fine = np.linspace(0.0, 1.5 * kind.reach, 10_001)
    return bool(kind.slope_errors(fine).max() <= kind.slope_error + _ROUNDING)


def levels(reached: Sequence[Multistart]) -> tuple[Evidence, Evidence]:
    """Which critical points have coefficients on levels off 0."""
    points = [point for found in reached for point in found.points]
    plain = [point for point in points if not _is_rippled(point)]
    rippled = [point for point in points if _is_rippled(point)]

    def counts(chosen: Sequence[Point]) -> dict[str, list[Any]]:
        # A level off 0 that is a concave kink would not be certified: the claim asks less of its points.
        return columns(chosen, attrgetter("on_grid"), 0, certified=attrgetter("clarke_critical"))

    def most(chosen: Sequence[Point]) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        groups: dict[tuple[str, float], list[Point]] = {}
        for point in chosen:
            groups.setdefault((point.kind.name, point.labels["noise"]), [])
            if point.certified:
                groups[point.kind.name, point.labels["noise"]].append(point)
        largest = {
            "measured": [max((p.on_grid for p in group), default=0) for group in groups.values()],
            "certified": [bool(group) for group in groups.values()],
        }
        return largest, {
            "penalty": [name for name, _ in groups],
            "noise": [noise for _, noise in groups],
            "nonzero": [sum(int(np.count_nonzero(p.w)) for p in group) for group in groups.values()],
            "on_levels_off_0": [sum(p.on_grid for p in group) for group in groups.values()],
        }

    (with_ripple, with_table), (without, without_table) = most(rippled), most(plain)
    return (
        made_precise(
            claim="C10/trap",
            statement="No certified critical point of plain MCP or SCAD chords has a coefficient on a level "
            "off 0, wherever the run began.",
            remark=WORDING + "those on the error, but such chords quantize at 0 only.",
            relation="<=",
            **counts(plain),
            control=Control(outside="With a ripple, levels off 0 are convex kinks.", **counts(rippled)),
            table=without_table,
        ),
        made_precise(
            claim="C10/ripple",
            statement="With a ripple, critical points of MCP and SCAD have coefficients on levels off 0.",
            remark=WORDING + "to quantize off 0 these penalties need a ripple.",
            relation=">=",
            bound=1,
            **with_ripple,
            control=Control(outside="Without a ripple.", bound=1, **without),
            table=with_table,
        ),
    )


def _is_rippled(point: Point) -> bool:
    return point.kind.name.startswith("rippled")


def prices(setting: Setting, ripples: Sequence[float], seeds: Sequence[int]) -> tuple[Evidence, ...]:
    """Means over the seeds, for truths off the grid and, as controls, on it."""
    off, on = (ripple_cost.prices(setting, ripples, seeds, on_grid=on_grid) for on_grid in (False, True))
    against_off, against_on = (
        ripple_cost.rivals(setting, seeds, on_grid=on_grid) for on_grid in (False, True)
    )
    dense = replace(setting, d=setting.n // 5, size=setting.n // 5)
    filled = ripple_cost.prices(dense, ripples, seeds, on_grid=True)
    return (
        _cost(off, on),
        _rivals(off, against_off, on, against_on),
        _storage(off, on, filled),
    )


def _cost(off: Prices, on: Prices) -> Evidence:
    def judged(found: Prices) -> dict[str, list[Any]]:
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
        remark=WORDING + "quantization off 0 has this price.",
        relation="<=",
        **judged(off),
        control=Control(outside="Truths on the grid, where the ripple lowers the error.", **judged(on)),
        table={
            "alpha": off.setting.alpha,
            "ripple": [found.ripple for found in off.rippled[1:]],
            "predicted": off.predicted,
            "off": _intervals(off.costs),
            "on": _intervals(on.costs),
        },
    )


def _rivals(off: Prices, against_off: Sequence[Rival], on: Prices, against_on: Sequence[Rival]) -> Evidence:
    def judged(found: Prices, against: Sequence[Rival]) -> dict[str, list[Any]]:
        pairs = list(product(found.rippled, against))
        differences = [MeanInterval.of(one.errors - rival.errors) for one, rival in pairs]
        return {
            "measured": [difference.high for difference in differences],
            "bound": 0.0,
            "certified": [one.certified and rival.certified for one, rival in pairs],
        }

    def table(found: Prices, against: Sequence[Rival]) -> dict[str, Any]:
        return {
            "rippled": _intervals([MeanInterval.of(one.errors) for one in found.rippled]),
            "rivals": [
                {
                    "name": rival.name,
                    "strength": rival.strength,
                    "excess_over_cvxpy": rival.excess_over_cvxpy,
                    **_intervals([MeanInterval.of(rival.errors)]),
                }
                for rival in against
            ],
        }

    return made_precise(
        claim="C10/rivals",
        statement="Off the grid MCP, rippled or not, errs less on average than PAR-Lasso and the rounded "
        "Lasso at the strengths best for them.",
        remark=WORDING + "on these data the mean errors of MCP chords are smaller.",
        relation="<=",
        **judged(off, against_off),
        control=Control(
            outside="Truths on the grid, where a rounded Lasso may have no error.",
            **judged(on, against_on),
        ),
        table={
            "ripple": [found.ripple for found in off.rippled],
            "off": table(off, against_off),
            "on": table(on, against_on),
        },
    )


def _storage(off: Prices, on: Prices, filled: Prices) -> Evidence:
    def judged(*found: Prices) -> dict[str, Any]:
        """Bits with a ripple, as little as the interval of what it adds allows, beside those without."""
        without = [float(np.mean(prices.rippled[0].bits)) for prices in found for _ in prices.added_bits]
        added = [interval.low for prices in found for interval in prices.added_bits]
        return {
            "measured": np.add(without, added),
            "bound": without,
            "certified": [certified for prices in found for certified in prices.certified],
        }

    def table(found: Prices) -> dict[str, Any]:
        return {
            "share": _intervals([MeanInterval.of(one.shares) for one in found.rippled]),
            "bits": _intervals([MeanInterval.of(one.bits) for one in found.rippled]),
        }

    return made_precise(
        claim="C10/storage",
        statement="Where few coefficients are not 0, a ripple takes more bits than it saves: codes of many "
        "levels are longer than one bit.",
        remark="It says 2 times less storage; a sparse fit is stored in few bits without levels off 0.",
        relation=">=",
        **judged(off, on),
        control=Control(outside="Truths on the grid without zeros.", **judged(filled)),
        table={
            "ripple": [found.ripple for found in off.rippled],
            "off": table(off),
            "on": table(on),
            "filled": table(filled),
        },
    )


def _intervals(intervals: Sequence[MeanInterval]) -> dict[str, list[float]]:
    return {"mean": [one.mean for one in intervals], "half_width": [one.half for one in intervals]}
