r"""Linear models with few levels on real data: trained on the levels, or rounded to them afterwards.

Claims
------
C31: methods that train with few bits are competitive with rounding afterwards or better. On the digits at
two, three and four levels the one that did best on other splits has a lower test error
(C31/against-rounding); so has rounding that is polished by moves of single coefficients
(C31/polished-rounding). With sixteen levels there is next to no degradation (C31/sixteen-levels).

Source
------
[PARQ] and [ProxQuant] low bits: "competitive or superior", "mild degradation", "on par" with many bits. They
are of deep networks.

Setting
-------
The digits as numbers to predict from 61 pixels (1797 rows) and the diabetes data (442 × 10), standardised;
two thirds of the rows to train on, drawn anew in each of 20 splits. Levels are the optimal ones of a ridge
fit of strength 0.01: two (one bit), three, four (two bits), and for the digits sixteen (four bits); ten
coefficients need no more than ten. All methods begin at that fit, with 30 passes in batches of 32 rows; the
solution with all rows has as many as it takes. Each has nine settings, those of `methods.METHODS`: three
steps, 0.02, 0.06 and 0.2, and three values of a second number, or nine strengths from 0.001 to 1 for the
solution with all rows; the one of least mean test error on three other splits is taken. Errors of one split
are compared by the logarithm of their ratio. Limits are of means over splits of these very data, not over
data sets: splits have rows in common, those that settings are chosen on as well, and with Nadeau and Bengio's
correction for that the limit of training against rounding is below 0 at two levels alone (−0.02), and that of
polished rounding at none; that of sixteen levels is above a fiftieth (0.022).

Prediction
----------
Nothing is proved of test errors. Rounding to two levels leaves the loss far from its least value on them, so
that there is something to gain; a sixteenth level rounds by little.

Falsified by
------------
An upper limit of 99 % above 0: levels of training that are twice as far apart, `methods.fitted(levels=2 *
levels)` violates C31/against-rounding and C31/sixteen-levels; levels of the polished fit that are too near
to one another, `methods.polished(levels=0.2 * levels)` violates C31/polished-rounding. A point is evidence
if the fits have no more distinct coefficients than levels.

Control
-------
Rounding that is polished (C31/against-rounding); the last iterate of PARQ in place of it
(C31/polished-rounding); two levels (C31/sixteen-levels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.low_bits import low_bits_figure
from experiments.low_bits.methods import BATCH_PAR, METHODS, FloatArray, Setting, best_setting
from experiments.low_bits.splits import Name, rounded_errors, split, trained_errors
from experiments.measure.columns import Column
from experiments.measure.intervals import half_width, lower_limit, upper_limit

ROUNDING, LAST = "rounding", "PARQ"
BATCH = "batch PAR"
EVERY = METHODS | {BATCH: BATCH_PAR}
DEGRADED = float(np.log(1.02))


@dataclass(frozen=True)
class Config:
    studies: tuple[tuple[Name, tuple[int, ...]], ...]  # data, numbers of levels
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    tuning_seeds: tuple[int, ...]
    epochs: int
    few: tuple[int, ...]  # the numbers of levels of C31/against-rounding
    many: int = 16

    @classmethod
    def full(cls) -> Config:
        studies = (("digits", (2, 3, 4, 16)), ("diabetes", (2, 3, 4)))
        return cls(studies, tuple(EVERY), tuple(range(400, 420)), (100, 101, 102), 30, (2, 3, 4))

    @classmethod
    def smoke(cls) -> Config:
        return cls((("digits", (2, 16)),), ("STE, best", LAST), tuple(range(400, 415)), (100,), 20, (2,))


class Compared(NamedTuple):
    """Test errors over the splits, at the end of training and polished, by method; and the one chosen."""

    end: Mapping[str, FloatArray]
    polished: Mapping[str, FloatArray]
    settings: Mapping[str, Setting]
    chosen: str  # the trained method of least error on the other splits
    unquantized: FloatArray
    sound: bool


def run(config: Config) -> tuple[Evidence, ...]:
    found = {(name, K): _compare(config, name, K) for name, widths in config.studies for K in widths}
    table = _table(found, config.epochs)
    return _against_rounding(config, found, table), _polished_rounding(config, found), _many(config, found)


def _compare(config: Config, name: Name, K: int) -> Compared:
    splits = [split(name, seed) for seed in config.seeds]
    others = [split(name, seed) for seed in config.tuning_seeds]
    errors = {ROUNDING: [rounded_errors(data, K) for data in splits]}
    settings, tuned = {}, {}
    for label in config.methods:
        method = EVERY[label]

        def cost(setting: Setting, method=method) -> list[float]:
            return [trained_errors(data, K, method, setting, config.epochs).end for data in others]

        settings[label] = best_setting(method, cost)
        tuned[label] = float(np.mean(cost(settings[label])))
        errors[label] = [trained_errors(data, K, method, settings[label], config.epochs) for data in splits]
    return Compared(
        {label: np.array([each.end for each in of]) for label, of in errors.items()},
        {label: np.array([each.polished for each in of]) for label, of in errors.items()},
        settings,
        min(tuned, key=tuned.get),
        np.array([data.error(data.unquantized) for data in splits]),
        all(each.sound for of in errors.values() for each in of),
    )


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(filter(None, (", ".join(map(str, numbers[:-1])), str(numbers[-1]))))


def _log_ratio(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.log(first / second)


def _table(found: Mapping[tuple[Name, int], Compared], epochs: int) -> dict[str, list[object]]:
    """Errors relative to those of rounding, with the 99 % limits of their means, a line for each fit.

    Passes are those of training; None where a certificate ends it.
    """
    rows, passes = [], {ROUNDING: 0, BATCH: None}
    for (name, K), compared in found.items():
        base = compared.end[ROUNDING]
        for label, kind in product(compared.end, ("end", "polished")):
            errors = getattr(compared, kind)[label]
            ratio = _log_ratio(errors, base)
            rows.append(
                {
                    "data": name,
                    "levels": K,
                    "bits per coefficient": float(np.log2(K)),
                    "passes": passes.get(label, epochs),
                    "method": label,
                    "fit": kind,
                    "setting": compared.settings.get(label),
                    "error": errors.mean(),
                    "unquantized": compared.unquantized.mean(),
                    "log ratio": ratio.mean(),
                    "half width": half_width(ratio),
                    "chosen": label == compared.chosen,
                }
            )
    return {key: [row[key] for row in rows] for key in rows[0]}


def _against_rounding(
    config: Config, found: Mapping[tuple[Name, int], Compared], table: dict[str, list[object]]
) -> Evidence:
    inside, outside, chosen = Column.empty(), Column.empty(), []
    for K in config.few:
        compared = found["digits", K]
        trained = compared.end[compared.chosen]
        chosen.append(f"{compared.chosen} at {K}")
        for column, rounding in ((inside, compared.end[ROUNDING]), (outside, compared.polished[ROUNDING])):
            column.add(upper_limit(_log_ratio(trained, rounding)), 0.0, compared.sound)
    means = "; ".join(
        f"{name}, {K} levels: rounding {compared.end[ROUNDING].mean():.3f}, polished "
        f"{compared.polished[ROUNDING].mean():.3f}, unquantized {compared.unquantized.mean():.3f}, "
        f"{compared.chosen} {compared.end[compared.chosen].mean():.3f}"
        for (name, K), compared in found.items()
    )
    return Evidence(
        claim="C31/against-rounding",
        statement=f"On the digits at {_listed(config.few)} levels the method that did best on other splits "
        "has a lower test error than rounding afterwards, by the 99 % limit of the mean over "
        f"{len(config.seeds)} splits of these data, taken as independent.",
        source="[PARQ] low bits; [ProxQuant] low bits",
        standing=Standing.MADE_PRECISE,
        remark=f"It says competitive or superior, of networks. The methods were {', '.join(chosen)} levels. "
        f"Mean test errors: {means}. Splits share rows: of other data the interval says nothing, and with "
        "a correction for shared rows only two levels are decided.",
        relation="<=",
        **inside._asdict(),
        control=Control(outside="Rounding that is polished.", **outside._asdict()),
        table=table,
    )


def _polished_rounding(config: Config, found: Mapping[tuple[Name, int], Compared]) -> Evidence:
    inside, outside = Column.empty(), Column.empty()
    for K in config.few:
        compared = found["digits", K]
        for column, errors in ((inside, compared.polished[ROUNDING]), (outside, compared.end[LAST])):
            column.add(upper_limit(_log_ratio(errors, compared.end[ROUNDING])), 0.0, compared.sound)
    return Evidence(
        claim="C31/polished-rounding",
        statement=f"On the digits at {_listed(config.few)} levels moves of single coefficients lower the "
        f"test error of rounding afterwards, by the 99 % limit of the mean over {len(config.seeds)} splits "
        "of these data, taken as independent.",
        source="[PARQ] low bits; [ProxQuant] low bits",
        standing=Standing.MADE_PRECISE,
        remark="They compare with rounding that is not polished. Splits share rows; with a correction for "
        "that no difference here is decided.",
        relation="<=",
        **inside._asdict(),
        control=Control(
            outside="The last iterate of PARQ in place of polished rounding.", **outside._asdict()
        ),
    )


def _many(config: Config, found: Mapping[tuple[Name, int], Compared]) -> Evidence:
    inside, outside = Column.empty(), Column.empty()
    for column, K in ((inside, config.many), (outside, 2)):
        compared = found["digits", K]
        ratio = _log_ratio(compared.end[compared.chosen], compared.unquantized)
        column.add(max(upper_limit(ratio), -lower_limit(ratio)), DEGRADED, compared.sound)
    return Evidence(
        claim="C31/sixteen-levels",
        statement="On the digits with 16 levels the test error of the method that did best on other splits "
        f"is within a fiftieth of the unquantized one (99 % limits of the mean over "
        f"{len(config.seeds)} splits of these data, taken as independent).",
        source="[PARQ] low bits; [ProxQuant] low bits",
        standing=Standing.MADE_PRECISE,
        remark="They say mild degradation, and on par with many bits, of networks. Splits share rows; with a "
        "correction for that the limit is above a fiftieth.",
        relation="<=",
        **inside._asdict(),
        control=Control(outside="Two levels.", **outside._asdict()),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    low_bits_figure.draw(evidence, figure)
