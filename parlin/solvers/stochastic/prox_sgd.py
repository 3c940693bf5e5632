r"""Proximal stochastic gradient: ``w⁺ = prox_{ηψ}(w − η g)`` after every batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState
from parlin.solvers.stochastic.maps import ProximalMap


@dataclass(frozen=True)
class ProxSGD(StochasticSolver):
    r"""Proximal stochastic gradient, which does not hold levels: its flat intervals are as short as its step.

    In full batch it is `ProximalGradient` with a constant step.  With batches a coefficient is off its level
    again as soon as the noise of one step leaves the flat interval of the proximal map, whose length is
    proportional to the step as well; smaller steps do not help (theory 8.4).  `AProx` holds levels.

    The proximal map moves every coefficient after every batch, so that an epoch on sparse data costs (number
    of batches) times d on top of the pass over the data.  Certified against the problem itself.

    Parameters
    ----------
    step_size : "auto", positive float or a schedule, default="auto"
        A number is constant; schedules are `Constant`, `InverseSqrt`, `InverseTime` or what has their
        methods.  "auto" is half the inverse of a bound on the curvature of any batch.
    batch_size : int, default=256
        Rows a batch; n or more is the full batch.
    epochs : int or None, default=100
        The run ends after so many, as COMPLETED unless `tol` is met before; None leaves that to `solve`.
    replace : bool, default=False
        Draw the rows of each batch independently, with replacement, in place of contiguous batches of once
        permuted rows in random order.
    keep : {"last", "best"}, default="last"
        "best" ends with the coefficients of the lowest objective among those certified after an epoch; where
        a schedule turns into rounding, of those that are rounded.
    random_state : int, default=0
        Seed: the same one gives the same coefficients, bit for bit.
    shuffle : bool, default=True
        Otherwise rows and batches keep their order.
    """

    eager: ClassVar[bool] = True

    def map(self, problem: Problem, state: StochasticState) -> ProximalMap:
        """The proximal map of the problem's penalty."""
        return ProximalMap(problem.penalty, problem.penalty_weights)

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """The step sizes."""
        return np.concatenate(([0.0], rates))
