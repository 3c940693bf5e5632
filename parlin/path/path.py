r"""Minimisers along the strength: exactly, as a piecewise affine function, or at given strengths."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from parlin._arguments import at_least_zero
from parlin._cached import cached_property
from parlin._threads import one_blas_thread
from parlin._types import FloatArray
from parlin.certificates import certify
from parlin.losses import LeastSquares
from parlin.path.follow import PathEnd, follow, solution
from parlin.path.homotopy import Event
from parlin.penalty import PAR
from parlin.problem import Problem

# Rows of a dense block while the sparse coefficients are made.
_BLOCK = 64


@dataclass(frozen=True, repr=False, eq=False)
class Path:
    r"""The minimiser ``w(α)`` of ``f(w) + α Σ_j ω_j ψ(w_j)`` between two strengths.

    It is affine in α between consecutive knots, and quantized coordinates equal their level there float
    for float.  Made by `solution_path`.

    Attributes
    ----------
    problem : Problem
        The loss and the penalty of unit strength.
    alphas : ndarray of shape (k + 1,)
        The knots, falling.
    exact : ndarray of bool, shape (k,)
        Whether segment i, between knots i and i + 1, is proved: ``X'r`` is within its intervals at both
        ends, hence at every strength between them.  Where False, only interpolated.
    residuals : ndarray of shape (k,)
        The larger certificate residual (see `Certificate`) of the two ends, for the slopes inside.
    free : ndarray of int, shape (k,)
        The number of penalised coordinates off the levels at every strength inside each segment.
    events : tuple of tuple of Event, one a knot
        Coordinates that reach or leave a level; empty where the solver had to find the point.
    end : PathEnd
    begins_quantized : bool
        Whether the minimiser is the same, with every penalised coordinate quantized, above ``alphas[0]``.
    """

    problem: Problem
    alphas: FloatArray
    exact: NDArray[np.bool_]
    residuals: FloatArray
    free: NDArray[np.intp]
    events: tuple[tuple[Event, ...], ...]
    end: PathEnd
    begins_quantized: bool
    _keys: NDArray[np.int64]  # coordinate · number of knots + knot, for each change of a coordinate; rising
    _values: FloatArray  # what it changes to

    @property
    def n_segments(self) -> int:
        """The number of affine segments."""
        return self.exact.size

    @cached_property
    def coefs(self) -> sparse.csr_array:
        """The coefficients at the knots, shape (k + 1, d)."""
        starts = range(0, self.alphas.size, _BLOCK)
        return sparse.vstack(
            [sparse.csr_array(self._knots(np.arange(self.alphas.size)[i : i + _BLOCK])) for i in starts],
            "csr",
        )

    @cached_property
    def gaps(self) -> FloatArray:
        """The duality gap of the certificate at each knot, relative as there; NaN where there is none."""
        certificates = (certify(self._problem_at(alpha), self.at(alpha)) for alpha in self.alphas)
        return np.array([np.nan if c.gap is None else c.gap for c in certificates])

    def _problem_at(self, alpha: float) -> Problem:
        return self.problem.with_penalty(self.problem.penalty.scaled(alpha))

    def at(self, alpha: ArrayLike) -> FloatArray:
        """The coefficients at the strength(s) `alpha`, of `alpha`'s shape plus ``(d,)``.

        Raises
        ------
        ValueError
            If a strength is outside the path.
        """
        alpha = np.asarray(alpha, dtype=np.float64)
        highest = math.inf if self.begins_quantized else self.alphas[0]
        if not np.all((alpha >= self.alphas[-1]) & (alpha <= highest)):
            raise ValueError(
                f"this path knows the strengths from {self.alphas[-1]:g} to {highest:g}, but alpha = {alpha}"
            )
        flat = np.minimum(alpha.reshape(-1), self.alphas[0])
        knot = np.searchsorted(-self.alphas, -flat, side="right") - 1
        after = np.minimum(knot + 1, self.alphas.size - 1)
        upper, lower = self._knots(knot), self._knots(after)
        length = self.alphas[knot] - self.alphas[after]
        fraction = np.divide(self.alphas[knot] - flat, length, out=np.zeros_like(flat), where=length > 0)
        between = upper + fraction[:, None] * (lower - upper)
        # Rounding must not carry a coordinate past the ends of its segment.
        between = np.clip(between, np.minimum(upper, lower), np.maximum(upper, lower))
        return between.reshape(*alpha.shape, self.problem.size)

    def intercept(self, alpha: float) -> float:
        """The intercept at the strength `alpha`; 0 if the loss has none."""
        return self.problem.loss.intercept(self.at(alpha))

    def quantization_rate(self, alpha: ArrayLike | None = None) -> FloatArray:
        """The fraction of penalised coordinates that equal a level, at `alpha` and of its shape.

        Without `alpha`, on the open segments: with `alphas` this is the whole step function, since at a
        knot the rate is at least that of both neighbours.  1 when no coordinate is penalised.
        """
        size = max(int(np.count_nonzero(self.problem.penalised)), 1)
        if alpha is None:
            return 1.0 - self.free / size
        off = self.problem.penalised & ~self.problem.on_level(self.at(alpha))
        return 1.0 - np.count_nonzero(off, axis=-1) / size

    def _knots(self, knots: NDArray[np.intp]) -> FloatArray:
        """The coefficients at these knots, one a row: for each coordinate the last change up to there."""
        wanted = np.arange(self.problem.size) * self.alphas.size + knots[:, None]
        return self._values[np.searchsorted(self._keys, wanted, side="right") - 1]

    def __repr__(self) -> str:
        doubtful = int(np.count_nonzero(~self.exact))
        proof = "all exact" if doubtful == 0 else f"{doubtful} not exact"
        most = int(self.free.max(initial=0))
        return (
            f"Path({self.n_segments} segments, {proof}, alpha from {self.alphas[0]:.4g} to "
            f"{self.alphas[-1]:.4g} ({self.end.name}), at most {most} of {self.problem.size} off the levels)"
        )


def solution_path(
    loss: LeastSquares,
    penalty: PAR,
    alpha_min: float = 0.0,
    *,
    alpha_start: float | None = None,
    penalty_weights: ArrayLike | None = None,
    tol: float = 1e-9,
    max_events: int = 1_000_000,
) -> Path:
    r"""The exact minimiser for every strength from the one that quantizes everything down to `alpha_min`.

    Parameters
    ----------
    loss : LeastSquares
    penalty : convex PAR
        Of unit strength: the objective is ``loss(w) + alpha Σ_j ω_j penalty(w_j)``, as in the estimators.
    alpha_min : float >= 0, default=0
        0 ends at a least-squares solution, an interpolating one if there is one.
    alpha_start : positive float, optional
        Begin here.  Needed where no finite strength quantizes everything (a penalty that is flat at its
        minimiser); by default, and at most, `alpha_max`.
    penalty_weights : array of shape (d,), optional
        ``ω >= 0``; a coordinate of weight 0 is unpenalised.
    tol : positive float, default=1e-9
        A segment is exact if at both ends no ``X_j'r`` is further from its interval of slopes than `tol`
        times the smaller of the largest gradient entry at 0 (in proportion to the column's norm) and the
        smallest nonzero slope there, or than the rounding errors of the gradient.
    max_events : int, default=1000000

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the penalty is not convex, no start exists, or a number is out of range.

    Notes
    -----
    Source: theory 10.  Between two knots the coefficients and ``X'r`` are affine in α and the cells do
    not change, so optimality at both ends is optimality at every strength between them.  The columns
    of coordinates off the levels are independent at all times, so these are at most ``rank(X)``, for every
    design; on general data at most n for *every* strength, which is [PAR] Theorem 1.  Where rounding
    decides an event, the path goes on from a point that `solve` finds just below.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import LeastSquares, designs
    >>> from parlin import solution_path
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((10, 50)), rng.standard_normal(10)
    >>> path = solution_path(LeastSquares(X, y), designs.ridge(0.1, 10))
    >>> bool(path.exact.all()), bool(path.quantization_rate().min() >= 1 - 10 / 50)
    (True, True)
    >>> bool(np.allclose(X @ path.at(0.0), y))  # d > n: the path ends at interpolation
    True
    """
    at_least_zero("alpha_min", alpha_min)
    if not tol > 0:
        raise ValueError(f"tol must be positive, but is {tol!r}")
    if loss.is_tiny:
        raise ValueError("X or y is so small that squares underflow; multiply it by a power of 10")
    problem = Problem(loss, penalty, penalty_weights)
    if not loss.quadratic or penalty.shape != "convex":
        raise ValueError(
            f"an exact path needs a quadratic loss and a convex penalty, but {penalty!r} is {penalty.shape}; "
            "use grid_path"
        )
    # Overflow ends in a path that says so, not in a warning.
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        top = problem.strength_max()
        alpha = max(top, float(alpha_min))
        if alpha_start is not None:
            at_least_zero("alpha_start", alpha_start)
            if alpha_start < alpha_min:
                raise ValueError(f"alpha_start = {alpha_start!r} must be at least alpha_min = {alpha_min!r}")
            alpha = min(alpha, float(alpha_start))
        if not math.isfinite(alpha):
            raise ValueError(
                f"no finite strength moves every coefficient to the minimiser of {penalty!r}; "
                "give alpha_start"
            )
        w = solution(problem, alpha, problem.start()) if alpha < top else problem.start()
        segments, end = follow(problem, alpha, w, float(alpha_min), tol, max_events)
    keys, values = segments.changes()
    return Path(
        problem=problem,
        alphas=np.array(segments.alphas),
        exact=np.array(segments.exact, dtype=bool),
        residuals=np.array(segments.residuals),
        free=np.array(segments.free, dtype=np.intp),
        events=tuple(segments.events),
        end=end,
        begins_quantized=alpha >= top,
        _keys=keys,
        _values=values,
    )
