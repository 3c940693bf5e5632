"""That problems with penalties that are not convex have many critical points, and some far away."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import attrgetter

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import columns
from experiments.nonconvex.multistart import Multistart, descended, draw, far_point, strength
from experiments.nonconvex.penalty_families import plain_mcp, plain_scad, sloped_kinds
from experiments.problems.sparse_regression import Design

made_precise = partial(Evidence, source="[PAR] nonconvex penalties", standing=Standing.MADE_PRECISE)
WORDING = "It says that guarantees are similar: "


def many(reached: Sequence[Multistart], convex: Sequence[Multistart]) -> Evidence:
    names = list(dict.fromkeys(found.points[0].kind.name for found in reached))
    groups = [[found for found in reached if found.points[0].kind.name == name] for name in names]
    return made_precise(
        claim="C10/many",
        statement="From different starts different critical points are reached, with every penalty here.",
        remark=WORDING + "they have to hold at every critical point, since it is chance which one is found.",
        relation=">=",
        measured=[max(found.n_distinct for found in group) for group in groups],
        bound=2,
        certified=[all(found.n_distinct for found in group) for group in groups],
        control=Control(
            outside="A convex penalty, for which all starts end at one point.",
            measured=[found.n_distinct for found in convex],
            bound=2,
            certified=[found.n_distinct == len(found.points) for found in convex],
        ),
        table={
            "penalty": names,
            "distinct": [[found.n_distinct for found in group] for group in groups],
            "claimed": [
                [sum(p.certified and p.claimed for p in f.points) for f in group] for group in groups
            ],
            "uncertified_ends": [sum(len(f.points) - f.n_distinct for f in group) for group in groups],
            "ends": [sum(found.n_ends for found in group) for group in groups],
        },
    )


def _claimed(found: Multistart) -> int:
    """How many of the points a bound speaks of."""
    return sum(point.certified and point.claimed for point in found.points)


def far(design: Design, noise: float, seed: int, distances: Sequence[float]) -> Evidence:
    """Points that fit the data exactly, where chords of MCP and SCAD are flat."""
    sample, points = draw(design, noise, seed), []
    for kind in (plain_mcp(), plain_scad()):
        alpha = strength(kind, sample, noise)
        points += [far_point(kind, sample, alpha, distance, seed, asked=distance) for distance in distances]
    steep = sloped_kinds()[0]
    back = [descended(steep, sample, strength(steep, sample, noise), p.w, **p.labels) for p in points]
    measures = attrgetter("l2"), lambda p: p.labels["asked"]
    return made_precise(
        claim="C10/far",
        statement="With n < d, chords of MCP and SCAD have critical points as far from the truth as asked.",
        remark=WORDING + "without a condition on the point itself there is none.",
        relation=">=",
        **columns(points, *measures),
        control=Control(
            outside="The slopes stay above 0: a staircase, from these points as starts.",
            **columns(back, *measures),
        ),
    )
