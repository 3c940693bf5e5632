r"""The straight-through estimator is dual averaging on a finite set of levels, at every step.

Claims
------
C23: the coefficients after each step of `solvers.StraightThrough` minimise ``<Σ η g, w> + ‖w − θ_0‖²/2``,
with the gradients g at the coefficients so far, over all vectors of levels.

Source
------
[ProxQuant] BinaryConnect is Nesterov's dual averaging; theory 8.5.

Setting
-------
Least squares on normal designs with 20 rows and 6 columns; levels ±1, all 64 vectors enumerated, and −1, 0,
1, all 729. Step 0.1, full batches, 200 steps, random starts, seeds 0 to 9.

Prediction
----------
The latent vector is ``θ_0 − Σ η g``, so the objective is half its squared distance from w, up to a constant,
which the nearest levels minimise. It is exact but for rounding: the excess over the least of all vectors is
within 1e-12 of the distance between the least and the largest.

Falsified by
------------
One step that ends at another vector: levels that are not those of the penalty, `PAR.quantization_levels +
0.1` violates C23; gradients taken elsewhere, `gradient(w=0.9 * w)` violates C23. The objective is computed
from the data and the coefficients alone, and the least by enumeration.

Control
-------
Momentum of 0.9 on the gradients: the latent vector no longer is their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.low_bits import dual_averaging_figure
from experiments.low_bits.steps import FloatArray, stepped
from experiments.measure.columns import Column
from parlin import LeastSquares, Problem, designs
from parlin.solvers import StraightThrough

# Of the objective, relative to how much it varies.
ROUNDING = 1e-12
LEVELS = {"±1": np.array([-1.0, 1.0]), "−1, 0, 1": np.array([-1.0, 0.0, 1.0])}


@dataclass(frozen=True)
class Config:
    n: int
    d: int
    seeds: tuple[int, ...]
    n_steps: int
    step: float = 0.1
    momentum: float = 0.9

    @classmethod
    def full(cls) -> Config:
        return cls(20, 6, tuple(range(10)), 200)

    @classmethod
    def smoke(cls) -> Config:
        return cls(20, 4, (0, 1), 60)


def run(config: Config) -> tuple[Evidence, ...]:
    inside, outside = Column.empty(), Column.empty()
    curves = {"inside": [], "outside": []}
    for (name, levels), seed in product(LEVELS.items(), config.seeds):
        rng = np.random.default_rng([seed, levels.size])
        X, start = rng.standard_normal((config.n, config.d)), rng.standard_normal(config.d)
        y = X @ rng.standard_normal(config.d) + 0.3 * rng.standard_normal(config.n)
        problem = Problem(LeastSquares(X, y), designs.distance(levels))
        solver = StraightThrough(config.step, batch_size=config.n, epochs=None)
        # The first gradient is taken at the levels nearest to the start.
        first = levels[np.argmin(np.abs(start[:, None] - levels), axis=1)]
        outputs = np.vstack((first, stepped(solver, problem, start, config.n_steps).w[1:]))
        with_momentum = _momentum(config, X, y, levels, start)
        for column, points, kind in ((inside, outputs, "inside"), (outside, with_momentum, "outside")):
            excess = _excess(config, X, y, levels, start, points)
            for value in excess:
                column.add(value, 0.0, True)  # the least is by enumeration
            if seed == config.seeds[0]:
                curves[kind].append({"levels": name, "excess": excess})
    return (
        Evidence(
            claim="C23",
            statement="At each step of the straight-through estimator with full batches the coefficients "
            f"minimise <Σ η g, w> + ‖w − θ_0‖²/2 over all vectors of two or three levels, d = {config.d}.",
            source="[ProxQuant] dual averaging",
            standing=Standing.AS_STATED,
            relation="<=",
            tolerance=ROUNDING,
            **inside._asdict(),
            control=Control(outside="Momentum of 0.9 on the gradients.", **outside._asdict()),
            table=curves,
        ),
    )


def gradient(X: FloatArray, y: FloatArray, w: FloatArray) -> FloatArray:
    """Of the loss, from its definition; `w` may be rows of coefficients."""
    return (w @ X.T - y) @ X / y.size


def _excess(
    config: Config, X: FloatArray, y: FloatArray, levels: FloatArray, start: FloatArray, outputs: FloatArray
) -> FloatArray:
    """By how much each output is above the least objective, relative to how much the objective varies."""
    sums = config.step * np.cumsum(gradient(X, y, outputs[:-1]), axis=0)
    every = np.array(list(product(levels, repeat=config.d)))
    distances = 0.5 * np.sum((every - start) ** 2, axis=1)
    objectives = sums @ every.T + distances
    own = np.sum(sums * outputs[1:], axis=1) + 0.5 * np.sum((outputs[1:] - start) ** 2, axis=1)
    least = objectives.min(axis=1)
    return (own - least) / (objectives.max(axis=1) - least)


def _momentum(
    config: Config, X: FloatArray, y: FloatArray, levels: FloatArray, start: FloatArray
) -> FloatArray:
    """The outputs of the estimator with a running mean of gradients, in units of their sum."""
    latent, mean, outputs = start.copy(), np.zeros(config.d), []
    for _ in range(config.n_steps + 1):
        outputs.append(levels[np.argmin(np.abs(latent[:, None] - levels), axis=1)])
        mean = config.momentum * mean + gradient(X, y, outputs[-1])
        latent = latent - config.step * mean
    return np.array(outputs)


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    dual_averaging_figure.draw(evidence, figure)
