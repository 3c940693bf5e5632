r"""A composite problem ``F(w) = f(w) + Σ_j ω_j ψ(w_j)``: one loss, one penalty, optional weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin._cached import cached_property
from parlin._kernels import extremes
from parlin._threads import one_blas_thread, steady_blas
from parlin._types import BoolArray, FloatArray, IndexArray
from parlin.losses import LeastSquares, Loss
from parlin.penalty import PAR, SeparablePenalty


class Problem:
    r"""Minimise ``loss(w) + Σ_j ω_j penalty(w_j)`` over ``w in R^d``.

    The strength is already inside the penalty (``penalty.scaled(alpha)``), so no solver knows it.

    Parameters
    ----------
    loss : Loss, such as LeastSquares
    penalty : PAR
    penalty_weights : array of shape (d,), optional
        ``ω >= 0``; a coordinate of weight 0 is unpenalised (no box either).

    Raises
    ------
    TypeError
        If `loss` is no loss or `penalty` no PAR.
    ValueError
        If the weights are invalid, or if F can be unbounded below: the penalty is, and the design
        does not have full column rank.

    Examples
    --------
    >>> from parlin import LeastSquares, Problem, designs
    >>> problem = Problem(LeastSquares([[1.0], [2.0]], [1.0, 3.0]), designs.lasso(1.0, 1).scaled(0.1))
    >>> round(problem.objective([1.0]), 12)
    0.35
    """

    def __init__(self, loss: Loss, penalty: PAR, penalty_weights: ArrayLike | None = None) -> None:
        # An array has a size as well; only a loss says whether it is quadratic.
        if getattr(loss, "quadratic", None) is None:
            raise TypeError(f"loss must be such as LeastSquares(X, y), but is {type(loss).__name__}")
        self.loss = loss
        self.separable = SeparablePenalty(penalty, loss.size, penalty_weights)
        self.penalty = penalty
        self.penalty_weights = self.separable.weights  # read-only, None if all are 1
        self._reject_unbounded()

    def _reject_unbounded(self) -> None:
        if self.penalty.bounded_below:
            return
        n, d = self.loss.design.shape
        with one_blas_thread():
            spectrum = np.linalg.eigvalsh(self.loss.design.gram()) if d <= n else np.zeros(1)
        if spectrum[0] <= d * np.finfo(np.float64).eps * spectrum[-1]:
            raise ValueError(
                f"the objective can be unbounded below: {self.penalty!r} falls without end (the first slope "
                f"must be <= 0 and the last >= 0) and the design of shape {(n, d)} does not have full column "
                "rank; add a box side or turn the outer slopes"
            )

    @property
    def size(self) -> int:
        """The number of coefficients d."""
        return self.loss.size

    @property
    def penalised(self) -> BoolArray:
        """Which coordinates have a positive penalty weight, shape (d,); read-only."""
        return self.separable.penalised

    @property
    def unpenalised(self) -> IndexArray:
        """The indices of the coordinates of weight zero; read-only."""
        return self.separable.unpenalised

    def with_penalty(self, penalty: PAR) -> Problem:
        """The problem with another penalty on the same loss and weights."""
        return Problem(self.loss, penalty, self.penalty_weights)

    def start(self) -> FloatArray:
        """The default start: every penalised coordinate at `PAR.rest`, the others at 0."""
        return self.separable.start.copy()

    def clip(self, w: FloatArray) -> FloatArray:
        """A copy of `w` with every penalised coordinate moved into the penalty's box."""
        return self.separable.clip(w)

    @cached_property
    def start_objective(self) -> float:
        """F at the default start."""
        if self.penalty.rest.x == 0.0:
            return self.loss.value_at_zero  # ψ(0) = 0
        return self.objective(self.separable.start)

    @cached_property
    def reachable_objective(self) -> float:
        """The lower of F at the default start and at 0, if that is in the box."""
        low, high = self.penalty.domain
        if self.penalty.rest.x != 0.0 and low <= 0.0 <= high:
            return min(self.start_objective, self.loss.value_at_zero)
        return self.start_objective

    @cached_property
    def gradient_unit(self) -> float:
        """The entry of the gradient that counts as large for a column of norm one.

        The loss's, ``max|∇f(0)| / max_k ‖X_k‖``.  Where the gradient at 0 vanishes, as for y = 0, what
        the penalty adds to it there takes its place; and where 0 is a solution, what a coefficient of the
        size of the largest level makes, or of size 1 if no level says more (theory 11.6).
        """
        if self.loss.gradient_unit:
            return self.loss.gradient_unit
        largest = math.sqrt(float(self.loss.coordinate_lipschitz.max()))
        zero = np.zeros(self.size)
        pull = float(self.distance(zero, self.clip(zero)).max())
        if largest and 0.0 < pull < math.inf:
            return pull / largest
        return largest * (float(np.abs(self.penalty.levels).max(initial=0.0)) or 1.0)

    @cached_property
    def gradient_scale(self) -> FloatArray:
        """The size of each gradient entry that counts as large, shape (d,); read-only."""
        if self.loss.gradient_unit:
            return self.loss.gradient_scale
        scale = self.gradient_unit * np.sqrt(self.loss.coordinate_lipschitz)
        scale.flags.writeable = False
        return scale

    def value_scale(self, objective: float) -> float:
        """What gaps are relative to: ``max(f(0), |F|)``, with a floor as for gradients."""
        scale = max(self.loss.value_at_zero, abs(objective))
        return scale if self.loss.value_at_zero else max(scale, 0.5 * self.gradient_unit * self.gradient_unit)

    def strength_max(self) -> float:
        r"""The least ``t`` from which on `start` is critical for ``loss + t · penalty``, or inf.

        Source: theory 10.  With ``g`` the descent direction at the start (unpenalised coordinates at
        their optimum) and ``s₋ < 0 < s₊`` the slopes there it is ``max_j max(g_j/(ω_j s₊), g_j/(ω_j s₋))``.
        """
        weighted = self.penalty_weights is not None
        if weighted and not self.penalised.any():
            return 0.0
        rest, slopes = self.penalty.rest, self.penalty.slopes
        low, high = sorted((slopes.item(rest.left), slopes.item(rest.right)))
        if weighted and self.unpenalised.size:
            gradient = -self.loss.design.rmatvec(self.loss.dual_point(self.separable.start, self.unpenalised))
        else:
            gradient = self.loss.gradient(self.separable.start)
        if weighted:
            gradient = gradient[self.penalised] / self.penalty_weights[self.penalised]
        least, greatest = extremes(gradient)
        up, down = max(-least, 0.0), min(-greatest, 0.0)
        if low > 0 or high < 0 or (up > 0 and high == 0) or (down < 0 and low == 0):
            return math.inf
        return max(up / high if up else 0.0, down / low if down else 0.0)

    def critical_strength(self, w: ArrayLike) -> float:
        r"""The least ``t >= 0`` from which on `w` is critical for ``loss + t · penalty``, or inf if none is.

        A coefficient on a level where the slopes ``s₋ < 0 < s₊`` enclose 0 needs
        ``max(g_j/(ω_j s₊), g_j/(ω_j s₋))`` with ``g = −∇f(w)``; elsewhere more strength may do harm, and the
        answer is inf unless the gradient is 0 there.  For `parlin.designs.distance` and w on its levels this
        is ``max_j |g_j| / (ω_j slope)``.
        """
        w = np.asarray(w, dtype=np.float64)
        if np.isnan(w).any():
            raise ValueError("w must not be NaN anywhere")
        pull = -self.loss.gradient(w)
        pull[np.abs(pull) <= self.loss.rounding_floor(w)] = 0.0
        left, right = (self.penalty.levels.searchsorted(w, side=side) for side in ("left", "right"))
        slopes = self.penalty.slopes
        low = np.minimum(slopes[left], slopes[right])
        high = np.maximum(slopes[left], slopes[right])
        weights = np.ones(w.size) if self.penalty_weights is None else self.penalty_weights
        with np.errstate(divide="ignore", invalid="ignore"):
            needed = np.where(pull > 0, pull / (weights * high), pull / (weights * low))
        enclosed = np.where(pull > 0, high > 0, low < 0) & (low <= 0) & (high >= 0) & (weights > 0)
        needed = np.where(pull == 0, np.where((low <= 0) & (high >= 0) | (weights == 0), 0.0, np.inf), needed)
        return float(np.where(enclosed | (pull == 0), needed, np.inf).max())

    # -- values -----------------------------------------------------------------------------------

    def penalty_value(self, w: ArrayLike) -> float:
        """``Σ_j ω_j ψ(w_j)``, +inf outside a box."""
        return self.separable.value(w)

    def objective(self, w: ArrayLike) -> float:
        """F(w), +inf outside a box."""
        return self.loss.value(w) + self.penalty_value(w)

    # -- the penalty, coordinate by coordinate ----------------------------------------------------

    def prox(self, v: FloatArray, step: float) -> FloatArray:
        """The proximal map of the whole penalty with this step; unpenalised coordinates stay."""
        return self.separable.prox(v, step)

    def distance(self, gradient: FloatArray, w: FloatArray) -> FloatArray:
        """The distance of ``−gradient_j`` from the Clarke interval of ``ω_j ψ`` at ``w_j``, shape (d,)."""
        return self.separable.distance(gradient, w)

    def violation(self, gradient: FloatArray, w: FloatArray) -> FloatArray:
        """How far each coordinate is from stationary, in units of the gradient, shape (d,).

        Convex ψ: `distance`.  Nonconvex ψ: also the move of a proximal-gradient step divided by the
        step ``1 / max_j ‖X_j‖²``, which sees coordinates on concave kinks.
        """
        if self.penalty.shape == "convex":
            return self.distance(gradient, w)
        step = self.loss.coordinate_step
        move = np.abs(w - self.prox(w - step * gradient, step)) / step
        # A coordinate an ulp off its level hardly moves, but is not stationary.
        return np.maximum(move, self.distance(gradient, w))

    def on_level(self, w: ArrayLike) -> NDArray[np.bool_]:
        """Which penalised coordinates equal a level, float for float, shape (d,)."""
        return self.separable.on_level(w)

    def on_concave_kink(self, w: ArrayLike) -> NDArray[np.bool_]:
        """Which penalised coordinates are on a level where the slope falls: none of a local minimiser is."""
        slopes, code = self.penalty.slopes, self.penalty.codes(w)
        return (code >= 0) & (slopes[code + 1] < slopes[code]) & self.penalised

    def unquantized(self, w: ArrayLike) -> NDArray[np.intp]:
        """The indices of the penalised coordinates off every level: U(w) of [PAR]."""
        return np.flatnonzero(self.penalised & ~self.penalty.on_level(w))


def alpha_max(
    X: ArrayLike,
    y: ArrayLike,
    penalty: PAR,
    *,
    sample_weight: ArrayLike | None = None,
    fit_intercept: bool = True,
    penalty_weights: ArrayLike | None = None,
) -> float:
    r"""The least strength at which every coefficient is at the penalty's minimiser.

    For an even penalty with slope ``a_0`` at 0 this is ``‖X'y‖_∞ / (n a_0)`` (X, y centred if there is
    an intercept).  inf if no strength does it.  Source: theory 10, [PAR] "collapsed output".

    Examples
    --------
    >>> from parlin import alpha_max, designs
    >>> alpha_max([[1.0], [2.0]], [1.0, 3.0], designs.lasso(1.0, 1), fit_intercept=False)
    3.5
    """
    loss = LeastSquares(X, np.asarray(y, dtype=np.float64), sample_weight, fit_intercept)
    with steady_blas(loss.design.X.size):
        return Problem(loss, penalty, penalty_weights).strength_max()
