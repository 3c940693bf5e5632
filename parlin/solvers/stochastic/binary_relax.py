r"""BinaryRelax: a blend of a latent vector and its levels, from the one to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.annealed import Annealed
from parlin.solvers.stochastic.base import StochasticState
from parlin.solvers.stochastic.maps import Blend


@dataclass(frozen=True)
class BinaryRelax(Annealed):
    r"""``w = (1 − t) u + t q``, q the level nearest to u, with t from 0 to 1 along PARQ's schedule.

    The proximal map of half the squared distance to the levels, at strength ``t / (1 − t)``, which is no PAR:
    before the end no coefficient is on a level unless its latent one is.  After the end it is
    `StraightThrough`, and certified as that is.

    Parameters
    ----------
    step_size, batch_size, replace, keep, random_state, shuffle, epochs, warmup_epochs, hard_epochs,
    steepness, center, quantizer, refit_every
        As for `PARQ`; t is 1 less the inverse slope.
    """

    def map(self, problem: Problem, state: StochasticState) -> Blend:
        """The blend; during the warm-up the identity."""
        if state.epoch < self.warmup_epochs:
            return Blend(np.zeros(1), problem.penalty_weights)
        return Blend(self.current_levels(problem, state), problem.penalty_weights)

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """The fractions t."""
        if state.epoch < self.warmup_epochs:
            return np.zeros(gammas.size)
        return 1.0 - self.slopes_left(state, rates.size)
