r"""Batches of rows: contiguous after one permutation, in random order; or rows drawn with replacement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from parlin._types import FloatArray, IndexArray
from parlin.losses import LeastSquares

# Rows that are copied at once: no signal ends a copy.
_COPIED = 256
# Rows and their permutation: dense in C order, or a CSR triple.
Triple = tuple[FloatArray, NDArray[np.intc], NDArray[np.intc]]
IntArray = NDArray[np.intc]


class Epoch(NamedTuple):
    """Batches of rows: those from `begins` to before `ends`, or such entries of `picked`."""

    begins: IntArray
    ends: IntArray
    picked: IntArray | None


class Batches:
    r"""The rows of a least-squares loss in random order, cut into batches of nearly equal size.

    Parameters
    ----------
    loss : LeastSquares
    batch_size : int
        At least as many as rows make one batch of all.
    replace : bool
        Whether every batch is `batch_size` rows drawn with replacement.
    seed : sequence of int
        Of the permutation alone, so that it can be made again.
    shuffle : bool, default=True
        Otherwise rows and batches keep their order.

    Attributes
    ----------
    X : array of shape (n, d) in C order, or a CSR triple
        The permuted rows, centred if the loss has an intercept.
    y, weights : ndarray of shape (n,)
        Their centred targets, and their weights with sum 1.
    count : int
        Batches an epoch, m.
    factor : float
        ``factor Σ_{i in batch} s_i ∇_i`` has the gradient as its mean: m, or n / batch_size with
        replacement.
    """

    def __init__(
        self, loss: LeastSquares, batch_size: int, replace: bool, seed: Sequence[int], shuffle: bool = True
    ) -> None:
        design = loss.design
        n, self._d = design.shape
        self.count = -(-n // batch_size)
        whole = (self.count == 1 or not shuffle) and not replace
        order = np.arange(n) if whole else np.random.default_rng(seed).permutation(n)
        self.X: FloatArray | Triple
        if design.is_sparse:
            rows = design.X.tocsr()
            if not whole:
                rows = rows[order]
            self.X = (rows.data, rows.indices.astype(np.intc), rows.indptr.astype(np.intc))
        elif whole and not design.centre:
            self.X = np.ascontiguousarray(design.X)
        else:
            self.X = np.empty((n, self._d))
            for begin in range(0, n, _COPIED):
                rows = design.X[order[begin : begin + _COPIED]]
                self.X[begin : begin + _COPIED] = rows - design.centres if design.centre else rows
        self.y, self.weights = loss.target[order], design.weights[order]
        self._n, self._size, self._replace, self._shuffle = n, min(batch_size, n), replace, shuffle
        self._bounds = np.linspace(0, n, self.count + 1).astype(np.intc)
        self.factor = n / self._size if replace else float(self.count)

    def draw(self, generator: np.random.Generator) -> Epoch:
        """The batches of the next epoch."""
        if self._replace:
            picked = generator.integers(self._n, size=self.count * self._size, dtype=np.intc)
            bounds = np.arange(0, picked.size + 1, self._size, dtype=np.intc)
            return Epoch(bounds[:-1], bounds[1:], picked)
        order = generator.permutation(self.count) if self._shuffle else np.arange(self.count)
        return Epoch(self._bounds[:-1][order], self._bounds[1:][order], None)

    def curvature(self) -> float:
        """A bound on the Lipschitz constant of the gradient of any batch, from the norms of its rows."""
        if isinstance(self.X, tuple):
            data, _, indptr = self.X
            squares = np.concatenate(([0.0], np.cumsum(data * data)))
            squares = squares[indptr[1:]] - squares[indptr[:-1]]
        else:
            squares = np.einsum("ij,ij->i", self.X, self.X)
        weighted = self.weights * squares
        if self._replace:
            return self.factor * self._size * float(weighted.max())
        return self.factor * float(np.add.reduceat(weighted, self._bounds[:-1]).max())

    def columns(self, chosen: IndexArray) -> FloatArray:
        """The chosen columns of the permuted rows, dense in C order, shape (n, len(chosen))."""
        if isinstance(self.X, tuple):
            return np.ascontiguousarray(self._matrix()[:, chosen].toarray())
        return np.ascontiguousarray(self.X[:, chosen])

    def product(self, w: FloatArray) -> FloatArray:
        """``X w`` of the permuted rows, shape (n,)."""
        return (self._matrix() if isinstance(self.X, tuple) else self.X) @ w

    def _matrix(self) -> sparse.csr_array:
        return sparse.csr_array(self.X, shape=(self.y.size, self._d))
