r"""The same problem as a quadratic program in sparse matrices, for general-purpose solvers.

Minimise ``½ z'P z + q'z`` subject to ``A z + s = b``, where the first `n_equalities` entries of ``s`` are
zero and the others nonnegative.  The coefficients are ``z[:d]``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from parlin import PAR

FloatArray = NDArray[np.float64]


class QuadraticProgram(NamedTuple):
    """The data of a program."""

    P: sparse.csc_matrix
    q: FloatArray
    A: sparse.csc_matrix
    b: FloatArray
    n_equalities: int


def epigraph_form(X: ArrayLike | sparse.csc_matrix, y: FloatArray, penalty: PAR) -> QuadraticProgram:
    r"""Variables ``(w, r, t)``: ``min ‖r‖²/(2n) + Σ_j t_j``, ``Xw + r = y``, ``t_j >=`` its pieces at w_j.

    For convex penalties without a box.  Interior-point methods like it: two variables a coefficient.
    """
    n, d = X.shape
    levels, slopes = penalty.levels, penalty.slopes
    # on cell k, ψ(x) = slopes[k] x + offsets[k]
    points = np.concatenate((levels[:1], levels))
    offsets = penalty.value(points) - slopes * points
    each = sparse.identity(d, format="csc")
    fit = sparse.hstack([sparse.csc_matrix(X), sparse.identity(n), sparse.csc_matrix((n, d))])
    pieces = sparse.hstack(
        [
            sparse.kron(each, slopes[:, None]),
            sparse.csc_matrix((d * slopes.size, n)),
            sparse.kron(each, -np.ones((slopes.size, 1))),
        ]
    )
    return QuadraticProgram(
        P=sparse.diags(np.concatenate((np.zeros(d), np.full(n, 1.0 / n), np.zeros(d))), format="csc"),
        q=np.concatenate((np.zeros(d + n), np.ones(d))),
        A=sparse.vstack([fit, pieces], format="csc"),
        b=np.concatenate((y, -np.tile(offsets, d))),
        n_equalities=n,
    )


def segment_form(X: ArrayLike | sparse.csc_matrix, y: FloatArray, penalty: PAR) -> QuadraticProgram:
    r"""Variables ``(w, r, u)``: ``w_j = b_0 − u_{j0} + Σ_k u_{jk}``, one bounded length ``u_{jk}`` a cell.

    Increasing slopes make the cells fill in order.  For convex penalties without a box.
    """
    n, d = X.shape
    levels, slopes = penalty.levels, penalty.slopes
    sign = np.concatenate(([-1.0], np.ones(levels.size)))
    size = d * slopes.size
    fit = sparse.hstack([sparse.csc_matrix(X), sparse.identity(n), sparse.csc_matrix((n, size))])
    sums = sparse.hstack(
        [
            sparse.identity(d),
            sparse.csc_matrix((d, n)),
            -sparse.kron(sparse.identity(d), sign[None, :]),
        ]
    )
    bounded = np.flatnonzero(np.tile(np.r_[False, np.ones(levels.size - 1, dtype=bool), False], d))
    lengths = sparse.identity(size, format="csr")
    below = sparse.hstack([sparse.csc_matrix((size, d + n)), -lengths])
    above = sparse.hstack([sparse.csc_matrix((bounded.size, d + n)), lengths[bounded]])
    return QuadraticProgram(
        P=sparse.diags(np.concatenate((np.zeros(d), np.full(n, 1.0 / n), np.zeros(size))), format="csc"),
        q=np.concatenate((np.zeros(d + n), np.tile(slopes * sign, d))),
        A=sparse.vstack([fit, sums, below, above], format="csc"),
        b=np.concatenate((y, np.full(d, levels[0]), np.zeros(size), np.tile(np.diff(levels), d))),
        n_equalities=n + d,
    )
