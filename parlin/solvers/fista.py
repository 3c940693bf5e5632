r"""Accelerated proximal gradient: FISTA with adaptive restart, monotone for nonconvex penalties.

Source: [PAR] section 3; Beck and Teboulle 2009 (``F(w_k) − F* <= 2 L ‖w_0 − w*‖² / (k + 1)²`` without
restart); O'Donoghue and Candès 2015 (restart); Li and Lin 2015 (the monotone variant, which takes
a plain proximal-gradient step whenever the accelerated one does not lower F).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from parlin.problem import Problem
from parlin.solvers.base import FloatArray, State
from parlin.solvers.proximal_gradient import safe_step


@dataclass(frozen=True)
class FISTA:
    """FISTA with step 1/L.

    Parameters
    ----------
    restart : bool, default=True
        Forget the momentum when it points uphill (convex penalties).  False is the textbook method,
        whose ``1/k²`` bound is a theorem and whose practice is slower.
    """

    restart: bool = True

    check_passes: ClassVar[float] = 10.0

    def unsupported(self, problem: Problem) -> str | None:
        return None

    def init(self, problem: Problem, w0: FloatArray) -> _State:
        w = np.array(w0, dtype=np.float64)
        convex = problem.penalty.shape == "convex"
        objective = math.inf if convex else problem.objective(w)
        return _State(
            w, passes=0.0 if convex else 0.5, done=False, extrapolated=w, momentum=1.0, objective=objective
        )

    def step(self, problem: Problem, state: _State) -> _State:
        if problem.penalty.shape == "convex":
            return self._convex_step(problem, state)
        return self._monotone_step(problem, state)

    def _convex_step(self, problem: Problem, state: _State) -> _State:
        step = safe_step(problem)
        y = state.extrapolated
        w = problem.prox(y - step * problem.loss.gradient(y), step)
        move = w - state.w
        if self.restart and (y - w) @ move > 0:
            momentum, extrapolated = 1.0, w
        else:
            momentum = 0.5 * (1 + math.sqrt(1 + 4 * state.momentum**2))
            extrapolated = w + ((state.momentum - 1) / momentum) * move
        done = np.array_equal(w, y) and np.array_equal(w, state.w)
        return _State(w, state.passes + 1, done, extrapolated, momentum, state.objective)

    def _monotone_step(self, problem: Problem, state: _State) -> _State:
        step = safe_step(problem)
        y, passes = state.extrapolated, state.passes + 1.5
        w = problem.prox(y - step * problem.loss.gradient(y), step)
        objective = problem.objective(w)
        momentum = 0.5 * (1 + math.sqrt(1 + 4 * state.momentum**2))
        if not objective < state.objective:
            # From w itself the step cannot raise F.
            w = problem.prox(state.w - step * problem.loss.gradient(state.w), step)
            objective, momentum, passes = problem.objective(w), 1.0, passes + 1.5
            return _State(w, passes, np.array_equal(w, state.w), w, momentum, objective)
        extrapolated = w + ((state.momentum - 1) / momentum) * (w - state.w)
        return _State(w, passes, False, extrapolated, momentum, objective)


@dataclass
class _State(State):
    extrapolated: FloatArray  # y, where the next gradient is taken
    momentum: float  # t of Beck and Teboulle
    objective: float  # F(w), kept for nonconvex penalties only
