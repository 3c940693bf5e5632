r"""Ground truth that shares no code with the solvers.

Convex programs by cvxpy, the prox by brute force, and what a design allows a sparse estimate to be.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from parlin.penalty import PAR
from parlin.problem import Problem
from parlin.theory.arguments import at_least_zero

FloatArray = NDArray[np.float64]

_TOLERANCE = 1e-13
_EPSILON = float(np.finfo(np.float64).eps)


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
        If the penalty is not convex.
    RuntimeError
        If Clarabel does not report an optimum.
    """
    import cvxpy as cp

    penalty, loss = problem.penalty, problem.loss
    if penalty.shape != "convex":
        raise ValueError(f"cvxpy solves convex problems only, but {penalty!r} is {penalty.shape}")
    design = loss.design
    active = np.flatnonzero(problem.penalised)
    w = cp.Variable(problem.size)
    b = cp.Variable() if design.centre else 0.0
    root = np.sqrt(design.weights)
    fitted = cp.multiply(root, loss.y - design.X @ w - b)
    cost = 0.5 * cp.sum_squares(fitted)
    constraints = []
    if active.size:
        weights = np.ones(active.size) if problem.penalty_weights is None else problem.penalty_weights[active]
        psi, constraints = _penalty_expression(cp, penalty, w[active], active.size)
        cost = cost + weights @ psi
    program = cp.Problem(cp.Minimize(cost), constraints)
    _solve_program(program, f"on a {design.shape} problem")
    low, high = penalty.domain
    solution = np.asarray(w.value, dtype=np.float64)
    # An interior-point method may leave a box by its feasibility tolerance, where F is infinite.
    solution[active] = np.clip(solution[active], low, high)
    intercept = float(b.value) if design.centre else 0.0
    return ReferenceSolution(solution, intercept, problem.objective(solution))


def _solve_program(program, what: str) -> None:
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


def prox_brute_force(penalty: PAR, v: ArrayLike, step: float) -> FloatArray:
    """The least value of ``½(x − v)² + step ψ(x)`` over x, for each entry of `v`.

    On every cell the objective is a parabola, so its minimum over the cell is at the vertex or at an
    end of the cell: all of them are tried.
    """
    v = np.asarray(v, dtype=np.float64).reshape(-1, 1)
    edges = np.concatenate(([-np.inf], penalty.levels, [np.inf]))
    finite = np.flatnonzero(np.isfinite(penalty.slopes))
    vertex = np.clip(v - step * penalty.slopes[finite], edges[finite], edges[finite + 1])
    candidates = np.concatenate((vertex, np.tile(penalty.levels, (v.shape[0], 1))), axis=1)
    return np.min(0.5 * (candidates - v) ** 2 + step * penalty.value(candidates), axis=1)


@dataclass(frozen=True)
class Compatibility:
    r"""The compatibility constant ``φ²`` between a number that is attained and one that is proved.

    Attributes
    ----------
    value : float
        ``s ‖Xz‖²/(n ‖z_S‖_1²)`` at `z`: as a value on the cone never below ``φ²``.
    lower_bound : float
        Never above ``φ²``: a dual value, less its rounding errors.
    z : array of shape (d,)
        A member of the cone, with ``‖z_S‖_1 = 1`` up to rounding.
    """

    value: float
    lower_bound: float
    z: FloatArray


def compatibility_constant(
    X: ArrayLike, support: ArrayLike, cone: float, max_size: int = 10
) -> Compatibility:
    r"""The least ``s z'Hz/‖z_S‖_1²`` with ``‖z_{S^c}‖_1 <= c_0 ‖z_S‖_1``, by convex programs.

    Source: theory 5.1, where it may stand for κ in `parlin.theory.lasso_l1_distance` and
    `parlin.theory.lasso_prediction_distance`; it is never below κ.  Needs the [verify] extra.

    Parameters
    ----------
    X : array of shape (n, d)
        ``H = X'X/n``.
    support : array of int
        S, the positions of its s members in any order.
    cone : float >= 0
        ``c_0``, of `parlin.theory.lasso_cone`.
    max_size : int, default=10
        The largest s that is accepted, since there are ``2^(s−1)`` convex programs to solve.

    Raises
    ------
    ValueError
        For an argument outside its domain, and where s is larger than `max_size`.
    RuntimeError
        If Clarabel does not report an optimum.

    Notes
    -----
    With the signs σ on S fixed, up to a common one, ``‖z_S‖_1 = Σ σ_j z_j`` is linear and may be set to 1: a
    convex program each.  For every r, ``‖Xz‖ ‖r‖ >= r'Xz >= min_S σ_j X_j'r − c_0 max_{S^c} |X_k'r|``, with
    equality at the optimum for ``r = Xz``: that is the lower bound, whatever Clarabel did.

    Examples
    --------
    >>> from parlin.reference import compatibility_constant
    >>> constant = compatibility_constant([[2.0, 0.0], [0.0, 2.0]], [0], cone=3.0)
    >>> round(constant.value, 9), round(constant.lower_bound, 9)
    (2.0, 2.0)
    """
    import cvxpy as cp

    X, support, cone = _checked_cone(X, support, cone)
    size, off = support.size, np.setdiff1d(np.arange(X.shape[1]), support)
    if size > max_size:
        raise ValueError(
            f"the support has {size} members, but max_size is {max_size} since the exact constant takes "
            "2^(s - 1) convex programs; raise max_size, or take restricted_eigenvalue_lower_bound: only "
            "sampling would be possible, and sampling over-estimates the constant"
        )
    largest = float(np.linalg.norm(X, axis=0).max()) or 1.0
    factor = np.linalg.qr(X / largest, mode="r")
    signs, inside = cp.Parameter(size), cp.Variable(size, nonneg=True)
    fitted, constraints = factor[:, support] @ cp.multiply(signs, inside), [cp.sum(inside) == 1]
    if off.size:
        outside = cp.Variable(off.size)
        fitted = fitted + (cone * factor[:, off]) @ outside
        constraints.append(cp.norm1(outside) <= 1)
    program = cp.Problem(cp.Minimize(cp.sum_squares(fitted)), constraints)

    found = []
    for rest in product((1.0, -1.0), repeat=size - 1):
        signs.value = np.array([1.0, *rest])
        _solve_program(program, f"for the signs {signs.value}")
        z = np.zeros(X.shape[1])
        # An interior-point method may leave the cone by its feasibility tolerance.
        z[support] = signs.value * np.maximum(inside.value, 0.0) / np.maximum(inside.value, 0.0).sum()
        if off.size:
            z[off] = cone * outside.value / max(1.0, float(np.abs(outside.value).sum()))
        found.append((_compatibility_bounds(X, support, off, cone, signs.value, z), z))
    (value, _), z = min(found, key=lambda pattern: pattern[0][0])
    return Compatibility(value, min(bounds[1] for bounds, _ in found), z)


def _compatibility_bounds(X, support, off, cone: float, signs, z) -> tuple[float, float]:
    """The value at `z`, and a lower bound on the values that have these signs on S."""
    n, fitted = X.shape[0], X @ z
    length = float(np.linalg.norm(fitted))
    if length == 0:
        return 0.0, 0.0
    away = float(np.abs(X[:, off].T @ fitted).max(initial=0.0))
    pull = float((signs * (X[:, support].T @ fitted)).min()) - cone * away
    largest = float(np.linalg.norm(X, axis=0).max())
    pull -= (n + 10) * _EPSILON * (1 + cone) * largest * length
    return support.size * length**2 / n, support.size * (max(pull, 0.0) / length) ** 2 / n


def restricted_eigenvalue_lower_bound(X: ArrayLike, support: ArrayLike, cone: float) -> float:
    r"""A number that the restricted eigenvalue κ is never below; often 0, which says nothing.

    κ is the least ``z'Hz/‖z‖²`` with ``‖z_{S^c}‖_1 <= c_0 ‖z_S‖_1``, ``H = X'X/n``.  The best of

    * the smallest eigenvalue of H, less its rounding errors: 0 if there are fewer rows than columns or if
      two columns are equal;
    * ``min_j H_jj − m ((1 + c_0)² s − 1)`` with m the largest ``|H_ij|``, i ≠ j: negative, and so of no use,
      unless the columns are nearly orthogonal.

    Source: theory 5.1, which has the second without the −1.

    Parameters
    ----------
    X, support, cone
        As in `compatibility_constant`.

    Raises
    ------
    ValueError
        For an argument outside its domain.

    Notes
    -----
    ``z'Hz >= min_j H_jj ‖z‖² − m (‖z‖_1² − ‖z‖²)``, and ``‖z‖_1 <= (1 + c_0) ‖z_S‖_1 <= (1 + c_0) √s ‖z‖``.

    Examples
    --------
    >>> from parlin.reference import restricted_eigenvalue_lower_bound
    >>> restricted_eigenvalue_lower_bound([[1.0, 1.0], [1.0, 1.0]], [0], cone=3.0)
    0.0
    """
    X, support, cone = _checked_cone(X, support, cone)
    n, d = X.shape
    lengths = np.linalg.svd(X, compute_uv=False)
    rounding = 2 * max(n, d) * _EPSILON * float(lengths[0])
    smallest = max(float(lengths[-1] - rounding), 0.0) ** 2 / n if n >= d else 0.0
    H = X.T @ X / n
    spread = (1 + cone) ** 2 * support.size
    mutual = float(np.abs(H - np.diag(np.diag(H))).max())
    coherence = float(np.diag(H).min()) - mutual * (spread - 1)
    coherence -= (n + 2) * _EPSILON * float(np.diag(H).max()) * (spread + 1)
    return max(smallest, coherence)


def _checked_cone(
    X: ArrayLike, support: ArrayLike, cone: float
) -> tuple[FloatArray, NDArray[np.intp], float]:
    if sparse.issparse(X):
        raise TypeError("X must be a dense array, but is sparse; X.toarray() makes one")
    X, support = np.asarray(X, dtype=np.float64), np.asarray(support)
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"X must be an (n, d) array with rows and columns, but has shape {X.shape}")
    if not np.isfinite(X).all():
        raise ValueError("X must be finite, but holds nan or infinity")
    if support.dtype == bool:
        raise ValueError("support must hold numbers of columns, but is a mask; take np.flatnonzero of it")
    if support.ndim != 1 or support.size == 0 or support.dtype.kind not in "iu":
        raise ValueError(f"support must be a list of at least one column number, but is {support!r}")
    if support.min() < 0 or support.max() >= X.shape[1]:
        raise ValueError(f"support must lie in 0..{X.shape[1] - 1}, but is {support.tolist()}")
    if np.unique(support).size < support.size:
        raise ValueError(f"support must name each column once, but is {support.tolist()}")
    return X, support.astype(np.intp), at_least_zero("cone", cone)
