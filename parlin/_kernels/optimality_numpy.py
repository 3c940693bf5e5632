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


def penalty_gap(
    w: FloatArray, gradient: FloatArray, omega: FloatArray | None, levels: FloatArray, slopes: FloatArray,
    points: FloatArray, values: FloatArray,
) -> tuple[float, float]:  # fmt: skip
    """The largest ``c in (0, 1]`` that makes ``−c g`` feasible in the dual, and the gap's part of a convex ψ.

    ``p = −c g_j / ω_j`` lies between the outer slopes, the first of which is negative, the last positive; the
    part is ``Σ_j ω_j (ψ(w_j) + ψ*(p_j) − p_j w_j)`` over the penalised j, each term nonnegative.
    """
    if omega is not None:
        active = omega > 0
        w, gradient, omega = w[active], gradient[active], omega[active]
    p = -gradient if omega is None else -(gradient / omega)
    factor, p = feasible(p, slopes[0], slopes[-1])
    cell = np.searchsorted(levels, w)
    best = np.searchsorted(slopes[1:-1], p)
    level = levels[best]
    near = (cell == best) | (cell == best + 1)
    with np.errstate(invalid="ignore", over="ignore"):  # 0 times the infinite slope of a box is no number
        terms = np.where((w == level) | np.isinf(slopes[cell]), 0.0, (slopes[cell] - p) * (w - level))
        at = [values[c] + np.where(x == points[c], 0.0, slopes[c] * (x - points[c]))
              for c, x in ((cell, w), (best, level))]  # fmt: skip
        terms = np.where(near | (w == level), terms, at[0] - at[1] - p * (w - level))
    terms = np.maximum(terms, 0.0)
    return factor, float(terms.sum() if omega is None else omega @ terms)


def feasible(p: FloatArray, low: float, high: float) -> tuple[float, FloatArray]:
    """The largest factor in (0, 1] that brings p between two slopes that enclose 0, and the product."""
    factor = 1.0
    if np.isfinite(high):
        factor = min(factor, high / max(float(p.max(initial=0.0)), high))
    if np.isfinite(low):
        factor = min(factor, low / min(float(p.min(initial=0.0)), low))
    # The product may leave the domain by a rounding error, where ψ* would be infinite.
    return factor, np.clip(factor * p, low, high)


def _beyond(low: FloatArray, x: FloatArray, high: FloatArray) -> FloatArray:
    """The distances of the entries of x from the intervals."""
    return np.maximum(np.maximum(low - x, x - high), 0.0)


def largest_ratio(numerator: FloatArray, denominator: FloatArray) -> float:
    """``max_j numerator_j / denominator_j`` with 0/0 = 0."""
    if denominator.min() > np.finfo(np.float64).tiny:
        return float((numerator / denominator).max())
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return float(np.max(np.where(numerator == 0.0, 0.0, numerator / denominator)))
