"""Ridge regression in closed form, and how far a point can be from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin import LeastSquares

FloatArray = NDArray[np.float64]


def ridge_coefs(loss: LeastSquares, alphas: ArrayLike) -> FloatArray:
    """The minimisers of ``f(w) + α ‖w‖²/2``, one row a strength, from one singular value decomposition."""
    U, s, Vt = np.linalg.svd(loss.design.columns(slice(None)), full_matrices=False)
    # The columns of the design carry the weights 1/√n, and so must the targets.
    targets = U.T @ (np.sqrt(loss.design.weights) * (loss.y - loss.y_mean))
    return (s / (s**2 + np.atleast_1d(alphas)[:, None]) * targets) @ Vt


def ridge_error(loss: LeastSquares, alpha: float, w: FloatArray) -> float:
    """A bound on the distance of `w` from the ridge solution: the objective has a curvature of at least α."""
    return float(np.linalg.norm(loss.gradient(w) + alpha * w)) / alpha
