r"""Sparse least squares by stochastic solvers: how long coefficients are on the levels of the solution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from experiments.problems.sparse_regression import gaussian_noise, sparse_truth, standardised
from parlin import LeastSquares, Problem, designs
from parlin.solvers.stochastic import AProx, ProxSGD

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

ROWS, COLUMNS, NONZERO, BATCH = 200, 40, 6, 10
STRENGTH, NOISE = 0.05, 0.5
INSIDE = 0.02
"""By how much of the strength a gradient is inside the interval of its level, to count as inside."""


@dataclass(frozen=True)
class Target:
    """A problem with its solution, and coefficients of it that are on levels."""

    point: CertifiedPoint
    watched: IndexArray

    def held(self, solver: AProx | ProxSGD, n_epochs: int) -> float:
        """The fraction of the second half of the epochs at whose end a watched coefficient is on its level."""
        problem, w = self.point.problem, self.point.w[self.watched]
        state, found = solver.init(problem, np.zeros(problem.size)), []
        for epoch in range(n_epochs):
            state = solver.step(problem, state)
            if 2 * epoch >= n_epochs:
                found.append(np.mean(state.w[self.watched] == w))
        return float(np.mean(found))


@dataclass(frozen=True)
class Instance:
    """A sparse regression with chords of the absolute value."""

    seed: int

    @cached_property
    def point(self) -> CertifiedPoint:
        """The solution, compared with cvxpy for the first instance."""
        X = standardised(ROWS, COLUMNS, "normal", self.seed)
        y = X @ sparse_truth(COLUMNS, NONZERO, self.seed) + gaussian_noise(ROWS, NOISE, self.seed)
        problem = Problem(LeastSquares(X, y), designs.lasso(0.25, 12).scaled(STRENGTH))
        point = CertifiedPoint(problem, solve_to_slopes(problem).w)
        return point.compared_with_cvxpy() if self.seed == 0 else point

    @property
    def inside(self) -> Target:
        """The coefficients on levels whose gradient is inside the interval."""
        point = self.point
        low, high = point.problem.penalty.subdifferential(point.w)
        descent = -point.problem.loss.gradient(point.w)
        margin = np.minimum(descent - low, high - descent)
        on_level = point.problem.on_level(point.w)
        return Target(point, np.flatnonzero(on_level & (margin >= INSIDE * STRENGTH)))

    @property
    def degenerate(self) -> Target:
        """One coefficient at 0 with a lighter weight, so that its gradient is the end of its interval.

        The solution stays the same.
        """
        point = self.point
        gradient = np.abs(point.problem.loss.gradient(point.w)) / STRENGTH
        zero = np.flatnonzero(point.w == 0)
        chosen = zero[np.argmax(gradient[zero])]
        weights = np.ones(COLUMNS)
        weights[chosen] = gradient[chosen]
        problem = Problem(point.problem.loss, point.problem.penalty, penalty_weights=weights)
        return Target(replace(point, problem=problem, excess=None), np.array([chosen]))
