r"""Working sets, exact coordinate descent and active-set Newton: compiled, for quadratic losses.

A step looks at all coordinates once, takes as working set those off the grid and the worst violators
of the optimality condition, and solves the problem restricted to it by the kernel
`parlin._kernels.descent`, whose docstring says how.  A small design is its own working set.  A cold
start follows the strength down from the one that quantizes everything, so that few coordinates are
free at any time.  The first working sets are those of celer and skglm (Massias et al. 2018, Bertrand
et al. 2022), the exact steps on kinks and the rank property are theory 3.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin._kernels import Descent
from parlin.loss import ROUNDING
from parlin.problem import Problem
from parlin.solvers.base import FloatArray, State
from parlin.threads import one_blas_thread

# Up to this many entries the whole dense design is the working set.
_SMALL_DESIGN = 200_000
# BLAS takes one thread for the vectors and factors of so small a design by itself.
_ONE_THREAD = 32
# The cold start's strengths: this fraction of the largest useful one, and from each to the next.
_STRENGTH_RATIO = 0.2
# Work of one visit to a working set, at intermediate strengths and at the last one.
_LOOSE_EPOCHS, _LOOSE_ROUNDS, _LOOSE_SLACK = 6, 10, 0.1
_EPOCHS, _ROUNDS = 20, 60
# The last strength is solved to this fraction of the gradient at 0, or of the bound on rounding errors.
_TIGHT, _SMALL_ERRORS = 1e-14, 0.125
# A working set is solved to this fraction of the largest violation at its choice.
_INNER = 0.1
# On sparse columns an epoch is cheap and a dense factor is not: more free columns get no Newton steps.
_SPARSE_NEWTON = 1000
# Stands in for a slack of zero, as of a zero column.
_TINY = 1e-300
# Up to this share of the coordinates are looked at alone.
_PARTIAL_LOOK = 0.5
# Visits in a row that lower neither the objective nor the violation.
_MAX_STUCK = 5


@dataclass(frozen=True)
class CoordinateDescent:
    """Coordinate descent and Newton on working sets; the returned point has at most rank(X) free coordinates.

    Convex penalties: every update is the exact minimiser in its coordinate.  Nonconvex ones: one
    proximal step, with Newton inside the cells.  Coordinates of zero columns, which nothing moves, are not
    counted; `parlin.purify` lands them too.  Needs the compiled kernels.
    """

    # A certificate costs little after a visit to a working set: the next visit begins with the same pass.
    check_passes: ClassVar[float] = 12.0

    def unsupported(self, problem: Problem) -> str | None:
        if Descent is None:
            return (
                "coordinate descent needs the compiled kernels; reinstall parlin where a C compiler is found"
            )
        if not problem.loss.quadratic:
            return "coordinate descent keeps a residual, which needs a quadratic loss"
        return None

    def init(self, problem: Problem, w0: FloatArray) -> _State:
        w, start = problem.clip(w0), problem.start()
        strengths = _strengths(problem) if w.tobytes() == start.tobytes() else (1.0,)
        design = problem.loss.design
        small = not design.is_sparse and design.X.size <= _SMALL_DESIGN
        everything = _Panel(problem, slice(None), w) if small else None
        # Without a signal (y = 0, say) the start is stationary to the last bit, and stays the answer.
        done = not problem.loss.gradient_unit and not problem.violation(problem.loss.gradient(w), w).any()
        return _State(w, 0.0, done, strengths, everything, None, None, math.inf, math.inf, 0)

    def step(self, problem: Problem, state: _State) -> _State:
        step = _working_set_step if state.everything is None else _small_step
        if min(problem.loss.design.shape) <= _ONE_THREAD:
            return step(problem, state)
        with one_blas_thread():
            return step(problem, state)


@dataclass
class _State(State):
    strengths: tuple[float, ...]  # still to be solved, the present one first; the last is 1
    everything: _Panel | None  # the whole design, if it is small
    factor: _Factor | None  # of the free columns, from the last working set
    survey: _Survey | None  # the last look at all coordinates
    objective: float  # before the last visit
    violation: float  # its largest, in units of the slack
    stuck: int  # visits in a row without progress


def _strengths(problem: Problem) -> tuple[float, ...]:
    """Multiples of the penalty from a little below the one that quantizes everything down to 1."""
    top = problem.strength_max() if problem.penalty.shape == "convex" else 1.0
    if not math.isfinite(top) or top * _STRENGTH_RATIO <= 1.0:
        return (1.0,)
    count = math.ceil(math.log(top * _STRENGTH_RATIO) / -math.log(_STRENGTH_RATIO))
    return (*(top * _STRENGTH_RATIO ** (k + 1) for k in range(count)), 1.0)


class _Factor(NamedTuple):
    """Some free columns, and an array that begins with the lower triangular factor of their Gram matrix."""

    columns: NDArray[np.intp]
    L: FloatArray


class _Survey(NamedTuple):
    """The gradient at some point, which tells what coordinates need not be looked at near by."""

    gradient: FloatArray
    residual: FloatArray


class _Panel:
    """The problem restricted to some columns, in the kernel's terms."""

    def __init__(self, problem: Problem, chosen: NDArray[np.intp] | slice, w: FloatArray) -> None:
        design, penalty = problem.loss.design, problem.penalty
        self.w = w[chosen].copy()
        self.residual = np.empty(design.shape[0])
        weights = problem.penalty_weights
        omega = np.ones(self.w.size) if weights is None else weights[chosen]
        step, table = 1.0, None
        if penalty.shape != "convex":
            step = _table_step(problem)
            table = penalty.table(step)[:4]
        where, root, means = None, 1.0, None
        if design.is_sparse:
            columns, means = design.sparse_columns(chosen)
        else:
            columns, where, root = design.panel(chosen)
        self.kernel = Descent(
            columns, where, root, means, self.residual, self.w, design.column_norms[chosen], omega,
            penalty.levels, penalty.slopes, table, step, self.w.size if means is None else _SPARSE_NEWTON,
        )  # fmt: skip


def _table_step(problem: Problem) -> float:
    """The largest ``t`` with ``t / ω_j <= 1 / ‖X_j‖²`` for all penalised j: one prox table serves all."""
    curvature = problem.loss.coordinate_lipschitz
    seen = problem.penalised & (curvature > 0)
    if not seen.any():
        return 1.0
    weights = np.ones(problem.size) if problem.penalty_weights is None else problem.penalty_weights
    return float(np.min(weights[seen] / curvature[seen]))


def _unit(problem: Problem) -> float:
    """`LeastSquares.gradient_unit`, or what stands in for it where the gradient at 0 vanishes (y = 0)."""
    loss = problem.loss
    return loss.gradient_unit or float(np.max(np.abs(loss.gradient(problem.start()))))


def _slack(problem: Problem, w: FloatArray) -> FloatArray:
    """Gradient entries that cannot be told from zero: the last strength is solved to them."""
    return np.maximum(_TIGHT * problem.loss.gradient_scale, _SMALL_ERRORS * problem.loss.rounding_floor(w))


def _small_step(problem: Problem, state: _State) -> _State:
    panel, loss = state.everything, problem.loss
    before = panel.w.tobytes()
    epochs = panel.kernel.follow(
        np.array(state.strengths), loss.design.embed(loss.target), loss.gradient(state.w),
        loss.design.raw_norms, loss.y_norm, _LOOSE_SLACK * _unit(problem), _TIGHT * loss.gradient_unit,
        _SMALL_ERRORS * ROUNDING, _LOOSE_EPOCHS, _LOOSE_ROUNDS, _EPOCHS, _ROUNDS,
    )  # fmt: skip
    w = panel.w.copy()
    done = panel.kernel.settled or w.tobytes() == before
    return _State(w, state.passes + 0.5 + epochs, done, (1.0,), panel, None, None, math.inf, math.inf, 0)


def _working_set_step(problem: Problem, state: _State) -> _State:
    design = problem.loss.design
    strength, last = state.strengths[0], len(state.strengths) == 1
    stage = problem if last else problem.with_penalty(problem.penalty.scaled(strength))
    w = state.w.copy()
    residual = problem.loss.residual(w)
    slack = _slack(problem, w) if last else _LOOSE_SLACK * _unit(problem) * design.column_norms
    slack = np.maximum(slack, _TINY)
    gradient, survey, share = _look(stage, w, residual, state.survey)
    violation = stage.violation(gradient, w)
    violation = np.minimum(violation / slack, 1 / _TINY)
    worst = float(violation.max())
    passes = state.passes + 0.5 + 0.5 * share
    objective = 0.5 * float(residual @ (design.weights * residual)) + stage.penalty_value(w)
    progress = objective < state.objective - 1e-15 * abs(state.objective) or worst < 0.5 * state.violation
    stuck = 0 if progress else state.stuck + 1
    if worst <= 1.0 or stuck > _MAX_STUCK:
        remaining = state.strengths if last else state.strengths[1:]
        return _State(w, passes, last, remaining, None, state.factor, survey, math.inf, math.inf, 0)
    chosen = _working_set(stage, w, violation)
    panel = _Panel(problem, chosen, w)
    # No working set is worth more precision than its complement has: a fraction of the violation now.
    inner = np.maximum(slack, _INNER * worst * slack)[chosen]
    panel.residual[:] = design.embed(residual)
    if state.factor is not None:
        place = np.searchsorted(chosen, state.factor.columns)
        panel.kernel.adopt(place.astype(np.intc), state.factor.L)
    epochs = panel.kernel.minimise(strength, inner, gradient[chosen], _EPOCHS, _ROUNDS)
    free, L = panel.kernel.factor()
    w[chosen] = panel.w
    passes += epochs * chosen.size / problem.size
    factor = _Factor(chosen[free], L)
    return _State(w, passes, False, state.strengths, None, factor, survey, objective, worst, stuck)


def _look(
    problem: Problem, w: FloatArray, residual: FloatArray, survey: _Survey | None
) -> tuple[FloatArray, _Survey, float]:
    """The gradient of the loss, the last full look at it, and the share of the entries that was looked at.

    From residual r_0 to r a gradient entry changes by at most ``‖X_j‖ ‖r − r_0‖``.  An old entry does where
    it is that far inside the present Clarke interval: the coordinate is stationary with the new one too.
    """
    loss, design = problem.loss, problem.loss.design
    if survey is not None and design.has_columns and problem.penalty.shape == "convex":
        change = residual - survey.residual
        reach = math.sqrt(float(change @ (design.weights * change))) * design.column_norms
        near = problem.excess(survey.gradient, w) + reach > 0
        chosen = np.flatnonzero(near)
        if chosen.size <= _PARTIAL_LOOK * problem.size:
            gradient = survey.gradient.copy()
            gradient[chosen] = -design.rmatvec_of(chosen, residual)
            return gradient, survey, chosen.size / problem.size
    gradient = loss.gradient(w)
    return gradient, _Survey(gradient, residual), 1.0


def _working_set(problem: Problem, w: FloatArray, violation: FloatArray) -> NDArray[np.intp]:
    """The coordinates off the grid and the worst violators."""
    priority = violation.copy()
    free = problem.unquantized(w)
    priority[free] = np.inf
    priority[problem.unpenalised] = np.inf
    n, d = problem.loss.design.shape
    # A generic solution has up to n free coordinates: a set of 2 n may hold them all at once.
    wanted = max(min(max(500, 2 * n), d // 5), 3 * (free.size + problem.unpenalised.size), 10)
    candidates = np.flatnonzero(priority > 1.0)
    if candidates.size > wanted:
        worst = np.argpartition(priority[candidates], candidates.size - wanted)[-wanted:]
        candidates = np.sort(candidates[worst])
    return candidates
