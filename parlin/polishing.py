r"""Exact moves between levels: from coefficients on levels to ones that no such move improves."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from parlin._threads import one_blas_thread
from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.quantizers import nearest

# A move counts only if it lowers the objective by more than this fraction of F(0) or |F|, the larger.
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@one_blas_thread()
def polish(
    problem: Problem, w: ArrayLike, levels: ArrayLike | None = None, *, moves: Literal["single"] = "single"
) -> FloatArray:
    r"""Coefficients on levels whose objective no move of a single one to another level lowers.

    It is no global minimum over the levels, and the objective is never above that of the rounded start.

    Parameters
    ----------
    problem : Problem
        With a quadratic loss.  Its penalty counts in the objective.
    w : array of shape (d,)
        The start; penalised coefficients are first rounded to their nearest levels.  Unpenalised ones stay.
    levels : array of shape (K,), optional
        Increasing.  By default the quantization levels of the penalty.
    moves : {"single"}
        "pair" is reserved for moves of two coefficients at once.

    Returns
    -------
    ndarray of shape (d,)
        Penalised entries are members of `levels`, float for float.

    Raises
    ------
    ValueError
        If the loss is not quadratic, `w` has the wrong shape or is not finite, or the levels do not increase
        or are outside the penalty's box.

    Notes
    -----
    Moving coefficient j by δ changes the objective by
    ``δ ∇_j f + δ² ‖X_j‖² / 2 + ω_j (ψ(w_j + δ) − ψ(w_j))``.  Coefficients take turns, each to its best
    level; a round costs one product with X' and one column for each coefficient that may move.  A move must
    gain more than rounding errors, so that rounds come to an end.

    Examples
    --------
    >>> from parlin import LeastSquares, Problem, designs
    >>> from parlin.polishing import polish
    >>> loss = LeastSquares([[1.0, 0.2], [0.0, 1.0]], [1.0, 1.0])
    >>> polish(Problem(loss, designs.binary(0.0, 1.0).scaled(0.1)), [0.4, 0.6])
    array([1., 1.])
    """
    if moves != "single":
        raise ValueError(f"moves must be 'single', but is {moves!r}")
    if not problem.loss.quadratic:
        raise ValueError("polish needs a quadratic loss, such as LeastSquares")
    w = np.array(w, dtype=np.float64)
    if w.shape != (problem.size,) or not np.isfinite(w).all():
        raise ValueError(f"w must be {problem.size} finite numbers, but is of shape {w.shape}")
    levels = _checked_levels(problem, levels)
    active = problem.penalised
    w = np.where(active, nearest(w, levels), w)
    loss, psi = problem.loss, problem.penalty.value(levels)
    weights = np.ones(w.size) if problem.penalty_weights is None else problem.penalty_weights
    while True:
        least_gain = _ROUNDING * max(loss.value_at_zero, abs(problem.objective(w)))
        changes = _changes(loss.gradient(w), loss.coordinate_lipschitz, w, weights, levels, psi)
        gains = np.where(active, -changes.min(axis=1), 0.0)
        candidates = np.flatnonzero(gains > least_gain)
        if candidates.size == 0 or not _take_turns(problem, w, candidates, weights, levels, psi, least_gain):
            return w


def _checked_levels(problem: Problem, levels: ArrayLike | None) -> FloatArray:
    levels = problem.penalty.quantization_levels if levels is None else np.asarray(levels, dtype=np.float64)
    if levels.ndim != 1 or levels.size == 0 or not np.isfinite(levels).all() or np.any(np.diff(levels) <= 0):
        raise ValueError(
            "levels must be one or more finite increasing numbers, or the penalty must have some"
        )
    low, high = problem.penalty.domain
    if levels[0] < low or levels[-1] > high:
        raise ValueError(f"levels must be inside the penalty's box [{low:g}, {high:g}]")
    return levels


def _changes(
    gradient: FloatArray, curvature: FloatArray, w: FloatArray, weights: FloatArray, levels: FloatArray,
    psi: FloatArray,
) -> FloatArray:  # fmt: skip
    """What the objective changes by when each coefficient alone moves to each level, shape (d, K)."""
    move = levels - w[:, None]
    own = psi[np.minimum(np.searchsorted(levels, w), levels.size - 1)]
    loss = move * (gradient[:, None] + 0.5 * curvature[:, None] * move)
    return loss + weights[:, None] * (psi - own[:, None])


def _take_turns(
    problem: Problem, w: FloatArray, candidates: np.ndarray, weights: FloatArray, levels: FloatArray,
    psi: FloatArray, least_gain: float,
) -> bool:  # fmt: skip
    """Move every candidate to its best level given the others, in place; whether any moved."""
    design = problem.loss.design
    residual = design.embed(problem.loss.residual(w))
    curvature, moved = problem.loss.coordinate_lipschitz, False
    for j in candidates:
        column = design.columns(np.array([j]))[:, 0]
        one = slice(j, j + 1)
        gradient = np.array([-(column @ residual)])
        changes = _changes(gradient, curvature[one], w[one], weights[one], levels, psi)[0]
        best = int(np.argmin(changes))
        if -changes[best] > least_gain:
            residual += (w[j] - levels[best]) * column
            w[j], moved = levels[best], True
    return moved
