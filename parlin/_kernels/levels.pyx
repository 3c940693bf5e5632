# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""The best division of sorted numbers into intervals, by divide and conquer.

The very operations of `levels_numpy`: the same cuts, and the same of several equally good ones.
"""

from parlin._kernels.signals cimport count_work

import numpy as np

cdef extern from *:
    """
    #include <math.h>
    #if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
    #define LEVELS_CLONES __attribute__((unused, target_clones("avx512f", "avx2", "default")))
    #else
    #define LEVELS_CLONES
    #endif
    /* The first begin of the last interval, from `begin` to before `end`, with the greatest gain. */
    #define TRY(j) \
        { \
            double w = weight - weights[j], s = sum - sums[j]; \
            double g = before[j] + (w > 0.0 ? s * s / w : 0.0); \
            if (g > *best) *best = g, at = j; \
        }
    #if defined(__GNUC__)
    typedef double parlin_doubles __attribute__((vector_size(64), aligned(8), may_alias));
    typedef long long parlin_places __attribute__((vector_size(64), aligned(8), may_alias));
    #define AT(x) (*(const parlin_doubles*)(x))
    LEVELS_CLONES static long parlin_best_begin(
        const double* weights, const double* sums, const double* before, double weight, double sum,
        long begin, long end, double* best)
    {
        long at = begin, j = begin;
        *best = -INFINITY;
        if (end - begin >= 16) {
            parlin_doubles most = {0}, zero = {0};
            parlin_places place = {0, 1, 2, 3, 4, 5, 6, 7}, found = {0};
            place += begin;
            most -= INFINITY;
            for (; j + 8 <= end; j += 8) {
                parlin_doubles w = weight - AT(weights + j), s = sum - AT(sums + j), gain = s * s / w;
                gain = AT(before + j) + (parlin_doubles)((parlin_places)gain & (w > zero));
                parlin_places more = gain > most;
                most = (parlin_doubles)(((parlin_places)gain & more) | ((parlin_places)most & ~more));
                found = (place & more) | (found & ~more);
                place += 8;
            }
            for (int k = 0; k < 8; k++)
                if (most[k] > *best || (most[k] == *best && found[k] < at)) *best = most[k], at = found[k];
        }
        for (; j < end; j++) TRY(j)
        return at;
    }
    #else
    static long parlin_best_begin(
        const double* weights, const double* sums, const double* before, double weight, double sum,
        long begin, long end, double* best)
    {
        long at = begin;
        *best = -INFINITY;
        for (long j = begin; j < end; j++) TRY(j)
        return at;
    }
    #endif
    """
    long parlin_best_begin(
        const double* weights, const double* sums, const double* before, double weight, double sum,
        long begin, long end, double* best
    ) noexcept nogil



def best_cuts(
    const double[::1] weights, const double[::1] sums, const double[::1] first, int least, int n_more
):
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
    cdef double work = 0.0
    gains[0] = first
    with nogil:
        for k in range(n_more):
            # Of the last interval only its begin among all numbers is wanted.
            fill(
                &weights[0], &sums[0], &gains[k % 2, 0], &gains[(k + 1) % 2, 0], &begins[k, 0],
                &begins[k - 1, 0] if k > 0 else NULL, least + k + 1 if k < n_more - 1 else m, m,
                least + k, m - 1, &work,
            )
        end = m
        for k in range(n_more - 1, -1, -1):
            end = cuts[k] = begins[k, end]
    return found


cdef int fill(
    const double* weights, const double* sums, const double* before, double* after, int* begins,
    const int* with_fewer, Py_ssize_t low, Py_ssize_t high, Py_ssize_t least, Py_ssize_t most,
    double* work,
) except -1 nogil:
    """The best gain of the first i numbers, low <= i <= high, and where their last interval begins.

    It begins from `least` to `most`, not earlier than with an interval fewer, nor earlier for a greater i.
    """
    cdef Py_ssize_t middle, at, first
    cdef double best
    while low <= high:
        middle = low + (high - low) // 2
        first = least if with_fewer == NULL else max(least, <Py_ssize_t>with_fewer[middle])
        count_work(work, 8.0 + max(min(middle - 1, most) - first, 0))
        at = parlin_best_begin(
            weights, sums, before, weights[middle], sums[middle], first, min(middle - 1, most) + 1, &best
        )
        after[middle], begins[middle] = best, at
        fill(weights, sums, before, after, begins, with_fewer, low, middle - 1, least, at, work)
        low, least = middle + 1, at
    return 0
