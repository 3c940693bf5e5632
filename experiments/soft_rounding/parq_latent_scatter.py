r"""Coefficients of a PARQ run are on the curve of soft rounding over their latent values, at every time.

Claims
------
C20: PARQ's map is soft rounding with a slope that grows along the schedule (C20/map).

Source
------
[PARQ], soft rounding.

Setting
-------
Least squares, n = 100, d = 40, levels ±0.5 and ±1.5, batches of all rows, step 0.02; PARQ with 300 soft steps
of 400, looked at after 10 to 290 of them.

Prediction
----------
``c + ρ (u − c)``, clipped to the cell of u with middle c, with ``1/ρ`` by the schedule: theory 8.3. Rounding
errors of that are below 1e-12.

Falsified by
------------
One coefficient off the curve: `PARQ.slopes_left + 0.01` violates C20/map. A point is evidence if the next
step moves the latent vector by the gradient at these coefficients, computed afresh.

Control
-------
BinaryRelax with the same schedule, which blends the latent value with its level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import Column
from experiments.soft_rounding import latent_scatter_figure
from experiments.soft_rounding.runs import LEVELS, ROWS, FloatArray, regression, soft_rounding, start, states
from parlin.solvers.stochastic import PARQ, BinaryRelax, inverse_slope

SOFT, HARD, STEP = 300, 100, 0.02


@dataclass(frozen=True)
class Config:
    epochs: tuple[int, ...]
    centers: tuple[float, ...]
    seeds: tuple[int, ...]

    @classmethod
    def full(cls) -> Config:
        return cls(epochs=(10, 80, 150, 220, 290), centers=(0.2, 0.5, 0.8), seeds=tuple(range(5)))

    @classmethod
    def smoke(cls) -> Config:
        return cls(epochs=(10, 150), centers=(0.5,), seeds=(0,))


class Look(NamedTuple):
    """Latent values and coefficients at one time, and the slope of the schedule there."""

    kind: str
    epoch: int
    slope: float
    latent: FloatArray
    w: FloatArray


def run(config: Config) -> tuple[Evidence, ...]:
    inside, outside, shown = Column.empty(), Column.empty(), []
    for kind, column in ((PARQ, inside), (BinaryRelax, outside)):
        for seed, center in product(config.seeds, config.centers):
            solver = kind(STEP, ROWS, SOFT + HARD, hard_epochs=HARD, center=center, random_state=seed)
            problem, seen = regression(seed), None
            run = states(solver, problem, start(seed), max(config.epochs) + 1)
            for epoch, state in enumerate(run, start=1):
                if seen is not None:
                    moved = np.max(np.abs(state.latent - seen.latent + STEP * problem.loss.gradient(seen.w)))
                    column.add(_apart(seen), 1e-12, moved < 1e-12)
                    seen = None
                if epoch in config.epochs:
                    slope = 1 / inverse_slope(epoch / SOFT, center=center)
                    seen = Look(kind.__name__, epoch, slope, state.latent.copy(), state.w.copy())
                    if seed == config.seeds[0] and center == 0.5:
                        shown.append(seen._asdict())
    return (
        Evidence(
            claim="C20/map",
            statement="Every coefficient of a PARQ run is soft rounding of its latent value with the slope "
            "of the schedule, to 1e-12, at all times looked at.",
            source="[PARQ] soft rounding",
            standing=Standing.AS_STATED,
            relation="<=",
            control=Control(outside="BinaryRelax with the same schedule.", **outside._asdict()),
            table={"runs": shown, "levels": LEVELS},
            **inside._asdict(),
        ),
    )


def _apart(seen: Look) -> float:
    """How far a coefficient is from soft rounding of its latent value, at most."""
    return float(np.max(np.abs(seen.w - soft_rounding(seen.latent, seen.slope))))


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    latent_scatter_figure.draw(evidence, figure)
