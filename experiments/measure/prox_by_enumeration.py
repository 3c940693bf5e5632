"""The minimum of a proximal map's objective by enumeration of levels and cells: no prox of the library."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin import PAR
from parlin.reference import prox_brute_force

FloatArray = NDArray[np.float64]

# Rounding of v − x against step times a slope, in units of the largest of the three.
_ROUNDING = 32 * np.finfo(np.float64).eps


class Minimum(NamedTuple):
    """A minimiser of ``½(x − v)² + step ψ(x)`` for each v, and whether it meets the definition."""

    x: FloatArray
    certified: NDArray[np.bool_]


def minimum(penalty: PAR, v: ArrayLike, step: float) -> Minimum:
    """The best of all levels and of the vertex of each cell's parabola, moved into the cell."""
    v = np.asarray(v, dtype=np.float64)
    candidates = _candidates(penalty, v, step)
    best = np.argmin(objective(penalty, v[:, None], step, candidates), axis=1)
    x = candidates[np.arange(v.size), best]
    return Minimum(x, is_prox(penalty, v, step, x))


def is_prox(penalty: PAR, v: FloatArray, step: float, x: FloatArray) -> NDArray[np.bool_]:
    """Whether x meets the definition of a prox value, up to rounding.

    ``v − x`` lies in step times the Clarke interval at x, and the objective is not above
    `parlin.reference.prox_brute_force`.
    """
    brute = prox_brute_force(penalty, v, step)
    least = objective(penalty, v, step, x) <= brute + _ROUNDING * np.abs(brute)
    return _critical(penalty, v, step, x) & least


def nearest_critical_point(penalty: PAR, v: ArrayLike, step: float) -> FloatArray:
    """The point x nearest to v with ``v − x`` in step times the Clarke interval: a local choice only."""
    v = np.asarray(v, dtype=np.float64)
    candidates = _candidates(penalty, v, step)
    critical = _critical(penalty, v[:, None], step, candidates)
    nearest = np.argmin(np.where(critical, np.abs(candidates - v[:, None]), np.inf), axis=1)
    return candidates[np.arange(v.size), nearest]


def objective(penalty: PAR, v: FloatArray, step: float, x: FloatArray) -> FloatArray:
    """``½(x − v)² + step ψ(x)``, entry by entry."""
    return 0.5 * (x - v) ** 2 + step * penalty.value(x)


def excess(penalty: PAR, v: FloatArray, step: float, x: FloatArray, reference: FloatArray) -> FloatArray:
    """By how much x is worse than `reference`, relative to the size of the terms of both objectives."""
    terms = [0.5 * (point - v) ** 2 + step * np.abs(penalty.value(point)) for point in (x, reference)]
    difference = objective(penalty, v, step, x) - objective(penalty, v, step, reference)
    scale = terms[0] + terms[1]
    return np.where(x == reference, 0.0, difference / np.where(scale > 0, scale, 1.0))


def deviation(penalty: PAR, v: FloatArray, step: float, x: FloatArray, reference: FloatArray) -> FloatArray:
    """How far x is from `reference`, relative to the size of v and of the shift of v."""
    return np.abs(x - reference) / np.maximum(np.abs(v) + np.abs(v - reference), np.finfo(np.float64).tiny)


def _critical(penalty: PAR, v: FloatArray, step: float, x: FloatArray) -> NDArray[np.bool_]:
    low, high = (step * end for end in penalty.subdifferential(x))
    slopes = sum(np.where(np.isfinite(end), np.abs(end), 0.0) for end in (low, high))
    slack = _ROUNDING * (np.abs(v) + np.abs(x) + slopes)
    return (v - x >= low - slack) & (v - x <= high + slack)


def _candidates(penalty: PAR, v: FloatArray, step: float) -> FloatArray:
    edges = np.concatenate(([-np.inf], penalty.levels, [np.inf]))
    cells = np.flatnonzero(np.isfinite(penalty.slopes))
    vertex = np.clip(v[:, None] - step * penalty.slopes[cells], edges[cells], edges[cells + 1])
    return np.hstack((vertex, np.tile(penalty.levels, (v.size, 1))))
