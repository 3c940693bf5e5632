"""Values that levels are found for, and their best levels by trying every division."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from parlin._types import FloatArray


def small_sets(count: int, seed: int = 0) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Up to eight values with weights: some off centre, every third set rounded so that values repeat."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        m = int(rng.integers(1, 9))
        values = rng.standard_normal(m) + rng.choice([0.0, 0.0, 5.0])
        yield (np.round(values) if number % 3 == 0 else values), rng.uniform(0.1, 3.0, m)


def error(values: FloatArray, levels: FloatArray, weights: FloatArray) -> float:
    """The weighted mean squared distance from the nearest level, found among all of them."""
    return float(np.average(np.min((values[:, None] - levels) ** 2, axis=1), weights=weights))


def least_error(values: FloatArray, weights: FloatArray, n_levels: int, symmetric: bool = False) -> float:
    """The least error of any levels: of the means of every division of the sorted values into intervals."""
    sizes = np.abs(values) if symmetric else values
    with_zero = symmetric and n_levels % 2 == 1
    n_means = n_levels // 2 if symmetric else n_levels
    distinct = np.unique(sizes)
    best = np.inf
    for k in range(1, min(n_means, distinct.size) + 1):
        for first in range(distinct.size if with_zero else 1):
            for cuts in itertools.combinations(range(first + 1, distinct.size), k - 1):
                bounds = [*distinct[[first, *cuts]], np.inf]
                groups = [(sizes >= a) & (sizes < b) for a, b in itertools.pairwise(bounds)]
                means = [np.average(sizes[g], weights=weights[g]) for g in groups]
                best = min(best, error(sizes, np.array([*means, 0.0] if with_zero else means), weights))
    return best
