"""Confidence intervals and limits of means over independent repetitions, all by Student's t."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

TWO_SIDED = 0.95
ONE_SIDED = 0.99


@dataclass(frozen=True)
class MeanInterval:
    """The mean of independent draws, its standard error, and half the length of its 95 % interval."""

    mean: float
    error: float
    half: float

    @classmethod
    def of(cls, draws: ArrayLike) -> Self:
        """The interval of at least two draws."""
        values = np.asarray(draws, dtype=np.float64)
        error = float(values.std(ddof=1)) / values.size**0.5
        return cls(float(values.mean()), error, two_sided_quantile(values.size) * error)

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half


def two_sided_quantile(n_draws: int) -> float:
    """Half the length of the 95 % interval of a mean of so many draws, in standard errors."""
    return float(stats.t.ppf((1 + TWO_SIDED) / 2, n_draws - 1))


def half_width(values: ArrayLike) -> FloatArray:
    """How far either limit of the mean over the first axis is from it; each limit alone has 99 %."""
    values = np.asarray(values, dtype=float)
    count = values.shape[0]
    return stats.t.ppf(ONE_SIDED, count - 1) * values.std(axis=0, ddof=1) / np.sqrt(count)


def mean_and_half_width(values: ArrayLike) -> dict[str, FloatArray]:
    """The mean over the first axis, and `half_width`."""
    values = np.asarray(values, dtype=float)
    return {"mean": values.mean(axis=0), "half_width": half_width(values)}


def lower_limit(values: ArrayLike) -> float:
    """The number that the mean is above with a confidence of 99 %."""
    return float(np.mean(values) - half_width(values))


def upper_limit(values: ArrayLike) -> float:
    """The number that the mean is below with a confidence of 99 %."""
    return float(np.mean(values) + half_width(values))


def corrected_resampled(values: ArrayLike, test_over_training: float) -> float:
    """How far the one-sided 95 % limit of a mean over resampled cuts is from it.

    Cuts that share training rows are correlated; the variance of the mean is raised by the number of test
    rows over that of training rows (Nadeau and Bengio 2003), 0 for cuts that share none.
    """
    values = np.asarray(values, dtype=np.float64)
    quantile = stats.t.ppf(TWO_SIDED, values.size - 1)
    return float(quantile * values.std(ddof=1) * np.sqrt(1 / values.size + test_over_training))


def jackknife(statistic: Callable[[FloatArray], float], rows: FloatArray) -> tuple[float, float]:
    """The statistic of all rows, and half the length of its 95 % interval by leaving out each row in turn."""
    count = rows.shape[0]
    without = np.array([statistic(np.delete(rows, k, axis=0)) for k in range(count)])
    error = np.sqrt((count - 1) * np.mean((without - without.mean()) ** 2))
    return statistic(rows), float(two_sided_quantile(count) * error)
