# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Conjugate gradients on the free coordinates, of which there are more than a dense factor is worth."""

from libc.math cimport INFINITY, fabs

from parlin._kernels.descent.columns cimport Columns, add_column, centre, pause
from parlin._kernels.descent.factor cimport DEPENDENT
from parlin._kernels.descent.iterate cimport (
    Iterate, free_at, gradient_of_loss, move, slope_at, time_to_land,
)
from parlin._kernels.descent.penalty cimport Penalty
from parlin._kernels.descent.screening cimport Screen
from parlin._kernels.descent.workspace cimport Workspace, reserve
from parlin._kernels.vectors cimport add, dot

cdef enum:
    # Steps in one round.
    CONJUGATE_STEPS = 200


# The vectors of a run on m free coordinates.
cdef struct Conjugate:
    int m
    int* free
    double* gradient         # of the objective
    double* direction
    double* change           # of the coordinates in one step
    double* image            # A of one of them, a vector of samples


cdef inline double conjugate_gradients(
    Iterate* at, const Columns* A, const Penalty* psi, const Screen* screen, double* samples,
    Workspace* workspace,
) except -1.0 nogil:
    """Conjugate gradients until the free coordinates are stationary in their cells.

    Returns the epochs of work.  Coordinates are scaled by the norms of the columns.
    Where one would leave its cell it lands on the level, and conjugation starts anew.  The working set is
    overwritten by the free coordinates, and `samples` by one vector of samples.
    """
    cdef Conjugate run
    cdef int i, f, step
    cdef double epochs = 0.0, product, before = INFINITY, curved, size, t, first
    cdef bint stationary
    run.m, run.free, run.image = 0, screen.working_set, samples
    for i in range(screen.n_candidates):
        f = screen.candidates[i]
        if free_at(at, psi, f) and A.curvature[f] > 0.0:
            run.free[run.m] = f
            run.m += 1
    run.gradient = reserve(workspace, 3 * <Py_ssize_t>run.m)
    if run.gradient == NULL:
        with gil:
            raise MemoryError("no memory for conjugate gradients")
    run.direction = run.gradient + run.m
    run.change = run.direction + run.m
    for i in range(run.m):
        run.direction[i] = 0.0
    for step in range(CONJUGATE_STEPS):
        stationary, product = True, 0.0
        for i in range(run.m):
            f = run.free[i]
            pause(A, f)
            run.gradient[i] = gradient_of_loss(at, A, f) + slope_at(at, psi, f)
            stationary = stationary and fabs(run.gradient[i]) <= 0.25 * max(screen.slack[f], 1e-300)
            product += run.gradient[i] * run.gradient[i] / A.curvature[f]
        epochs += 0.5 * run.m / A.p
        if stationary:
            break
        size = 0.0
        for i in range(run.m):
            f = run.free[i]
            run.direction[i] = product / before * run.direction[i] - run.gradient[i] / A.curvature[f]
            size += A.curvature[f] * run.direction[i] * run.direction[i]
        before = product
        set_image(&run, A, run.direction)
        curved = dot(A.n, run.image, run.image)
        epochs += 0.5 * run.m / A.p
        # Along a null direction the objective falls until a coordinate lands.
        t = product / curved if curved > DEPENDENT * DEPENDENT * run.m * size else INFINITY
        first = clip_change(&run, at, psi, t)
        if t == INFINITY:
            if first == INFINITY:
                break
            t = first
            clip_change(&run, at, psi, t)
        if first <= t:
            epochs += 0.5 * run.m / A.p
            reach_levels(&run, at, A, psi, t)
            before = INFINITY
            continue
        for i in range(run.m):
            at.w[run.free[i]] += run.change[i]
        add(A.n, -t, run.image, at.r)
    return epochs


cdef inline int set_image(Conjugate* run, const Columns* A, const double* change) except -1 nogil:
    """The image becomes what A makes of a change of the free coordinates."""
    cdef int i
    for i in range(A.n):
        run.image[i] = 0.0
    for i in range(run.m):
        pause(A, run.free[i])
        add_column(A, run.free[i], change[i], run.image)
    centre(A, run.image)
    return 0


cdef inline double clip_change(
    Conjugate* run, const Iterate* at, const Penalty* psi, double t
) noexcept nogil:
    """The change becomes that along the direction up to t, each coordinate to its next level at most.

    Returns when the first of them reaches its level, were it later than t or not.
    """
    cdef int i
    cdef double reach, first = INFINITY
    for i in range(run.m):
        reach = time_to_land(at, psi, run.free[i], run.direction[i])
        run.change[i] = min(t, reach) * run.direction[i]
        first = min(first, reach)
    return first


cdef inline int reach_levels(
    Conjugate* run, Iterate* at, const Columns* A, const Penalty* psi, double t
) except -1 nogil:
    """Make the clipped change, or the part up to the first landing if all does not lower the objective.

    The landed leave the free coordinates, whose direction becomes zero.
    """
    cdef int i, f, left = 0
    cdef double fall = dot(run.m, run.gradient, run.change)
    set_image(run, A, run.change)
    fall += 0.5 * dot(A.n, run.image, run.image)
    if not fall < 0.0:
        t = clip_change(run, at, psi, t)
        clip_change(run, at, psi, t)
        set_image(run, A, run.change)
    add(A.n, -1.0, run.image, at.r)
    for i in range(run.m):
        f = run.free[i]
        move(
            at, psi, f, run.change[i], time_to_land(at, psi, f, run.direction[i]) <= t, run.direction[i]
        )
        if free_at(at, psi, f):
            run.free[left] = f
            run.direction[left] = 0.0
            left += 1
    run.m = left
    return 0
