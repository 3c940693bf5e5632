r"""Lloyd's algorithm in one dimension: levels that a start leads to, which need not be the best ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from parlin._arguments import whole
from parlin._types import FloatArray
from parlin.quantizers.rounding import checked_values, nearest


def lloyd_levels(
    values: ArrayLike, start: ArrayLike, max_iter: int = 100, *, sample_weight: ArrayLike | None = None
) -> FloatArray:
    r"""Levels at the means of the values that are rounded to them, found by Lloyd's algorithm from `start`.

    A local minimum only: `optimal_levels` finds the best levels.  This one follows them when values change a
    little.

    Parameters
    ----------
    values : array of shape (m,) or (rows, m)
    start : array of shape (K,) or (rows, K)
        Increasing levels; a level that no value is rounded to stays.
    max_iter : int, default=100
        Rounds at most; they end when no level moves.
    sample_weight : array of the shape of `values`, optional

    Raises
    ------
    ValueError, TypeError
        As for `nearest`, or if `max_iter` is negative.
    """
    values, weights = checked_values(values, sample_weight)
    whole("max_iter", max_iter, low=0)
    nearest(values, start)  # checks the start
    levels = np.array(start, dtype=np.float64)
    if values.ndim == 1:
        return _lloyd(values, weights, levels, max_iter)
    starts = np.broadcast_to(levels, (values.shape[0], levels.shape[-1]))
    weighted = np.ones(values.shape) if weights is None else weights
    return np.stack([_lloyd(*row, max_iter) for row in zip(values, weighted, starts, strict=True)])


def _lloyd(values: FloatArray, weights: FloatArray | None, start: FloatArray, max_iter: int) -> FloatArray:
    weights = np.ones(values.size) if weights is None else weights / weights.max()
    # A power of 2 changes no digit and keeps sums finite.
    exponent = int(np.frexp(max(np.abs(values).max(), np.abs(start[np.isfinite(start)]).max()))[1])
    values, levels = np.ldexp(values, -exponent), np.ldexp(start[np.isfinite(start)], -exponent)
    centre, moves = float(values.mean()), False
    for _ in range(max_iter):
        code = np.searchsorted(0.5 * levels[1:] + 0.5 * levels[:-1], values, side="right")
        mass = np.bincount(code, weights, levels.size)
        sums = np.bincount(code, weights * (values - centre), levels.size)
        means = centre + np.divide(sums, mass, out=np.zeros(mass.size), where=mass > 0)
        moved = np.where(mass > 0, means, levels)
        if np.array_equal(moved, levels) or not np.all(np.diff(moved) > 0):
            break
        levels, moves = moved, True
    return np.concatenate((np.ldexp(levels, exponent), start[levels.size :])) if moves else start.copy()
