r"""Certified points: the one definition that every experiment asks before a point counts as evidence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from parlin import (
    Certificate,
    ExactCertificate,
    Problem,
    Proof,
    Result,
    certify,
    exact_certificate,
    purify,
    solve,
)
from parlin.reference import solve_with_cvxpy
from parlin.solvers.base import Solver

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-8


def is_certified(
    problem: Problem, w: FloatArray, certificate: Certificate | None = None, excess: float | None = None
) -> bool:
    r"""Whether the point is critical, and minimal where cvxpy was asked, as far as float64 can tell.

    Parameters
    ----------
    problem : Problem
    w : array of shape (d,)
    certificate : Certificate, optional
        That of `w`, where it is there already.
    excess : float, optional
        `excess_over_cvxpy` of `w`, where cvxpy was asked.

    Notes
    -----
    These are at most 1e-8:

    * ``residual``, relative to the gradient at 0, with rounding errors allowed for: what a solver calls
      CONVERGED or ROUNDING.
    * ``slope_residual``, relative to the smallest nonzero slope, because at a weak strength every point
      that fits the data has a small residual, and none need be quantized.  Rounding errors are *not*
      allowed for: where they exceed 1e-8 of a slope, float64 does not tell which coefficients are on
      levels, and such a point shows nothing.  None passes: without a finite nonzero slope there is nothing
      to be quantized.
    * the excess over cvxpy, which does not rely on this library at all.

    For a penalty that is not convex ``prox_residual`` is at most 1e-8 as well, and no coefficient is on a
    concave kink, where the Clarke subdifferential is an interval but no minimiser can be; at a weak strength
    the first does not see the second.  Where columns have one norm this asks about as much as that no
    coefficient alone, moved to wherever it is best, improves the objective, for that is the step
    ``1/max_j ‖X_j‖²`` of ``prox_residual``.  So a claim on *every critical point* would say less
    than its source if it were made of certified points only; it is made of the points that are
    `CertifiedPoint.clarke_critical`, and says so.

    That `exact_certificate` PROVES a critical point with the levels and cells of `w` is another matter: it
    settles counts of coefficients on levels, but says nothing of numbers measured at `w`.  It is
    `CertifiedPoint.proved`.
    """
    found = certify(problem, w) if certificate is None else certificate
    convex = problem.penalty.shape == "convex"
    alone_best = convex or (found.prox_residual <= TOLERANCE and not on_concave_kinks(problem, w).any())
    return _is_clarke_critical(found) and alone_best and _is_minimal(excess)


def _is_clarke_critical(found: Certificate) -> bool:
    slope_residual = found.slope_residual
    return found.residual <= TOLERANCE and (slope_residual is None or slope_residual <= TOLERANCE)


def on_concave_kinks(problem: Problem, w: FloatArray) -> NDArray[np.bool_]:
    """Which penalised coordinates equal a level where the slope falls, shape (d,)."""
    return problem.on_level(w) & ~np.isin(w, problem.penalty.quantization_levels)


def _is_minimal(excess: float | None) -> bool:
    return excess is None or excess <= TOLERANCE


def solve_to_slopes(
    problem: Problem, solver: Solver | Literal["auto"] = "auto", *, tol: float = TOLERANCE, **options: Any
) -> Result:
    """A result that is certified if it has converged; `options` as for `parlin.solve`."""
    return solve(problem, solver, tol=tol, relative_to="slopes", **options)


def estimator_tolerance(problem: Problem) -> float:
    """The `tol` of an estimator at which its coefficients are certified.

    An estimator's tolerance is relative to the gradient at 0; this is 1e-8 of the smallest slope, as far as
    that asks for more.
    """
    smallest = smallest_slope(problem)
    return TOLERANCE * smallest / max(smallest, float(np.abs(problem.loss.gradient_at_zero).max()))


def excess_over_cvxpy(problem: Problem, w: FloatArray) -> float:
    """``(F(w) − F) / max(f(0), |F|)`` with F the objective that cvxpy's interior-point method finds."""
    reference = solve_with_cvxpy(problem).objective
    return (problem.objective(w) - reference) / max(problem.loss.value_at_zero, abs(reference))


@dataclass(frozen=True)
class CertifiedPoint:
    """A point of a problem, asked whether it is certified and which coefficients are on levels.

    Parameters
    ----------
    problem : Problem
    w : array of shape (d,)
    labels : dict
        What tables and figures call it by.
    excess : float or None
        `excess_over_cvxpy`; None where cvxpy was not asked.
    """

    problem: Problem
    w: FloatArray
    labels: dict[str, Any] = field(default_factory=dict)
    excess: float | None = None

    @cached_property
    def certificate(self) -> Certificate:
        """What one pass over the data proves of the point."""
        return certify(self.problem, self.w)

    @property
    def critical(self) -> bool:
        """Whether the point is certified, cvxpy left aside."""
        return is_certified(self.problem, self.w, self.certificate)

    @property
    def clarke_critical(self) -> bool:
        """Whether minus the gradient is in the Clarke subdifferential, to the tolerance of `is_certified`.

        For claims on every critical point, and on concave kinks.  Of a convex penalty it is `certified`.
        """
        return _is_clarke_critical(self.certificate) and _is_minimal(self.excess)

    @property
    def certified(self) -> bool:
        """`is_certified`."""
        return is_certified(self.problem, self.w, self.certificate, self.excess)

    @property
    def objective(self) -> float:
        """The objective at the point."""
        return self.certificate.objective

    @property
    def residual_over_slope(self) -> float | None:
        """The largest distance from criticality of a coordinate, relative to the smallest nonzero slope."""
        return self.certificate.slope_residual

    @cached_property
    def proof(self) -> ExactCertificate:
        """Whether rational arithmetic finds a critical point with these quantized coordinates and cells."""
        return exact_certificate(self.problem, self.w)

    @property
    def proved(self) -> bool:
        """Whether there is an exact critical point with the levels and cells of this one."""
        return self.proof.verdict is Proof.PROVED

    @cached_property
    def off_levels(self) -> NDArray[np.intp]:
        """The penalised coordinates that equal no level, float for float."""
        return self.problem.unquantized(self.w)

    @property
    def n_off_levels(self) -> int:
        """How many those are."""
        return self.off_levels.size

    @property
    def rate(self) -> float:
        """The fraction of penalised coordinates that equal a level."""
        return self.certificate.quantization_rate

    def moved(self, w: FloatArray) -> Self:
        """Another point of the same problem; cvxpy has not been asked of it."""
        return replace(self, w=w, excess=None)

    def rounded(self) -> Self:
        """The point with every coordinate on its nearest level."""
        return self.moved(self.problem.penalty.nearest_level(self.w))

    def purified(self) -> Self:
        """The point where purification ends: the same fit, at most rank(X) coordinates off the levels."""
        return self.moved(purify(self.problem, self.w))

    def compared_with_cvxpy(self) -> Self:
        """The same point, compared with cvxpy."""
        return replace(self, excess=excess_over_cvxpy(self.problem, self.w))


def smallest_slope(problem: Problem) -> float:
    """The smallest nonzero |slope| of the penalty."""
    slopes = np.abs(problem.penalty.slopes)
    return float(slopes[slopes > 0].min())
