r"""Following a path down in alpha: by events while they can be trusted, by the solver where they cannot."""

from __future__ import annotations

from enum import Enum

from parlin._solve import solve
from parlin._types import FloatArray
from parlin.path.homotopy import Homotopy, PathFailure, strength_floor
from parlin.path.segments import Segments
from parlin.problem import Problem
from parlin.purification import purify

# Where the event rule fails, the solver takes over this far below, relative to the strength; each time
# further, so that the path ends.
_JUMP, _JUMP_GROWTH, _LONGEST_JUMP = 1e-6, 1.5, 0.1
_SOLVER_TOL, _SOLVER_ITERATIONS = 1e-13, 5000
# A block of knots that lowers alpha by less than this fraction of it is no progress.
_CROWD = 1e-12


class PathEnd(Enum):
    """Why a path ends where it ends, as a sentence."""

    REACHED = "the path goes down to the strength that was asked for"
    ROUNDING = (
        "below this strength the intervals of slopes are narrower than the rounding errors of the gradient"
    )
    BUDGET = "the budget of events is used up; raise max_events"


def follow(
    problem: Problem, alpha: float, w: FloatArray, alpha_min: float, tol: float, max_events: int
) -> tuple[Segments, PathEnd]:
    """The checked segments from the minimiser `w` at `alpha` times the penalty down to `alpha_min`."""
    homotopy = _at(problem, alpha, w)
    segments = Segments(problem, alpha, w if homotopy is None else homotopy.w, tol)
    jumps = 0
    while segments.alpha > alpha_min:
        if len(segments.events) > max_events:
            segments.check()
            return segments, PathEnd.BUDGET
        if homotopy is None:
            alpha, w = segments.last
            if alpha <= strength_floor(problem, w):
                return segments, PathEnd.ROUNDING
            # A tie that rounding decides: the point just beyond it is not in doubt.
            jumps += 1
            fraction = min(_JUMP * _JUMP_GROWTH**jumps, _LONGEST_JUMP)
            alpha = max((1.0 - fraction) * alpha, alpha_min)
            w = solution(problem, alpha, w)
            homotopy = _at(problem, alpha, w)
            segments.add(alpha, w if homotopy is None else homotopy.w, [])
            segments.check(accept=True)
            continue
        try:
            segments.note(homotopy.resolve_ties())
            reached = homotopy.step(alpha_min)
        except PathFailure:
            segments.check()
            homotopy = None
            continue
        segments.add(homotopy.alpha, homotopy.w, reached)
        if segments.full or homotopy.alpha <= alpha_min:
            before = segments.last[0]
            correlation = segments.check()
            if correlation is None or before - segments.alpha <= _CROWD * before:
                homotopy = None
            else:
                homotopy.refresh(correlation)
    return segments, PathEnd.REACHED


def solution(problem: Problem, alpha: float, w: FloatArray) -> FloatArray:
    """A minimiser at `alpha` times the penalty with independent free columns, by the solver, from `w`."""
    scaled = problem.with_penalty(problem.penalty.scaled(alpha))
    return purify(scaled, solve(scaled, w0=w, tol=_SOLVER_TOL, max_iter=_SOLVER_ITERATIONS).w)


def _at(problem: Problem, alpha: float, w: FloatArray) -> Homotopy | None:
    try:
        return Homotopy(problem, alpha, w)
    except PathFailure:
        return None
