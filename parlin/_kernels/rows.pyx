# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""Stochastic gradient steps of least squares, batch by batch over rows, with a map after every step.

The very operations of `rows_numpy`: on sparse rows the same floats, on dense ones products are summed in
another order.  A *map* gives the coefficients: of a latent vector in `lazy`, of the moved coefficients in
`eager`.  Its kinds are those of `maps`.
"""

from libc.math cimport INFINITY

import numpy as np

from parlin._kernels.maps cimport BLEND, PROX, SOFT, Map, apply
from parlin._kernels.vectors cimport add, dot

KINDS = {"prox": PROX, "soft": SOFT, "blend": BLEND}


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
    # The same arrays, where loops read them.
    cdef const double* entry
    cdef const int* column
    cdef const int* begin_of
    cdef double[:, ::1] scratch

    def __init__(self, X, Py_ssize_t size, const double[::1] y, const double[::1] weights, map):
        self.sparse = isinstance(X, tuple)
        self.n, self.d, self.y, self.weights = y.shape[0], size, y, weights
        if self.sparse:
            self.data, self.indices, self.indptr = X
            _check(self.data, self.indices, self.indptr, self.n, size)
            self.entry = &self.data[0] if self.data.shape[0] else NULL
            self.column, self.begin_of = &self.indices[0] if self.data.shape[0] else NULL, &self.indptr[0]
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
        self.scratch = np.empty((4, self.map.n_levels + 2))
        self.map.tau, self.map.shift = &self.scratch[0, 0], &self.scratch[1, 0]
        self.map.low, self.map.high = &self.scratch[2, 0], &self.scratch[3, 0]

    def lazy(
        self, const int[::1] begins, const int[::1] ends, const double[::1] rates,
        const double[::1] amounts, double[::1] latent, total=None, picked=None,
    ):
        """Move the latent vector, a batch of rows at a time; see `rows_numpy.Rows.lazy`."""
        cdef const int[::1] order = picked
        cdef const int* rows = NULL if picked is None or order.shape[0] == 0 else &order[0]
        cdef Py_ssize_t b, longest = self._check_batches(begins, ends, rates, amounts, latent, order)
        cdef bint whole = not self.sparse or total is not None
        cdef double[::1] w = np.empty(self.d if whole else longest), r = np.empty(longest)
        cdef double[::1] sums = total
        cdef double* sum = NULL if total is None else &sums[0]
        cdef Py_ssize_t j
        with nogil:
            for b in range(begins.shape[0]):
                if whole:
                    apply(&self.map, amounts[b], &latent[0], NULL, &w[0], self.d)
                    if sum != NULL:
                        for j in range(self.d):
                            sum[j] += w[j]
                    self._residuals(rows, begins[b], ends[b], &w[0], &r[0])
                else:
                    self._gathered_residuals(rows, begins[b], ends[b], amounts[b], &latent[0], &w[0], &r[0])
                self._add(rows, begins[b], ends[b], rates[b], &r[0], &latent[0])

    def eager(
        self, const int[::1] begins, const int[::1] ends, const double[::1] rates,
        const double[::1] amounts, double[::1] w, picked=None,
    ):
        """Move the coefficients and map them, a batch of rows at a time; see `rows_numpy.Rows.eager`."""
        cdef const int[::1] order = picked
        cdef const int* rows = NULL if picked is None or order.shape[0] == 0 else &order[0]
        cdef Py_ssize_t b, longest = self._check_batches(begins, ends, rates, amounts, w, order)
        cdef double[::1] r = np.empty(longest)
        with nogil:
            for b in range(begins.shape[0]):
                self._residuals(rows, begins[b], ends[b], &w[0], &r[0])
                self._add(rows, begins[b], ends[b], rates[b], &r[0], &w[0])
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
        self, const int[::1] begins, const int[::1] ends, const double[::1] rates,
        const double[::1] amounts, const double[::1] v, const int[::1] picked,
    ) except -1:
        """The entries of the largest batch (sparse) or its rows (dense), if all are in their arrays."""
        cdef Py_ssize_t b, i, m = begins.shape[0], longest = 1, entries
        cdef Py_ssize_t most = self.n if picked is None else picked.shape[0]
        if v.shape[0] != self.d or not ends.shape[0] == rates.shape[0] == amounts.shape[0] == m:
            raise ValueError("there must be a rate and an amount a batch, and an entry a column")
        for i in range(0 if picked is None else picked.shape[0]):
            if not 0 <= picked[i] < self.n:
                raise IndexError(f"there are {self.n} rows, and none with the number {picked[i]}")
        for b in range(m):
            if not 0 <= begins[b] <= ends[b] <= most:
                raise IndexError("a batch is outside the rows")
            entries = ends[b] - begins[b]
            if self.sparse and picked is None:
                entries = max(entries, self.indptr[ends[b]] - self.indptr[begins[b]])
            elif self.sparse:
                for i in range(begins[b], ends[b]):
                    entries += self.indptr[picked[i] + 1] - self.indptr[picked[i]]
            longest = max(longest, entries)
        return longest

    cdef void _residuals(
        self, const int* picked, Py_ssize_t begin, Py_ssize_t end, const double* w, double* r
    ) noexcept nogil:
        """``s_i (y_i − x_i'w)`` for each of the rows."""
        cdef Py_ssize_t i, k, row
        cdef double product
        for i in range(begin, end):
            row = i if picked == NULL else picked[i]
            if self.sparse:
                product = 0.0
                for k in range(self.begin_of[row], self.begin_of[row + 1]):
                    product += self.entry[k] * w[self.column[k]]
            else:
                product = dot(<int>self.d, &self.dense[row, 0], w)
            r[i - begin] = self.weights[row] * (self.y[row] - product)

    cdef void _gathered_residuals(
        self, const int* picked, Py_ssize_t begin, Py_ssize_t end, double amount, const double* latent,
        double* w, double* r,
    ) noexcept nogil:
        """The same, where only the coefficients that the rows need are mapped."""
        cdef const int* column = self.column
        cdef const double* entry = self.entry
        cdef Py_ssize_t i, k, row, first, last, at = 0
        cdef double product
        if picked == NULL:
            first, at = self.begin_of[begin], self.begin_of[end] - self.begin_of[begin]
            for k in range(at):
                w[k] = latent[column[first + k]]
            if at:
                apply(&self.map, amount, w, self.column + first, w, at)
        else:
            for i in range(begin, end):
                first, last = self.begin_of[picked[i]], self.begin_of[picked[i] + 1]
                for k in range(first, last):
                    w[at + k - first] = latent[column[k]]
                if first < last:
                    apply(&self.map, amount, &w[at], self.column + first, &w[at], last - first)
                at += last - first
        at = 0
        for i in range(begin, end):
            row = i if picked == NULL else picked[i]
            product = 0.0
            for k in range(self.begin_of[row], self.begin_of[row + 1]):
                product += entry[k] * w[at]
                at += 1
            r[i - begin] = self.weights[row] * (self.y[row] - product)

    cdef void _add(
        self, const int* picked, Py_ssize_t begin, Py_ssize_t end, double rate, const double* r, double* v
    ) noexcept nogil:
        """``v += rate Σ_i r_i x_i``."""
        cdef const int* column = self.column
        cdef const double* entry = self.entry
        cdef Py_ssize_t i, k, row
        cdef double factor
        for i in range(begin, end):
            row = i if picked == NULL else picked[i]
            factor = rate * r[i - begin]
            if self.sparse:
                for k in range(self.begin_of[row], self.begin_of[row + 1]):
                    v[column[k]] += factor * entry[k]
            else:
                add(<int>self.d, factor, &self.dense[row, 0], v)


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
