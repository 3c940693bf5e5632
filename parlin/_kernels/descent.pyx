# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""Coordinate descent and active-set Newton for least squares with any piecewise-affine penalty.

Minimises  ½ ‖b − A w‖² + Σ_j ω_j ψ(w_j), where the columns of A are the stored ones less their means,
each row times the root √s of its sample weight; `w` is updated in place, and with it the residual `r`.
A coordinate's *place* is ``2 i`` inside cell i (slope ``s_i``, between the levels ``b_{i−1}`` and ``b_i``)
and ``2 k + 1`` on level ``b_k`` itself, where ``w_j`` is the stored float.  Moving one place up or down is
adding or subtracting one.

Rounds are repeated until nothing violates the optimality condition: a look at the coordinates that may,
epochs of exact updates of those that do, most of them of the few that still move, and Newton.

Newton works on the *free* columns F (places in cells), with the lower triangular factor of
``A_F' A_F = L L'`` kept up to date: a column that lands on a level is deleted by rotations, one that
leaves a level is appended, and one that depends on the others is not appended but moved along the
null direction until some coordinate lands (so the free columns stay independent: theory 3.4).  Of sparse
columns more can be free than a dense factor is worth; then conjugate gradients take Newton's place.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, fabs, sqrt
from libc.string cimport memmove
from scipy.linalg.cython_blas cimport dgemm, dsyrk, dtrmv, dtrsm, dtrsv
from scipy.linalg.cython_lapack cimport dpstrf

from parlin._kernels.vectors cimport add, add_rows, copy, copy_rows, dot, dot_rows, rotate

import numpy as np

# A column whose squared distance from the span of the free ones is below this fraction of its
# squared norm is treated as dependent.  The distance is recomputed from the data where the factor
# alone cannot tell (below DOUBTFUL).
cdef double DEPENDENT = 1e-14
cdef double DOUBTFUL = 1e-6
# Entries of a null vector below this, relative to its largest contribution, are zero.
cdef double NOISE = 1e-10
# A vector is orthogonal to the free columns where the square of its projection on them is below this
# fraction of its own, and so many projections ought to do it.
cdef double ORTHOGONAL = 1e-4
cdef int MAX_PROJECTIONS = 4
# Fewer columns than this enter the factor one by one, more of them at once.
cdef int FEW = 12
# How often a solution is made to have at most rank(A) free coordinates, and solved again.
cdef int MAX_REDUCTIONS = 5
# Steps of conjugate gradients in one round.
cdef int CONJUGATE_STEPS = 200
# A walk along the levels turns into a bisection after this many places.
cdef int LONG_WALK = 16


@cython.final
cdef class Descent:
    cdef int n, p, n_levels, m, capacity, newton_limit
    cdef bint sparse, convex
    cdef readonly bint settled           # the last call left no violation
    cdef bint stale                      # the factor is to be made anew
    cdef bint worn                       # columns have left it since it was made
    # A has the stored columns less their means, each row times √s: never made, but where they are used.
    cdef const double[::1, :] dense      # stored columns
    cdef const double[::1] data          # or those of a CSC matrix
    cdef const int[::1] indices, indptr
    cdef const double[::1] means, roots  # one a column, and √s for each row
    cdef bint centred
    cdef double root                     # √s where it is the same for all rows, otherwise 0
    cdef double mean_of_r                # <√s, r>, the part of r that centring removes
    # The arrays that are pointed to.
    cdef double[::1] kept_w, reals
    cdef const double[::1] kept_norms, kept_omega, kept_levels, kept_slopes
    cdef int[::1] integers
    cdef double* r
    cdef double* w
    cdef double* slopes
    cdef double* own_slack
    cdef double* curvature
    cdef const double* norms
    cdef const double* omega
    cdef const double* slack
    cdef const double* levels
    cdef const double* unit_slopes
    cdef double* seen                    # <A_j, −r> for all j at the last look at all
    cdef double* seen_r                  # and r there
    cdef double* margin                  # how far r may be from there, and j still violates nothing
    cdef const double[::1] thresholds, shifts, lower, upper   # the prox table of a nonconvex ψ
    cdef double step                     # of that table: at most ω_j / ‖A_j‖² for every j
    cdef int* place
    cdef int* slot                       # in the factor, or −1
    cdef int* watched                    # those that may violate their condition or are free
    cdef int n_watched
    cdef int* active                     # those of them that are updated
    cdef int n_active
    cdef int* free                       # the columns in the order of the factor
    cdef int* members                    # those of them that a look at the data began with
    cdef double[::1, :] L
    cdef double* smooth                  # <A_f, −r> for the free columns, in the order of the factor
    cdef double* entry                   # where they were
    cdef double* gradient                # of the objective in the free coordinates
    cdef double* direction
    cdef double* reach                   # along it, to the next level
    cdef double* old                     # where a step along it begins
    cdef double* work
    cdef double* correction
    cdef double* column                  # a vector of samples
    cdef double[::1] room                # for matrices, as much as was ever needed
    cdef int inc, stride

    def __init__(
        self, columns, const double[::1] means, const double[::1] roots, bint uniform, bint centred,
        double[::1] w, const double[::1] norms, const double[::1] omega,
        const double[::1] levels, const double[::1] slopes, table, double step, int newton_limit,
    ):
        """`columns` is a dense (n, p) array in Fortran order or a CSC triple (data, indices, indptr).

        `means` has an entry a column, zeros unless `centred`; `roots` are √s, all equal if `uniform`.  The
        kernel moves `w` where it is.  `omega` None stands for ones.  `table` is a nonconvex ψ's prox table of
        this `step`, otherwise None.
        """
        self.sparse = isinstance(columns, tuple)
        self.p, self.n = w.shape[0], roots.shape[0]
        if self.sparse:
            self.data, self.indices, self.indptr = columns
        else:
            self.dense = columns
        stored = self.indptr.shape[0] - 1 if self.sparse else self.dense.shape[1]
        if not stored == means.shape[0] == self.p or not (self.sparse or self.dense.shape[0] == self.n):
            raise ValueError("columns must fit w and roots, and means must have one entry a column")
        self.means, self.roots, self.centred = means, roots, centred
        self.root = roots[0] if uniform else 0.0
        weighted = omega is not None
        if norms.shape[0] != self.p or weighted and omega.shape[0] != self.p:
            raise ValueError("norms and omega must have an entry for each of w")
        if slopes.shape[0] != levels.shape[0] + 1:
            raise ValueError("slopes must have one entry more than levels")
        self.kept_w, self.kept_norms, self.kept_omega = w, norms, omega
        self.kept_levels, self.kept_slopes = levels, slopes
        self.w, self.norms = &w[0], &norms[0]
        self.n_levels = levels.shape[0]
        self.levels = &levels[0] if self.n_levels else NULL
        self.unit_slopes = &slopes[0]
        self.convex = table is None
        self.step = step
        if not self.convex:
            self.thresholds, self.shifts, self.lower, self.upper = table
        self.capacity = min(self.n, self.p)
        self.m = 0
        # No more free columns are in the factor than get Newton steps.
        cdef int size = min(self.capacity, newton_limit) + 1
        cdef Py_ssize_t p = self.p, n = self.n  # sums of them may need 64 bits
        self.integers = np.zeros(4 * p + 2 * size, dtype=np.intc)
        self.reals = np.zeros(8 * size + 3 * n + 5 * p + self.n_levels + 1)
        self.place = &self.integers[0]
        self.watched = self.place + self.p
        self.active = self.watched + self.p
        self.slot = self.active + self.p
        self.free = self.slot + self.p
        self.members = self.free + size
        self.gradient = &self.reals[0]
        self.direction = self.gradient + size
        self.reach = self.direction + size
        self.old = self.reach + size
        self.work = self.old + size
        self.correction = self.work + size
        self.smooth = self.correction + size
        self.entry = self.smooth + size
        self.column = self.entry + size
        self.r = self.column + self.n
        self.seen_r = self.r + self.n
        self.seen = self.seen_r + self.n
        self.margin = self.seen + self.p
        self.own_slack = self.margin + self.p
        self.curvature = self.own_slack + self.p
        cdef double* ones = self.curvature + self.p
        self.slopes = ones + self.p
        self.omega = &omega[0] if weighted else ones
        self.L = np.empty((size, size), order="F")
        self.stride = size
        self.inc = 1
        self.newton_limit = newton_limit
        cdef int j
        for j in range(self.p):
            repeated = j > 0 and self.w[j] == self.w[j - 1]
            self.place[j] = self.place[j - 1] if repeated else self.locate(self.w[j])
            self.curvature[j] = norms[j] * norms[j]
            ones[j] = 1.0
            self.slot[j] = -1

    def point(self):
        """The present w: a copy."""
        w = np.empty(self.p)
        cdef double[::1] target = w
        copy(self.p, 1.0, self.w, &target[0])
        return w

    # -- the loop -----------------------------------------------------------------------------------

    def follow(
        self, const double[::1] strengths, const double[::1] target, const double[::1] gradient,
        const double[::1] raw_norms, double y_norm, double loose, double tight, double rounding,
        int loose_epochs, int loose_rounds, int max_epochs, int max_rounds,
    ):
        """Descend until no coordinate violates its condition by more than a slack; returns the epochs used.

        The penalty is multiplied by one of the strengths after the other.  `gradient` is the loss's at the
        present w, `target` (centred, times √s) the residual at 0.  One epoch is the work of one update of
        every column.  Slack is ``loose ‖A_j‖`` but at the last strength, where it is ``tight ‖A_j‖`` or, if
        larger, the multiple `rounding` of ``‖A_j‖ (‖y‖ + Σ_k ‖A_k‖_raw |w_k|) + ‖A_j‖_raw ‖r‖``.
        """
        cdef int j, k, last = strengths.shape[0] - 1
        cdef double epochs = 0.0, sizes = y_norm, r_norm
        if gradient.shape[0] != self.p or raw_norms.shape[0] != self.p or target.shape[0] != self.n:
            raise ValueError("gradient, raw_norms and target do not fit the columns")
        self.slack = self.own_slack
        self.refresh(&target[0])
        self.remember(&gradient[0])
        for k in range(last):
            for j in range(self.p):
                self.own_slack[j] = loose * self.norms[j]
            epochs += self.descend(strengths[k], loose_epochs, loose_rounds)
        if last > 0:
            self.refresh(&target[0])
        r_norm = sqrt(dot(self.n, self.r, self.r))
        for j in range(self.p):
            sizes += raw_norms[j] * fabs(self.w[j])
        for j in range(self.p):
            self.own_slack[j] = max(
                tight * self.norms[j], rounding * (self.norms[j] * sizes + raw_norms[j] * r_norm)
            )
        return epochs + self.descend(strengths[last], max_epochs, max_rounds)

    cdef void remember(self, const double* gradient) noexcept:
        """The gradient at the present residual is as good as a look at all columns."""
        copy(self.p, 1.0, gradient, self.seen)
        copy(self.n, 1.0, self.r, self.seen_r)

    cdef void refresh(self, const double* target) noexcept:
        """The residual becomes that of the present w, with no rounding errors of earlier updates."""
        cdef int j
        copy(self.n, 1.0, target, self.r)
        self.mean_of_r = 0.0
        for j in range(self.p):
            if self.w[j] != 0.0:
                self.subtract(j, self.w[j])
        self.centre_r()

    cdef double descend(self, double strength, int max_epochs, int max_rounds) except -1.0:
        """Rounds at one strength; returns the epochs used."""
        cdef int j, k, round_, violators, reductions = 0
        cdef bint has_factor
        cdef double epochs = 0.0
        self.settled = False
        for k in range(self.n_levels + 1):
            self.slopes[k] = strength * self.unit_slopes[k]
        for j in range(self.p):
            self.set_margin(j)
        for round_ in range(max_rounds):
            violators = self.activate(round_ == 0 or self.stale, &epochs)
            if violators == 0:
                has_factor = self.capacity <= self.newton_limit
                if has_factor and reductions < MAX_REDUCTIONS and self.lacks_columns():
                    # Those of the free that depend on others can land without a change of Xw.
                    self.synchronise()
                    reductions += 1
                    continue
                self.settled = True
                break
            PyErr_CheckSignals()  # such as that of Ctrl-C
            epochs += self.epochs_of_updates(max_epochs)
            if self.count_free() <= self.newton_limit:
                self.synchronise()
                epochs += self.newton()
            elif self.convex:
                # What was in the factor is as far from stationary as the rest.
                self.stale = True
                epochs += self.conjugate_gradients()
        return epochs

    cdef double epochs_of_updates(self, int max_epochs) noexcept:
        """Update the active coordinates until none changes its place, the busy ones more often.

        After all of them those that moved or are free are updated alone, until none changes its place;
        then all again.  Returns the epochs used.
        """
        cdef int i, j, moved, kept, size, busy = 0
        cdef long visits = 0
        cdef bint everyone = True
        cdef double before
        while visits < <long>max_epochs * self.n_active:
            moved = kept = 0
            size = self.n_active if everyone else busy
            for i in range(size):
                j = self.active[i]
                before = self.w[j]
                moved += self.update(j)
                if self.w[j] != before or self.is_free(j):
                    self.active[i] = self.active[kept]
                    self.active[kept] = j
                    kept += 1
            visits += size
            busy = kept
            if moved == 0 and everyone:
                break
            everyone = moved == 0
        return <double>visits / self.p

    cdef int activate(self, bint strict, double* epochs) noexcept:
        """The active coordinates become the violators and those in the factor; returns how many violate.

        Free coordinates of a convex ψ are stationary after Newton and are asked only if `strict`.
        """
        cdef int i, j, violators = 0
        cdef bint violates, everywhere = not self.convex
        cdef double g, change = 0.0
        self.centre_r()
        for i in range(self.n_watched):  # since the last time the others have not moved
            self.set_margin(self.watched[i])
        for j in range(self.n):
            change += (self.r[j] - self.seen_r[j]) * (self.r[j] - self.seen_r[j])
        change = sqrt(change)
        self.n_watched = self.n_active = 0
        for j in range(self.p):
            self.watched[self.n_watched] = j
            self.n_watched += everywhere or not self.margin[j] >= change
        if 2 * self.n_watched > self.p and not everywhere:
            everywhere, self.n_watched = True, self.p
            for j in range(self.p):
                self.watched[j] = j
        for i in range(self.n_watched):
            j = self.watched[i]
            g = -self.dot(j, self.r, self.mean_of_r)
            if everywhere:
                self.seen[j] = g
            violates = self.violation(j, g) > self.slack[j]
            if violates and (strict or self.slot[j] < 0 or not self.convex):
                violators += 1
            if violates or self.slot[j] >= 0:
                self.active[self.n_active] = j
                self.n_active += 1
        if everywhere:
            copy(self.n, 1.0, self.r, self.seen_r)
        epochs[0] += 0.5 * <double>self.n_watched / self.p
        return violators

    cdef inline void set_margin(self, int j) noexcept:
        """How far r may go from where the last look was while j, if it is on a level, violates nothing.

        On such a way the loss's gradient in j changes by at most the length of the way times ``‖A_j‖``.
        """
        cdef int k = self.place[j] // 2
        cdef double room
        if self.is_free(j) or self.slot[j] >= 0:
            self.margin[j] = -INFINITY
            return
        room = self.slack[j] - max(
            self.omega[j] * self.slopes[k] + self.seen[j], -self.seen[j] - self.omega[j] * self.slopes[k + 1]
        )
        if self.norms[j] > 0.0:
            self.margin[j] = room / self.norms[j]
        else:
            self.margin[j] = INFINITY if room >= 0.0 else -INFINITY

    cdef bint lacks_columns(self) noexcept:
        """Whether the factor lacks a free column, ψ being convex."""
        cdef int i
        if not self.convex:
            return False
        for i in range(self.n_watched):
            if self.enters(self.watched[i]):
                return True
        return False

    cdef int count_free(self) noexcept:
        cdef int i, total = 0
        for i in range(self.n_watched):
            total += self.is_free(self.watched[i])
        return total

    # -- columns ------------------------------------------------------------------------------------

    cdef inline const double* at(self, int j) noexcept:
        """Where the entries of dense column j are."""
        return &self.dense[0, j]

    cdef inline double dot(self, int j, const double* v, double mean_of_v) noexcept:
        """``A_j' v``, v centred by its mean part."""
        cdef double total = 0.0
        cdef int k
        if not self.sparse:
            if self.root > 0.0 and not self.centred:
                return self.root * dot(self.n, self.at(j), v)
            return dot_rows(self.n, self.at(j), self.means[j], &self.roots[0], v)
        if self.root > 0.0:
            for k in range(self.indptr[j], self.indptr[j + 1]):
                total += self.data[k] * v[self.indices[k]]
            total *= self.root
        else:
            for k in range(self.indptr[j], self.indptr[j + 1]):
                total += self.data[k] * self.roots[self.indices[k]] * v[self.indices[k]]
        return total - self.means[j] * mean_of_v

    cdef inline double add_to(self, double* target, int j, double amount) noexcept:
        """``target += amount A_j``, a sparse A_j not centred; returns what that adds to the mean part."""
        cdef int k
        cdef double scale
        if not self.sparse:
            if self.root > 0.0 and not self.centred:
                add(self.n, amount * self.root, self.at(j), target)
            else:
                add_rows(self.n, amount, self.at(j), self.means[j], &self.roots[0], target)
            return 0.0
        if self.root > 0.0:
            scale = amount * self.root
            for k in range(self.indptr[j], self.indptr[j + 1]):
                target[self.indices[k]] += scale * self.data[k]
        else:
            for k in range(self.indptr[j], self.indptr[j + 1]):
                target[self.indices[k]] += amount * self.roots[self.indices[k]] * self.data[k]
        return amount * self.means[j]

    cdef inline void subtract(self, int j, double amount) noexcept:
        """``r −= amount A_j``."""
        self.mean_of_r += self.add_to(self.r, j, -amount)

    cdef inline void copy_to(self, double* target, int j, double amount) noexcept:
        """``target = amount A_j`` for a dense column."""
        if self.root > 0.0 and not self.centred:
            copy(self.n, amount * self.root, self.at(j), target)
        else:
            copy_rows(self.n, amount, self.at(j), self.means[j], &self.roots[0], target)

    cdef void spread(self, int j) noexcept:
        """`column` becomes A_j."""
        cdef int k
        for k in range(self.n):
            self.column[k] = 0.0
        self.add_to(self.column, j, 1.0)
        self.centre(self.column)

    cdef inline void centre(self, double* v) noexcept:
        """A vector that sparse columns as they are stored add up to becomes that of the centred ones."""
        cdef int k
        if self.sparse and self.centred:
            for k in range(2):  # where means are large, even what rounding leaves of them counts
                add(self.n, -dot(self.n, &self.roots[0], v), &self.roots[0], v)

    cdef inline void centre_r(self) noexcept:
        self.centre(self.r)
        self.mean_of_r = 0.0

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
        cdef int before = self.place[j], k = before // 2
        # as most do: it rests on its level
        if (
            self.convex and before % 2 and self.omega[j] * self.slopes[k] <= -g
            and -g <= self.omega[j] * self.slopes[k + 1]
        ):
            return False
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
        """The first level at whose right end ``L x + ω ∂ψ(x)`` reaches c, or the last cell."""
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

    cdef void release(self) noexcept:
        """Columns that have landed leave the factor."""
        cdef int k
        for k in range(self.m - 1, -1, -1):
            if not self.is_free(self.free[k]):
                self.delete(k)

    cdef int synchronise(self) except -1:
        """The factor follows the places: landed columns out, free ones in."""
        cdef int i, entering
        while True:  # between two factors a coordinate lands
            if self.stale:
                for i in range(self.m):
                    self.slot[self.free[i]] = -1
                self.m = 0
                self.worn = False
            self.stale = False
            self.release()
            entering = 0
            for i in range(self.n_watched):
                entering += self.enters(self.watched[i])
            if entering >= FEW and not self.sparse:
                self.extend(min(entering, self.capacity - self.m))
            for i in range(self.n_watched):
                if self.enters(self.watched[i]) and not self.stale:
                    self.append(self.watched[i])
            if not self.stale:
                break
        return 0

    cdef inline bint enters(self, int j) noexcept:
        return self.slot[j] < 0 and self.is_free(j) and self.curvature[j] > 0.0

    cdef int extend(self, int entering) except -1:
        """Free columns join the factor at once: by pivoting, as many as are safely independent.

        With scaled columns B, ``L X = A_F'B`` and ``B'B − X'X = M M'``: the new rows are ``X'`` and M.
        """
        cdef int i, k, j, m = self.m, n = self.n, rank = 0, info = 0, stride = self.stride
        cdef Py_ssize_t rows = n, width = entering
        cdef double zero = 0.0, one = 1.0, minus = -1.0, tolerance = DOUBTFUL, scale
        if entering == 0:
            return 0
        cdef Py_ssize_t needed = rows * (m + width) + (m + width + 2) * width
        if self.room is None or self.room.shape[0] < needed:
            self.room = np.empty(2 * needed)
        cdef double* members = &self.room[0]       # n × m
        cdef double* columns = members + rows * m  # n × entering
        cdef double* across = columns + rows * width      # m × entering
        cdef double* rest = across + m * width     # entering × entering
        cdef double* work = rest + width * width
        cdef int[::1] numbers = np.empty(2 * entering, dtype=np.intc)
        cdef int[::1] pivots = numbers[:entering], chosen = numbers[entering:]
        i = 0
        for k in range(self.n_watched):
            j = self.watched[k]
            if i < entering and self.enters(j):
                chosen[i] = j
                self.copy_to(columns + rows * i, j, 1.0 / self.norms[j])
                i += 1
        dsyrk(b"L", b"T", &entering, &n, &one, columns, &n, &zero, rest, &entering)
        if m > 0:
            for i in range(m):
                self.copy_to(members + rows * i, self.free[i], 1.0)
            dgemm(b"T", b"N", &m, &entering, &n, &one, members, &n, columns, &n, &zero, across, &m)
            dtrsm(b"L", b"L", b"N", b"N", &m, &entering, &one, &self.L[0, 0], &stride, across, &m)
            dsyrk(b"L", b"T", &entering, &m, &minus, across, &m, &one, rest, &entering)
        scale = 0.0
        for i in range(entering):
            scale = max(scale, rest[i + i * width])
        if not scale > tolerance:  # dpstrf takes the first pivot whatever it is
            return 0
        dpstrf(b"L", &entering, rest, &entering, &pivots[0], &rank, &tolerance, work, &info)
        for i in range(rank):
            j = chosen[pivots[i] - 1]
            scale = self.norms[j]
            for k in range(m):
                self.L[m + i, k] = scale * across[k + m * <Py_ssize_t>(pivots[i] - 1)]
            for k in range(i + 1):
                self.L[m + i, m + k] = scale * rest[i + k * width]
            self.free[m + i] = j
            self.slot[j] = m + i
        self.m = m + rank
        return 0

    cdef void append(self, int j) noexcept:
        """Column j joins the factor; if it depends on the others, one of them or j itself lands instead."""
        cdef int i, m = self.m
        cdef double squared, scale = self.curvature[j]
        cdef bint dependent = False
        self.spread(j)
        for i in range(m):
            self.work[i] = self.dot(self.free[i], self.column, 0.0)
        self.triangular(b"N", self.work)
        squared = scale
        for i in range(m):
            squared -= self.work[i] * self.work[i]
        if m == self.capacity or squared <= DOUBTFUL * scale:
            squared = self.distance_from_span(j)
            if self.stale or not squared <= scale:  # a NaN stays out too
                return
            dependent = m == self.capacity or squared <= DEPENDENT * scale
            squared = 0.0 if dependent else squared
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
        """``‖A_j − A_F x‖²`` from the data, with the best x in `direction` and the difference in `column`.

        `column` is A_j before, and `work` its ``L⁻¹A_F'A_j``.  What is left of the column is projected again
        until it is orthogonal to A_F, which makes both as accurate as x.  A worn factor may not get there:
        then it is stale.
        """
        cdef int i, f, tries
        cdef bint orthogonal = False
        cdef double squared = self.curvature[j], before
        for i in range(self.m):
            self.direction[i], self.correction[i] = 0.0, self.work[i]
        for tries in range(MAX_PROJECTIONS):
            self.triangular(b"T", self.correction)
            for i in range(self.m):
                if tries > 0 or not self.is_noise(self.correction[i], self.free[i], j):
                    self.direction[i] += self.correction[i]
                    self.add_to(self.column, self.free[i], -self.correction[i])
            self.centre(self.column)
            before, squared = squared, dot(self.n, self.column, self.column)
            orthogonal = squared <= NOISE * NOISE * self.curvature[j]
            if orthogonal or not squared <= before:
                break
            for i in range(self.m):
                self.correction[i] = self.dot(self.free[i], self.column, 0.0)
            self.triangular(b"N", self.correction)
            orthogonal = dot(self.m, self.correction, self.correction) <= ORTHOGONAL * squared
            if orthogonal:
                break
            for i in range(self.m):
                self.work[i] += self.correction[i]
        self.stale = self.worn and not orthogonal
        for i in range(self.m):
            f = self.free[i]
            # Rounding errors are no part of a null vector: following them would lead far away.
            if self.direction[i] != 0.0 and self.is_noise(self.direction[i], f, j):
                self.add_to(self.column, f, self.direction[i])
                self.direction[i] = 0.0
        self.centre(self.column)
        return dot(self.n, self.column, self.column)

    cdef inline bint is_noise(self, double amount, int f, int j) noexcept:
        """Whether so much of column f is nothing beside column j."""
        return fabs(amount) * self.norms[f] <= NOISE * self.norms[j]

    cdef bint move_along_null(self) noexcept:
        """Move the last free column up and the others against it (or the reverse) until one lands.

        Xw stays, so the objective is linear along the way; the sign that does not raise it is taken.
        False if no coordinate can land, as when all are unpenalised.
        """
        cdef int i, best = -1, last = self.m - 1, tries
        cdef double derivative = self.slope(self.free[last]), sign, t, shortest = INFINITY
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
        add(self.n, -sign * shortest, self.column, self.r)
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
        """Move a free coordinate in its cell, onto the level ahead if it lands or rounds there; r stays."""
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
        cdef int i, c
        cdef double a, b, radius
        self.slot[self.free[k]] = -1
        self.m -= 1
        self.worn = self.worn or k < self.m  # the last one leaves without rotations
        for i in range(k, self.m):
            self.free[i] = self.free[i + 1]
            self.smooth[i] = self.smooth[i + 1]
            self.slot[self.free[i]] = i
        for c in range(self.m + 1):  # row k goes, those below it move up
            i = max(k, c - 1)
            memmove(&self.L[i, c], &self.L[i + 1, c], (self.m - i) * sizeof(double))
        for i in range(k, self.m):
            # Row i has two entries too many to the right of where it should end: rotate one away.
            a, b = self.L[i, i], self.L[i, i + 1]
            radius = sqrt(a * a + b * b)
            if radius != 0.0:
                rotate(self.m - i, &self.L[i, i], &self.L[i, i + 1], a / radius, b / radius)

    cdef void triangular(self, char* transposed, double* v) noexcept:
        """``v ← L⁻¹ v`` (b"N") or ``v ← L⁻ᵀ v`` (b"T")."""
        if self.m > 0:
            dtrsv(b"L", transposed, b"N", &self.m, &self.L[0, 0], &self.stride, v, &self.inc)

    # -- Newton on the free columns -----------------------------------------------------------------

    cdef double newton(self) noexcept:
        """Newton steps until the free coordinates are stationary in their cells; returns epochs of work.

        A step ends where a coordinate lands or all are stationary.  Up to there it needs no data: along
        the direction d the loss's part of the gradient changes by ``A_F'A_F d = L L'd``.  The residual
        follows when they are stationary as far as the factor tells, and then the data are asked.
        """
        cdef int i, f, begun, steps = 0, most = 20 + 4 * self.capacity, refinements = 0
        cdef double epochs = 0.0
        cdef bint met = False
        while self.m > 0 and steps < most:
            begun = self.m
            for i in range(begun):
                f = self.free[i]
                self.members[i], self.entry[i] = f, self.w[f]
                self.smooth[i] = -self.dot(f, self.r, self.mean_of_r)
            epochs += <double>begun / self.p
            if self.stationary():
                break
            met = False
            while self.m > 0 and steps < most:
                steps += 1
                if not self.newton_step():
                    break
                met = True
                if not self.convex or self.stationary():
                    break
            for i in range(begun):
                f = self.members[i]
                if self.w[f] != self.entry[i]:
                    self.subtract(f, self.w[f] - self.entry[i])
                    epochs += 1.0 / self.p
            self.centre_r()
            if not self.convex:
                for i in range(begun):
                    if self.slot[self.members[i]] < 0:
                        self.update(self.members[i])  # leaves a concave kink at once
            if not met:
                refinements += 1
                if refinements == 3:
                    # Rounding errors of many updates have spoiled the factor.
                    self.stale = True
                    break
        if steps >= most:
            self.stale = True  # those in the factor are to be asked again
        return epochs

    cdef bint stationary(self) noexcept:
        """Whether every free coordinate is, in its cell, as far as `smooth` tells."""
        cdef int i, f
        for i in range(self.m):
            f = self.free[i]
            if fabs(self.smooth[i] + self.slope(f)) > 0.25 * max(self.slack[f], 1e-300):
                return False
        return True

    cdef bint newton_step(self) noexcept:
        """One step on the free coordinates and on `smooth`; true if a coordinate met a level."""
        cdef int i, f
        cdef double decrement
        for i in range(self.m):
            f = self.free[i]
            self.gradient[i] = self.smooth[i] + self.slope(f)
            self.direction[i] = -self.gradient[i]
        self.triangular(b"N", self.direction)
        decrement = dot(self.m, self.direction, self.direction)
        self.triangular(b"T", self.direction)
        if not 0.0 < decrement < INFINITY:
            return False
        for i in range(self.m):
            f = self.free[i]
            self.old[i] = self.w[f]
            self.reach[i] = self.time_to_land(f, self.direction[i])
        return self.projected_step(decrement) or self.line_search(decrement)

    cdef bint projected_step(self, double decrement) noexcept:
        """Follow the Newton direction, each coordinate to its next level at most: many land at once.

        Kept if several land and F falls by as much as on the way to the first landing; true then.
        """
        cdef int i, landing = 0
        cdef double first = 1.0, change
        for i in range(self.m):
            if self.reach[i] < 1.0:
                landing += 1
                first = min(first, self.reach[i])
        if landing < 2 or not self.convex:
            return False
        for i in range(self.m):
            self.work[i] = min(1.0, self.reach[i]) * self.direction[i]
        change = dot(self.m, self.work, self.gradient)
        dtrmv(b"L", b"T", b"N", &self.m, &self.L[0, 0], &self.stride, self.work, &self.inc)
        change += 0.5 * dot(self.m, self.work, self.work)
        if not change <= -decrement * first * (1.0 - 0.5 * first):
            return False
        dtrmv(b"L", b"N", b"N", &self.m, &self.L[0, 0], &self.stride, self.work, &self.inc)
        for i in range(self.m):
            self.smooth[i] += self.work[i]
            self.shift(
                self.free[i], min(1.0, self.reach[i]) * self.direction[i], self.reach[i] < 1.0,
                self.direction[i],
            )  # fmt: skip
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
            self.shift(self.free[i], t * self.direction[i], i == best, self.direction[i])
            self.smooth[i] -= t * self.gradient[i]
        for i in range(self.m - 1, -1, -1):
            if not self.is_free(self.free[i]):
                self.delete(i)
                met = True
        return met

    # -- more free columns than a factor is worth ---------------------------------------------------

    cdef double conjugate_gradients(self) except -1.0:
        """Conjugate gradients until the free coordinates are stationary in their cells; returns epochs.

        They are scaled by the norms of the columns.  Where a coordinate would leave its cell it lands on
        the level, and conjugation starts anew.
        """
        cdef int i, f, m = 0, step
        cdef double epochs = 0.0, product, before = INFINITY, curved, size, t, first
        cdef bint stationary
        for i in range(self.n_watched):
            f = self.watched[i]
            if self.is_free(f) and self.curvature[f] > 0.0:
                self.active[m] = f
                m += 1
        cdef double[::1] vectors = np.zeros(3 * m + 1)
        cdef double* gradient = &vectors[0]
        cdef double* direction = gradient + m
        cdef double* change = direction + m
        for step in range(CONJUGATE_STEPS):
            stationary, product = True, 0.0
            for i in range(m):
                f = self.active[i]
                gradient[i] = -self.dot(f, self.r, self.mean_of_r) + self.slope(f)
                stationary = stationary and fabs(gradient[i]) <= 0.25 * max(self.slack[f], 1e-300)
                product += gradient[i] * gradient[i] / self.curvature[f]
            epochs += 0.5 * m / self.p
            if stationary:
                break
            size = 0.0
            for i in range(m):
                f = self.active[i]
                direction[i] = product / before * direction[i] - gradient[i] / self.curvature[f]
                size += self.curvature[f] * direction[i] * direction[i]
            before = product
            self.image(direction, m)
            curved = dot(self.n, self.column, self.column)
            epochs += 0.5 * m / self.p
            # Along a null direction the objective falls until one lands.
            t = product / curved if curved > DEPENDENT * size else INFINITY
            first = self.clipped(direction, m, t, change)
            if t == INFINITY:
                if first == INFINITY:
                    break
                t = first
                self.clipped(direction, m, t, change)
            if first <= t:
                epochs += 0.5 * m / self.p
                m = self.land(gradient, direction, change, m, t)
                before = INFINITY
                continue
            for i in range(m):
                self.w[self.active[i]] += change[i]
            add(self.n, -t, self.column, self.r)
        return epochs

    cdef void image(self, const double* change, int m) noexcept:
        """`column` becomes what A makes of a change of the first m active coordinates."""
        cdef int i
        for i in range(self.n):
            self.column[i] = 0.0
        for i in range(m):
            self.add_to(self.column, self.active[i], change[i])
        self.centre(self.column)

    cdef double clipped(self, const double* direction, int m, double t, double* change) noexcept:
        """`change` of the first m active coordinates up to t, each to its next level at most.

        Returns when the first of them would land, were it later than t or not.
        """
        cdef int i
        cdef double landing, first = INFINITY
        for i in range(m):
            landing = self.time_to_land(self.active[i], direction[i])
            change[i] = min(t, landing) * direction[i]
            first = min(first, landing)
        return first

    cdef int land(self, const double* gradient, double* direction, double* change, int m, double t) noexcept:
        """Make the clipped `change`, or the part up to the first landing if all does not lower the objective.

        The landed leave the first m active coordinates, in `direction` too; returns how many are left.
        """
        cdef int i, f, left = 0
        cdef double fall = dot(m, gradient, change)
        self.image(change, m)
        fall += 0.5 * dot(self.n, self.column, self.column)
        if not fall < 0.0:
            t = self.clipped(direction, m, t, change)
            self.clipped(direction, m, t, change)
            self.image(change, m)
        add(self.n, -1.0, self.column, self.r)
        for i in range(m):
            f = self.active[i]
            self.shift(f, change[i], self.time_to_land(f, direction[i]) <= t, direction[i])
            if self.is_free(f):
                self.active[left] = f
                direction[left] = 0.0
                left += 1
        return left
