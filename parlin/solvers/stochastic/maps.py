r"""How coefficients follow from a latent vector: three kinds of maps, in NumPy, as the kernels read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parlin._types import FloatArray, IndexArray
from parlin.penalty import PAR

_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class ProximalMap:
    """``prox_{amount ω_j ψ}``; the amount 0 moves into the domain of ψ only."""

    penalty: PAR
    weights: FloatArray | None = None

    kind = "prox"

    @property
    def levels(self) -> FloatArray:
        """The kinks of ψ."""
        return self.penalty.levels

    @property
    def slopes(self) -> FloatArray:
        """The slopes of ψ."""
        return self.penalty.slopes

    @property
    def convex(self) -> bool:
        """Whether ψ is convex."""
        return self.penalty.shape == "convex"

    def apply(self, v: FloatArray, amount: float, columns: IndexArray | None = None) -> FloatArray:
        """The coefficients of `v`, which are those of the columns."""
        if self.weights is None:
            return self._prox(v, amount)
        weights = self.weights if columns is None else self.weights[columns]
        result, active = v.copy(), weights > 0
        with np.errstate(over="ignore"):
            result[active] = self._prox(v[active], np.minimum(amount * weights[active], _LARGEST))
        return result

    def _prox(self, v: FloatArray, step: float | FloatArray) -> FloatArray:
        if np.all(step == 0.0):
            low, high = self.penalty.domain
            return np.minimum(np.maximum(v, low), high)
        return self.penalty.prox(v, step)


@dataclass(frozen=True)
class SoftRounding:
    """``c + amount (v − c)`` clipped to v's cell, c its middle; the nearest level if the amount is infinite.

    Source: [PARQ], the proximal map of `parlin.designs.chords` at strength ``amount − 1``, taken at
    ``amount · v``.
    """

    levels: FloatArray
    weights: FloatArray | None = None

    kind, convex = "soft", True

    @property
    def slopes(self) -> FloatArray:
        """Not needed."""
        return np.zeros(self.levels.size + 1)

    def apply(self, v: FloatArray, amount: float, columns: IndexArray | None = None) -> FloatArray:
        """The coefficients of `v`, which are those of the columns."""
        cell = np.clip(np.searchsorted(self.levels, v, side="right"), 1, max(self.levels.size - 1, 1))
        if self.levels.size == 1:
            result = np.where(np.isnan(v), v, self.levels[0])
        else:
            low, high = self.levels[cell - 1], self.levels[cell]
            middle = 0.5 * low + 0.5 * high
            if np.isinf(amount):
                result = np.where(np.isnan(v), v, np.where(v < middle, low, high))
            else:
                result = np.minimum(np.maximum(middle + amount * (v - middle), low), high)
        return _where_penalised(self.weights, columns, result, v)


@dataclass(frozen=True)
class Blend:
    """``(1 − amount) v + amount q``, q the level nearest to v: v itself at 0, the level itself at 1."""

    levels: FloatArray
    weights: FloatArray | None = None

    kind, convex = "blend", True

    @property
    def slopes(self) -> FloatArray:
        """Not needed."""
        return np.zeros(self.levels.size + 1)

    def apply(self, v: FloatArray, amount: float, columns: IndexArray | None = None) -> FloatArray:
        """The coefficients of `v`, which are those of the columns."""
        middles = 0.5 * self.levels[:-1] + 0.5 * self.levels[1:]
        nearest = np.where(np.isnan(v), v, self.levels[np.searchsorted(middles, v, side="right")])
        result = nearest if amount == 1.0 else (1.0 - amount) * v + amount * nearest
        return _where_penalised(self.weights, columns, result, v)


def _where_penalised(
    weights: FloatArray | None, columns: IndexArray | None, result: FloatArray, v: FloatArray
) -> FloatArray:
    if weights is None:
        return result
    return np.where((weights if columns is None else weights[columns]) > 0, result, v)
