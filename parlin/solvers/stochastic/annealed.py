r"""PARQ and BinaryRelax: maps that turn into rounding along a schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from parlin import designs
from parlin._arguments import whole
from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState
from parlin.solvers.stochastic.lazy_prox import without_levels
from parlin.solvers.stochastic.maps import Blend, SoftRounding
from parlin.solvers.stochastic.schedules import inverse_slope


@dataclass(frozen=True)
class Annealed(StochasticSolver):
    """What PARQ and BinaryRelax share: warm-up, a schedule, hard rounding to the end, levels found anew."""

    epochs: int = 100
    warmup_epochs: int = 0
    hard_epochs: int | None = None
    steepness: float = 10.0
    center: float = 0.5
    quantizer: Callable[[FloatArray], FloatArray] | None = None
    refit_every: int = 1

    def unsupported(self, problem: Problem) -> str | None:
        """Why this solver cannot treat `problem`, as a sentence; None if it can."""
        if self.quantizer is None and without_levels(problem):
            return without_levels(problem)
        return super().unsupported(problem)

    def _bad_number(self) -> str | None:
        try:
            whole("epochs", self.epochs, low=1)
            whole("warmup_epochs", self.warmup_epochs, low=0)
            whole("refit_every", self.refit_every, low=1)
            if self.hard_epochs is not None:
                whole("hard_epochs", self.hard_epochs, low=0)
            inverse_slope(0.5, self.steepness, self.center)
        except (TypeError, ValueError) as error:
            return str(error)
        if self.warmup_epochs + self._hard() > self.epochs:
            return (
                f"warmup_epochs = {self.warmup_epochs} and hard_epochs = {self._hard()} must not be more "
                f"than epochs = {self.epochs} together"
            )
        if not (self.quantizer is None or callable(self.quantizer)):
            return f"quantizer must be a function from values to levels, but is {self.quantizer!r}"
        return super()._bad_number()

    def _hard(self) -> int:
        return self.epochs // 2 if self.hard_epochs is None else self.hard_epochs

    def is_final(self, state: StochasticState) -> bool:
        """Whether rounding is hard by now."""
        return state.epoch >= self.epochs - self._hard()

    def renews(self, state: StochasticState) -> bool:
        """After the warm-up, and where levels are found anew."""
        annealed = state.epoch - self.warmup_epochs
        return annealed == 0 or (
            self.quantizer is not None and annealed > 0 and annealed % self.refit_every == 0
        )

    def current_levels(self, problem: Problem, state: StochasticState) -> FloatArray:
        """The levels of the epoch to come; if they are found anew, their distance is the penalty in force."""
        if self.quantizer is None:
            return problem.penalty.quantization_levels
        if state.penalty is None or self.renews(state):
            values = state.latent if problem.penalty_weights is None else state.latent[problem.penalised]
            levels = np.unique(np.asarray(self.quantizer(values), dtype=np.float64) + 0.0)
            slopes = np.abs(problem.penalty.slopes)
            steepest = float(slopes[np.isfinite(slopes)].max(initial=0.0)) or 1.0
            state.penalty = designs.distance(levels, steepest)
        return state.penalty.quantization_levels

    def slopes_left(self, state: StochasticState, count: int) -> FloatArray:
        """The inverse slopes before each of the batches of this epoch, and at its end, shape (count + 1,)."""
        soft = self.epochs - self.warmup_epochs - self._hard()
        done = state.epoch - self.warmup_epochs + np.arange(count + 1) / count
        if soft == 0:
            return np.where(done < 0, 1.0, 0.0)
        return np.array([inverse_slope(f / soft, self.steepness, self.center) for f in done])


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
