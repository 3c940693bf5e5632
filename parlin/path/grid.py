r"""Solutions at given strengths, each from the one before: convex and nonconvex, any solver."""

from __future__ import annotations

import math
import warnings
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_X_y

from parlin import designs
from parlin._arguments import finite, whole
from parlin._solve import Result, solve
from parlin._threads import steady_blas
from parlin._types import FloatArray
from parlin.losses import LeastSquares
from parlin.penalty import PAR
from parlin.problem import Problem
from parlin.solvers.base import Solver


def grid_path(
    loss: LeastSquares,
    penalty: PAR,
    alphas: ArrayLike,
    *,
    penalty_weights: ArrayLike | None = None,
    solver: Solver | Literal["auto"] = "auto",
    tol: float = 1e-8,
    max_iter: int = 100_000,
) -> list[Result]:
    r"""The certified result of `solve` at each strength, in the order of `alphas`.

    The largest is solved first, and every other one begins with the coefficients of the next larger.

    Parameters
    ----------
    loss : LeastSquares
    penalty : PAR
        Of unit strength, any shape; a nonconvex one is followed from critical point to critical point.
    alphas : array of shape (k,)
        Finite and >= 0, in any order.
    penalty_weights, solver, tol, max_iter
        As for `Problem` and `solve`.

    Raises
    ------
    ValueError
        For wrong arguments only; the status of each result says whether it is certified.

    Examples
    --------
    >>> from parlin import LeastSquares, designs
    >>> from parlin import grid_path
    >>> loss = LeastSquares([[1.0], [2.0]], [1.0, 3.0])
    >>> [result.w.round(6).item() for result in grid_path(loss, designs.lasso(1.0, 1), [0.5, 2.0])]
    [1.19, 0.6]
    """
    strengths = _strengths(alphas)
    problem = Problem(loss, penalty, penalty_weights)
    results: dict[int, Result] = {}
    w = None
    for k in np.argsort(-strengths, kind="stable"):
        stage = problem.with_penalty(penalty.scaled(float(strengths[k])))
        results[int(k)] = solve(stage, solver, w0=w, tol=tol, max_iter=max_iter)
        w = results[int(k)].w
    return [results[k] for k in range(strengths.size)]


def par_path(
    X: ArrayLike | sparse.spmatrix | sparse.sparray,
    y: ArrayLike,
    penalty: PAR | None = None,
    *,
    alphas: int | ArrayLike = 100,
    eps: float = 1e-3,
    sample_weight: ArrayLike | None = None,
    fit_intercept: bool = True,
    penalty_weights: ArrayLike | None = None,
    solver: Solver | Literal["auto"] = "auto",
    tol: float = 1e-8,
    max_iter: int = 100_000,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""Strengths, coefficients and duality gaps along a grid, in the manner of scikit-learn's `lasso_path`.

    Minimises ``‖y − Xw − b‖² / (2n) + alpha · Σ_j ω_j ψ(w_j)`` at every alpha, each warm-started from the
    next larger one.

    Parameters
    ----------
    X : array or sparse matrix of shape (n, d)
    y : array of shape (n,)
    penalty : PAR, optional
        ψ of unit strength, from `parlin.designs`.  None is ``designs.lasso(0.5, 7)``, as for `PARRegressor`.
    alphas : int or array of shape (k,), default=100
        The strengths, or how many: then they fall geometrically from `alpha_max` to ``eps`` times that.
    eps : float in (0, 1], default=1e-3
    sample_weight : array of shape (n,), optional
    fit_intercept : bool, default=True
        Differs from scikit-learn's paths, which never fit one.
    penalty_weights : array of shape (d,), optional
    solver, tol, max_iter
        As for `solve`.

    Returns
    -------
    alphas : ndarray of shape (k,)
        Falling.
    coefs : ndarray of shape (d, k)
        Quantized entries equal a level float for float.
    gaps : ndarray of shape (k,)
        The gaps of the certificates, relative to ``max(f(0), |F|)``; NaN where there is none.

    Raises
    ------
    TypeError, ValueError
        For invalid data or parameters.

    Warns
    -----
    ConvergenceWarning
        When a solution is not certified to `tol`.

    Examples
    --------
    With one level this is the Lasso:

    >>> import numpy as np
    >>> from sklearn.linear_model import lasso_path
    >>> from parlin import PAR
    >>> from parlin import par_path
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((20, 5)), rng.standard_normal(20)
    >>> alphas, coefs, gaps = par_path(X, y, PAR([0.0], [-1.0, 1.0]), alphas=10, fit_intercept=False)
    >>> bool(np.allclose(coefs, lasso_path(X, y, alphas=alphas, tol=1e-12)[1]))
    True
    """
    if penalty is None:
        penalty = designs.lasso(0.5, 7)
    elif not isinstance(penalty, PAR):
        raise TypeError(f"penalty must be a PAR or None, but is {penalty!r}; see parlin.designs")
    X, y = check_X_y(X, y, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32), y_numeric=True)
    loss = LeastSquares(X, y, sample_weight, bool(fit_intercept))
    if isinstance(alphas, Integral) and not isinstance(alphas, bool):
        strengths = _falling(Problem(loss, penalty, penalty_weights), int(alphas), eps)
    else:
        strengths = np.sort(_strengths(alphas))[::-1]
    results = grid_path(
        loss, penalty, strengths, penalty_weights=penalty_weights, solver=solver, tol=tol, max_iter=max_iter
    )
    doubtful = [k for k, result in enumerate(results) if not result.status.is_success]
    if doubtful:
        worst = max(doubtful, key=lambda k: results[k].certificate.residual)
        warnings.warn(
            f"{len(doubtful)} of {len(results)} strengths are not certified; the largest residual is "
            f"{results[worst].certificate.residual:.2e} at alpha = {strengths[worst]:.4g} "
            f"({results[worst].status.name}), tol = {tol:.2e}. "
            "Raise max_iter, or standardise the columns of X.",
            ConvergenceWarning,
            stacklevel=2,
        )
    gaps = [result.certificate.gap for result in results]
    return (
        strengths,
        np.stack([result.w for result in results], axis=1),
        np.array([math.nan if gap is None else gap for gap in gaps]),
    )


def _falling(problem: Problem, count: int, eps: float) -> FloatArray:
    """`count` strengths from the one that quantizes everything down to `eps` times it."""
    whole("alphas", count, low=1)
    if not 0 < finite("eps", eps) <= 1:
        raise ValueError(f"eps must lie in (0, 1], but is {eps!r}")
    with steady_blas(problem.loss.design.X.size):
        top = problem.strength_max()
    if math.isinf(top):
        raise ValueError(
            f"no finite strength moves every coefficient to the minimiser of {problem.penalty!r}, so "
            "there is no largest one; give alphas as an array"
        )
    # Nothing to fit: any strengths serve, as in scikit-learn.
    top = max(top, float(np.finfo(np.float64).resolution))
    return np.geomspace(top, top * eps, count)


def _strengths(alphas: ArrayLike) -> FloatArray:
    strengths = np.array(alphas, dtype=np.float64)
    if strengths.ndim != 1 or strengths.size == 0:
        raise ValueError(f"alphas must be a nonempty one-dimensional array, but has shape {strengths.shape}")
    if not np.all(np.isfinite(strengths) & (strengths >= 0)):
        raise ValueError(f"every strength must be finite and >= 0, but alphas = {strengths}")
    return strengths
