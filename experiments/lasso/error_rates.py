"""Exponents, with intervals, of mean errors in the size of the support, the rows and the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.measure.intervals import jackknife
from experiments.measure.sparse_fit import LASSO, fit
from experiments.problems.sparse_regression import Sample, gaussian_noise, sparse_truth, standardised
from parlin import PAR, theory

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Base:
    """What stays as it is while one of the three sizes is swept."""

    n: int
    d: int
    size: int
    noise: float
    failure: float


class Errors(NamedTuple):
    """Errors ``‖w − w*‖_2``, one row a seed and one column a value of the swept size."""

    par: FloatArray
    lasso: FloatArray
    rounded_lasso: FloatArray
    certified: bool  # every fit among them
    excess_over_cvxpy: float  # the larger of the two of the first seed and value


class Exponent(NamedTuple):
    """The slope of the logarithm of the mean error against that of the size."""

    value: float
    half_width: float


def errors(base: Base, penalty: PAR, swept: str, values: Sequence[float], seeds: Sequence[int]) -> Errors:
    """The errors of PAR-Lasso, of the Lasso and of the Lasso rounded to the grid as `swept` varies.

    The truths are off the grid; the strength is that of `theory.lasso_alpha` each time.
    """
    found, certified, excesses = np.empty((3, len(seeds), len(values))), True, []
    for row, seed in enumerate(seeds):
        for column, value in enumerate(values):
            n, size, noise = (
                value if swept == name else getattr(base, name) for name in ("n", "size", "noise")
            )
            sample = Sample(
                standardised(n, base.d, "normal", seed),
                sparse_truth(base.d, size, seed),
                gaussian_noise(n, noise, seed),
            )
            alpha = theory.lasso_alpha(noise, n, base.d, base.failure)
            compare = row == 0 and column == 0
            par, lasso = (fit(sample, chosen, alpha, compare=compare) for chosen in (penalty, LASSO))
            found[:, row, column] = par.l2, lasso.l2, par.rounding(lasso.w).l2
            certified = certified and par.certified and lasso.certified
            if compare:
                excesses += [par.excess, lasso.excess]
    return Errors(*found, certified, max(excesses))


def exponent(values: Sequence[float], samples: FloatArray) -> Exponent:
    """The exponent of the mean over the rows, its interval by leaving out one row at a time."""
    logarithms = np.log(values)

    def slope(rows: FloatArray) -> float:
        return float(np.polyfit(logarithms, np.log(rows.mean(axis=0)), 1)[0])

    return Exponent(*jackknife(slope, samples))
