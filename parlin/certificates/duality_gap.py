r"""The duality gap of a point, from a dual point that is feasible by construction."""

from __future__ import annotations

import numpy as np

from parlin._types import FloatArray
from parlin.penalty.separable import SeparablePenalty
from parlin.problem import Problem


def duality_gap(problem: Problem, w: FloatArray) -> float | None:
    r"""The absolute duality gap at `w`, or None where no scaling makes the residual feasible.

    Source: theory 1.  With ``ν = c r``, ``r`` the residual orthogonal to the unpenalised columns,
    the gap is ``f(w) + f*(−X'ν) + <ν, Xw>`` plus ``Σ_j ω_j (ψ(w_j) + ψ*(p_j) − p_j w_j)``,
    ``p_j = X_j'ν / ω_j``.  The factor ``c in (0, 1]`` is the largest that makes every ``p_j`` feasible.
    """
    penalty = problem.separable
    if not has_gap(penalty):
        return None
    nu = problem.loss.dual_point(w, penalty.unpenalised)
    correlation = problem.loss.design.rmatvec(nu)
    factor, penalty_part = _penalty_part(penalty, w, correlation)
    return problem.loss.fenchel_young(w, factor * nu) + penalty_part


def gap_of_least_squares(
    penalty: SeparablePenalty, w: FloatArray, value: float, gradient: FloatArray
) -> float | None:
    r"""`duality_gap` for a quadratic loss without unpenalised columns, from f(w) and its gradient alone.

    There ``r = y − Xw`` and the loss's part is ``‖r − c r‖² / 2 = (1 − c)² f(w)``.
    """
    if not has_gap(penalty):
        return None
    factor, penalty_part = _penalty_part(penalty, w, -gradient)
    return (1.0 - factor) ** 2 * value + penalty_part


def has_gap(penalty: SeparablePenalty) -> bool:
    """Whether scaling a residual down ends in the domain of ``ψ*``: the outer slopes enclose 0."""
    slopes = penalty.penalty.slopes
    return bool(slopes[0] < 0 < slopes[-1])


def _penalty_part(penalty: SeparablePenalty, w: FloatArray, correlation: FloatArray) -> tuple[float, float]:
    """The largest feasible factor ``c`` of the correlations ``X_j'r``, and the penalty's part of the gap."""
    low, high = penalty.penalty.slopes[0], penalty.penalty.slopes[-1]
    active = penalty.penalised
    weights = np.ones(penalty.size) if penalty.weights is None else penalty.weights
    weights = weights[active]
    correlation = correlation[active] / weights
    factor = 1.0
    if np.isfinite(high):
        factor = min(factor, high / max(float(np.max(correlation, initial=0.0)), high))
    if np.isfinite(low):
        factor = min(factor, low / min(float(np.min(correlation, initial=0.0)), low))
    # The product may leave the domain by a rounding error, where ψ* would be infinite.
    dual_slopes = np.clip(factor * correlation, low, high)
    return factor, float(weights @ penalty.penalty.fenchel_young(w[active], dual_slopes))
