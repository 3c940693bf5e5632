"""Fits on a grid and their unquantized counterparts, over designs and strengths, as points of a claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from experiments.ridge.counterpart import Pair, Smooth, pair
from parlin import LeastSquares
from parlin.datasets import synthetic


def random_pairs(
    designs: Sequence[tuple[int, int, str]],
    spacings: Sequence[float],
    alphas: Sequence[float],
    seeds: Sequence[int],
    smooth: Smooth,
    n_levels: int | None = None,
) -> Iterator[Pair]:
    """One pair for each (rows, columns, law of the entries), spacing, strength and seed.

    Those of the first seed are compared with cvxpy.
    """
    for (n, d, entries), spacing, alpha, seed in product(designs, spacings, alphas, seeds):
        data = synthetic(n, d, seed=seed, entries=entries)
        labels = {"n": n, "d": d, "entries": entries, "seed": seed}
        found = pair(LeastSquares(data.X, data.y), alpha, spacing, n_levels, smooth=smooth, **labels)
        yield found.compared_with_cvxpy() if seed == seeds[0] else found


def table(pairs: Sequence[Pair]) -> dict[str, list[Any]]:
    """One column for each fact about the pairs, one row for each pair."""
    rows = [
        {
            **found.labels,
            "spacing": found.spacing,
            "alpha": found.alpha,
            "n_levels": found.n_levels,
            "factor": found.alpha / (found.alpha + found.curvature),
            "distance": found.distance,
            "excess_over_cvxpy": found.excess,
        }
        for found in pairs
    ]
    return {name: [row[name] for row in rows] for name in rows[0]}
