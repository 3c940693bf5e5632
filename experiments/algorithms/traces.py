r"""What a solver does step by step: its iterates, when they settle, and how fast they then converge.

Solvers are stepped by hand. Every number is computed afresh from the iterate, none is the solver's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import is_certified
from parlin import Problem
from parlin.solvers.base import Solver, State

FloatArray = NDArray[np.float64]

# What counts as zero of an eigenvalue of H_UU, relative to the largest of H.
_NULL = 1e-12
# The linear phase: the least distance from the limit that is used, the shortest phase, points of a curve.
_FLOOR, _SHORTEST, _DRAWN = 1e-8, 20, 40


def iterates(solver: Solver, problem: Problem, w0: FloatArray, n_steps: int) -> FloatArray:
    """The points w_0 … w_n of a run, shape (n_steps + 1, d)."""
    return np.array([state.w for state in states(solver, problem, w0, n_steps)])


def states(solver: Solver, problem: Problem, w0: FloatArray, n_steps: int) -> Iterator[State]:
    """The state before the first step, and after each of `n_steps`."""
    state = solver.init(problem, w0)
    yield state
    for _ in range(n_steps):
        state = solver.step(problem, state)
        yield state


class Limit(NamedTuple):
    """Where proximal gradient ends once the levels and cells of its iterates no longer change."""

    w: FloatArray
    free: NDArray[np.intp]  # U, the coordinates off the levels
    curvature: float  # the least positive eigenvalue of H_UU; inf if U is empty
    singular: bool  # whether H_UU has a null space
    certified: bool  # whether w is critical and has the free coordinates that it was sought with


def limit_from(problem: Problem, w: FloatArray) -> Limit:
    r"""The limit of proximal gradient from `w`, if no coordinate changes its level or cell any more.

    On the free coordinates the method is then gradient descent on a quadratic: it keeps the part of w in
    the null space of H_UU and solves for the rest, ``w_U + H_UU⁺ (−∇_U f(w) − s_U)``.
    """
    free = problem.unquantized(w)
    panel = problem.loss.design.columns(free)
    slopes = problem.penalty.subdifferential(w[free])[0]
    values, vectors = np.linalg.eigh(panel.T @ panel)
    positive = values > _NULL * problem.loss.lipschitz
    vectors, limit = vectors[:, positive], w.copy()
    for _ in range(2):  # the second pass removes the rounding errors of the first
        descent = -problem.loss.gradient(limit)[free] - slopes
        limit[free] += vectors @ ((vectors.T @ descent) / values[positive])
    same = np.array_equal(problem.unquantized(limit), free)
    critical = is_certified(problem, limit)
    curvature = float(values[positive].min(initial=np.inf))
    return Limit(limit, free, curvature, not positive.all(), same and critical)


def settled_from(problem: Problem, points: FloatArray, w: FloatArray) -> int:
    """The iteration from which on every point has exactly the levels of `w`, and lies in its cells."""
    codes, cells = problem.penalty.codes, problem.penalty.levels.searchsorted
    differ = np.flatnonzero(np.any((codes(points) != codes(w)) | (cells(points) != cells(w)), axis=1))
    return int(differ[-1]) + 1 if differ.size else 0


def margins(problem: Problem, w: FloatArray) -> tuple[FloatArray, float]:
    """How far each ``−∂_j f(w)`` of a quantized j is inside its interval, and free coordinates from levels.

    The first is inf at free coordinates; the second is inf where there are none.
    """
    low, high = problem.penalty.subdifferential(w)
    descent = -problem.loss.gradient(w)
    inside = np.where(problem.on_level(w), np.minimum(descent - low, high - descent), np.inf)
    free = problem.unquantized(w)
    return inside, float(np.abs(w[free][:, None] - problem.penalty.levels).min(initial=np.inf))


def identification(problem: Problem, points: FloatArray, w: FloatArray, radius: float) -> tuple[int, int]:
    """The iteration from which on all have the levels of `w`, and the one from which on they must have them.

    They must from the iteration after the first within `radius` of w on; the number of points if none is.
    """
    near = np.flatnonzero(np.linalg.norm(points - w, axis=1) < radius)
    codes = problem.penalty.codes
    differ = np.flatnonzero(np.any(codes(points) != codes(w), axis=1))
    found = int(differ[-1]) + 1 if differ.size else 0
    return found, int(near[0]) + 1 if near.size else len(points)


class Tail(NamedTuple):
    """How fast a run approaches its limit after levels and cells have settled."""

    rate: float  # fall of log ‖w_k − w*‖ in one iteration, over the second half of the settled run
    predicted: float  # −log(1 − λ/L)
    certified: bool
    time: FloatArray  # iterations since settling, times `predicted`
    error: FloatArray  # ‖w_k − w*‖ relative to that at settling


def tail(problem: Problem, points: FloatArray) -> Tail:
    """The linear phase of a run with step 1/L; certified where the limit is, and the phase is long enough."""
    limit = limit_from(problem, points[-1])
    ratio = limit.curvature / problem.loss.lipschitz
    settled = settled_from(problem, points, limit.w)
    error = np.linalg.norm(points - limit.w, axis=1)[settled:]
    # Closer than this the rounding errors of the limit would count.
    lasting = error > _FLOOR * (1.0 + np.linalg.norm(limit.w))
    last = int(np.flatnonzero(lasting)[-1]) if lasting.any() else 0
    if not limit.certified or last < _SHORTEST or not ratio < 1:
        return Tail(np.nan, np.nan, False, np.empty(0), np.empty(0))
    middle, predicted = last // 2, -float(np.log1p(-ratio))
    rate = float(np.log(error[middle] / error[last])) / (last - middle)
    drawn = np.linspace(0, last, _DRAWN).astype(int)
    return Tail(rate, predicted, True, drawn * predicted, error[drawn] / error[0])
