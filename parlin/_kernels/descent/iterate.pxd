# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The iterate w with its places and its residual ``r = b − A w``."""

from libc.math cimport fabs

from parlin._kernels.descent.columns cimport Columns, add_column, centre, column_dot, pause
from parlin._kernels.descent.penalty cimport (
    Penalty, cell_slope, is_free, level_above, level_below, minimiser, locate, proximal_step, time_to_level,
    violation,
)
from parlin._kernels.vectors cimport copy


cdef struct Iterate:
    double* w
    int* place               # of each coordinate: see penalty.pxd
    double* r
    double mean_of_r         # <√s, r> of sparse columns, to be subtracted from r: see columns.pxd
    double at_zero           # ‖b‖², what objectives are relative to
    double moved             # the lengths of all that was subtracted from r: its rounding errors grow with them


cdef inline int refresh(Iterate* at, const Columns* A, const double* target) except -1 nogil:
    """The residual becomes that of the present w, without the rounding errors of earlier updates."""
    cdef int j
    copy(A.n, 1.0, target, at.r)
    at.mean_of_r = at.moved = 0.0
    for j in range(A.p):
        if at.w[j] != 0.0:
            pause(A, j)
            subtract(at, A, j, at.w[j])
    centre_residual(at, A)
    return 0


cdef inline void subtract(Iterate* at, const Columns* A, int j, double amount) noexcept nogil:
    """``r −= amount A_j``."""
    at.mean_of_r += add_column(A, j, -amount, at.r)
    at.moved += fabs(amount) * A.norms[j]


cdef inline void centre_residual(Iterate* at, const Columns* A) noexcept nogil:
    centre(A, at.r)
    at.mean_of_r = 0.0


cdef inline double gradient_of_loss(const Iterate* at, const Columns* A, int j) noexcept nogil:
    """``−A_j' r``."""
    return -column_dot(A, j, at.r, at.mean_of_r)


cdef inline bint free_at(const Iterate* at, const Penalty* psi, int j) noexcept nogil:
    return is_free(psi, j, at.place[j])


cdef inline double slope_at(const Iterate* at, const Penalty* psi, int j) noexcept nogil:
    """``ω_j s_i`` of the cell of free coordinate j."""
    return cell_slope(psi, j, at.place[j])


cdef inline double violation_at(const Iterate* at, const Penalty* psi, int j, double g) noexcept nogil:
    return violation(psi, j, at.w[j], at.place[j], g)


cdef inline double time_to_land(const Iterate* at, const Penalty* psi, int j, double speed) noexcept nogil:
    return time_to_level(psi, j, at.w[j], at.place[j], speed)


cdef inline double jump_ahead(const Iterate* at, const Penalty* psi, int j, double speed) noexcept nogil:
    """By how much the slope along the way rises where free coordinate j passes the level ahead."""
    cdef int level = at.place[j] // 2 if speed > 0.0 else at.place[j] // 2 - 1
    return psi.omega[j] * (psi.slopes[level + 1] - psi.slopes[level]) * fabs(speed)


cdef inline bint update(Iterate* at, const Columns* A, const Penalty* psi, int j) noexcept nogil:
    """The exact minimiser in coordinate j (nonconvex ψ: one proximal step); true if its place changed."""
    cdef double g = gradient_of_loss(at, A, j), x
    cdef int before = at.place[j], k = before // 2
    # as most do: it stays on its level
    if (
        psi.convex and before % 2 and psi.omega[j] * psi.slopes[k] <= -g
        and -g <= psi.omega[j] * psi.slopes[k + 1]
    ):  # fmt: skip
        return False
    if psi.omega[j] == 0.0:
        if A.curvature[j] == 0.0:
            return False
        x = at.w[j] - g / A.curvature[j]
    elif psi.convex:
        x = minimiser(psi, psi.omega[j], A.curvature[j], A.curvature[j] * at.w[j] - g, at.w[j], &at.place[j])
    else:
        x = proximal_step(psi, j, at.w[j], g)
        at.place[j] = locate(psi, x)
    if x != at.w[j]:
        subtract(at, A, j, x - at.w[j])
        at.w[j] = x
    return at.place[j] != before


cdef inline void move(
    Iterate* at, const Penalty* psi, int j, double change, bint lands, double speed
) noexcept nogil:
    """Move a free coordinate in its cell, onto the level ahead if it lands or rounds there; r stays."""
    cdef double low, high, x = at.w[j] + change
    if psi.omega[j] != 0.0:
        low, high = level_below(psi, at.place[j]), level_above(psi, at.place[j])
        if (lands and speed > 0.0) or x >= high:
            x = high
            at.place[j] += 1
        elif lands or x <= low:
            x = low
            at.place[j] -= 1
    at.w[j] = x
