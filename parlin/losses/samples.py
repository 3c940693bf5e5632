r"""Samples: those accepted are real and finite, with a nonnegative weight a row; targets are centred."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from parlin._kernels import extremes
from parlin._types import FloatArray
from parlin.matrix import FAR, DesignMatrix

# Squares of smaller numbers, and their products with others, may underflow.
TINY = 1e-100


def is_complex(X: ArrayLike | sparse.spmatrix | sparse.sparray) -> bool:
    """Whether the entries are complex numbers."""
    dtype = getattr(X, "dtype", None)
    return np.iscomplexobj(X) if dtype is None else dtype.kind == "c"


def is_finite(X: FloatArray | sparse.spmatrix | sparse.sparray) -> bool:
    """Whether no stored entry is infinite or NaN."""
    return bool(np.isfinite(X.data if sparse.issparse(X) else X).all())


def check_shapes(X: FloatArray | sparse.spmatrix | sparse.sparray, y: FloatArray) -> None:
    """Raise a ValueError that says how `X` and `y` do not fit."""
    if X.ndim != 2:
        raise ValueError(f"X must be two-dimensional, but has shape {X.shape}; reshape it to (n, d)")
    if 0 in X.shape:
        raise ValueError(f"X must have at least one row and one column, but has shape {X.shape}")
    n = X.shape[0]
    if y.shape != (n,):
        raise ValueError(f"y must have shape ({n},), one entry a row of X, but has shape {y.shape}")


def positive_rows(
    X: ArrayLike | sparse.spmatrix | sparse.sparray, y: FloatArray, sample_weight: ArrayLike | None
) -> tuple[ArrayLike | sparse.spmatrix | sparse.sparray, FloatArray, FloatArray | None]:
    """`X`, `y` (one row a sample) and the weights, all without the rows of weight zero.

    Raises
    ------
    ValueError
        If the weights have the wrong shape, are negative or not finite, or are all zero.
    """
    if sample_weight is None:
        return X, y, None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(y.shape[0], float(weights))
    if weights.shape != y.shape[:1]:
        raise ValueError(f"sample_weight must have shape {y.shape[:1]}, but has shape {weights.shape}")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise ValueError("sample_weight must be finite and nonnegative")
    keep = weights > 0
    if not keep.any():
        raise ValueError("sample_weight must have a positive entry, but all are zero")
    if keep.all():
        return X, y, weights
    if sparse.issparse(X):
        return X.tocsr()[keep], y[keep], weights[keep]
    X = np.asarray(X)
    # Indexing gives C order; Fortran order is what reads columns fast.
    return np.asarray(X[keep], order="F" if X.flags.f_contiguous else "C"), y[keep], weights[keep]


def centred(y: FloatArray, design: DesignMatrix) -> tuple[float, FloatArray, FloatArray]:
    """The weighted mean of y, what was centred, and the centred targets.

    Targets far from 0 are first brought near it, by a difference that is exact or as good as any deviation.
    A constant y is centred to exactly zero.
    """
    mean = float(y[0]) if np.all(y == y[0]) else float(design.weights @ y)
    target = y - mean
    with np.errstate(over="ignore"):
        deviation = math.sqrt(2 * design.half_square(target))
    if not abs(mean) > FAR * deviation:
        return mean, y, target
    rest = float(design.weights @ target)
    return mean + rest, target, target - rest


def is_tiny(design: DesignMatrix, target: FloatArray) -> bool:
    """Whether the design or the targets are so small that squares underflow.

    Raises
    ------
    ValueError
        If that is so of some columns only: no unit holds them and the others.
    """
    least, largest = extremes(design.raw_norms)
    if largest >= TINY:
        if least < TINY**1.5:
            small = np.flatnonzero(design.raw_norms < TINY**1.5)
            X = design.X[:, small]
            lost = small[((X.toarray() if design.is_sparse else X) != 0.0).any(axis=0)]
            if lost.size:
                raise ValueError(
                    f"column {lost[0]} of X is so much smaller than others that its square underflows; "
                    "multiply it by a power of 10, or drop it"
                )
    elif (design.X != 0.0).sum():
        return True
    return 0.0 < max(map(abs, extremes(target))) < TINY
