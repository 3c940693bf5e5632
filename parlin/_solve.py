r"""The front door of the solvers: arguments are checked, a start is found, and the loop runs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from parlin._loop import Start, Stopping, certificate_of, run
from parlin._result import Callback, RelativeTo, Result, Status
from parlin._starts import find_start
from parlin._threads import steady_blas
from parlin._types import FloatArray
from parlin.certificates.certificate import Certificate, in_old_units
from parlin.certificates.units import Units
from parlin.problem import Problem
from parlin.solvers.base import Solver, State
from parlin.solvers.stochastic.base import StochasticSolver

__all__ = ["Result", "Status", "multi_start", "solve"]


def solve(
    problem: Problem,
    solver: Solver | Literal["auto"] = "auto",
    *,
    w0: ArrayLike | None = None,
    state: dict[str, Any] | None = None,
    tol: float | None = 1e-8,
    relative_to: RelativeTo = "gradient",
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
        "auto" is coordinate descent where it applies; where it stalls, overflows or is slow, semismooth
        Newton takes over, or proximal gradient for a nonconvex penalty, from the best point so far.
    w0 : array of shape (d,), optional
        By default the penalty's minimiser; for a nonconvex penalty the end of a continuation in the
        strength, unless the solver is stochastic.
    state : dict, optional
        `Result.state` of an earlier run of the same stochastic solver on the same data: this one goes on
        where that one ended, bit for bit.
    tol : positive float or None
        Success, CONVERGED or ROUNDING, needs ``certificate.residual <= tol``, and more: for a convex penalty
        that the duality gap be at most `tol`, where there is one, or else what moves of the free coordinates
        would gain; for any other ``certificate.prox_residual <= tol`` and no coordinate on a concave kink.
        ROUNDING allows the gradient its rounding errors in all this: see theory 11.1.  None runs the whole
        budget.
    relative_to : {"gradient", "slopes"}, default="gradient"
        What `tol` is relative to: the gradient at 0 alone, or with "slopes" the smallest nonzero slope of
        the penalty as well (``certificate.slope_residual <= tol``).  Claims about which coefficients are
        quantized need the second: at a weak strength the first is met where nothing need be quantized.
    max_iter, max_passes : int, float
        The budget.  The iterations that find a default start do not count against `max_iter`.
    check_passes : float, optional
        The point is checked whenever this many passes have gone by since the last time, and when the
        solver has nothing left to do.  By default the solver's own ``check_passes``.
    callback : callable(iteration, state, certificate) -> bool, optional
        Called at every check; a true answer ends the run.

    Raises
    ------
    ValueError, TypeError
        For wrong arguments only, a start that is not finite among them; never for non-convergence.

    Notes
    -----
    Without success a deterministic solver returns the best of its start and the points that were checked
    (theory 11.8).

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
    begin = time.perf_counter()
    _check_solver(problem, solver)
    if tol is not None and not tol > 0:
        raise ValueError(f"tol must be positive or None, but is {tol!r}")
    if relative_to not in ("gradient", "slopes"):
        raise ValueError(f"relative_to must be 'gradient' or 'slopes', but is {relative_to!r}")
    if not (max_iter >= 0 and max_passes >= 0 and (check_passes is None or check_passes > 0)):
        raise ValueError("max_iter and max_passes must be >= 0 and check_passes > 0")
    units = None if isinstance(solver, StochasticSolver) else Units.of(problem)
    if units is not None:
        if w0 is not None or state is not None:
            w0 = units.there(_start(problem, solver, w0, state).w)
        found = solve(
            units.problem(problem), solver, w0=w0, tol=tol, relative_to=relative_to, max_iter=max_iter,
            max_passes=max_passes, check_passes=check_passes, callback=_translated(callback, units),
        )  # fmt: skip
        return _in_old_units(found, units, problem)
    # Rounding errors are the loop's business too: an overflow ends as NOT_FINITE, not as a warning.
    with steady_blas(problem.loss.design.X.size), np.errstate(over="ignore", invalid="ignore"):
        start = _start(problem, solver, w0, state)
        stopping = Stopping(tol, relative_to, max_iter, max_passes, check_passes, callback)
        w, status, n_iter, passes, history, check, certified, saved, lower = run(
            problem, solver, start, stopping, begin
        )
        if check.point is None:
            owned = certificate_of(certified, w, check)
        else:
            owned = check
            check.point.read_data(certified, check)
    seconds = time.perf_counter() - begin
    return Result(w, status, n_iter, passes, seconds, history, owned, certified.penalty, saved, lower)


def _in_old_units(found: Result, units: Units, problem: Problem) -> Result:
    """The result for a problem as it was, given that of `Units.problem`."""
    earlier = tuple(replace(record, objective=units.value(record.objective)) for record in found._earlier)
    certificate = in_old_units(found.certificate, units)
    counts = found.n_iter, found.passes, found.seconds
    return Result(units.back(found.w), found.status, *counts, earlier, certificate, problem.penalty)


def _translated(callback: Callback | None, units: Units) -> Callback | None:
    """A callback for the problem in other units that calls one for the problem as it was."""
    if callback is None:
        return None

    def translated(n_iter: int, state: State, certificate: Certificate) -> bool | None:
        state = copy(state)
        state.w = units.back(state.w)
        return callback(n_iter, state, in_old_units(certificate, units))

    return translated


def _start(
    problem: Problem, solver: Solver | Literal["auto"], w0: ArrayLike | None, state: dict[str, Any] | None
) -> Start:
    """The start that was given, or the default one."""
    if state is not None:
        if w0 is not None:
            raise ValueError("give w0 or state, not both: a state says where the run is")
        if not isinstance(solver, StochasticSolver):
            raise ValueError("state resumes stochastic solvers only; give others w0=result.w")
        n_iter = state.get("n_iter", 0) if isinstance(state, dict) else 0
        return Start(None, n_iter, saved=state)
    if w0 is None:
        # A continuation would do the work of the solver.
        return Start(problem.start()) if isinstance(solver, StochasticSolver) else find_start(problem)
    start = Start(np.array(w0, dtype=np.float64))
    if start.w.shape != (problem.size,):
        raise ValueError(f"w0 must have shape ({problem.size},), but has shape {start.w.shape}")
    if not np.isfinite(start.w).all():
        raise ValueError("w0 must be finite, but has an infinite or NaN entry; leave it out for the default")
    if isinstance(solver, StochasticSolver):
        return start
    if not math.isfinite(problem.loss.value(problem.clip(start.w))):  # it says nothing
        return find_start(problem)
    return start._replace(w=_at_rest(problem, start.w))


def _at_rest(problem: Problem, w: FloatArray) -> FloatArray:
    """`w`, but at the minimiser of ψ where that is lower and the column is zero: no step might move it."""
    if problem.loss.coordinate_lipschitz.all():
        return w
    rest, values = problem.start(), problem.separable.values
    lower = (problem.loss.coordinate_lipschitz == 0.0) & (values(rest) < values(problem.clip(w)))
    return np.where(lower, rest, w)


def _check_solver(problem: Problem, solver: Solver | Literal["auto"]) -> None:
    """Raise unless `solver` is "auto" or a solver that can treat `problem`."""
    if isinstance(solver, str):
        if solver != "auto":
            raise ValueError(f"solver must be 'auto' or such as parlin.solvers.FISTA(), but is {solver!r}")
        return
    if isinstance(solver, type) or getattr(solver, "unsupported", None) is None:
        raise TypeError(f"solver must be 'auto' or such as parlin.solvers.FISTA(), but is {solver!r}")
    reason = solver.unsupported(problem)
    if reason is not None:
        raise ValueError(reason)


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
