r"""How good a point is: one pure function of the problem and the point.

Solvers cannot import this module: nobody grades himself.  `certify` needs one pass over the data
and trusts nothing that a solver computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin._kernels import all_finite, optimality
from parlin._kernels.optimality_numpy import largest_ratio
from parlin.problem import Problem

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Certificate:
    r"""What is true of a point ``w`` of a problem.

    Attributes
    ----------
    objective : float
        F(w); +inf outside a box.
    residual : float
        ``max_j dist_j / max(scale_j, floor_j / tol)`` with ``dist_j`` the distance of ``−∂_j f(w)``
        from the Clarke interval, ``scale_j = max|∇f(0)| ‖X_j‖ / max_k ‖X_k‖`` and ``floor_j`` a
        bound on the rounding error of ``∂_j f``.  The one meaning of ``tol``: ``residual <= tol``.
    strict_residual : float
        ``max_j max(dist_j, floor_j) / scale_j`` over the coordinates with ``dist_j > 0`` or off the
        levels: what holds in spite of rounding.  A point that meets `tol` only without it is
        accepted as ROUNDING.
    slope_residual : float or None
        ``max_j dist_j`` relative to the smallest nonzero |slope| of coordinate ``j``; claims about
        quantization use this one.  None when no slope is finite and nonzero.
    prox_residual : float
        ``max_j |w_j − p_j| / step`` with ``p`` one proximal-gradient step from ``w``, scaled as
        `residual`.  Zero implies Clarke-critical; for a nonconvex penalty not conversely.
    prox_step : float
        The step of `prox_residual`: ``1 / max_j ‖X_j‖²``.
    gap : float or None
        Duality gap relative to ``max(f(0), |F(w)|)``, from a feasible dual point.  For a nonconvex
        penalty it refers to the convex envelope: zero certifies a global minimiser, more says
        nothing.  None unless ``slopes[0] < 0 < slopes[-1]``: otherwise scaling a residual cannot
        reach the dual's domain.
    rounded_objective : float or None
        F at the penalised coordinates rounded to the nearest quantization level; None without levels.
    on_level, size : int
        How many penalised coordinates equal a level, float for float, and how many there are.
    """

    objective: float
    residual: float
    strict_residual: float
    slope_residual: float | None
    prox_residual: float
    prox_step: float
    gap: float | None
    rounded_objective: float | None
    on_level: int
    size: int

    @property
    def quantization_rate(self) -> float:
        """The fraction of penalised coordinates that equal a level; 1 when none is penalised."""
        return self.on_level / self.size if self.size else 1.0

    def to_json(self) -> dict[str, float | int | None]:
        """The fields and the rate as plain numbers; infinities and NaN become None."""
        fields = {**asdict(self), "quantization_rate": self.quantization_rate}
        return {k: v if v is None or math.isfinite(v) else None for k, v in fields.items()}


def certify(problem: Problem, w: ArrayLike, tol: float = 1e-8) -> Certificate:
    r"""Everything that one pass over the data can prove about the point `w`.

    Parameters
    ----------
    problem : Problem
    w : array of shape (d,)
    tol : float, default=1e-8
        Only sets where `residual` stops counting rounding errors (see `Certificate`).

    Raises
    ------
    ValueError
        If `w` has the wrong shape or `tol` is not positive.

    Notes
    -----
    The gap is summed as Fenchel-Young terms, each nonnegative by construction, so it keeps its
    relative accuracy down to rounding, which a difference of objectives does not.

    Examples
    --------
    >>> from parlin import LeastSquares, Problem, certify, designs
    >>> problem = Problem(LeastSquares([[2.0]], [4.0]), designs.ridge(1.0, 3).scaled(1.0))
    >>> certify(problem, [1.0]).residual > 0.1
    True
    >>> certify(problem, [1.625]).residual
    0.0
    """
    w = np.array(w, dtype=np.float64)
    if w.shape != (problem.size,):
        raise ValueError(f"w must have shape ({problem.size},), but has shape {w.shape}")
    if not tol > 0:
        raise ValueError(f"tol must be positive, but is {tol!r}")
    return judge(problem, w, tol).certificate


class Judgement:
    """The part of a certificate that decides whether a run may end; `certificate` is the whole.

    The rest is made when it is first asked for, or when the judgement is pickled; then the problem
    is let go.
    """

    def __init__(
        self, objective: float, residual: float, strict_residual: float, complete: Callable[[], Certificate]
    ) -> None:
        self.objective = objective
        self.residual = residual
        self.strict_residual = strict_residual
        self._complete: Callable[[], Certificate] | None = complete

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate of the point."""
        certificate, self._complete = self._complete(), None
        return certificate

    def __getstate__(self) -> dict[str, object]:
        self.certificate  # noqa: B018
        return self.__dict__


def judge(problem: Problem, w: FloatArray, tol: float) -> Judgement:
    """The judgement of `certify` on a point of the right shape, which the caller must not change."""
    loss = problem.loss
    if not all_finite(w):
        return _hopeless(problem, w)
    value, gradient = loss.value_and_gradient(w)
    if not (math.isfinite(value) and all_finite(gradient)):
        return _hopeless(problem, w)
    scale, floor = loss.gradient_scale, loss.rounding_floor(w)
    penalty = problem.penalty
    objective, residual, strict_residual = optimality.judge(
        w, gradient, scale, floor, problem.penalty_weights, penalty.levels, penalty.slopes, *penalty.anchors,
        value, problem.start_objective, tol,
    )  # fmt: skip

    def complete() -> Certificate:
        distance, on_level = problem.distance(gradient, w), problem.on_level(w)
        allowed = np.maximum(scale, _excuse(problem, objective, floor) / tol)
        step = loss.coordinate_step
        move = np.abs(w - problem.prox(w - step * gradient, step)) / step
        return Certificate(
            objective=objective,
            residual=residual,
            strict_residual=strict_residual,
            slope_residual=_slope_residual(problem, distance),
            prox_residual=largest_ratio(move, allowed),
            prox_step=step,
            gap=_relative_gap(problem, w, objective),
            rounded_objective=_rounded_objective(problem, w),
            on_level=int(np.count_nonzero(on_level)),
            size=int(np.count_nonzero(problem.penalised)),
        )

    return Judgement(objective, residual, strict_residual, complete)


def _excuse(problem: Problem, objective: float, floor: FloatArray) -> FloatArray:
    """The rounding errors that a point is excused."""
    # Far out the floor grows without limit: it excuses no point that is worse than the start.
    return np.zeros_like(floor) if objective > problem.start_objective else floor


def _slope_residual(problem: Problem, distance: FloatArray) -> float | None:
    slopes = np.abs(problem.penalty.slopes)
    usable = slopes[np.isfinite(slopes) & (slopes > 0)]
    if usable.size == 0:
        return None
    smallest = np.full(problem.size, usable.min())
    if problem.penalty_weights is not None and problem.penalised.any():
        weights = np.where(problem.penalised, problem.penalty_weights, np.inf)
        smallest *= np.where(problem.penalised, weights, weights.min())
    return largest_ratio(distance, smallest)


def _relative_gap(problem: Problem, w: FloatArray, objective: float) -> float | None:
    gap = duality_gap(problem, w)
    if gap is None or math.isinf(gap):
        return gap
    scale = max(problem.loss.value_at_zero, abs(objective))
    if gap == 0.0:
        return 0.0
    return gap / scale if scale > 0 else math.inf


def duality_gap(problem: Problem, w: FloatArray) -> float | None:
    r"""The absolute duality gap at `w`, from the residual scaled into the dual's domain, if that is possible.

    Source: theory 1.  With ``ν = c r``, ``r`` the residual orthogonal to the unpenalised columns,
    the gap is ``f(w) + f*(−X'ν) + <ν, Xw>`` plus ``Σ_j ω_j (ψ(w_j) + ψ*(p_j) − p_j w_j)``,
    ``p_j = X_j'ν / ω_j``.  The factor ``c in (0, 1]`` is the largest that makes every ``p_j`` feasible.
    """
    low, high = problem.penalty.slopes[0], problem.penalty.slopes[-1]
    if not low < 0 < high:
        return None
    nu = problem.loss.dual_point(w, problem.unpenalised)
    active = problem.penalised
    weights = np.ones(problem.size) if problem.penalty_weights is None else problem.penalty_weights
    weights = weights[active]
    if problem.unpenalised.size:
        correlation = problem.loss.design.rmatvec(nu)[active] / weights
    else:  # ν is the residual: the gradient is known
        correlation = -problem.loss.gradient(w) / weights
    shrink = 1.0
    if np.isfinite(high):
        shrink = min(shrink, high / max(float(np.max(correlation, initial=0.0)), high))
    if np.isfinite(low):
        shrink = min(shrink, low / min(float(np.min(correlation, initial=0.0)), low))
    # The product may leave the domain by a rounding error, where ψ* would be infinite.
    dual_slopes = np.clip(shrink * correlation, low, high)
    terms = problem.penalty.fenchel_young(w[active], dual_slopes)
    return problem.loss.fenchel_young(w, shrink * nu) + float(weights @ terms)


def _rounded_objective(problem: Problem, w: FloatArray) -> float | None:
    if problem.penalty.quantization_levels.size == 0:
        return None
    return problem.objective(np.where(problem.penalised, problem.penalty.nearest_level(w), w))


def _hopeless(problem: Problem, w: FloatArray) -> Judgement:
    def complete() -> Certificate:
        on_level = int(np.count_nonzero(problem.on_level(w)))
        size = int(np.count_nonzero(problem.penalised))
        return Certificate(
            math.nan, math.inf, math.inf, math.inf, math.inf, math.nan, None, None, on_level, size
        )

    return Judgement(math.nan, math.inf, math.inf, complete)
