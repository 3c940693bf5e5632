# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Newton steps on the free coordinates, whose Hessian ``A_F' A_F = L L'`` is in the factor."""

from libc.math cimport INFINITY, fabs
from scipy.linalg.cython_blas cimport dtrmv

from parlin._kernels.descent.columns cimport Columns, pause_now_and_then
from parlin._kernels.descent.factor cimport Factor, solve_triangular
from parlin._kernels.descent.free_set cimport delete_landed
from parlin._kernels.descent.iterate cimport (
    Iterate, centre_residual, gradient_of_loss, move, slope_at, subtract, time_to_land, update,
)
from parlin._kernels.descent.penalty cimport Penalty, level_above, level_below
from parlin._kernels.signals cimport count_work
from parlin._kernels.vectors cimport dot

cdef enum:
    # Looks at the data in a row after which nothing moved: then the factor is inaccurate.
    MAX_REFINEMENTS = 3


# The vectors of a step, in the order of the factor.
cdef struct Newton:
    double* gradient         # of the objective
    double* direction
    double* reach            # the time along it until each coordinate reaches a level
    double* before           # w where the step begins
    double* image            # L'd, then L L'd, of a clipped direction d
    int* members             # the columns that were in the factor when the data were last asked,
    double* entry            # and w there


cdef inline double newton(
    Newton* step, Factor* factor, Iterate* at, const Columns* A, const Penalty* psi, const double* slack
) except -1.0 nogil:
    """Newton steps until the free coordinates are stationary in their cells; returns epochs of work.

    A step ends where a coordinate lands or all are stationary.  Up to there it needs no data: along
    the direction d the loss's part of the gradient changes by ``A_F'A_F d = L L'd``.  The residual
    follows when they are stationary as far as the factor tells, and then the data are asked.
    """
    cdef int i, f, begun, steps = 0, most = 20 + 4 * factor.capacity, refinements = 0
    cdef double epochs = 0.0, entries = 0.0
    cdef bint met = False
    while factor.m > 0 and steps < most:
        begun = factor.m
        for i in range(begun):
            f = factor.free[i]
            step.members[i], step.entry[i] = f, at.w[f]
            pause_now_and_then(A, f, &entries)
            factor.loss_gradient[i] = gradient_of_loss(at, A, f)
        epochs += <double>begun / A.p
        if stationary(factor, at, psi, slack):
            break
        met = False
        while factor.m > 0 and steps < most:
            steps += 1
            if not newton_step(step, factor, at, A, psi):
                break
            met = True
            if not psi.convex or stationary(factor, at, psi, slack):
                break
        for i in range(begun):
            f = step.members[i]
            if at.w[f] != step.entry[i]:
                pause_now_and_then(A, f, &entries)
                subtract(at, A, f, at.w[f] - step.entry[i])
                epochs += 1.0 / A.p
        centre_residual(at, A)
        if not psi.convex:
            for i in range(begun):
                if factor.slot[step.members[i]] < 0:
                    update(at, A, psi, step.members[i])  # leaves a concave kink at once
        if not met:
            refinements += 1
            if refinements == MAX_REFINEMENTS:
                factor.needs_refactor = True
                break
    if steps >= most:
        factor.needs_refactor = True  # those in the factor are to be asked again
    return epochs


cdef inline bint stationary(
    const Factor* factor, const Iterate* at, const Penalty* psi, const double* slack
) noexcept nogil:
    """Whether every free coordinate is, in its cell, as far as the factor's gradient tells."""
    cdef int i, f
    for i in range(factor.m):
        f = factor.free[i]
        if fabs(factor.loss_gradient[i] + slope_at(at, psi, f)) > 0.25 * max(slack[f], 1e-300):
            return False
    return True


cdef inline int newton_step(
    Newton* step, Factor* factor, Iterate* at, const Columns* A, const Penalty* psi
) except -1 nogil:
    """One step on the free coordinates and the factor's gradient; true if a coordinate met a level."""
    cdef int i, f
    cdef double decrement
    count_work(A.work, <double>factor.m * factor.m)
    for i in range(factor.m):
        f = factor.free[i]
        step.gradient[i] = factor.loss_gradient[i] + slope_at(at, psi, f)
        step.direction[i] = -step.gradient[i]
    solve_triangular(factor, b"N", step.direction)
    decrement = dot(factor.m, step.direction, step.direction)
    solve_triangular(factor, b"T", step.direction)
    if not 0.0 < decrement < INFINITY:
        return False
    for i in range(factor.m):
        f = factor.free[i]
        step.before[i] = at.w[f]
        step.reach[i] = time_to_land(at, psi, f, step.direction[i])
    if projected_step(step, factor, at, A, psi, decrement):
        return True
    return line_search(step, factor, at, A, psi, decrement)


cdef inline int projected_step(
    Newton* step, Factor* factor, Iterate* at, const Columns* A, const Penalty* psi, double decrement
) except -1 nogil:
    """Follow the Newton direction, each coordinate to its next level at most: many land at once.

    Kept if several land and F falls by as much as on the way to the first landing; true then.
    """
    cdef int i, landing = 0, inc = 1
    cdef double first = 1.0, change
    for i in range(factor.m):
        if step.reach[i] < 1.0:
            landing += 1
            first = min(first, step.reach[i])
    if landing < 2 or not psi.convex:
        return False
    for i in range(factor.m):
        step.image[i] = min(1.0, step.reach[i]) * step.direction[i]
    change = dot(factor.m, step.image, step.gradient)
    dtrmv(b"L", b"T", b"N", &factor.m, factor.L, &factor.stride, step.image, &inc)
    change += 0.5 * dot(factor.m, step.image, step.image)
    if not change <= -decrement * first * (1.0 - 0.5 * first):
        return False
    dtrmv(b"L", b"N", b"N", &factor.m, factor.L, &factor.stride, step.image, &inc)
    for i in range(factor.m):
        factor.loss_gradient[i] += step.image[i]
        move(
            at, psi, factor.free[i], min(1.0, step.reach[i]) * step.direction[i], step.reach[i] < 1.0,
            step.direction[i],
        )  # fmt: skip
    delete_landed(factor, at, A, psi)
    return True


cdef inline int line_search(
    Newton* step, Factor* factor, Iterate* at, const Columns* A, const Penalty* psi, double decrement
) except -1 nogil:
    """The exact minimiser along the Newton direction, across kinks; true if a coordinate met one.

    The derivative at t is ``−decrement (1 − t)`` plus the jumps of slope at the kinks passed, each
    ``ω |Δs| |d_j|``.  A nonconvex ψ stops at the first kink, since a jump may be negative.
    """
    cdef int i, f, best, level
    cdef double t = 0.0, jumps = 0.0, stop, size
    cdef bint met = False, landed
    while True:
        best = 0
        count_work(A.work, factor.m)
        for i in range(1, factor.m):
            if step.reach[i] < step.reach[best]:
                best = i
        stop = 1.0 - jumps / decrement
        if stop <= step.reach[best]:
            t = max(t, stop)
            best = -1
            break
        t = step.reach[best]
        met = True
        f = factor.free[best]
        size = fabs(step.direction[best])
        level = at.place[f] // 2 if step.direction[best] > 0.0 else at.place[f] // 2 - 1
        jumps += psi.omega[f] * (psi.slopes[level + 1] - psi.slopes[level]) * size
        if not psi.convex or jumps >= decrement * (1.0 - t):
            break
        # across the kink: the next cell on that side
        at.place[f] += 2 if step.direction[best] > 0.0 else -2
        step.reach[best] = (
            (level_above(psi, at.place[f]) - step.before[best]) / step.direction[best]
            if step.direction[best] > 0.0
            else (level_below(psi, at.place[f]) - step.before[best]) / step.direction[best]
        )
    for i in range(factor.m):
        move(at, psi, factor.free[i], t * step.direction[i], i == best, step.direction[i])
        factor.loss_gradient[i] -= t * step.gradient[i]
    landed = delete_landed(factor, at, A, psi)
    return met or landed
