# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The columns of the scaled and centred design, dense or sparse, which is never formed.

Column ``A_j`` is the stored column less its mean, each row times the root √s of its sample weight.  Adding
a multiple of a sparse column leaves its mean out: what that contributes is a multiple of √s, whose
coefficient the caller keeps (`mean_of_v` below) until `centre` removes the component along √s.
"""

from parlin._kernels.signals cimport count_work
from parlin._kernels.vectors cimport add, add_rows, copy, copy_rows, dot, dot_rows


cdef extern from *:
    """
    #define PARLIN_MANY 1e5
    """
    const double MANY "PARLIN_MANY"


cdef struct Columns:
    int n, p
    bint sparse, centred
    double root              # √s where it is the same for all rows, otherwise 0
    const double* dense      # the stored columns one after the other,
    const double* data       # or those of a CSC matrix
    const int* indices
    const int* indptr
    const double* means      # zeros unless centred
    const double* roots      # √s for each row
    const double* norms      # ‖A_j‖
    double* curvature        # ‖A_j‖²
    double* work             # the entries that were read since signals were handled


cdef inline int pause(const Columns* A, int j) except -1 nogil:
    """To be called for each column that is read: handles signals now and then."""
    # Even an empty column takes its time.
    return count_work(A.work, 8.0 + (A.indptr[j + 1] - A.indptr[j] if A.sparse else A.n))


cdef inline int pause_now_and_then(const Columns* A, int j, double* entries) except -1 nogil:
    """`pause` for a loop over short columns: they are counted in `entries`, and only many at a time."""
    cdef double some
    entries[0] += 8.0 + (A.indptr[j + 1] - A.indptr[j] if A.sparse else A.n)
    if entries[0] < MANY:
        return 0
    some, entries[0] = entries[0], 0.0
    return count_work(A.work, some)


cdef inline const double* stored_column(const Columns* A, int j) noexcept nogil:
    """The stored entries of dense column j."""
    return A.dense + <Py_ssize_t>j * A.n


cdef inline double column_dot(const Columns* A, int j, const double* v, double mean_of_v) noexcept nogil:
    """``A_j' v``, where ``mean_of_v √s`` is to be subtracted from v first if columns are sparse."""
    cdef double total = 0.0
    cdef int k
    if not A.sparse:
        if A.root > 0.0 and not A.centred:
            return A.root * dot(A.n, stored_column(A, j), v)
        return dot_rows(A.n, stored_column(A, j), A.means[j], A.roots, v)
    if A.root > 0.0:
        for k in range(A.indptr[j], A.indptr[j + 1]):
            total += A.data[k] * v[A.indices[k]]
        total *= A.root
    else:
        for k in range(A.indptr[j], A.indptr[j + 1]):
            total += A.data[k] * A.roots[A.indices[k]] * v[A.indices[k]]
    return total - A.means[j] * mean_of_v


cdef inline double add_column(const Columns* A, int j, double amount, double* v) noexcept nogil:
    """``v += amount A_j``, a sparse A_j not centred; returns the change of `mean_of_v`."""
    cdef int k
    cdef double scale
    if not A.sparse:
        if A.root > 0.0 and not A.centred:
            add(A.n, amount * A.root, stored_column(A, j), v)
        else:
            add_rows(A.n, amount, stored_column(A, j), A.means[j], A.roots, v)
        return 0.0
    if A.root > 0.0:
        scale = amount * A.root
        for k in range(A.indptr[j], A.indptr[j + 1]):
            v[A.indices[k]] += scale * A.data[k]
    else:
        for k in range(A.indptr[j], A.indptr[j + 1]):
            v[A.indices[k]] += amount * A.roots[A.indices[k]] * A.data[k]
    return amount * A.means[j]


cdef inline void copy_dense_column(const Columns* A, int j, double amount, double* v) noexcept nogil:
    """``v = amount A_j`` for a dense column."""
    if A.root > 0.0 and not A.centred:
        copy(A.n, amount * A.root, stored_column(A, j), v)
    else:
        copy_rows(A.n, amount, stored_column(A, j), A.means[j], A.roots, v)


cdef inline void copy_column(const Columns* A, int j, double* v) noexcept nogil:
    """``v = A_j``."""
    cdef int k
    for k in range(A.n):
        v[k] = 0.0
    add_column(A, j, 1.0, v)
    centre(A, v)


cdef inline void centre(const Columns* A, double* v) noexcept nogil:
    """A sum of sparse columns that were not centred becomes that of the centred ones."""
    cdef int k
    if A.sparse and A.centred:
        for k in range(2):  # where means are large, even what rounding leaves of them counts
            add(A.n, -dot(A.n, A.roots, v), A.roots, v)
