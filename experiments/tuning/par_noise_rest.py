r"""A stochastic proximal step from a solution rests just if the gradient stays in a flat interval.

Claims
------
C15: weights that go on moving are no sign of a weak strength alone, but of noise that is larger than the
strength allows: from a solution a step of `solvers.ProxSGD` on any batch rests if and only if every
coefficient is on a level and step times gradient is in the flat interval of the proximal map there
(C15/noise). For a convex penalty that is whether minus the gradient is in α times the subdifferential,
whatever the step; with the sawtooth only for steps up to q/(2α) (C15/noise-nonconvex), where any
coefficients on levels serve.

Source
------
[PAR] failure signatures: drifting weights; theory 8.4.

Setting
-------
Normal designs with 200 rows and 4 columns, noise of standard deviation 1. C15/noise: chords of x²/2 with the
spacing 1 at strength 4, six solutions on levels alone. C15/noise-nonconvex: the
sawtooth with the spacing 0.5 at the strengths 1 and 10, at the levels nearest to least squares. 100 batches
of 2, 8 and 32 rows; steps 1, 0.1 and 0.01; and one coefficient at 0 with the gradient 9 and strength 10.

Prediction
----------
The number of batches for which rest is predicted and motion is found, or the other way round, is 0.

Falsified by
------------
One batch: intervals that are a tenth shorter, `0.9 * flat_interval` violates C15/noise and
C15/noise-nonconvex. A point is evidence if its coefficients are certified, and no gradient is within 1e-9 of
an end of its interval.

Control
-------
Solutions with a coefficient off the levels, at the interval of the level next to it (C15/noise). The
subdifferential alone, at steps above q/(2α) (C15/noise-nonconvex).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from experiments.measure.columns import Column
from experiments.tuning import noise_rest_figure
from parlin import LeastSquares, Problem, designs
from parlin.solvers import ProxSGD

FloatArray = NDArray[np.float64]
SOURCE = "[PAR] failure signature: drifting weights"
RIDGE, SAWTOOTH = designs.ridge(1.0, 6), designs.sawtooth(0.5, 16)
SPACING = 0.5
UNSURE = 1e-9


@dataclass(frozen=True)
class Config:
    n: int
    d: int
    seeds: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    n_batches: int
    kept: int  # solutions of each kind, the first ones
    strength: float = 4.0
    sawtooth_strengths: tuple[float, ...] = (1.0, 10.0)
    steps: tuple[float, ...] = (1.0, 0.1, 0.01)

    @classmethod
    def full(cls) -> Config:
        return cls(200, 4, tuple(range(20)), (2, 8, 32), 100, 6)

    @classmethod
    def smoke(cls) -> Config:
        return cls(200, 3, tuple(range(6)), (8, 32), 20, 2)


class Counted(NamedTuple):
    """How many batches moved the coefficients, for how many that was predicted, and wrongly so."""

    moved: int
    mismatches: int
    mismatches_by_slopes: int
    certified: bool


def run(config: Config) -> tuple[Evidence, ...]:
    on, off = [], []
    for seed in config.seeds:
        problem = _problem(config, seed, config.strength)
        w = solve_to_slopes(problem).w
        (off if problem.unquantized(w).size else on).append((seed, problem, w))
    sawtooth = []
    for seed, alpha in product(config.seeds[:3], config.sawtooth_strengths):
        problem = _problem(config, seed, config.strength)
        nearest = SAWTOOTH.nearest_level(np.linalg.lstsq(problem.loss.design.X, problem.loss.y)[0])
        sawtooth.append((seed, problem.with_penalty(SAWTOOTH.scaled(alpha)), nearest))
    return _convex(config, on[: config.kept], off[: config.kept]), _nonconvex(config, sawtooth)


Case = tuple[int, Problem, FloatArray]


def _problem(config: Config, seed: int, alpha: float) -> Problem:
    rng = np.random.default_rng([seed, config.n])
    X = rng.standard_normal((config.n, config.d))
    y = X @ (4 * rng.standard_normal(config.d)) + rng.standard_normal(config.n)
    return Problem(LeastSquares(X, y), RIDGE.scaled(alpha))


def flat_interval(problem: Problem, w: FloatArray, step: float) -> FloatArray:
    """Where minus step times gradient moves no coefficient off the level nearest to it, shape (2, d)."""
    levels = problem.penalty.nearest_level(w)
    ends = step * np.array(problem.penalty.subdifferential(levels))
    if problem.penalty.shape == "convex":
        return ends
    # Beyond the middle to the next level that level is nearer; beyond the ends there is none.
    every = problem.penalty.quantization_levels
    halves = np.concatenate(([np.inf], np.diff(every) / 2, [np.inf]))
    index = np.searchsorted(every, levels)
    return np.stack((np.maximum(ends[0], -halves[index]), np.minimum(ends[1], halves[index + 1])))


def _batches(config: Config, case: Case, size: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    seed, problem, _ = case
    X, y = problem.loss.design.X, problem.loss.y
    rng = np.random.default_rng([seed, size])
    for _ in range(config.n_batches):
        rows = rng.choice(y.size, min(size, y.size), replace=False)
        yield X[rows], y[rows]


def _count(config: Config, case: Case, step: float, size: int, *, ignore_levels: bool = False) -> Counted:
    _, problem, w = case
    on_levels = ignore_levels or not problem.unquantized(w).size
    low, high = flat_interval(problem, w, step)
    slopes = step * np.array(problem.penalty.subdifferential(problem.penalty.nearest_level(w)))
    moved = mismatches = by_slopes = 0
    sure = True
    for X, y in _batches(config, case, size):
        move = -step * (X.T @ (X @ w - y)) / y.size
        solver = ProxSGD(step, batch_size=y.size, epochs=None)
        part = Problem(LeastSquares(X, y), problem.penalty)
        moves = not np.array_equal(solver.step(part, solver.init(part, w)).w, w)
        mismatches += moves != (not (on_levels and np.all((move >= low) & (move <= high))))
        by_slopes += moves != (not np.all((move >= slopes[0]) & (move <= slopes[1])))
        moved += moves
        sure = sure and min(np.abs(move - low).min(), np.abs(move - high).min()) > UNSURE * step
    return Counted(moved, mismatches, by_slopes, sure)


def _convex(config: Config, on: Sequence[Case], off: Sequence[Case]) -> Evidence:
    columns, table = {}, {"size": [], "step": [], "moved": []}
    for name, cases in (("inside", on), ("outside", off)):
        columns[name] = Column.empty()
        for case, step, size in product(cases, config.steps, config.batch_sizes):
            counted = _count(config, case, step, size, ignore_levels=name == "outside")
            critical = CertifiedPoint(case[1], case[2]).certified
            columns[name].add(counted.mismatches, 0.0, counted.certified and critical)
            if name == "inside":
                table["size"].append(size)
                table["step"].append(step)
                table["moved"].append(counted.moved / config.n_batches)
    return Evidence(
        claim="C15/noise",
        statement="With ridge chords a stochastic proximal step from a solution rests just if all "
        "coefficients are on levels and minus the batch's gradient is in α times the "
        "subdifferential, whatever the step.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark='It says "weights oscillate and never settle → λ is too low"; it is too low for the noise.',
        relation="<=",
        **columns["inside"]._asdict(),
        control=Control(outside="A coefficient is off the levels.", **columns["outside"]._asdict()),
        table=table,
    )


def _nonconvex(config: Config, cases: Sequence[Case]) -> Evidence:
    inside, outside = Column.empty(), Column.empty()
    table = {"size": [], "step": [], "strength": [], "moved": []}
    for case, step, size in product(cases, config.steps, config.batch_sizes):
        strength = float(np.abs(case[1].penalty.slopes).max())
        _add(inside, outside, table, _count(config, case, step, size), size, step, strength, config.n_batches)
    penalty = SAWTOOTH.scaled(10.0)
    one = (0, Problem(LeastSquares([[1.0]], [-9.0]), penalty), np.zeros(1))
    for step in config.steps:
        _add(inside, outside, table, _count(config, one, step, 1), 1, step, 10.0, config.n_batches)
    return Evidence(
        claim="C15/noise-nonconvex",
        statement="With the sawtooth of spacing q and strength α a stochastic proximal step from "
        "coefficients on inner levels rests just if step times gradient is at most min(step · α, q/2) in "
        "each: for steps above q/(2α) the subdifferential does not tell.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It has one rule for all penalties and steps. With q = 0.5, α = 10 and the gradient 9 a "
        "coefficient moves at the steps 1 and 0.1, and rests at 0.01.",
        relation="<=",
        **inside._asdict(),
        control=Control(outside="The subdifferential alone, steps above q/(2α).", **outside._asdict()),
        table=table,
    )


def _add(
    inside: Column, outside: Column, table: dict[str, list[float]], counted: Counted, size: int, step: float,
    strength: float, n_batches: int,
) -> None:  # fmt: skip
    inside.add(counted.mismatches, 0.0, counted.certified)
    if step > SPACING / (2 * strength):
        outside.add(counted.mismatches_by_slopes, 0.0, counted.certified)
    table["size"].append(size)
    table["step"].append(step)
    table["strength"].append(strength)
    table["moved"].append(counted.moved / n_batches)


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    noise_rest_figure.draw(evidence, figure)
