r"""Critical points of penalties that are not convex err as the Lasso does, where the data curve the loss.

Claims
------
C10: penalties with slopes between a_lo > 0 and A right of 0 have the Lasso's bound at every critical point;
the cone (C10/cone) is behind it, and a bound on the sum of the errors (C10/l1) follows. Chords of MCP
(C10/mcp) and SCAD (C10/scad), rippled or not, have a bound wherever the curvature along the error is above
3αμ_p/4. With n >= d the bounds are known in advance (C10/eigenvalue).

Source
------
[PAR], nonconvex penalties (MCP and SCAD); theory 6a, 6b and 6 on interpolation.

Setting
-------
y = X w* + ξ with normal noise; independent and autoregressive columns, ‖X_j‖² = n, fewer rows than columns
or more; two or six coefficients of sizes 1 to 2; levels up to 2 with spacing q = 1/4. Strengths from
`theory.lasso_alpha`. Runs begin at 0, at the Lasso, and at random starts of scales 0.1 to 10, every second
one on the grid, by proximal gradient and by the automatic solver. Ends less than 1e-4 apart count once. A
point is evidence if its gradient is within 1e-8 of the smallest slope of criticality. Samples off the event
on the noise are left out and counted, and so are points of MCP and SCAD with too little curvature.

Prediction
----------
`theory.lasso_distance`, `theory.lasso_l1_distance` and `theory.lasso_cone` where ‖X'ξ‖_∞/n <= α a_lo/2;
`theory.amenable_distance` where ‖X'ξ‖_∞/n <= α(1/2 - ε), with `theory.mcp_concavity` and
`theory.scad_concavity`; κ is ‖XD‖²/(n‖D‖²). ε is at most `theory.chord_slope_error` for plain chords and h
for a ripple h; h + μ_p q/8 where a kink of SCAD is between two levels.

Falsified by
------------
A critical point beyond its bound: `0.75 * theory.lasso_distance` violates C10,
`0.1 * theory.lasso_distance` violates C10/eigenvalue, `0.1 * theory.lasso_l1_distance` violates C10/l1,
`0.2 * theory.amenable_distance` violates C10/mcp and C10/scad; one with nine tenths of the error on the
support counted as off it, `0.1 * multistart.Point.on_support` violates C10/cone. (In the small run no error
is off the support, so that no cone is too narrow.)

Control
-------
A strength so small that the event fails; the sawtooth, whose slopes right of 0 fall below 0; slopes 0, which
let points interpolate (C10/cone).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import TOLERANCE
from experiments.nonconvex import thm6_nonconvex_error_figure
from experiments.nonconvex.multistart import (
    ALL_PROBLEMS,
    FEW_PROBLEMS,
    Multistart,
    Point,
    at_critical_points,
    draw,
    far_point,
    reach_all,
    strength,
)
from experiments.nonconvex.penalty_families import LEVELS, SPACING, Sloped, amenable_kinds, sloped_kinds
from experiments.problems.sparse_regression import Design
from parlin import PAR, designs

made_precise = partial(Evidence, source="[PAR] nonconvex penalties", standing=Standing.MADE_PRECISE)
# Gradients may be off by this fraction of the smallest slope, and then errors by as much of their bounds.
at_most = partial(made_precise, relation="<=", tolerance=TOLERANCE)
SIMILAR = "It says that guarantees are similar: "
WEAK = "The strength is so small that the event fails"
BELOW_ZERO = "or the slopes right of 0 go below 0, as those of the sawtooth"
SAWTOOTH = Sloped("sawtooth", designs.sawtooth(SPACING, LEVELS), 1.0, 1.0)
CAPPED = Sloped("capped absolute value", PAR.even([0.0, SPACING], [1.0, 0.0]), 0.4, 1.0)


@dataclass(frozen=True)
class Config:
    designs: tuple[Design, ...]
    noises: tuple[float, ...]
    seeds: tuple[int, ...]
    n_random: int
    ripple: float
    weakening: float  # the strength of the control as a fraction of theory's
    distances: tuple[float, ...]  # from the truth, of the points of the control that interpolate

    @classmethod
    def full(cls) -> Config:
        return cls(
            **ALL_PROBLEMS,
            ripple=0.2,
            weakening=0.02,
            distances=(1e1, 1e3, 1e5),
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            **FEW_PROBLEMS,
            ripple=0.2,
            weakening=0.02,
            distances=(1e1, 1e3),
        )


def run(config: Config) -> tuple[Evidence, ...]:
    kinds = (sloped_kinds(), *amenable_kinds(config.ripple))
    shapes, noises, seeds = config.designs, config.noises, config.seeds
    sloped, mcp, scad = (reach_all(k, shapes, noises, seeds, config.n_random) for k in kinds)
    # Few starts suffice to break a bound.
    weak = [reach_all(k, (shapes[0], shapes[-1]), noises[:1], seeds[:1], 1, config.weakening) for k in kinds]
    sawtooth = reach_all((SAWTOOTH,), shapes, noises[:1], seeds[:1], 4)
    points = _sloped_points(sloped, weak[0], sawtooth)
    return (
        _distance(points),
        _cone(config, points),
        _l1(points),
        _amenable("MCP", mcp, weak[1]),
        _amenable("SCAD", scad, weak[2]),
        _eigenvalue([*sloped, *mcp, *scad], [found for of_kind in weak for found in of_kind], sawtooth),
    )


def _points(reached: Iterable[Multistart]) -> list[Point]:
    return [point for found in reached for point in found.points]


def _table(points: Sequence[Point], **columns: Callable[[Point], float]) -> dict[str, Any]:
    named = {name: [point.labels[name] for point in points] for name in points[0].labels}
    return named | {name: [measure(point) for point in points] for name, measure in columns.items()}


def _at_curvature(point: Point) -> float:
    return point.bound(point.curvature)


class SlopedPoints(NamedTuple):
    """Points of penalties with slopes above 0 on the noise event, and those of the control."""

    inside: list[Point]
    outside: list[Point]
    table: dict[str, Any]


def _sloped_points(
    reached: Sequence[Multistart], weak: Sequence[Multistart], sawtooth: Sequence[Multistart]
) -> SlopedPoints:
    inside = [point for point in _points(reached) if point.claimed]
    off = [point for point in _points(weak) if not point.on_event]
    below_zero = [point for point in _points(sawtooth) if point.on_event]
    table = _table(inside, curvature=attrgetter("curvature"), unit=lambda p: p.bound(1.0))
    off_the_event = sum(not found.points[0].on_event for found in reached)
    return SlopedPoints(inside, [*off, *below_zero], table | {"off_the_event": off_the_event})


def _distance(points: SlopedPoints) -> Evidence:
    measures = attrgetter("l2"), _at_curvature
    return at_most(
        claim="C10",
        statement="If the noise is small and all slopes right of 0 are in [a_lo, A] with a_lo > 0, every "
        "critical point errs by at most α (A + a_lo/2) √s over the curvature.",
        remark=SIMILAR + "these slopes, in any order, have the Lasso's; a_lo > 0 is needed.",
        **at_critical_points(points.inside, *measures),
        control=Control(outside=f"{WEAK}; {BELOW_ZERO}.", **at_critical_points(points.outside, *measures)),
        table=points.table,
    )


def _cone(config: Config, points: SlopedPoints) -> Evidence:
    sample = draw(config.designs[0], config.noises[0], config.seeds[0])
    alpha = strength(CAPPED, sample, config.noises[0])
    flat = [far_point(CAPPED, sample, alpha, distance, config.seeds[0]) for distance in config.distances]
    measures = (lambda p: p.l1 - p.on_support), (lambda p: p.kind.cone * p.on_support)
    return at_most(
        claim="C10/cone",
        statement="If the noise is small and slopes right of 0 are in [a_lo, A], the error off the support "
        "is at most 1 + 2A/a_lo times that on it.",
        remark=SIMILAR + "the cone is the Lasso's with a_lo in place of a_0.",
        **at_critical_points(points.inside, *measures),
        control=Control(
            outside=f"{WEAK}; {BELOW_ZERO}; or they are 0, and points that interpolate are critical.",
            **at_critical_points([*points.outside, *flat], *measures),
        ),
        table=points.table,
    )


def _l1(points: SlopedPoints) -> Evidence:
    measures = attrgetter("l1"), attrgetter("l1_bound")
    return at_most(
        claim="C10/l1",
        statement="If the noise is small and slopes right of 0 are in [a_lo, A], the absolute errors add up "
        "to at most (1 + c_0) α (A + a_lo/2) s over the curvature, with c_0 = 1 + 2A/a_lo.",
        remark=SIMILAR + "the sum is bounded like the Lasso's.",
        **at_critical_points(points.inside, *measures),
        control=Control(outside=f"{WEAK}; {BELOW_ZERO}.", **at_critical_points(points.outside, *measures)),
        table=points.table,
    )


def _amenable(name: str, reached: Sequence[Multistart], weak: Sequence[Multistart]) -> Evidence:
    points = _points(reached)
    inside = [point for point in points if point.claimed]
    off = [p for p in _points(weak) if not p.on_event and p.kind.has_bound(p.alpha, p.curvature)]
    measures = attrgetter("l2"), _at_curvature
    critical = [point for point in points if point.critical]
    return at_most(
        claim=f"C10/{name.lower()}",
        statement=f"If the noise is small, every critical point with chords of {name}, rippled or not, errs "
        "by at most (3/2) α √s/(κ − 3αμ_p/4), where the curvature κ along its error is above 3αμ_p/4.",
        remark=SIMILAR + "the curvature must be above 3αμ_p/4, and is not at every critical point.",
        **at_critical_points(inside, *measures),
        control=Control(outside=f"{WEAK}.", **at_critical_points(off, *measures)),
        table=_table(
            inside,
            convexity=lambda p: p.curvature - 0.75 * p.alpha * p.kind.concavity,
            unit=lambda p: p.alpha * float(np.sqrt(p.sample.support.size)),
            slope_error=lambda p: p.kind.slope_error,
        )
        | {
            "off_the_event": sum(not found.points[0].on_event for found in reached),
            "critical": len(critical),
            "critical_with_too_little_curvature": sum(p.on_event and not p.claimed for p in critical),
        },
    )


def _eigenvalue(
    reached: Sequence[Multistart], weak: Sequence[Multistart], sawtooth: Sequence[Multistart]
) -> Evidence:
    def known(found: Iterable[Multistart], on_event: bool) -> list[Point]:
        tall = [p for p in _points(found) if p.sample.X.shape[0] >= p.sample.X.shape[1]]
        return [p for p in tall if p.on_event == on_event and p.kind.has_bound(p.alpha, p.least_curvature)]

    inside, measures = known(reached, True), (attrgetter("l2"), lambda p: p.bound(p.least_curvature))
    return at_most(
        claim="C10/eigenvalue",
        statement="With n >= d the smallest eigenvalue of X'X/n bounds the error of every critical point.",
        remark=SIMILAR + "this needs n >= d, and for MCP and SCAD an eigenvalue above 3αμ_p/4.",
        **at_critical_points(inside, *measures),
        control=Control(
            outside=f"{WEAK}; {BELOW_ZERO}.",
            **at_critical_points([*known(weak, False), *known(sawtooth, True)], *measures),
        ),
        table=_table(inside),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm6_nonconvex_error_figure.draw(evidence, figure)
