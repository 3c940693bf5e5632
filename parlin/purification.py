r"""Purification: from any critical point to one with at most rank(X) unquantized coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin._threads import one_blas_thread
from parlin._types import FloatArray
from parlin.problem import Problem


@one_blas_thread()
def purify(problem: Problem, w: ArrayLike) -> FloatArray:
    r"""A point with the same fitted values and objective and at most ``rank(X)`` coordinates off the grid.

    Source: theory 3.4.  While the columns of the unquantized coordinates are dependent, the point
    moves along a null vector until the first coordinate meets a level and is put on it exactly.
    ``Xw``, hence the gradient, does not change, and slopes stay in their intervals, so a critical
    point stays one.  Unpenalised coordinates may move, but none counts.

    Parameters
    ----------
    problem : Problem
    w : array of shape (d,)
        A critical point, up to rounding: elsewhere the objective may change.

    Returns
    -------
    ndarray of shape (d,)
        A new array; `w` itself if the columns of its unquantized coordinates are independent already.

    Raises
    ------
    ValueError
        If `w` has the wrong shape or is not finite.

    Notes
    -----
    For a nonconvex penalty the level met may be a concave kink: the result is Clarke-critical with
    the same objective, but a local minimiser may be lost.
    """
    w = np.array(w, dtype=np.float64)
    if w.shape != (problem.size,) or not np.all(np.isfinite(w)):
        raise ValueError(f"w must be a finite array of shape ({problem.size},)")
    if problem.penalty.levels.size == 0:
        return w
    norms = problem.loss.design.column_norms
    # A null vector of k + 1 columns is enough, k the rank: only that many enter the decomposition.
    limit = problem.loss.design.most_rank + 1
    for _ in range(problem.size):
        free = problem.unquantized(w)
        zero = free[norms[free] == 0.0]
        if zero.size:
            direction = np.zeros(problem.size)
            direction[zero[0]] = 1.0
        else:
            direction = _null_direction(problem, free[:limit], problem.unpenalised, norms)
            if direction is None:
                return w
        w = _to_first_level(problem, w, direction)
    return w


def _null_direction(
    problem: Problem, free: NDArray[np.intp], others: NDArray[np.intp], norms: FloatArray
) -> FloatArray | None:
    """A direction with ``X z = 0`` that moves a coordinate of `free`, or None if there is none."""
    if free.size == 0:
        return None
    others = others[norms[others] > 0]
    chosen = np.concatenate((free, others))
    columns = problem.loss.design.columns(chosen) / norms[chosen]
    _, values, rows = np.linalg.svd(columns, full_matrices=True)
    # Rounding of the decomposition, in units of the unit-norm columns.
    threshold = max(columns.shape) * np.finfo(np.float64).eps * values[0]
    rank = min(int(np.count_nonzero(values > threshold)), problem.loss.design.most_rank)
    null = rows[rank:]
    if null.shape[0] == 0:
        return None
    best = null[np.argmax(np.linalg.norm(null[:, : free.size], axis=1))]
    if np.linalg.norm(best[: free.size]) <= threshold:
        return None
    best[np.abs(best) <= threshold] = 0.0
    direction = np.zeros(problem.size)
    direction[chosen] = best / norms[chosen]
    return direction


def _to_first_level(problem: Problem, w: FloatArray, direction: FloatArray) -> FloatArray:
    """`w` moved along ±direction to the nearest level of any moving penalised coordinate."""
    moving = np.flatnonzero((direction != 0.0) & problem.penalised & ~problem.on_level(w))
    levels = problem.penalty.levels
    padded = np.concatenate(([-np.inf], levels, [np.inf]))
    cell = np.searchsorted(levels, w[moving])
    low, high = padded[cell], padded[cell + 1]
    ahead = np.where(direction[moving] > 0, high, low)
    behind = np.where(direction[moving] > 0, low, high)
    forward = (ahead - w[moving]) / direction[moving]
    backward = (behind - w[moving]) / direction[moving]
    # Every cell has a finite end, so one of the two is finite.
    k_forward, k_backward = int(np.argmin(forward)), int(np.argmax(backward))
    if forward[k_forward] <= -backward[k_backward]:
        k, distance, level = k_forward, forward[k_forward], ahead[k_forward]
    else:
        k, distance, level = k_backward, backward[k_backward], behind[k_backward]
    moved = w + distance * direction
    # Rounding must not carry another coordinate across its level.
    moved[moving] = np.minimum(np.maximum(moved[moving], low), high)
    moved[moving[k]] = level
    return moved
