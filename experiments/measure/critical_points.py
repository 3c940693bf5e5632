r"""Critical points of least-squares problems: found, judged, counted and purified.

Differs from `experiments.measure.quantized_points`: a point need not come from a solver, and problems may
have an intercept, unpenalised coordinates or penalty weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parlin import Certificate, Problem, certify, exact_certificate, purify, solve
from parlin.reference import solve_with_cvxpy
from parlin.solvers import FISTA, ProximalGradient

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-8
# Asked of the solver: small enough that points at weak strengths pass `CriticalPoint.certified` as well.
_SOLVER_TOLERANCE = 1e-12


@dataclass(frozen=True)
class CriticalPoint:
    """A point with what it is called in tables, and the count that it is compared with.

    Attributes
    ----------
    excess : float or None
        The objective minus that of an interior-point method, relative to the larger of it and f(0); None
        where the two are not compared.
    """

    name: str
    seed: int
    bound: int
    problem: Problem
    w: FloatArray
    excess: float | None = None

    @cached_property
    def certificate(self) -> Certificate:
        """What one pass over the data proves."""
        return certify(self.problem, self.w)

    @property
    def certified(self) -> bool:
        """Whether the point is critical relative to the slopes, and minimal where cvxpy was asked."""
        critical = max(self.certificate.residual, self.certificate.slope_residual) <= TOLERANCE
        return critical and (self.excess is None or self.excess <= TOLERANCE)

    @cached_property
    def free(self) -> NDArray[np.intp]:
        """The penalised coordinates that equal no level, float for float."""
        return self.problem.unquantized(self.w)

    @property
    def residual(self) -> FloatArray:
        """``y − Xw``."""
        return self.problem.loss.residual(self.w)

    @property
    def rank(self) -> int:
        """The rank of the design, centred if there is an intercept."""
        return int(np.linalg.matrix_rank(self.problem.loss.design.columns(slice(None))))

    def moved(self, w: FloatArray) -> CriticalPoint:
        """The same problem at another point, to be compared with the rank of the design."""
        return replace(self, w=w, bound=self.rank, excess=None)

    def purified(self) -> CriticalPoint:
        """Where purification ends."""
        return self.moved(purify(self.problem, self.w))

    def rounded(self) -> CriticalPoint:
        """With as many free coordinates put on their nearest levels as are above the rank of the design."""
        w, levels = self.w.copy(), self.problem.penalty.nearest_level(self.w)
        nearest_first = self.free[np.argsort(np.abs(w - levels)[self.free])]
        chosen = nearest_first[: max(self.free.size - self.rank, 0)]
        w[chosen] = levels[chosen]
        return self.moved(w)


def find(
    name: str, seed: int, bound: int, problem: Problem, start: FloatArray | None = None, compare: bool = False
) -> CriticalPoint:
    """Where FISTA (convex) or proximal gradient ends; with `compare`, a convex problem goes to cvxpy as well.

    Not coordinate descent: among many minimisers it prefers those with few coordinates off the levels.
    """
    convex = problem.penalty.shape == "convex"
    solver = FISTA() if convex else ProximalGradient()
    w = solve(problem, solver, w0=start, tol=_SOLVER_TOLERANCE, max_iter=20_000).w
    excess = None
    if compare and convex:
        reference = solve_with_cvxpy(problem).objective
        excess = (problem.objective(w) - reference) / max(reference, problem.loss.value_at_zero)
    return CriticalPoint(name, seed, bound, problem, w, excess)


def counted(points: Sequence[CriticalPoint]) -> dict[str, list[Any]]:
    """Off-level coordinates beside the bound, one row for each point."""
    return {
        "measured": [point.free.size for point in points],
        "bound": [point.bound for point in points],
        "certified": [point.certified for point in points],
    }


def table(points: Sequence[CriticalPoint]) -> dict[str, list[Any]]:
    """What the figure and a reader of the evidence need to know of each point."""
    return {
        "name": [point.name for point in points],
        "seed": [point.seed for point in points],
        "slope_residual": [point.certificate.slope_residual for point in points],
        "excess_over_cvxpy": [point.excess for point in points],
    }


def objective_change(before: CriticalPoint, after: CriticalPoint) -> tuple[float, float]:
    r"""The change of the objective and of the fit, and a bound on it if the move leaves the fit alone.

    Notes
    -----
    If ``XΔ = 0`` and no coordinate crosses a level, the objective changes by ``(∇f + s)'Δ``, with s the
    slopes of the cells: at most the distances from criticality times ``|Δ|``, plus rounding.
    """
    loss, move = before.problem.loss, after.w - before.w
    scale = max(loss.value_at_zero, before.certificate.objective)
    change = abs(after.certificate.objective - before.certificate.objective) / scale
    length = np.linalg.norm(before.residual - after.residual) / np.linalg.norm(loss.y)
    distance = before.problem.distance(loss.gradient(before.w), before.w)
    rounding = 4 * before.w.size * np.finfo(np.float64).eps
    return max(change, float(length)), float(distance @ np.abs(move)) / scale + rounding


def residual_bound(point: CriticalPoint) -> float:
    r"""How far from interpolating a point with more than n free coordinates can be, relative to ``‖y‖``.

    Notes
    -----
    If all free coordinates have slope 0, ``‖X_U'r‖/n`` is at most the length of their distances from
    criticality, rounding included, and ``‖r‖ <= ‖X_U'r‖ / σ_n(X_U)``.
    """
    loss = point.problem.loss
    distance = point.problem.distance(loss.gradient(point.w), point.w) + loss.rounding_floor(point.w)
    columns = loss.design.columns(point.free)
    smallest = np.linalg.svd(columns, compute_uv=False)[-1]
    return float(np.linalg.norm(distance[point.free]) / smallest / np.linalg.norm(loss.design.embed(loss.y)))


def relative_residual(point: CriticalPoint) -> float:
    """``‖y − Xw‖ / ‖y‖``."""
    return float(np.linalg.norm(point.residual) / np.linalg.norm(point.problem.loss.y))


def proof(point: CriticalPoint) -> str:
    """The verdict of rational arithmetic on the point's levels and cells."""
    return exact_certificate(point.problem, point.w).verdict.name
