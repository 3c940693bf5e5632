r"""Exact paths, each of their segments certified without the algorithm that found them.

Between two knots coefficients and gradient are affine in the strength and the cells do not change. So a
segment is certified at once where it is certified near both ends and at its knots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import TOLERANCE, excess_over_cvxpy, is_certified
from experiments.problems.along_path import problem_at
from experiments.quantization.solver_points import PENALTIES
from parlin import LeastSquares, Problem, theory
from parlin.path import Path, solution_path

FloatArray = NDArray[np.float64]

CHORDS = ("ridge chords", "lasso chords")
# Where a segment is looked at, as fractions of its length: inside, near both ends, and at its lower knot.
PLACES = np.array([1e-3, 0.5, 1 - 1e-3, 1.0])
# One instance of each configuration is compared with an interior-point method, at this fraction of alpha_max.
COMPARED_AT = 0.05


@dataclass(frozen=True)
class CertifiedPath:
    """An exact path, and what certificates say of each of its segments."""

    design: str
    chords: str
    path: Path
    bound: int  # on the coordinates off the levels
    averaged: bool  # over neighbouring columns, which are equal
    excess: float | None  # over cvxpy

    @property
    def size(self) -> int:
        """The number of coefficients."""
        return self.path.problem.size

    @property
    def allowed(self) -> int:
        """How many coordinates off the levels theory allows: `bound`, or all where that is more."""
        return round(self.size * (1 - theory.quantization_floor(self.bound, self.size)))

    @cached_property
    def segments(self) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """For each segment, the most coordinates off the levels and whether it is certified."""
        upper, lower = self.path.alphas[:-1, None], self.path.alphas[1:, None]
        strengths = upper - PLACES * (upper - lower)
        strengths[:, -1] = self.path.alphas[1:]
        free, certified = np.zeros(strengths.shape, dtype=int), np.zeros(strengths.shape, dtype=bool)
        for place, alpha in np.ndenumerate(strengths):
            problem = problem_at(self.path, alpha)
            w = _average(self.path.at(alpha)) if self.averaged else self.path.at(alpha)
            free[place] = problem.unquantized(w).size
            certified[place] = is_certified(problem, w)
        minimal = self.excess is None or self.excess <= TOLERANCE
        return free.max(axis=1), certified.all(axis=1) & minimal

    @property
    def most_free(self) -> int:
        """The most coordinates off the levels on any certified segment."""
        free, certified = self.segments
        return int(free[certified].max(initial=0))

    def curve(self) -> dict[str, Any]:
        """The quantization rate as a step function, with what a figure calls it."""
        free, certified = self.segments
        return {
            "design": self.design,
            "chords": self.chords,
            "bound": self.bound,
            "floor": theory.quantization_floor(self.bound, self.size),
            "strength": [float(f"{alpha:.6g}") for alpha in self.path.alphas / self.path.alphas[0]],
            "rate": (1 - free / self.size).tolist(),
            "certified": int(certified.sum()),
            "excess_over_cvxpy": self.excess,
        }


def _average(w: FloatArray) -> FloatArray:
    """The mean over each pair of neighbours in place of both."""
    return np.repeat(w.reshape(-1, 2).mean(axis=1), 2)


def follow(
    name: str,
    losses: Sequence[LeastSquares],
    lowest: float,
    bound: int | None = None,
    averaged: bool = False,
) -> Iterator[CertifiedPath]:
    """The paths of both kinds of chords down to `lowest` times alpha_max, the first loss's against cvxpy.

    `bound` is the rank of the design if None.
    """
    for k, chords in product(range(len(losses)), CHORDS):
        loss, penalty = losses[k], PENALTIES[chords]
        top = Problem(loss, penalty).strength_max()
        path = solution_path(loss, penalty, lowest * top)
        rank = int(np.linalg.matrix_rank(loss.design.columns(slice(None))))
        excess = None
        if k == 0:
            alpha = COMPARED_AT * top
            excess = excess_over_cvxpy(problem_at(path, alpha), path.at(alpha))
        yield CertifiedPath(name, chords, path, rank if bound is None else bound, averaged, excess)
