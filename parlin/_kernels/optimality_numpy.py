r"""How far a point is from stationary, in NumPy: what `optimality` has compiled, with the same signature."""

from __future__ import annotations

import numpy as np

from parlin._types import FloatArray


def residuals(
    w: FloatArray, gradient: FloatArray, scale: FloatArray, floor: FloatArray, omega: FloatArray | None,
    levels: FloatArray, slopes: FloatArray, points: FloatArray, values: FloatArray, loss: float,
    limit: float, tol: float,
) -> tuple[float, float, float]:  # fmt: skip
    """The objective, the residual and the strict residual of `parlin.Certificate`.

    `omega` are the penalty weights or None, `points` and `values` the anchors of ψ, one a cell.  Rounding
    errors up to `floor` are allowed for while the objective is at most `limit`.
    """
    left, right = np.searchsorted(levels, w, side="left"), np.searchsorted(levels, w, side="right")
    moved = w - points[left]
    with np.errstate(invalid="ignore"):  # 0 times the infinite slope of a box is no number
        value = values[left] + np.where(moved == 0.0, 0.0, slopes[left] * moved)
    low, high = np.minimum(slopes[left], slopes[right]), np.maximum(slopes[left], slopes[right])
    on_level = left != right
    if omega is None:
        objective = loss + float(value.sum())
        distance = _beyond(low, -gradient, high)
    else:
        active = omega > 0
        weight = omega[active]
        objective = loss + float(weight @ value[active])
        distance, on_level = np.abs(gradient), on_level & active
        distance[active] = weight * _beyond(low[active], -(gradient[active] / weight), high[active])
    # The bound on rounding errors grows with w; beyond the limit a diverged iterate would pass.
    if objective > limit:
        floor = np.zeros_like(floor)
    residual = largest_ratio(distance, np.maximum(scale, floor / tol))
    unsettled = np.where((distance > 0) | ~on_level, np.maximum(distance, floor), 0.0)
    return objective, residual, largest_ratio(unsettled, scale)


def _beyond(low: FloatArray, x: FloatArray, high: FloatArray) -> FloatArray:
    """The distances of the entries of x from the intervals."""
    return np.maximum(np.maximum(low - x, x - high), 0.0)


def largest_ratio(numerator: FloatArray, denominator: FloatArray) -> float:
    """``max_j numerator_j / denominator_j`` with 0/0 = 0."""
    if denominator.min() > np.finfo(np.float64).tiny:
        return float((numerator / denominator).max())
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return float(np.max(np.where(numerator == 0.0, 0.0, numerator / denominator)))
