"""Whether proximal-gradient iterates settle: their distance from the certified minimiser, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import is_certified, solve_to_slopes
from parlin import Problem

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """Distances of the iterates from the minimiser, relative to the length of the minimiser."""

    distance: FloatArray
    certified: bool  # the minimiser

    @property
    def last(self) -> float:
        """The largest distance in the last tenth of the run."""
        return float(self.distance[-self.distance.size // 10 :].max())

    @property
    def largest_rise(self) -> float:
        """How much further away from the minimiser one step leads at most."""
        return float(np.diff(self.distance).max())


def run(problem: Problem, step: float, n_steps: int, batch: int | None, seed: int) -> Run:
    r"""Proximal gradient from a random point, with a step of `step` / L.

    With `batch`, each gradient is that of as many rows drawn anew.
    """
    loss, rng = problem.loss, np.random.default_rng([seed, 2])
    result = solve_to_slopes(problem)
    rows, columns = np.sqrt(loss.design.shape[0]) * loss.design.columns(slice(None)), loss.design.shape[1]
    length = step / loss.lipschitz
    w = problem.clip(rng.standard_normal(columns))
    distance = []
    for _ in range(n_steps):
        if batch is None:
            gradient = loss.gradient(w)
        else:
            drawn = rng.integers(0, rows.shape[0], batch)
            gradient = rows[drawn].T @ (rows[drawn] @ w - loss.y[drawn]) / batch
        w = problem.prox(w - length * gradient, length)
        distance.append(float(np.linalg.norm(w - result.w)))
    return Run(
        distance=np.array(distance) / float(np.linalg.norm(result.w)),
        certified=is_certified(problem, result.w),
    )
