r"""Smooth losses ``f(w)`` of a linear model: value, gradient, and the dual point that gives a gap."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from parlin._cached import cached_property
from parlin._kernels import all_finite, columns, compiled, extremes
from parlin._threads import FEW_ENTRIES, MANY_ENTRIES, steady
from parlin._types import FloatArray
from parlin.losses.base import coordinate_step
from parlin.losses.samples import centred, check_shapes, is_complex, is_finite, is_tiny, positive_rows
from parlin.matrix import DesignMatrix

# Rounding errors of a gradient entry, in units of the sizes that `rounding_floor` sums up.
ROUNDING = 8 * float(np.finfo(np.float64).eps)
_CANCELS = 0.01  # a difference of values is trusted while it is no smaller a part of the first one


class LeastSquares:
    r"""Half the weighted mean squared error, ``f(w) = Σ_i s_i (y_i − x_i'w − b)² / (2 Σ_i s_i)``.

    With ``fit_intercept`` the intercept ``b`` is the minimising one: ``X`` and ``y`` are centred,
    implicitly, so a sparse ``X`` stays sparse.

    Parameters
    ----------
    X : array or sparse matrix of shape (n, d), or a DesignMatrix
        A `DesignMatrix` is shared, not copied; it then brings its own weights and centring.
    y : array of shape (n,)
    sample_weight : array of shape (n,), optional
        Nonnegative; a weight ``k`` is the same as the row ``k`` times, and 0 drops the row.
    fit_intercept : bool, default=False

    Attributes
    ----------
    design : DesignMatrix
    y : ndarray of shape (n,)
        The targets as given, without the rows of weight zero.
    y_mean : float
        Their weighted mean with an intercept, otherwise 0.
    target : ndarray of shape (n,)
        The targets less that mean; read-only.

    Raises
    ------
    ValueError
        If the shapes disagree, an entry is complex, not finite, or so large that its square is not, a
        weight is negative, or all are zero.

    Examples
    --------
    >>> from parlin import LeastSquares
    >>> loss = LeastSquares([[1.0], [2.0]], [1.0, 3.0])
    >>> loss.value([1.0])
    0.25
    >>> loss.gradient([1.0])
    array([-1.])
    """

    @steady(lambda self, X, *rest, **options: _entries_for_blas(X))
    def __init__(
        self,
        X: ArrayLike | sparse.spmatrix | sparse.sparray | DesignMatrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        fit_intercept: bool = False,
    ) -> None:
        if is_complex(X) or is_complex(y):
            raise ValueError("X and y must be real, but are complex; stack real and imaginary parts")
        y = np.array(y, dtype=np.float64)
        if isinstance(X, DesignMatrix):
            if sample_weight is not None or fit_intercept:
                raise ValueError("a DesignMatrix already holds its sample weights and its centring")
            check_shapes(X.X, y)
            self.design = X
        else:
            if isinstance(X, np.ndarray) or not sparse.issparse(X):
                X = np.asarray(X, dtype=np.float64)
            check_shapes(X, y)
            X, y, sample_weight = positive_rows(X, y, sample_weight)
            self.design = DesignMatrix(X, sample_weight, centre=fit_intercept)
        if not all_finite(y):
            raise ValueError("X and y must be finite")
        design = self.design
        self.y = y
        self.y_mean, self._y, self.target = centred(y, design) if design.centre else (0.0, y, y - 0.0)
        _read_only(self.target)
        self._last: _Evaluation | None = None
        self._origin: _Evaluation | None = None  # w = 0, found with the column statistics
        adjoint = None if design is X else design.column_statistics(self.target)
        with np.errstate(invalid="ignore", over="ignore") if adjoint is None else nullcontext():
            # Norms are needed anyway, and are finite only if X is.
            finite = math.isfinite(extremes(design.raw_norms)[1])
        if not finite:
            if is_finite(design.X):
                raise ValueError("X is too large: squares of its entries overflow; divide X by a power of 10")
            raise ValueError("X and y must be finite")
        with np.errstate(over="ignore"):
            finite = math.isfinite(self.value_at_zero)
        if not finite:
            raise ValueError("y is too large: the sum of its squares overflows; divide y by a power of 10")
        self.is_tiny = is_tiny(design, self.target)
        if adjoint is not None:
            self.gradient_at_zero = _read_only(-adjoint)
            self._origin = _Evaluation(bytes(8 * self.size), self.target, self.gradient_at_zero)

    quadratic = True  # f is a quadratic form: what ADMM's one factorisation needs

    @property
    def size(self) -> int:
        """The number of coefficients d."""
        return self.design.shape[1]

    # -- value and derivatives --------------------------------------------------------------------

    def residual(self, w: ArrayLike) -> FloatArray:
        """``y − Xw − b`` with the best intercept, shape (n,); read-only."""
        return self._at(w).residual

    def value(self, w: ArrayLike) -> float:
        """The loss f(w), nonnegative, in units of y²."""
        w = np.asarray(w, dtype=np.float64)
        known = self._known(self._key(w))
        if known is not None:
            return self._value_of(known)
        return self.design.half_square(self.design.residual(self.target, w))

    def gradient(self, w: ArrayLike) -> FloatArray:
        """The gradient of f at `w`, shape (d,); read-only."""
        return self._gradient_of(self._at(w))

    def value_and_gradient(self, w: ArrayLike) -> tuple[float, FloatArray]:
        """Both for the price of one pass over the data."""
        point = self._at(w)
        return self._value_of(point), self._gradient_of(point)

    def value_near(self, w: FloatArray, point: FloatArray) -> float:
        """f(point), at the price of the columns in which it differs from `w`, the last point asked for."""
        move = point - w
        (least, greatest), (low, high) = extremes(move), extremes(point)
        value = self.design.half_square(self.design.residual(self.residual(w), move))
        # A point that is small next to the move, or fits much better, would be left with w's rounding errors.
        if max(-least, greatest) <= max(-low, high) and value >= _CANCELS * self.value(w):
            return value
        return self.value(point)

    def _value_of(self, point: _Evaluation) -> float:
        if point.value is None:
            point.value = self.design.half_square(point.residual)
        return point.value

    def _gradient_of(self, point: _Evaluation) -> FloatArray:
        if point.gradient is None:
            point.gradient = _read_only(-self.design.rmatvec(point.residual))
        return point.gradient

    def _key(self, w: FloatArray) -> bytes:
        if w.shape != (self.size,):
            raise ValueError(f"w must have shape ({self.size},), one entry a column of X, but has {w.shape}")
        return w.tobytes()

    def _known(self, key: bytes) -> _Evaluation | None:
        for point in (self._last, self._origin):
            if point is not None and point.key == key:
                return point
        return None

    def _at(self, w: ArrayLike) -> _Evaluation:
        """What is known at `w`, remembered for one point: solver and certificate ask for the same."""
        w = np.asarray(w, dtype=np.float64)
        key = self._key(w)
        point = self._known(key)
        if point is None:
            point = self._last = _Evaluation(key, _read_only(self.design.residual(self.target, w)))
        return point

    def local_quadratic(self, w: ArrayLike) -> tuple[float, LeastSquares]:
        """A factor and a `LeastSquares` whose product has f's gradient and curvature at `w`; here f itself.

        For another ``f = Σ_i s_i h_i(z_i)``, ``z = Xw``, with curvatures ``κ_i = h_i''(z_i) > 0`` they
        are ``Σ_i s_i κ_i`` and ``LeastSquares(X, z − h'/κ, sample_weight=sκ)``.
        """
        return 1.0, self

    @property
    def lipschitz(self) -> float:
        """The Lipschitz constant of the gradient: the squared largest singular value of the design."""
        return self.design.largest_singular_value**2

    @cached_property
    def coordinate_lipschitz(self) -> FloatArray:
        """The second derivatives ``‖X_j‖²``, shape (d,)."""
        return self.design.column_norms**2

    @property
    def coordinate_step(self) -> float:
        """``1 / max_j ‖X_j‖²``, the longest step that is safe in every single coordinate; 1 for X = 0."""
        return coordinate_step(self.coordinate_lipschitz)

    def intercept(self, w: ArrayLike) -> float:
        """The intercept that minimises f for these coefficients; 0 without an intercept."""
        return float(self.y_mean - self.design.means @ np.asarray(w, dtype=np.float64))

    @cached_property
    def value_at_zero(self) -> float:
        """f(0), the scale against which gaps are reported."""
        return self.design.half_square(self.target)

    @cached_property
    def gradient_at_zero(self) -> FloatArray:
        """The gradient of f at 0, shape (d,); read-only."""
        return self.gradient(np.zeros(self.size))

    # -- what the certificate needs ---------------------------------------------------------------

    @cached_property
    def gradient_scale(self) -> FloatArray:
        """The size of each gradient entry that counts as large: ``max|∇f(0)| ‖X_j‖ / max_k ‖X_k‖``."""
        return self.gradient_unit * self.design.column_norms

    @cached_property
    def gradient_unit(self) -> float:
        """`gradient_scale` of a column of norm one: ``max|∇f(0)| / max_k ‖X_k‖``, 0 for X = 0."""
        largest = extremes(self.design.column_norms)[1]
        low, high = extremes(self.gradient_at_zero)
        return max(-low, high) / largest if largest > 0.0 else 0.0

    def rounding_floor(self, w: FloatArray, by_rows: bool = False) -> FloatArray:
        r"""The size of rounding errors in each gradient entry at `w`, shape (d,).

        ``8 ε (‖X_j‖ (‖y‖ + Σ_k ‖X_k‖_raw |w_k|) + ‖X_j‖_raw ‖r‖)``: errors of the residual, seen
        through the centred column, and errors of the product with the raw column.  The sum stands in
        place of ``‖Xw‖`` because columns that cancel in the product do not cancel in its errors.  `by_rows`
        it is, where that is less, ``8 ε Σ_i s_i |x_ij| (|y_i| + Σ_k |x_ik| |w_k| + |r_i|)``, means counted
        with the entries: what the sums of this gradient can lose, with no large row in place of a small one.
        """
        design = self.design
        raw, centred = design.raw_norms, design.column_norms
        sizes = self.y_norm + float(np.dot(raw, np.abs(w)))
        residual_norm = math.sqrt(2 * self.value(w))
        if raw is centred:
            floor = (ROUNDING * (sizes + residual_norm)) * raw
        else:
            floor = (ROUNDING * sizes) * centred + (ROUNDING * residual_norm) * raw
        if by_rows:
            terms = np.abs(self._y) + design.row_sizes(w) + np.abs(self.residual(w))
            floor = np.minimum(floor, ROUNDING * design.column_sizes(terms))
        return floor

    @cached_property
    def y_norm(self) -> float:
        """The weighted norm of what was centred: the targets, less an offset if they are far from 0."""
        return math.sqrt(2 * (self.design.half_square(self._y) if self.design.centre else self.value_at_zero))

    def dual_point(self, w: ArrayLike, unpenalised: NDArray[np.intp]) -> FloatArray:
        """The residual made orthogonal to the unpenalised columns: feasible for the dual after scaling."""
        residual = self.residual(w)
        norms = self.design.column_norms[unpenalised]
        unpenalised = unpenalised[norms > 0.0]
        if unpenalised.size == 0:
            return residual
        Z = self.design.columns(unpenalised) / norms[norms > 0.0]  # so that no small column is dropped
        u = self.design.embed(residual)
        for _ in range(2):  # the second projection removes what rounding left of the first
            u = u - Z @ np.linalg.lstsq(Z, u, rcond=None)[0]
        return u / self.design.root_weights

    def fenchel_young(self, w: ArrayLike, nu: FloatArray) -> float:
        """``f(w) + f*(−X'ν) + <ν, Xw> >= 0`` for a dual point `nu`: the loss's part of the gap."""
        return self.design.half_square(self.residual(w) - nu)


@dataclass(slots=True)
class _Evaluation:
    """The residual at a point, and the value and gradient once they were asked for."""

    key: bytes  # of the point
    residual: FloatArray
    gradient: FloatArray | None = None
    value: float | None = None


def _entries_for_blas(X: ArrayLike | sparse.spmatrix | sparse.sparray | DesignMatrix) -> int:
    """The size of what BLAS reads when a loss is made: nothing of columns that compiled loops read."""
    if not isinstance(X, np.ndarray):
        return MANY_ENTRIES
    quick = compiled and X.flags.f_contiguous and X.size <= columns.QUICK and len(X) <= FEW_ENTRIES
    return 0 if quick else X.size


def _read_only(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array
