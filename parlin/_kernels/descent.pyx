# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""Coordinate descent and active-set Newton on a panel of columns, for any piecewise-affine penalty.

Minimises  ½ ‖r − A (w⁺ − w)‖² + Σ_j ω_j ψ(w⁺_j)  over the columns A of one working set; `w` and the
residual `r` are updated in place.  A coordinate's *place* is ``2 i`` inside cell i (slope ``s_i``,
between the levels ``b_{i−1}`` and ``b_i``) and ``2 k + 1`` on level ``b_k`` itself, where ``w_j`` is the
stored float.  Moving one place up or down is adding or subtracting one.

Newton works on the *free* columns F (places in cells), with the lower triangular factor of
``A_F' A_F = L L'`` kept up to date: a column that lands on a level is deleted by rotations, one that
leaves a level is appended, and one that depends on the others is not appended but moved along the
null direction until some coordinate lands (so the free columns stay independent: theory 3.4).
"""

from libc.math cimport INFINITY, fabs, sqrt
from libc.string cimport memmove
from scipy.linalg.cython_blas cimport (
    daxpy, dcopy, ddot, dgemm, dgemv, drot, dscal, dsyrk, dtrsm, dtrsv,
)  # fmt: skip
from scipy.linalg.cython_lapack cimport dpstrf

import numpy as np

# A column whose squared distance from the span of the free ones is below this fraction of its
# squared norm is treated as dependent.  The distance is recomputed from the data where the factor
# alone cannot tell (below DOUBTFUL).
cdef double DEPENDENT = 1e-14
cdef double DOUBTFUL = 1e-6
# Entries of a null vector below this, relative to its largest contribution, are zero.
cdef double NOISE = 1e-10
# This many columns enter the factor one by one; more of them, if many in proportion, by a new factor.
cdef int FEW = 12
# A walk along the levels turns into a bisection after this many places.
cdef int LONG_WALK = 16


cdef class Descent:
    cdef int n, p, n_levels, m, capacity, newton_limit
    cdef bint sparse, convex
    cdef readonly bint settled           # the last call left no violation
    cdef bint stale                      # the factor is to be made anew
    cdef const double[::1, :] dense      # (n, p) columns
    cdef const double[::1] data          # CSC columns, scaled by √s but not centred
    cdef const int[::1] indices, indptr
    cdef const double[::1] means               # of the sparse columns: centring stays implicit
    cdef double column_mean              # the same of `column`
    cdef double mean_of_r                # <√s, r>, the part of r that centring removes
    cdef double[::1] r, w, slopes
    cdef const double[::1] curvature, omega, slack, levels, unit_slopes
    cdef const double[::1] thresholds, shifts, lower, upper   # the prox table of a nonconvex ψ
    cdef double step                     # of that table: at most ω_j / ‖A_j‖² for every j
    cdef int[::1] place, free, slot, active
    cdef int n_active
    cdef double[::1, :] L
    cdef double[::1] correlation, gradient, direction, reach, column, old, work
    cdef int inc, stride

    def __init__(
        self, columns, means, double[::1] residual, double[::1] w, const double[::1] curvature,
        const double[::1] omega, const double[::1] levels, const double[::1] slopes, table, double step,
        int newton_limit,
    ):
        """`columns` is a dense (n, p) Fortran array, or with `means` a CSC triple (data, indices, indptr)."""
        self.sparse = means is not None
        self.p, self.n = w.shape[0], residual.shape[0]
        if self.sparse:
            self.data, self.indices, self.indptr = columns
            self.means = means
        else:
            self.dense = columns
        self.r, self.w, self.curvature, self.omega = residual, w, curvature, omega
        self.levels, self.n_levels = levels, levels.shape[0]
        self.unit_slopes, self.slopes = slopes, np.array(slopes)
        self.convex = table is None
        self.step = step
        if not self.convex:
            self.thresholds, self.shifts, self.lower, self.upper = table
        self.capacity = min(self.n, self.p)
        self.m = 0
        # A sparse panel has no more free columns in its factor than get Newton steps.
        cdef int size = min(self.capacity, newton_limit) + 1
        cdef int[::1] whole = np.zeros(3 * self.p + size, dtype=np.intc)
        self.place, self.active = whole[:self.p], whole[self.p : 2 * self.p]
        self.slot, self.free = whole[2 * self.p : 3 * self.p], whole[3 * self.p :]
        self.slot[:] = -1
        cdef double[::1] real = np.zeros(5 * size + self.n + self.p)
        self.gradient, self.direction = real[:size], real[size : 2 * size]
        self.reach, self.old = real[2 * size : 3 * size], real[3 * size : 4 * size]
        self.work, self.column = real[4 * size : 5 * size], real[5 * size : 5 * size + self.n]
        self.correlation = real[5 * size + self.n :]
        self.L = np.zeros((size, size), order="F")
        self.stride = size
        self.inc = 1
        self.newton_limit = newton_limit
        cdef int j
        for j in range(self.p):
            self.place[j] = self.locate(self.w[j])

    # -- handing the factor over ----------------------------------------------------------------------

    def factor(self):
        """The free columns in the order of the factor, and the factor: copies."""
        self.release()
        free = np.array(self.free[: self.m], dtype=np.intp)
        return free, np.array(self.L[: self.m, : self.m], order="F")

    def adopt(self, const int[::1] free, const double[::1, :] L):
        """Begin with the factor that another kernel made of these columns, all of them free here too."""
        cdef int i, k
        self.m = min(free.shape[0], self.capacity)
        for i in range(self.m):
            self.free[i] = free[i]
            self.slot[free[i]] = i
            for k in range(i + 1):
                self.L[i, k] = L[i, k]

    cdef void release(self) noexcept:
        """Columns that have landed leave the factor."""
        cdef int k
        for k in range(self.m - 1, -1, -1):
            if not self.is_free(self.free[k]):
                self.delete(k)

    # -- the loop -----------------------------------------------------------------------------------

    def minimise(self, double strength, const double[::1] slack, int max_epochs, int max_rounds):
        """Descend until no coordinate violates its condition by more than `slack`; returns the epochs used.

        The penalty is multiplied by `strength`.  The residual is the caller's, for the present w.  One
        epoch is the work of one update of every column; a Newton system counts by its columns.
        """
        cdef int i, k, round_, epoch, moved, violators
        cdef double epochs = 0.0
        self.slack = slack
        self.settled = False
        self.mean_of_r = 0.0
        for k in range(self.n_levels + 1):
            self.slopes[k] = strength * self.unit_slopes[k]
        for round_ in range(max_rounds):
            violators = self.activate(round_ == 0 or self.stale)
            epochs += 0.5
            if violators == 0:
                self.settled = True
                break
            for epoch in range(max_epochs):
                moved = 0
                for i in range(self.n_active):
                    moved += self.update(self.active[i])
                epochs += <double>self.n_active / self.p
                if moved == 0:
                    break
            if self.count_free() <= self.newton_limit:
                self.synchronise()
                epochs += self.newton()
        return epochs

    cdef int activate(self, bint strict) noexcept:
        """The active coordinates become the violators and those in the factor; returns how many violate.

        Free coordinates of a convex ψ are stationary after Newton and are asked only if `strict`.
        """
        cdef int j, violators = 0
        cdef double zero = 0.0, minus = -1.0
        cdef bint violates
        if not self.sparse:
            dgemv(
                b"T", &self.n, &self.p, &minus, &self.dense[0, 0], &self.n, &self.r[0], &self.inc, &zero,
                &self.correlation[0], &self.inc,
            )
        self.n_active = 0
        for j in range(self.p):
            if self.sparse:
                self.correlation[j] = -self.dot(j, self.r, self.mean_of_r)
            violates = self.violation(j, self.correlation[j]) > self.slack[j]
            if violates and (strict or self.slot[j] < 0 or not self.convex):
                violators += 1
            if violates or self.slot[j] >= 0:
                self.active[self.n_active] = j
                self.n_active += 1
        return violators

    cdef int count_free(self) noexcept:
        cdef int j, total = 0
        for j in range(self.p):
            total += self.is_free(j)
        return total

    # -- columns ------------------------------------------------------------------------------------

    cdef double dot(self, int j, double[::1] v, double mean_of_v) noexcept:
        """``A_j' v``, v centred by its mean part."""
        cdef double total = 0.0
        cdef int k
        if not self.sparse:
            return ddot(&self.n, &self.dense[0, j], &self.inc, &v[0], &self.inc)
        for k in range(self.indptr[j], self.indptr[j + 1]):
            total += self.data[k] * v[self.indices[k]]
        return total - self.means[j] * mean_of_v

    cdef void subtract(self, int j, double amount) noexcept:
        """``r −= amount A_j``."""
        cdef double minus = -amount
        cdef int k
        if not self.sparse:
            daxpy(&self.n, &minus, &self.dense[0, j], &self.inc, &self.r[0], &self.inc)
            return
        for k in range(self.indptr[j], self.indptr[j + 1]):
            self.r[self.indices[k]] += minus * self.data[k]
        self.mean_of_r += minus * self.means[j]

    cdef void spread(self, int j, double[::1] target) noexcept:
        """`target` becomes column j as stored (a sparse one not centred)."""
        cdef int k
        if not self.sparse:
            dcopy(&self.n, &self.dense[0, j], &self.inc, &target[0], &self.inc)
            return
        for k in range(self.n):
            target[k] = 0.0
        for k in range(self.indptr[j], self.indptr[j + 1]):
            target[self.indices[k]] = self.data[k]

    cdef double add_to_column(self, int j, double amount) noexcept:
        """``column += amount A_j``, A_j as stored; returns what that adds to the mean part."""
        cdef int k
        if not self.sparse:
            daxpy(&self.n, &amount, &self.dense[0, j], &self.inc, &self.column[0], &self.inc)
            return 0.0
        for k in range(self.indptr[j], self.indptr[j + 1]):
            self.column[self.indices[k]] += amount * self.data[k]
        return amount * self.means[j]

    # -- places -------------------------------------------------------------------------------------

    cdef int locate(self, double x) noexcept:
        """The place of a number: on a level if it equals one, otherwise in a cell."""
        cdef int low = 0, high = self.n_levels, middle
        while low < high:
            middle = (low + high) // 2
            if self.levels[middle] < x:
                low = middle + 1
            else:
                high = middle
        if low < self.n_levels and self.levels[low] == x:
            return 2 * low + 1
        return 2 * low

    cdef inline bint is_free(self, int j) noexcept:
        return self.place[j] % 2 == 0 or self.omega[j] == 0.0

    cdef inline double slope(self, int j) noexcept:
        """``ω_j s_i`` of the cell of a free coordinate."""
        if self.omega[j] == 0.0:
            return 0.0
        return self.omega[j] * self.slopes[self.place[j] // 2]

    cdef inline double floor_of(self, int place) noexcept:
        """The level below a cell."""
        return self.levels[place // 2 - 1] if place >= 2 else -INFINITY

    cdef inline double ceiling_of(self, int place) noexcept:
        """The level above a cell."""
        return self.levels[place // 2] if place // 2 < self.n_levels else INFINITY

    # -- one coordinate -----------------------------------------------------------------------------

    cdef double violation(self, int j, double g) noexcept:
        """How far coordinate j is from stationary where the loss has the gradient g, in units of it."""
        cdef double move = 0.0, left, right
        cdef int k = self.place[j] // 2
        if self.omega[j] == 0.0:
            return fabs(g)
        if not self.convex:
            # sees concave kinks, but not a coordinate that is an ulp beside its level
            move = fabs(self.table_prox(j, g) - self.w[j]) * self.omega[j] / self.step
        left = self.omega[j] * self.slopes[k]
        if self.place[j] % 2 == 0:
            return max(move, fabs(g + left))
        right = self.omega[j] * self.slopes[k + 1]  # on level k, between cells k and k + 1
        return max(move, max(min(left, right) + g, -g - max(left, right)))

    cdef bint update(self, int j) noexcept:
        """The exact minimiser in coordinate j (nonconvex ψ: one proximal step); true if its place changed."""
        cdef double g = -self.dot(j, self.r, self.mean_of_r), x
        cdef int before = self.place[j]
        if self.omega[j] == 0.0:
            if self.curvature[j] == 0.0:
                return False
            x = self.w[j] - g / self.curvature[j]
        elif self.convex:
            x = self.minimiser(j, self.curvature[j] * self.w[j] - g)
        else:
            x = self.table_prox(j, g)
            self.place[j] = self.locate(x)
        if x != self.w[j]:
            self.subtract(j, x - self.w[j])
            self.w[j] = x
        return self.place[j] != before

    cdef double minimiser(self, int j, double c) noexcept:
        """``argmin_x ½ L x² − c x + ω ψ(x)`` for convex ψ, by walking from the present place; sets the place.

        ``L x + ω ∂ψ(x)`` increases with x, and the place where it contains c is the minimiser's.  A
        change of direction can only be rounding, at the level just passed.
        """
        cdef double L = self.curvature[j], omega = self.omega[j], x, low, high
        cdef int place = self.place[j], heading = 0, walked = 0, k
        while True:
            k = place // 2
            walked += 1
            if walked == LONG_WALK:
                place = self.bisect(L, omega, c)
                heading = 0
                k = place // 2
            if place % 2:
                if heading >= 0 and c > L * self.levels[k] + omega * self.slopes[k + 1]:
                    place += 1
                    heading = 1
                elif heading <= 0 and c < L * self.levels[k] + omega * self.slopes[k]:
                    place -= 1
                    heading = -1
                else:
                    self.place[j] = place
                    return self.levels[k]
                continue
            low, high = self.floor_of(place), self.ceiling_of(place)
            if L > 0.0:
                x = (c - omega * self.slopes[k]) / L
            else:  # a zero column: downhill on ψ alone
                x = -INFINITY if self.slopes[k] > 0.0 else INFINITY if self.slopes[k] < 0.0 else self.w[j]
            if x <= low:
                place -= 1
                if heading > 0:
                    self.place[j] = place
                    return low
                heading = -1
            elif x >= high:
                place += 1
                if heading < 0:
                    self.place[j] = place
                    return high
                heading = 1
            else:
                self.place[j] = place
                return x

    cdef int bisect(self, double L, double omega, double c) noexcept:
        """The level, or the cell above it, where ``L x + ω ∂ψ(x)`` reaches c."""
        cdef int low = 0, high = self.n_levels, middle
        while low < high:
            middle = (low + high) // 2
            if L * self.levels[middle] + omega * self.slopes[middle + 1] < c:
                low = middle + 1
            else:
                high = middle
        # every level below `low` lies left of the minimiser
        return 2 * low + 1 if low < self.n_levels else 2 * low

    cdef double table_prox(self, int j, double g) noexcept:
        """A proximal step in coordinate j; its length step / ω_j makes one table serve all coordinates."""
        cdef double v = self.w[j] - self.step / self.omega[j] * g
        cdef int low = 0, high = self.thresholds.shape[0], middle
        while low < high:
            middle = (low + high) // 2
            if self.thresholds[middle] <= v:
                low = middle + 1
            else:
                high = middle
        return min(max(v - self.shifts[low], self.lower[low]), self.upper[low])

    # -- the factor of the free columns -------------------------------------------------------------

    cdef void synchronise(self) noexcept:
        """The factor follows the places: landed columns out, free ones in."""
        cdef int j, entering = 0
        if self.stale:
            self.stale = False
            self.m = 0
            self.slot[:] = -1
        self.release()
        for j in range(self.p):
            entering += self.slot[j] < 0 and self.curvature[j] > 0.0 and self.is_free(j)
        if entering >= FEW and not self.sparse:
            self.extend(min(entering, self.capacity - self.m))
        for j in range(self.p):
            if self.slot[j] < 0 and self.curvature[j] > 0.0 and self.is_free(j):
                self.append(j)

    cdef void extend(self, int entering) noexcept:
        """Free columns join the factor at once: by pivoting, as many as are safely independent.

        With scaled columns B, ``L X = A_F'B`` and ``B'B − X'X = M M'``: the new rows are ``X'`` and M.
        """
        cdef int i, k, j, m = self.m, rank = 0, info = 0, stride = self.stride
        cdef double zero = 0.0, one = 1.0, minus = -1.0, tolerance = DOUBTFUL, scale
        if entering == 0:
            return
        cdef double[::1, :] members = np.empty((self.n, max(m, 1)), order="F")
        cdef double[::1, :] columns = np.empty((self.n, entering), order="F")
        cdef double[::1, :] across = np.empty((max(m, 1), entering), order="F")
        cdef double[::1, :] rest = np.empty((entering, entering), order="F")
        cdef int[::1] pivots = np.empty(entering, dtype=np.intc), chosen = np.empty(entering, dtype=np.intc)
        cdef double[::1] work = np.empty(2 * entering)
        i = 0
        for j in range(self.p):
            if i < entering and self.slot[j] < 0 and self.curvature[j] > 0.0 and self.is_free(j):
                chosen[i] = j
                dcopy(&self.n, <double*>&self.dense[0, j], &self.inc, &columns[0, i], &self.inc)
                scale = 1.0 / sqrt(self.curvature[j])
                dscal(&self.n, &scale, &columns[0, i], &self.inc)
                i += 1
        dsyrk(b"L", b"T", &entering, &self.n, &one, &columns[0, 0], &self.n, &zero, &rest[0, 0], &entering)
        if m > 0:
            for i in range(m):
                dcopy(&self.n, <double*>&self.dense[0, self.free[i]], &self.inc, &members[0, i], &self.inc)
            dgemm(
                b"T", b"N", &m, &entering, &self.n, &one, &members[0, 0], &self.n, &columns[0, 0], &self.n,
                &zero, &across[0, 0], &m,
            )  # fmt: skip
            dtrsm(b"L", b"L", b"N", b"N", &m, &entering, &one, &self.L[0, 0], &stride, &across[0, 0], &m)
            dsyrk(b"L", b"T", &entering, &m, &minus, &across[0, 0], &m, &one, &rest[0, 0], &entering)
        dpstrf(b"L", &entering, &rest[0, 0], &entering, &pivots[0], &rank, &tolerance, &work[0], &info)
        for i in range(rank):
            j = chosen[pivots[i] - 1]
            scale = sqrt(self.curvature[j])
            for k in range(m):
                self.L[m + i, k] = scale * across[k, pivots[i] - 1]
            for k in range(i + 1):
                self.L[m + i, m + k] = scale * rest[i, k]
            self.free[m + i] = j
            self.slot[j] = m + i
        self.m = m + rank

    cdef void append(self, int j) noexcept:
        """Column j joins the factor; if it depends on the others, one of them or j itself lands instead."""
        cdef int i, m = self.m
        cdef double squared, mean = self.means[j] if self.sparse else 0.0, scale = self.curvature[j]
        cdef bint dependent = False
        self.spread(j, self.column)
        for i in range(m):
            self.work[i] = self.dot(self.free[i], self.column, mean)
        self.triangular(b"N", self.work)
        squared = scale
        for i in range(m):
            squared -= self.work[i] * self.work[i]
        if m == self.capacity or squared <= DOUBTFUL * scale:
            squared = self.distance_from_span(j)
            dependent = m == self.capacity or squared <= DEPENDENT * scale
        for i in range(m):
            self.L[m, i] = self.work[i]
        self.L[m, m] = sqrt(squared)
        self.free[m] = j
        self.slot[j] = m
        self.m = m + 1
        # The factor is singular until the column that lands has left it.
        if dependent and not self.move_along_null():
            self.delete(m)

    cdef double distance_from_span(self, int j) noexcept:
        """``‖A_j − A_F x‖²`` from the data, with ``x = L⁻ᵀ work`` in `direction`, the difference in `column`."""
        cdef int i, f
        self.column_mean = self.means[j] if self.sparse else 0.0
        for i in range(self.m):
            self.direction[i] = self.work[i]
        self.triangular(b"T", self.direction)
        for i in range(self.m):
            f = self.free[i]
            # Rounding errors are no part of a null vector: following them would lead far away.
            if fabs(self.direction[i]) * sqrt(self.curvature[f]) <= NOISE * sqrt(self.curvature[j]):
                self.direction[i] = 0.0
                continue
            self.column_mean += self.add_to_column(f, -self.direction[i])
        return max(
            ddot(&self.n, &self.column[0], &self.inc, &self.column[0], &self.inc) - self.column_mean**2, 0.0
        )

    cdef bint move_along_null(self) noexcept:
        """Move the last free column up and the others against it (or the reverse) until one lands.

        Xw stays, so the objective is linear along the way; the sign that does not raise it is taken.
        False if no coordinate can land, as when all are unpenalised.
        """
        cdef int i, best = -1, last = self.m - 1, tries
        cdef double derivative = self.slope(self.free[last]), sign, t, shortest = INFINITY, minus
        for i in range(last):
            self.direction[i] = -self.direction[i]
            derivative += self.direction[i] * self.slope(self.free[i])
        self.direction[last] = 1.0
        sign = -1.0 if derivative > 0.0 else 1.0
        for tries in range(2):
            for i in range(self.m):
                t = self.time_to_land(self.free[i], sign * self.direction[i])
                if t < shortest:
                    best, shortest = i, t
            if best >= 0:
                break
            sign = -sign
        else:
            return False
        for i in range(self.m):
            self.shift(self.free[i], sign * self.direction[i] * shortest, i == best, sign * self.direction[i])
        # What Xw does change by: the column is that far from dependent.
        minus = -sign * shortest
        daxpy(&self.n, &minus, &self.column[0], &self.inc, &self.r[0], &self.inc)
        self.mean_of_r += minus * self.column_mean
        for i in range(last, -1, -1):
            if not self.is_free(self.free[i]):
                self.delete(i)
        return True

    cdef double time_to_land(self, int j, double speed) noexcept:
        """When a free coordinate that moves at `speed` meets the next level."""
        if self.omega[j] == 0.0 or speed == 0.0:
            return INFINITY
        if speed > 0.0:
            return (self.ceiling_of(self.place[j]) - self.w[j]) / speed
        return (self.floor_of(self.place[j]) - self.w[j]) / speed

    cdef void shift(self, int j, double change, bint lands, double speed) noexcept:
        """Move a free coordinate in its cell, onto the level ahead if it lands or rounding says so; r stays."""
        cdef double low, high, x = self.w[j] + change
        if self.omega[j] != 0.0:
            low, high = self.floor_of(self.place[j]), self.ceiling_of(self.place[j])
            if (lands and speed > 0.0) or x >= high:
                x = high
                self.place[j] += 1
            elif lands or x <= low:
                x = low
                self.place[j] -= 1
        self.w[j] = x

    cdef void delete(self, int k) noexcept:
        """Column k leaves the factor; rotations of neighbouring columns make it triangular again."""
        cdef int i, c, length
        cdef double cosine, sine, a, b, radius
        self.slot[self.free[k]] = -1
        self.m -= 1
        for i in range(k, self.m):
            self.free[i] = self.free[i + 1]
            self.slot[self.free[i]] = i
        for c in range(self.m + 1):  # row k goes, those below it move up
            i = max(k, c - 1)
            memmove(&self.L[i, c], &self.L[i + 1, c], (self.m - i) * sizeof(double))
        for i in range(k, self.m):
            # Row i has two entries too many to the right of where it should end: rotate one away.
            a, b = self.L[i, i], self.L[i, i + 1]
            radius = sqrt(a * a + b * b)
            if radius == 0.0:
                continue
            cosine, sine = a / radius, b / radius
            length = self.m - i
            drot(&length, &self.L[i, i], &self.inc, &self.L[i, i + 1], &self.inc, &cosine, &sine)

    cdef void triangular(self, char* transposed, double[::1] v) noexcept:
        """``v ← L⁻¹ v`` (b"N") or ``v ← L⁻ᵀ v`` (b"T")."""
        cdef int stride = self.stride
        if self.m > 0:
            dtrsv(b"L", transposed, b"N", &self.m, &self.L[0, 0], &stride, &v[0], &self.inc)

    # -- Newton on the free columns -----------------------------------------------------------------

    cdef double newton(self) noexcept:
        """Newton steps until the free coordinates are stationary in their cells; returns epochs of work."""
        cdef int i, f, steps = 0, refinements = 0
        cdef double decrement, largest, cost = 0.0
        while self.m > 0 and steps < 20 + 4 * self.capacity:
            steps += 1
            cost += 2.0 * self.m / self.p
            largest = 0.0
            for i in range(self.m):
                f = self.free[i]
                self.gradient[i] = -self.dot(f, self.r, self.mean_of_r) + self.slope(f)
                largest = max(largest, fabs(self.gradient[i]) / max(self.slack[f], 1e-300))
                self.direction[i] = -self.gradient[i]
            if largest <= 0.25:
                break
            self.triangular(b"N", self.direction)
            decrement = ddot(&self.m, &self.direction[0], &self.inc, &self.direction[0], &self.inc)
            self.triangular(b"T", self.direction)
            if not decrement > 0.0:
                break
            if not self.projected_step(decrement) and not self.line_search(decrement):
                refinements += 1
                if refinements == 3:
                    # Rounding errors of many updates have spoiled the factor.
                    self.stale = True
                    break
        return cost

    cdef bint projected_step(self, double decrement) noexcept:
        """Follow the Newton direction, each coordinate to its next level at most: many land at once.

        Kept if several land and F falls by as much as on the way to the first landing; true then.
        """
        cdef int i, f, landing = 0
        cdef double t, first = 1.0, change = 0.0, minus = -1.0, mean = 0.0
        for i in range(self.m):
            f = self.free[i]
            self.old[i] = self.w[f]
            self.reach[i] = self.time_to_land(f, self.direction[i])
            if self.reach[i] < 1.0:
                landing += 1
                first = min(first, self.reach[i])
        if landing < 2 or not self.convex:
            return False
        for i in range(self.n):
            self.column[i] = 0.0
        for i in range(self.m):
            f = self.free[i]
            t = min(1.0, self.reach[i]) * self.direction[i]
            change += t * self.slope(f)
            mean += self.add_to_column(f, t)
        change -= ddot(&self.n, &self.column[0], &self.inc, &self.r[0], &self.inc) - mean * self.mean_of_r
        change += 0.5 * (ddot(&self.n, &self.column[0], &self.inc, &self.column[0], &self.inc) - mean * mean)
        if not change <= -decrement * first * (1.0 - 0.5 * first):
            return False
        daxpy(&self.n, &minus, &self.column[0], &self.inc, &self.r[0], &self.inc)
        self.mean_of_r -= mean
        for i in range(self.m):
            t = min(1.0, self.reach[i]) * self.direction[i]
            self.shift(self.free[i], t, self.reach[i] < 1.0, self.direction[i])
        self.release()
        return True

    cdef bint line_search(self, double decrement) noexcept:
        """The exact minimiser along the Newton direction, across kinks; true if a coordinate met one.

        The derivative at t is ``−decrement (1 − t)`` plus the jumps of slope at the kinks passed, each
        ``ω |Δs| |d_j|``.  A nonconvex ψ stops at the first kink, since a jump may be negative.
        """
        cdef int i, f, best, level
        cdef double t = 0.0, jumps = 0.0, stop, size
        cdef bint met = False
        for i in range(self.m):
            self.old[i] = self.w[self.free[i]]
            self.reach[i] = self.time_to_land(self.free[i], self.direction[i])
        while True:
            best = 0
            for i in range(1, self.m):
                if self.reach[i] < self.reach[best]:
                    best = i
            stop = 1.0 - jumps / decrement
            if stop <= self.reach[best]:
                t = max(t, stop)
                best = -1
                break
            t = self.reach[best]
            met = True
            f = self.free[best]
            size = fabs(self.direction[best])
            level = self.place[f] // 2 if self.direction[best] > 0.0 else self.place[f] // 2 - 1
            jumps += self.omega[f] * (self.slopes[level + 1] - self.slopes[level]) * size
            if not self.convex or jumps >= decrement * (1.0 - t):
                break
            # across the kink: the next cell on that side
            self.place[f] += 2 if self.direction[best] > 0.0 else -2
            self.reach[best] = (
                (self.ceiling_of(self.place[f]) - self.old[best]) / self.direction[best]
                if self.direction[best] > 0.0
                else (self.floor_of(self.place[f]) - self.old[best]) / self.direction[best]
            )
        for i in range(self.m):
            f = self.free[i]
            self.shift(f, t * self.direction[i], i == best, self.direction[i])
            self.subtract(f, self.w[f] - self.old[i])
        for i in range(self.m - 1, -1, -1):
            f = self.free[i]
            if not self.is_free(f):
                self.delete(i)
                met = True
                if not self.convex:
                    self.update(f)  # leaves a concave kink at once
        return met
