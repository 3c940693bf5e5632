r"""Exact coordinate descent and active-set Newton: compiled, for quadratic losses.

One step is one call of the kernel `parlin._kernels.descent`, whose docstring says how it descends: in
rounds that begin with a look at the coordinates that may violate the optimality condition.  A cold
start follows the strength down from the one that quantizes everything, so that few coordinates are
free at any time.  Looking at violators first is the way of celer and skglm (Massias et al. 2018,
Bertrand et al. 2022), the exact steps on kinks and the rank property are theory 3.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from parlin._kernels import Descent
from parlin._threads import MANY_ENTRIES, steady_blas
from parlin.losses.least_squares import ROUNDING
from parlin.problem import Problem
from parlin.solvers.base import FloatArray, State

# BLAS takes one thread for the factors of so small a design by itself.
_ONE_THREAD = 32
# An intermediate strength is solved to this fraction of the gradient at 0.
_LOOSE = 0.1
# The last one to this fraction of the gradient at 0, or of the bound on rounding errors.
_TIGHT, _SMALL_ERRORS = 1e-14, 0.125
# On sparse columns an epoch is cheap and a dense factor is not: at first more free columns than this get
# conjugate gradients.  Where those take many epochs without an end, so many times more columns get Newton
# steps from then on, up to the number whose factor takes half a gigabyte.
_SPARSE_NEWTON, _MORE_NEWTON, _MOST_NEWTON = 1000, 4, 8000
_MANY_EPOCHS = 100
# Steps in a row that do not lower the objective.
_MAX_STUCK = 5


class Budget(NamedTuple):
    """The work of one call of the kernel."""

    loose_epochs: int  # a round at an intermediate strength
    loose_rounds: int
    epochs: int  # a round at the last one
    rounds: int
    most: float = 300.0  # epochs at one strength after which no round begins, so that progress can be judged


class _Pace(NamedTuple):
    ratio: float  # of the cold start's first strength to the largest useful one, and from each to the next
    budget: Budget


_USUAL = _Pace(0.2, Budget(6, 10, 20, 60))
# With as many rows as columns, reading a column costs more than a Newton step: fewer updates, more steps.
_TALL = _Pace(0.1, Budget(4, 10, 4, 60))


@dataclass(frozen=True)
class CoordinateDescent:
    """Coordinate descent and Newton steps; at most rank(X) coordinates end off the levels.

    Convex penalties: every update is the exact minimiser in its coordinate.  Nonconvex ones: one
    proximal step, with Newton inside the cells.  Coordinates of zero columns, which nothing moves, are not
    counted, and a start that is a solution already is left as it is; `parlin.purify` moves them to a level
    too.  Needs the compiled kernels.
    """

    # A certificate costs little after a step, which begins with the same pass.
    check_passes: ClassVar[float] = 12.0

    def unsupported(self, problem: Problem) -> str | None:
        if Descent is None:
            return (
                "coordinate descent needs the compiled kernels; reinstall parlin where a C compiler is found"
            )
        if not problem.loss.quadratic:
            return "coordinate descent keeps a residual, which needs a quadratic loss"
        if not problem.loss.design.is_countable:
            return "coordinate descent counts rows and entries with 32 bits, and the design has more"
        return None

    def init(self, problem: Problem, w0: FloatArray) -> _State:
        w = problem.clip(w0)
        cold = w.tobytes() == problem.start().tobytes()
        # Without a signal (y = 0, say) the start is stationary to the last bit, and stays the answer.
        done = not problem.loss.gradient_unit and not problem.violation(problem.loss.gradient(w), w).any()
        limit = _SPARSE_NEWTON if problem.loss.design.is_sparse else w.size
        strengths = _strengths(problem) if cold else (1.0,)
        return _State(w, 0.0, done, _kernel(problem, w.copy(), limit), strengths, math.inf, 0, limit)

    def step(self, problem: Problem, state: _State) -> _State:
        if min(problem.loss.design.shape) <= _ONE_THREAD:
            return _step(problem, state)
        with steady_blas(MANY_ENTRIES):
            return _step(problem, state)


@dataclass
class _State(State):
    kernel: Descent  # it moves its own copy of the iterate
    strengths: tuple[float, ...]  # still to be solved; the last is 1
    objective: float
    stuck: int  # steps in a row that did not lower it
    newton_limit: int  # more free coordinates get conjugate gradients


def _pace(problem: Problem) -> _Pace:
    n, d = problem.loss.design.shape
    return _TALL if n >= d and not problem.loss.design.is_sparse else _USUAL


def _strengths(problem: Problem) -> tuple[float, ...]:
    """Multiples of the penalty from a little below the one that quantizes everything down to 1."""
    top = problem.strength_max() if problem.penalty.shape == "convex" else 1.0
    ratio = _pace(problem).ratio
    if not math.isfinite(top) or top * ratio <= 1.0:
        return (1.0,)
    count = math.ceil(math.log(top * ratio) / -math.log(ratio))
    return (*(top * ratio ** (k + 1) for k in range(count)), 1.0)


def _kernel(problem: Problem, w: FloatArray, newton_limit: int) -> Descent:
    """The kernel of the problem, which will move `w`."""
    design, penalty = problem.loss.design, problem.penalty
    step, table = 1.0, None
    if penalty.shape != "convex":
        step = _table_step(problem)
        table = penalty.table(step)[:4]
    return Descent(
        (
            design.by_columns, design.centres, design.root_weights, design.column_norms, design.raw_norms,
            design.sample_weight is None, design.centre,
        ),
        (problem.penalty_weights, penalty.levels, penalty.slopes, table, step),
        design.embed(problem.loss.target), problem.loss.y_norm, w, newton_limit,
    )  # fmt: skip


def _table_step(problem: Problem) -> float:
    """The largest ``t`` with ``t / ω_j <= 1 / ‖X_j‖²`` for all penalised j: one prox table serves all."""
    curvature = problem.loss.coordinate_lipschitz
    seen = problem.penalised & (curvature > 0)
    if not seen.any():
        return 1.0
    weights = np.ones(problem.size) if problem.penalty_weights is None else problem.penalty_weights
    return float(np.min(weights[seen] / curvature[seen]))


def _step(problem: Problem, state: _State) -> _State:
    kernel, loss = state.kernel, problem.loss
    # Where the gradient at 0 vanishes (y = 0), that at the start tells what is large.
    unit = loss.gradient_unit or float(np.max(np.abs(loss.gradient(problem.start()))))
    epochs = kernel.follow(
        np.array(state.strengths), loss.gradient(state.w), _LOOSE * unit, _TIGHT * loss.gradient_unit,
        _SMALL_ERRORS * ROUNDING, _pace(problem).budget,
    )  # fmt: skip
    w = kernel.point()
    passes = state.passes + 0.5 + epochs
    limit = state.newton_limit
    if kernel.optimal or w.tobytes() == state.w.tobytes():
        return _State(w, passes, True, kernel, (1.0,), state.objective, 0, limit)
    objective = problem.objective(w)
    stuck = 0 if objective < state.objective - 1e-15 * abs(state.objective) else state.stuck + 1
    if kernel.conjugated and epochs > _MANY_EPOCHS and limit < _MOST_NEWTON:
        limit = min(_MORE_NEWTON * limit, _MOST_NEWTON)
        kernel = _kernel(problem, w.copy(), limit)
    return _State(w, passes, stuck > _MAX_STUCK, kernel, (1.0,), objective, stuck, limit)
