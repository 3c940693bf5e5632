r"""What PARQ and BinaryRelax share: a warm-up, a schedule, hard rounding to the end, levels found anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from parlin import designs
from parlin._arguments import whole
from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState
from parlin.solvers.stochastic.schedules import inverse_slope
from parlin.solvers.stochastic.straight_through import without_levels


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

    scheduled: ClassVar[bool] = True

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
        if self.warmup_epochs >= self.epochs:
            return f"warmup_epochs must be less than epochs = {self.epochs}, but is {self.warmup_epochs}"
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
            values = state.latent[problem.penalised]  # a copy
            if values.size == 0 or not np.isfinite(values).all():  # nothing to find levels for
                return (state.penalty or problem.penalty).quantization_levels
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
