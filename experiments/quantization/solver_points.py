r"""Points that the solvers reach on random least-squares problems, each with the words that name it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint, smallest_slope, solve_to_slopes
from experiments.measure.columns import labels
from parlin import PAR, LeastSquares, Problem, Result, designs
from parlin.datasets import synthetic
from parlin.solvers import ADMM, FISTA, ProximalGradient
from parlin.solvers.base import Solver

FloatArray = NDArray[np.float64]

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
class Point(CertifiedPoint):
    """Where a run of a solver ended; `labels` has n, seed, shape, strength and solver."""

    result: Result | None = None

    @property
    def proved_margin(self) -> float | None:
        """How far quantized gradients are inside their intervals at the exact point, over the least slope."""
        margin = self.proof.slope_margin
        return None if margin is None else margin / smallest_slope(self.problem)

    def distances(self) -> FloatArray:
        """How far each coordinate is from the nearest level, in increasing order, shape (d,)."""
        return np.sort(np.abs(self.w - self.problem.penalty.nearest_level(self.w)))


def table(points: Sequence[Point]) -> dict[str, list[Any]]:
    """One column for each fact about the points, one row for each point."""
    return labels(
        points,
        free=attrgetter("n_off_levels"),
        certified=attrgetter("clarke_critical"),
        status=attrgetter("result.status.name"),
        iterations=attrgetter("result.n_iter"),
        slope_residual=attrgetter("residual_over_slope"),
        excess_over_cvxpy=attrgetter("excess"),
    )


def gaussian_loss(n: int, d: int, seed: int) -> LeastSquares:
    """Normal entries, a tenth of the true coefficients nonzero, noise of standard deviation 0.1."""
    data = synthetic(n, d, seed=seed, n_nonzero=d // 10)
    return LeastSquares(data.X, data.y)


def sign_loss(n: int, d: int, seed: int) -> LeastSquares:
    """The same with entries ±1: a discrete law."""
    data = synthetic(n, d, seed=seed, n_nonzero=d // 10, entries="sign")
    return LeastSquares(data.X, data.y)


def loss_with_ridge_term(n: int, d: int, seed: int, ridge: float) -> LeastSquares:
    r"""The normal design with ``ridge/2 · ‖w‖²`` added to the loss, written as least squares with more rows.

    With ``X̃ = (√((n+d)/n) X; √((n+d) ridge) I)`` and ``ỹ`` likewise, zeros below, the loss over the
    n + d rows is ``‖y − Xw‖²/(2n) + ridge/2 · ‖w‖²``, so the usual certificate applies to it.
    """
    data = synthetic(n, d, seed=seed, n_nonzero=d // 10)
    scale = np.sqrt((n + d) / n)
    rows = np.vstack((scale * data.X, np.sqrt((n + d) * ridge) * np.eye(d)))
    return LeastSquares(rows, np.concatenate((scale * data.y, np.zeros(d))))


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
    """Where a solver ends at `strength` times `top`, by default alpha_max."""
    top = Problem(loss, penalty).strength_max() if top is None else top
    problem = Problem(loss, penalty.scaled(strength * top))
    result = solve_to_slopes(problem, solver, w0=start, max_iter=max_iter, check_passes=check_passes)
    origin = {**origin, "strength": strength, "solver": type(solver).__name__}
    return Point(problem, result.w, origin, result=result)


def descend(
    loss: LeastSquares, penalty: PAR, strengths: Iterable[float], max_iter: int, **origin: Any
) -> Iterator[Point]:
    """The points along falling strengths, each run begun where the last one ended."""
    start = None
    solver = FISTA() if penalty.shape == "convex" else ProximalGradient()
    for strength in strengths:
        point = solve_at(loss, penalty, strength, solver=solver, max_iter=max_iter, start=start, **origin)
        start = point.w
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
    """The quantized fraction along a run, at iterations that are even on a logarithmic axis."""
    point = solve_at(loss, penalty, strength, solver=solver, max_iter=max_iter, check_passes=4.0)
    history = point.result.history
    kept = [history[k] for k in np.unique(np.geomspace(1, len(history), 150).astype(int)) - 1]
    return point.labels | {
        "iteration": [record.iteration for record in kept],
        "rate": [record.quantization_rate for record in kept],
        "certified": point.certified,
    }
