r"""PARQ: soft rounding of a latent vector that hardens along a schedule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.annealed import Annealed
from parlin.solvers.stochastic.base import StochasticState
from parlin.solvers.stochastic.maps import Blend, SoftRounding


@dataclass(frozen=True)
class PARQ(Annealed):
    r"""Soft rounding of a latent vector that hardens along a schedule, and ends as `StraightThrough`.

    Source: [PARQ].  ``w = T_ρ(u)``: in a cell with middle c it is ``c + ρ (u − c)``, clipped to the cell,
    with ρ from 1 to infinity; the proximal map of ``designs.chords(levels)`` at strength ρ − 1, taken at ρ
    u. The theorem on AProx does not cover it: its penalty does not grow with the sum of the steps (theory
    8.3).

    Certified against the problem, of whose penalty it uses the quantization levels alone, as
    `StraightThrough`.  With a `quantizer` the levels change, and so does the problem: ``Result.penalty`` is
    `designs.distance` of the last levels, with the steepest slope of the penalty given, and the certificate
    is of that problem.

    Parameters
    ----------
    step_size, batch_size, replace, keep, random_state, shuffle
        As for `ProxSGD`.
    epochs : int, default=100
    warmup_epochs : int, default=0
        Epochs at the beginning in which coefficients are not rounded at all.
    hard_epochs : int, optional
        Epochs at the end with hard rounding; by default half of all.
    steepness, center : float, default=10.0, 0.5
        Of `inverse_slope`, over the epochs in between.
    quantizer : callable, optional
        Finds levels from the penalised entries of the latent vector, such as
        ``lambda values: quantizers.optimal_levels(values, 4)``.  Repeated levels count once.
    refit_every : int, default=1
        Epochs between two calls of it.
    """

    def map(self, problem: Problem, state: StochasticState) -> SoftRounding | Blend:
        """Soft rounding; during the warm-up the identity."""
        if state.epoch < self.warmup_epochs:
            return Blend(np.zeros(1), problem.penalty_weights)
        return SoftRounding(self.current_levels(problem, state), problem.penalty_weights)

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """The slopes ρ."""
        if state.epoch < self.warmup_epochs:
            return np.zeros(gammas.size)
        inverse = self.slopes_left(state, rates.size)
        return np.divide(1.0, inverse, out=np.full(inverse.size, np.inf), where=inverse > 0)
