r"""The columns of a design in NumPy: what `columns` has compiled, with the same signatures.

Also serves where the compiled loops do not: dense columns that are not one after the other in memory, and
more entries than 32 bits count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from parlin._cached import cached_property

FloatArray = NDArray[np.float64]
Triple = tuple[FloatArray, NDArray[np.intc], NDArray[np.intc]]

# Entries of a temporary panel of columns: it stays in the cache.
_PANEL_ENTRIES = 1 << 16
# Up to this fraction of nonzero coefficients their columns are read one by one.
_FEW_COLUMNS = 0.125
# Additions and multiplications in one call of BLAS, some .1 s of one core.
_OPERATIONS = 3e9
# Compiled loops and BLAS count with 32 bits.
MOST = 2**31 - 1


def all_finite(v: FloatArray) -> bool:
    """Whether no entry of the vector is infinite or NaN."""
    return bool(np.isfinite(v).all())


def extremes(v: FloatArray) -> tuple[float, float]:
    """The least and the greatest entry of a vector; NaN if one is."""
    return float(v.min()), float(v.max())


def products_of_columns(A: FloatArray) -> FloatArray:
    """``A'A``, a panel of rows at a time where it is long: no signal ends a call of BLAS."""
    n, d = A.shape
    rows = max(1, int(_OPERATIONS / (d * d)))
    if rows >= n:
        return A.T @ A
    total = np.zeros((d, d))
    for begin in range(0, n, rows):
        part = A[begin : begin + rows]
        total += part.T @ part
    return total


class DenseColumns:
    """The columns of a dense (n, d) array."""

    def __init__(self, X: FloatArray) -> None:
        self.X = X

    @cached_property
    def stored(self) -> FloatArray:
        """The entries in Fortran order."""
        return np.asfortranarray(self.X)

    def statistics(
        self, weights: FloatArray, uniform: bool, centre: bool, u: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The means, raw norms and norms of the columns, and ``X'u``, each of shape (d,).

        Norms carry the weights, which sum to one and may be `uniform`.  With `centre` they are of the columns
        less their means, which are zeros without it.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            raw = self.norms(weights, uniform, None)
            if not centre:
                return np.zeros(self.X.shape[1]), raw, raw, self.adjoint(u)
            means = self.means(weights)
            return means, raw, self.norms(weights, uniform, means), self.adjoint(u)

    def means(self, weights: FloatArray) -> FloatArray:
        """The weighted means; that of a column of equal entries is the entry, float for float."""
        means = np.asarray(self.X.T @ weights, dtype=np.float64)
        low, high = self._ends()
        return np.where(low == high, low, means)

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        """The least and the greatest entry of each column."""
        return self.X.min(axis=0), self.X.max(axis=0)

    def norms(self, weights: FloatArray, uniform: bool, means: FloatArray | None) -> FloatArray:
        """``√(Σ_i s_i (x_ij − x̄_j)²)`` without cancellation; None stands for means of zero."""
        X, (n, d) = self.X, self.X.shape
        if uniform and means is None:
            return np.sqrt(np.einsum("ij,ij->j", X, X) / n)
        means = np.zeros(d) if means is None else means
        squared = np.empty(d)
        root = np.sqrt(weights)[:, None]
        width = max(1, _PANEL_ENTRIES // max(n, 1))
        for start in range(0, d, width):
            panel = (X[:, start : start + width] - means[start : start + width]) * root
            squared[start : start + width] = np.einsum("ij,ij->j", panel, panel)
        return np.sqrt(squared)

    def product(self, w: FloatArray) -> FloatArray:
        """``X w``; of a large X only the columns that count are read, some at a time."""
        if self.X.size <= _PANEL_ENTRIES:
            return self.X @ w
        support = np.flatnonzero(w)
        if support.size > _FEW_COLUMNS * self.X.shape[1]:
            return self.X @ w
        return self.combination(support, w[support])

    def combination(self, chosen: NDArray[np.intp], w: FloatArray) -> FloatArray:
        """``Σ_k w_k X_j(k)`` over the chosen columns j(k), shape (n,)."""
        n = self.X.shape[0]
        product = np.zeros(n)
        width = max(1, _PANEL_ENTRIES // n)
        for start in range(0, chosen.size, width):
            panel = chosen[start : start + width]
            product += w[start : start + width] @ self.X.T[panel]
        return product

    def residual(self, target: FloatArray, w: FloatArray, means: FloatArray | None) -> FloatArray:
        """``target − (X − 1 means') w``, shape (n,); None stands for means of zero."""
        product = self.product(w)
        if means is not None:
            product -= means @ w
        return target - product

    def adjoint(self, u: FloatArray) -> FloatArray:
        """``X' u``, shape (d,)."""
        return self.X.T @ u

    def absolute_product(self, w: FloatArray) -> FloatArray:
        """``|X| w``, shape (n,), some columns at a time."""
        product = np.zeros(self.X.shape[0])
        for part in self._panels():
            product += np.abs(self.X[:, part]) @ w[part]
        return product

    def absolute_adjoint(self, u: FloatArray) -> FloatArray:
        """``|X|' u``, shape (d,), some columns at a time."""
        return np.concatenate([np.abs(self.X[:, part]).T @ u for part in self._panels()])

    def _panels(self) -> list[slice]:
        width = max(1, _PANEL_ENTRIES // self.X.shape[0])
        return [slice(start, start + width) for start in range(0, self.X.shape[1], width)]

    def half_square(self, weights: FloatArray, u: FloatArray) -> float:
        """``½ Σ_i s_i u_i²``, by the loops that suit the size of X."""
        return 0.5 * float(u @ (weights * u))

    def panel(
        self, indices: ArrayLike | slice, means: FloatArray, factors: FloatArray, centre: bool
    ) -> FloatArray:
        """The chosen columns, less their means with `centre`, each row times its factor; in Fortran order."""
        return _centred(self._chosen(indices), means[indices] if centre else None, factors)

    def _chosen(self, indices: ArrayLike | slice) -> FloatArray:
        # Rows of the transpose: contiguous reads and writes when X is Fortran-ordered.
        return np.array(self.X.T[indices], order="C").T


class SparseColumns(DenseColumns):
    """The columns of a sparse matrix in CSR or CSC format."""

    def __init__(self, X: sparse.spmatrix | sparse.sparray) -> None:
        self.X = X

    @cached_property
    def _csc(self) -> sparse.spmatrix | sparse.sparray:
        return self.X.tocsc()

    @cached_property
    def stored(self) -> Triple:
        """The CSC triple (data, indices, indptr)."""
        return self._triple()

    def _triple(self) -> Triple:
        X = self._csc
        indices, indptr = (np.ascontiguousarray(k, np.intc) for k in (X.indices, X.indptr))
        return np.ascontiguousarray(X.data), indices, indptr

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        low, high = self.X.min(axis=0), self.X.max(axis=0)
        return low.toarray().ravel(), high.toarray().ravel()

    def norms(self, weights: FloatArray, uniform: bool, means: FloatArray | None) -> FloatArray:
        """Those of dense columns."""
        X, (n, d) = self._csc, self.X.shape
        if uniform and means is None:
            squares = sparse.csc_array((X.data**2, X.indices, X.indptr), X.shape)
            return np.sqrt(squares.T @ weights)
        means = np.zeros(d) if means is None else means
        owner = np.repeat(np.arange(d), np.diff(X.indptr))
        stored = np.bincount(owner, weights[X.indices] * (X.data - means[owner]) ** 2, minlength=d)
        if uniform:
            absent = (n - np.diff(X.indptr)) / n
        else:
            absent = 1.0 - np.bincount(owner, weights[X.indices], minlength=d)
            for j in np.flatnonzero(absent < 0.5):  # little is left of 1, and a difference is not accurate
                absent[j] = np.delete(weights, X.indices[X.indptr[j] : X.indptr[j + 1]]).sum()
        return np.sqrt(stored + absent * means**2)

    def product(self, w: FloatArray) -> FloatArray:
        """``X w``, shape (n,)."""
        return self.X @ w

    def absolute_product(self, w: FloatArray) -> FloatArray:
        """``|X| w``, shape (n,)."""
        return abs(self.X) @ w

    def absolute_adjoint(self, u: FloatArray) -> FloatArray:
        """``|X|' u``, shape (d,)."""
        return abs(self.X).T @ u

    def gram(self, factors: FloatArray, means: FloatArray | None) -> FloatArray:
        """The smaller of ``A'A`` (d, d) and ``AA'`` (n, n), A the rows times their factors, centred.

        Centring subtracts products, so that digits cancel where means are large.
        """
        n, d = self.X.shape
        Y = (sparse.diags_array(factors) @ self.X).tocsr()
        if d <= n:
            product = (Y.T @ Y).toarray()
            return product if means is None else product - np.outer(means, means)
        product = (Y @ Y.T).toarray()
        if means is not None:
            # P (Y Y') P with the projector P off √s: the centred matrix is P Y.
            product -= np.outer(factors, factors @ product)
            product -= np.outer(product @ factors, factors)
        return product

    def _chosen(self, indices: ArrayLike | slice) -> FloatArray:
        return np.asfortranarray(self._csc[:, indices].toarray())


def _centred(panel: FloatArray, means: FloatArray | None, factors: FloatArray) -> FloatArray:
    """`panel`, which is changed, less the means, each row times its factor."""
    if means is not None:
        panel -= means
    panel *= factors[:, None]
    return panel


def columns_of(X: FloatArray | sparse.spmatrix | sparse.sparray) -> DenseColumns | SparseColumns:
    """The columns of `X`, which is float64 and, if sparse, in CSR or CSC format without duplicates."""
    return DenseColumns(X) if isinstance(X, np.ndarray) else SparseColumns(X)


def is_countable(X: FloatArray | sparse.spmatrix | sparse.sparray) -> bool:
    """Whether 32 bits can count the rows, and the stored entries of a sparse matrix."""
    return max(X.shape[0], 0 if isinstance(X, np.ndarray) else X.nnz) <= MOST


def shifted(
    X: FloatArray | sparse.spmatrix | sparse.sparray, offsets: FloatArray
) -> FloatArray | sparse.csc_array:
    """`X` less the offsets of its columns, in Fortran order or CSC format.

    The differences are exact for entries between half an offset and twice it, and otherwise rounded as any
    deviation is.  A sparse column far from zero has few entries that are zero, so little is made dense.
    """
    if not sparse.issparse(X):
        return np.subtract(X, offsets, order="F")
    far = offsets != 0.0
    X = sparse.csc_array(X)
    dense = sparse.csc_array(X[:, far].toarray() - offsets[far])
    order = np.concatenate((np.flatnonzero(~far), np.flatnonzero(far)))
    return sparse.csc_array(sparse.hstack((X[:, ~far], dense), format="csc")[:, np.argsort(order)])
