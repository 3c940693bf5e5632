r"""The proximal objective by enumeration: every point that can be its minimiser is tried."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from parlin._types import FloatArray
from parlin.penalty import PAR


def prox_brute_force(penalty: PAR, v: ArrayLike, step: float) -> FloatArray:
    """The least value of ``½(x − v)² + step ψ(x)`` over x, for each entry of `v`.

    On every cell the objective is a parabola, so its minimum over the cell is at the vertex or at an
    end of the cell: all of them are tried.
    """
    v = np.asarray(v, dtype=np.float64).reshape(-1, 1)
    edges = np.concatenate(([-np.inf], penalty.levels, [np.inf]))
    finite = np.flatnonzero(np.isfinite(penalty.slopes))
    vertex = np.clip(v - step * penalty.slopes[finite], edges[finite], edges[finite + 1])
    candidates = np.concatenate((vertex, np.tile(penalty.levels, (v.shape[0], 1))), axis=1)
    return np.min(0.5 * (candidates - v) ** 2 + step * penalty.value(candidates), axis=1)
