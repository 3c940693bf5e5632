"""Proximal gradient in NumPy, and the same with the proximal map as a Python loop.

The loop, one call a coordinate, is what a direct transcription of [PAR] Eq. 23 looks like and what the
published research programs do.  For convex penalties without a box.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from parlin import PAR

FloatArray = NDArray[np.float64]
Prox = Callable[[FloatArray], FloatArray]


def iterates(
    X: FloatArray, y: FloatArray, prox: Prox, step: float, accelerated: bool
) -> Iterator[FloatArray]:
    """The iterates from zero on; accelerated ones forget their momentum when it points uphill."""
    w = extrapolated = np.zeros(X.shape[1])
    momentum = 1.0
    while True:
        yield w
        last = w
        w = prox(extrapolated - step / len(y) * (X.T @ (X @ extrapolated - y)))
        if not accelerated or (extrapolated - w) @ (w - last) > 0:
            extrapolated, momentum = w, 1.0
        else:
            following = 0.5 * (1 + (1 + 4 * momentum**2) ** 0.5)
            extrapolated = w + (momentum - 1) / following * (w - last)
            momentum = following


def longest_step(X: FloatArray) -> float:
    """The longest step of plain proximal gradient, ``n / ‖X‖²``."""
    gram = X.T @ X if X.shape[0] > X.shape[1] else X @ X.T
    return X.shape[0] / float(np.linalg.eigvalsh(gram)[-1])


def vectorised(penalty: PAR, step: float) -> Prox:
    """The proximal map of a whole array."""
    edges = np.concatenate(([-np.inf], penalty.levels, [np.inf]))
    shifts = step * penalty.slopes
    thresholds = penalty.levels + 0.5 * (shifts[1:] + shifts[:-1])

    def prox(v: FloatArray) -> FloatArray:
        cell = np.searchsorted(thresholds, v)
        return np.clip(v - shifts[cell], edges[cell], edges[cell + 1])

    return prox


def looped(penalty: PAR, step: float) -> Prox:
    """The same map, coordinate by coordinate."""
    levels, shifts = penalty.levels.tolist(), (step * penalty.slopes).tolist()
    lower = [level + shift for level, shift in zip(levels, shifts, strict=False)]
    upper = [level + shift for level, shift in zip(levels, shifts[1:], strict=True)]

    def prox_of_one(v: float) -> float:
        k = bisect_left(upper, v)
        if k < len(levels) and v >= lower[k]:
            return levels[k]
        return v - shifts[k]

    return lambda v: np.array([prox_of_one(x) for x in v.tolist()])
