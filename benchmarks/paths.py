"""What the exact path costs, in units of solves along a grid of strengths."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.instances import PENALTIES, Size, draw
from parlin import LeastSquares, Problem, grid_path, solution_path

# The strengths go down to this fraction of the largest; so many of them make the grid.
SMALLEST, COUNT = 0.01, 100


def path_costs(n: int, d: int, rounds: int = 3) -> dict[str, Any]:
    """Seconds of the processor for both, the least of several rounds, each from arrays."""
    size = Size(n, d, 1)
    X, y = draw(size, "gaussian", 0)
    penalty = PENALTIES["PAR-lasso"]
    largest = Problem(LeastSquares(X, y), penalty).strength_max()
    strengths = np.geomspace(largest, SMALLEST * largest, COUNT)
    exact_seconds, grid_seconds = [], []
    for _ in range(rounds):
        begin = time.process_time()
        path = solution_path(LeastSquares(X, y), penalty, alpha_min=SMALLEST * largest)
        middle = time.process_time()
        grid = grid_path(LeastSquares(X, y), penalty, strengths, tol=1e-12)
        exact_seconds.append(middle - begin)
        grid_seconds.append(time.process_time() - middle)
    if not (path.exact.all() and all(result.status.is_success for result in grid)):
        raise RuntimeError("a path that is not certified is not timed")
    return {
        "size": size.name, "n_alphas": COUNT, "knots": path.alphas.size,
        "exact_seconds": min(exact_seconds), "grid_seconds": min(grid_seconds),
        "ratio": min(exact_seconds) / min(grid_seconds), "most_free": int(path.free.max()),
        "difference": max(
            float(np.abs(path.at(alpha) - result.w).max())
            for alpha, result in zip(strengths, grid, strict=True)
        ),
    }  # fmt: skip
