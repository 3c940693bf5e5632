r"""The convex conjugate ``ψ*`` of a piecewise-affine penalty, and the Fenchel-Young terms of duality gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from parlin._types import FloatArray
from parlin.penalty.piecewise import cells

if TYPE_CHECKING:
    from parlin.penalty.par import PAR


def conjugate(penalty: PAR, p: ArrayLike) -> FloatArray:
    """`PAR.conjugate`: the maximum over x is attained at a level that supports the slope p."""
    p = np.asarray(p, dtype=np.float64)
    feasible = (p >= penalty.slopes[0]) & (p <= penalty.slopes[-1])
    if penalty.levels.size == 0:
        return np.where(feasible, 0.0, np.inf)
    best = penalty.envelope.supporting_level(p)
    return np.where(feasible, p * penalty.levels[best] - penalty.value(penalty.levels)[best], np.inf)


def fenchel_young(penalty: PAR, w: ArrayLike, p: ArrayLike) -> FloatArray:
    """`PAR.fenchel_young`: slope times distance from the supporting level where w is in a cell next to it."""
    w, p = np.broadcast_arrays(np.asarray(w, dtype=np.float64), np.asarray(p, dtype=np.float64))
    levels, slopes = penalty.levels, penalty.slopes
    feasible = (p >= slopes[0]) & (p <= slopes[-1])
    if levels.size == 0:
        return np.where(feasible, 0.0, np.inf)
    best = penalty.envelope.supporting_level(p)
    level = levels[best]
    cell = cells(levels, w)[0]
    distant = (w != level) & ~(((cell == best) | (cell == best + 1)) & np.isfinite(slopes[cell]))
    with np.errstate(invalid="ignore"):
        gap = np.where(w == level, 0.0, (slopes[cell] - p) * (w - level))
    if distant.any():
        far, support = w[distant], level[distant]
        gap[distant] = penalty.value(far) - penalty.value(support) - p[distant] * (far - support)
    return np.where(feasible, gap, np.inf)
