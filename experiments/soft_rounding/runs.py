r"""A regression with coefficients on four levels, and stochastic solvers stepped on it epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from parlin import LeastSquares, Problem, designs
from parlin.solvers.stochastic.base import StochasticSolver, StochasticState

FloatArray = NDArray[np.float64]

ROWS, COLUMNS, BATCH = 100, 40, 10
LEVELS = np.array([-1.5, -0.5, 0.5, 1.5])


def regression(seed: int) -> Problem:
    """Normal rows, coefficients on the levels, noise 0.5; the penalty is the distance to the levels."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((ROWS, COLUMNS))
    y = X @ rng.choice(LEVELS, COLUMNS) + 0.5 * rng.standard_normal(ROWS)
    return Problem(LeastSquares(X, y), designs.distance(LEVELS))


def start(seed: int) -> FloatArray:
    """A latent vector to begin with."""
    return 0.5 * np.random.default_rng([seed, 5]).standard_normal(COLUMNS)


def states(solver: StochasticSolver, problem: Problem, w0: FloatArray, n: int) -> Iterator[StochasticState]:
    """The state after each of n epochs, whose arrays change with the next one."""
    state = solver.init(problem, w0)
    for _ in range(n):
        state = solver.step(problem, state)
        yield state


def soft_rounding(latent: FloatArray, slope: float) -> FloatArray:
    """``T_ρ`` by its definition, in arithmetic of its own: the cell's middle plus ρ times the way from it."""
    inner = LEVELS[1:-1]
    cell = np.searchsorted(inner, latent, side="right")
    low, high = LEVELS[cell], LEVELS[cell + 1]
    middle = (low + high) / 2
    return np.clip(middle + slope * (latent - middle), low, high)


def nearest(latent: FloatArray) -> FloatArray:
    """The levels with the least distance."""
    return LEVELS[np.argmin(np.abs(latent[:, None] - LEVELS), axis=1)]
