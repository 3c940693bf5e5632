# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""The proximal map of a table: near the speed of memory on uniform grids, a few times that on any table.

The map is ``min(max(v − shift_i, lower_i), upper_i)``, i the number of thresholds ``τ <= v``: the very
operations of `parlin.penalty.prox.apply_table`, hence the same floats.  The two differ in how i is found:

* *Search*: bisection.  It needs no preparation, and serves until the table has seen enough arguments
  for an index to pay.
* *Buckets*: ``⌊(v − τ_0) · scale⌋`` is nondecreasing in v in floating point too.  So the thresholds in
  the buckets before v's are all below v and those in the buckets after it are all above: only the
  thresholds in its own bucket, at most one unless the buckets are full, are compared with v.
* *Uniform*: thresholds that form one progression, or two with a gap about the centre, are counted by
  one multiplication.  The count may be off by one next to a threshold, which for a convex ψ changes
  nothing: both pieces return the level there.  `_uniform` proves this for the table at hand.
  Thousands of levels do not fit the first-level cache beside their shifts.  Where a formula gives each
  of them float for float, which `_even` proves, they are computed.

Arguments are taken in blocks that stay in the first-level cache: the pieces of a block first, in a loop
that the compiler can vectorise, then its values.
"""

from libc.math cimport INFINITY, NAN, fabs, isfinite
cimport numpy as cnp

import numpy as np

cnp.import_array()

cdef enum:
    BLOCK = 128
    # An index is built when the table has served this many arguments per piece.
    WORTH_AN_INDEX = 16
    # Buckets are doubled until none is full, up to this many, or this many per threshold.
    MAX_BUCKETS = 2048
    MAX_BUCKETS_EACH = 4
    # From this many thresholds on, levels are computed where that is exact.
    MANY_THRESHOLDS = 256

cdef enum Method:
    SEARCH, BUCKETS, UNIFORM

cdef extern from *:
    """
    #if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
    #include <immintrin.h>
    #define VECTORISED __attribute__((target_clones("avx512f", "avx2", "default"))) void
    /* Take entries by fours as far as that goes: compilers do not, as on some processors it is slow. */
    __attribute__((target("avx2")))
    static int gather_by_fours(const double* table, const int* place, int size, double* out)
    {
        int i = 0;
        for (; i + 4 <= size; i += 4)
            _mm256_storeu_pd(out + i, _mm256_i32gather_pd(table, _mm_loadu_si128((__m128i*)(place + i)), 8));
        return i;
    }
    static int gather(const double* table, const int* place, int size, double* out)
    {
        return __builtin_cpu_supports("avx2") ? gather_by_fours(table, place, size, out) : 0;
    }
    #else
    #define VECTORISED void
    #define gather(table, place, size, out) 0
    #endif
    """
    ctypedef void vectorised "VECTORISED"
    int gather(const double* table, const int* place, int size, double* out) noexcept nogil


cdef struct Index:
    Method method
    int m                       # thresholds
    const double* tau           # (m + 1,), the last one NaN, which no argument reaches
    const double* shift         # (m + 1,)
    const double* lower         # (m + 1,)
    const double* upper         # (m + 1,)
    double gap_low, gap_high    # the gap, which is taken out of the line
    double origin, scale, top   # then an argument stands at (v − origin) · scale, cut off to [0, top]
    const int* before           # thresholds in the buckets before each one, and in all of them
    bint even                   # whether lower[p] is begin + (p − centre) · step, float for float, if p > 0
    double begin, centre, step


cdef class Prox:
    """The proximal map of one table, given by the arrays of a `parlin.penalty.prox.ProxTable`.

    Threads may share it: the index is built once, with the GIL held, and the map applied without it.
    """

    cdef Index index
    cdef double[:, ::1] rows
    cdef int[::1] before
    cdef double served

    def __init__(
        self, const double[::1] thresholds, const double[::1] shifts, const double[::1] lower,
        const double[::1] upper,
    ):  # fmt: skip
        cdef int m = thresholds.shape[0], k
        if not shifts.shape[0] == lower.shape[0] == upper.shape[0] == m + 1:
            raise ValueError("a table has one more piece than thresholds")
        cdef bint joined = True
        cdef double[:, ::1] rows = np.full((4, m + 2), NAN)
        for k in range(m):
            rows[0, k] = thresholds[k]
            joined = joined and lower[k + 1] == upper[k]
        for k in range(m + 1):
            rows[1, k], rows[2, k], rows[3, k] = shifts[k], lower[k], upper[k]
        rows[2, m + 1] = upper[m]
        self.rows = rows
        self.index.method, self.index.m = SEARCH, m
        self.index.tau, self.index.shift = &rows[0, 0], &rows[1, 0]
        # Where each cell begins at the end of the one before, one array of ends is easier on the cache.
        self.index.lower, self.index.upper = &rows[2, 0], &rows[2, 1] if joined else &rows[3, 0]
        self.served = 0.0

    @property
    def method(self):
        """How pieces are found at present: "search", "buckets" or "uniform"."""
        return ("search", "buckets", "uniform")[self.index.method]

    def __call__(self, cnp.ndarray v not None, cnp.ndarray out=None):
        """The proximal map of the float64 array `v` of any shape, written to `out` if that is given."""
        cdef cnp.ndarray result = out
        cdef cnp.npy_intp size = cnp.PyArray_SIZE(v)
        cdef Index index
        if not _plain(v):
            v = np.array(v, dtype=np.float64, order="C")
        if out is None:
            result = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(v), cnp.PyArray_DIMS(v), cnp.NPY_FLOAT64, 0)
        elif not cnp.PyArray_SAMESHAPE(out, v):
            raise ValueError("out must have the shape of v")
        elif not (_plain(out) and cnp.PyArray_ISWRITEABLE(out) and _apart(v, out, size)):
            out[...] = self(v)
            return out
        if self.index.method == SEARCH:
            self.served += size
            if self.served >= WORTH_AN_INDEX * (self.index.m + 1) and not _uniform(&self.index):
                self._fill_buckets()
        index = self.index
        with nogil:
            _apply(&index, <const double*>cnp.PyArray_DATA(v), <double*>cnp.PyArray_DATA(result), size)
        return result

    cdef _fill_buckets(self):
        """Set up the buckets; whoever is first among threads that do so at once decides, with one result."""
        cdef Index index = self.index
        cdef int m = index.m, buckets = 1, most, k, b
        cdef int limit = max(MAX_BUCKETS, MAX_BUCKETS_EACH * m)
        cdef double span = index.tau[m - 1] - index.tau[0] if m > 1 else 0.0
        cdef int[::1] before
        index.origin, index.gap_low, index.gap_high = index.tau[0], 0.0, 0.0
        if 0.0 < span and isfinite(span) and isfinite(limit / span):
            buckets = 2 * m
        while True:
            index.scale, index.top = buckets / span if buckets > 1 else 0.0, buckets - 1
            before = np.zeros(buckets + 1, dtype=np.intc)
            most = 0
            for k in range(m):
                _locate(&index, &index.tau[k], 1, &b)
                before[b + 1] += 1
                most = max(most, before[b + 1])
            if most <= 1 or buckets == 1 or 2 * buckets > limit:
                break
            buckets *= 2
        for b in range(buckets):
            before[b + 1] += before[b]
        index.before = &before[0]
        index.method = BUCKETS
        # From here on nothing calls Python, so no other thread comes between; and one that applies the map
        # meanwhile, without the GIL, reads its own copy of the index, whose array must stay.
        if self.index.method == SEARCH:
            self.before = before
            self.index = index


cdef inline bint _plain(cnp.ndarray a) noexcept:
    """Whether the entries are native doubles, one after the other in memory."""
    return cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT64 and cnp.PyArray_ISCARRAY_RO(a)


cdef inline bint _apart(cnp.ndarray v, cnp.ndarray out, cnp.npy_intp size) noexcept:
    """Whether `out` is `v` itself or shares no memory with it, so that no argument is overwritten early."""
    cdef double* a = <double*>cnp.PyArray_DATA(v)
    cdef double* b = <double*>cnp.PyArray_DATA(out)
    return a == b or a + size <= b or b + size <= a


cdef bint _uniform(Index* index) noexcept:
    r"""Set up counting by one multiplication, and say whether that is right for every argument.

    Let level k lie between the pieces k and k + 1, and let both pieces return it from ``begin < τ_k``
    to ``end > τ_k``.  The count never decreases.  So if it is at most k at every `begin` and at least
    k + 1 at every `end`, it is exact off these intervals, and within one of them either k or k + 1.
    """
    cdef int m = index.m, first = 1, last = m - 1, k, piece
    cdef double increment, reach, begin, end, previous = -INFINITY
    if m == 0:
        return False
    if m == 1:  # one threshold is a progression with any increment
        first, increment = 0, 1.0
    else:
        increment = index.tau[1] - index.tau[0]
    while first < m - 1 and fabs(index.tau[first + 1] - index.tau[first] - increment) <= 1e-6 * increment:
        first += 1
    while last > first and fabs(index.tau[last] - index.tau[last - 1] - increment) <= 1e-6 * increment:
        last -= 1
    if first > 0:
        increment = (index.tau[first] - index.tau[0]) / first
    # Between the progressions there is one increment for each step from `first` to `last`; the rest goes.
    index.gap_low = index.tau[first] + 0.5 * (last - first) * increment
    index.gap_high = index.tau[last] - 0.5 * (last - first) * increment
    index.scale, index.top = 1.0 / increment, m
    index.origin = index.tau[0] - index.gap_low - increment
    for k in range(m):
        reach = 0.499 * (index.shift[k + 1] - index.shift[k])
        begin, end = index.tau[k] - reach, index.tau[k] + reach
        if not (
            previous <= begin <= index.tau[k] <= end
            and begin - index.shift[k] >= index.upper[k] == index.lower[k + 1] >= end - index.shift[k + 1]
        ):
            return False
        _locate(index, &begin, 1, &piece)
        if piece > k:
            return False
        _locate(index, &end, 1, &piece)
        if piece <= k:
            return False
        previous = end
    index.method, index.even = UNIFORM, m >= MANY_THRESHOLDS and _even(index)
    return True


cdef bint _even(Index* index) noexcept:
    """Set up the levels in closed form, and say whether that gives each of them float for float."""
    cdef int m = index.m, k
    for k in range(1, m + 1):  # multiples of the spacing
        if index.lower[k] == 0.0:
            index.begin, index.centre = 0.0, k
            index.step = index.lower[k + 1] if k < m else -index.lower[k - 1]
            if _levels_follow(index):
                return True
    index.begin, index.centre = index.lower[1], 1.0  # as `numpy.linspace` makes them
    index.step = (index.lower[m] - index.lower[1]) / (m - 1)
    return _levels_follow(index)


cdef bint _levels_follow(const Index* index) noexcept:
    """Whether the formula gives the levels."""
    cdef int k
    for k in range(1, index.m + 1):
        if index.lower[k] != index.begin + (k - index.centre) * index.step:
            return False
    return True


cdef void _apply(const Index* index, const double* v, double* out, Py_ssize_t size) noexcept nogil:
    cdef int place[BLOCK]
    cdef Py_ssize_t begin = 0
    while begin < size:
        _apply_block(index, v + begin, out + begin, <int>min(BLOCK, size - begin), place)
        begin += BLOCK


cdef inline void _apply_block(
    const Index* index, const double* v, double* out, int size, int* place
) noexcept nogil:
    cdef const double* tau = index.tau
    cdef const double* shift = index.shift
    cdef const double* lower = index.lower
    cdef const double* upper = index.upper
    cdef const int* before = index.before
    cdef double shifts[BLOCK]
    cdef int i, p
    if index.method != SEARCH:
        _locate(index, v, size, place)
    if index.method == UNIFORM and index.even:
        _take(shift, place, size, shifts)
        _clip_even(index, v, shifts, out, size, place)
    elif index.method == UNIFORM:
        for i in range(size):
            p = place[i]
            out[i] = _clip(v[i] - shift[p], lower[p], upper[p])
    elif index.method == BUCKETS:
        for i in range(size):
            p = before[place[i]]
            p += v[i] >= tau[p]
            if v[i] >= tau[p]:  # a bucket with several thresholds
                p = _count(tau, p, before[place[i] + 1], v[i])
            out[i] = _clip(v[i] - shift[p], lower[p], upper[p])
    else:
        for i in range(size):
            p = _count(tau, 0, index.m, v[i])
            out[i] = _clip(v[i] - shift[p], lower[p], upper[p])


cdef inline double _clip(double x, double lower, double upper) noexcept nogil:
    return min(max(x, lower), upper)  # in this order NaN stays NaN


cdef inline void _take(const double* table, const int* place, int size, double* out) noexcept nogil:
    """The entries of `table` at the places."""
    cdef int i
    for i in range(gather(table, place, size, out), size):
        out[i] = table[place[i]]


cdef vectorised _clip_even(
    const Index* index, const double* v, const double* shift, double* out, int size, const int* place
) noexcept nogil:
    """The values, where the levels are computed and the shifts of all arguments are at hand."""
    cdef double first = index.lower[0], last = index.upper[index.m]
    cdef double begin = index.begin, centre = index.centre, step = index.step, top = index.top
    cdef double p, lower, upper
    cdef int i
    for i in range(size):
        p = place[i]
        lower = begin + (p - centre) * step
        upper = begin + (p - centre + 1.0) * step
        lower = lower if p > 0.0 else first
        upper = upper if p < top else last
        out[i] = min(max(v[i] - shift[i], lower), upper)


cdef vectorised _locate(const Index* index, const double* v, int size, int* place) noexcept nogil:
    """Where arguments stand on the line, as whole numbers from 0 to `top`; NaN stands at 0."""
    cdef double low = index.gap_low, high = index.gap_high
    cdef double origin = index.origin, scale = index.scale, top = index.top, gap
    cdef int i
    for i in range(size):
        gap = min(max(v[i], low), high)
        place[i] = <int>min(max(0.0, (v[i] - gap - origin) * scale), top)  # in this order NaN becomes 0


cdef inline int _count(const double* tau, int low, int high, double v) noexcept nogil:
    """The number of thresholds ``<= v``, if those before `low` are and those from `high` on are not."""
    cdef int size = high - low, half
    while size > 0:
        half = (size + 1) >> 1
        low += half * (tau[low + half - 1] <= v)
        size -= half
    return low
