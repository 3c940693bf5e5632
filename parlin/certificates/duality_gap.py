r"""The duality gap of a point, from a dual point that is feasible by construction."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr, solve_triangular

from parlin._kernels import optimality
from parlin._kernels.optimality_numpy import feasible
from parlin._types import FloatArray, IndexArray
from parlin.penalty.separable import SeparablePenalty
from parlin.problem import Problem

# Columns of length one count as dependent where pivoting leaves no more of one than rounding errors.
_ROUNDING = 2e-15
# A dual point orthogonal to unpenalised columns closer to dependent than this cannot be shown feasible.
_DOUBTFUL = 1e-10
# Products of a decomposition that is worth its time: half a second.
_MOST_PRODUCTS = 2e9
# Where rounding errors are allowed for, they may hide this fraction of the objective, and no more.
HIDDEN = 1e-7
# The second projection removes what rounding left of the first.
_PROJECTIONS = 2


def duality_gap(problem: Problem, w: FloatArray) -> float | None:
    r"""The absolute duality gap at `w`, or None where no scaling makes the residual feasible.

    Source: theory 1.  With ``ν = c r``, ``r`` the residual orthogonal to the unpenalised columns,
    the gap is ``f(w) + f*(−X'ν) + <ν, Xw>`` plus ``Σ_j ω_j (ψ(w_j) + ψ*(p_j) − p_j w_j)``,
    ``p_j = X_j'ν / ω_j``.  The factor ``c in (0, 1]`` is the largest that makes every ``p_j`` feasible.
    """
    penalty = problem.separable
    if not has_gap(penalty):
        return None
    if penalty.unpenalised.size and problem.loss.quadratic:
        return projected_gap(problem, w, penalty.unpenalised)
    nu = problem.loss.dual_point(w, penalty.unpenalised)
    return _gap_of(problem, w, nu)


def gap_of_least_squares(
    penalty: SeparablePenalty, w: FloatArray, value: float, gradient: FloatArray,
    allowance: FloatArray | None = None,
) -> float | None:  # fmt: skip
    r"""`duality_gap` for a quadratic loss without unpenalised columns, from f(w) and its gradient alone.

    There ``r = y − Xw`` and the loss's part is ``‖r − c r‖² / 2 = (1 − c)² f(w)``.  The `allowance` is as in
    `projected_gap`.
    """
    if not has_gap(penalty):
        return None
    factor, penalty_part = _penalty_part(penalty, w, -gradient, allowance)
    return (1.0 - factor) ** 2 * value + penalty_part


def projected_gap(
    problem: Problem, w: FloatArray, chosen: IndexArray, allowance: FloatArray | None = None
) -> float | None:
    r"""The absolute gap of a quadratic loss from the dual point next to the residual that `chosen` allow.

    Source: theory 11.4.  ν is the residual moved by the least amount to ``X_j'ν = ω_j ψ'(w_j)`` for those
    coordinates, which are unpenalised or inside cells: at a minimiser nothing moves, and next to one the
    rounding errors of ``w`` do not count, which large columns would carry into ``X'r``.  What rounding
    leaves of an unpenalised column's correlation is added with the largest move that its coordinate makes
    on the way to a solution of the size of `w`.  None where unpenalised columns are too close to dependent,
    or the chosen ones too many.  Slopes outside their intervals by no more than the `allowance` count as on
    the border, and their distance times twice the coefficient is added; then what unpenalised columns add is
    left out up to 1e-7 of f(0).
    """
    loss, design, penalty = problem.loss, problem.loss.design, problem.separable
    norms = design.column_norms
    free = penalty.unpenalised[norms[penalty.unpenalised] > 0.0]
    face = _Face.of(problem, w, chosen)
    smallest = 0.0 if face is None else _smallest_pivot(design.columns(free) / norms[free])
    if face is None or smallest <= _DOUBTFUL:
        return None
    nu = face.projected() / design.root_weights
    gap = _gap_of(problem, w, nu, allowance)
    if free.size:
        left = float(np.linalg.norm(design.rmatvec(nu)[free] / norms[free])) / smallest
        size = float(np.where(penalty.penalised, norms, 0.0) @ np.abs(w))
        extra = 2.0 * left * (math.sqrt(2 * loss.value(w)) + loss.y_norm + size)
        gap += extra if allowance is None else max(extra - HIDDEN * loss.value_at_zero, 0.0)
    return gap


def possible_fall(problem: Problem, w: FloatArray, tol: float) -> float | None:
    r"""How much lower the objective gets if the free coordinates move alone and as if cells had no ends.

    Source: theory 11.5.  ``½ ‖Q'r − R⁻ᵀ ω_F s_F‖²`` with ``X_F = Q R``, half the square of Newton's
    decrement.  It stands in for the gap of a quadratic loss where there is none: a small gradient alone says
    little about a direction with hardly any curvature.  Infinite where columns depend on others, and their
    slopes, up to `tol`, do not: along a null vector the objective then falls until a coordinate meets a
    level.  None if F is too large.
    """
    face = _Face.of(problem, w, np.flatnonzero(~problem.on_level(w)))
    return None if face is None else face.fall(tol * problem.gradient_unit)


class _Face(NamedTuple):
    """The columns of chosen coordinates at length one, ``Q R``, and the correlations that they need."""

    Q: FloatArray
    R: FloatArray
    order: IndexArray  # of the columns in Q R, the independent ones
    wanted: FloatArray
    others: tuple[FloatArray, FloatArray]  # of the dependent columns, their part of R and what they need
    u: FloatArray  # the residual

    @classmethod
    def of(cls, problem: Problem, w: FloatArray, chosen: IndexArray) -> _Face | None:
        design, penalty = problem.loss.design, problem.separable
        chosen = chosen[design.column_norms[chosen] > 0.0]
        n, m = design.shape[0], chosen.size
        if float(n) * m * min(n, m) > _MOST_PRODUCTS:
            return None
        norms = design.column_norms[chosen]
        A = design.columns(chosen) / norms
        Q, R, order = qr(A, mode="economic", pivoting=True)
        pivots = np.abs(np.diag(R))
        most = _ROUNDING * math.sqrt(n) * pivots[:1].sum()
        rank = int(np.count_nonzero(pivots > most))
        wanted = np.where(penalty.penalised, penalty.penalty.subdifferential(w)[0], 0.0)
        if penalty.weights is not None:
            wanted *= penalty.weights
        wanted = wanted[chosen] / norms
        u = design.embed(problem.loss.residual(w))
        others = R[:rank, rank:], wanted[order[rank:]]
        return cls(Q[:, :rank], R[:rank, :rank], order[:rank], wanted, others, u)

    def projected(self) -> FloatArray:
        """The vector next to the residual whose correlations are those wanted."""
        u = self.u
        for _ in range(_PROJECTIONS):
            u = u + self.Q @ self._missing(u)
        return u

    def fall(self, slack: float) -> float:
        missing = self._missing(self.u)
        others = self.others[1] - self.others[0].T @ (self.Q.T @ self.u + missing)
        return 0.5 * float(missing @ missing) if np.all(np.abs(others) <= slack) else math.inf

    def _missing(self, u: FloatArray) -> FloatArray:
        """The coordinates in Q of the least move of u to the correlations wanted."""
        return solve_triangular(self.R, self.wanted[self.order], trans="T") - self.Q.T @ u


def _smallest_pivot(columns: FloatArray) -> float:
    """How close columns of length one are to dependent: the smallest pivot of their QR factors."""
    if columns.shape[1] == 0:
        return 1.0
    if columns.shape[1] > columns.shape[0]:
        return 0.0
    pivots = np.abs(np.diag(qr(columns, mode="r", pivoting=True)[0]))
    return float(pivots.min())


def has_gap(penalty: SeparablePenalty) -> bool:
    """Whether scaling a residual down ends in the domain of ``ψ*``: the outer slopes enclose 0."""
    slopes = penalty.penalty.slopes
    return bool(slopes[0] < 0 < slopes[-1])


def _gap_of(
    problem: Problem, w: FloatArray, nu: FloatArray, allowance: FloatArray | None = None
) -> float:
    """The gap of a dual point that is feasible once it is scaled."""
    factor, penalty_part = _penalty_part(problem.separable, w, problem.loss.design.rmatvec(nu), allowance)
    return problem.loss.fenchel_young(w, factor * nu) + penalty_part


def _penalty_part(
    penalty: SeparablePenalty, w: FloatArray, correlation: FloatArray, allowance: FloatArray | None = None
) -> tuple[float, float]:
    """The largest feasible factor ``c`` of the correlations ``X_j'r``, and the penalty's part of the gap.

    Of a sum of nonnegative terms, each rounded: not negative.
    """
    psi = penalty.penalty
    if allowance is None and psi.shape == "convex":
        arrays = penalty.weights, psi.levels, psi.slopes, *psi.anchors
        return optimality.penalty_gap(w, -correlation, *arrays)
    active = penalty.penalised
    weights = np.ones(penalty.size) if penalty.weights is None else penalty.weights
    weights, w = weights[active], w[active]
    slopes, extra = correlation[active] / weights, 0.0
    if allowance is not None:
        border = np.clip(slopes, *psi.subdifferential(w))
        excess = np.minimum(weights * np.abs(slopes - border), allowance[active])
        slopes = slopes + np.sign(border - slopes) * excess / weights
        extra = 2.0 * float(excess @ np.abs(w))
    factor, dual_slopes = feasible(slopes, psi.slopes[0], psi.slopes[-1])
    terms = np.maximum(psi.fenchel_young(w, dual_slopes), 0.0)
    return factor, float(weights @ terms) + extra
