# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The free coordinates enter and leave the factor: those in it are independent (theory 3.4).

A column that depends on those in the factor does not stay: the coordinates move along the null direction
until one of them lands on a level, which leaves.
"""

from libc.math cimport INFINITY, sqrt

from parlin._kernels.descent.columns cimport Columns
from parlin._kernels.descent.factor cimport (
    DEPENDS, Factor, Projection, append, clear, delete, extend,
)
from parlin._kernels.descent.iterate cimport (
    Iterate, free_at, jump_ahead, move, slope_at, time_to_land,
)
from parlin._kernels.descent.penalty cimport Penalty
from parlin._kernels.descent.screening cimport Screen
from parlin._kernels.descent.workspace cimport Workspace
from parlin._kernels.signals cimport count_work, handle_signals
from parlin._kernels.vectors cimport add, dot

cdef extern from *:
    """
    /* The objective rises along a null direction by no more than this fraction of the loss there or at 0. */
    #define PARLIN_NO_RISE 1e-13
    """
    const double NO_RISE "PARLIN_NO_RISE"

cdef enum:
    # Fewer columns than this enter the factor one by one, more of them at once.
    FEW = 12
    # So many enter at once: no signal ends the factorisation, which takes some 100 milliseconds.
    MANY = 2000


cdef inline bint enters(
    const Iterate* at, const Columns* A, const Penalty* psi, const Factor* factor, int j
) noexcept nogil:
    """Whether j is free and its column neither in the factor nor zero."""
    return factor.slot[j] < 0 and free_at(at, psi, j) and A.curvature[j] > 0.0


cdef inline bint lacks_columns(
    const Screen* screen, const Iterate* at, const Columns* A, const Penalty* psi, const Factor* factor
) noexcept nogil:
    """Whether a free coordinate is not in the factor, ψ being convex."""
    cdef int i
    if not psi.convex:
        return False
    for i in range(screen.n_candidates):
        if enters(at, A, psi, factor, screen.candidates[i]):
            return True
    return False


cdef inline int count_free(const Screen* screen, const Iterate* at, const Penalty* psi) noexcept nogil:
    cdef int i, total = 0
    for i in range(screen.n_candidates):
        total += free_at(at, psi, screen.candidates[i])
    return total


cdef inline int delete_landed(
    Factor* factor, const Iterate* at, const Columns* A, const Penalty* psi
) except -1 nogil:
    """Columns whose coordinates are on levels leave the factor; true if there are any."""
    cdef int k
    cdef bint found = False
    for k in range(factor.m - 1, -1, -1):
        if not free_at(at, psi, factor.free[k]):
            count_work(A.work, <double>factor.m * (factor.m - k))
            delete(factor, k)
            found = True
    return found


cdef inline int synchronise(
    Factor* factor, const Screen* screen, Iterate* at, const Columns* A, const Penalty* psi,
    Projection* found, int* entering, Workspace* workspace,
) except -1 nogil:
    """The factor follows the places: landed columns out, free ones in.

    `entering` takes the numbers of the columns that enter.
    """
    cdef int i, j, count
    while True:  # between two factors a coordinate lands
        if factor.needs_refactor:
            clear(factor)
        factor.needs_refactor = False
        delete_landed(factor, at, A, psi)
        count = 0
        for i in range(screen.n_candidates):
            j = screen.candidates[i]
            if enters(at, A, psi, factor, j):
                entering[count] = j
                count += 1
        if count >= FEW and not A.sparse:
            count = min(count, factor.capacity - factor.m)
            i = 0
            while i < count:
                extend(factor, A, entering + i, min(<int>MANY, count - i), workspace)
                i += MANY
                handle_signals()
        for i in range(screen.n_candidates):
            j = screen.candidates[i]
            if enters(at, A, psi, factor, j) and not factor.needs_refactor:
                enter(factor, at, A, psi, j, found)
        if not factor.needs_refactor:
            return 0


cdef inline int enter(
    Factor* factor, Iterate* at, const Columns* A, const Penalty* psi, int j, Projection* found
) except -1 nogil:
    """Column j joins the factor; if it depends on the others, one of them or j itself lands instead.

    One that depends only nearly joins all the same where that would raise the objective.
    """
    cdef int last = factor.m
    # The factor is singular until the column that lands has left it.
    if append(factor, A, j, found) == DEPENDS and not move_along_null(factor, at, A, psi, found):
        if found.squared > 0.0:
            factor.L[last + <Py_ssize_t>last * factor.stride] = sqrt(found.squared)
        else:
            delete(factor, last)
    return 0


cdef inline int move_along_null(
    Factor* factor, Iterate* at, const Columns* A, const Penalty* psi, Projection* found
) except -1 nogil:
    """Move the last free column up and the others against it (or the reverse) until one lands.

    The last column is, up to the remainder, the others times `found.x`, which becomes the null vector.  Xw
    stays but for multiples of the remainder, so the objective is all but linear along the way; the sign that
    does not raise it is taken.  False if no coordinate can land, as when all are unpenalised, or if the way
    is so long that what is left of the remainder raises the objective.  A column that depends only nearly
    has a derivative along the way: also False where it leads downhill beyond the landing.
    """
    cdef int i, best = -1, last = factor.m - 1, tries
    cdef double derivative = slope_at(at, psi, factor.free[last]), sign, t, shortest = INFINITY
    cdef double pull = dot(A.n, found.remainder, at.r)
    cdef double* null = found.x
    for i in range(last):
        null[i] = -null[i]
        derivative += null[i] * slope_at(at, psi, factor.free[i])
    null[last] = 1.0
    derivative -= pull
    sign = -1.0 if derivative > 0.0 else 1.0
    for tries in range(1 if found.squared > 0.0 else 2):
        for i in range(factor.m):
            t = time_to_land(at, psi, factor.free[i], sign * null[i])
            if t < shortest:
                best, shortest = i, t
        if best >= 0:
            break
        sign = -sign
    else:
        return False
    t = sign * derivative * shortest + 0.5 * shortest * shortest * dot(A.n, found.remainder, found.remainder)
    if t > NO_RISE * max(at.at_zero, dot(A.n, at.r, at.r)):
        return False
    if found.squared > 0.0 and -sign * derivative - shortest * found.squared > jump_ahead(
        at, psi, factor.free[best], sign * null[best]
    ):  # fmt: skip
        return False
    for i in range(factor.m):
        move(at, psi, factor.free[i], sign * null[i] * shortest, i == best, sign * null[i])
    # What Xw does change by: the column is that far from dependent.
    add(A.n, -sign * shortest, found.remainder, at.r)
    delete_landed(factor, at, A, psi)
    return True
