r"""PARQ's map is a prox, AProx is this map of a decayed latent vector, and PARQ ends as straight-through.

Claims
------
C20: the straight-through estimator is the end of PARQ. Soft rounding with slope ρ is the prox of chords at
strength ρ − 1 (C20/prox); AProx with chords of x²/2 is soft rounding with slope 1 + αγ of the latent vector
over that slope (C20/aprox); after its schedule PARQ is straight-through, bit for bit (C20/limit).

Source
------
[PARQ], straight-through estimation as the asymptotic form.

Setting
-------
Levels ±0.5 and ±1.5. Slopes 1.1 to 1000 on 400 arguments; least squares, n = 100, d = 40, batches of ten
rows: AProx with strengths 0.02 and 0.5, 60 epochs; PARQ with centres 0.2, 0.5 and 0.8, 20 soft epochs of 40.

Prediction
----------
Theory 8.3. The theorem on AProx (theory 8.2) does not cover PARQ's schedule: there the penalty grows with the
sum of the steps, whereas the slopes of the schedule know no steps.

Falsified by
------------
One value that differs by more than rounding: `SoftRounding.apply + 1e-6` violates C20/prox and C20/aprox. A
schedule that does not end at 0, `PARQ.slopes_left + 0.1` violates C20/limit. Values of C20/prox are compared
with the minimum over levels and cells, which is evidence if it meets the definition of a prox value; runs of
AProx are evidence if their coefficients are prox values, others if straight-through has the nearest levels.

Control
-------
The prox at strength ρ; the latent vector without decay; slopes where the programs' schedule ends with centre
0.8, which is at 1/ρ = 0.11.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import Column
from experiments.measure.prox_by_enumeration import is_prox, minimum
from experiments.soft_rounding import ste_limit_figure
from experiments.soft_rounding.published_schedule import published_inverse_slope
from experiments.soft_rounding.runs import (
    BATCH,
    LEVELS,
    FloatArray,
    nearest,
    regression,
    soft_rounding,
    start,
    states,
)
from parlin import Problem, designs
from parlin.solvers.stochastic import PARQ, AProx, StraightThrough
from parlin.solvers.stochastic.maps import SoftRounding

ROUNDING = 1e-12
CHORDS = designs.chords(LEVELS)
SOFT, HARD, STEP = 20, 20, 0.02


@dataclass(frozen=True)
class Config:
    slopes: tuple[float, ...]
    strengths: tuple[float, ...]
    centers: tuple[float, ...]
    seeds: tuple[int, ...]

    @classmethod
    def full(cls) -> Config:
        slopes = (1.1, 1.5, 3.0, 10.0, 1e3)
        return cls(slopes=slopes, strengths=(0.02, 0.5), centers=(0.2, 0.5, 0.8), seeds=tuple(range(10)))

    @classmethod
    def smoke(cls) -> Config:
        return cls(slopes=(1.5, 10.0), strengths=(0.02,), centers=(0.2, 0.8), seeds=(0,))


def run(config: Config) -> tuple[Evidence, ...]:
    return _prox(config), _aprox(config), _limit(config)


def _prox(config: Config) -> Evidence:
    inside, outside = Column.empty(), Column.empty()
    for slope, seed in product(config.slopes, config.seeds):
        v = np.random.default_rng(seed).uniform(-2.5, 2.5, 400)
        soft = SoftRounding(LEVELS).apply(v, slope)
        for strength, column in ((slope - 1, inside), (slope, outside)):
            least = minimum(CHORDS, slope * v, strength)
            column.add(np.max(np.abs(soft - least.x)), ROUNDING * slope, least.certified.all())
    return Evidence(
        claim="C20/prox",
        statement="Soft rounding with slope ρ is the prox of the chords of x²/2 at strength ρ − 1, taken at "
        "ρ times the argument, to 1e-12 ρ.",
        source="[PARQ] soft rounding",
        standing=Standing.MADE_PRECISE,
        remark="It calls it a proximal map; with a slope above 1 it is none of a convex penalty at the "
        "argument itself.",
        relation="<=",
        control=Control(outside="The strength ρ.", **outside._asdict()),
        **inside._asdict(),
    )


def _aprox(config: Config) -> Evidence:
    inside, outside, curves = Column.empty(), Column.empty(), []
    for strength, seed in product(config.strengths, config.seeds):
        problem = Problem(regression(seed).loss, CHORDS.scaled(strength))
        solver, apart = AProx(STEP, BATCH, None, replace=True, random_state=seed), []
        for state in states(solver, problem, start(seed), 60):
            slope, latent = 1 + strength * state.gamma, state.latent
            decayed = SoftRounding(LEVELS).apply(latent / slope, slope)
            kept = SoftRounding(LEVELS).apply(latent, slope)
            apart.append([np.max(np.abs(state.w - other)) for other in (decayed, kept)])
            sound = bool(is_prox(CHORDS, latent, strength * state.gamma, state.w).all())
            inside.add(apart[-1][0], ROUNDING, sound)
            outside.add(apart[-1][1], ROUNDING, sound)
        if seed == config.seeds[0]:
            curves.append(
                {"strength": strength, "decayed": [a for a, _ in apart], "kept": [b for _, b in apart]}
            )
    return Evidence(
        claim="C20/aprox",
        statement="AProx with chords of x²/2 is, after every epoch, soft rounding with slope 1 + αγ of the "
        "latent vector divided by it.",
        source="[PARQ] straight-through as asymptotic form",
        standing=Standing.MADE_PRECISE,
        remark="Its schedule of slopes is free and its latent vector does not decay, so the theorem on AProx "
        "does not cover it.",
        relation="<=",
        control=Control(outside="The latent vector is not divided by the slope.", **outside._asdict()),
        table={"curves": curves},
        **inside._asdict(),
    )


def _limit(config: Config) -> Evidence:
    inside, outside, rows = Column.empty(), Column.empty(), []
    for seed, center in product(config.seeds, config.centers):
        problem = regression(seed)
        solver = PARQ(STEP, BATCH, SOFT + HARD, hard_epochs=HARD, center=center, random_state=seed)
        other = StraightThrough(STEP, BATCH, None, random_state=seed)
        rival, apart, off, on_levels = None, 0.0, [], True
        for epoch, state in enumerate(states(solver, problem, start(seed), SOFT + HARD), start=1):
            off.append(float(np.mean(~np.isin(state.w, LEVELS))))
            if epoch == SOFT:
                rival = other.init(problem, state.latent)
                rival.generator = deepcopy(state.generator)
                apart = _difference(state.w, nearest(state.latent))
            elif rival is not None:
                rival = other.step(problem, rival)
                apart = max(apart, _difference(state.w, rival.w), _difference(state.latent, rival.latent))
                on_levels = on_levels and np.array_equal(rival.w, nearest(rival.latent))
        inside.add(apart, 0.0, on_levels)
        rows.append({"seed": seed, "center": center, "off": off})
        if center == max(config.centers):
            slope = 1 / published_inverse_slope(1.0, 10.0, center)
            outside.add(
                _difference(soft_rounding(state.latent, slope), nearest(state.latent)), 0.0, on_levels
            )
    return Evidence(
        claim="C20/limit",
        statement="From the end of its schedule on PARQ has the coefficients and latent vectors of the "
        "straight-through estimator, bit for bit, for centres "
        f"{', '.join(f'{center:g}' for center in config.centers)}.",
        source="[PARQ] straight-through as asymptotic form",
        standing=Standing.AS_STATED,
        relation="<=",
        control=Control(
            outside="The slope at which the programs' schedule ends with centre "
            f"{max(config.centers):g}, on the last latent vectors.",
            **outside._asdict(),
        ),
        table={"runs": [row for row in rows if row["seed"] == config.seeds[0]]},
        **inside._asdict(),
    )


def _difference(a: FloatArray, b: FloatArray) -> float:
    return float(np.max(np.abs(a - b)))


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    ste_limit_figure.draw(evidence, figure)
