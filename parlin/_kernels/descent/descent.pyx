# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
r"""Coordinate descent and active-set Newton for least squares with any piecewise-affine penalty.

Minimises  ½ ‖b − A w‖² + Σ_j ω_j ψ(w_j), where the columns of A are the stored ones less their means,
each row times the root √s of its sample weight (`columns.pxd`).

Rounds are repeated until no coordinate violates its optimality condition: screening for those that may
(`screening.pxd`), epochs of exact updates of those that do (`iterate.pxd`), and Newton steps on the free
coordinates, whose columns are in a factor (`free_set.pxd`, `factor.pxd`, `newton.pxd`).  Of sparse columns
more can be free than a dense factor is worth: then conjugate gradients take Newton's place
(`conjugate.pxd`).
"""

cimport cython
from libc.math cimport INFINITY, fabs, sqrt

from parlin._kernels.descent.columns cimport Columns, pause_now_and_then
from parlin._kernels.descent.conjugate cimport conjugate_gradients
from parlin._kernels.descent.factor cimport DEPENDENT, DOUBTFUL, Factor, Projection
from parlin._kernels.descent.free_set cimport count_free, lacks_columns, synchronise
from parlin._kernels.descent.iterate cimport Iterate, free_at, refresh, update
from parlin._kernels.descent.newton cimport Newton, newton
from parlin._kernels.descent.penalty cimport Penalty, locate, set_strength
from parlin._kernels.descent.screening cimport Screen, activate, set_radius, set_reference
from parlin._kernels.descent.workspace cimport Workspace, release_memory
from parlin._kernels.signals cimport handle_signals
from parlin._kernels.vectors cimport copy, dot

import numpy as np

cdef extern from *:
    """
    /* A residual is computed anew where what was added to it, or its slack, is so many times the sizes of w. */
    #define PARLIN_FAR 8.0
    """
    const double FAR "PARLIN_FAR"

cdef enum:
    # How often a solution is made to have at most rank(A) free coordinates, and solved again.
    MAX_REDUCTIONS = 5
    # How often the residual is computed anew because the iterate has shrunk, or moved too far.
    MAX_RENEWALS = 10


# Of the factor in NumPy, `parlin.factor`, too.
dependent, doubtful = DEPENDENT, DOUBTFUL


@cython.final
cdef class Descent:
    """The iterate of one problem, and everything that is kept from one call of `follow` to the next.

    Belongs to one solve: only one thread may use it at a time.  `follow` runs without the GIL, and handles
    signals (that of Ctrl-C, say) in between: the exception of a handler leaves it in no state to go on from.

    Parameters
    ----------
    columns : tuple
        ``(stored, means, roots, norms, raw_norms, uniform, centred)``: a dense (n, p) array in Fortran
        order or a CSC triple (data, indices, indptr), an entry a column, zeros unless `centred`, √s for
        each row, all equal if `uniform`, the norms of A's columns and of the stored ones.
    penalty : tuple
        ``(omega, levels, slopes, table, step)``: the penalty weights, None for ones, ψ, and a nonconvex
        ψ's prox table (thresholds, shifts, lower, upper) of this step, otherwise None.
    target : array of shape (n,)
        b.
    y_norm : float
        The norm of the targets before they were centred: the scale of rounding errors.
    w : array of shape (p,)
        The start, which the kernel moves where it is.
    newton_limit : int
        More free coordinates than this get conjugate gradients.
    """

    cdef Columns columns
    cdef Penalty penalty
    cdef Iterate at
    cdef Factor factor
    cdef Projection projection
    cdef Screen screen
    cdef Newton step
    cdef Workspace workspace
    cdef double work                     # see `Columns`
    cdef int newton_limit
    cdef int* entering                   # columns that are about to join the factor
    cdef double y_norm
    cdef double tight, rounding, sizes   # what the slack of the last strength is made of
    cdef const double* target
    cdef const double* raw_norms
    cdef readonly bint optimal           # the last call left no violation
    cdef readonly bint conjugated        # it used conjugate gradients
    # The arrays that are pointed to.
    cdef tuple borrowed
    cdef double[::1, :] L
    cdef double[::1] reals
    cdef int[::1] integers

    def __cinit__(
        self, tuple columns, tuple penalty, const double[::1] target, double y_norm, double[::1] w,
        int newton_limit,
    ):  # fmt: skip
        cdef int j
        self.borrowed = columns, penalty, target, w
        self.target, self.y_norm, self.newton_limit = &target[0], y_norm, newton_limit
        self._set_columns(columns, w.shape[0])
        if target.shape[0] != self.columns.n:
            raise ValueError("target must have an entry for each row")
        self._allocate(penalty[1].shape[0])
        self._set_penalty(penalty)
        self.at.w, self.at.at_zero = &w[0], dot(self.columns.n, self.target, self.target)
        for j in range(self.columns.p):
            if j > 0 and self.at.w[j] == self.at.w[j - 1]:  # as neighbours at a level often are
                self.at.place[j] = self.at.place[j - 1]
            else:
                self.at.place[j] = locate(&self.penalty, self.at.w[j])
            self.columns.curvature[j] = self.columns.norms[j] * self.columns.norms[j]
            self.factor.slot[j] = -1

    def __dealloc__(self):
        release_memory(&self.workspace)

    cdef _set_columns(self, tuple columns, Py_ssize_t p):
        cdef const double[::1, :] dense
        cdef const double[::1] data, means, roots, norms, raw_norms
        cdef const int[::1] indices, indptr
        cdef bint uniform, fits
        cdef Columns* A = &self.columns
        stored, means, roots, norms, raw_norms, uniform, A.centred = columns
        cdef Py_ssize_t n = roots.shape[0]
        A.sparse = isinstance(stored, tuple)
        if A.sparse:
            data, indices, indptr = stored
            fits = indptr.shape[0] == p + 1
            A.data, A.indices, A.indptr = &data[0], &indices[0], &indptr[0]
        else:
            dense = stored
            fits = dense.shape[0] == n and dense.shape[1] == p
            A.dense = &dense[0, 0]
        if not fits or not means.shape[0] == norms.shape[0] == raw_norms.shape[0] == p:
            raise ValueError("columns must fit w and roots, and means and norms have an entry for each of w")
        A.n, A.p, A.work = n, p, &self.work
        A.root = roots[0] if uniform else 0.0
        A.means, A.roots, A.norms, self.raw_norms = &means[0], &roots[0], &norms[0], &raw_norms[0]

    cdef _set_penalty(self, tuple penalty):
        cdef const double[::1] omega, levels, slopes, thresholds, shifts, lower, upper
        cdef Penalty* psi = &self.penalty
        omega, levels, slopes, table, psi.step = penalty
        if omega is not None:
            if omega.shape[0] != self.columns.p:
                raise ValueError("omega must have an entry for each of w")
            psi.omega = &omega[0]
        if slopes.shape[0] != levels.shape[0] + 1:
            raise ValueError("slopes must have one entry more than levels")
        psi.n_levels, psi.levels, psi.unit_slopes = levels.shape[0], &levels[0], &slopes[0]
        psi.convex = table is None
        if not psi.convex:
            thresholds, shifts, lower, upper = table
            if not shifts.shape[0] == lower.shape[0] == upper.shape[0] == thresholds.shape[0] + 1:
                raise ValueError("a prox table has one more piece than thresholds")
            psi.n_thresholds, psi.thresholds = thresholds.shape[0], &thresholds[0]
            psi.shifts, psi.lower, psi.upper = &shifts[0], &lower[0], &upper[0]

    cdef _allocate(self, Py_ssize_t n_levels):
        """Lay the vectors out in one array of integers and one of reals, zero at first."""
        cdef Py_ssize_t n = self.columns.n, p = self.columns.p, j
        # Centred columns sum to zero, which leaves one row less.
        cdef Py_ssize_t rank = min(max(n - self.columns.centred, 1), p)
        # No more free columns are in the factor than get Newton steps, and one that depends on them.
        cdef Py_ssize_t size = min(rank, self.newton_limit) + 1
        cdef double* ones
        self.integers = np.zeros(5 * p + 2 * size, dtype=np.intc)
        self.at.place = &self.integers[0]
        self.screen.candidates = self.at.place + p
        self.screen.working_set = self.screen.candidates + p
        self.entering = self.screen.working_set + p
        self.factor.slot = self.entering + p
        self.factor.free = self.factor.slot + p
        self.step.members = self.factor.free + size
        self.reals = np.zeros(10 * size + 3 * n + 5 * p + n_levels + 1)
        self.factor.loss_gradient = &self.reals[0]
        self.step.gradient = self.factor.loss_gradient + size
        self.step.direction = self.step.gradient + size
        self.step.reach = self.step.direction + size
        self.step.before = self.step.reach + size
        self.step.image = self.step.before + size
        self.step.entry = self.step.image + size
        self.projection.coordinates = self.step.entry + size
        self.projection.x = self.projection.coordinates + size
        self.projection.correction = self.projection.x + size
        self.projection.remainder = self.projection.correction + size
        self.at.r = self.projection.remainder + n
        self.screen.reference_residual = self.at.r + n
        self.screen.reference_gradient = self.screen.reference_residual + n
        self.screen.screening_radius = self.screen.reference_gradient + p
        self.screen.slack = self.screen.screening_radius + p
        self.columns.curvature = self.screen.slack + p
        ones = self.columns.curvature + p
        self.penalty.slopes = ones + p
        for j in range(p):
            ones[j] = 1.0
        self.penalty.omega = ones
        self.L = np.empty((size, size), order="F")
        self.factor.L, self.factor.stride, self.factor.capacity = &self.L[0, 0], size, rank

    def point(self):
        """The present w: a copy."""
        w = np.empty(self.columns.p)
        cdef double[::1] target = w
        copy(self.columns.p, 1.0, self.at.w, &target[0])
        return w

    def follow(
        self, const double[::1] strengths, const double[::1] gradient, double loose, double tight,
        double rounding, budget,
    ):  # fmt: skip
        """Descend until no coordinate violates its condition by more than its slack; returns the epochs used.

        The penalty is multiplied by one of the strengths after the other.  `gradient` is the loss's at the
        present w.  One epoch is the work of one update of every column.  Slack is ``loose ‖A_j‖`` but at the
        last strength, where it is ``tight ‖A_j‖`` or, if larger, the multiple `rounding` of
        ``‖A_j‖ (‖y‖ + Σ_k ‖A_k‖_raw |w_k|) + ‖A_j‖_raw ‖r‖``.  `budget` is a
        `parlin.solvers.coordinate_descent.Budget`.
        """
        cdef int j, k, last = strengths.shape[0] - 1
        cdef int loose_epochs, loose_rounds, max_epochs, max_rounds
        cdef double epochs = 0.0, most
        if gradient.shape[0] != self.columns.p or last < 0:
            raise ValueError("there must be a strength, and gradient must have an entry for each of w")
        loose_epochs, loose_rounds, max_epochs, max_rounds, most = budget
        with nogil:
            refresh(&self.at, &self.columns, self.target)
            set_reference(&self.screen, &self.at, &self.columns, &gradient[0])
            self.sizes, self.conjugated = INFINITY, False
            for k in range(last):
                for j in range(self.columns.p):
                    self.screen.slack[j] = loose * self.columns.norms[j]
                epochs += self.descend(strengths[k], loose_epochs, loose_rounds, most)
            if last > 0:
                refresh(&self.at, &self.columns, self.target)
            self.tight, self.rounding = tight, rounding
            self.tighten()
            epochs += self.descend(strengths[last], max_epochs, max_rounds, most)
        return epochs

    cdef void tighten(self) noexcept nogil:
        """The slack of the last strength, at the present w."""
        cdef int j
        cdef double r_norm = sqrt(dot(self.columns.n, self.at.r, self.at.r))
        self.sizes = self.sizes_of_sums()
        for j in range(self.columns.p):
            self.screen.slack[j] = max(
                self.tight * self.columns.norms[j],
                self.rounding * (self.columns.norms[j] * self.sizes + self.raw_norms[j] * r_norm),
            )

    cdef double sizes_of_sums(self) noexcept nogil:
        """``‖y‖ + Σ_k ‖A_k‖_raw |w_k|``, to which the rounding errors of a residual of w are in proportion."""
        cdef int j
        cdef double sizes = self.y_norm
        for j in range(self.columns.p):
            sizes += self.raw_norms[j] * fabs(self.at.w[j])
        return sizes

    cdef int renew(self) except -1 nogil:
        """Compute the residual anew, and the slack, if errors of an iterate far away may be in them."""
        cdef int j
        cdef double sizes = self.sizes_of_sums()
        if self.sizes == INFINITY or (self.sizes <= FAR * sizes and self.at.moved <= FAR * sizes):
            return False
        refresh(&self.at, &self.columns, self.target)
        self.tighten()
        for j in range(self.columns.p):  # of a gradient with those errors: none is excused
            self.screen.screening_radius[j] = -INFINITY
        return True

    cdef double descend(self, double strength, int max_epochs, int max_rounds, double most) except -1.0 nogil:
        """Rounds at one strength; returns the epochs used."""
        cdef Columns* A = &self.columns
        cdef Penalty* psi = &self.penalty
        cdef Factor* factor = &self.factor
        cdef Screen* screen = &self.screen
        cdef Iterate* at = &self.at
        cdef int j, round_, reductions = 0, renewals = 0
        cdef bint has_factor = factor.capacity <= self.newton_limit, strict = True
        cdef double epochs = 0.0
        self.optimal = False
        set_strength(psi, strength)
        for j in range(A.p):
            set_radius(screen, at, A, psi, factor, j)
        for round_ in range(max_rounds):
            if epochs > most:
                break
            strict = strict or factor.needs_refactor
            if activate(screen, at, A, psi, factor, strict, &epochs) == 0:
                if has_factor and reductions < MAX_REDUCTIONS and lacks_columns(screen, at, A, psi, factor):
                    # Those of the free that depend on others can land without a change of Aw.
                    self.follow_places()
                    reductions += 1
                    strict = False
                    continue
                if renewals < MAX_RENEWALS and self.renew():
                    renewals += 1
                    strict = True
                    continue
                self.optimal = True
                break
            strict = False
            handle_signals()
            epochs += epochs_of_updates(screen, at, A, psi, max_epochs)
            if count_free(screen, at, psi) <= self.newton_limit:
                self.follow_places()
                epochs += newton(&self.step, factor, at, A, psi, screen.slack)
            elif psi.convex:
                # What was in the factor is as far from stationary as the rest.
                factor.needs_refactor = self.conjugated = True
                epochs += conjugate_gradients(
                    at, A, psi, screen, self.projection.remainder, &self.workspace
                )
        if not self.optimal and has_factor and psi.convex:
            self.follow_places()  # also where work ends early, no more are free than the rank
        return epochs

    cdef int follow_places(self) except -1 nogil:
        """`synchronise` the factor with the places."""
        return synchronise(
            &self.factor, &self.screen, &self.at, &self.columns, &self.penalty, &self.projection,
            self.entering, &self.workspace,
        )  # fmt: skip


cdef double epochs_of_updates(
    Screen* screen, Iterate* at, const Columns* A, const Penalty* psi, int max_epochs
) except -1.0 nogil:
    """Update the working set until no coordinate changes its place, the busy ones more often.

    After all of them those that moved or are free are updated alone, until none changes its place;
    then all again.  Returns the epochs used.
    """
    cdef int i, j, moved, kept, size, busy = 0
    cdef long visits = 0
    cdef bint everyone = True
    cdef double before, entries = 0.0
    while visits < <long>max_epochs * screen.n_working:
        moved = kept = 0
        size = screen.n_working if everyone else busy
        for i in range(size):
            j = screen.working_set[i]
            before = at.w[j]
            pause_now_and_then(A, j, &entries)
            moved += update(at, A, psi, j)
            if at.w[j] != before or free_at(at, psi, j):
                screen.working_set[i] = screen.working_set[kept]
                screen.working_set[kept] = j
                kept += 1
        visits += size
        busy = kept
        if moved == 0 and everyone:
            break
        everyone = moved == 0
    return <double>visits / A.p
