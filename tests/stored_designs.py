"""A small design, every way to store it, and what its maps are, written out."""

from __future__ import annotations

import numpy as np
from scipy import sparse

N, D = 9, 5


def data(seed: int = 0, n: int = N, d: int = D) -> np.ndarray:
    """Entries with zeros among them, a constant column and an empty one."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * (rng.random((n, d)) < 0.6)
    X[:, 1], X[:, 3] = 2.7, 0.0
    return X


STORED = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "list": lambda X: X.tolist(),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "csr array": sparse.csr_array,
    "csc array": sparse.csc_array,
    "coo array": sparse.coo_array,
    "csr matrix": sparse.csr_matrix,
    "csc matrix": sparse.csc_matrix,
    "lil matrix": sparse.lil_matrix,
    "explicit zeros": lambda X: sparse.csr_array(
        (X.ravel(), np.tile(np.arange(X.shape[1]), X.shape[0]), np.arange(0, X.size + 1, X.shape[1])), X.shape
    ),
    "int64 indices": lambda X: with_long_indices(sparse.csr_array(X)),
    "entries in two parts": lambda X: in_two_parts(sparse.csr_array(X)),
    "unsorted indices": lambda X: with_reversed_rows(sparse.csr_array(X)),
}
SPARSE = [name for name in STORED if name not in ("C", "F", "list", "strided")]


def with_long_indices(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def in_two_parts(X):
    """Every entry stored twice, a quarter and three quarters: scipy adds them up."""
    parts = np.ravel(np.column_stack((0.25 * X.data, 0.75 * X.data)))
    return sparse.csr_array((parts, np.repeat(X.indices, 2), 2 * X.indptr), X.shape)


def with_reversed_rows(X):
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in zip(X.indptr[:-1], X.indptr[1:], strict=True)])
    return sparse.csr_array((X.data[order], X.indices[order], X.indptr), X.shape)


def explicit(X: np.ndarray, weights: np.ndarray | None, centre: bool) -> tuple[np.ndarray, np.ndarray]:
    """The centred matrix and the normalised weights, written out."""
    s = np.ones(X.shape[0]) if weights is None else np.asarray(weights, dtype=np.float64)
    s = s / s.sum()
    means = np.array([np.sum(s * column) for column in X.T])
    return X - means * centre, s


WEIGHTS = (None, np.random.default_rng(1).uniform(0.2, 3.0, N))
close = {"rtol": 1e-12, "atol": 1e-13}
