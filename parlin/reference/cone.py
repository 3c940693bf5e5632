r"""What a design allows sparse estimates: the compatibility constant and the restricted eigenvalue."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from parlin._arguments import at_least_zero
from parlin._types import FloatArray, IndexArray
from parlin.reference.convex import solve_program

_EPSILON = float(np.finfo(np.float64).eps)


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
        solve_program(program, f"for the signs {signs.value}")
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


def _checked_cone(X: ArrayLike, support: ArrayLike, cone: float) -> tuple[FloatArray, IndexArray, float]:
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
