r"""Where a run begins by default: at the penalty's minimiser, or at the end of a continuation in alpha."""

from __future__ import annotations

import time

import numpy as np

from parlin._loop import Start, Stopping, run
from parlin._types import FloatArray
from parlin.problem import Problem

# The strengths of a continuation: so many, from this fraction of the one that quantizes everything down
# to the given one, each problem solved loosely.
_STEPS, _FIRST = 8, 0.9
_LOOSE = Stopping(tol=1e-4, max_iter=300)
# Where no finite strength quantizes everything, the continuation begins at this one.
_TOP = 10.0


def default_start(problem: Problem) -> FloatArray:
    """Where `solve` begins: the penalty's minimiser; the end of a continuation if ψ is nonconvex.

    For a nonconvex penalty the convex relative is solved at a strength just below the one that
    quantizes everything, and the nonconvex problem is then solved loosely at strengths that fall
    to the given one, each from the last.
    """
    return find_start(problem).w


def find_start(problem: Problem) -> Start:
    """The default start, with the iterations and passes that it took to find."""
    w = problem.start()
    if problem.penalty.shape == "convex":
        return Start(w, is_default=True)
    top = problem.strength_max()
    if not np.isfinite(top):
        top = _TOP
    if top <= 1.0:
        return Start(w, is_default=True)
    strengths = np.geomspace(_FIRST * top, 1.0, _STEPS) if _FIRST * top > 1 else np.ones(1)
    penalty = problem.penalty
    stages = [penalty.convex_relative().scaled(strengths[0]), *(penalty.scaled(t) for t in strengths)]
    begin, n_iter, passes = time.perf_counter(), 0, 0.0
    for stage in stages:
        outcome = run(problem.with_penalty(stage), "auto", Start(w), _LOOSE, begin)
        w, n_iter, passes = outcome.w, n_iter + outcome.n_iter, passes + outcome.passes
    return Start(w, n_iter, passes, is_default=True)
