"""One-sided confidence limits of means over independent repetitions, by Student's t."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.99


def half_width(values: ArrayLike) -> NDArray[np.float64]:
    """How far either limit of the mean over the first axis is from it; each limit alone has `CONFIDENCE`."""
    values = np.asarray(values, dtype=float)
    count = values.shape[0]
    return stats.t.ppf(CONFIDENCE, count - 1) * values.std(axis=0, ddof=1) / np.sqrt(count)


def lower_limit(values: ArrayLike) -> float:
    """What the mean is above, with confidence `CONFIDENCE`."""
    return float(np.mean(values) - half_width(values))


def upper_limit(values: ArrayLike) -> float:
    """What the mean is below, with confidence `CONFIDENCE`."""
    return float(np.mean(values) + half_width(values))
