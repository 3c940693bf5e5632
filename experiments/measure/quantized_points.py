r"""Points of a regularised least-squares problem as claims on quantization judge them.

A point counts as critical when the distance of minus the gradient from the Clarke interval is at most
1e-8 of the smallest nonzero slope. A tolerance relative to anything else means nothing at a weak
strength: there every interpolating point has a gradient below it, and none need be quantized.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.harness.evidence import Control, Evidence
from parlin import PAR, ExactCertificate, LeastSquares, Problem, designs, exact_certificate, solve
from parlin._solve import Result
from parlin.datasets import synthetic
from parlin.reference import solve_with_cvxpy
from parlin.solvers import ADMM, FISTA, ProximalGradient
from parlin.solvers.base import Solver

FloatArray = NDArray[np.float64]

SLOPE_TOLERANCE = 1e-8
CVXPY_TOLERANCE = 1e-8
SOLVERS = (ProximalGradient(), FISTA(), ADMM())

# One penalty for each shape, all slopes nonzero, the grid steps 0.25 or 0.5.
PENALTIES = {
    "ridge chords": designs.ridge(0.25, 7),
    "lasso chords": designs.lasso(0.25, 7),
    "tilted staircase": designs.staircase(0.5, 4, flat=0.25),
    "sawtooth": designs.sawtooth(0.5, 4),
    "rippled MCP": designs.rippled_mcp(0.5, 4, ripple=0.25),
}


@dataclass(frozen=True)
class Point:
    """Where a run ended, how many coordinates are off the grid there, and whether that is evidence.

    `origin` holds what tables and figures call it by: n, seed, shape, strength, solver.
    `excess_over_cvxpy` is the objective minus that of an interior-point method, relative; None where the
    two are not compared.
    """

    problem: Problem
    result: Result
    origin: dict[str, Any]
    excess_over_cvxpy: float | None = None

    @property
    def free(self) -> int:
        """How many coordinates equal no level with a convex kink, float for float."""
        levels = self.problem.penalty.quantization_levels
        return int(np.count_nonzero(~np.isin(self.result.w, levels)))

    @property
    def rate(self) -> float:
        """The quantized share of the coordinates."""
        return (self.problem.size - self.free) / self.problem.size

    @property
    def certified(self) -> bool:
        """Whether the point is critical relative to the slopes, and minimal where cvxpy was asked."""
        critical = self.result.certificate.slope_residual <= SLOPE_TOLERANCE
        minimal = self.excess_over_cvxpy is None or self.excess_over_cvxpy <= CVXPY_TOLERANCE
        return self.result.status.is_success and critical and minimal

    @cached_property
    def proof(self) -> ExactCertificate:
        """Whether rational arithmetic finds a critical point with these quantized coordinates and cells."""
        return exact_certificate(self.problem, self.result.w)

    @property
    def proved_slack(self) -> float | None:
        """The slack of quantized gradients in their intervals at the exact point, over the least slope."""
        margin = self.proof.slope_margin
        return None if margin is None else margin / smallest_slope(self.problem.penalty)

    def distances(self) -> FloatArray:
        """How far each coordinate is from the nearest level, in increasing order, shape (d,)."""
        return np.sort(np.abs(self.result.w - self.problem.penalty.nearest_level(self.result.w)))

    def compared_with_cvxpy(self) -> Point:
        """The same point with its objective beside that of an interior-point method."""
        reference = solve_with_cvxpy(self.problem).objective
        excess = (self.result.certificate.objective - reference) / reference
        return replace(self, excess_over_cvxpy=excess)


def table(points: Iterable[Point]) -> dict[str, list[Any]]:
    """One column for each fact about the points, one row for each point."""
    rows = [
        {
            **point.origin,
            "free": point.free,
            "certified": point.certified,
            "status": point.result.status.name,
            "iterations": point.result.n_iter,
            "slope_residual": point.result.certificate.slope_residual,
            "excess_over_cvxpy": point.excess_over_cvxpy,
        }
        for point in points
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def judged(
    points: Sequence[Point],
    measure: Callable[[Point], float],
    bound: Callable[[Point], float] | float,
    control: Sequence[Point],
    outside: str,
    control_measure: Callable[[Point], float] | None = None,
    **words: Any,
) -> Evidence:
    """Evidence and its control, measured and certified by the same functions."""

    def numbers(points: Sequence[Point], measure: Callable[[Point], float]) -> dict[str, Any]:
        return {
            "measured": [measure(point) for point in points],
            "bound": [bound(point) for point in points] if callable(bound) else bound,
            "certified": [point.certified for point in points],
        }

    columns = {"inside": table(points), "outside": table(control)} | words.pop("table", {})
    return Evidence(
        **numbers(points, measure),
        control=Control(outside=outside, **numbers(control, control_measure or measure)),
        table=columns,
        **words,
    )


def gaussian_loss(n: int, d: int, seed: int) -> LeastSquares:
    """Normal entries, a tenth of the true coefficients nonzero, noise of standard deviation 0.1."""
    data = synthetic(n, d, seed=seed, n_nonzero=d // 10)
    return LeastSquares(data.X, data.y)


def sign_loss(n: int, d: int, seed: int) -> LeastSquares:
    """The same with entries ±1: a discrete law."""
    data = synthetic(n, d, seed=seed, n_nonzero=d // 10, entries="sign")
    return LeastSquares(data.X, data.y)


def duplicated_loss(n: int, d: int, seed: int) -> LeastSquares:
    """Normal entries, but every column occurs twice."""
    data = synthetic(n, d // 2, seed=seed, n_nonzero=d // 20)
    return LeastSquares(np.repeat(data.X, 2, axis=1), data.y)


def loss_with_ridge_term(n: int, d: int, seed: int, ridge: float) -> LeastSquares:
    r"""The normal design with ``ridge/2 · ‖w‖²`` added to the loss, written as least squares with more rows.

    With ``X̃ = (√((n+d)/n) X; √((n+d) ridge) I)`` and ``ỹ`` likewise, zeros below, the loss over the
    n + d rows is ``‖y − Xw‖²/(2n) + ridge/2 · ‖w‖²``, so the usual certificate judges it.
    """
    data = synthetic(n, d, seed=seed, n_nonzero=d // 10)
    scale = np.sqrt((n + d) / n)
    rows = np.vstack((scale * data.X, np.sqrt((n + d) * ridge) * np.eye(d)))
    return LeastSquares(rows, np.concatenate((scale * data.y, np.zeros(d))))


def smallest_slope(penalty: PAR) -> float:
    """The smallest nonzero |slope|, the unit of residuals in claims on quantization."""
    slopes = np.abs(penalty.slopes)
    return float(slopes[slopes > 0].min())


def solve_at(
    loss: LeastSquares,
    penalty: PAR,
    strength: float,
    *,
    solver: Solver,
    max_iter: int,
    top: float | None = None,
    start: FloatArray | None = None,
    check_passes: float = 50.0,
    **origin: Any,
) -> Point:
    """Where a solver ends at `strength` times `top`, by default the least strength that keeps all at rest."""
    top = Problem(loss, penalty).strength_max() if top is None else top
    problem = Problem(loss, penalty.scaled(strength * top))
    # `solve` measures against the gradient at 0; this is the same length against the smallest slope.
    tol = SLOPE_TOLERANCE * smallest_slope(problem.penalty) / float(np.abs(loss.gradient_at_zero).max())
    result = solve(problem, solver, w0=start, tol=tol, max_iter=max_iter, check_passes=check_passes)
    return Point(problem, result, {**origin, "strength": strength, "solver": type(solver).__name__})


def descend(
    loss: LeastSquares, penalty: PAR, strengths: Iterable[float], max_iter: int, **origin: Any
) -> Iterator[Point]:
    """The points along falling strengths, each run begun where the last one ended."""
    start = None
    solver = FISTA() if penalty.shape == "convex" else ProximalGradient()
    for strength in strengths:
        point = solve_at(loss, penalty, strength, solver=solver, max_iter=max_iter, start=start, **origin)
        start = point.result.w
        yield point


def by_every_solver(
    loss: LeastSquares, strengths: Iterable[float], max_iter: int, seed: int
) -> Iterator[Point]:
    """The points of all shapes and solvers, from the solver's own start and from a random one."""
    random = np.random.default_rng([seed, 1])  # not the stream that drew X
    for (name, penalty), strength in product(PENALTIES.items(), strengths):
        for solver, start in product(SOLVERS, (None, random.standard_normal(loss.size))):
            options = {"solver": solver, "start": start, "max_iter": max_iter}
            yield solve_at(loss, penalty, strength, **options, seed=seed, shape=name)


def trace(loss: LeastSquares, penalty: PAR, strength: float, solver: Solver, max_iter: int) -> dict[str, Any]:
    """The quantized share along a run, at iterations that are even on a logarithmic axis."""
    point = solve_at(loss, penalty, strength, solver=solver, max_iter=max_iter, check_passes=4.0)
    history = point.result.history
    kept = [history[k] for k in np.unique(np.geomspace(1, len(history), 150).astype(int)) - 1]
    return point.origin | {
        "iteration": [record.iteration for record in kept],
        "rate": [record.quantization_rate for record in kept],
        "certified": point.certified,
    }
