# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Independent columns F of the design with the triangular factor ``A_F' A_F = L L'`` that follows them.

A column is appended with one row of L and deleted with rotations; several join at once by a Cholesky
factorisation with pivoting.
"""

from libc.math cimport fabs, sqrt
from libc.string cimport memmove
from scipy.linalg.cython_blas cimport dgemm, dsyrk, dtrsm, dtrsv
from scipy.linalg.cython_lapack cimport dpstrf

from parlin._kernels.descent.columns cimport (
    Columns, add_column, centre, column_dot, copy_column, copy_dense_column, pause, pause_now_and_then,
)
from parlin._kernels.descent.workspace cimport Workspace, reserve
from parlin._kernels.signals cimport count_work, handle_signals
from parlin._kernels.vectors cimport dot, rotate

cdef extern from *:
    """
    /* A column depends on the others where its distance from their span is below this fraction of the sizes
       that the distance is a difference of: what rounding errors of that sum could make.  It nearly depends
       where the square of the distance is below PARLIN_NEAR of its own: then it leaves by a move along the
       nearly null direction if that does not raise the objective, and otherwise joins.  Below PARLIN_DOUBTFUL
       the factor alone cannot tell: the distance is computed from the data. */
    #define PARLIN_DEPENDENT 1.4e-14
    #define PARLIN_NEAR 1e-14
    #define PARLIN_DOUBTFUL 1e-6
    /* Entries of a null vector below this, relative to its largest contribution, are zero. */
    #define PARLIN_NOISE 1e-10
    /* A vector is orthogonal to the columns where the square of its projection on them is below this
       fraction of its own. */
    #define PARLIN_ORTHOGONAL 1e-4
    /* Additions and multiplications in one call of BLAS, which no signal ends: some 100 milliseconds. */
    #define PARLIN_OPERATIONS 3e9
    """
    const double DEPENDENT "PARLIN_DEPENDENT"
    const double NEAR "PARLIN_NEAR"
    const double DOUBTFUL "PARLIN_DOUBTFUL"
    const double NOISE "PARLIN_NOISE"
    const double ORTHOGONAL "PARLIN_ORTHOGONAL"
    const double OPERATIONS "PARLIN_OPERATIONS"

cdef enum:
    # So many projections ought to make a vector orthogonal.
    MAX_PROJECTIONS = 4

cdef enum Entry:
    REFUSED      # the column is not in the factor
    JOINED
    DEPENDS      # it is in the factor, with the diagonal entry 0: a column must leave before any solve


cdef struct Factor:
    int m                    # columns
    int capacity             # more cannot be independent
    int stride               # between columns of L
    double* L
    int* free                # the columns in the order of the factor
    int* slot                # where in it each column is, or −1
    double* loss_gradient    # one number a column of the factor, in its order, also after a deletion
    bint downdated           # columns have left since the last factorisation
    bint needs_refactor      # rounding errors have spoiled it


# The projection of a column A_j on the columns of a factor.
cdef struct Projection:
    double* coordinates      # L⁻¹ A_F' A_j
    double* x                # A_F x is the projection
    double* remainder        # A_j − A_F x, a vector of samples
    double* correction       # of x, for `project` alone
    double rounding          # a squared length of the remainder that rounding errors could make
    double squared           # its squared length; 0 where that is all that it is


cdef inline void clear(Factor* factor) noexcept nogil:
    """All columns leave."""
    cdef int i
    for i in range(factor.m):
        factor.slot[factor.free[i]] = -1
    factor.m = 0
    factor.downdated = False


cdef inline void solve_triangular(Factor* factor, char* transposed, double* v) noexcept nogil:
    """``v ← L⁻¹ v`` (b"N") or ``v ← L⁻ᵀ v`` (b"T")."""
    cdef int inc = 1
    if factor.m > 0:
        dtrsv(b"L", transposed, b"N", &factor.m, factor.L, &factor.stride, v, &inc)


cdef inline int append(Factor* factor, const Columns* A, int j, Projection* found) except -1 nogil:
    """Column j joins at the end: an `Entry`; `found` holds its projection if it depends on the others."""
    cdef int i, m = factor.m
    cdef double squared, scale = A.curvature[j], entries = <double>m * m
    cdef bint dependent = False
    cdef double* last = factor.L + m
    copy_column(A, j, found.remainder)
    for i in range(m):
        pause_now_and_then(A, factor.free[i], &entries)
        found.coordinates[i] = column_dot(A, factor.free[i], found.remainder, 0.0)
    solve_triangular(factor, b"N", found.coordinates)
    squared = scale
    for i in range(m):
        squared -= found.coordinates[i] * found.coordinates[i]
    if m == factor.capacity or squared <= DOUBTFUL * scale:
        squared = project(factor, A, j, found)
        if factor.needs_refactor or not squared <= scale:  # a NaN stays out too
            return REFUSED
        dependent = m == factor.capacity or squared <= found.rounding or squared <= NEAR * scale
        if dependent:
            found.squared = 0.0 if m == factor.capacity or squared <= found.rounding else squared
            drop_noise(factor, A, j, found)
            squared = 0.0
    for i in range(m):
        last[<Py_ssize_t>i * factor.stride] = found.coordinates[i]
    last[<Py_ssize_t>m * factor.stride] = sqrt(squared)
    factor.free[m] = j
    factor.slot[j] = m
    factor.m = m + 1
    return DEPENDS if dependent else JOINED


cdef inline double project(Factor* factor, const Columns* A, int j, Projection* found) except -1.0 nogil:
    """``‖A_j − A_F x‖²`` with the best x, from the data; fills `found`.

    `found` has A_j as its remainder and its coordinates before.  What is left of the column is projected
    again until it is orthogonal to A_F, or small enough to be rounding errors, which makes both as accurate
    as x.  A downdated factor may not get there: then it needs to be made anew.
    """
    cdef int i, tries
    cdef bint orthogonal = False
    cdef double squared = A.curvature[j], before, size
    for i in range(factor.m):
        found.x[i], found.correction[i] = 0.0, found.coordinates[i]
    for tries in range(MAX_PROJECTIONS):
        solve_triangular(factor, b"T", found.correction)
        size = A.norms[j]
        for i in range(factor.m):
            found.x[i] += found.correction[i]
            pause(A, factor.free[i])
            add_column(A, factor.free[i], -found.correction[i], found.remainder)
            size += fabs(found.x[i]) * A.norms[factor.free[i]]
        centre(A, found.remainder)
        found.rounding = DEPENDENT * DEPENDENT * size * size
        before, squared = squared, dot(A.n, found.remainder, found.remainder)
        orthogonal = squared <= found.rounding
        if orthogonal or not squared <= before:
            break
        count_work(A.work, 2.0 * factor.m * factor.m)
        for i in range(factor.m):
            pause(A, factor.free[i])
            found.correction[i] = column_dot(A, factor.free[i], found.remainder, 0.0)
        solve_triangular(factor, b"N", found.correction)
        orthogonal = dot(factor.m, found.correction, found.correction) <= ORTHOGONAL * squared
        if orthogonal:
            break
        for i in range(factor.m):
            found.coordinates[i] += found.correction[i]
    factor.needs_refactor = factor.downdated and not orthogonal
    return squared


cdef inline void drop_noise(Factor* factor, const Columns* A, int j, Projection* found) noexcept nogil:
    """Entries of x that are rounding errors become zero: following them would lead far away.

    They are if the remainder without them is still what makes the column depend on the others.
    """
    cdef int i
    cdef double most = max(found.rounding, NEAR * A.curvature[j] if found.squared > 0.0 else 0.0)
    for i in range(factor.m):
        found.correction[i] = 0.0
        if found.x[i] != 0.0 and is_noise(A, found.x[i], factor.free[i], j):
            found.correction[i], found.x[i] = found.x[i], 0.0
            add_column(A, factor.free[i], found.correction[i], found.remainder)
    centre(A, found.remainder)
    if dot(A.n, found.remainder, found.remainder) <= most:
        return
    for i in range(factor.m):
        if found.correction[i] != 0.0:
            found.x[i] = found.correction[i]
            add_column(A, factor.free[i], -found.x[i], found.remainder)
    centre(A, found.remainder)


cdef inline bint is_noise(const Columns* A, double amount, int f, int j) noexcept nogil:
    """Whether so much of column f is negligible compared with column j."""
    return fabs(amount) * A.norms[f] <= NOISE * A.norms[j]


cdef inline int extend(
    Factor* factor, const Columns* A, const int* chosen, int count, Workspace* workspace
) except -1 nogil:
    """Dense columns join at once: by pivoting, as many as are safely independent.

    With scaled columns B, ``L X = A_F'B`` and ``B'B − X'X = M M'``: the new rows are ``X'`` and M.
    """
    cdef int i, k, j, m = factor.m, n = A.n, rank = 0, info = 0
    cdef Py_ssize_t stride = factor.stride
    cdef Py_ssize_t rows = n, width = count
    cdef double tolerance = DOUBTFUL, scale
    if count == 0:
        return 0
    cdef double* members = reserve(workspace, rows * (m + width) + (m + width + 3) * width)  # n × m
    if members == NULL:
        with gil:
            raise MemoryError("no memory for a Cholesky factorisation")
    cdef double* columns = members + rows * m         # n × count
    cdef double* across = columns + rows * width      # m × count
    cdef double* rest = across + m * width            # count × count
    cdef double* work = rest + width * width          # 2 count
    cdef int* pivots = <int*>(work + 2 * width)
    for i in range(count):
        pause(A, chosen[i])
        copy_dense_column(A, chosen[i], 1.0 / A.norms[chosen[i]], columns + rows * i)
    add_products(count, n, 1.0, columns, 0.0, rest)
    if m > 0:
        for i in range(m):
            pause(A, factor.free[i])
            copy_dense_column(A, factor.free[i], 1.0, members + rows * i)
        multiply(m, count, n, members, columns, across)
        solve_columns(factor, count, across)
        add_products(count, m, -1.0, across, 1.0, rest)
    scale = 0.0
    for i in range(count):
        scale = max(scale, rest[i + i * width])
    if not scale > tolerance:  # dpstrf takes the first pivot whatever it is
        return 0
    dpstrf(b"L", &count, rest, &count, pivots, &rank, &tolerance, work, &info)
    for i in range(rank):
        j = chosen[pivots[i] - 1]
        scale = A.norms[j]
        count_work(A.work, m + i)
        for k in range(m):
            factor.L[m + i + <Py_ssize_t>k * stride] = scale * across[k + m * <Py_ssize_t>(pivots[i] - 1)]
        for k in range(i + 1):
            factor.L[m + i + <Py_ssize_t>(m + k) * stride] = scale * rest[i + k * width]
        factor.free[m + i] = j
        factor.slot[j] = m + i
    factor.m = m + rank
    return 0


# -- products of many columns: BLAS takes a part of the sum, or of the columns, at a time -----------------


cdef inline int part_of(double operations) noexcept nogil:
    """How much of what takes so many operations for each piece makes one call of BLAS; a multiple of 8."""
    return max(1, <int>(min(OPERATIONS / operations, 1e9) / 8.0)) * 8


cdef inline int add_products(
    int count, int n, double amount, double* columns, double before, double* products
) except -1 nogil:
    """The lower half of ``before products + amount B'B`` for n × count columns B."""
    cdef int row = 0, rows, part = part_of(<double>count * count)
    while row < n:
        rows = min(part, n - row)
        dsyrk(b"L", b"T", &count, &rows, &amount, columns + row, &n, &before, products, &count)
        before = 1.0
        row += rows
        if row < n:
            handle_signals()
    return 0


cdef inline int multiply(int m, int count, int n, double* A, double* B, double* product) except -1 nogil:
    """``A'B`` for n rows."""
    cdef int row = 0, rows, part = part_of(2.0 * m * count)
    cdef double one = 1.0, before = 0.0
    while row < n:
        rows = min(part, n - row)
        dgemm(b"T", b"N", &m, &count, &rows, &one, A + row, &n, B + row, &n, &before, product, &m)
        before = 1.0
        row += rows
        if row < n:
            handle_signals()
    return 0


cdef inline int solve_columns(Factor* factor, int count, double* columns) except -1 nogil:
    """``L⁻¹`` times each of the columns."""
    cdef int begin = 0, width, part = part_of(<double>factor.m * factor.m)
    cdef double one = 1.0
    while begin < count:
        width = min(part, count - begin)
        dtrsm(
            b"L", b"L", b"N", b"N", &factor.m, &width, &one, factor.L, &factor.stride,
            columns + <Py_ssize_t>begin * factor.m, &factor.m,
        )  # fmt: skip
        begin += width
        if begin < count:
            handle_signals()
    return 0


cdef inline void delete(Factor* factor, int k) noexcept nogil:
    """The k-th column leaves; rotations of neighbouring columns make L triangular again."""
    cdef int i, c
    cdef double a, b, radius
    cdef Py_ssize_t stride = factor.stride
    cdef double* diagonal
    factor.slot[factor.free[k]] = -1
    factor.m -= 1
    factor.downdated = factor.downdated or k < factor.m  # the last one leaves without rotations
    for i in range(k, factor.m):
        factor.free[i] = factor.free[i + 1]
        factor.loss_gradient[i] = factor.loss_gradient[i + 1]
        factor.slot[factor.free[i]] = i
    for c in range(factor.m + 1):  # row k goes, those below it move up
        i = max(k, c - 1)
        memmove(factor.L + i + c * stride, factor.L + i + 1 + c * stride, (factor.m - i) * sizeof(double))
    for i in range(k, factor.m):
        # Row i has one entry too many to the right of where it should end: rotate it away.
        diagonal = factor.L + i + i * stride
        a, b = diagonal[0], diagonal[stride]
        radius = sqrt(a * a + b * b)
        if radius != 0.0:
            rotate(factor.m - i, diagonal, diagonal + stride, a / radius, b / radius)
