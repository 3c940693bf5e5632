r"""AProx: a latent vector gathers the gradients, and the proximal map grows with the sum of the steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState
from parlin.solvers.stochastic.maps import ProximalMap


@dataclass(frozen=True)
class AProx(StochasticSolver):
    r"""Stochastic gradients with levels that are held: ``u⁺ = u − η g(w)``, ``w = prox_{γψ}(u)``, γ = Σ η.

    Source: [PARQ]; regularised dual averaging.  The flat intervals of the map grow with γ while the noise of
    u grows like its square root, so that a coefficient whose gradient is inside the interval of its level
    stays there from some step on (theory 8.4).  For a convex penalty and steps c/√t the objective of the last
    iterate falls like ``log(T) / √T``, and with a constant step to a gap of the order of the step (theory
    8.2); for another penalty nothing is known.  On sparse data an epoch costs about
    two passes over the data.  Certified against the problem itself.

    Parameters
    ----------
    step_size, batch_size, epochs, replace, keep, random_state, shuffle
        As for `ProxSGD`.
    average : bool, default=False
        The coefficients are the mean of those at which gradients were taken.  A mean of levels is no level:
        coefficients on levels are then those that never moved.  Costs d a batch.
    """

    average: bool = False

    def _bad_number(self) -> str | None:
        if not isinstance(self.average, bool):
            return f"average must be True or False, but is {self.average!r}"
        return super()._bad_number()

    def init(self, problem: Problem, w0: FloatArray) -> StochasticState:
        """The state before the first epoch: the latent vector is `w0`."""
        state = super().init(problem, w0)
        if self.average:
            state.total = np.zeros(problem.size)
        return state

    def map(self, problem: Problem, state: StochasticState) -> ProximalMap:
        """The proximal map of the problem's penalty."""
        return ProximalMap(problem.penalty, problem.penalty_weights)

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """The sums of the step sizes before each batch, and at the end."""
        return gammas

    def _coefficients(self, state: StochasticState, amount: float) -> FloatArray:
        if state.total is not None:
            return state.total / state.t
        return super()._coefficients(state, amount)
