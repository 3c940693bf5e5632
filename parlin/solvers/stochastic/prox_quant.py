r"""ProxQuant: proximal stochastic gradient with a strength that grows until the coefficients are frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from parlin._arguments import at_least_zero
from parlin._kernels import rows as kernels
from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState, step_sizes
from parlin.solvers.stochastic.maps import Blend, ProximalMap
from parlin.solvers.stochastic.schedules import homotopy
from parlin.solvers.stochastic.straight_through import without_levels


@dataclass(frozen=True)
class ProxQuant(StochasticSolver):
    r"""Eager proximal steps with a growing strength, and coefficients that are frozen on levels in the end.

    Source: [ProxQuant].  ``w⁺ = prox_{η λ_t ψ}(w − η g)`` with `homotopy` strengths ``λ_t = rate · fraction``
    times the problem's penalty; from the fraction `freeze` on penalised coefficients are at the level nearest
    to them and stay there, an exact tie at the upper one, and only unpenalised ones still move.  Certified
    against the problem itself, at its own strength: give it `designs.distance` or any other penalty with
    levels, and see `StraightThrough` for what is critical there.

    Parameters
    ----------
    step_size, batch_size, replace, keep, random_state, shuffle
        As for `ProxSGD`.
    epochs : int, default=100
    rate : nonnegative float, default=1.0
    freeze : float in [0, 1], default=0.85
        Epochs are whole: those that end after this fraction are frozen.
    """

    epochs: int = 100
    rate: float = 1.0
    freeze: float = 0.85

    eager: ClassVar[bool] = True
    scheduled: ClassVar[bool] = True

    def unsupported(self, problem: Problem) -> str | None:
        """Why this solver cannot treat `problem`, as a sentence; None if it can."""
        return without_levels(problem) or super().unsupported(problem)

    def _bad_number(self) -> str | None:
        try:
            at_least_zero("rate", self.rate)
            homotopy(0.0, self.rate, self.freeze)
            if self.epochs is None:
                raise ValueError("epochs must be a whole number, or there is no fraction of them")
            if self.epochs >= 1 and np.isinf(homotopy(1 / self.epochs, self.rate, self.freeze)):
                raise ValueError(
                    f"freeze = {self.freeze!r} leaves none of epochs = {self.epochs!r} to train in; raise one"
                )
        except (TypeError, ValueError) as error:
            return str(error)
        return super()._bad_number()

    def map(self, problem: Problem, state: StochasticState) -> ProximalMap:
        """The proximal map of the problem's penalty."""
        return ProximalMap(problem.penalty, problem.penalty_weights)

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """Step size times strength."""
        done = (state.epoch + np.arange(1, rates.size + 1) / rates.size) / self.epochs
        return np.concatenate(([0.0], rates * self.rate * done))

    def is_final(self, state: StochasticState) -> bool:
        """Never before coefficients are frozen."""
        return False

    def is_frozen(self, state: StochasticState) -> bool:
        """Whether the epoch to come is one of the last, in which penalised coefficients stay."""
        return np.isinf(homotopy((state.epoch + 1) / self.epochs, self.rate, self.freeze))

    def step(self, problem: Problem, state: StochasticState) -> StochasticState:
        """The state after one more epoch."""
        if self._is_over(state) or not self.is_frozen(state):
            return super().step(problem, state)
        state.latent[:] = problem.separable.rounded(state.latent)
        if problem.unpenalised.size:
            self._move_unpenalised(problem, state)
        else:
            state.epoch = self.epochs  # nothing is left to move
        state.w = state.latent.copy()
        state.final = True
        state.ended = state.done = self._is_over(state)
        return state

    def _move_unpenalised(self, problem: Problem, state: StochasticState) -> None:
        """One epoch on the unpenalised columns, what the others explain subtracted from the targets."""
        batches, free = state.batches, problem.unpenalised
        fixed = np.where(problem.penalised, state.latent, 0.0)
        columns, products = batches.columns(free), batches.product(fixed)
        rows = kernels.Rows(columns, free.size, batches.y - products, batches.weights, Blend(np.zeros(1)))
        begins, ends, picked = batches.draw(state.generator)
        rates = step_sizes(state.step_size, state.t, batches.count)
        moved = state.latent[free]
        rows.eager(begins, ends, batches.factor * rates, np.zeros(rates.size), moved, picked)
        state.latent[free] = moved
        state.gamma += float(rates.sum())
        state.t += batches.count
        state.epoch += 1
        state.passes += 1.0
