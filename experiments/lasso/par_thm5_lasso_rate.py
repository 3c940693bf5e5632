r"""The error of PAR-Lasso has the Lasso's rate: √s, 1/√n and σ, with the probability that theory predicts.

Claims
------
C8: the mean error grows as √s, as 1/√n and as σ (C8/rates). The event on which the bounds of Theorem 5
hold is at least as likely as predicted (C8/event), and no likelier for orthogonal columns
(C8/event-attained).

Source
------
[PAR] Theorem 5; theory 5 and 5.1.

Setting
-------
The event is ‖X'ξ‖_∞/n <= α a_0/2, for ξ ~ N(0, σ² I) and α = 2σ/a_0 √(2 log(2d/δ)/n)
(`theory.lasso_alpha`). Its frequency: thousands of draws of the noise for each design and several δ.
The rates: independent columns with ‖X_j‖² = n, s coefficients of sizes 1 to 2 off the grid, Lasso
chords (slopes 1 + k/20, spacing 1/2), the strength above with δ = 1/20; s, n and σ vary one at a time,
with 50 seeds each. Next to PAR-Lasso stand the Lasso at the same strength and the Lasso rounded to the
grid. Fits are evidence if their gradients are within 1e-8 of the smallest slope of criticality, and the
first of each sweep is no worse than cvxpy's.

Prediction
----------
`theory.noise_event_probability` (Šidák's inequality; an identity for orthogonal columns). The mean of
‖w - w*‖_2 has the exponents 1/2 in s, -1/2 in n and 1 in σ, each within a tenth, its 95 per cent
interval (by leaving out one seed at a time) included: the bound is α (A + a_0/2) √s/κ, and A and κ
hardly change.

Falsified by
------------
A frequency whose 99.9 per cent interval (Clopper and Pearson) lies below the predicted probability, or above
it for orthogonal columns: `theory.noise_event_probability(threshold=1.1 * threshold)` violates C8/event,
`theory.noise_event_probability(threshold=0.9 * threshold)` violates C8/event-attained; an exponent more than
a tenth from the predicted one: a strength that is 0.02 too large, `theory.lasso_alpha + 0.02` violates
C8/rates.

Control
-------
Columns twice as long; correlated columns; the Lasso rounded to the grid, whose error of rounding
neither more rows nor less noise removes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import binomtest

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.lasso import thm5_lasso_rate_figure
from experiments.lasso.error_rates import Base, Exponent, errors, exponent
from experiments.measure.intervals import MeanInterval
from experiments.measure.sparse_fit import FAILURE, PENALTIES
from experiments.problems.sparse_regression import Design, standardised
from parlin import theory

FloatArray = NDArray[np.float64]

made_precise = partial(Evidence, source="[PAR] Thm 5", standing=Standing.MADE_PRECISE)
INTERVAL = 0.999  # there are many intervals, and all are to hold
EXPONENTS = {"size": 0.5, "n": -0.5, "noise": 1.0}
NEARNESS = 0.1  # of an exponent to the predicted one
ESTIMATES = ("par", "lasso", "rounded_lasso")


@dataclass(frozen=True)
class Config:
    designs: tuple[Design, ...]
    correlated: tuple[Design, ...]
    orthogonal: tuple[Design, ...]
    failures: tuple[float, ...]
    draws: int
    draw_seed: int
    base: Base
    size_values: tuple[int, ...]
    n_values: tuple[int, ...]
    noise_values: tuple[float, ...]
    seeds: tuple[int, ...]

    @classmethod
    def full(cls) -> Config:
        return cls(
            designs=((50, 100, "normal"), (200, 50, "normal")),
            correlated=((50, 100, "ar"), (200, 50, "ar")),
            orthogonal=((50, 50, "orthogonal"), (200, 50, "orthogonal")),
            failures=(0.05, 0.2, 0.5, 0.9),
            draws=4000,
            draw_seed=0,
            base=Base(n=400, d=50, size=4, noise=0.5, failure=FAILURE),
            size_values=(1, 2, 4, 8, 16),
            n_values=(100, 200, 400, 800, 1600),
            noise_values=(0.05, 0.1, 0.2, 0.4, 0.8),
            seeds=tuple(range(50)),
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            designs=((30, 50, "normal"),),
            correlated=((30, 50, "ar"),),
            orthogonal=((30, 30, "orthogonal"),),
            failures=(0.2, 0.9),
            draws=500,
            draw_seed=0,
            base=Base(n=200, d=20, size=2, noise=0.25, failure=FAILURE),
            size_values=(1, 2, 4),
            n_values=(100, 200, 400),
            noise_values=(0.1, 0.2, 0.4),
            seeds=tuple(range(12)),
        )


def run(config: Config) -> tuple[Evidence, ...]:
    return (*_event(config), _rates(config))


def _event(config: Config) -> tuple[Evidence, Evidence]:
    """How often the event happens, with the interval of Clopper and Pearson."""

    def counted(kinds: Sequence[Design], stretch: float = 1.0) -> dict[str, list]:
        columns = {name: [] for name in ("design", "predicted", "frequency", "low", "high")}
        for n, d, entries in kinds:
            X = stretch * standardised(n, d, entries, config.draw_seed)
            noise = np.random.default_rng([config.draw_seed, 3]).standard_normal((config.draws, n))
            force = np.abs(noise @ X).max(axis=1) / n
            for failure in config.failures:
                threshold = theory.lasso_alpha(1.0, n, d, failure) / 2
                happened = int(np.count_nonzero(force <= threshold))
                interval = binomtest(happened, config.draws).proportion_ci(INTERVAL, method="exact")
                predicted = theory.noise_event_probability(threshold, 1.0, n, d)
                row = (f"{n} × {d} {entries}", predicted, happened / config.draws, *interval)
                for column, value in zip(columns.values(), row, strict=True):
                    column.append(value)
        return columns

    def points(columns: dict[str, list], end: str) -> dict[str, list]:
        return {
            "measured": columns[end],
            "bound": columns["predicted"],
            "certified": [True] * len(columns[end]),
        }

    sharp, correlated = counted(config.orthogonal), counted(config.correlated)
    every = counted([*config.designs, *config.correlated, *config.orthogonal])
    likely = made_precise(
        claim="C8/event",
        statement="The noise is small enough at least as often as theory predicts.",
        remark="It names no strength; the union bound's α = 2σ/a_0 √(2 log(2d/δ)/n) is taken here.",
        relation=">=",
        **points(every, "high"),
        control=Control(
            outside="The columns are twice as long.", **points(counted(config.designs, 2.0), "high")
        ),
        table=every,
    )
    attained = made_precise(
        claim="C8/event-attained",
        statement="With orthogonal columns the noise is small enough no more often than predicted.",
        remark="It names no probability; this one cannot be improved.",
        relation="<=",
        **points(sharp, "low"),
        control=Control(outside="The columns are correlated.", **points(correlated, "low")),
        table=sharp,
    )
    return likely, attained


def _rates(config: Config) -> Evidence:
    penalty = PENALTIES["Lasso chords"]
    values = {"size": config.size_values, "n": config.n_values, "noise": config.noise_values}
    found = {swept: errors(config.base, penalty, swept, values[swept], config.seeds) for swept in values}
    fitted = {
        swept: {name: exponent(values[swept], getattr(found[swept], name)) for name in ESTIMATES}
        for swept in values
    }

    def deviation(swept: str, of: Exponent) -> float:
        return abs(of.value - EXPONENTS[swept]) + of.half_width

    return made_precise(
        claim="C8/rates",
        statement="The mean error grows as √s, as 1/√n and as σ.",
        remark="It gives the rate as an upper bound; the mean error of these designs follows it.",
        relation="<=",
        measured=[deviation(swept, fitted[swept]["par"]) for swept in values],
        bound=NEARNESS,
        certified=[found[swept].certified for swept in values],
        control=Control(
            outside="The Lasso rounded to the grid, as n and as σ vary.",
            measured=[deviation(swept, fitted[swept]["rounded_lasso"]) for swept in ("n", "noise")],
            bound=NEARNESS,
            certified=[found[swept].certified for swept in ("n", "noise")],
        ),
        table={
            swept: {
                "values": values[swept],
                "predicted": EXPONENTS[swept],
                "excess_over_cvxpy": found[swept].excess_over_cvxpy,
                "exponent": {name: fitted[swept][name]._asdict() for name in ESTIMATES},
                **{name: _means(getattr(found[swept], name)) for name in ESTIMATES},
            }
            for swept in values
        },
    )


def _means(samples: FloatArray) -> dict[str, list[float]]:
    """The mean of each column and half the length of its interval."""
    intervals = [MeanInterval.of(column) for column in samples.T]
    return {"mean": [one.mean for one in intervals], "half_width": [one.half for one in intervals]}


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm5_lasso_rate_figure.draw(evidence, figure)
