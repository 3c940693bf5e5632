"""Fits of least squares with coefficients on given levels: every method with a grid of as many settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin import LeastSquares, Problem, designs, solve
from parlin.polishing import polish
from parlin.quantizers import nearest
from parlin.solvers import PARQ, AProx, BinaryRelax, ProxQuant, StraightThrough
from parlin.solvers.stochastic import Constant, InverseSqrt, InverseTime

FloatArray = NDArray[np.float64]
Setting = tuple[float, float]

STEPS = (0.02, 0.06, 0.2)


class Budget(NamedTuple):
    """Passes over the data, rows a batch, and where to begin."""

    epochs: int
    batch_size: int
    start: FloatArray
    seed: int


class Method(NamedTuple):
    """A fit of a loss with levels in a budget, and the settings that may be chosen from: nine."""

    fit: Callable[[LeastSquares, FloatArray, Setting, Budget], FloatArray]
    settings: tuple[Setting, ...]


def _run(solver: object, loss: LeastSquares, penalty: object, budget: Budget) -> FloatArray:
    return solve(Problem(loss, penalty), solver, w0=budget.start, tol=None).w


def _common(budget: Budget) -> dict[str, int]:
    return {"batch_size": budget.batch_size, "epochs": budget.epochs, "random_state": budget.seed}


def _falling(step: float) -> InverseSqrt:
    """Like 1/√t, and `step` after ten batches."""
    return InverseSqrt(step * 10**0.5)


def _straight_through(keep: str) -> Callable[..., FloatArray]:
    def fit(loss: LeastSquares, levels: FloatArray, setting: Setting, budget: Budget) -> FloatArray:
        step, schedule = setting
        # 0: constant; 1/2: like 1/√t; 1: like 1/t, all with the same step after ten batches.
        sizes = {0.0: Constant(step), 0.5: _falling(step), 1.0: InverseTime(20 * step, 10)}
        solver = StraightThrough(sizes[schedule], keep=keep, **_common(budget))
        return _run(solver, loss, designs.distance(levels), budget)

    return fit


def _annealed(kind: type) -> Callable[..., FloatArray]:
    def fit(loss: LeastSquares, levels: FloatArray, setting: Setting, budget: Budget) -> FloatArray:
        step, hard = setting
        solver = kind(_falling(step), hard_epochs=round(hard * budget.epochs), **_common(budget))
        return _run(solver, loss, designs.distance(levels), budget)

    return fit


def _prox_quant(loss: LeastSquares, levels: FloatArray, setting: Setting, budget: Budget) -> FloatArray:
    step, rate = setting
    return _run(
        ProxQuant(_falling(step), rate=rate, **_common(budget)), loss, designs.distance(levels), budget
    )


def _aprox(loss: LeastSquares, levels: FloatArray, setting: Setting, budget: Budget) -> FloatArray:
    step, alpha = setting
    return _run(AProx(_falling(step), **_common(budget)), loss, designs.chords(levels).scaled(alpha), budget)


def _batch_par(loss: LeastSquares, levels: FloatArray, setting: Setting, budget: Budget) -> FloatArray:
    _, alpha = setting
    return solve(Problem(loss, designs.distance(levels).scaled(alpha)), w0=budget.start).w


METHODS = {
    "STE, last": Method(_straight_through("last"), tuple(product(STEPS, (0.0, 0.5, 1.0)))),
    "STE, best": Method(_straight_through("best"), tuple(product(STEPS, (0.0, 0.5, 1.0)))),
    "BinaryRelax": Method(_annealed(BinaryRelax), tuple(product(STEPS, (0.1, 0.5, 0.75)))),
    "PARQ": Method(_annealed(PARQ), tuple(product(STEPS, (0.1, 0.5, 0.75)))),
    "ProxQuant": Method(_prox_quant, tuple(product(STEPS, (0.03, 0.1, 0.3)))),
    "AProx": Method(_aprox, tuple(product(STEPS, (0.01, 0.03, 0.1)))),
}
# The solution of the problem with all rows, from the same start; the strengths are its nine settings.
BATCH_PAR = Method(_batch_par, tuple((0.0, float(a)) for a in np.geomspace(1e-3, 1.0, 9)))


def fitted(
    method: Method, loss: LeastSquares, levels: FloatArray, setting: Setting, budget: Budget
) -> FloatArray:
    """The coefficients at the end of a fit, on the nearest levels where they are not on one."""
    return nearest(method.fit(loss, levels, setting, budget), levels)


def polished(loss: LeastSquares, levels: FloatArray, w: FloatArray) -> FloatArray:
    """Coefficients that no move of a single one to another level improves."""
    return polish(Problem(loss, designs.distance(levels)), w, levels)


def best_setting(method: Method, cost: Callable[[Setting], Sequence[float]]) -> Setting:
    """The setting with the least mean of its costs; the first of those that are level."""
    means = [float(np.mean(cost(setting))) for setting in method.settings]
    return method.settings[int(np.argmin(means))]
