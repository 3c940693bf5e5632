r"""Minimisers of convex problems by an interior-point method (cvxpy with Clarabel)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from parlin._types import FloatArray
from parlin.losses import LeastSquares
from parlin.penalty import PAR
from parlin.problem import Problem

_TOLERANCE = 1e-13


@dataclass(frozen=True)
class ReferenceSolution:
    """A solution by an interior-point method, and its objective evaluated by parlin at that very point."""

    w: FloatArray
    intercept: float
    objective: float


def solve_with_cvxpy(problem: Problem) -> ReferenceSolution:
    r"""The minimiser of a convex problem by cvxpy with Clarabel, with an explicit intercept variable.

    Needs the [verify] extra.  Each coefficient is a level plus one bounded variable per cell, whose
    costs are the slopes: for increasing slopes the cells fill in order, so the sum of costs is ψ.

    Raises
    ------
    ValueError
        If the penalty is not convex, or the loss is not `LeastSquares`.
    RuntimeError
        If Clarabel does not report an optimum.
    """
    import cvxpy as cp

    penalty, loss = problem.penalty, problem.loss
    if penalty.shape != "convex":
        raise ValueError(f"cvxpy solves convex problems only, but {penalty!r} is {penalty.shape}")
    if not isinstance(loss, LeastSquares):
        raise ValueError(f"the loss must be LeastSquares, but is {type(loss).__name__}")
    design = loss.design
    active = np.flatnonzero(problem.penalised)
    w = cp.Variable(problem.size)
    b = cp.Variable() if design.centre else 0.0
    root = np.sqrt(design.weights)
    fitted = cp.multiply(root, loss.target - design.X @ w - b)
    cost = 0.5 * cp.sum_squares(fitted)
    constraints = []
    if active.size:
        weights = np.ones(active.size) if problem.penalty_weights is None else problem.penalty_weights[active]
        psi, constraints = _penalty_expression(cp, penalty, w[active], active.size)
        cost = cost + weights @ psi
    program = cp.Problem(cp.Minimize(cost), constraints)
    solve_program(program, f"on a {design.shape} problem")
    low, high = penalty.domain
    solution = np.asarray(w.value, dtype=np.float64)
    # An interior-point method may leave a box by its feasibility tolerance, where F is infinite.
    solution[active] = np.clip(solution[active], low, high)
    intercept = 0.0
    if design.centre:  # of the targets and columns as given
        offsets = np.zeros(problem.size) if design.offsets is None else design.offsets
        intercept = float(loss.y_mean + b.value - offsets @ solution)
    return ReferenceSolution(solution, intercept, problem.objective(solution))


def solve_program(program, what: str) -> None:
    """Solves to the last digits; a point a little short of them is taken, since the caller evaluates it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        program.solve(solver="CLARABEL", tol_gap_abs=_TOLERANCE, tol_gap_rel=_TOLERANCE, tol_feas=_TOLERANCE)
    if program.status not in ("optimal", "optimal_inaccurate"):
        raise RuntimeError(f"Clarabel ended with status {program.status!r} {what}")


def _penalty_expression(cp, penalty: PAR, w, size: int):
    """``ψ(w_j)`` up to a constant as a cvxpy vector, and the constraints that define it."""
    slopes, levels = penalty.slopes, penalty.levels
    if levels.size == 0:
        return slopes[0] * w, []
    lengths = np.diff(levels)
    below, above = cp.Variable(size, nonneg=True), cp.Variable(size, nonneg=True)
    constraints = []
    total, cost = levels[0] - below + above, np.zeros(size)
    for side, slope in ((below, -slopes[0]), (above, slopes[-1])):
        if np.isinf(slope):
            constraints.append(side == 0)
        else:
            cost = cost + slope * side
    if lengths.size:
        inside = cp.Variable((size, lengths.size), nonneg=True)
        constraints.append(inside <= np.tile(lengths, (size, 1)))
        total, cost = total + cp.sum(inside, axis=1), cost + inside @ slopes[1:-1]
    constraints.append(w == total)
    return cost, constraints
