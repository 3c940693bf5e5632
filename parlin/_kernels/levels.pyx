# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""The best division of sorted numbers into intervals, by divide and conquer.

The very operations of `levels_numpy`: the same cuts, and the same of several equally good ones.
"""

import numpy as np

from libc.math cimport INFINITY


def best_cuts(const double[::1] weights, const double[::1] sums, const double[::1] first, int least, int n_more):
    """Where the intervals after the first one begin; see `levels_numpy.best_cuts`."""
    cdef Py_ssize_t m = weights.shape[0] - 1, k
    cdef int end
    if sums.shape[0] != m + 1 or first.shape[0] != m + 1:
        raise ValueError("weights, sums and first must be of one length")
    if not (least >= 0 and n_more >= 0 and least + n_more <= m < 2**31 - 1):
        raise ValueError(f"{m} numbers cannot be divided so that {n_more} intervals follow the first")
    found = np.empty(n_more, dtype=np.intc)
    if n_more == 0:
        return found
    cdef double[:, ::1] gains = np.empty((2, m + 1))
    cdef int[:, ::1] begins = np.empty((n_more, m + 1), dtype=np.intc)
    cdef int[::1] cuts = found
    gains[0] = first
    with nogil:
        for k in range(n_more):
            fill(
                &weights[0], &sums[0], &gains[k % 2, 0], &gains[(k + 1) % 2, 0], &begins[k, 0],
                least + k + 1, m, least + k, m - 1,
            )
        end = m
        for k in range(n_more - 1, -1, -1):
            end = cuts[k] = begins[k, end]
    return found


cdef void fill(
    const double* weights, const double* sums, const double* before, double* after, int* begins,
    Py_ssize_t low, Py_ssize_t high, Py_ssize_t least, Py_ssize_t most,
) noexcept nogil:
    """The best gain of the first i numbers, low <= i <= high, and where their last interval begins.

    It begins at least at `least` and at most at `most`, and the later the greater i is.
    """
    cdef Py_ssize_t middle, j, at
    cdef double best, gain, weight, total
    while low <= high:
        middle = low + (high - low) // 2
        at, best = least, -INFINITY
        for j in range(least, min(middle - 1, most) + 1):
            weight, total = weights[middle] - weights[j], sums[middle] - sums[j]
            gain = before[j] + (total * total / weight if weight > 0.0 else 0.0)
            if gain > best:
                at, best = j, gain
        after[middle], begins[middle] = best, at
        fill(weights, sums, before, after, begins, low, middle - 1, least, at)
        low, least = middle + 1, at
