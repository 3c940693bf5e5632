"""A mean over repetitions with its 95 % confidence interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class MeanInterval:
    """The mean of independent draws, its standard error, and half the length of Student's interval."""

    mean: float
    error: float
    half: float

    @classmethod
    def of(cls, draws: ArrayLike) -> Self:
        """The interval of at least two draws."""
        values = np.asarray(draws, dtype=np.float64)
        error = float(values.std(ddof=1)) / values.size**0.5
        quantile = float(stats.t.ppf((1 + _CONFIDENCE) / 2, values.size - 1))
        return cls(float(values.mean()), error, quantile * error)

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half
