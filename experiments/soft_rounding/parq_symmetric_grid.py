r"""On symmetric grids of even size a convex penalty has a flat cell at 0, and fits may stay off levels in it.

Claims
------
C21: a convex PAR makes coefficients cluster at its levels. Not on symmetric grids without 0: the slope of the
cell about 0 is 0 (C21/flat), and a fit that interpolates the data has more than n coefficients off the levels
(C21/off-levels). A tilt of that cell restores the bound (C21/tilted).

Source
------
[PARQ], as summarised: convex regularization induces coefficients to cluster. Symmetric grids of even size,
such as ±1 or ±0.5, ±1.5, are those of its binary and two-bit weights.

Setting
-------
Normal designs, n = 10, d = 60; chords of x²/2 and of |x|³ on ±1, ±0.5, ±1.5 and ±0.25, …, ±1.75, strength
0.01, accelerated proximal gradient from 0 where the cell is flat; targets that are normal with deviation 0.2
to 10, of which 0.2 can be interpolated within the cell about 0.

Prediction
----------
Theory 3.3. An even convex function that is affine on a cell about 0 is constant there. If the gradient of the
loss is 0, any point of that cell is critical. With all slopes nonzero the rate is at least
`theory.quantization_floor`.

Falsified by
------------
One grid whose slope at 0 is not 0, one fit with at most n off the levels: a tilt of the cell,
`_penalty(tilt=tilt + 0.1)` violates C21/flat and C21/off-levels. A floor that is a hundredth higher,
`theory.quantization_floor + 0.01` violates C21/tilted.

Control
-------
The same with a slope of 0.1 in the cell, for the first two claims; without it for C21/tilted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from experiments.measure.columns import columns
from experiments.soft_rounding import symmetric_grid_figure
from parlin import PAR, LeastSquares, Problem, designs, theory
from parlin.solvers import FISTA

N, D, STRENGTH, TILT = 10, 60, 0.01, 0.1
SMALL = 0.2
GRIDS = {
    "±1": [-1.0, 1.0],
    "±0.5, ±1.5": [-1.5, -0.5, 0.5, 1.5],
    "±0.25, …, ±1.75": [-1.75, -1.25, -0.75, -0.25, 0.25, 0.75, 1.25, 1.75],
}
FUNCTIONS = ("x²/2", "|x|³")


@dataclass(frozen=True)
class Config:
    deviations: tuple[float, ...]
    seeds: tuple[int, ...]

    @classmethod
    def full(cls) -> Config:
        return cls(deviations=(SMALL, 1.0, 3.0, 10.0), seeds=tuple(range(5)))

    @classmethod
    def smoke(cls) -> Config:
        return cls(deviations=(SMALL, 2.0), seeds=(0,))


def run(config: Config) -> tuple[Evidence, ...]:
    flat, tilted = (
        [_fit(*case, tilt) for case in product(GRIDS, config.deviations, config.seeds)]
        for tilt in (0.0, TILT)
    )
    small, small_tilted = (
        [point for point in points if point.labels["deviation"] == SMALL] for points in (flat, tilted)
    )
    floor = theory.quantization_floor(N, D)
    table = {name: [point.labels[name] for point in flat] for name in ("grid", "deviation", "seed")} | {
        "flat": [point.n_off_levels for point in flat],
        "tilted": [point.n_off_levels for point in tilted],
    }
    return (
        _central_slopes(),
        Evidence(
            claim="C21/off-levels",
            statement="On symmetric grids of even size a fit that interpolates small data has more than n "
            "coefficients off the levels.",
            source="[PARQ] clustering",
            standing=Standing.REFUTED,
            remark="As summarised a convex PAR induces coefficients to cluster at its levels. Data that "
            "cannot be interpolated within the cell about 0 leave at most n off the levels here too.",
            relation=">=",
            **columns(small, _off_levels, N + 1),
            control=Control(
                outside="The cell about 0 has the slope 0.1.", **columns(small_tilted, _off_levels, N + 1)
            ),
            table=table,
        ),
        Evidence(
            claim="C21/tilted",
            statement="With a slope of 0.1 in the cell about 0 at least the fraction 1 − n/d is on the "
            "levels, for data of every size tried.",
            source="[PARQ] clustering",
            standing=Standing.MADE_PRECISE,
            remark="It does not ask for slopes that are not 0.",
            relation=">=",
            **columns(tilted, _rate, floor),
            control=Control(outside="The cell about 0 is flat.", **columns(flat, _rate, floor)),
        ),
    )


def _central_slopes() -> Evidence:
    cases = list(product(GRIDS, FUNCTIONS))
    flat, tilted = (
        [float(np.abs(_penalty(*case, tilt).subdifferential(0.0)).max()) for case in cases]
        for tilt in (0.0, TILT)
    )
    sound = [True] * len(cases)
    return Evidence(
        claim="C21/flat",
        statement="The chords of x²/2 and of |x|³ on symmetric grids of even size have the slope 0 about 0.",
        source="[PARQ] clustering",
        standing=Standing.REFUTED,
        remark="As summarised a convex PAR induces coefficients to cluster at its levels.",
        relation="<=",
        measured=flat,
        bound=0.0,
        certified=sound,
        control=Control(outside="A tilt of 0.1.", measured=tilted, bound=0.0, certified=sound),
    )


def _penalty(grid: str, function: str, tilt: float) -> PAR:
    """The chords on the grid, which go on beyond it, and another slope in the cell about 0."""
    if function == "x²/2":
        penalty = designs.chords(GRIDS[grid], bounded=False)
    else:
        penalty = designs.from_function(lambda x: np.abs(x) ** 3, GRIDS[grid])
    slopes = penalty.slopes.copy()
    slopes[slopes.size // 2] += tilt
    return PAR(penalty.levels, slopes)


def _fit(grid: str, deviation: float, seed: int, tilt: float) -> CertifiedPoint:
    rng = np.random.default_rng(seed)
    loss = LeastSquares(rng.standard_normal((N, D)), deviation * rng.standard_normal(N))
    problem = Problem(loss, _penalty(grid, FUNCTIONS[0], tilt).scaled(STRENGTH))
    w = solve_to_slopes(problem, "auto" if tilt else FISTA(), w0=np.zeros(D)).w
    return CertifiedPoint(problem, w, {"grid": grid, "deviation": deviation, "seed": seed})


def _off_levels(point: CertifiedPoint) -> float:
    return float(point.n_off_levels)


def _rate(point: CertifiedPoint) -> float:
    return point.rate


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    symmetric_grid_figure.draw(evidence, figure)
