r"""Lazy proximal gradient: a proximal map of fixed strength on a latent vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parlin._arguments import positive
from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState
from parlin.solvers.stochastic.maps import ProximalMap


@dataclass(frozen=True)
class LazyProx(StochasticSolver):
    r"""``u⁺ = u − η g(w)``, ``w = prox_{sψ}(u)`` with a fixed s: it need not converge to anything.

    Source: [ProxQuant], which shows it failing where eager proximal gradient converges; theory 8.5.  Where
    the map rounds to a set of levels this is dual averaging on that set.  Certified against the problem
    itself, whose critical points are no rest points of this method.

    Parameters
    ----------
    step_size, batch_size, epochs, replace, keep, random_state, shuffle
        As for `ProxSGD`.
    strength : positive float, default=1.0
        s, a multiple of the problem's penalty.
    """

    strength: float = 1.0

    def _bad_number(self) -> str | None:
        try:
            positive("strength", self.strength)
        except (TypeError, ValueError) as error:
            return str(error)
        return super()._bad_number()

    def map(self, problem: Problem, state: StochasticState) -> ProximalMap:
        """The proximal map of the problem's penalty."""
        return ProximalMap(problem.penalty, problem.penalty_weights)

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """The strength."""
        return np.full(gammas.size, float(self.strength))
