# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""How far a point is from stationary, and its duality gap, in loops over its coordinates.

The very operations of `optimality_numpy`: the same ratios, float for float.
"""

from libc.math cimport INFINITY, fabs

cdef enum:
    # Sums of so many terms are added up apart, which keeps the rounding errors of long sums small.
    BLOCK = 256


cdef inline double ratio(double numerator, double denominator) noexcept nogil:
    """Their quotient with 0/0 = 0."""
    return 0.0 if numerator == 0.0 else numerator / denominator


def residuals(
    const double[::1] w, const double[::1] gradient, const double[::1] scale, const double[::1] floor,
    omega, const double[::1] levels, const double[::1] slopes, const double[::1] points,
    const double[::1] values, double loss, double limit, double tol,
):
    """The objective, the residual and the strict residual of `parlin.Certificate`.

    `omega` are the penalty weights or None, `points` and `values` the anchors of ψ, one a cell.  Rounding
    errors up to `floor` are allowed for while the objective is at most `limit`.
    """
    cdef Py_ssize_t d = w.shape[0], j
    cdef int n_levels = levels.shape[0], cell, zero = 0
    cdef bint weighted = omega is not None, on_level
    cdef const double[::1] weights
    cdef double total = 0.0, block = 0.0, value, left, right, target, distance, weight, objective
    # The residual and the strict one, without an allowance for rounding errors and with it.
    cdef double residual = 0.0, strict = 0.0, allowed_residual = 0.0, allowed_strict = 0.0
    if gradient.shape[0] != d or scale.shape[0] != d or floor.shape[0] != d:
        raise ValueError("w, gradient, scale and floor must be of one length")
    if not (slopes.shape[0] == points.shape[0] == values.shape[0] == n_levels + 1):
        raise ValueError("slopes, points and values must have one entry more than levels")
    if weighted:
        weights = omega
        if weights.shape[0] != d:
            raise ValueError("omega must have an entry for each of w")
    with nogil:
        while zero < n_levels and levels[zero] < 0.0:
            zero += 1
        for j in range(d):
            if weighted and weights[j] == 0.0:
                distance, on_level = fabs(gradient[j]), False
            else:
                cell = cell_of(levels, w[j], zero)
                on_level = cell < n_levels and levels[cell] == w[j]
                left, right = slopes[cell], slopes[cell + on_level]
                weight = weights[j] if weighted else 1.0
                target = -(gradient[j] / weight)
                distance = weight * max(max(min(left, right) - target, target - max(left, right)), 0.0)
                value = values[cell]
                if w[j] != points[cell]:
                    value += slopes[cell] * (w[j] - points[cell])
                block += weight * value
            if j % BLOCK == BLOCK - 1:
                total, block = total + block, 0.0
            if distance > 0.0:
                residual = max(residual, ratio(distance, scale[j]))
                allowed_residual = max(allowed_residual, ratio(distance, max(scale[j], floor[j] / tol)))
            if distance > 0.0 or not on_level:
                strict = max(strict, ratio(distance, scale[j]))
                allowed_strict = max(allowed_strict, ratio(max(distance, floor[j]), scale[j]))
    objective = loss + (total + block)
    # The bound on rounding errors grows with w; beyond the limit a diverged iterate would pass.
    if objective > limit:
        return objective, residual, strict
    return objective, allowed_residual, allowed_strict


def penalty_gap(
    const double[::1] w, const double[::1] gradient, omega, const double[::1] levels,
    const double[::1] slopes, const double[::1] points, const double[::1] values,
):
    """The largest ``c in (0, 1]`` that makes ``−c g`` feasible in the dual, and the gap's part of a convex ψ.

    ``p = −c g_j / ω_j`` lies between the outer slopes, the first of which is negative, the last positive; the
    part is ``Σ_j ω_j (ψ(w_j) + ψ*(p_j) − p_j w_j)`` over the penalised j, each term nonnegative.
    """
    cdef Py_ssize_t d = w.shape[0], j
    cdef int n_levels = levels.shape[0], cell, best, zero = 0, falling = 0
    cdef bint weighted = omega is not None
    cdef const double[::1] weights
    cdef double total = 0.0, block = 0.0, weight = 1.0, p, term, factor = 1.0, least = 0.0, greatest = 0.0
    cdef double low = slopes[0], high = slopes[n_levels]
    if gradient.shape[0] != d or not low < 0.0 < high:
        raise ValueError("w and gradient must be of one length, and the outer slopes enclose 0")
    if not (slopes.shape[0] == points.shape[0] == values.shape[0] == n_levels + 1):
        raise ValueError("slopes, points and values must have one entry more than levels")
    if weighted:
        weights = omega
        if weights.shape[0] != d:
            raise ValueError("omega must have an entry for each of w")
    with nogil:
        while zero < n_levels and levels[zero] < 0.0:
            zero += 1
        while slopes[falling] < 0.0:
            falling += 1
        for j in range(d):
            if weighted:
                weight = weights[j]
                if weight == 0.0:
                    continue
            p = -gradient[j] / weight
            least, greatest = min(least, p), max(greatest, p)
        if high < INFINITY:
            factor = min(factor, high / max(greatest, high))
        if low > -INFINITY:
            factor = min(factor, low / min(least, low))
        for j in range(d):
            if weighted:
                weight = weights[j]
                if weight == 0.0:
                    continue
            # The product may leave the domain by a rounding error.
            p = min(max(factor * (-gradient[j] / weight), low), high)
            cell = cell_of(levels, w[j], zero)
            if cell < n_levels and levels[cell] == w[j] and slopes[cell] <= p <= slopes[cell + 1]:
                continue  # as most do: this level supports p
            best = min(max(cell_of(slopes, p, falling) - 1, 0), n_levels - 1)
            if cell == best or cell == best + 1:
                if fabs(slopes[cell]) == INFINITY:
                    continue  # the side of a box
                term = (slopes[cell] - p) * (w[j] - levels[best])
            else:
                term = value_at(slopes, points, values, cell, w[j]) - p * (w[j] - levels[best])
                term -= value_at(slopes, points, values, best, levels[best])
            block += weight * max(term, 0.0)
            if j % BLOCK == BLOCK - 1:
                total, block = total + block, 0.0
    return factor, total + block


cdef inline double value_at(
    const double[::1] slopes, const double[::1] points, const double[::1] values, int cell, double x
) noexcept nogil:
    """ψ at a number in this cell."""
    return values[cell] if x == points[cell] else values[cell] + slopes[cell] * (x - points[cell])


cdef inline int cell_of(const double[::1] levels, double x, int zero) noexcept nogil:
    """How many levels are below x, the number of the cell just left of it; `zero` are below 0."""
    cdef int low = 0, high = levels.shape[0], middle
    if x == 0.0:  # as most entries are
        return zero
    while low < high:
        middle = (low + high) // 2
        if levels[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low
