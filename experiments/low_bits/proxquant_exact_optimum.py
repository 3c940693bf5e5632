r"""Ten coefficients on three or four levels: how far methods end from the optimum, known by enumeration.

Claims
------
C31: ProxQuant outperforms the straight-through estimator (STE) on a linear model: the loss of its last
iterate is nearer to the least one over all coefficient vectors on the levels (C31/linear). Rounding the
least-squares fit afterwards ends nearer still (C31/linear-rounding).

Source
------
[ProxQuant] low bits; [PARQ] low bits. It is of deep networks; this is the same statement of a linear model.

Setting
-------
The diabetes data (442 × 10), standardised. Three and four levels, the optimal ones of the least-squares
coefficients, and all 3^10 and 4^10 vectors enumerated. 20 normal starts of the size of the least-squares
coefficients, 29 epochs of 14 batches. Each method has nine settings: the step 0.02, 0.06 or 0.2, and a second
number, for STE that steps are constant, like 1/√t or like 1/t after ten batches (otherwise like 1/√t), for
PARQ and BinaryRelax the fraction 0.1, 0.5 or 0.75 of hard epochs, for ProxQuant the rate 0.03, 0.1 or 0.3,
for AProx, with chords, the strength 0.01, 0.03 or 0.1; the solution with all rows has nine strengths from
0.001 to 1. The one with the least mean excess over ten other starts is taken. Coefficients off the levels
are rounded.

Prediction
----------
The eager method converges, and the lazy one goes on changing levels, so that its last iterate is a matter of
chance; its best one is not. Nothing is proved of how near to the optimum any of them ends.

Falsified by
------------
A sign test over the starts with a probability above 1 % that STE is as often the nearer one: a strength
that holds all coefficients where they begin, `300 * ProxQuant.amounts` violates C31/linear. A mean excess
of rounding above that of ProxQuant with 99 % confidence: `rounded(w=0.3 * w)` violates C31/linear-rounding.
A run is evidence if its excess over the enumerated optimum is not negative.

Control
-------
Rows with uncorrelated columns, and targets that coefficients on the levels fit exactly: both methods find
them (C31/linear). The last iterate of
STE in place of rounding (C31/linear-rounding).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from sklearn.datasets import load_diabetes

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.low_bits import exact_optimum_figure
from experiments.low_bits.methods import (
    BATCH_PAR,
    METHODS,
    Budget,
    FloatArray,
    Method,
    Setting,
    best_setting,
    fitted,
    polished,
)
from experiments.measure.columns import Column
from experiments.measure.intervals import upper_limit
from parlin import LeastSquares
from parlin.quantizers import nearest, optimal_levels
from parlin.solvers import ProxQuant

EAGER, LAST, ROUNDING = ProxQuant.__name__, "STE, last", "rounding"
# Of a sign test.
PROBABILITY = 0.01
NEGATIVE = -1e-12


@dataclass(frozen=True)
class Config:
    n_levels: tuple[int, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    tuning_seeds: tuple[int, ...]
    epochs: int = 29
    batch_size: int = 32

    @classmethod
    def full(cls) -> Config:
        return cls((3, 4), (*METHODS, "batch PAR"), tuple(range(300, 320)), tuple(range(100, 110)))

    @classmethod
    def smoke(cls) -> Config:
        return cls((4,), (LAST, EAGER), tuple(range(300, 320)), (100, 101, 102))


class Outcome(NamedTuple):
    """Excess of the loss over the optimum, one for each start; after polishing as well."""

    excess: FloatArray
    polished: FloatArray
    setting: Setting | None


def run(config: Config) -> tuple[Evidence, ...]:
    X, y = load_diabetes(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    least_squares = np.linalg.lstsq(X, y)[0]
    inside, exact, rounding, lazy = (Column.empty() for _ in range(4))
    table: dict[str, dict[str, object]] = {}
    for K in config.n_levels:
        levels = optimal_levels(least_squares, K)
        loss = LeastSquares(X, y)
        found = _outcomes(config, loss, levels, least_squares)
        white = np.linalg.qr(X)[0] * np.sqrt(y.size)
        on_levels = LeastSquares(white, white @ nearest(least_squares, levels))
        settings = {name: outcome.setting for name, outcome in found.items()}
        optimum = least_loss(on_levels, levels)
        without_noise = {
            name: _excess(config, METHODS[name], settings[name], on_levels, levels, least_squares, optimum)
            for name in (EAGER, LAST)
        }
        _compare(inside, found[EAGER], found[LAST])
        _compare(exact, without_noise[EAGER], without_noise[LAST])
        for column, other in ((rounding, ROUNDING), (lazy, LAST)):
            difference = found[other].excess - found[EAGER].excess
            column.add(upper_limit(difference), 0.0, _sound(found[other], found[EAGER]))
        table[str(K)] = {name: outcome._asdict() for name, outcome in found.items()}
    return _claims(config, inside, exact, rounding, lazy, table)


def _outcomes(
    config: Config, loss: LeastSquares, levels: FloatArray, least_squares: FloatArray
) -> Mapping[str, Outcome]:
    optimum = least_loss(loss, levels)
    w = rounded(least_squares, levels)
    after = loss.value(w) - optimum, loss.value(polished(loss, levels, w)) - optimum
    once = np.ones(len(config.seeds))
    found = {ROUNDING: Outcome(after[0] * once, after[1] * once, None)}
    for name in config.methods:
        method = (METHODS | {"batch PAR": BATCH_PAR})[name]
        other_starts = partial(_fits, config, method, loss, levels, least_squares, config.tuning_seeds)
        setting = best_setting(method, lambda s, fits=other_starts: [loss.value(w) for w in fits(s)])
        found[name] = _excess(config, method, setting, loss, levels, least_squares, optimum)
    return found


def rounded(w: FloatArray, levels: FloatArray) -> FloatArray:
    """The nearest levels."""
    return nearest(w, levels)


def _fits(
    config: Config, method: Method, loss: LeastSquares, levels: FloatArray, least_squares: FloatArray,
    seeds: Sequence[int], setting: Setting,
) -> list[FloatArray]:  # fmt: skip
    size = least_squares.std()
    starts = [size * np.random.default_rng(seed).standard_normal(least_squares.size) for seed in seeds]
    budgets = [Budget(config.epochs, config.batch_size, *each) for each in zip(starts, seeds, strict=True)]
    return [fitted(method, loss, levels, setting, budget) for budget in budgets]


def _excess(
    config: Config, method: Method, setting: Setting, loss: LeastSquares, levels: FloatArray,
    least_squares: FloatArray, optimum: float,
) -> Outcome:  # fmt: skip
    fits = _fits(config, method, loss, levels, least_squares, config.seeds, setting)
    excess = np.array([loss.value(w) for w in fits]) - optimum
    after = np.array([loss.value(polished(loss, levels, w)) for w in fits]) - optimum
    return Outcome(excess, after, setting)


def least_loss(loss: LeastSquares, levels: FloatArray) -> float:
    """The least loss over all vectors of levels: one half of the coefficients against the other."""
    X, y = loss.design.X, loss.y
    half = X.shape[1] // 2
    H, b = X.T @ X / y.size, X.T @ y / y.size
    first = np.array(list(product(levels, repeat=half)))
    second = np.array(list(product(levels, repeat=X.shape[1] - half)))

    def alone(w: FloatArray, part: slice) -> FloatArray:
        return 0.5 * np.sum((w @ H[part, part]) * w, axis=1) - w @ b[part]

    left, right = slice(0, half), slice(half, None)
    every = alone(first, left)[:, None] + alone(second, right) + first @ H[left, right] @ second.T
    i, j = np.unravel_index(np.argmin(every), every.shape)
    return loss.value(np.concatenate((first[i], second[j])))


def _sound(*outcomes: Outcome) -> bool:
    return all(bool(np.all(outcome.excess >= NEGATIVE)) for outcome in outcomes)


def _compare(column: Column, eager: Outcome, lazy: Outcome) -> None:
    """The probability of so many starts in favour of the eager method, were both as good."""
    differ = np.abs(lazy.excess - eager.excess) > -NEGATIVE
    wins, count = int(np.sum((lazy.excess > eager.excess) & differ)), int(differ.sum())
    probability = stats.binomtest(wins, count, alternative="greater").pvalue if count else 1.0
    column.add(probability, PROBABILITY, _sound(eager, lazy))


def _claims(
    config: Config, inside: Column, exact: Column, rounding: Column, lazy: Column,
    table: dict[str, dict[str, object]],
) -> tuple[Evidence, ...]:  # fmt: skip
    means = "; ".join(
        f"{K} levels: "
        + ", ".join(f"{name} {np.mean(outcome['excess']):.4f}" for name, outcome in of.items())
        for K, of in table.items()
    )
    starts = len(config.seeds)
    return (
        Evidence(
            claim="C31/linear",
            statement="On the diabetes data with 3 and 4 levels the last iterate of ProxQuant has a loss "
            f"nearer to the enumerated optimum than that of STE (sign test over {starts} starts, 1 %).",
            source="[ProxQuant] low bits",
            standing=Standing.MADE_PRECISE,
            remark=f"It is of networks. Mean excess of the loss by method, polishing left aside: {means}.",
            relation="<=",
            **inside._asdict(),
            control=Control(
                outside="Uncorrelated columns, and coefficients on the levels that fit exactly.",
                **exact._asdict(),
            ),
            table=table,
        ),
        Evidence(
            claim="C31/linear-rounding",
            statement="On the same data and levels the least-squares fit, rounded afterwards, has a lower "
            f"loss than the mean of the last iterates of ProxQuant over {starts} starts (99 % limit).",
            source="[ProxQuant] low bits",
            standing=Standing.MADE_PRECISE,
            remark="It does not compare with rounding to optimal levels.",
            relation="<=",
            **rounding._asdict(),
            control=Control(outside="The last iterate of STE in place of rounding.", **lazy._asdict()),
        ),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    exact_optimum_figure.draw(evidence, figure)
