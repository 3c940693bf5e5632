r"""Lazy proximal gradient stays away from critical points, and averages to the unpenalised minimiser.

Claims
------
C25: on ``(x − c)²/2`` and λ times the distance to ±1 the lazy method, which takes gradients at the proximal
map but adds them to the latent point, keeps a residual of at least ``c − η(c + λ)`` from the first change of
sign on, η the step, where the eager one, `solvers.ProxSGD`, converges to the minimiser c + λ (C25/eager). The
outputs of the lazy method average to c, which minimises the loss without a penalty (C25/average).

Source
------
[ProxQuant] lazy proximal gradient can fail; theory 8.5.

Setting
-------
c = 0.2, λ = 0.5; η = 0.1, 0.01 and 0.001; a coefficient for each start, from −0.45 to 0.45.
`solvers.LazyProx` of strength 1, one gradient a step, 100 000 steps in all; the eager method with the steps
0.1 and 0.01.

Prediction
----------
C25: `theory.lazy_residual_floor`. C25/average: the gradients sum to ``(θ_0 − θ_T)/η``, θ the latent point,
which is never further from 0 than the larger of ``|θ_0|`` and ``η(c + λ)``: that is the distance of the
average from c, times T.

Falsified by
------------
An output nearer to critical: `1.01 * theory.lazy_residual_floor` violates C25, which is attained; an average
further from c: `0.4 * drift` violates C25/average, of which half is attained; an eager method that ends
elsewhere, such as with a stronger penalty: `designs.distance(slope=1.01 * slope)` violates C25/eager. A run
is evidence if outputs spread over it are, by enumeration, the proximal map of their latent points, and these
follow from one another (lazy), or the proximal map of the gradient step (eager).

Control
-------
The eager method (C25 and C25/average); the lazy one (C25/eager).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.low_bits import lazy_failure_figure
from experiments.low_bits.steps import FloatArray, Steps, stepped
from experiments.measure.columns import Column
from experiments.measure.prox_by_enumeration import is_prox
from parlin import LeastSquares, Problem, designs, theory
from parlin.solvers import LazyProx, ProxSGD

SOURCE = "[ProxQuant] lazy proximal gradient"
# Of a residual, relative to the floor: of the rounding errors of a step.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Config:
    lazy_steps: tuple[float, ...]
    n_lazy: tuple[int, ...]
    eager_steps: tuple[float, ...]
    n_eager: int
    starts: int
    target: float = 0.2
    strength: float = 0.5
    drawn: int = 60  # outputs in the figure

    @classmethod
    def full(cls) -> Config:
        return cls((0.1, 0.01, 0.001), (20_000, 30_000, 50_000), (0.1, 0.01), 4000, 8)

    @classmethod
    def smoke(cls) -> Config:
        return cls((0.1, 0.01), (1000, 2000), (0.1, 0.01), 4000, 3)


class Traced(NamedTuple):
    """A run with its step and the residuals of its outputs, shape (n_steps, starts)."""

    step: float
    steps: Steps
    residual: FloatArray
    certified: bool


def run(config: Config) -> tuple[Evidence, ...]:
    problem = _problem(config)
    lazy = [_lazy(config, problem, *each) for each in zip(config.lazy_steps, config.n_lazy, strict=True)]
    eager = [_eager(config, problem, step) for step in config.eager_steps]
    return _floor(config, lazy, eager), _converges(config, lazy, eager), _average(config, lazy, eager)


def _problem(config: Config) -> Problem:
    """One coefficient for each start, each with the same loss."""
    X = np.sqrt(config.starts) * np.eye(config.starts)
    y = np.full(config.starts, config.target * np.sqrt(config.starts))
    return Problem(LeastSquares(X, y), designs.distance([-1.0, 1.0], config.strength))


def _starts(config: Config) -> FloatArray:
    return np.linspace(-0.45, 0.45, config.starts)


def _lazy(config: Config, problem: Problem, step: float, n_steps: int) -> Traced:
    solver = LazyProx(step, batch_size=config.starts, epochs=None)
    steps = stepped(solver, problem, _starts(config), n_steps)
    checked = np.linspace(1, n_steps, 50).astype(int)
    latent, w = steps.latent[checked].ravel(), steps.w[checked].ravel()
    moved = steps.latent[1:-1] - step * (steps.w[1:-1] - config.target)
    followed = np.allclose(moved, steps.latent[2:], rtol=0.0, atol=1e-13)
    sound = followed and is_prox(problem.penalty, latent, 1.0, w).all()
    return Traced(step, steps, _residuals(config, problem, steps.w[1:]), bool(sound))


def _eager(config: Config, problem: Problem, step: float) -> Traced:
    solver = ProxSGD(step, batch_size=config.starts, epochs=None)
    steps = stepped(solver, problem, _starts(config), config.n_eager)
    before, after = steps.w[:-1].ravel(), steps.w[1:].ravel()
    moved = before - step * (before - config.target)
    some = np.linspace(0, before.size - 1, 200).astype(int)
    sound = is_prox(problem.penalty, moved[some], step, after[some]).all()
    return Traced(step, steps, _residuals(config, problem, steps.w[1:]), bool(sound))


def _residuals(config: Config, problem: Problem, w: FloatArray) -> FloatArray:
    """Distances of ``c − w`` from the Clarke intervals, each coefficient of each output alone."""
    low, high = problem.penalty.subdifferential(w.ravel())
    descent = config.target - w.ravel()
    return np.maximum(np.maximum(low - descent, descent - high), 0.0).reshape(w.shape)


def _least_after_change(run: Traced) -> FloatArray:
    """The least residual from the first change of sign of each coefficient on; of all where there is none."""
    signs = np.sign(run.steps.w[1:])
    changed = np.argmax(signs != signs[0], axis=0)
    return np.array([run.residual[k:, j].min() for j, k in enumerate(changed)])


def _floor(config: Config, lazy: Sequence[Traced], eager: Sequence[Traced]) -> Evidence:
    columns = {"inside": Column.empty(), "outside": Column.empty()}
    for column, runs in zip(columns.values(), (lazy, eager), strict=True):
        for each in runs:
            floor = theory.lazy_residual_floor(config.target, config.strength, each.step)
            for least in _least_after_change(each):
                column.add(least, floor, each.certified)
    return Evidence(
        claim="C25",
        statement="On (x − c)²/2 and λ times the distance to ±1, c = 0.2 and λ = 0.5, lazy proximal gradient "
        f"keeps a residual of at least c − η(c + λ) after its first change of sign, for {sum(config.n_lazy)} "
        "steps in all with η = " + ", ".join(f"{step:g}" for step in config.lazy_steps) + ".",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It says that the lazy method can fail where the eager one converges, and names no rate.",
        relation=">=",
        tolerance=ROUNDING,
        **columns["inside"]._asdict(),
        control=Control(outside="The eager method.", **columns["outside"]._asdict()),
        table={
            "T": [_kept(config, len(each.residual)) + 1 for each in (*lazy, *eager)],
            "residual": [_drawn(config, each.residual[:, -1]) for each in (*lazy, *eager)],
        },
    )


def _drawn(config: Config, values: FloatArray) -> FloatArray:
    return values[_kept(config, values.size)]


def _kept(config: Config, n_steps: int) -> FloatArray:
    return np.unique(np.geomspace(1, n_steps, config.drawn).astype(int)) - 1


def _converges(config: Config, lazy: Sequence[Traced], eager: Sequence[Traced]) -> Evidence:
    minimiser = config.target + config.strength
    columns = {"inside": Column.empty(), "outside": Column.empty()}
    for column, runs in zip(columns.values(), (eager, lazy), strict=True):
        for each in runs:
            # Each end is critical; which one it is, the first step decides.
            for first, last in zip(each.steps.w[1], each.steps.w[-1], strict=True):
                ends = minimiser if first > 0 else config.target - config.strength
                column.add(abs(last - ends), 1e-12, each.certified)
    return Evidence(
        claim="C25/eager",
        statement="On the same problem eager proximal gradient ends within 1e-12 of a critical point, c + λ "
        f"or c − λ, within {config.n_eager} steps.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It says that the eager method converges in the same setting.",
        relation="<=",
        **columns["inside"]._asdict(),
        control=Control(outside="The lazy method.", **columns["outside"]._asdict()),
    )


def drift(start: float, reach: float, step: float, n_steps: int) -> float:
    """How far the mean of n outputs can be from the minimiser of the loss: of ``(θ_0 − θ_n)/(η n)``."""
    return (abs(start) + max(abs(start), reach)) / (step * n_steps)


def _average(config: Config, lazy: Sequence[Traced], eager: Sequence[Traced]) -> Evidence:
    columns = {"inside": Column.empty(), "outside": Column.empty()}
    for column, runs, first in zip(columns.values(), (lazy, eager), (1, 0), strict=True):
        for each in runs:
            reach = each.step * (config.target + config.strength)
            # The first latent point of the lazy method that is moved by a gradient at an output.
            outputs, latent = each.steps.w[first:-1], each.steps.latent[first]
            for mean, start in zip(outputs.mean(axis=0), latent, strict=True):
                bound = drift(start, reach, each.step, len(outputs))
                column.add(abs(mean - config.target), bound, each.certified)
    return Evidence(
        claim="C25/average",
        statement="The mean of the lazy outputs on the same problem is within (|θ_0| + max(|θ_0|, η(c + "
        "λ)))/(ηT) of c, the minimiser of the loss without the penalty, which is no critical point with it.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It says that the outputs oscillate, and not where their mean is.",
        relation="<=",
        tolerance=1e-9,
        **columns["inside"]._asdict(),
        control=Control(outside="The eager method.", **columns["outside"]._asdict()),
        table={
            "T": [_kept(config, len(each.residual)) + 1 for each in (*lazy, *eager)],
            "mean": [_drawn(config, _running_mean(each.steps.w[1:, -1])) for each in (*lazy, *eager)],
        },
    )


def _running_mean(values: FloatArray) -> FloatArray:
    return np.cumsum(values) / np.arange(1, values.size + 1)


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    lazy_failure_figure.draw(evidence, figure)
