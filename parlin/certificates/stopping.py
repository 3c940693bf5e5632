r"""The optimality rule: how far a point is from stationary, and what rounding is allowed for.

`check_point` is what ends a run, and the first part of every certificate; the compiled loop and its NumPy
equivalent in `parlin._kernels` evaluate it, and the exact path applies it to many points at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from parlin._kernels import all_finite, optimality
from parlin._kernels.optimality_numpy import largest_ratio
from parlin._types import FloatArray
from parlin.certificates.duality_gap import (
    HIDDEN,
    duality_gap,
    gap_of_least_squares,
    possible_fall,
    projected_gap,
)
from parlin.losses.base import coordinate_step
from parlin.penalty.separable import SeparablePenalty
from parlin.problem import Problem

# Two objectives that differ by this fraction are the same.
_SAME_OBJECTIVE = 1e-9
# The sums that a relative gap is made of are not known better.
_GAP_ROUNDING = 1e-13
# A proximal step gains half the square of its length, but only this fraction of that between minimisers.
_TIE = 1e-6


@dataclass(slots=True)
class EvaluatedPoint:
    """A point with all that a certificate is made of: no data, and no array that a caller can change.

    The last three fields need the data.  They are filled in before a result is returned.
    """

    penalty: SeparablePenalty
    w: FloatArray
    value: float  # f(w)
    gradient: FloatArray
    scale: FloatArray  # what counts as large in each gradient entry
    allowance: FloatArray  # for the rounding error of each gradient entry
    tol: float
    curvatures: FloatArray  # of the loss in each coordinate
    value_scale: float  # what gaps are relative to
    quadratic: bool
    gap: float | None = None  # the duality gap; before it is found also None
    gap_is_known: bool = False  # whether it was looked for
    rounded_value: float | None = None  # f at the rounded coordinates

    def find_gap(self, problem: Problem, residual: float) -> float | None:
        """The duality gap relative to `value_scale`; None where none exists.

        From the gradient alone where that suffices.  At a stationary point whose gap is larger than the
        tolerance also from a dual point that rounding errors of w do not spoil (`projected_gap`).
        """
        if self.gap_is_known:
            return self.relative_gap
        self.gap_is_known = True
        if self.quadratic and not self.penalty.unpenalised.size:
            self.gap = gap_of_least_squares(self.penalty, self.w, self.value, self.gradient)
        else:
            self.gap = duality_gap(problem, self.w)
        stationary = self.quadratic and residual <= self.tol and self.penalty.penalty.shape == "convex"
        if stationary and self.gap is not None and self.relative_gap > self.tol:
            free = np.flatnonzero(~self.penalty.on_level(self.w))
            other = projected_gap(problem, self.w, free)
            self.gap = self.gap if other is None else min(self.gap, other)
        return self.relative_gap

    def rounded_gap(self, problem: Problem) -> float | None:
        """`find_gap` as far as rounding errors of the dual slopes allow to tell; None without a bound."""
        found = []
        if self.quadratic and not self.penalty.unpenalised.size:
            found.append(
                gap_of_least_squares(self.penalty, self.w, self.value, self.gradient, self.allowance)
            )
        if self.quadratic:
            free = np.flatnonzero(~self.penalty.on_level(self.w))
            found.append(projected_gap(problem, self.w, free, self.allowance))
        bounds = [gap / self.value_scale for gap in found if gap is not None and self.value_scale > 0]
        return min(bounds, default=None)

    def cannot_fall(self, problem: Problem, tol: float, met: Met) -> Met:
        """How the rule is met where no gap exists: by what moves of the free coordinates alone would gain."""
        fall = possible_fall(problem, self.w, tol)
        if fall is None or fall <= tol * self.value_scale:
            return met
        return Met.ROUNDED if met is Met.ROUNDED and fall <= HIDDEN * self.value_scale else Met.NOT

    @property
    def relative_gap(self) -> float | None:
        """The gap relative to `value_scale`; None where there is none."""
        if self.gap is None or self.gap == 0.0 or math.isinf(self.gap):
            return self.gap
        return self.gap / self.value_scale if self.value_scale > 0 else math.inf

    def read_data(self, problem: Problem, check: StoppingCheck) -> None:
        """Fill in what needs the data."""
        self.find_gap(problem, check.residual)
        if self.penalty.penalty.quantization_levels.size and self.rounded_value is None:
            self.rounded_value = problem.loss.value_near(self.w, self.penalty.rounded(self.w))

    @property
    def slope_residual(self) -> float | None:
        """`Certificate.slope_residual`."""
        smallest = self.penalty.smallest_slopes
        if smallest is None:
            return None
        return largest_ratio(self.penalty.distance(self.gradient, self.w), smallest)

    def meets_slopes(self, tol: float, rounding: bool) -> bool:
        """Whether the slope residual is at most `tol`; with `rounding`, allowing for rounding errors."""
        smallest = self.penalty.smallest_slopes
        if smallest is None:
            return True
        distance = self.penalty.distance(self.gradient, self.w)
        allowed = np.maximum(tol * smallest, self.allowance) if rounding else tol * smallest
        return bool(np.all(distance <= allowed))

    @property
    def prox_step(self) -> float:
        """`Certificate.prox_step`."""
        return coordinate_step(self.curvatures)

    @property
    def prox_moves(self) -> FloatArray:
        """How far a proximal step moves each coordinate, over the step and what is allowed: (d,).

        A step to a point that the proximal map could as well have kept, since both are as low, is none.
        """
        step = self.prox_step
        v = self.w - step * self.gradient
        target = self.penalty.prox(v, step)
        move = np.abs(self.w - target)
        if self.penalty.penalty.shape != "convex" and move.any():
            psi = self.penalty.values(self.w) - self.penalty.values(target)
            gain = (self.w - target) * (0.5 * (self.w + target) - v) + step * psi
            move[gain <= _TIE * move**2] = 0.0
        move /= step
        allowed = np.maximum(self.scale, self.allowance / self.tol)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(move == 0.0, 0.0, move / allowed)


class StoppingCheck(NamedTuple):
    """What decides whether a run may end at a point; the numbers are those of `Certificate`."""

    objective: float
    residual: float
    strict_residual: float
    point: EvaluatedPoint | None  # None where w, the loss or its gradient is not finite


def check_point(problem: Problem, w: FloatArray, tol: float) -> StoppingCheck:
    """The check of a point of the right shape, which the caller must not change afterwards."""
    loss, psi = problem.loss, problem.penalty
    if not all_finite(w):
        return _NOT_FINITE
    value, gradient = loss.value_and_gradient(w)
    if not (math.isfinite(value) and all_finite(gradient)):
        return _NOT_FINITE
    scale, allowance = problem.gradient_scale, loss.rounding_floor(w)
    limit = highest_allowed_objective(problem.reachable_objective)

    def residuals(floor: FloatArray) -> tuple[float, float, float]:
        return optimality.residuals(
            w, gradient, scale, floor, problem.penalty_weights, psi.levels, psi.slopes, *psi.anchors, value,
            limit, tol,
        )  # fmt: skip

    numbers = residuals(allowance)
    if numbers[0] > limit:
        allowance = np.zeros_like(allowance)
    elif numbers[1] <= tol < numbers[2]:
        # The bound is a product of norms, in which one large row excuses all others: here it matters.
        allowance = loss.rounding_floor(w, by_rows=True)
        numbers = residuals(allowance)
    point = EvaluatedPoint(
        problem.separable, w, value, gradient, scale, allowance, tol, loss.coordinate_lipschitz,
        problem.value_scale(numbers[0]), loss.quadratic,
    )  # fmt: skip
    return StoppingCheck(*numbers, point)


class Met(Enum):
    """How the optimality rule is met."""

    NOT = "not"
    EXACTLY = "whatever the rounding errors of the gradient are"
    ROUNDED = "as far as the rounding errors of the gradient allow to tell"


def how_met(problem: Problem, check: StoppingCheck, tol: float, slopes: bool) -> Met:
    """The optimality rule, for a tolerance that the check was made for.

    The residual is at most `tol`; so are the slope residual if `slopes`, the duality gap where a convex
    penalty has one (otherwise what `possible_fall` finds), and the prox residual of a nonconvex one.
    """
    point = check.point
    if point is None or not check.residual <= tol:
        return Met.NOT
    met = Met.EXACTLY if check.strict_residual <= tol else Met.ROUNDED
    if slopes and not point.meets_slopes(tol, rounding=False):
        if not point.meets_slopes(tol, rounding=True):
            return Met.NOT
        met = Met.ROUNDED
    if problem.penalty.shape != "convex":
        # On a concave kink a step may be too short for the data to make it in float64.
        rests = float(point.prox_moves.max()) <= tol and not problem.on_concave_kink(point.w).any()
        return met if rests else Met.NOT
    if check.objective > problem.reachable_objective + tol * point.value_scale:
        return Met.NOT
    gap = point.find_gap(problem, check.residual)
    if gap is None and point.quadratic:
        return point.cannot_fall(problem, tol, met)
    if gap is None or gap <= tol:
        return met
    gap = point.rounded_gap(problem)
    return Met.ROUNDED if gap is not None and gap <= max(tol, _GAP_ROUNDING) else Met.NOT


def downhill(problem: Problem, check: StoppingCheck) -> FloatArray | None:
    """A lower point one proximal step in one coordinate from a critical one; None elsewhere.

    With the step ``1 / max_j ‖X_j‖²`` such a step cannot raise the objective.  It leaves concave kinks,
    and basins that it can look out of.
    """
    point = check.point
    if point is None or not check.residual <= point.tol:
        return None
    moves = point.prox_moves
    step = point.prox_step
    target = point.penalty.prox(point.w - step * point.gradient, step)
    for j in np.argsort(-moves)[: np.count_nonzero(moves > point.tol)]:
        w = point.w.copy()
        w[j] = target[j]
        if problem.objective(w) < check.objective:
            return w
    return None


_NOT_FINITE = StoppingCheck(math.nan, math.inf, math.inf, None)


def highest_allowed_objective(start_objective: float | FloatArray) -> float | FloatArray:
    """The objective up to which a point is allowed rounding errors, given that of the default start.

    The bound on rounding errors grows with the size of w.  Without this limit a diverged iterate would
    count as a solution.
    """
    return start_objective + _SAME_OBJECTIVE * abs(start_objective)
