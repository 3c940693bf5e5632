r"""Two signs of a strength gone wrong: all weights are 0, and weights that never settle.

Claims
------
C15: 0 is a critical point from alpha_max = ‖X'y‖_∞/(n a_0) on and not one float earlier; for a convex
penalty it is then the only solution. With a nonconvex penalty better points than 0 exist above
(C15/nonconvex). Weights that never settle are no sign of a weak strength: with as many rows as columns or
more proximal gradient settles at every strength (C15/drift), and it never moves away from the solution
(C15/never-away).

Source
------
[PAR] failure signatures: collapsed output, drifting weights; theory 10.

Setting
-------
Normal rows with correlated neighbours, d = 60, n = 30 and 120, standard normal coefficients, noise of
standard deviation 3. The collapse with chords of ridge, of Lasso, of MCP with a ripple, and the sawtooth.
Proximal gradient on ridge chords with a box at the last level, from random points, at strengths down to 1e-6
of alpha_max; distances are from the solution of another solver, certified.

Prediction
----------
0 is critical if and only if every |X_j'y|/n is at most alpha a_0, whatever the shape of an even penalty;
both sides are decided in rational arithmetic. A convex F is then above F(0) everywhere else, since its
penalty is positive there. With steps below 2/L the map is averaged nonexpansive, so that its iterates settle
and no step leads away from a solution; how soon depends on the curvature on the free coordinates.

Falsified by
------------
A float below alpha_max at which 0 is critical, or one from it on at which it is not:
`1.00000000000001 * even_formula` violates C15; no critical point better than 0 above it, or only such as
have four coefficients off 0 fewer: `above_alpha_max().nonzeros - 4` violates C15/nonconvex; iterates that go
on moving, or move away, at a weak strength: steps above 2/L, `distances.run(step=2.05 * step)` violates
C15/drift and C15/never-away.

Control
-------
A penalty that is not even (C15); a convex one (C15/nonconvex); steps longer than 2/L, and gradients of ten
rows, at strong strengths too (C15/drift, C15/never-away).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.zero_solution import above_alpha_max, even_formula, least_strength
from experiments.tuning import failure_signatures_figure
from experiments.tuning import iterate_distances as distances
from experiments.tuning.sweeps import Data
from parlin import PAR, LeastSquares, Problem, designs

made_precise = partial(
    Evidence, source="[PAR] failure signature: collapsed output", standing=Standing.MADE_PRECISE
)
refuted = partial(Evidence, source="[PAR] failure signature: drifting weights", standing=Standing.REFUTED)
NOT_EVEN = PAR([-1.0, 0.0, 1.0], [-2.0, -1.0, 0.7, 1.5])
EVEN = {
    "ridge chords": designs.ridge(0.3, 20),
    "lasso chords": designs.lasso(0.3, 20),
    "rippled MCP": designs.rippled_mcp(0.25, 4),
    "sawtooth": designs.sawtooth(0.5, 16),
}
NONCONVEX = ("rippled MCP", "sawtooth")
# Two roundings: of the slope, and of the strength.
ROUNDINGS = 2 * float(np.finfo(float).eps)
# Of a distance relative to the length of the minimiser, over one step.
ROUNDING_OF_STEPS = 1e-12
# Distances from the minimiser below this fraction of its length count as settled.
SETTLED = 1e-6


@dataclass(frozen=True)
class Config:
    d: int
    sizes: tuple[int, int]  # fewer rows than columns, and more
    noise: float
    seeds: tuple[int, ...]
    multiples: tuple[float, ...]  # of alpha_max
    claimed_up_to: float
    settling_fractions: tuple[float, ...]  # of alpha_max
    n_steps: int
    batch: int

    @classmethod
    def full(cls) -> Config:
        return cls(
            d=60,
            sizes=(30, 120),
            noise=3.0,
            seeds=tuple(range(6)),
            multiples=(0.25, 0.5, 0.8, 0.95, 1.05, 1.25, 1.5, 2.0, 3.0, 4.0),
            claimed_up_to=1.5,
            settling_fractions=(0.3, 1e-2, 1e-4, 1e-6),
            n_steps=3000,
            batch=10,
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            d=20,
            sizes=(10, 60),
            noise=2.0,
            seeds=(0,),
            multiples=(0.8, 1.05),
            claimed_up_to=1.1,
            settling_fractions=(0.3, 1e-4),
            n_steps=800,
            batch=5,
        )


def run(config: Config) -> tuple[Evidence, ...]:
    drawn = {
        n: [Data.draw(n, config.d, 1, config.noise, seed) for seed in config.seeds] for n in config.sizes
    }
    wide, tall = drawn.values()
    return (
        _collapse([*wide, *tall]),
        _nonconvex(config, tall),
        *_drift(config, wide, tall),
    )


def _collapse(drawn: Sequence[Data]) -> Evidence:
    def at(data: Data, penalty: PAR, sign: float = 1.0) -> tuple[float, float]:
        loss = LeastSquares(data.loss.design.X, sign * data.loss.y)
        bound = even_formula(data.loss.design.X, loss.y, penalty)
        return least_strength(loss, penalty, 0.1 * bound, 2 * bound), bound

    inside = {name: [at(data, penalty) for data in drawn] for name, penalty in EVEN.items()}
    points = np.array([point for each in inside.values() for point in each])
    # With y and with -y: the steeper side meets the largest gradient in one of the two.
    outside = np.array([at(data, NOT_EVEN, sign) for data in drawn for sign in (1.0, -1.0)])
    return made_precise(
        claim="C15",
        statement=(
            "0 is a critical point from alpha_max = ‖X'y‖_∞/(n a_0) on and at none that is smaller by "
            "more than two roundings; with a convex penalty it is then the only solution."
        ),
        remark='It says "all weights go to zero → λ is too high", and not how high.',
        relation="==",
        tolerance=ROUNDINGS,
        measured=points[:, 0],
        bound=points[:, 1],
        certified=np.isfinite(points[:, 0]),
        control=Control(
            outside="A penalty that is steeper on one side of 0.",
            measured=outside[:, 0],
            bound=outside[:, 1],
            certified=np.isfinite(outside[:, 0]),
        ),
        table={"penalty": list(inside), "instances": len(drawn)},
    )


def _nonconvex(config: Config, drawn: Sequence[Data]) -> Evidence:
    found = {
        name: [[above_alpha_max(data.loss, EVEN[name], m) for m in config.multiples] for data in drawn]
        for name in ("ridge chords", *NONCONVEX)
    }
    above = [k for k, m in enumerate(config.multiples) if 1 < m <= config.claimed_up_to]
    inside = [row[k] for name in NONCONVEX for row in found[name] for k in above]
    outside = [row[k] for row in found["ridge chords"] for k in above]
    return made_precise(
        claim="C15/nonconvex",
        statement="Above alpha_max a nonconvex penalty has critical points that are better than 0.",
        remark="It speaks of all penalties; the collapse is forced for convex ones only.",
        relation=">=",
        measured=[point.nonzeros for point in inside],
        bound=1,
        certified=[point.certified and point.gain > 0 for point in inside],
        control=Control(
            outside="Ridge chords, which are convex, from the same start.",
            measured=[point.nonzeros for point in outside],
            bound=1,
            certified=[point.certified for point in outside],
        ),
        table={
            "multiple": config.multiples,
            "nonzeros": {
                name: np.mean([[p.nonzeros for p in row] for row in rows], axis=0)
                for name, rows in found.items()
            },
        },
    )


def _drift(config: Config, wide: Sequence[Data], tall: Sequence[Data]) -> tuple[Evidence, Evidence]:
    def runs(drawn: Sequence[Data], fraction: float, step: float, batch: int | None) -> list[distances.Run]:
        penalty = designs.ridge(0.5, 16, bounded=True)
        found = []
        for data in drawn:
            problem = Problem(data.loss, penalty)
            problem = problem.with_penalty(penalty.scaled(fraction * problem.strength_max()))
            found.append(distances.run(problem, step, config.n_steps, batch, seed=len(found)))
        return found

    fractions = config.settling_fractions
    ends = (fractions[0], fractions[-1])
    settled = {f"{fraction:g}": runs(tall, fraction, 1.0, None) for fraction in fractions}
    slow = {f"{fraction:g}, n = {wide[0].n}": runs(wide, fraction, 1.0, None) for fraction in fractions}
    outside = {f"{fraction:g}, step 2.05/L": runs(tall, fraction, 2.05, None) for fraction in ends} | {
        f"{fraction:g}, {config.batch} rows": runs(tall, fraction, 0.1, config.batch) for fraction in ends
    }
    kept = np.unique(np.geomspace(1, config.n_steps, 120).astype(int)) - 1

    def points(
        kinds: Mapping[str, list[distances.Run]], measure: Callable[[distances.Run], float], bound: float
    ) -> dict[str, Any]:
        found = [each for kind in kinds.values() for each in kind]
        return {
            "measured": [measure(each) for each in found],
            "bound": bound,
            "certified": [each.certified for each in found],
        }

    def curves(kinds: Mapping[str, list[distances.Run]]) -> dict[str, Any]:
        return {name: found[0].distance[kept] for name, found in kinds.items()}

    weakest = next(reversed(slow))
    last, rise = attrgetter("last"), attrgetter("largest_rise")
    dropped = (
        "Steps of 2.05/L, and gradients of a few rows with a constant step, each at a strong strength too."
    )
    return (
        refuted(
            claim="C15/drift",
            statement="With as many rows as columns or more, proximal gradient settles at every strength.",
            remark=(
                'It says "weights oscillate and never settle → λ is too low"; a strong λ ends that for steps '
                "slightly above 2/L, but not for gradients of a few rows. With fewer rows than columns a "
                f"weak λ makes it slow: at {fractions[-1]:g} alpha_max and n = {wide[0].n} the distance is "
                f"{slow[weakest][0].last:.2g} after {config.n_steps} steps."
            ),
            relation="<=",
            **points(settled, last, SETTLED),
            control=Control(outside=dropped, **points(outside, last, SETTLED)),
            table={
                "iteration": kept + 1,
                "inside": curves(settled | {weakest: slow[weakest]}),
                "outside": curves(outside),
            },
        ),
        refuted(
            claim="C15/never-away",
            statement="No step of proximal gradient with step 1/L leads away from the solution.",
            remark="It says that weights oscillate where λ is too low.",
            relation="<=",
            tolerance=ROUNDING_OF_STEPS,
            **points(settled | slow, rise, 0.0),
            control=Control(outside=dropped, **points(outside, rise, 0.0)),
        ),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    failure_signatures_figure.draw(evidence, figure)
