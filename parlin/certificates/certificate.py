r"""How good a point is: one pure function of the problem and the point.

Solvers cannot import this module: nobody grades himself.  `certify` needs one pass over the data
and trusts nothing that a solver computed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from parlin._threads import steady, steady_blas
from parlin._types import FloatArray
from parlin.certificates.stopping import EvaluatedPoint, StoppingCheck, check_point
from parlin.certificates.units import Units
from parlin.problem import Problem


@dataclass(frozen=True)
class Certificate:
    r"""What is true of a point ``w`` of a problem.

    Attributes
    ----------
    objective : float
        F(w); +inf outside a box.
    residual : float
        ``max_j dist_j / max(scale_j, floor_j / tol)`` with ``dist_j`` the distance of ``−∂_j f(w)``
        from the Clarke interval, ``scale_j = max|∇f(0)| ‖X_j‖ / max_k ‖X_k‖`` (`Problem.gradient_scale`,
        which has a floor where ``∇f(0) = 0``) and ``floor_j`` what rounding may change of ``∂_j f``
        (theory 11.2).  At most ``tol`` where a run succeeds, which asks for more: theory 11.1.
    strict_residual : float
        ``max_j max(dist_j, floor_j) / scale_j`` over the coordinates with ``dist_j > 0`` or off the
        levels: what holds in spite of rounding.  A success whose strict residual is above `tol` is
        ROUNDING.
    slope_residual : float or None
        ``max_j dist_j`` relative to the smallest nonzero |slope| of coordinate ``j``; claims about
        quantization use this one.  None when no slope is finite and nonzero.
    prox_residual : float
        ``max_j |w_j − p_j| / step`` with ``p`` one proximal-gradient step from ``w``, scaled as
        `residual`.  A move that the proximal step gains nothing by is none.
        Zero implies Clarke-critical; for a nonconvex penalty not conversely.
    prox_step : float
        The step of `prox_residual`: ``1 / max_j ‖X_j‖²``.
    gap : float or None
        Duality gap relative to ``max(f(0), |F(w)|)`` (`Problem.value_scale`, which has a floor where
        ``f(0) = 0``), never negative.  The dual point is the
        scaled residual; with unpenalised columns, or at a stationary point whose gap is above `tol`, also a
        vector next to it (theory 11.4).  For a nonconvex penalty it refers to the convex envelope: zero
        certifies a global minimiser, more says nothing.  None unless ``slopes[0] < 0 < slopes[-1]``:
        otherwise scaling a residual cannot reach the dual's domain; nor where unpenalised columns nearly
        depend on each other.
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
    units = Units.of(problem)
    if units is not None:
        return in_old_units(certify(units.problem(problem), units.there(w), tol), units)
    with steady_blas(problem.loss.design.X.size), np.errstate(over="ignore", invalid="ignore"):
        check = check_point(problem, w, tol)
        if check.point is None:
            return not_finite(problem, w)
        check.point.read_data(problem, check)
        return complete(check)


@steady(lambda check: 0 if check.point is None else check.point.w.size)
def complete(check: StoppingCheck) -> Certificate:
    """The certificate of a point from its check alone, after `EvaluatedPoint.read_data`."""
    point = check.point
    penalty, w = point.penalty, point.w
    with np.errstate(over="ignore", invalid="ignore"):  # of absurd sizes: the numbers tell
        slope_residual, prox_residual = point.slope_residual, float(point.prox_moves.max())
        rounded_objective = _rounded_objective(point)
    return Certificate(
        objective=check.objective,
        residual=check.residual,
        strict_residual=check.strict_residual,
        slope_residual=slope_residual,
        prox_residual=prox_residual,
        prox_step=point.prox_step,
        gap=point.relative_gap,
        rounded_objective=rounded_objective,
        on_level=int(np.count_nonzero(penalty.on_level(w))),
        size=penalty.n_penalised,
    )


def in_old_units(c: Certificate, units: Units) -> Certificate:
    """That of a problem as it was, given that of `Units.problem`: only objectives and the step have units."""
    rounded = None if c.rounded_objective is None else units.value(c.rounded_objective)
    values = {"objective": units.value(c.objective), "rounded_objective": rounded}
    return replace(c, **values, prox_step=units.step(c.prox_step))


def not_finite(problem: Problem, w: FloatArray) -> Certificate:
    """The certificate of a point where w, the loss or its gradient is not finite: it certifies nothing."""
    on_level = int(np.count_nonzero(problem.on_level(w)))
    size = problem.separable.n_penalised
    return Certificate(math.nan, math.inf, math.inf, math.inf, math.inf, math.nan, None, None, on_level, size)


def _rounded_objective(point: EvaluatedPoint) -> float | None:
    if point.rounded_value is None:
        return None
    return point.rounded_value + point.penalty.value(point.penalty.rounded(point.w))
