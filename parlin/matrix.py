r"""The design matrix as a linear map between ``R^d`` and the space of samples.

The sample space carries the inner product ``<u, v> = Σ_i s_i u_i v_i / Σ_i s_i`` with the sample
weights ``s`` (all ones when there are none).  Norms of columns, the adjoint and the singular
values all refer to it, so that the least-squares loss is ``½ ‖y − Xw‖²`` with no factor ``n`` left
anywhere.  Centring (an unpenalised intercept profiled out) is implicit: neither a dense nor a
sparse matrix is copied for it.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from parlin._kernels import columns as kernels
from parlin._types import FloatArray
from parlin.moments import column_norms, sparse_gram

# Up to this size of the smaller side the spectrum comes from a dense eigenvalue problem.
_DENSE_SPECTRUM = 600
# A sparse design of no more entries is made dense for its Gram matrix, where centring by subtraction
# of products would cancel.
_DENSE_GRAM = 20_000_000
# Entries of a temporary panel of columns: it stays in the cache.
_PANEL_ENTRIES = 1 << 16
# BLAS takes longer to call, and to share the work among its threads, than so few entries take in one loop.
_QUICK = 1 << 18
# Compiled loops and BLAS count with 32 bits.
_MOST = 2**31 - 1
# Up to this share of nonzero coefficients their columns are read one by one.
_FEW_COLUMNS = 0.125


class DesignMatrix:
    r"""A real ``(n, d)`` matrix acting between coefficients and weighted samples.

    Parameters
    ----------
    X : array or sparse matrix of shape (n, d)
        Dense (C or Fortran order) or scipy CSR/CSC.  Anything but float64 is converted once.
    sample_weight : array of shape (n,), optional
        Positive weights; only their ratios matter.
    centre : bool, default=False
        Subtract the weighted column means, as an unpenalised intercept does.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n, d)
        The stored entries, float64, not centred.
    weights : ndarray of shape (n,)
        Sample weights divided by their sum.
    sample_weight : ndarray of shape (n,) or None
        The weights as given.
    is_sparse : bool
        Whether the entries are stored in a scipy sparse matrix.

    Raises
    ------
    ValueError
        If `X` is not two-dimensional or has no entry, or the weights are not one positive number per row.
    """

    def __init__(
        self,
        X: ArrayLike | sparse.spmatrix | sparse.sparray,
        sample_weight: ArrayLike | None = None,
        centre: bool = False,
    ) -> None:
        self.is_sparse = not isinstance(X, np.ndarray) and sparse.issparse(X)
        if self.is_sparse:
            X = X if X.format in ("csr", "csc") else X.tocsr()
            X = X.astype(np.float64, copy=False)
            if not X.has_canonical_format:  # an entry may be stored in several parts
                X = X.copy()
                X.sum_duplicates()
        else:
            X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2:
            raise ValueError(f"X must be two-dimensional, but has shape {X.shape}; reshape it to (n, d)")
        if 0 in X.shape:
            raise ValueError(f"X must have at least one row and one column, but has shape {X.shape}")
        self.X = X
        self.shape: tuple[int, int] = X.shape
        n = self.shape[0]
        self.sample_weight: FloatArray | None = None
        if sample_weight is None:
            self.weights = np.empty(n)
            self.weights.fill(1.0 / n)
        else:
            weights = np.asarray(sample_weight, dtype=np.float64)
            if weights.shape != (n,) or not np.all((weights > 0) & np.isfinite(weights)):
                raise ValueError(
                    f"sample_weight must hold {n} positive finite numbers, one a row of X, none zero"
                )
            self.sample_weight = weights
            relative = weights / weights.max()  # whose sum cannot overflow
            self.weights = relative / relative.sum()
            if not self.weights.all():
                raise ValueError("sample_weight must not differ by more than float64 can tell from zero")
        self.centre = bool(centre)
        # Whether the compiled loops over columns apply.
        self._by_columns = (
            kernels is not None and (self.is_sparse or X.flags.f_contiguous) and self.is_countable
        )
        # Whether a call of BLAS takes longer than such a loop.
        self._is_quick = self._by_columns and not self.is_sparse and X.size <= _QUICK

    @property
    def is_countable(self) -> bool:
        """Whether 32 bits can count the rows, and the stored entries of a sparse matrix."""
        return max(self.shape[0], self.X.nnz if self.is_sparse else 0) <= _MOST

    def survey(self, u: FloatArray) -> FloatArray | None:
        """`rmatvec` of `u`, and means and norms of all columns remembered, in one pass over the data.

        None where one pass does not do: data in C order, too many to be counted, no compiled kernels.
        """
        if not self._by_columns:
            return None
        rest = self.weights, self.sample_weight is None, self.centre, self._dual(u)
        if self.is_sparse:
            means, raw, centred, products = kernels.survey_sparse(*self.by_columns, *rest)
        else:
            means, raw, centred, products = kernels.survey(self.X, *rest)
        self.means, self.raw_norms = means, raw
        self.column_norms = centred if self.centre else raw
        return products

    @cached_property
    def means(self) -> FloatArray:
        """Weighted column means, shape (d,); zeros without centring.

        For a column of equal entries the mean is that entry, float for float, so that the centred column
        is exactly zero.
        """
        if not self.centre:
            return np.zeros(self.shape[1])
        means = np.asarray(self.X.T @ self.weights, dtype=np.float64)
        low, high = self.X.min(axis=0), self.X.max(axis=0)
        if self.is_sparse:
            low, high = low.toarray().ravel(), high.toarray().ravel()
        return np.where(low == high, low, means)

    # -- the map and its adjoint ------------------------------------------------------------------

    def matvec(self, w: FloatArray) -> FloatArray:
        """The centred product ``(X − 1 x̄') w``, shape (n,)."""
        w = np.ascontiguousarray(w, dtype=np.float64)
        if w.shape != self.shape[1:]:
            raise ValueError(f"w must have shape {self.shape[1:]}, one entry a column, but has {w.shape}")
        product = self._uncentred(w)
        if self.centre:
            product -= self.means @ w
        return product

    def _uncentred(self, w: FloatArray) -> FloatArray:
        """``X w``; of a large X only the columns that count are read, of a dense one some at a time."""
        n, d = self.shape
        if self.is_sparse:
            return kernels.product_sparse(*self.by_columns, w, n) if self._by_columns else self.X @ w
        if self.X.size <= _PANEL_ENTRIES:
            return self.X @ w
        support = np.flatnonzero(w)
        if support.size > _FEW_COLUMNS * d:
            return self.X @ w
        if self._by_columns:
            return kernels.combination(self.X, support, w[support])
        product = np.zeros(n)
        width = max(1, _PANEL_ENTRIES // n)
        for start in range(0, support.size, width):
            chosen = support[start : start + width]
            product += w[chosen] @ self.X.T[chosen]
        return product

    def residual(self, target: FloatArray, w: FloatArray) -> FloatArray:
        """``target − (X − 1 x̄') w``, shape (n,)."""
        if not self._is_quick:
            return target - self.matvec(w)
        result = kernels.residual(self.X, target, w)
        if self.centre:
            result += self.means @ w
        return result

    def half_square(self, u: FloatArray) -> float:
        """``½ <u, u>``."""
        return kernels.half_square(self.weights, u) if self._is_quick else 0.5 * float(u @ (self.weights * u))

    def rmatvec(self, u: FloatArray) -> FloatArray:
        """The adjoint ``(X − 1 x̄')' (s ∘ u)``, shape (d,), with the normalised weights ``s``."""
        dual = self._dual(u)
        if self.is_sparse and self._by_columns:
            return kernels.adjoint_sparse(*self.by_columns, dual)
        return kernels.adjoint(self.X, dual) if self._is_quick else self.X.T @ dual

    def _numbers(self, indices: ArrayLike | slice) -> NDArray[np.intp]:
        """The numbers of the columns that NumPy's indexing means, one after the other in memory."""
        return np.ascontiguousarray(np.arange(self.shape[1])[indices])

    def _dual(self, u: FloatArray) -> FloatArray:
        """What X' is applied to: ``s ∘ u``, centred."""
        weighted = self.weights * u
        if self.centre:
            # X' of a vector that sums to zero needs no correction by the means: subtracting the
            # mean from u first keeps the rounding error proportional to the centred u.
            weighted -= self.weights * weighted.sum()
        return weighted

    def columns(self, indices: NDArray[np.intp] | slice) -> FloatArray:
        r"""The chosen columns as a dense Fortran-ordered array in Euclidean coordinates.

        Row ``i`` is multiplied by ``√s_i``, so that ``columns(j)' columns(k) = <X_j, X_k>``.
        """
        if self._by_columns and not self.is_sparse:
            return kernels.panel(self.X, self._numbers(indices), self.means, self.root_weights)
        if self.is_sparse:
            panel = np.asfortranarray(self._csc[:, indices].toarray())
        else:
            # Rows of the transpose: contiguous reads and writes when X is Fortran-ordered.
            panel = np.array(self.X.T[indices], order="C").T
        if self.centre:
            panel -= self.means[indices]
        panel *= self.root_weights[:, None]
        return panel

    @cached_property
    def by_columns(self) -> FloatArray | tuple[FloatArray, NDArray[np.intc], NDArray[np.intc]]:
        """The stored entries, as an array in Fortran order or a CSC triple (data, indices, indptr)."""
        if not self.is_sparse:
            return np.asfortranarray(self.X)
        X = self._csc
        found = (
            np.ascontiguousarray(X.data),
            *(np.ascontiguousarray(k, np.intc) for k in (X.indices, X.indptr)),
        )
        if kernels is not None:
            kernels.check_sparse(*found, self.shape[0])
        return found

    def embed(self, u: FloatArray) -> FloatArray:
        """Sample vectors in the Euclidean coordinates of `columns`: ``√s ∘ u``."""
        return self.root_weights * u

    @cached_property
    def root_weights(self) -> FloatArray:
        """``√s``, shape (n,)."""
        return np.sqrt(self.weights)

    @cached_property
    def _csc(self) -> sparse.spmatrix | sparse.sparray:
        return self.X.tocsc()

    # -- norms and spectrum -----------------------------------------------------------------------

    @cached_property
    def raw_norms(self) -> FloatArray:
        """Weighted norms of the stored, uncentred columns, shape (d,): the scale of rounding errors."""
        return self._norms(None)

    @cached_property
    def column_norms(self) -> FloatArray:
        """Weighted norms of the columns, shape (d,); centred ones are summed without cancellation."""
        return self._norms(self.means) if self.centre else self.raw_norms

    def _norms(self, means: FloatArray | None) -> FloatArray:
        uniform = self.sample_weight is None
        return column_norms(self._csc if self.is_sparse else self.X, self.weights, uniform, means)

    def gram(self) -> FloatArray:
        """The smaller of ``X'X`` (d, d) and ``XX'`` (n, n), in the inner product of the samples."""
        n, d = self.shape
        if self.is_sparse and n * d > _DENSE_GRAM:
            return sparse_gram(self.X, self.root_weights, self.means if self.centre else None)
        A = self.columns(slice(None))
        return A.T @ A if d <= n else A @ A.T

    @cached_property
    def largest_singular_value(self) -> float:
        """The largest singular value, exact to rounding, or from above by Lanczos on large matrices."""
        n, d = self.shape
        if min(n, d) <= _DENSE_SPECTRUM:
            return float(np.sqrt(max(np.linalg.eigvalsh(self.gram())[-1], 0.0)))
        normal = LinearOperator((d, d), matvec=lambda w: self.rmatvec(self.matvec(w)), dtype=np.float64)
        start = np.random.default_rng(0).standard_normal(d)
        value, vector = eigsh(normal, k=1, v0=start, tol=1e-8)
        residual = np.linalg.norm(normal.matvec(vector[:, 0]) - value[0] * vector[:, 0])
        return float(np.sqrt(value[0] + residual))
