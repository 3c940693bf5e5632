r"""The unquantized relatives of the estimators, ridge and lasso, whose largest coefficient sets a grid.

They are solved here, to rounding errors, so that a grid does not depend on how the data are stored, weighted
or scaled, nor on where another library's iteration stopped.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, lstsq
from scipy.sparse.linalg import LinearOperator, lsmr

from parlin._kernels.columns_numpy import products_of_columns
from parlin._solve import solve
from parlin._threads import one_blas_thread
from parlin._types import FloatArray
from parlin.estimators._base import Targets
from parlin.matrix import DesignMatrix
from parlin.penalty import PAR
from parlin.problem import Problem

_TOL = 1e-12
# Up to so many rows or columns, and entries, the normal equations are factorised; beyond, LSMR iterates.
_FACTORED, _ENTRIES = 4000, 100_000_000
# Each repeat multiplies what the normal equations lose by the same small factor.
_REFINEMENTS = 4
_ITERATIONS = 10_000


def lasso_coefficients(targets: Targets, alpha: float) -> FloatArray:
    """The coefficients of the Lasso, shape (k, d), to 1e-12 or to rounding unless the data forbid it."""
    penalty = PAR([0.0], [-1.0, 1.0]).scaled(alpha)
    return np.stack([solve(Problem(loss, penalty), tol=_TOL).w for loss in targets.losses])


def ridge_coefficients(targets: Targets, alpha: float) -> FloatArray:
    """The coefficients of ridge regression, shape (k, d), to rounding; at alpha = 0 those of least norm."""
    design = targets.design
    with one_blas_thread():
        if min(design.shape) > _FACTORED or design.shape[0] * design.shape[1] > _ENTRIES:
            return np.stack([_iterated(design, loss.target, alpha) for loss in targets.losses])
        A = design.columns(slice(None))
        y = np.stack([design.embed(loss.target) for loss in targets.losses], axis=1)
        try:
            return _factored(A, y, alpha).T
        except LinAlgError:  # alpha is next to nothing, and columns are dependent
            return lstsq(A, y)[0].T


def _factored(A: FloatArray, y: FloatArray, alpha: float) -> FloatArray:
    """The minimiser of ``½ ‖y − Aw‖² + ½ alpha ‖w‖²`` for each column of y, refined on A itself."""
    n, d = A.shape
    if alpha == 0.0:
        return lstsq(A, y)[0]
    if d <= n:
        factor = _cholesky(products_of_columns(A), alpha)
        w = np.zeros((d, y.shape[1]))
        for _ in range(1 + _REFINEMENTS):
            w += cho_solve(factor, A.T @ (y - A @ w) - alpha * w)
        return w
    factor = _cholesky(products_of_columns(A.T), alpha)
    u = np.zeros_like(y)
    for _ in range(1 + _REFINEMENTS):
        u += cho_solve(factor, y - A @ (A.T @ u) - alpha * u)
    return A.T @ u


def _cholesky(products: FloatArray, alpha: float) -> tuple[FloatArray, bool]:
    """The factor of ``products + alpha I``, for `cho_solve`."""
    products.flat[:: products.shape[0] + 1] += alpha
    return cho_factor(products, overwrite_a=True)


def _iterated(design: DesignMatrix, target: FloatArray, alpha: float) -> FloatArray:
    n, d = design.shape
    root = design.root_weights
    operator = LinearOperator(
        (n, d), matvec=lambda w: root * design.matvec(w), rmatvec=lambda u: design.rmatvec(u / root)
    )
    return lsmr(
        operator, design.embed(target), damp=np.sqrt(alpha), atol=1e-14, btol=1e-14, conlim=0.0,
        maxiter=_ITERATIONS,
    )[0]  # fmt: skip
