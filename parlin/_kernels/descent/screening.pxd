# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Which coordinates may violate the optimality condition: Lipschitz screening between two full gradients.

A full gradient at the reference residual ``r_ref`` tells how far coordinate j is from violating its
condition.  Its partial derivative changes by

    |A_j'(r − r_ref)| <= ‖A_j‖ ‖r − r_ref‖,

so j stays optimal while ``‖r − r_ref‖`` is at most its *screening radius*: that distance over ``‖A_j‖``.
The others are the *candidates*, whose derivatives are computed; those that violate and those in the
factor are the *working set*.
"""

from libc.math cimport INFINITY, sqrt

from parlin._kernels.descent.columns cimport Columns, pause_now_and_then
from parlin._kernels.descent.factor cimport Factor
from parlin._kernels.descent.iterate cimport (
    Iterate, centre_residual, free_at, gradient_of_loss, violation_at,
)
from parlin._kernels.descent.penalty cimport Penalty
from parlin._kernels.vectors cimport copy


cdef struct Screen:
    double* slack                  # the violation that is allowed in each coordinate
    double* reference_gradient     # of the loss, in all coordinates
    double* reference_residual
    double* screening_radius
    int* candidates
    int n_candidates
    int* working_set               # those of them that are updated
    int n_working


cdef inline void set_reference(
    Screen* screen, const Iterate* at, const Columns* A, const double* gradient
) noexcept nogil:
    """`gradient` is that at the present residual."""
    copy(A.p, 1.0, gradient, screen.reference_gradient)
    copy(A.n, 1.0, at.r, screen.reference_residual)


cdef inline void set_radius(
    Screen* screen, const Iterate* at, const Columns* A, const Penalty* psi, const Factor* factor, int j
) noexcept nogil:
    """The screening radius of j: minus infinity, hence always a candidate, if it is free."""
    cdef int k = at.place[j] // 2
    cdef double distance
    if free_at(at, psi, j) or factor.slot[j] >= 0:
        screen.screening_radius[j] = -INFINITY
        return
    distance = screen.slack[j] - max(
        psi.omega[j] * psi.slopes[k] + screen.reference_gradient[j],
        -screen.reference_gradient[j] - psi.omega[j] * psi.slopes[k + 1],
    )
    if A.norms[j] > 0.0:
        screen.screening_radius[j] = distance / A.norms[j]
    else:
        screen.screening_radius[j] = INFINITY if distance >= 0.0 else -INFINITY


cdef inline int activate(
    Screen* screen, Iterate* at, const Columns* A, const Penalty* psi, const Factor* factor, bint strict,
    double* epochs,
) except -1 nogil:
    """Find the candidates and the working set; returns how many coordinates violate their condition.

    Free coordinates of a convex ψ are stationary after Newton and are asked only if `strict`.  A nonconvex
    ψ has no radius: a proximal step may leave a level that meets its condition.
    """
    cdef int i, j, violators = 0
    cdef bint violates, everywhere = not psi.convex
    cdef double g, distance = 0.0, entries = 0.0
    centre_residual(at, A)
    for i in range(screen.n_candidates):  # since the last time the others have not moved
        set_radius(screen, at, A, psi, factor, screen.candidates[i])
    for j in range(A.n):
        distance += (at.r[j] - screen.reference_residual[j]) * (at.r[j] - screen.reference_residual[j])
    distance = sqrt(distance)
    screen.n_candidates = screen.n_working = 0
    for j in range(A.p):
        screen.candidates[screen.n_candidates] = j
        screen.n_candidates += everywhere or not screen.screening_radius[j] >= distance
    if 2 * screen.n_candidates > A.p and not everywhere:  # little is saved: take a new reference
        everywhere, screen.n_candidates = True, A.p
        for j in range(A.p):
            screen.candidates[j] = j
    for i in range(screen.n_candidates):
        j = screen.candidates[i]
        pause_now_and_then(A, j, &entries)
        g = gradient_of_loss(at, A, j)
        if everywhere:
            screen.reference_gradient[j] = g
        violates = violation_at(at, psi, j, g) > screen.slack[j]
        if violates and (strict or factor.slot[j] < 0 or not psi.convex):
            violators += 1
        if violates or factor.slot[j] >= 0:
            screen.working_set[screen.n_working] = j
            screen.n_working += 1
    if everywhere:
        copy(A.n, 1.0, at.r, screen.reference_residual)
    epochs[0] += 0.5 * <double>screen.n_candidates / A.p
    return violators
