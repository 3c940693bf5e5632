"""Fits on a grid beside their unquantized counterparts, over designs and strengths, as points of a claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from experiments.ridge.counterpart import Pair, Smooth, pair
from parlin import LeastSquares
from parlin.datasets import synthetic

Judge = Callable[[Pair], tuple[float, float]]
"""What is measured at a pair, and its bound."""


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
        origin = {"n": n, "d": d, "entries": entries, "seed": seed}
        found = pair(LeastSquares(data.X, data.y), alpha, spacing, n_levels, smooth=smooth, **origin)
        yield found.compared_with_cvxpy() if seed == seeds[0] else found


def judged(pairs: Sequence[Pair], judge: Judge, covered: bool = True) -> dict[str, list[Any]]:
    """`measured`, `bound` and `certified` of the pairs.

    With `covered`, a pair counts only if its grid reaches its solution: the hypothesis that is checked
    after solving.
    """
    numbers = [judge(found) for found in pairs]
    return {
        "measured": [measured for measured, _ in numbers],
        "bound": [bound for _, bound in numbers],
        "certified": [found.certified and (found.covered or not covered) for found in pairs],
    }


def table(pairs: Sequence[Pair]) -> dict[str, list[Any]]:
    """One column for each fact about the pairs, one row for each pair."""
    rows = [
        {
            **found.origin,
            "spacing": found.spacing,
            "alpha": found.alpha,
            "n_levels": found.n_levels,
            "factor": found.alpha / (found.alpha + found.curvature),
            "distance": found.distance,
            "excess_over_cvxpy": found.excess_over_cvxpy,
        }
        for found in pairs
    ]
    return {name: [row[name] for row in rows] for name in rows[0]}
