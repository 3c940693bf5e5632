r"""The penalty of a problem, ``Σ_j ω_j ψ(w_j)``: one `PAR` for all coordinates, one weight for each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from parlin._cached import cached_property
from parlin._types import BoolArray, FloatArray, IndexArray
from parlin.penalty.par import PAR


class SeparablePenalty:
    r"""``Σ_j ω_j ψ(w_j)`` on R^d; it knows no data, and nothing about it ever changes.

    Parameters
    ----------
    penalty : PAR
        ψ.
    size : int
        d.
    weights : array of shape (d,), optional
        ``ω >= 0``, all 1 by default; a coordinate of weight 0 is unpenalised (no box either).

    Raises
    ------
    TypeError
        If `penalty` is no PAR.
    ValueError
        If the weights have the wrong shape, are negative or not finite.
    """

    def __init__(self, penalty: PAR, size: int, weights: ArrayLike | None = None) -> None:
        if not isinstance(penalty, PAR):
            raise TypeError(f"penalty must be a PAR, but is {type(penalty).__name__}")
        self.penalty = penalty
        self.size = size
        self.weights: FloatArray | None = None
        if weights is not None:
            weights = np.array(weights, dtype=np.float64)
            if weights.shape != (size,):
                raise ValueError(f"penalty_weights must have shape ({size},), not {weights.shape}")
            if not np.all(np.isfinite(weights)) or np.any(weights < 0):
                raise ValueError("penalty_weights must be finite and nonnegative")
            weights.flags.writeable = False
            self.weights = weights

    @cached_property
    def penalised(self) -> BoolArray:
        """Which coordinates have a positive weight, shape (d,); read-only."""
        mask = np.ones(self.size, dtype=bool) if self.weights is None else self.weights > 0
        mask.flags.writeable = False
        return mask

    @cached_property
    def unpenalised(self) -> IndexArray:
        """The indices of the coordinates of weight zero; read-only."""
        indices = np.empty(0, dtype=np.intp) if self.weights is None else np.flatnonzero(~self.penalised)
        indices.flags.writeable = False
        return indices

    @cached_property
    def n_penalised(self) -> int:
        """How many coordinates have a positive weight."""
        return self.size - self.unpenalised.size

    @cached_property
    def start(self) -> FloatArray:
        """Every penalised coordinate at the minimiser of ψ (`PAR.rest`), the others at 0; read-only."""
        start = np.zeros(self.size)
        if self.penalty.rest.x:
            start[self.penalised] = self.penalty.rest.x
        start.flags.writeable = False
        return start

    @cached_property
    def smallest_slopes(self) -> FloatArray | None:
        """The smallest nonzero ``ω_j |s|`` of each coordinate, that of the others where ``ω_j = 0``.

        None where no slope of ψ is finite and nonzero.  Read-only.
        """
        slopes = np.abs(self.penalty.slopes)
        usable = slopes[np.isfinite(slopes) & (slopes > 0)]
        if usable.size == 0:
            return None
        smallest = np.full(self.size, usable.min())
        if self.weights is not None and self.penalised.any():
            weights = np.where(self.penalised, self.weights, np.inf)
            smallest *= np.where(self.penalised, weights, weights.min())
        smallest.flags.writeable = False
        return smallest

    def clip(self, w: FloatArray) -> FloatArray:
        """A copy of `w` with every penalised coordinate moved into the box of ψ."""
        low, high = self.penalty.domain
        if math.isinf(low) and math.isinf(high):
            return np.array(w, dtype=np.float64)
        return np.where(self.penalised, np.clip(w, low, high), w)

    def rounded(self, w: FloatArray) -> FloatArray:
        """`w` with every penalised coordinate on the nearest quantization level; ψ must have one."""
        nearest = self.penalty.nearest_level(w)
        return nearest if self.weights is None else np.where(self.penalised, nearest, w)

    def value(self, w: ArrayLike) -> float:
        """``Σ_j ω_j ψ(w_j)``, +inf outside a box."""
        values = self.penalty.value(w)
        if self.weights is None:
            return float(values.sum())
        return float(self.weights[self.penalised] @ values[self.penalised])

    def values(self, w: FloatArray) -> FloatArray:
        """``ω_j ψ(w_j)`` of each coordinate, shape (d,)."""
        values = self.penalty.value(w)
        if self.weights is None:
            return values
        return np.multiply(self.weights, values, out=np.zeros(self.size), where=self.penalised)

    def prox(self, v: FloatArray, step: float) -> FloatArray:
        """The proximal map with this step; unpenalised coordinates stay."""
        if self.weights is None:
            return self.penalty.prox(v, step)
        result = np.array(v, dtype=np.float64)
        active = self.penalised
        result[active] = self.penalty.prox(result[active], step * self.weights[active])
        return result

    def distance(self, gradient: FloatArray, w: FloatArray) -> FloatArray:
        """The distance of ``−gradient_j`` from the Clarke interval of ``ω_j ψ`` at ``w_j``, shape (d,)."""
        if self.weights is None:
            return self.penalty.distance(gradient, w)
        result = np.abs(gradient)
        active = self.penalised
        weights = self.weights[active]
        result[active] = weights * self.penalty.distance(gradient[active] / weights, w[active])
        return result

    def on_level(self, w: ArrayLike) -> BoolArray:
        """Which penalised coordinates equal a level, float for float, shape (d,)."""
        return self.penalty.on_level(w) & self.penalised
