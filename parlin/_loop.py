r"""The one loop: a solver runs on a problem until the optimality rule or the budget ends it."""

from __future__ import annotations

import math
import time
from typing import Any, Literal, NamedTuple

import numpy as np

from parlin._result import Callback, Record, RelativeTo, Status
from parlin._types import FloatArray
from parlin.certificates.certificate import Certificate, complete, not_finite
from parlin.certificates.stopping import Met, StoppingCheck, check_point, downhill, how_met
from parlin.penalty import PAR
from parlin.problem import Problem
from parlin.solvers import CoordinateDescent, ProximalGradient, SemismoothNewton
from parlin.solvers.base import Solver, State

# A solver with more passes than this between checks is not checked at a default start.
_SELDOM = 10.0
# Progress is slow when, after so many passes, the second half of them has not reduced the residual to this
# fraction of what the first half left.
_SLOW_PASSES, _SLOW = 500.0, 0.1
# It is looked at again after so many times the passes, so that looking costs a run next to nothing.
_LATER = 1.2
# "auto" gives up where progress is still slow after so many, and nobody is left to take over.
_GIVES_UP = 20_000.0
# So often a run leaves a critical point by a proximal step; more of them creep.
_MOST_DOWN = 1000
# Objectives that differ by a smaller fraction of their scale are equally good.
_HIGHER = 1e-9


class Stopping(NamedTuple):
    """When a run ends; the fields are those of `parlin.solve`."""

    tol: float | None = 1e-8
    relative_to: RelativeTo = "gradient"
    max_iter: int = 100_000
    max_passes: float = math.inf
    check_passes: float | None = None
    callback: Callback | None = None


class Start(NamedTuple):
    """Where a run begins, and what it took to find out."""

    w: FloatArray | None  # None where a saved state says it
    n_iter: int = 0
    passes: float = 0.0
    is_default: bool = False
    saved: dict[str, Any] | None = None


class Outcome(NamedTuple):
    """Where a run ended; counts include those of the start."""

    w: FloatArray
    status: Status
    n_iter: int
    passes: float
    history: tuple[Record, ...]
    check: StoppingCheck
    problem: Problem  # that of the check
    saved: dict[str, Any] | None
    lower_objective: float | None


class _Checked(NamedTuple):
    """A point that was checked, and the problem that it was checked for."""

    w: FloatArray
    check: StoppingCheck
    problem: Problem

    @classmethod
    def of(cls, problem: Problem, penalty: PAR | None, w: FloatArray, tol: float | None) -> _Checked:
        if penalty is not None:
            problem = problem.with_penalty(penalty)
        return cls(w, check_point(problem, w, 1e-8 if tol is None else tol), problem)

    def is_below(self, other: _Checked | None, by: float = 0.0) -> bool:
        """Whether the objective is lower by this fraction, the penalty counted from its minimum.

        That makes it comparable between penalties.  A point that is not finite is above all others.
        """
        if self.check.point is None:
            return False
        if other is None or other.check.point is None:
            return True
        return self._height < other._height - by * self.problem.value_scale(other.check.objective)

    @property
    def _height(self) -> float:
        separable = self.problem.separable
        return self.check.objective - separable.value(separable.start)


def run(
    problem: Problem, solver: Solver | Literal["auto"], start: Start, stopping: Stopping, begin: float
) -> Outcome:
    """Iterate until `stopping` says so; `begin` is the clock's reading that seconds are counted from."""
    automatic = None
    if solver == "auto":
        solver = automatic = automatic_solver(problem)
    tol, callback = stopping.tol, stopping.callback
    between = _between(solver, stopping)
    history: list[Record] = []
    if start.saved is None:
        state = solver.init(problem, start.w)
        state.passes += start.passes
    else:
        state = solver.resume(problem, start.saved)
    best: _Checked | None = None
    if state.best is not None:
        best = _Checked.of(problem, state.best_penalty, state.best, tol)
    # A default start is rarely a solution, and the first step of such a solver tells as much as a check.
    next_check = between if start.is_default and between > _SELDOM else 0.0
    if start.saved is not None:
        next_check = start.saved["next_check"]
    iteration = steps_down = 0
    next_look = _SLOW_PASSES
    while True:
        exhausted = iteration >= stopping.max_iter or state.passes >= stopping.max_passes
        due = state.done or state.passes >= next_check
        if exhausted or due:
            found = _Checked.of(problem, state.penalty, state.w.copy(), tol)
            n_iter = start.n_iter + iteration
            stop = callback is not None and bool(
                callback(n_iter, state, certificate_of(found.problem, found.w, found.check))
            )
            status = _status(found, stopping, exhausted, state, stop)
            slow = False
            if automatic is not None and status is None and state.passes >= next_look:
                slow, next_look = _is_slow(history, found, state), _LATER * state.passes
                if slow and state.passes > _GIVES_UP:
                    status = Status.STALLED
            saved_best = state.best, state.best_penalty
            if state.final and found.is_below(best):
                best = found
                if state.draws:
                    state.best, state.best_penalty = found.w, state.penalty
            goes_on = not (state.draws or exhausted or stop or steps_down > _MOST_DOWN)
            follower = None
            if goes_on:
                follower = _follower(found, best, status, slow, solver is automatic, solver)
            elif status is not None and status.is_success and _is_higher(found, best) and not state.draws:
                # No success, since nobody goes on from the better point that was seen.
                status = Status.COMPLETED if stop else Status.MAX_ITER if exhausted else Status.STALLED
            if follower is not None:
                steps_down += follower[0] is solver
                solver, w, passes = *follower, state.passes
                between = _between(solver, stopping)
                state = solver.init(problem, start.w if w is None else w)
                state.passes += passes
            elif status is not None:
                if state.keeps_best and not status.is_success:
                    found = _lowest(found, best, None if state.draws else start.w, tol)
                if state.draws and not due:  # what a run that goes on would not have seen
                    state.best, state.best_penalty = saved_best
                saved = state.saved(solver)
                if saved is not None:
                    saved |= {"n_iter": n_iter, "next_check": state.passes + between if due else next_check}
                lower = None
                if not state.keeps_best and best is not None and best.is_below(found):
                    lower = best.check.objective
                # The array of the check is the certificate's own.
                return Outcome(
                    found.w.copy(), status, n_iter, state.passes, tuple(history), found.check, found.problem,
                    saved, lower,
                )  # fmt: skip
            history.append(_record(found.problem, n_iter, state, found.check, time.perf_counter() - begin))
            next_check = state.passes + between
        state = solver.step(problem, state)
        iteration += 1


def certificate_of(problem: Problem, w: FloatArray, check: StoppingCheck) -> Certificate:
    """The certificate of a point that was checked."""
    if check.point is None:
        return not_finite(problem, w)
    check.point.read_data(problem, check)
    return complete(check)


def _between(solver: Solver, stopping: Stopping) -> float:
    return solver.check_passes if stopping.check_passes is None else stopping.check_passes


def _record(problem: Problem, n_iter: int, state: State, check: StoppingCheck, seconds: float) -> Record:
    size = problem.separable.n_penalised
    rate = int(np.count_nonzero(problem.on_level(state.w))) / size if size else 1.0
    return Record(n_iter, state.passes, seconds, check.objective, check.residual, check.strict_residual, rate)


def _status(
    found: _Checked, stopping: Stopping, exhausted: bool, state: State, stop: bool
) -> Status | None:
    """Why to stop here, or None to go on."""
    if found.check.point is None:
        return Status.NOT_FINITE
    tol = stopping.tol
    if tol is not None:
        met = how_met(found.problem, found.check, tol, stopping.relative_to == "slopes")
        if met is not Met.NOT:
            return Status.CONVERGED if met is Met.EXACTLY else Status.ROUNDING
    if stop or state.ended or (tol is None and exhausted):
        return Status.COMPLETED
    if exhausted:
        return Status.MAX_ITER
    if state.done and tol is not None:
        return Status.STALLED
    return None


# -- who goes on, and from where --------------------------------------------------------------------


def _follower(
    found: _Checked, best: _Checked | None, status: Status | None, slow: bool, replaceable: bool,
    solver: Solver,
) -> tuple[Solver, FloatArray | None] | None:  # fmt: skip
    """The solver that goes on, and its start (None: that of the run); None where nobody takes over.

    A solver stays, but leaves by one proximal step, at a critical point of a nonconvex penalty that such a
    step leaves downhill.  Proximal gradient, whose objective falls, goes on from the best point where a
    solver has come to rest at a higher one.  A `replaceable` solver, the first of "auto", has a successor
    where it stalls, overflows or is slow.
    """
    if status in (None, Status.STALLED) and found.problem.penalty.shape != "convex":
        w = downhill(found.problem, found.check)
        if w is not None:
            return solver, w
    if status is not None and status.is_success:
        return (ProximalGradient(), best.w) if _is_higher(found, best) else None
    if replaceable and (status in (Status.STALLED, Status.NOT_FINITE) or (status is None and slow)):
        other = _other_solver(found.problem)
        if type(other) is not type(solver):
            return other, None if best is None else best.w
    return None


def _is_higher(found: _Checked, best: _Checked | None) -> bool:
    """Whether a lower point was seen before."""
    return best is not None and best is not found and best.is_below(found, by=_HIGHER)


def _lowest(found: _Checked, best: _Checked | None, start: FloatArray | None, tol: float | None) -> _Checked:
    """The best point that a run without success has seen, its start included where it is given."""
    begun = None
    if start is not None:
        begun = _Checked.of(found.problem, None, found.problem.clip(start), tol)
    for other in (best, begun):
        if other is not None and other.is_below(found):
            found = other
    return found


def _is_slow(history: list[Record], found: _Checked, state: State) -> bool:
    """Whether the second half of the passes has hardly reduced the residual."""
    early = [record.residual for record in history if record.passes <= 0.5 * state.passes]
    late = [record.residual for record in history if record.passes > 0.5 * state.passes]
    return bool(early) and min([*late, found.check.residual]) > _SLOW * min(early)


def automatic_solver(problem: Problem) -> Solver:
    """Coordinate descent where it applies; otherwise semismooth Newton, or proximal gradient if nonconvex.

    Coordinate descent needs the compiled kernels and a quadratic loss.  The rule follows the table of
    solvers in ``benchmarks/README.md``.  The others also take over where it stalls, overflows or is slow.
    """
    if CoordinateDescent().unsupported(problem) is None:
        return CoordinateDescent()
    return _other_solver(problem)


def _other_solver(problem: Problem) -> Solver:
    return SemismoothNewton() if problem.penalty.shape == "convex" else ProximalGradient()
