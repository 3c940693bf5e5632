r"""The design matrix as a linear map between ``R^d`` and the space of samples.

The sample space carries the inner product ``<u, v> = Σ_i s_i u_i v_i / Σ_i s_i`` with the sample
weights ``s`` (all ones when there are none).  Norms of columns, the adjoint and the singular
values all refer to it, so that the least-squares loss is ``½ ‖y − Xw‖²`` with no factor ``n`` left
anywhere.  Centring (an unpenalised intercept profiled out) is implicit: neither a dense nor a
sparse matrix is copied for it.  The exception are columns far from zero, whose digits implicit centring
would lose: with them the design is made anew, their means, rounded to floats, subtracted from every entry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from parlin._cached import cached_property
from parlin._kernels import columns as kernels
from parlin._kernels.columns_numpy import is_countable, products_of_columns, shifted
from parlin._types import FloatArray

# Up to this size of the smaller side the spectrum comes from a dense eigenvalue problem.
_DENSE_SPECTRUM = 600
# A sparse design of no more entries is made dense for its Gram matrix, where centring by subtraction
# of products would cancel.
_DENSE_GRAM = 20_000_000
# Numbers whose mean is more times their deviation are far from zero: centring sums of them, not each of
# them, would lose digits in proportion, and in a sparse design in proportion to the square.
FAR = 32.0
# So often what is left of the means is looked at again: sums of many numbers are rounded too.
_SHIFTS = 3


class _Stored(NamedTuple):
    """The entries that are computed with, and what is known of their columns; all of shape (d,)."""

    X: FloatArray | sparse.spmatrix | sparse.sparray
    columns: kernels.DenseColumns | kernels.SparseColumns
    offsets: FloatArray | None  # what was subtracted from the entries as given
    centres: FloatArray  # means of what is stored; zeros without centring
    raw_norms: FloatArray
    column_norms: FloatArray


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
    given : ndarray or sparse matrix of shape (n, d)
        The entries as given, float64.
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
        self.given = X
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

    @property
    def is_countable(self) -> bool:
        """Whether 32 bits can count the rows, and the stored entries of a sparse matrix."""
        return is_countable(self.given)

    @property
    def most_rank(self) -> int:
        """What the rank is at most: centred columns sum to zero, which leaves one row less."""
        return min(self.shape[0] - self.centre, self.shape[1])

    # -- what is stored, and what is known of its columns ------------------------------------------

    @cached_property
    def _stored(self) -> _Stored:
        return self._store(np.zeros(self.shape[0]))[0]

    def column_statistics(self, u: FloatArray) -> FloatArray:
        """`rmatvec` of `u`, and the means and norms of all columns kept on the way.

        One pass over the data where the compiled kernels read columns.
        """
        stored, products = self._store(self._dual(u))
        stored = self.__dict__.setdefault("_stored", stored)
        self._hold(stored)
        return products

    def _hold(self, stored: _Stored) -> None:
        """Put at hand what the attributes below would look up."""
        self.X, self._columns, self.offsets, self.centres, self.raw_norms, self.column_norms = stored

    def _store(self, u: FloatArray) -> tuple[_Stored, FloatArray]:
        """What is stored, and X'u: means do not count in it, since with centring u sums to zero."""
        X, offsets = self.given, None
        columns = kernels.columns_of(X)
        facts = columns.statistics(self.weights, self.sample_weight is None, self.centre, u)
        for _ in range(_SHIFTS if self.centre else 0):
            means, _, norms, _ = facts
            with np.errstate(invalid="ignore"):
                far = np.abs(means) > FAR * np.where(norms > 0.0, norms, norms.max())
            if not far.any() or not np.isfinite(means[far]).all():
                break
            shift = np.where(far, means, 0.0)
            offsets = shift if offsets is None else offsets + shift
            X = shifted(X, shift)
            columns = kernels.columns_of(X)
            facts = columns.statistics(self.weights, self.sample_weight is None, True, u)
        centres, raw, centred, products = facts
        return _Stored(X, columns, offsets, centres, raw, centred if self.centre else raw), products

    @cached_property
    def X(self) -> FloatArray | sparse.spmatrix | sparse.sparray:
        """The entries that are computed with, (n, d): as given, or less their columns' `offsets`."""
        return self._stored.X

    @cached_property
    def offsets(self) -> FloatArray | None:
        """What was subtracted from the columns far from zero, shape (d,); None where nothing was."""
        return self._stored.offsets

    @cached_property
    def centres(self) -> FloatArray:
        """The weighted means of the columns of `X`, shape (d,); zeros without centring."""
        return self._stored.centres

    @cached_property
    def means(self) -> FloatArray:
        """The weighted means of the columns as given, shape (d,); zeros without centring.

        For a column of equal entries the mean is that entry, float for float, so that the centred column
        is exactly zero.
        """
        return self.centres if self.offsets is None else self.offsets + self.centres

    @cached_property
    def raw_norms(self) -> FloatArray:
        """Weighted norms of the columns of `X`, not centred, shape (d,): the scale of rounding errors."""
        return self._stored.raw_norms

    @cached_property
    def column_norms(self) -> FloatArray:
        """Weighted norms of the columns, shape (d,); centred ones are summed without cancellation."""
        return self._stored.column_norms

    @cached_property
    def _columns(self) -> kernels.DenseColumns | kernels.SparseColumns:
        return self._stored.columns

    # -- the map and its adjoint ------------------------------------------------------------------

    def matvec(self, w: FloatArray) -> FloatArray:
        """The centred product ``(X − 1 x̄') w``, shape (n,)."""
        w = np.ascontiguousarray(w, dtype=np.float64)
        if w.shape != self.shape[1:]:
            raise ValueError(f"w must have shape {self.shape[1:]}, one entry a column, but has {w.shape}")
        product = self._columns.product(w)
        if self.centre:
            product -= self.centres @ w
        return product

    def residual(self, target: FloatArray, w: FloatArray) -> FloatArray:
        """``target − (X − 1 x̄') w``, shape (n,)."""
        return self._columns.residual(target, w, self.centres if self.centre else None)

    def half_square(self, u: FloatArray) -> float:
        """``½ <u, u>``."""
        return self._columns.half_square(self.weights, u)

    def rmatvec(self, u: FloatArray) -> FloatArray:
        """The adjoint ``(X − 1 x̄')' (s ∘ u)``, shape (d,), with the normalised weights ``s``."""
        return self._columns.adjoint(self._dual(u))

    def row_sizes(self, w: FloatArray) -> FloatArray:
        """``Σ_j (|x_ij| + |x̄_j|) |w_j|`` for each row, (n,): what errors of `matvec` scale with."""
        w = np.abs(w)
        return self._columns.absolute_product(w) + float(np.abs(self.centres) @ w)

    def column_sizes(self, u: FloatArray) -> FloatArray:
        """``Σ_i s_i (|x_ij| + |x̄_j|) u_i`` for each column, u >= 0: for errors of `rmatvec`."""
        weighted = self.weights * u
        return self._columns.absolute_adjoint(weighted) + np.abs(self.centres) * float(weighted.sum())

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
        return self._columns.panel(indices, self.centres, self.root_weights, self.centre)

    @property
    def by_columns(self) -> FloatArray | tuple[FloatArray, NDArray[np.intc], NDArray[np.intc]]:
        """The stored entries, as an array in Fortran order or a CSC triple (data, indices, indptr)."""
        return self._columns.stored

    def embed(self, u: FloatArray) -> FloatArray:
        """Sample vectors in the Euclidean coordinates of `columns`: ``√s ∘ u``."""
        return self.root_weights * u

    @cached_property
    def root_weights(self) -> FloatArray:
        """``√s``, shape (n,)."""
        return np.sqrt(self.weights)

    # -- products and spectrum --------------------------------------------------------------------

    def gram(self) -> FloatArray:
        """The smaller of ``X'X`` (d, d) and ``XX'`` (n, n), in the inner product of the samples."""
        n, d = self.shape
        if self.is_sparse and n * d > _DENSE_GRAM:
            return self._columns.gram(self.root_weights, self.centres if self.centre else None)
        A = self.columns(slice(None))
        return products_of_columns(A) if d <= n else products_of_columns(A.T)

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
