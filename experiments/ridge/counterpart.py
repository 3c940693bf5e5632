r"""A fit on a grid and its unquantized counterpart: the same loss, and the smooth penalty of the chords.

The penalty p has a derivative that rises at least as fast as x itself, so a point where the gradient of the
counterpart's objective is small is close to its minimiser: that certifies the counterpart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from experiments.measure.certified_point import TOLERANCE, CertifiedPoint, solve_to_slopes
from experiments.measure.ridge import ridge_coefs
from parlin import PAR, LeastSquares, Problem, designs, theory

FloatArray = NDArray[np.float64]

_NEWTON_STEPS = 50


@dataclass(frozen=True)
class Smooth:
    """An even penalty p with ``p″ >= 1``."""

    name: str
    value: Callable[[FloatArray], FloatArray]
    derivative: Callable[[FloatArray], FloatArray]
    curvature: Callable[[FloatArray], FloatArray]

    def chords(self, spacing: float, n_levels: int) -> PAR:
        """The PAR that interpolates p at ``0, ±q, …, ±mq`` and goes on for one more cell's chord."""
        if self is RIDGE:
            return designs.ridge(spacing, n_levels)
        return designs.from_function(self.value, np.arange(-n_levels, n_levels + 1) * spacing)


RIDGE = Smooth("x²/2", lambda x: x**2 / 2, lambda x: x, np.ones_like)
CUBIC = Smooth(
    "x²/2 + |x|³/6",
    lambda x: x**2 / 2 + np.abs(x) ** 3 / 6,
    lambda x: x + x * np.abs(x) / 2,
    lambda x: 1 + np.abs(x),
)


@dataclass(frozen=True)
class Pair:
    """The solution on a grid, the counterpart, and what is needed to certify and to compare them.

    `counterpart_error` bounds the distance of `counterpart` from the exact one; `labels` holds what tables
    and figures call the pair by.
    """

    point: CertifiedPoint
    counterpart: FloatArray
    counterpart_error: float
    smooth: Smooth
    alpha: float
    spacing: float
    n_levels: int
    labels: dict[str, Any] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """The problem on the grid."""
        return self.point.problem

    @property
    def w(self) -> FloatArray:
        """Its solution."""
        return self.point.w

    @property
    def excess(self) -> float | None:
        """Its objective compared with cvxpy's, where cvxpy was asked."""
        return self.point.excess

    @property
    def certified(self) -> bool:
        """Whether the solution is certified, and the counterpart exact."""
        return self.point.certified and self.counterpart_is_exact

    @property
    def certified_and_covered(self) -> bool:
        """Whether the pair is certified, on a grid that reaches its solution."""
        return self.certified and self.covered

    @property
    def counterpart_is_exact(self) -> bool:
        """Whether the counterpart is within a negligible part of a cell of the exact one."""
        return self.counterpart_error <= TOLERANCE * self.spacing / 2

    @property
    def covered(self) -> bool:
        """Whether the grid reaches the solution, as is checked after solving."""
        return float(np.abs(self.w).max()) <= theory.ridge_reach(self.spacing, self.n_levels)

    @property
    def reaches_a_cell_beyond_counterpart(self) -> bool:
        """Whether the last level is a cell or more beyond the counterpart, which is known before solving."""
        return (self.n_levels - 1) * self.spacing >= float(np.abs(self.counterpart).max())

    @cached_property
    def difference(self) -> FloatArray:
        """The solution on the grid minus the counterpart, shape (d,)."""
        return self.w - self.counterpart

    @property
    def distance(self) -> float:
        """The Euclidean length of the difference."""
        return float(np.linalg.norm(self.difference))

    @property
    def prediction_distance(self) -> float:
        """The root mean square of the difference of the fitted values."""
        design = self.problem.loss.design
        return float(np.linalg.norm(design.embed(design.matvec(self.difference))))

    @cached_property
    def curvature(self) -> float:
        """The smallest eigenvalue of ``X'X/n``; 0 for more columns than rows."""
        return _curvature(self.problem.loss)

    @property
    def bound(self) -> float:
        """The bound of the source, ``√d q/2``."""
        return theory.ridge_distance(self.problem.size, self.spacing, self.alpha)

    @property
    def sharper_bound(self) -> float:
        """The bound with the curvature of the loss, ``α/(α + μ) · √d q/2``."""
        return theory.ridge_distance(self.problem.size, self.spacing, self.alpha, self.curvature)

    @property
    def prediction_bound(self) -> float:
        """The bound on `prediction_distance`."""
        return theory.ridge_prediction_distance(self.problem.size, self.spacing, self.alpha)

    @property
    def slope_error(self) -> FloatArray:
        """The slope that criticality asks for minus the coefficient, as near as the grid's slopes allow."""
        low, high = self.problem.penalty.subdifferential(self.w)
        return np.clip(-self.problem.loss.gradient(self.w), low, high) / self.alpha - self.w

    @property
    def identity_error(self) -> float:
        r"""How far ``w_PAR − w_ridge`` is from ``−α (H + αI)⁻¹ e``, in units of the source's bound."""
        hessian = _hessian(self.problem.loss) + self.alpha * np.eye(self.problem.size)
        predicted = -self.alpha * np.linalg.solve(hessian, self.slope_error)
        return float(np.linalg.norm(self.difference - predicted)) / self.bound

    def compared_with_cvxpy(self) -> Pair:
        """The same pair, its solution compared with cvxpy's."""
        return replace(self, point=self.point.compared_with_cvxpy())

    def rounded(self) -> Pair:
        """The counterpart rounded to the grid in place of the solution: a point that is not critical."""
        return replace(self, point=self.point.moved(self.counterpart).rounded())


def pair(
    loss: LeastSquares,
    alpha: float,
    spacing: float,
    n_levels: int | None = None,
    *,
    smooth: Smooth = RIDGE,
    bounded: bool = False,
    **labels: Any,
) -> Pair:
    """Both solutions; the grid has the levels that theory asks for unless their number is given.

    With `bounded`, both are held in the box that ends at the last level (ridge only).
    """
    counterpart = minimise_smooth(loss, alpha, smooth)
    if n_levels is None:
        n_levels = theory.covering_levels(float(np.abs(counterpart).max()), loss.size, spacing)
    reach = np.inf
    penalty = smooth.chords(spacing, n_levels)
    if bounded:
        reach, penalty = n_levels * spacing, designs.ridge(spacing, n_levels, bounded=True)
        counterpart = ridge_in_box(loss, alpha, reach)
    problem = Problem(loss, penalty.scaled(alpha))
    point = CertifiedPoint(problem, solve_to_slopes(problem).w)
    error = counterpart_error(loss, alpha, smooth, counterpart, reach)
    return Pair(point, counterpart, error, smooth, alpha, spacing, n_levels, labels)


def one_coefficient(curvature: float, centre: float) -> LeastSquares:
    """The loss ``curvature/2 · w² − centre · w``, up to a constant."""
    root = np.sqrt(curvature)
    return LeastSquares([[root]], [centre / root])


def minimise_smooth(loss: LeastSquares, alpha: float, smooth: Smooth) -> FloatArray:
    """The minimiser of ``f + α Σ p(w_j)`` to rounding: in closed form, or by Newton's method."""
    if smooth is RIDGE:
        return ridge_coefs(loss, alpha)[0]
    hessian = _hessian(loss)
    w = np.zeros(loss.size)
    for _ in range(_NEWTON_STEPS):
        gradient = loss.gradient(w) + alpha * smooth.derivative(w)
        move = np.linalg.solve(hessian + alpha * np.diag(smooth.curvature(w)), gradient)
        w = w - move
        if np.abs(move).max() <= 4 * np.finfo(np.float64).eps * np.abs(w).max():
            break
    return w


def ridge_in_box(loss: LeastSquares, alpha: float, reach: float) -> FloatArray:
    """The ridge solution with every coefficient held in ``[−reach, reach]``, by an active-set method."""
    rows = np.vstack((loss.design.columns(slice(None)), np.sqrt(alpha) * np.eye(loss.size)))
    target = np.concatenate((loss.design.embed(loss.residual(np.zeros(loss.size))), np.zeros(loss.size)))
    w = lsq_linear(rows, target, (-reach, reach), method="bvls", tol=1e-15).x
    # The method may stop an ulp short of a side.
    return np.where(np.abs(w) >= (1 - 1e-12) * reach, np.copysign(reach, w), w)


def counterpart_error(
    loss: LeastSquares, alpha: float, smooth: Smooth, w: FloatArray, reach: float = np.inf
) -> float:
    """A bound on the distance of `w` from the exact minimiser, since ``p″ >= 1``: the gradient over α.

    At a side of the box only the part of the gradient counts that points into it.
    """
    gradient = loss.gradient(w) + alpha * smooth.derivative(w)
    inward = np.where(w >= reach, np.maximum(gradient, 0.0), gradient)
    inward = np.where(w <= -reach, np.minimum(inward, 0.0), inward)
    return float(np.linalg.norm(inward)) / alpha


def _hessian(loss: LeastSquares) -> FloatArray:
    columns = loss.design.columns(slice(None))
    return columns.T @ columns


def _curvature(loss: LeastSquares) -> float:
    n, d = loss.design.shape
    return max(float(np.linalg.eigvalsh(_hessian(loss))[0]), 0.0) if n >= d else 0.0
