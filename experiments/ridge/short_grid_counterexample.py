r"""A design on which a grid that reaches a whole cell beyond the ridge solution still ends too early.

``X'X/n = 10⁴ (I − uu') + 10⁻⁶ uu'`` with a unit vector u whose first entry dominates. Ridge chords can move
the solution along u alone, and there the small errors of all slopes add up in the first coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from experiments.ridge.counterpart import RIDGE, Pair, counterpart_error
from parlin import LeastSquares, Problem, designs, theory

FloatArray = NDArray[np.float64]

_STIFF, _SOFT = 1e4, 1e-6
_N_LEVELS = 3
# Slopes this near the ends of their intervals, in cells, where 0.5 is the end itself.
_SLOPE_ERROR = 0.49
# Margin for the nonzero small eigenvalue.
_ROOM = 0.01


@dataclass(frozen=True)
class Spiked:
    """The design of size d × d, the strength 1, spacing 1, and targets for which a solution is known.

    The first entry of u is ``√(1 − 36/d)``, the others are equal: for large d that gives the largest
    distance, about √d/12 times the bound.
    """

    loss: LeastSquares
    solution: FloatArray
    ridge: FloatArray

    @classmethod
    def of_size(cls, d: int) -> Spiked:
        """Targets that make a point with its first coefficient far beyond the last level critical."""
        u = np.full(d, np.sqrt(36 / d / (d - 1)))
        u[0] = np.sqrt(1 - 36 / d)
        roots = np.sqrt([_STIFF, _SOFT])
        X = np.sqrt(d) * (roots[0] * np.eye(d) + (roots[1] - roots[0]) * np.outer(u, u))

        # All coefficients but the first rest at 0, each with the same error of its slope. The first one is
        # placed so that the ridge solution's is a cell inside the last level, m q.
        error = np.full(d, -_SLOPE_ERROR)
        pull = -u[0] * (u[1:] @ error[1:])
        beyond = (pull - 1.5 - _ROOM) / (1 - u[0] ** 2)
        solution = np.zeros(d)
        solution[0] = _N_LEVELS + 0.5 + beyond
        error[0] = -beyond

        # X'(y − Xw)/n = g with g = w + e; the inverse of X by its two singular values.
        slopes = solution + error
        y = X @ solution + np.sqrt(d) * (slopes / roots[0] + (1 / roots[1] - 1 / roots[0]) * u * (u @ slopes))
        stiff, soft = 1 / (_STIFF + 1), 1 / (_SOFT + 1)
        ridge = solution + error * stiff + (soft - stiff) * u * (u @ error)
        return cls(LeastSquares(X, y), solution, ridge)

    def on_short_grid(self) -> Pair:
        """The planted solution and ridge, on the grid that ends one cell beyond the ridge solution."""
        return self._pair(self.solution, _N_LEVELS)

    def on_covering_grid(self) -> Pair:
        """The same targets with as many levels as theory asks for.

        All columns but the first play the same part, so the minimiser has two different coefficients and
        solves a problem with two rows and two columns.
        """
        X, y, d = self.loss.design.X, self.loss.y, self.loss.size
        n_levels = theory.covering_levels(float(np.abs(self.ridge).max()), d, 1.0)
        corner = np.linalg.qr(np.column_stack((X[:, 0], X[:, 1:].sum(axis=1), y)), mode="r")[:2]
        corner *= np.sqrt(2 / d)
        loss = LeastSquares(corner[:, :2], corner[:, 2])
        problem = Problem(loss, designs.ridge(1.0, n_levels), penalty_weights=[1, d - 1])
        first, others = solve_to_slopes(problem, tol=1e-13).w
        return self._pair(np.concatenate(([first], np.full(d - 1, others))), n_levels)

    def _pair(self, w: FloatArray, n_levels: int) -> Pair:
        problem = Problem(self.loss, designs.ridge(1.0, n_levels))
        error = counterpart_error(self.loss, 1.0, RIDGE, self.ridge)
        return Pair(CertifiedPoint(problem, w), self.ridge, error, RIDGE, 1.0, 1.0, n_levels)
