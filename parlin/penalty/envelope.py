r"""The convex envelope of a piecewise-affine function, and the level that supports a given slope."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from parlin._types import FloatArray, IndexArray
from parlin.penalty.piecewise import unit


class Envelope(NamedTuple):
    """The convex envelope of ψ: the levels that carry it, and its slopes between them."""

    levels: IndexArray  # indices into the levels of ψ
    slopes: FloatArray

    def supporting_level(self, p: FloatArray) -> IndexArray:
        """The index of a level where ``p x − ψ(x)`` is largest, for p between the outer slopes."""
        return self.levels[np.searchsorted(self.slopes, p)]


def convex_envelope(levels: FloatArray, slopes: FloatArray, values: FloatArray) -> Envelope:
    """The lower convex hull of the graph over the levels, where ψ takes the given values."""
    if np.all(slopes[1:] > slopes[:-1]):
        return Envelope(np.arange(levels.size), slopes[1:-1])
    x, y = (unit(levels) * levels).tolist(), (unit(values) * values).tolist()
    hull: list[int] = []
    for k in range(len(x)):
        while len(hull) >= 2:
            i, j = hull[-2], hull[-1]
            if (y[j] - y[i]) * (x[k] - x[j]) < (y[k] - y[j]) * (x[j] - x[i]):
                break
            hull.pop()
        hull.append(k)
    indices = np.array(hull, dtype=np.intp)
    return Envelope(indices, np.diff(values[indices]) / np.diff(levels[indices]))
