"""Runs of PG and of FISTA on convex problems, with the minimiser that they are compared with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.algorithms.instances import Instance
from experiments.algorithms.traces import FloatArray, Limit, iterates, limit_from
from experiments.measure.certified_point import solve_to_slopes
from parlin.certificates.gap import duality_gap
from parlin.solvers import FISTA, ProximalGradient


class Least(NamedTuple):
    """A lower bound on the optimum, and whether it is certified and sharp."""

    objective: float
    certified: bool


class Traced(NamedTuple):
    """A convex problem, a minimiser, and the iterates of PG with step 1/L and of FISTA without restart."""

    case: Instance
    minimiser: Limit
    plain: FloatArray
    fast: FloatArray

    @property
    def size(self) -> float:
        """``L D²``, the unit of both rates."""
        return self.case.problem.loss.lipschitz * float(np.sum((self.case.start - self.minimiser.w) ** 2))

    @property
    def least(self) -> Least:
        """The objective at the minimiser less its duality gap."""
        problem, w = self.case.problem, self.minimiser.w
        gap = duality_gap(problem, w)
        sharp = gap <= 1e-10 * problem.loss.value_at_zero
        return Least(problem.objective(w) - gap, self.minimiser.certified and sharp)


def trace(case: Instance, n_steps: int) -> Traced:
    """Both runs from the start of the instance."""
    return Traced(
        case,
        limit_from(case.problem, solve_to_slopes(case.problem, FISTA()).w),
        iterates(ProximalGradient("1/L"), case.problem, case.start, n_steps),
        iterates(FISTA(restart=False), case.problem, case.start, n_steps),
    )
