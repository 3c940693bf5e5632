r"""Named problems "least squares plus a piecewise-affine penalty" for experiments about solvers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from experiments.algorithms.traces import FloatArray
from parlin import LeastSquares, Problem, datasets, designs

CONVEX = {
    "ridge chords": designs.ridge(0.5, 6),
    "lasso-like": designs.lasso(0.25, 8, growth=0.2),
    "lasso-like in a box": designs.lasso(0.25, 8, growth=0.2, bounded=True),
}
NONCONVEX = {
    "sawtooth": designs.sawtooth(0.5, 4),
    "W": designs.binary(),
    "rippled MCP": designs.rippled_mcp(0.5, 4),
    "tilted staircase": designs.staircase(0.5, 4, flat=0.2),
}

Design = tuple[str, int, int]  # entries, n, d


class Instance(NamedTuple):
    """A problem, a random start, and the words that name it."""

    problem: Problem
    start: FloatArray
    penalty: str
    entries: str
    seed: int
    strength: float  # as a fraction of the largest useful one if the penalty is convex


def convex_instances(
    seeds: Sequence[int], chosen: Sequence[Design], fractions: Sequence[float]
) -> Iterator[Instance]:
    """Every convex penalty on every design, at fractions of the strength from which on all is 0."""
    for seed in seeds:
        for entries, n, d in chosen:
            loss, start = loss_of(entries, n, d, seed), _start(d, seed)
            for name, penalty in CONVEX.items():
                largest = Problem(loss, penalty).strength_max()
                for fraction in fractions:
                    problem = Problem(loss, penalty.scaled(fraction * largest))
                    yield Instance(problem, start, name, entries, seed, fraction)


def nonconvex_instances(
    seeds: Sequence[int], chosen: Sequence[Design], strengths: Sequence[float]
) -> Iterator[Instance]:
    """Every nonconvex penalty on every design, at every strength."""
    for seed in seeds:
        for entries, n, d in chosen:
            loss, start = loss_of(entries, n, d, seed), _start(d, seed)
            for name, penalty in NONCONVEX.items():
                for strength in strengths:
                    yield Instance(
                        Problem(loss, penalty.scaled(strength)), start, name, entries, seed, strength
                    )


def _start(d: int, seed: int) -> FloatArray:
    return np.random.default_rng([seed, d]).standard_normal(d)


def loss_of(entries: str, n: int, d: int, seed: int) -> LeastSquares:
    """Least squares with a random design; "duplicated" has every column twice."""
    if entries != "duplicated":
        data = datasets.synthetic(n, d, seed=seed, entries=entries, n_nonzero=d // 6, correlation=0.8)
        return LeastSquares(data.X, data.y)
    data = datasets.synthetic(n, d // 2, seed=seed, n_nonzero=d // 12)
    return LeastSquares(np.hstack((data.X, data.X)), data.y)


def degenerate(problem: Problem, minimiser: FloatArray) -> tuple[Problem, int]:
    r"""The problem with targets moved so that one quantized coordinate is just held, and that coordinate.

    The minimiser stays: ``X (X'X)⁻¹ n e_j`` added to y raises ``−∂_j f`` alone. Needs full column rank.
    """
    X, y = problem.loss.design.X, problem.loss.y
    _, high = problem.penalty.subdifferential(minimiser)
    room = np.where(problem.on_level(minimiser), high + problem.loss.gradient(minimiser), np.inf)
    j = int(np.argmin(room))
    raise_j = X @ np.linalg.solve(X.T @ X, y.size * np.eye(X.shape[1])[j])
    return Problem(LeastSquares(X, y + room[j] * raise_j), problem.penalty), j


def slowest_direction(problem: Problem, w: FloatArray, held: int) -> FloatArray:
    """The unit vector along which gradient descent on the free coordinates and `held` is slowest."""
    moving = np.append(problem.unquantized(w), held)
    panel = problem.loss.design.columns(moving)
    direction = np.zeros(problem.size)
    direction[moving] = np.linalg.eigh(panel.T @ panel)[1][:, 0]
    return direction


def lazy_example(d: int, target: float, strength: float) -> Problem:
    """``Σ_j (w_j − target)²/2`` with the W: L = 1, and the lazy method's outputs go to and fro around 0."""
    X = np.sqrt(d) * np.eye(d)
    return Problem(LeastSquares(X, X @ np.full(d, target)), NONCONVEX["W"].scaled(strength))
