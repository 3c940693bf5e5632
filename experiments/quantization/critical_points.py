r"""Critical points of problems of every kind, purified, rounded, compared with the rank of the design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from parlin import Problem
from parlin.solvers import FISTA, ProximalGradient

FloatArray = NDArray[np.float64]

# Asked of the solver: a move along null vectors then leaves the point within what is certified.
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class CriticalPoint(CertifiedPoint):
    """A point with the count that it is compared with; `labels` has its name and its seed."""

    bound: int = 0

    @property
    def residual(self) -> FloatArray:
        """``y − Xw``."""
        return self.problem.loss.residual(self.w)

    @property
    def rank(self) -> int:
        """The rank of the design, centred if there is an intercept."""
        return int(np.linalg.matrix_rank(self.problem.loss.design.columns(slice(None))))

    def compared_with_rank(self) -> CriticalPoint:
        """The same point, compared with the rank of the design."""
        return replace(self, bound=self.rank)

    def partly_rounded(self) -> CriticalPoint:
        """With as many coordinates put on their nearest levels as are off the levels above the rank."""
        w, levels = self.w.copy(), self.problem.penalty.nearest_level(self.w)
        nearest_first = self.off_levels[np.argsort(np.abs(w - levels)[self.off_levels])]
        chosen = nearest_first[: max(self.n_off_levels - self.rank, 0)]
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
    w = solve_to_slopes(problem, solver, w0=start, tol=_TOLERANCE, max_iter=20_000).w
    point = CriticalPoint(problem, w, {"name": name, "seed": seed}, bound=bound)
    return point.compared_with_cvxpy() if compare and convex else point


def table(points: Sequence[CriticalPoint]) -> dict[str, list[Any]]:
    """What the figure and a reader of the evidence need to know of each point."""
    return {
        "name": [point.labels["name"] for point in points],
        "seed": [point.labels["seed"] for point in points],
        "slope_residual": [point.residual_over_slope for point in points],
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
    scale = max(loss.value_at_zero, before.objective)
    change = abs(after.objective - before.objective) / scale
    length = np.linalg.norm(before.residual - after.residual) / np.linalg.norm(loss.y)
    distance = before.problem.distance(loss.gradient(before.w), before.w)
    rounding = 4 * before.w.size * np.finfo(np.float64).eps
    return max(change, float(length)), float(distance @ np.abs(move)) / scale + rounding


def residual_bound(point: CriticalPoint) -> float:
    r"""The largest ``‖y − Xw‖ / ‖y‖`` that a critical point with more than n coordinates off the levels has.

    Notes
    -----
    If all coordinates off the levels have slope 0, ``‖X_U'r‖/n`` is at most the length of their distances
    from criticality, rounding included, and ``‖r‖ <= ‖X_U'r‖ / σ_n(X_U)``.
    """
    loss = point.problem.loss
    distance = point.problem.distance(loss.gradient(point.w), point.w) + loss.rounding_floor(point.w)
    columns = loss.design.columns(point.off_levels)
    smallest = np.linalg.svd(columns, compute_uv=False)[-1]
    return float(
        np.linalg.norm(distance[point.off_levels]) / smallest / np.linalg.norm(loss.design.embed(loss.y))
    )


def relative_residual(point: CriticalPoint) -> float:
    """``‖y − Xw‖ / ‖y‖``."""
    return float(np.linalg.norm(point.residual) / np.linalg.norm(point.problem.loss.y))
