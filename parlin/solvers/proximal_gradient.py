r"""Proximal gradient: ``w⁺ = prox_{γψ}(w − γ ∇f(w))``.

Source: [PAR] section 3.  Convex ψ and ``γ = 1/L``: ``F(w_k) − F* <= L ‖w_0 − w*‖² / (2k)``.
Nonconvex ψ: F never rises as long as ``γ <= 1/L``, and every limit point is critical.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from parlin.problem import Problem
from parlin.solvers.base import FloatArray, State

# Step sizes are powers of 2^(1/4) times the first: one factor up before every step, halved when refused.
# A nonconvex penalty keeps a table for each of the few steps in use.
_RUNGS = 4
# A nonconvex penalty needs a step strictly below 1/L for F to decrease by more than zero.
_NONCONVEX_SAFETY = 0.99


@dataclass(frozen=True)
class ProximalGradient:
    """Proximal gradient with a constant or a backtracked step.

    Parameters
    ----------
    step_size : positive float, "1/L" or None
        None backtracks, never below ``1/L``; "1/L" uses the Lipschitz constant of the gradient.
    """

    step_size: float | Literal["1/L"] | None = None

    check_passes: ClassVar[float] = 10.0

    def unsupported(self, problem: Problem) -> str | None:
        if self.step_size is None or self.step_size == "1/L":
            return None
        if isinstance(self.step_size, str) or not (np.isfinite(self.step_size) and self.step_size > 0):
            return f"step_size must be None, '1/L' or a positive finite number, but is {self.step_size!r}"
        return None

    def init(self, problem: Problem, w0: FloatArray) -> _State:
        w = np.array(w0, dtype=np.float64)
        if self.step_size is None:
            step = problem.loss.coordinate_step
        elif self.step_size == "1/L":
            step = safe_step(problem)
        else:
            step = float(self.step_size)
        return _State(w, passes=1.0, done=False, gradient=problem.loss.gradient(w), step=step, rung=0)

    def step(self, problem: Problem, state: _State) -> _State:
        rung = state.rung if self.step_size is not None else state.rung + 1
        passes = state.passes
        while True:
            step = state.step * 2.0 ** (rung / _RUNGS)
            safe = self.step_size is not None or step <= safe_step(problem)
            if safe and self.step_size is None:
                step = safe_step(problem)
            w = problem.prox(state.w - step * state.gradient, step)
            gradient = problem.loss.gradient(w)
            passes += 1
            move = w - state.w
            # <∇f(w⁺) − ∇f(w), w⁺ − w> <= ‖w⁺ − w‖²/γ: for a quadratic f this is the descent
            # condition itself, and it does not cancel as a difference of values does.
            if safe or (gradient - state.gradient) @ move * step <= move @ move:
                break
            rung -= _RUNGS
        done = not move.any()
        return _State(w, passes, done, gradient, state.step, state.rung if done else rung)


@dataclass
class _State(State):
    gradient: FloatArray  # ∇f(w)
    step: float  # the constant step, or the foot of the ladder of steps
    rung: int  # of the step that led to w


def safe_step(problem: Problem) -> float:
    """``1/L``, a little less for a nonconvex penalty; 1 for a zero design, where any step is right."""
    lipschitz = problem.loss.lipschitz
    if lipschitz == 0.0:
        return 1.0
    return (1.0 if problem.penalty.shape == "convex" else _NONCONVEX_SAFETY) / lipschitz
