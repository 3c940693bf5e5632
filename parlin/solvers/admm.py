r"""ADMM for least squares: minimise ``f(x) + Ψ(z)`` subject to ``x = z``; the iterate is ``z``.

Order z, x, dual ([PAR] section 3; theory 7):

    z  = prox_{ψ/ρ}(x + u/ρ),   x = (H + ρI)⁻¹ (c − u + ρ z),   u += ρ (x − z)

Convex ψ: converges for every ρ > 0.  Nonconvex ψ: the augmented Lagrangian does not rise if
``ρ >= L``, which is therefore the default there.  The z-first order makes ``∇f(x) = −u`` after
every iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from parlin.problem import Problem
from parlin.solvers.base import FloatArray, State

# The smaller side of the design is factorised once, in O(size³) time and O(size²) memory.
_LARGEST_FACTOR = 8000
_CONVEX_FRACTION = 0.1


@dataclass(frozen=True)
class ADMM:
    """ADMM with one cached Cholesky factor (of the smaller side, by Woodbury's identity if d > n).

    Parameters
    ----------
    rho : positive float or None
        None takes ``L`` for a nonconvex penalty and a tenth of it for a convex one.
    """

    rho: float | None = None

    check_passes: ClassVar[float] = 10.0

    def unsupported(self, problem: Problem) -> str | None:
        if self.rho is not None and not (np.isfinite(self.rho) and self.rho > 0):
            return f"rho must be None or a positive finite number, but is {self.rho!r}"
        if not problem.loss.quadratic:
            return "ADMM factorises the Hessian once, which needs a quadratic loss"
        smaller = min(problem.loss.design.shape)
        if smaller > _LARGEST_FACTOR:
            return f"ADMM factorises the smaller side of the design, {smaller} > {_LARGEST_FACTOR}"
        return None

    def init(self, problem: Problem, w0: FloatArray) -> _State:
        z = np.array(w0, dtype=np.float64)
        rho = self.rho if self.rho is not None else _default_rho(problem)
        # u = −∇f(x) from the start, so that the Lagrangian descends from the first iteration on.
        dual = -problem.loss.gradient(z)
        solve, cost = _factorise(problem, rho)
        return _State(z, passes=1.0, done=False, x=z, dual=dual, rho=rho, solve=solve, cost=cost)

    def step(self, problem: Problem, state: _State) -> _State:
        rho = state.rho
        z = problem.prox(state.x + state.dual / rho, 1.0 / rho)
        x = state.solve(-problem.loss.gradient_at_zero - state.dual + rho * z)
        dual = state.dual + rho * (x - z)
        done = np.array_equal(z, state.w) and np.array_equal(x, state.x) and np.array_equal(dual, state.dual)
        return _State(z, state.passes + state.cost, done, x, dual, rho, state.solve, state.cost)


@dataclass
class _State(State):
    x: FloatArray  # the variable of the loss
    dual: FloatArray  # u, equal to −∇f(x)
    rho: float
    solve: Callable[[FloatArray], FloatArray]  # (H + ρI)⁻¹
    cost: float  # passes over the data of one iteration


def _default_rho(problem: Problem) -> float:
    lipschitz = problem.loss.lipschitz
    if lipschitz == 0.0:
        return 1.0
    return lipschitz if problem.penalty.shape != "convex" else _CONVEX_FRACTION * lipschitz


def _factorise(problem: Problem, rho: float) -> tuple[Callable[[FloatArray], FloatArray], float]:
    """The map ``v ↦ (H + ρI)⁻¹ v`` and its cost in passes over the data."""
    design = problem.loss.design
    n, d = design.shape
    gram = design.gram()
    gram[np.diag_indices_from(gram)] += rho
    try:
        factor = cho_factor(gram, lower=True, overwrite_a=True)
    except LinAlgError:
        raise ValueError(
            f"rho = {rho:g} is lost in rounding next to the Gram matrix; use at least "
            f"{np.finfo(np.float64).eps * problem.loss.lipschitz * min(n, d):.1g}"
        ) from None
    if d <= n:
        return lambda v: cho_solve(factor, v), d / (2 * n)
    root = np.sqrt(design.weights)

    def solve(v: FloatArray) -> FloatArray:
        inner = cho_solve(factor, root * design.matvec(v))
        return (v - design.rmatvec(inner / root)) / rho

    return solve, 1.0
