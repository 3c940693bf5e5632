# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""Compiled passes over the columns of a design, dense in Fortran order or sparse in CSC form.

A column stays in the cache while everything that is asked of it is computed, which for large designs is
all that counts: time goes into reading them.  Loops run without the GIL; the objects are not changed after
they are made, so that threads may share them.
"""

from libc.math cimport INFINITY, fabs, sqrt

from parlin._cached import cached_property
from parlin._kernels.vectors cimport add, dot, dot_square

import numpy as np

from parlin._kernels import columns_numpy

# BLAS takes longer to call, and to share the work among its threads, than so few entries take in one loop.
QUICK = 1 << 18


cdef extern from *:
    """
    #if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
    #define VECTORISED_COLUMN __attribute__((target_clones("avx2", "default"))) void
    #else
    #define VECTORISED_COLUMN void
    #endif
    """
    ctypedef void vectorised "VECTORISED_COLUMN"


cdef vectorised _scale(
    const double* x, double mean, const double* factors, double* result, int n
) noexcept nogil:
    """``(x − mean)`` times the factors."""
    cdef int i
    for i in range(n):
        result[i] = (x[i] - mean) * factors[i]


cdef vectorised _raise_to_greatest(const int* x, Py_ssize_t n, unsigned int* greatest) noexcept nogil:
    """`greatest` becomes the greatest entry if that is greater; negative ones are huge."""
    cdef Py_ssize_t i
    cdef unsigned int found = greatest[0]
    for i in range(n):
        found = max(found, <unsigned int>x[i])
    greatest[0] = found


def all_finite(const double[::1] v):
    """Whether no entry of the vector is infinite or NaN."""
    cdef Py_ssize_t i
    cdef bint finite = True
    with nogil:
        for i in range(v.shape[0]):
            if not fabs(v[i]) < INFINITY:
                finite = False
                break
    return finite


def extremes(const double[::1] v):
    """The least and the greatest entry of a vector; NaN if one is."""
    if v.shape[0] == 0:
        raise ValueError("an empty vector has no extremes")
    cdef double low = v[0], high = v[0]
    cdef Py_ssize_t i
    with nogil:
        for i in range(v.shape[0]):
            if v[i] != v[i]:
                low = high = v[i]
                break
            low, high = min(low, v[i]), max(high, v[i])
    return low, high


# -- dense designs ------------------------------------------------------------------------------------


class DenseColumns(columns_numpy.DenseColumns):
    """The columns of an array in Fortran order; products of a large one are left to BLAS."""

    def __init__(self, X):
        self.X = X
        self.is_quick = X.size <= QUICK

    def statistics(self, weights, uniform, centre, u):
        return _statistics(self.X, weights, uniform, centre, u)

    def combination(self, chosen, w):
        return _combination(self.X, chosen, w)

    def residual(self, target, w, means):
        if not self.is_quick:
            return super().residual(target, w, means)
        result = _residual(self.X, target, w)
        if means is not None:
            result += means @ w
        return result

    def adjoint(self, u):
        return _adjoint(self.X, u) if self.is_quick else self.X.T @ u

    def half_square(self, weights, u):
        return _half_square(weights, u) if self.is_quick else super().half_square(weights, u)

    def panel(self, indices, means, factors, centre):
        chosen = np.ascontiguousarray(np.arange(self.X.shape[1])[indices])
        return _panel(self.X, chosen, means, factors)


def _statistics(
    const double[::1, :] X, const double[::1] weights, bint uniform, bint centre, const double[::1] u
):
    cdef int n = X.shape[0]
    cdef Py_ssize_t d = X.shape[1], j, i
    cdef double mean
    cdef double[:, ::1] found = np.zeros((4, d))
    # √s_i and the column times it: deviations are squared after they are scaled.
    cdef double[::1] root, scaled
    cdef const double* x
    if weights.shape[0] != n or u.shape[0] != n:
        raise ValueError("weights and u must have an entry for each row of X")
    if centre or not uniform:
        root, scaled = np.sqrt(weights), np.empty(n)
    with nogil:
        for j in range(d if n else 0):
            x = &X[0, j]
            if uniform:
                found[3, j] = dot_square(n, x, &u[0], &found[1, j])
                found[1, j] *= weights[0]
            else:
                found[3, j] = dot(n, x, &u[0])
                _scale(x, 0.0, &root[0], &scaled[0], n)
                found[1, j] = dot(n, &scaled[0], &scaled[0])
            found[1, j] = sqrt(found[1, j])
            if not centre:
                continue
            i = 1
            while i < n and x[i] == x[0]:
                i += 1
            mean = x[0] if i == n else dot(n, x, &weights[0])
            _scale(x, mean, &root[0], &scaled[0], n)
            found[0, j], found[2, j] = mean, sqrt(dot(n, &scaled[0], &scaled[0]))
    means, raw, centred, products = np.asarray(found)
    return means, raw, centred if centre else raw, products


def _half_square(const double[::1] weights, const double[::1] u):
    cdef double total = 0.0
    cdef Py_ssize_t i
    if weights.shape[0] != u.shape[0]:
        raise ValueError("u must have an entry for each weight")
    with nogil:
        for i in range(u.shape[0]):
            total += weights[i] * u[i] * u[i]
    return 0.5 * total


def _residual(const double[::1, :] X, const double[::1] target, const double[::1] w):
    cdef int n = X.shape[0]
    cdef Py_ssize_t j, d = X.shape[1]
    if target.shape[0] != n or w.shape[0] != d:
        raise ValueError("target must have an entry for each row of X, and w one for each column")
    result = np.array(target)
    cdef double[::1] r = result
    with nogil:
        for j in range(d):
            if w[j] != 0.0:
                add(n, -w[j], &X[0, j], &r[0])
    return result


def _adjoint(const double[::1, :] X, const double[::1] u):
    cdef int n = X.shape[0]
    cdef Py_ssize_t j, d = X.shape[1]
    if u.shape[0] != n:
        raise ValueError("u must have an entry for each row of X")
    result = np.empty(d)
    cdef double[::1] products = result
    with nogil:
        for j in range(d):
            products[j] = dot(n, &X[0, j], &u[0])
    return result


def _combination(const double[::1, :] X, const Py_ssize_t[::1] chosen, const double[::1] w):
    cdef int n = X.shape[0]
    cdef Py_ssize_t k
    cdef double[::1] total = np.zeros(n)
    if w.shape[0] != chosen.shape[0]:
        raise ValueError("w must have an entry for each chosen column")
    _check_chosen(chosen, X.shape[1])
    with nogil:
        for k in range(chosen.shape[0] if n else 0):
            add(n, w[k], &X[0, chosen[k]], &total[0])
    return np.asarray(total)


def _panel(
    const double[::1, :] X, const Py_ssize_t[::1] chosen, const double[::1] means, const double[::1] factors
):
    cdef int n = X.shape[0]
    cdef Py_ssize_t k
    cdef double[::1, :] result = np.empty((n, chosen.shape[0]), order="F")
    if means.shape[0] != X.shape[1] or factors.shape[0] != n:
        raise ValueError("means must have an entry for each column of X and factors one for each row")
    _check_chosen(chosen, X.shape[1])
    with nogil:
        for k in range(chosen.shape[0] if n else 0):
            _scale(&X[0, chosen[k]], means[chosen[k]], &factors[0], &result[0, k], n)
    return np.asarray(result)


cdef int _check_chosen(const Py_ssize_t[::1] chosen, Py_ssize_t d) except -1:
    cdef Py_ssize_t k
    for k in range(chosen.shape[0]):
        if not 0 <= chosen[k] < d:
            raise IndexError(f"X has {d} columns, and none with the number {chosen[k]}")
    return 0


# -- sparse designs, given by data, indices and indptr of their CSC form -------------------------------


class SparseColumns(columns_numpy.SparseColumns):
    """The columns of a sparse matrix, read from its CSC form; panels and Gram matrices are SciPy's."""

    @cached_property
    def stored(self):
        """The CSC triple (data, indices, indptr), no entry of which is outside the matrix."""
        triple = self._triple()
        _check_triple(*triple, self.X.shape[0])
        return triple

    def statistics(self, weights, uniform, centre, u):
        return _statistics_sparse(*self.stored, weights, uniform, centre, u)

    def product(self, w):
        return _product_sparse(*self.stored, w, self.X.shape[0])

    def adjoint(self, u):
        return _adjoint_sparse(*self.stored, u)


def _check_triple(const double[::1] data, const int[::1] indices, const int[::1] indptr, Py_ssize_t n):
    """Raise an IndexError if an entry is outside the n rows or outside its arrays."""
    cdef Py_ssize_t j
    cdef unsigned int greatest = 0
    cdef bint valid = data.shape[0] == indices.shape[0] and indptr.shape[0] > 0 and indptr[0] == 0
    with nogil:
        for j in range(indptr.shape[0] - 1):
            valid = valid and indptr[j] <= indptr[j + 1] <= data.shape[0]
        if indices.shape[0]:
            _raise_to_greatest(&indices[0], indices.shape[0], &greatest)
            valid = valid and greatest < n
    if not valid:
        raise IndexError("X has an entry outside its rows and columns")


cdef double _absent(
    const int* rows, int size, const double* weights, Py_ssize_t n, double present
) noexcept nogil:
    """The weight of the rows that a column has no entry in; those it has weigh `present`."""
    cdef double total = 0.0
    cdef Py_ssize_t k, i, begin = 0
    if present < 0.5:
        return 1.0 - present
    for k in range(size + 1):  # little is left of 1, and a difference would not be accurate
        for i in range(begin, rows[k] if k < size else n):
            total += weights[i]
        begin = rows[k] + 1 if k < size else n
    return total


def _statistics_sparse(
    const double[::1] data, const int[::1] indices, const int[::1] indptr,
    const double[::1] weights, bint uniform, bint centre, const double[::1] u,
):
    cdef Py_ssize_t n = weights.shape[0], d = indptr.shape[0] - 1, j
    cdef int k, begin, end
    cdef bint equal
    cdef double product, square, mean, present
    cdef double[:, ::1] found = np.zeros((4, d))
    if u.shape[0] != n:
        raise ValueError("weights and u must have an entry for each row of X")
    with nogil:
        for j in range(d):
            begin, end = indptr[j], indptr[j + 1]
            product = square = mean = 0.0
            if uniform:
                for k in range(begin, end):
                    product += data[k] * u[indices[k]]
                    square += data[k] * data[k]
                square *= weights[0]
            else:
                for k in range(begin, end):
                    product += data[k] * u[indices[k]]
                    square += weights[indices[k]] * data[k] * data[k]
            found[1, j] = found[2, j] = sqrt(square)
            found[3, j] = product
            if not centre:
                continue
            equal, present, square = end - begin == n, 0.0, 0.0
            for k in range(begin, end):
                equal = equal and data[k] == data[begin]
                mean += weights[indices[k]] * data[k]
                present += weights[indices[k]]
            if equal:
                mean = data[begin]
            for k in range(begin, end):
                square += weights[indices[k]] * (data[k] - mean) * (data[k] - mean)
            if end - begin < n:
                if uniform:
                    square += (n - (end - begin)) * weights[0] * mean * mean
                else:
                    square += _absent(&indices[begin], end - begin, &weights[0], n, present) * mean * mean
            found[0, j], found[2, j] = mean, sqrt(square)
    means, raw, centred, products = np.asarray(found)
    return means, raw, centred if centre else raw, products


def _product_sparse(
    const double[::1] data, const int[::1] indices, const int[::1] indptr, const double[::1] w, Py_ssize_t n
):
    cdef Py_ssize_t j, d = indptr.shape[0] - 1
    cdef int k
    if w.shape[0] != d:
        raise ValueError("w must have an entry for each column of X")
    result = np.zeros(n)
    cdef double[::1] product = result
    with nogil:
        for j in range(d):
            if w[j] != 0.0:
                for k in range(indptr[j], indptr[j + 1]):
                    product[indices[k]] += w[j] * data[k]
    return result


def _adjoint_sparse(
    const double[::1] data, const int[::1] indices, const int[::1] indptr, const double[::1] u
):
    cdef Py_ssize_t j, d = indptr.shape[0] - 1
    cdef int k
    cdef double product
    result = np.empty(d)
    cdef double[::1] products = result
    with nogil:
        for j in range(d):
            product = 0.0
            for k in range(indptr[j], indptr[j + 1]):
                product += data[k] * u[indices[k]]
            products[j] = product
    return result


# -- the choice ---------------------------------------------------------------------------------------


def columns_of(X):
    """The columns of `X`, which is float64 and, if sparse, in CSR or CSC format without duplicates."""
    if not columns_numpy.is_countable(X):
        return columns_numpy.columns_of(X)
    if not isinstance(X, np.ndarray):
        return SparseColumns(X)
    return DenseColumns(X) if X.flags.f_contiguous else columns_numpy.DenseColumns(X)
