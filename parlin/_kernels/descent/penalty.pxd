# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The penalty ``Σ_j ω_j ψ(w_j)`` of one strength, ψ piecewise affine, one coordinate at a time.

The *place* of a number is ``2 i`` inside cell i (slope ``s_i``, between the levels ``b_{i−1}`` and ``b_i``)
and ``2 k + 1`` on level ``b_k`` itself, where the number is the stored float.  Moving one place up or
down is adding or subtracting one.
"""

from libc.math cimport INFINITY, fabs

cdef enum:
    # A walk along the levels turns into a bisection after this many places.
    LONG_WALK = 16


cdef struct Penalty:
    bint convex
    int n_levels
    const double* levels
    const double* unit_slopes    # of strength one
    double* slopes               # of the present strength
    const double* omega
    # The prox table of a nonconvex ψ at the present strength, and its step: at most ω_j / ‖A_j‖² for every j.
    int n_thresholds
    const double* thresholds
    const double* shifts
    const double* lower
    const double* upper
    double step


cdef inline void set_strength(Penalty* psi, double strength) noexcept nogil:
    cdef int k
    for k in range(psi.n_levels + 1):
        psi.slopes[k] = strength * psi.unit_slopes[k]


# -- places -----------------------------------------------------------------------------------------


cdef inline int locate(const Penalty* psi, double x) noexcept nogil:
    """The place of a number: on a level if it equals one, otherwise in a cell."""
    cdef int low = 0, high = psi.n_levels, middle
    while low < high:
        middle = (low + high) // 2
        if psi.levels[middle] < x:
            low = middle + 1
        else:
            high = middle
    if low < psi.n_levels and psi.levels[low] == x:
        return 2 * low + 1
    return 2 * low


cdef inline bint is_free(const Penalty* psi, int j, int place) noexcept nogil:
    """Whether coordinate j is inside a cell or unpenalised, so that it moves both ways at one rate."""
    return place % 2 == 0 or psi.omega[j] == 0.0


cdef inline double cell_slope(const Penalty* psi, int j, int place) noexcept nogil:
    """``ω_j s_i`` of the cell of a free coordinate."""
    if psi.omega[j] == 0.0:
        return 0.0
    return psi.omega[j] * psi.slopes[place // 2]


cdef inline double level_below(const Penalty* psi, int place) noexcept nogil:
    """The lower end of a cell."""
    return psi.levels[place // 2 - 1] if place >= 2 else -INFINITY


cdef inline double level_above(const Penalty* psi, int place) noexcept nogil:
    """The upper end of a cell."""
    return psi.levels[place // 2] if place // 2 < psi.n_levels else INFINITY


cdef inline double time_to_level(const Penalty* psi, int j, double x, int place, double speed) noexcept nogil:
    """When free coordinate j, which is at x and moves at `speed`, reaches the end of its cell."""
    if psi.omega[j] == 0.0 or speed == 0.0:
        return INFINITY
    if speed > 0.0:
        return (level_above(psi, place) - x) / speed
    return (level_below(psi, place) - x) / speed


# -- one coordinate ---------------------------------------------------------------------------------


cdef inline double violation(const Penalty* psi, int j, double x, int place, double g) noexcept nogil:
    """The distance of −g from ``ω_j ∂ψ(x)``, g the gradient of the loss.

    For a nonconvex ψ it is at least the length of a proximal step over its step size: that sees concave
    kinks, but not a coordinate that is next to its level by an ulp.
    """
    cdef double move = 0.0, left, right
    cdef int k = place // 2
    if psi.omega[j] == 0.0:
        return fabs(g)
    if not psi.convex:
        move = fabs(proximal_step(psi, j, x, g) - x) * psi.omega[j] / psi.step
    left = psi.omega[j] * psi.slopes[k]
    if place % 2 == 0:
        return max(move, fabs(g + left))
    right = psi.omega[j] * psi.slopes[k + 1]  # on level k, between cells k and k + 1
    return max(move, max(min(left, right) + g, -g - max(left, right)))


cdef inline double minimiser(
    const Penalty* psi, double omega, double L, double c, double x, int* place
) noexcept nogil:
    """``argmin_u ½ L u² − c u + ω ψ(u)`` for convex ψ; `place` is that of x and becomes that of the result.

    ``L u + ω ∂ψ(u)`` increases with u, and the place where it contains c is the minimiser's: it is found
    by walking from that of x.  A change of direction can only be rounding, at the level just passed.
    """
    cdef double low, high, u
    cdef int here = place[0], heading = 0, walked = 0, k
    while True:
        k = here // 2
        walked += 1
        if walked == LONG_WALK:
            here = bisect(psi, omega, L, c)
            heading = 0
            k = here // 2
        if here % 2:
            if heading >= 0 and c > L * psi.levels[k] + omega * psi.slopes[k + 1]:
                here += 1
                heading = 1
            elif heading <= 0 and c < L * psi.levels[k] + omega * psi.slopes[k]:
                here -= 1
                heading = -1
            else:
                place[0] = here
                return psi.levels[k]
            continue
        low, high = level_below(psi, here), level_above(psi, here)
        if L > 0.0:
            u = (c - omega * psi.slopes[k]) / L
        else:  # a zero column: downhill on ψ alone
            u = -INFINITY if psi.slopes[k] > 0.0 else INFINITY if psi.slopes[k] < 0.0 else x
        if u <= low:
            here -= 1
            if heading > 0:
                place[0] = here
                return low
            heading = -1
        elif u >= high:
            here += 1
            if heading < 0:
                place[0] = here
                return high
            heading = 1
        else:
            place[0] = here
            return u


cdef inline int bisect(const Penalty* psi, double omega, double L, double c) noexcept nogil:
    """The place of the first level at whose right end ``L u + ω ∂ψ(u)`` reaches c, or the last cell."""
    cdef int low = 0, high = psi.n_levels, middle
    while low < high:
        middle = (low + high) // 2
        if L * psi.levels[middle] + omega * psi.slopes[middle + 1] < c:
            low = middle + 1
        else:
            high = middle
    # every level below `low` lies left of the minimiser
    return 2 * low + 1 if low < psi.n_levels else 2 * low


cdef inline double proximal_step(const Penalty* psi, int j, double x, double g) noexcept nogil:
    """A proximal gradient step from x; its length step / ω_j makes one table serve all coordinates."""
    cdef double v = x - psi.step / psi.omega[j] * g
    cdef int low = 0, high = psi.n_thresholds, middle
    while low < high:
        middle = (low + high) // 2
        if psi.thresholds[middle] <= v:
            low = middle + 1
        else:
            high = middle
    return min(max(v - psi.shifts[low], psi.lower[low]), psi.upper[low])
