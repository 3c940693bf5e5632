r"""Weighted second moments of the columns of a matrix, centred or not: norms and Gram matrices."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from parlin._types import FloatArray

# Entries of a temporary panel of columns: it stays in the cache.
_PANEL_ENTRIES = 1 << 16


def column_norms(
    X: FloatArray | sparse.spmatrix | sparse.sparray,
    weights: FloatArray,
    uniform: bool,
    means: FloatArray | None,
) -> FloatArray:
    """``√(Σ_i s_i (x_ij − x̄_j)²)`` without cancellation, shape (d,), for weights ``s`` that sum to one.

    Parameters
    ----------
    X : array or CSC matrix of shape (n, d)
    weights : array of shape (n,)
    uniform : bool
        Whether all weights are equal.
    means : array of shape (d,), optional
        None stands for zeros.
    """
    n, d = X.shape
    if uniform and means is None:
        if not sparse.issparse(X):
            return np.sqrt(np.einsum("ij,ij->j", X, X) / n)
        squares = sparse.csc_array((X.data**2, X.indices, X.indptr), X.shape)
        return np.sqrt(squares.T @ weights)
    means = np.zeros(d) if means is None else means
    if sparse.issparse(X):
        owner = np.repeat(np.arange(d), np.diff(X.indptr))
        stored = np.bincount(owner, weights[X.indices] * (X.data - means[owner]) ** 2, minlength=d)
        if uniform:
            absent = (n - np.diff(X.indptr)) / n
        else:
            absent = 1.0 - np.bincount(owner, weights[X.indices], minlength=d)
            for j in np.flatnonzero(absent < 0.5):  # little is left of 1, and a difference is not accurate
                absent[j] = np.delete(weights, X.indices[X.indptr[j] : X.indptr[j + 1]]).sum()
        return np.sqrt(stored + absent * means**2)
    squared = np.empty(d)
    root = np.sqrt(weights)[:, None]
    width = max(1, _PANEL_ENTRIES // max(n, 1))
    for start in range(0, d, width):
        panel = (X[:, start : start + width] - means[start : start + width]) * root
        squared[start : start + width] = np.einsum("ij,ij->j", panel, panel)
    return np.sqrt(squared)


def sparse_gram(
    X: sparse.spmatrix | sparse.sparray, root_weights: FloatArray, means: FloatArray | None
) -> FloatArray:
    """The smaller of ``A'A`` (d, d) and ``AA'`` (n, n), A the rows of `X` times their factors, centred.

    Centring subtracts products, so that digits cancel where means are large.
    """
    n, d = X.shape
    Y = (sparse.diags_array(root_weights) @ X).tocsr()
    if d <= n:
        product = (Y.T @ Y).toarray()
        return product if means is None else product - np.outer(means, means)
    product = (Y @ Y.T).toarray()
    if means is not None:
        # P (Y Y') P with the projector P off √s: the centred matrix is P Y.
        product -= np.outer(root_weights, root_weights @ product)
        product -= np.outer(product @ root_weights, root_weights)
    return product
