r"""The best division of sorted numbers into intervals, in NumPy: what `levels` has compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parlin._types import FloatArray


def best_cuts(
    weights: FloatArray, sums: FloatArray, first: FloatArray, least: int, n_more: int
) -> NDArray[np.intc]:
    r"""Where the intervals after the first one begin, shape (n_more,).

    An interval of weight W and sum S gains ``S²/W``, and the gains are summed.

    Parameters
    ----------
    weights, sums : arrays of shape (m + 1,)
        Of the first i numbers, 0 for i = 0.
    first : array of shape (m + 1,)
        What the first i numbers gain as the first interval.
    least : int
        How many numbers the first interval has at least; the others have at least one.
    n_more : int
        How many intervals follow the first one.

    Notes
    -----
    The best begin of the last interval never falls as the numbers become more, so that the middle one
    divides the others into two halves that share a single candidate: ``O(n_more m log m)``.  Nor does it fall
    with one more interval.  Of equally good begins it is the first.
    """
    m = weights.size - 1
    if not sums.size == first.size == m + 1:
        raise ValueError("weights, sums and first must be of one length")
    if not (least >= 0 and n_more >= 0 and least + n_more <= m < 2**31 - 1):
        raise ValueError(f"{m} numbers cannot be divided so that {n_more} intervals follow the first")
    begins = np.zeros((n_more, m + 1), dtype=np.intc)
    before = first
    for k in range(n_more):
        after = np.empty(m + 1)
        # Every half at once: its numbers of summands, and the begins it may take.
        halves = np.array([[least + k + 1 if k < n_more - 1 else m, m, least + k, m - 1]])
        while halves.size:
            low, high, least_begin, most_begin = halves.T
            middle = low + (high - low) // 2
            first = least_begin if k == 0 else np.maximum(least_begin, begins[k - 1, middle])
            at, best = _best_begins(weights, sums, before, middle, first, np.minimum(middle - 1, most_begin))
            after[middle], begins[k, middle] = best, at
            left = np.stack((low, middle - 1, least_begin, at), axis=1)
            right = np.stack((middle + 1, high, at, most_begin), axis=1)
            halves = np.concatenate((left, right))
            halves = halves[halves[:, 0] <= halves[:, 1]]
        before = after
    cuts = np.empty(n_more, dtype=np.intc)
    end = m
    for k in range(n_more - 1, -1, -1):
        end = cuts[k] = begins[k, end]
    return cuts


def _best_begins(
    weights: FloatArray, sums: FloatArray, before: FloatArray, end: NDArray[np.intp],
    least: NDArray[np.intp], most: NDArray[np.intp],
) -> tuple[NDArray[np.intp], FloatArray]:  # fmt: skip
    """For each end the first of the best begins from `least` to `most`, and the gain with it."""
    sizes = most - least + 1
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    j = np.arange(sizes.sum()) + np.repeat(least - starts, sizes)
    ends = np.repeat(end, sizes)
    weight, total = weights[ends] - weights[j], sums[ends] - sums[j]
    gain = before[j] + np.divide(total * total, weight, out=np.zeros(j.size), where=weight > 0)
    best = np.maximum.reduceat(gain, starts)
    hits = np.flatnonzero(gain == np.repeat(best, sizes))
    return j[hits[np.searchsorted(hits, starts)]], best
