r"""The schedule of the inverse slope begins at 1, ends at 0 and never rises, wherever its centre is.

Claims
------
C20: soft rounding turns into rounding. Its inverse slope begins at 1, ends at 0, exactly, and never rises on
the way (C20/schedule), and it does not jump to these ends (C20/schedule-continuous).

Source
------
[PARQ], the annealing schedule.

Setting
-------
Centres 0.05 to 0.95, steepness 2 to 40, a grid of 1001 fractions.

Prediction
----------
A falling sigmoid, shifted and scaled to its own ends. Within 1e-9 of either end it is within 1e-7 of 1 or 0.

Falsified by
------------
One centre and steepness with another end, a rise or a jump: `1.01 * inverse_slope` violates C20/schedule and
C20/schedule-continuous. Nothing is solved here: a schedule is evidence if all of its values are finite.

Control
-------
The programs' schedule, which scales every sigmoid as if its centre were 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import Column
from experiments.soft_rounding import schedule_shapes_figure
from experiments.soft_rounding.published_schedule import published_inverse_slope
from parlin.solvers.stochastic import inverse_slope

NEAR, JUMP = 1e-9, 1e-7


@dataclass(frozen=True)
class Config:
    centers: tuple[float, ...]
    steepness: tuple[float, ...]
    n_fractions: int

    @classmethod
    def full(cls) -> Config:
        centers = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
        return cls(centers=centers, steepness=(2.0, 10.0, 40.0), n_fractions=1001)

    @classmethod
    def smoke(cls) -> Config:
        return cls(centers=(0.2, 0.5, 0.8), steepness=(10.0,), n_fractions=101)


def run(config: Config) -> tuple[Evidence, ...]:
    columns = {name: (Column.empty(), Column.empty()) for name in ("ends", "jumps")}
    curves = []
    for side, schedule in enumerate((inverse_slope, published_inverse_slope)):
        for center, steepness in product(config.centers, config.steepness):
            fractions = np.linspace(0.0, 1.0, config.n_fractions)
            values = np.array([schedule(float(f), steepness, center) for f in fractions])
            sound = bool(np.isfinite(values).all())
            off = max(abs(values[0] - 1), abs(values[-1]), float(np.diff(values).max()))
            columns["ends"][side].add(off, 0.0, sound)
            apart = [schedule(NEAR, steepness, center) - 1, schedule(1 - NEAR, steepness, center)]
            columns["jumps"][side].add(max(map(abs, apart)), JUMP, sound)
            if steepness == 10.0 and center in (0.2, 0.5, 0.8):
                every = slice(None, None, max(1, fractions.size // 50))
                kind = ("parlin", "programs")[side]
                curves.append({"kind": kind, "center": center, "x": fractions[every], "y": values[every]})
    words = {
        "source": "[PARQ] schedule",
        "standing": Standing.MADE_PRECISE,
        "relation": "<=",
    }
    outside = "The programs' schedule, scaled as if its centre were 0.5."
    return (
        Evidence(
            claim="C20/schedule",
            statement="The inverse slope begins at 1, ends at 0, exactly, and never rises, for every centre "
            "and steepness tried.",
            remark="Its programs scale the sigmoid correctly where the centre is 0.5 alone.",
            control=Control(outside=outside, **columns["ends"][1]._asdict()),
            table={"curves": curves},
            **columns["ends"][0]._asdict(),
            **words,
        ),
        Evidence(
            claim="C20/schedule-continuous",
            statement="It is within 1e-7 of these ends at fractions within 1e-9 of them.",
            remark="In its programs the slope jumps to infinity where the centre is late.",
            control=Control(outside=outside, **columns["jumps"][1]._asdict()),
            **columns["jumps"][0]._asdict(),
            **words,
        ),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    schedule_shapes_figure.draw(evidence, figure)
