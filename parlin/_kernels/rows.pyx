# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""Stochastic gradient steps of least squares, batch by batch over rows, with a map after every step.

The very operations of `rows_numpy`: on sparse rows the same floats, on dense ones products are summed in another
order.  A *map* gives the coefficients: of a latent vector in `lazy`, of the coefficients moved in `eager`.

* PROX: the proximal map of ψ, `amount` being the step.  A convex ψ without weights has a table of thresholds, made
  anew for every batch; otherwise the cells compete in every coordinate for itself.
* SOFT: in the cell [a, b] of v, c its middle: ``c + amount (v − c)``, clipped to the cell; the nearest level
  if the amount is infinite.
* BLEND: ``(1 − amount) v + amount q``, q the nearest level.
"""

from libc.math cimport INFINITY
from libc.stdint cimport uint8_t

import numpy as np

from parlin._kernels.vectors cimport add, dot

cdef enum:
    BLOCK = 256
    # Up to so many pieces all thresholds are compared with every argument of a block.
    FEW = 48

cdef enum Kind:
    PROX, SOFT, BLEND

KINDS = {"prox": PROX, "soft": SOFT, "blend": BLEND}

cdef extern from *:
    """
    #if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
    #define ROWS_CLONES __attribute__((unused, target_clones("avx512f", "avx2", "default")))
    #elif defined(__GNUC__)
    #define ROWS_CLONES __attribute__((unused))
    #else
    #define ROWS_CLONES
    #endif
    /* How many thresholds are at most v, for each argument; NaN counts none. */
    ROWS_CLONES static void parlin_places(const double* tau, int m, const double* v, int size, double* place)
    {
        for (int i = 0; i < size; i++) place[i] = 0.0;
        for (int k = 0; k < m; k++)
            for (int i = 0; i < size; i++) place[i] += v[i] >= tau[k] ? 1.0 : 0.0;
    }
    """
    void parlin_places(const double* tau, int m, const double* v, int size, double* place) noexcept nogil


cdef struct Map:
    Kind kind
    bint convex
    int n_levels
    const double* levels
    const double* slopes
    int first, last          # the cells of finite slope
    const double* weights    # of the penalty, one a coefficient, or NULL
    double* tau              # scratch: thresholds of the current amount, and the shift of each cell
    double* shift


cdef class Rows:
    """Rows of a design with their targets and weights, and a map for the coefficients.

    X is dense in C order, or a CSR triple (data, indices, indptr) with `size` columns.
    """

    cdef Map map
    cdef bint sparse
    cdef Py_ssize_t n, d
    cdef const double[:, ::1] dense
    cdef const double[::1] data, y, weights, levels, slopes, penalty_weights
    cdef const int[::1] indices, indptr
    cdef double[:, ::1] scratch

    def __init__(self, X, Py_ssize_t size, const double[::1] y, const double[::1] weights, map):
        self.sparse = isinstance(X, tuple)
        self.n, self.d, self.y, self.weights = y.shape[0], size, y, weights
        if self.sparse:
            self.data, self.indices, self.indptr = X
            _check(self.data, self.indices, self.indptr, self.n, size)
        else:
            self.dense = X
            if X.shape != (self.n, size):
                raise ValueError("X must have a row for each target and `size` columns")
        if weights.shape[0] != self.n:
            raise ValueError("there must be a weight for each target")
        self.levels, self.slopes, self.penalty_weights = map.levels, map.slopes, map.weights
        self.map.kind, self.map.convex = KINDS[map.kind], map.convex
        self.map.n_levels = self.levels.shape[0]
        if self.slopes.shape[0] != self.map.n_levels + 1:
            raise ValueError("there must be a slope more than levels")
        self.map.levels = &self.levels[0] if self.map.n_levels else NULL
        self.map.slopes = &self.slopes[0]
        self.map.first = self.slopes[0] == -INFINITY
        self.map.last = self.map.n_levels - (self.slopes[self.map.n_levels] == INFINITY)
        self.map.weights = NULL
        if map.weights is not None:
            if self.penalty_weights.shape[0] != size:
                raise ValueError("there must be a penalty weight for each column")
            self.map.weights = &self.penalty_weights[0]
        self.scratch = np.empty((2, self.map.n_levels + 2))
        self.map.tau, self.map.shift = &self.scratch[0, 0], &self.scratch[1, 0]

    def lazy(
        self, const int[::1] picked, const int[::1] starts, const double[::1] rates,
        const double[::1] amounts, double[::1] latent, total=None,
    ):
        """Move the latent vector, a batch of rows at a time; see `rows_numpy.Rows.lazy`."""
        cdef Py_ssize_t b, longest = self._check_batches(picked, starts, rates, amounts, latent)
        cdef bint whole = not self.sparse or total is not None
        cdef double[::1] w = np.empty(self.d if whole else longest), r = np.empty(longest)
        cdef double[::1] sums = None if total is None else total
        cdef double* sum = NULL if total is None else &sums[0]
        cdef Py_ssize_t j
        with nogil:
            for b in range(starts.shape[0] - 1):
                if whole:
                    apply(&self.map, amounts[b], &latent[0], NULL, &w[0], self.d)
                    if sum != NULL:
                        for j in range(self.d):
                            sum[j] += w[j]
                    self._residuals(&picked[starts[b]], starts[b + 1] - starts[b], &w[0], &r[0])
                else:
                    self._gathered_residuals(
                        &picked[starts[b]], starts[b + 1] - starts[b], amounts[b], &latent[0], &w[0], &r[0]
                    )
                self._add(&picked[starts[b]], starts[b + 1] - starts[b], rates[b], &r[0], &latent[0])

    def eager(
        self, const int[::1] picked, const int[::1] starts, const double[::1] rates,
        const double[::1] amounts, double[::1] w,
    ):
        """Move the coefficients and map them, a batch of rows at a time; see `rows_numpy.Rows.eager`."""
        cdef Py_ssize_t b, longest = self._check_batches(picked, starts, rates, amounts, w)
        cdef double[::1] r = np.empty(longest)
        with nogil:
            for b in range(starts.shape[0] - 1):
                self._residuals(&picked[starts[b]], starts[b + 1] - starts[b], &w[0], &r[0])
                self._add(&picked[starts[b]], starts[b + 1] - starts[b], rates[b], &r[0], &w[0])
                apply(&self.map, amounts[b], &w[0], NULL, &w[0], self.d)

    def mapped(self, const double[::1] v, double amount):
        """The coefficients of `v`, shape (d,)."""
        if v.shape[0] != self.d:
            raise ValueError("v must have an entry for each column")
        result = np.empty(self.d)
        cdef double[::1] out = result
        with nogil:
            apply(&self.map, amount, &v[0], NULL, &out[0], self.d)
        return result

    cdef Py_ssize_t _check_batches(
        self, const int[::1] picked, const int[::1] starts, const double[::1] rates,
        const double[::1] amounts, const double[::1] v,
    ) except -1:
        """The entries of the largest batch (sparse) or its rows (dense), if all indices are in their arrays."""
        cdef Py_ssize_t b, k, m = starts.shape[0] - 1, longest = 1, entries
        if v.shape[0] != self.d or not rates.shape[0] == amounts.shape[0] == m or m < 0 or starts[0] < 0:
            raise ValueError("there must be a rate and an amount for each batch, and an entry for each column")
        for b in range(m):
            if not starts[b] <= starts[b + 1] <= picked.shape[0]:
                raise IndexError("a batch is outside the picked rows")
            entries = 0
            for k in range(starts[b], starts[b + 1]):
                if not 0 <= picked[k] < self.n:
                    raise IndexError(f"there are {self.n} rows, and none with the number {picked[k]}")
                entries += self.indptr[picked[k] + 1] - self.indptr[picked[k]] if self.sparse else 1
            longest = max(longest, max(entries, starts[b + 1] - starts[b]))
        return longest

    cdef void _residuals(self, const int* rows, Py_ssize_t size, const double* w, double* r) noexcept nogil:
        """``s_i (y_i − x_i'w)`` for each of the rows."""
        cdef Py_ssize_t i, k
        cdef int row
        cdef double product
        for i in range(size):
            row = rows[i]
            if self.sparse:
                product = 0.0
                for k in range(self.indptr[row], self.indptr[row + 1]):
                    product += self.data[k] * w[self.indices[k]]
            else:
                product = dot(<int>self.d, &self.dense[row, 0], w)
            r[i] = self.weights[row] * (self.y[row] - product)

    cdef void _gathered_residuals(
        self, const int* rows, Py_ssize_t size, double amount, const double* latent, double* w, double* r
    ) noexcept nogil:
        """The same, where only the coefficients that the rows need are mapped."""
        cdef Py_ssize_t i, k, at = 0
        cdef double product
        for i in range(size):
            for k in range(self.indptr[rows[i]], self.indptr[rows[i] + 1]):
                w[at] = latent[self.indices[k]]
                at += 1
        if self.map.weights == NULL:
            apply(&self.map, amount, w, NULL, w, at)
        else:
            at = 0
            for i in range(size):
                k = self.indptr[rows[i]]
                if self.indptr[rows[i] + 1] > k:
                    apply(
                        &self.map, amount, &w[at], &self.indices[k], &w[at], self.indptr[rows[i] + 1] - k
                    )
                    at += self.indptr[rows[i] + 1] - k
        at = 0
        for i in range(size):
            product = 0.0
            for k in range(self.indptr[rows[i]], self.indptr[rows[i] + 1]):
                product += self.data[k] * w[at]
                at += 1
            r[i] = self.weights[rows[i]] * (self.y[rows[i]] - product)

    cdef void _add(
        self, const int* rows, Py_ssize_t size, double rate, const double* r, double* v
    ) noexcept nogil:
        """``v += rate Σ_i r_i x_i``."""
        cdef Py_ssize_t i, k
        cdef double factor
        for i in range(size):
            factor = rate * r[i]
            if self.sparse:
                for k in range(self.indptr[rows[i]], self.indptr[rows[i] + 1]):
                    v[self.indices[k]] += factor * self.data[k]
            else:
                add(<int>self.d, factor, &self.dense[rows[i], 0], v)


def _check(
    const double[::1] data, const int[::1] indices, const int[::1] indptr, Py_ssize_t n, Py_ssize_t d
):
    cdef Py_ssize_t k
    cdef bint valid = indptr.shape[0] == n + 1 and indices.shape[0] == data.shape[0] and indptr[0] == 0
    for k in range(n if valid else 0):
        valid = valid and indptr[k] <= indptr[k + 1]
    valid = valid and indptr[n] == data.shape[0]
    for k in range(indices.shape[0]):
        valid = valid and 0 <= indices[k] < d
    if not valid:
        raise IndexError("X has an entry outside its rows and columns")


# -- the maps -----------------------------------------------------------------------------------------


cdef void apply(
    Map* map, double amount, const double* v, const int* columns, double* out, Py_ssize_t size
) noexcept nogil:
    """The map of `size` arguments, those of the columns or of the first ones; `out` may be `v`."""
    cdef Py_ssize_t begin = 0, i
    cdef int width
    cdef bint table = map.kind == PROX and map.convex and map.weights == NULL and map.n_levels <= FEW
    cdef double weight
    if table:
        _thresholds(map, amount)
        while begin < size:
            width = <int>min(BLOCK, size - begin)
            _by_table(map, v + begin, out + begin, width)
            begin += BLOCK
        return
    for i in range(size):
        weight = 1.0
        if map.weights != NULL:
            weight = map.weights[i if columns == NULL else columns[i]]
            if weight == 0.0:
                out[i] = v[i]
                continue
        out[i] = _one(map, amount, weight, v[i])


cdef void _thresholds(Map* map, double step) noexcept nogil:
    """Thresholds and shifts of the cells of finite slope, from the second one on."""
    cdef int k
    for k in range(map.first, map.last + 1):
        map.shift[k] = step * map.slopes[k]
        if k > map.first:
            map.tau[k - map.first - 1] = map.levels[k - 1] + 0.5 * (map.shift[k - 1] + map.shift[k])


cdef void _by_table(const Map* map, const double* v, double* out, int size) noexcept nogil:
    cdef double place[BLOCK]
    cdef int i, k
    if map.first > map.last:  # a box of one point
        for i in range(size):
            out[i] = map.levels[0] if v[i] == v[i] else v[i]
        return
    parlin_places(map.tau, map.last - map.first, v, size, place)
    for i in range(size):
        k = map.first + <int>place[i]
        out[i] = _clip(v[i] - map.shift[k], _left(map, k), _right(map, k))


cdef inline double _one(const Map* map, double amount, double weight, double v) noexcept nogil:
    cdef int k
    cdef double low, high, middle
    if map.kind == PROX:
        return _prox_convex(map, amount * weight, v) if map.convex else _prox_any(map, amount * weight, v)
    k = _count(map.levels, map.n_levels, v)  # levels below v
    if map.kind == SOFT:
        k = min(max(k, 1), map.n_levels - 1)
        if k == 0:
            return map.levels[0] if v == v else v
        low, high = map.levels[k - 1], map.levels[k]
        middle = 0.5 * low + 0.5 * high
        if amount == INFINITY and v == v:
            return low if v < middle else high
        return _clip(middle + amount * (v - middle), low, high)
    if k == map.n_levels or (k > 0 and v < 0.5 * map.levels[k - 1] + 0.5 * map.levels[k]):
        k -= 1
    if amount == 1.0:
        return map.levels[k] if v == v else v
    return (1.0 - amount) * v + amount * map.levels[k]


cdef inline double _clip(double x, double lower, double upper) noexcept nogil:
    return min(max(x, lower), upper)  # in this order NaN stays NaN


cdef inline double _left(const Map* map, int cell) noexcept nogil:
    return map.levels[cell - 1] if cell > 0 else -INFINITY


cdef inline double _right(const Map* map, int cell) noexcept nogil:
    return map.levels[cell] if cell < map.n_levels else INFINITY


cdef inline int _count(const double* levels, int size, double v) noexcept nogil:
    """How many levels are below v."""
    cdef int low = 0, high = size, middle
    while low < high:
        middle = (low + high) // 2
        if levels[middle] < v:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline double _prox_convex(const Map* map, double step, double v) noexcept nogil:
    """The last cell whose threshold is at most v, by bisection."""
    cdef int low = map.first, high = map.last, middle
    if low > high:
        return map.levels[0] if v == v else v
    while low < high:
        middle = (low + high + 1) // 2
        if v >= map.levels[middle - 1] + 0.5 * (step * map.slopes[middle - 1] + step * map.slopes[middle]):
            low = middle
        else:
            high = middle - 1
    return _clip(v - step * map.slopes[low], _left(map, low), _right(map, low))


cdef inline double _prox_any(const Map* map, double step, double v) noexcept nogil:
    """The cells compete from left to right, as in `parlin.penalty.prox`."""
    cdef int j, best = map.first
    cdef double shift, challenge, width, gap, t, x, eta, lead, rise = 0.0
    if map.first > map.last:
        return map.levels[0] if v == v else v
    if not -INFINITY < v < INFINITY:
        return _clip(v, _left(map, map.first), _right(map, map.last))
    shift = step * map.slopes[best]
    for j in range(map.first + 1, map.last + 1):
        challenge, width = step * map.slopes[j], _right(map, j) - _left(map, j)
        t, gap = v - _right(map, best), _left(map, j) - _right(map, best)
        x = min(max(t - shift, _left(map, best) - _right(map, best)), 0.0)
        eta = min(max(t - gap - challenge, 0.0), width)
        lead = gap * (t - 0.5 * gap) - rise + eta * (t - gap - challenge - 0.5 * eta)
        lead -= x * (t - shift - 0.5 * x)
        if lead >= 0.0:
            best, shift, rise = j, challenge, 0.0
        elif width < INFINITY:
            rise += challenge * width
    return _clip(v - shift, _left(map, best), _right(map, best))
