r"""The one loop: a solver runs on a problem until `check_point` or the budget ends it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, NamedTuple

import numpy as np

from parlin._cached import cached_property
from parlin._types import FloatArray
from parlin.certificates.certificate import Certificate, complete, not_finite
from parlin.certificates.stopping import StoppingCheck, check_point
from parlin.penalty import PAR
from parlin.problem import Problem
from parlin.solvers import CoordinateDescent, ProximalGradient, SemismoothNewton
from parlin.solvers.base import Solver, State

Callback = Callable[[int, State, Certificate], bool | None]
RelativeTo = Literal["gradient", "slopes"]

# A solver with more passes than this between checks is not checked at a default start.
_SELDOM = 10.0


class Status(Enum):
    """Why a run ended, as a sentence."""

    CONVERGED = "the residual is below the tolerance"
    ROUNDING = (
        "the residual is within the rounding errors of the gradient, which here are larger than the "
        "tolerance: no float64 computation can do better"
    )
    COMPLETED = (
        "the run ended where it was told to: by its schedule or its epochs, by its budget with tol=None, or "
        "by the callback"
    )
    MAX_ITER = (
        "the budget of iterations or passes ended before the tolerance was reached; raise max_iter, "
        "loosen tol, or try another solver"
    )
    STALLED = (
        "the iterate repeats itself bit for bit above the tolerance; the data are badly scaled or the "
        "tolerance is below what float64 allows"
    )
    NOT_FINITE = (
        "an iterate is infinite or NaN; the step size or rho may be too extreme, or the data overflow"
    )

    @property
    def is_success(self) -> bool:
        """Whether the point counts as certified."""
        return self in (Status.CONVERGED, Status.ROUNDING)


class Stopping(NamedTuple):
    """When a run ends; the fields are those of `parlin.solve`."""

    tol: float | None = 1e-8
    relative_to: RelativeTo = "gradient"
    max_iter: int = 100_000
    max_passes: float = math.inf
    check_passes: float | None = None
    callback: Callback | None = None


@dataclass(frozen=True)
class Record:
    """One line of a run's history: the numbers of the check that decided whether to go on."""

    iteration: int
    passes: float
    seconds: float
    objective: float
    residual: float
    strict_residual: float
    quantization_rate: float


@dataclass(frozen=True)
class Result:
    """What a run ended with: the point, why it ended, and the certificate of that very point.

    A result owns all that its certificate is made of: it neither changes with the data nor keeps them.

    Attributes
    ----------
    w : ndarray of shape (d,)
    status : Status
    n_iter : int
        All iterations, those that found the default start included, and those of a run that was resumed.
    passes : float
        All passes over the data that solvers made; those of checks and certificates are not counted.
    seconds : float
        Wall time of the whole call.
    certificate : Certificate
        All that `certify` can prove about the point.
    history : tuple of Record
        A record for every check of the run; the last one is of the returned point.
    penalty : PAR
        The penalty that the certificate is about: that of the problem, unless the solver found its levels
        anew.
    state : dict or None
        Of a stochastic solver: ``solve(problem, solver, state=result.state)`` goes on bit for bit as if the
        run had never ended.  Plain data that can be pickled, for this version of parlin alone.
    """

    w: FloatArray
    status: Status
    n_iter: int
    passes: float
    seconds: float
    _earlier: tuple[Record, ...]
    _check: StoppingCheck | Certificate  # the second where the point is not finite, and after pickling
    penalty: PAR
    state: dict[str, Any] | None = None

    @cached_property
    def certificate(self) -> Certificate:
        """All that `certify` can prove about the point, made when it is first asked for."""
        return complete(self._check) if isinstance(self._check, StoppingCheck) else self._check

    @property
    def history(self) -> tuple[Record, ...]:
        """A record for every check of the run; the last one is of the returned point."""
        c = self.certificate
        numbers = c.objective, c.residual, c.strict_residual, c.quantization_rate
        return (*self._earlier, Record(self.n_iter, self.passes, self.seconds, *numbers))

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_check": self.certificate}

    def __repr__(self) -> str:
        c = self.certificate
        return (
            f"Result({self.status.name}, n_iter={self.n_iter}, objective={c.objective:.6g}, "
            f"residual={c.residual:.2g}, quantized {c.on_level} of {c.size})"
        )


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


class _Checked(NamedTuple):
    """A point that was checked, and the problem that it was checked for."""

    w: FloatArray
    check: StoppingCheck
    problem: Problem

    @property
    def rank(self) -> float:
        """The objective, the penalty counted from its minimum, which is comparable between penalties."""
        separable = self.problem.separable
        return self.check.objective - separable.value(separable.start)


def run(
    problem: Problem, solver: Solver | Literal["auto"], start: Start, stopping: Stopping, begin: float
) -> Outcome:
    """Iterate until `stopping` says so; `begin` is the clock's reading that seconds are counted from."""
    # Whether another solver may still take over where this one stalls.
    successor = False
    if solver == "auto":
        solver = automatic_solver(problem)
        successor = isinstance(solver, CoordinateDescent) and problem.penalty.shape == "convex"
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
        best = _checked(problem, state.best_penalty, state.best, tol)
    # A default start is rarely a solution, and the first step of such a solver tells as much as a check.
    next_check = between if start.is_default and between > _SELDOM else 0.0
    if start.saved is not None:
        next_check = start.saved["next_check"]
    iteration = 0
    while True:
        exhausted = iteration >= stopping.max_iter or state.passes >= stopping.max_passes
        due = state.done or state.passes >= next_check
        if exhausted or due:
            found = _checked(problem, state.penalty, state.w.copy(), tol)
            w, check = found.w, found.check
            n_iter = start.n_iter + iteration
            stop = callback is not None and bool(
                callback(n_iter, state, certificate_of(found.problem, w, check))
            )
            status = _status(check, stopping, exhausted, state, stop)
            saved_best = state.best, state.best_penalty
            if state.keeps_best and (best is None or found.rank < best.rank):
                best, state.best, state.best_penalty = found, w, state.penalty
            if status is Status.STALLED and successor:
                successor, passes = False, state.passes
                solver = SemismoothNewton()
                between = _between(solver, stopping)
                state = solver.init(problem, state.w)
                state.passes += passes
            elif status is not None:
                if best is not None and status is not Status.NOT_FINITE and not status.is_success:
                    found = best
                if not due:  # what a run that goes on would not have seen
                    state.best, state.best_penalty = saved_best
                saved = state.saved(solver)
                if saved is not None:
                    saved |= {"n_iter": n_iter, "next_check": state.passes + between if due else next_check}
                counts = n_iter, state.passes
                # The array of the check is the certificate's own.
                return Outcome(
                    found.w.copy(), status, *counts, tuple(history), found.check, found.problem, saved
                )
            history.append(_record(found.problem, n_iter, state, check, time.perf_counter() - begin))
            next_check = state.passes + between
        state = solver.step(problem, state)
        iteration += 1


def _checked(problem: Problem, penalty: PAR | None, w: FloatArray, tol: float | None) -> _Checked:
    if penalty is not None:
        problem = problem.with_penalty(penalty)
    return _Checked(w, check_point(problem, w, 1e-8 if tol is None else tol), problem)


def certificate_of(problem: Problem, w: FloatArray, check: StoppingCheck) -> Certificate:
    """The certificate of a point that was checked."""
    if check.point is None:
        return not_finite(problem, w)
    check.point.read_data(problem)
    return complete(check)


def _between(solver: Solver, stopping: Stopping) -> float:
    return solver.check_passes if stopping.check_passes is None else stopping.check_passes


def _record(problem: Problem, n_iter: int, state: State, check: StoppingCheck, seconds: float) -> Record:
    size = problem.separable.n_penalised
    rate = int(np.count_nonzero(problem.on_level(state.w))) / size if size else 1.0
    return Record(n_iter, state.passes, seconds, check.objective, check.residual, check.strict_residual, rate)


def _status(
    check: StoppingCheck, stopping: Stopping, exhausted: bool, state: State, stop: bool
) -> Status | None:
    """Why to stop here, or None to go on."""
    if check.point is None:
        return Status.NOT_FINITE
    tol, slopes = stopping.tol, stopping.relative_to == "slopes"
    if tol is not None and check.residual <= tol:
        if check.strict_residual <= tol and (not slopes or check.point.meets_slopes(tol, rounding=False)):
            return Status.CONVERGED
        if not slopes or check.point.meets_slopes(tol, rounding=True):
            return Status.ROUNDING
    if stop or state.ended or (tol is None and exhausted):
        return Status.COMPLETED
    if exhausted:
        return Status.MAX_ITER
    if state.done and tol is not None:
        return Status.STALLED
    return None


def automatic_solver(problem: Problem) -> Solver:
    """Coordinate descent where it applies; otherwise semismooth Newton, or proximal gradient if nonconvex.

    Coordinate descent needs the compiled kernels and a quadratic loss.  The rule follows the table of
    solvers in ``benchmarks/README.md``.
    """
    if CoordinateDescent().unsupported(problem) is None:
        return CoordinateDescent()
    return SemismoothNewton() if problem.penalty.shape == "convex" else ProximalGradient()
