r"""Full-batch proximal gradient becomes critical like 1/T with steps up to 1/L; with longer ones it need not.

Claims
------
C24: ProxQuant with a fixed strength and all rows in each batch converges to stationary points: one of the
first T iterates of `solvers.ProxSGD` is critical up to the squared distance ``(2/γ)(F(w_0) − F(w_T))/T``,
γ the step. C24/nonconvex-loss: where the loss is not convex either it is ``2(L + 1/γ)`` in place of ``2/γ``.

Source
------
[ProxQuant] convergence to stationary points; the constants are those of theory 7.

Setting
-------
Distances to two and to four levels. C24: least squares on normal designs with 30 rows and 12 columns, and
with 12 rows and 30 columns. C24/nonconvex-loss: ``mean(1 − cos(x_i'w − y_i))`` on the same rows. Steps 1/L
and 1/(2L); random starts; strengths 0.03, 0.3 and 1; horizons up to 400 steps. To each an example in one
dimension with a staircase, where one step attains the bound.

Prediction
----------
`theory.proximal_gradient_residual` of the descent, of which F(w_T) in place of inf F makes the least.

Falsified by
------------
A horizon at which no iterate is within the bound. It is attained, so that one a twentieth smaller is too
small: `0.95 * theory.proximal_gradient_residual` violates C24 and C24/nonconvex-loss. A point is evidence if
its iterate is, by enumeration, the proximal map of the step from the one before it.

Control
-------
Steps of 1.5/L on ``‖w‖²/2`` and the distance to ±1 of strength 0.4, from coefficients on ±1: they change sign
for ever, the objective stays, and so does the residual, 0.6 in every coordinate. The bound is that of the
step 1/L.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.low_bits import stationarity_figure
from experiments.low_bits.steps import FloatArray, stepped
from experiments.measure.columns import Column
from experiments.measure.prox_by_enumeration import is_prox
from parlin import PAR, LeastSquares, Problem, designs, theory
from parlin.solvers import ProxSGD

PENALTIES = {"±1": designs.distance([-1.0, 1.0]), "four levels": designs.distance([-1.5, -0.4, 0.3, 1.1])}
# Where the staircase's map is about to jump; a little below, so that it does not matter to which side.
BELOW = 1e-7


@dataclass(frozen=True)
class Config:
    shapes: tuple[tuple[int, int], ...]
    seeds: tuple[int, ...]
    strengths: tuple[float, ...]
    n_steps: int
    n_horizons: int
    cycling: int  # coefficients of the control

    @classmethod
    def full(cls) -> Config:
        return cls(
            shapes=((30, 12), (12, 30)),
            seeds=(0, 1, 2),
            strengths=(0.03, 0.3, 1.0),
            n_steps=400,
            n_horizons=16,
            cycling=20,
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(shapes=((30, 12),), seeds=(0,), strengths=(0.3,), n_steps=40, n_horizons=5, cycling=4)


class Smooth(NamedTuple):
    """A loss with its gradient and the Lipschitz constant of that."""

    value: Callable[[FloatArray], float]
    gradient: Callable[[FloatArray], FloatArray]
    lipschitz: float


class Instance(NamedTuple):
    """A loss, a penalty, a step and a start; convex says whether the loss is."""

    X: FloatArray
    y: FloatArray
    penalty: PAR
    step: float  # in units of 1/L
    start: FloatArray
    convex: bool

    def smooth(self) -> Smooth:
        """The loss."""
        n = self.y.size
        lipschitz = float(np.linalg.eigvalsh(self.X.T @ self.X / n)[-1])
        if self.convex:
            loss = LeastSquares(self.X, self.y)
            return Smooth(loss.value, loss.gradient, lipschitz)
        return Smooth(
            lambda w: float(np.mean(1 - np.cos(self.X @ w - self.y))),
            lambda w: self.X.T @ np.sin(self.X @ w - self.y) / n,
            lipschitz,
        )


def run(config: Config) -> tuple[Evidence, ...]:
    horizons = np.unique(np.geomspace(1, config.n_steps, config.n_horizons).astype(int))
    outside = measured(_cycling(config), horizons)
    found = []
    for claim, convex in (("C24", True), ("C24/nonconvex-loss", False)):
        inside = Column.empty()
        for instance in _instances(config, convex):
            for column, more in zip(inside, measured(instance, horizons), strict=True):
                column += more
        constant, loss = ("2/γ", "least squares") if convex else ("2(L + 1/γ)", "a loss that is not convex")
        found.append(
            Evidence(
                claim=claim,
                statement=f"With {loss}, distances to two or four levels and steps γ up to 1/L one of the "
                "first T iterates of full-batch proximal gradient is critical up to the squared distance "
                f"{constant} times (F(w_0) − F(w_T))/T.",
                source="[ProxQuant] stationarity theorem",
                standing=Standing.MADE_PRECISE,
                remark="It is for full batches and a fixed strength, and says some step; its constants were "
                "not available. What its programs run has batches, Adam and a strength that grows.",
                relation="<=",
                tolerance=1e-9,
                **inside._asdict(),
                control=Control(outside="Steps of 1.5/L.", **outside._asdict()),
                table={"T": horizons},
            )
        )
    return tuple(found)


def _instances(config: Config, convex: bool) -> Iterator[Instance]:
    for (n, d), seed in product(config.shapes, config.seeds):
        rng = np.random.default_rng([seed, n, d])
        X, start = rng.standard_normal((n, d)), rng.standard_normal(d)
        y = X @ rng.standard_normal(d) + 0.5 * rng.standard_normal(n)
        for penalty, strength, step in product(PENALTIES.values(), config.strengths, (0.5, 1.0)):
            yield Instance(X, y, penalty.scaled(strength), step, start, convex)
    yield _attained(convex)


def _attained(convex: bool) -> Instance:
    """One step down a staircase from where its map jumps; the loss is flat, or as concave as L allows."""
    if convex:
        X, start = np.array([[np.sqrt(2.0), 0.0], [0.0, 0.0]]), np.array([0.0, 0.55 - BELOW])
        return Instance(X, np.zeros(2), designs.staircase(1.0, 2).scaled(0.2), 0.5, start, True)
    move = 0.2
    spacing = np.pi / (31 + (1 + move) / 2)
    penalty = designs.staircase(spacing, 40).scaled(move * spacing)
    return Instance(np.eye(1), np.zeros(1), penalty, 1.0, np.array([np.pi - BELOW]), False)


def _cycling(config: Config) -> Instance:
    d = config.cycling
    start = np.where(np.arange(d) % 3 == 0, 1.0, -1.0)
    return Instance(np.sqrt(d) * np.eye(d), np.zeros(d), PENALTIES["±1"].scaled(0.4), 1.5, start, True)


def measured(instance: Instance, horizons: FloatArray) -> Column:
    """Least squared residual up to each horizon, its bound, and whether its iterate is a proximal step."""
    loss, penalty = instance.smooth(), instance.penalty
    step, column = instance.step / loss.lipschitz, Column.empty()
    points = iterates(instance, loss, step, int(horizons[-1]))
    residuals = np.array([_squared_residual(loss, penalty, w) for w in points])
    objectives = np.array([loss.value(w) + penalty.value(w).sum() for w in points])
    for T in horizons:
        best = 1 + int(np.argmin(residuals[1 : T + 1]))
        before = points[best - 1]
        sound = is_prox(penalty, before - step * loss.gradient(before), step, points[best]).all()
        bound = theory.proximal_gradient_residual(
            max(objectives[0] - objectives[T], 0.0),
            min(step, 1 / loss.lipschitz),
            int(T),
            lipschitz=loss.lipschitz,
            convex=instance.convex,
        )
        column.add(residuals[best], bound, sound)
    return column


def iterates(instance: Instance, loss: Smooth, step: float, n_steps: int) -> FloatArray:
    """The start and the points after each step: of the solver where the loss is least squares."""
    if instance.convex:
        solver = ProxSGD(step, batch_size=instance.y.size, epochs=None)
        problem = Problem(LeastSquares(instance.X, instance.y), instance.penalty)
        return stepped(solver, problem, instance.start, n_steps).w
    points = [instance.start]
    for _ in range(n_steps):
        points.append(instance.penalty.prox(points[-1] - step * loss.gradient(points[-1]), step))
    return np.array(points)


def _squared_residual(loss: Smooth, penalty: PAR, w: FloatArray) -> float:
    low, high = penalty.subdifferential(w)
    descent = -loss.gradient(w)
    distance = np.maximum(np.maximum(low - descent, descent - high), 0.0)
    return float(distance @ distance)


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    stationarity_figure.draw(evidence, figure)
