r"""The optimality rule: how far a point is from stationary, and what rounding is allowed for.

`check_point` is what ends a run, and the first part of every certificate; the compiled loop and its NumPy
equivalent in `parlin._kernels` evaluate it, and the exact path applies it to many points at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from parlin._kernels import all_finite, optimality
from parlin._kernels.optimality_numpy import largest_ratio
from parlin._types import FloatArray
from parlin.certificates.duality_gap import duality_gap
from parlin.penalty.separable import SeparablePenalty
from parlin.problem import Problem

# Two objectives that differ by this fraction are the same.
_SAME_OBJECTIVE = 1e-9


@dataclass(slots=True)
class EvaluatedPoint:
    """A point with all that a certificate is made of: no data, and no array that a caller can change.

    The last two fields need the data.  They are filled in before a result is returned.
    """

    penalty: SeparablePenalty
    w: FloatArray
    value: float  # f(w)
    gradient: FloatArray
    scale: FloatArray  # what counts as large in each gradient entry
    allowance: FloatArray  # for the rounding error of each gradient entry
    tol: float
    curvatures: FloatArray  # of the loss in each coordinate
    value_at_zero: float
    quadratic: bool
    gap: float | None = None  # the duality gap, where it needs more than the gradient
    rounded_value: float | None = None  # f at the rounded coordinates

    def read_data(self, problem: Problem) -> None:
        """Fill in what needs the data."""
        if not self.quadratic or self.penalty.unpenalised.size:
            self.gap = duality_gap(problem, self.w)
        if self.penalty.penalty.quantization_levels.size:
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


class StoppingCheck(NamedTuple):
    """What decides whether a run may end at a point; the numbers are those of `Certificate`."""

    objective: float
    residual: float
    strict_residual: float
    point: EvaluatedPoint | None  # None where w, the loss or its gradient is not finite


def check_point(problem: Problem, w: FloatArray, tol: float) -> StoppingCheck:
    """The check of a point of the right shape, which the caller must not change afterwards."""
    loss = problem.loss
    if not all_finite(w):
        return _NOT_FINITE
    value, gradient = loss.value_and_gradient(w)
    if not (math.isfinite(value) and all_finite(gradient)):
        return _NOT_FINITE
    scale, allowance = loss.gradient_scale, loss.rounding_floor(w)
    limit = highest_allowed_objective(problem.start_objective)
    psi = problem.penalty
    numbers = optimality.residuals(
        w, gradient, scale, allowance, problem.penalty_weights, psi.levels, psi.slopes, *psi.anchors, value,
        limit, tol,
    )  # fmt: skip
    if numbers[0] > limit:
        allowance = np.zeros_like(allowance)
    point = EvaluatedPoint(
        problem.separable, w, value, gradient, scale, allowance, tol, loss.coordinate_lipschitz,
        loss.value_at_zero, loss.quadratic,
    )  # fmt: skip
    return StoppingCheck(*numbers, point)


_NOT_FINITE = StoppingCheck(math.nan, math.inf, math.inf, None)


def highest_allowed_objective(start_objective: float | FloatArray) -> float | FloatArray:
    """The objective up to which a point is allowed rounding errors, given that of the default start.

    The bound on rounding errors grows with the size of w.  Without this limit a diverged iterate would
    count as a solution.
    """
    return start_objective + _SAME_OBJECTIVE * abs(start_objective)
