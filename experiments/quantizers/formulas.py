"""The levels that the programs of the sources compute, written down from their formulas."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Rounded(NamedTuple):
    """What values are rounded to, and the levels that are said to be used."""

    values: FloatArray
    levels: FloatArray


def ternary(values: FloatArray) -> FloatArray:
    """A scale that is half the mean of the larger values, between the value before and after it; the best."""
    sizes = np.sort(np.abs(values))
    halves = [0.5 * sizes[i + 1 :].mean() for i in range(sizes.size - 1)]
    feasible = [v for i, v in enumerate(halves) if sizes[i] <= v < sizes[i + 1]] or [0.5 * sizes.mean()]
    return min(([-v, 0.0, v] for v in feasible), key=lambda levels: error(values, np.array(levels)))


def two_bit(values: FloatArray) -> FloatArray:
    """A first scale from halved means, and the mean of what it leaves over as the second; the best."""
    sizes = np.sort(np.abs(values))
    total, count = np.cumsum(sizes), np.arange(1, sizes.size + 1)
    halves = [0.5 * (total[-1] - total[i]) / (sizes.size - count[i]) for i in range(1, sizes.size - 1)]
    inside = [v for i, v in enumerate(halves, start=1) if sizes[i] <= v <= sizes[i + 1]]
    candidates = []
    for first in inside or [0.5 * total[-1] / sizes.size]:
        second = np.abs(values - first * _signs(values)).mean()
        candidates.append(np.unique([s * first + t * second for s in (-1, 1) for t in (-1, 1)]))
    return min(candidates, key=lambda levels: error(values, levels))


def greedy(values: FloatArray, n_bits: int) -> Rounded:
    """Scales one after the other, each the mean of what is left over; values are the sums on the way."""
    rest, scales = values.copy(), []
    for _ in range(n_bits):
        scales.append(np.abs(rest).mean())
        rest = rest - scales[-1] * _signs(rest)
    combinations = np.array(list(itertools.product((-1.0, 1.0), repeat=n_bits)))
    return Rounded(values - rest, np.sort(combinations @ np.array(scales)))


def affine(values: FloatArray, n_levels: int) -> Rounded:
    """Values rounded with a zero point that is not whole, and levels on another grid."""
    step = np.ptp(values) / (n_levels - 1)
    codes = np.arange(n_levels) - n_levels // 2
    return Rounded(np.round(values / step) * step, codes * step)


def error(values: FloatArray, levels: FloatArray) -> float:
    """The mean squared distance of values from the nearest level, from its definition."""
    return float(np.mean(np.min((values[:, None] - np.asarray(levels)) ** 2, axis=1)))


def _signs(rest: FloatArray) -> FloatArray:
    return np.where(rest >= 0, 1.0, -1.0)
