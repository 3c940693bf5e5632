r"""Problems whose squares underflow, in units in which they do not.

With the columns times ``x`` and the targets times ``y``, powers of two, the coefficients and the levels of ψ
are times ``y / x``, its slopes times ``x y``, and objectives times ``y²``: the same problem, digit for digit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from parlin._types import FloatArray
from parlin.losses import LeastSquares
from parlin.losses.samples import TINY
from parlin.penalty import PAR
from parlin.problem import Problem


class Units(NamedTuple):
    """Exponents of two: columns are multiplied by ``2^x``, targets by ``2^y``."""

    x: int
    y: int

    @classmethod
    def of(cls, problem: Problem) -> Units | None:
        """Those that a problem needs; None where it is of ordinary size."""
        loss = problem.loss
        if not isinstance(loss, LeastSquares) or not loss.is_tiny:
            return None
        largest = float(loss.design.raw_norms.max())
        if largest == 0.0:  # the squares have underflown: the entries tell
            X = loss.design.X
            largest = _largest(X.data if loss.design.is_sparse else X)
        return cls(_lift(largest), _lift(_largest(loss.target)))

    def problem(self, problem: Problem) -> Problem:
        """The problem in these units.

        Raises
        ------
        ValueError
            If levels or slopes are then too large or too small for float64.
        """
        loss, design, penalty = problem.loss, problem.loss.design, problem.penalty
        X = design.X  # less the offsets, which no coefficient depends on
        if design.is_sparse:
            X = X.copy()
            X.data = np.ldexp(X.data, self.x)
        else:
            X = np.ldexp(X, self.x)
        y = np.ldexp(loss.y, self.y)
        with np.errstate(over="ignore", under="ignore"):
            levels = np.ldexp(penalty.levels, self.y - self.x)
            slopes = np.ldexp(penalty.slopes, self.x + self.y)
        kept = all(
            np.array_equal(np.isfinite(new), np.isfinite(old)) and np.array_equal(new == 0.0, old == 0.0)
            for new, old in ((levels, penalty.levels), (slopes, penalty.slopes))
        )
        if not kept:
            raise ValueError(
                "X and y are so small that squares underflow, and the levels or slopes of the penalty are so "
                "different from them that no common unit holds both; multiply X or y by a power of 10"
            )
        scaled = LeastSquares(X, y, design.sample_weight, design.centre)
        return Problem(scaled, PAR(levels, slopes), problem.penalty_weights)

    def there(self, w: FloatArray) -> FloatArray:
        """Coefficients in these units."""
        return np.ldexp(w, self.y - self.x)

    def back(self, w: FloatArray) -> FloatArray:
        """Coefficients as they were."""
        return np.ldexp(w, self.x - self.y)

    def step(self, step: float) -> float:
        """The step of a proximal map as it was."""
        with np.errstate(over="ignore"):
            return float(np.ldexp(step, 2 * self.x))

    def value(self, objective: float) -> float:
        """An objective as it was."""
        return math.ldexp(objective, -2 * self.y)


def _largest(values: FloatArray) -> float:
    return float(np.abs(values).max(initial=0.0))


def _lift(largest: float) -> int:
    """The exponent that brings a tiny number near one; 0 where it is none."""
    return -math.frexp(largest)[1] if 0.0 < largest < TINY else 0
