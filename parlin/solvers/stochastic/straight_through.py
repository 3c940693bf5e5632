r"""The straight-through estimator: gradients at rounded coefficients, gathered in a latent vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parlin._types import FloatArray
from parlin.problem import Problem
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState
from parlin.solvers.stochastic.maps import SoftRounding


@dataclass(frozen=True)
class StraightThrough(StochasticSolver):
    r"""Coefficients on levels at every step: ``u⁺ = u − η g(w)``, w the levels nearest to u.

    Also called BinaryConnect.  With a fixed step the last iterate is as good as chance makes it: in general
    it goes on changing levels for ever, and ``keep="best"`` returns the best one that was certified.  A step
    that is far too long does not show as NOT_FINITE: coefficients are on levels however large the latent
    vector is.

    It uses the quantization levels Q of the problem's penalty, and neither its slopes nor its strength; so
    give it ``Problem(loss, designs.distance(Q).scaled(lam))``.  That problem's certificate is about it: w on
    Q, ends of Q included, is critical just if ``max|∇f(w)| <= lam``, and `Problem.critical_strength` gives
    the least such `lam`, per unit of the penalty.

    Parameters
    ----------
    step_size, batch_size, epochs, replace, keep, random_state, shuffle
        As for `ProxSGD`.
    """

    def unsupported(self, problem: Problem) -> str | None:
        """Why this solver cannot treat `problem`, as a sentence; None if it can."""
        return without_levels(problem) or super().unsupported(problem)

    def map(self, problem: Problem, state: StochasticState) -> SoftRounding:
        """Rounding to the quantization levels."""
        return SoftRounding(problem.penalty.quantization_levels, problem.penalty_weights)

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """Hard rounding."""
        return np.full(gammas.size, np.inf)


def without_levels(problem: Problem) -> str | None:
    """The sentence for a penalty that has no level to round to."""
    if problem.penalty.quantization_levels.size:
        return None
    return "the penalty has no convex kink, so there is no level to round to"
