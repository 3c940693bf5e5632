r"""Affine segments of a path, checked from the data alone: nothing that the homotopy computed is used.

Along a segment ``X'r`` is affine in the strength α and the cells do not change, so the distance of
``X_j'r`` from ``α ω_j ∂ψ`` is convex in α: its values at the two ends bound it in between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin._types import FloatArray
from parlin.certificates.stopping import highest_allowed_objective
from parlin.problem import Problem

# Knots that are checked together: one product of matrices in place of many products with vectors.
_KNOTS, _ENTRIES = 32, 4_000_000


class CheckedSegments(NamedTuple):
    """What is true of consecutive segments; the first axis of each array counts them."""

    exact: NDArray[np.bool_]
    residuals: FloatArray
    free: NDArray[np.intp]
    correlation: FloatArray  # X'r at the last knot, shape (d,)


def check_segments(problem: Problem, alphas: FloatArray, coefs: FloatArray, tol: float) -> CheckedSegments:
    r"""Whether the minimiser is affine between consecutive strengths, by the residual at both ends of each.

    Parameters
    ----------
    problem : Problem
        With the penalty of unit strength.
    alphas : array of shape (k + 1,)
        Falling strengths.
    coefs : array of shape (k + 1, d)
        The coefficients at these.
    tol : float
        A segment is exact if no ``X_j'r`` is further from its interval than `tol` times the smaller of
        the certificate's scale and the smallest nonzero slope at the segment's upper end, or than the
        rounding errors of the gradient.

    Returns
    -------
    CheckedSegments
        `residuals` are the certificate's, and `free` is the number of penalised coordinates off the
        levels, inside each segment.
    """
    loss, design = problem.loss, problem.loss.design
    residual = loss.target[:, None] - design.X @ coefs.T
    if design.centre:
        residual += design.centres @ coefs.T
    weighted = design.weights[:, None] * residual
    if design.centre:  # again, of what is small now: as in `DesignMatrix.rmatvec`
        weighted -= design.weights[:, None] * weighted.sum(axis=0)
    correlation = np.ascontiguousarray((design.X.T @ weighted).T)

    middle = 0.5 * (coefs[1:] + coefs[:-1])
    low, high = _slopes_inside(problem, middle)
    free = np.count_nonzero((low == high) & problem.penalised, axis=1)
    distance = np.zeros_like(middle)
    for end in (slice(None, -1), slice(1, None)):
        alpha, product = alphas[end, None], correlation[end]
        with np.errstate(invalid="ignore"):  # 0 · inf, at the side of a box where α = 0
            below, above = alpha * low - product, product - alpha * high
        np.fmax(distance, below, out=distance)
        np.fmax(distance, above, out=distance)

    fit = 0.5 * np.sum(weighted * residual, axis=0)
    limits, objectives = _objectives(problem, alphas, coefs, fit)
    allowed = (objectives[1:] <= limits[1:]) & (objectives[:-1] <= limits[:-1])
    allowed, finite = allowed[:, None], np.isfinite(fit[1:] + fit[:-1])
    smallest = problem.separable.smallest_slopes
    wanted = tol * (
        loss.gradient_scale
        if smallest is None
        else np.minimum(loss.gradient_scale, alphas[:-1, None] * smallest)
    )
    floor = np.where(allowed, np.minimum(loss.rounding_floor(coefs[0]), loss.rounding_floor(coefs[-1])), 0.0)
    exact = finite & np.all(distance <= np.maximum(wanted, floor), axis=1)
    if not exact.all():
        # The rounding errors may differ much along the path; each end's own cost a product with X.
        floors = np.array([loss.rounding_floor(w) for w in coefs])
        floor = np.where(allowed, np.maximum(floors[1:], floors[:-1]), 0.0)
        exact = finite & np.all(distance <= np.maximum(wanted, floor), axis=1)
    relative = np.maximum(loss.gradient_scale, floor / tol)
    ratios = np.divide(distance, relative, out=np.where(distance > 0, np.inf, 0.0), where=relative > 0)
    return CheckedSegments(exact, ratios.max(axis=1), free, correlation[-1])


def _objectives(
    problem: Problem, alphas: FloatArray, coefs: FloatArray, fit: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The objectives up to which rounding errors are allowed for, and those of the points, one a strength."""
    start = problem.start()
    values = problem.penalty.value(coefs)
    if problem.penalty_weights is not None:
        values = values[:, problem.penalised] * problem.penalty_weights[problem.penalised]
    penalties, at_start = values.sum(axis=1), problem.separable.value(start)
    limits = highest_allowed_objective(problem.loss.value(start) + alphas * at_start)
    return limits, fit + alphas * penalties


def _slopes_inside(problem: Problem, middle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The intervals ``ω_j ∂ψ`` at the middles of segments, looked up again only where they differ."""
    first = middle[0]
    low, high = (np.tile(end, (middle.shape[0], 1)) for end in problem.penalty.subdifferential(first))
    rows, columns = np.nonzero(middle != first)
    low[rows, columns], high[rows, columns] = problem.penalty.subdifferential(middle[rows, columns])
    if problem.penalty_weights is not None:
        weights, penalised = problem.penalty_weights, problem.penalised
        low[:, penalised] *= weights[penalised]
        high[:, penalised] *= weights[penalised]
        low[:, ~penalised] = high[:, ~penalised] = 0.0
    return low, high


class Segments:
    """The knots of a path so far, checked some at a time; stores only the coordinates that change.

    `add` knots until it is time to `check` them.
    """

    def __init__(self, problem: Problem, alpha: float, w: FloatArray, tol: float) -> None:
        self._problem, self._tol = problem, tol
        size = int(np.clip(_ENTRIES // problem.size, 2, _KNOTS)) + 1
        self._rows = np.empty((size, problem.size))
        self._rows[0] = w
        self._strengths = [alpha]  # of the rows
        self.alphas, self.events = [alpha], [()]
        self.exact: list[bool] = []
        self.residuals: list[float] = []
        self.free: list[int] = []
        self._changed = [np.arange(problem.size)]
        self._values = [w.copy()]

    @property
    def full(self) -> bool:
        """Whether the knots must be checked before another one is added."""
        return len(self._strengths) == self._rows.shape[0]

    @property
    def alpha(self) -> float:
        """The strength of the last knot, checked or not."""
        return self._strengths[-1]

    @property
    def last(self) -> tuple[float, FloatArray]:
        """The last knot that was checked: its strength and coefficients."""
        return self.alphas[-1], self._rows[0].copy()

    def add(self, alpha: float, w: FloatArray, events: list) -> None:
        """Another knot, below all others."""
        self._rows[len(self._strengths)] = w
        self._strengths.append(alpha)
        self.events.append(tuple(events))

    def note(self, events: list) -> None:
        """More events at the last knot."""
        self.events[-1] += tuple(events)

    def check(self, accept: bool = False) -> FloatArray | None:
        """Keep the segments up to the first that is not exact; ``X'r`` at the last knot if all are.

        With `accept` the first segment is kept even if it is not.
        """
        count = len(self._strengths) - 1
        if count == 0:
            return None
        rows = self._rows[: count + 1]
        checked = check_segments(self._problem, np.array(self._strengths), rows, self._tol)
        good = checked.exact.copy()
        good[0] |= accept
        kept = count if good.all() else int(np.argmin(good))
        for k in range(kept):
            changed = np.flatnonzero(rows[k + 1] != rows[k])
            self._changed.append(changed)
            self._values.append(rows[k + 1, changed])
        self.alphas += self._strengths[1 : kept + 1]
        del self.events[len(self.alphas) :]
        self.exact += checked.exact[:kept].tolist()
        self.residuals += checked.residuals[:kept].tolist()
        self.free += checked.free[:kept].tolist()
        self._rows[0] = rows[kept]
        self._strengths = [self.alphas[-1]]
        return checked.correlation if kept == count else None

    def changes(self) -> tuple[NDArray[np.int64], FloatArray]:
        """For all changes ``coordinate · number of knots + knot``, rising, and the values after them."""
        knots = np.repeat(np.arange(len(self.alphas)), [changed.size for changed in self._changed])
        keys = np.concatenate(self._changed) * len(self.alphas) + knots
        order = np.argsort(keys)
        return keys[order], np.concatenate(self._values)[order]
