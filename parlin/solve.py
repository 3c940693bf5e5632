r"""The one loop: run a solver on a problem, judged by `certify` alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin.certificate import Certificate, Judgement, judge
from parlin.problem import Problem
from parlin.solvers import CoordinateDescent, ProximalGradient, SemismoothNewton
from parlin.solvers.base import Solver, State

FloatArray = NDArray[np.float64]
Callback = Callable[[int, State, Certificate], bool | None]

# The nonconvex default start follows the strength down in this many steps, each solved loosely.
_CONTINUATION_STEPS = 8
_CONTINUATION_ITERATIONS = 300
# Solvers with more passes than this between certificates do not get one of a default start.
_SELDOM = 10.0


class Status(Enum):
    """Why a run ended, as a sentence."""

    CONVERGED = "the residual is below the tolerance"
    ROUNDING = (
        "the residual is within the rounding errors of the gradient, which here are larger than the "
        "tolerance: no float64 computation can do better"
    )
    COMPLETED = "the run ended where it was told to, by its budget with tol=None or by the callback"
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


@dataclass(frozen=True)
class Record:
    """One line of a run's history."""

    iteration: int
    passes: float
    seconds: float
    certificate: Certificate


@dataclass(frozen=True)
class Result:
    """What a run ended with: the point, why it ended, and the certificate of that very point.

    The certificate is made from the point as it was returned, when it is first asked for.
    """

    w: FloatArray
    status: Status
    n_iter: int
    passes: float  # over the data, that the solver made; certificates are not counted
    seconds: float
    _earlier: tuple[Record, ...]
    _judgement: Judgement

    @property
    def certificate(self) -> Certificate:
        """All that `certify` can prove about the point."""
        return self._judgement.certificate

    @property
    def history(self) -> tuple[Record, ...]:
        """A record for every certificate of the run; the last one is of the returned point."""
        return (*self._earlier, Record(self.n_iter, self.passes, self.seconds, self.certificate))

    def __repr__(self) -> str:
        c = self.certificate
        return (
            f"Result({self.status.name}, n_iter={self.n_iter}, objective={c.objective:.6g}, "
            f"residual={c.residual:.2g}, quantized {c.on_level} of {c.size})"
        )


def solve(
    problem: Problem,
    solver: Solver | Literal["auto"] = "auto",
    *,
    w0: ArrayLike | None = None,
    tol: float | None = 1e-8,
    max_iter: int = 100_000,
    max_passes: float = math.inf,
    check_passes: float | None = None,
    callback: Callback | None = None,
) -> Result:
    r"""A point of `problem` that is certified to `tol`, or the honest reason why not.

    Parameters
    ----------
    problem : Problem
    solver : Solver or "auto"
        "auto" is `automatic_solver`; where coordinate descent stalls on a convex problem, semismooth
        Newton takes over.
    w0 : array of shape (d,), optional
        By default the penalty's minimiser; for a nonconvex penalty `default_start`.
    tol : positive float or None
        Converged when ``certificate.residual <= tol``.  None runs the whole budget.
    max_iter, max_passes : int, float
        The budget.
    check_passes : float, optional
        A certificate is made whenever this many passes have gone by since the last, and when the
        solver has nothing left to do.  By default the solver's own ``check_passes``.
    callback : callable(iteration, state, certificate) -> bool, optional
        Called at every certificate; a true answer ends the run.

    Raises
    ------
    ValueError
        For wrong arguments only; never for non-convergence.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import LeastSquares, Problem, designs, solve
    >>> X = np.random.default_rng(0).standard_normal((5, 20))
    >>> problem = Problem(LeastSquares(X, X[:, 0]), designs.lasso(0.25, 4).scaled(0.01))
    >>> result = solve(problem)
    >>> result.status.name, bool(result.certificate.quantization_rate >= 1 - 5 / 20)
    ('CONVERGED', True)
    """
    automatic = isinstance(solver, str)
    if automatic:
        if solver != "auto":
            raise ValueError(f"solver must be 'auto' or such as parlin.solvers.FISTA(), but is {solver!r}")
        solver = automatic_solver(problem)
    elif isinstance(solver, type) or not hasattr(solver, "unsupported"):
        raise TypeError(f"solver must be 'auto' or such as parlin.solvers.FISTA(), but is {solver!r}")
    reason = solver.unsupported(problem)
    if reason is not None:
        raise ValueError(reason)
    if tol is not None and not tol > 0:
        raise ValueError(f"tol must be positive or None, but is {tol!r}")
    between = solver.check_passes if check_passes is None else check_passes
    if not (max_iter >= 0 and max_passes >= 0 and between > 0):
        raise ValueError("max_iter and max_passes must be >= 0 and check_passes > 0")
    start, spent = _followed_start(problem) if w0 is None else (np.array(w0, dtype=np.float64), 0.0)
    if start.shape != (problem.size,):
        raise ValueError(f"w0 must have shape ({problem.size},), but has shape {start.shape}")

    begin = time.perf_counter()
    history: list[Record] = []
    # Whether another solver may still take over where this one stalls.
    successor = automatic and isinstance(solver, CoordinateDescent) and problem.penalty.shape == "convex"
    # Rounding errors are the loop's business too: an overflow ends as NOT_FINITE, not as a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        state = solver.init(problem, start)
        state.passes += spent
        # The default start is rarely a solution: a solver that is checked seldom is not checked there.
        iteration, next_check = 0, between if w0 is None and between > _SELDOM else 0.0
        while True:
            exhausted = iteration >= max_iter or state.passes >= max_passes
            if exhausted or state.done or state.passes >= next_check:
                judgement = judge(problem, state.w.copy(), 1e-8 if tol is None else tol)
                stop = callback is not None and bool(callback(iteration, state, judgement.certificate))
                status = _status(judgement, tol, exhausted, state.done, stop)
                seconds = time.perf_counter() - begin
                if status is Status.STALLED and successor:
                    successor, passes = False, state.passes
                    solver = SemismoothNewton()
                    between = solver.check_passes if check_passes is None else check_passes
                    state = solver.init(problem, state.w)
                    state.passes += passes
                elif status is not None:
                    return Result(
                        state.w, status, iteration, state.passes, seconds, tuple(history), judgement
                    )
                history.append(Record(iteration, state.passes, seconds, judgement.certificate))
                next_check = state.passes + between
            state = solver.step(problem, state)
            iteration += 1


def _status(
    judgement: Judgement, tol: float | None, exhausted: bool, done: bool, stop: bool
) -> Status | None:
    """Why to stop here, or None to go on."""
    if math.isnan(judgement.objective):
        return Status.NOT_FINITE
    if tol is not None:
        if judgement.strict_residual <= tol:
            return Status.CONVERGED
        if judgement.residual <= tol:
            return Status.ROUNDING
    if stop or (tol is None and exhausted):
        return Status.COMPLETED
    if exhausted:
        return Status.MAX_ITER
    if done and tol is not None:
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


def default_start(problem: Problem) -> FloatArray:
    """Where `solve` begins: the penalty's minimiser, followed down in strength if it is nonconvex.

    For a nonconvex penalty the convex relative is solved at a strength just below the one that
    quantizes everything, and the nonconvex problem is then solved loosely at strengths that fall
    to the given one, each from the last.
    """
    return _followed_start(problem)[0]


def _followed_start(problem: Problem) -> tuple[FloatArray, float]:
    """The default start, and the passes over the data that it took to find."""
    w = problem.start()
    if problem.penalty.shape == "convex":
        return w, 0.0
    top = problem.strength_max()
    if not np.isfinite(top):
        top = 10.0
    if top <= 1.0:
        return w, 0.0
    strengths = np.geomspace(0.9 * top, 1.0, _CONTINUATION_STEPS) if 0.9 * top > 1 else np.ones(1)
    loose = {"tol": 1e-4, "max_iter": _CONTINUATION_ITERATIONS}
    relative = problem.with_penalty(problem.penalty.convex_relative().scaled(strengths[0]))
    result = solve(relative, w0=w, **loose)
    passes = result.passes
    for strength in strengths:
        stage = problem.with_penalty(problem.penalty.scaled(strength))
        result = solve(stage, w0=result.w, **loose)
        passes += result.passes
    return result.w, passes


def multi_start(
    problem: Problem,
    starts: Iterable[ArrayLike | None],
    solver: Solver | Literal["auto"] = "auto",
    **options: Any,
) -> list[Result]:
    """The results of `solve` from each of the starts, in their order; `options` as for `solve`.

    For a nonconvex penalty they end at different critical points: the spread of
    ``result.certificate.objective`` says how different.
    """
    return [solve(problem, solver, w0=start, **options) for start in starts]
