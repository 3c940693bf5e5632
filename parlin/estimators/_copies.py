r"""Rows drawn as often as their weights say."""

from __future__ import annotations

from typing import Any

import numpy as np

from parlin._types import FloatArray

# Copies are made up to so many times the rows.
_MOST = 16


def copies(X: Any, y: FloatArray, weights: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
    """Rows of weight k k times, each of weight 1; other weights rounded up to copies of equal weight.

    Rows of weight 0 are gone.  With weights of more than 16 on average, as many copies in proportion.
    """
    largest = float(weights.max())
    unit = max(1.0, largest * float(np.mean(weights / largest)) / _MOST)
    counts = np.ceil(weights / unit).astype(np.intp)
    if np.all(counts == 1):
        return X, y, weights
    rows = np.repeat(np.arange(weights.size), counts)
    return X[rows], y[rows], np.repeat(weights / np.maximum(counts, 1), counts)
