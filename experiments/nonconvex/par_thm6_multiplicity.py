r"""With penalties that are not convex there are many critical points, with n < d some as far off as asked.

Claims
------
C10: a bound on the error has to hold at every critical point, since it is chance which one is found. From
different starts different ones are reached, with every penalty here (C10/many). With n < d chords of MCP and
SCAD have critical points as far from the truth as one likes (C10/far), so that their bound needs a condition
on the point itself.

Source
------
[PAR], nonconvex penalties (MCP and SCAD); theory 6a and 6b.

Setting
-------
y = X w* + ξ with normal noise; independent and autoregressive columns, ‖X_j‖² = n, fewer rows than columns
or more; two or six coefficients of sizes 1 to 2; levels up to 2 with spacing 1/4. Strengths from
`theory.lasso_alpha`. Penalties with slopes above 0, and chords of MCP and SCAD with a ripple and without.
Runs begin at 0, at the Lasso, and at random starts of scales 0.1 to 10, every second one on the grid, by
proximal gradient and by the automatic solver. Ends less than 1e-4 apart count once. A point is evidence if
its gradient is within 1e-8 of the smallest slope of criticality.

Prediction
----------
For each penalty there is a problem with two critical points or more. Where a penalty is flat, a point that
fits the data exactly is critical; with n < d such points fill a subspace, so one is as far away as asked.

Falsified by
------------
A penalty all of whose runs end at one critical point on every problem: without random starts,
`multistart.reach(n_random=0)` violates C10/many; a distance at which the point that was made to fit is not
critical, or that it falls short of: made to fit half as far away, `far_point(distance=0.5 * distance)`
violates C10/far.

Control
-------
A convex penalty, with which all runs end at one point (C10/many); a staircase, whose slopes stay above 0, so
that runs from the points far away come back (C10/far).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import attrgetter

from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.nonconvex import thm6_multiplicity_figure
from experiments.nonconvex.multistart import (
    ALL_PROBLEMS,
    FEW_PROBLEMS,
    Multistart,
    Point,
    at_critical_points,
    descended,
    draw,
    far_point,
    reach_all,
    strength,
)
from experiments.nonconvex.penalty_families import (
    EVEN_GRID,
    Sloped,
    amenable_kinds,
    plain_mcp,
    plain_scad,
    sloped_kinds,
)
from experiments.problems.sparse_regression import Design

made_precise = partial(Evidence, source="[PAR] nonconvex penalties", standing=Standing.MADE_PRECISE)
SIMILAR = "It says that guarantees are similar: "
CONVEX = Sloped("PAR-Lasso", EVEN_GRID, 1.0, float(EVEN_GRID.slopes.max()))


@dataclass(frozen=True)
class Config:
    designs: tuple[Design, ...]
    noises: tuple[float, ...]
    seeds: tuple[int, ...]
    n_random: int
    ripple: float
    distances: tuple[float, ...]  # asked for in C10/far, on the first design

    @classmethod
    def full(cls) -> Config:
        return cls(
            **ALL_PROBLEMS,
            ripple=0.2,
            distances=(1e1, 1e3, 1e5),
        )

    @classmethod
    def smoke(cls) -> Config:
        # On the small problems alone all starts may end at one point.
        return cls(
            **FEW_PROBLEMS | {"designs": (*FEW_PROBLEMS["designs"], *ALL_PROBLEMS["designs"][:2])},
            ripple=0.2,
            distances=(1e1, 1e3),
        )


def run(config: Config) -> tuple[Evidence, ...]:
    kinds = (*sloped_kinds(), *chain.from_iterable(amenable_kinds(config.ripple)))
    problems = config.designs, config.noises
    reached = reach_all(kinds, *problems, config.seeds, config.n_random)
    convex = reach_all((CONVEX,), *problems, config.seeds[:1], config.n_random)
    return _many(reached, convex), _far(config)


def _many(reached: Sequence[Multistart], convex: Sequence[Multistart]) -> Evidence:
    names = list(dict.fromkeys(found.points[0].kind.name for found in reached))
    groups = [[found for found in reached if found.points[0].kind.name == name] for name in names]
    return made_precise(
        claim="C10/many",
        statement="From different starts different critical points are reached, with every penalty here.",
        remark=SIMILAR + "they have to hold at every critical point, since it is chance which one is found.",
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
            "claimed": [[found.n_bounded for found in group] for group in groups],
            "uncertified_ends": [
                sum(len(found.points) - found.n_distinct for found in group) for group in groups
            ],
            "ends": [sum(found.n_ends for found in group) for group in groups],
        },
    )


def _far(config: Config) -> Evidence:
    noise, seed = config.noises[0], config.seeds[0]
    sample = draw(config.designs[0], noise, seed)
    points: list[Point] = []
    for kind in (plain_mcp(), plain_scad()):
        alpha = strength(kind, sample, noise)
        points += [far_point(kind, sample, alpha, asked, seed, asked=asked) for asked in config.distances]
    steep = sloped_kinds()[0]
    alpha = strength(steep, sample, noise)
    back = [descended(steep, sample, alpha, point.w, **point.labels) for point in points]
    measures = attrgetter("l2"), lambda point: point.labels["asked"]
    return made_precise(
        claim="C10/far",
        statement="With n < d, chords of MCP and SCAD have critical points as far from the truth as asked.",
        remark=SIMILAR + "without a condition on the point itself there is none.",
        relation=">=",
        **at_critical_points(points, *measures),
        control=Control(
            outside="The slopes stay above 0: a staircase, from these points as starts.",
            **at_critical_points(back, *measures),
        ),
        table={"penalty": [point.kind.name for point in points]},
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm6_multiplicity_figure.draw(evidence, figure)
