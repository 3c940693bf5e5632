"""Designs with two equal columns, and directions of the cone ``‖z_{S^c}‖_1 <= c_0 ‖z_S‖_1`` drawn at random.

S is the first columns throughout, and every column has ``‖X_j‖² = n``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.measure.intervals import two_sided_quantile
from parlin.reference import Compatibility, compatibility_constant, restricted_eigenvalue_lower_bound

FloatArray = NDArray[np.float64]
EqualPair = Literal["none", "inside", "across", "outside"]

CERTAIN = 1e-8
"""The constant is known where its proved lower bound is this close to the attained value."""


def gaussian(n: int, d: int, size: int, seed: int, equal: EqualPair = "none") -> FloatArray:
    """A Gaussian design; two equal columns lie in S, one in S and one outside, or both outside."""
    X = np.random.default_rng(seed).standard_normal((n, d))
    pairs = {"inside": (0, 1), "across": (0, d - 1), "outside": (d - 2, d - 1)}
    if equal in pairs:
        original, copy = pairs[equal]
        X[:, copy] = X[:, original]
    return scaled(X)


def orthogonal(n: int, d: int, size: int, seed: int) -> FloatArray:
    """A design with ``X'X = n I``."""
    return scaled(np.linalg.qr(gaussian(n, d, size, seed))[0])


def scaled(X: FloatArray) -> FloatArray:
    """The design with ``‖X_j‖² = n``; equal columns stay equal."""
    return X * (np.sqrt(X.shape[0]) / np.sqrt(np.sum(X**2, axis=0)))


@dataclass(frozen=True)
class Case:
    """A design with its exact constant."""

    X: FloatArray
    size: int
    cone: float
    seed: int
    constant: Compatibility

    @property
    def certified(self) -> bool:
        return self.constant.value - self.constant.lower_bound <= CERTAIN

    @property
    def holds(self) -> bool:
        """Whether the condition is proved to hold."""
        return self.certified and self.constant.lower_bound > CERTAIN

    @property
    def eigenvalue_floor(self) -> float:
        """A proved lower bound on κ, since ``‖z‖ <= √(1 + c_0²) ‖z_S‖_1`` on the cone."""
        return self.constant.lower_bound / (self.size * (1 + self.cone**2))

    @property
    def cheap_bound(self) -> float:
        return restricted_eigenvalue_lower_bound(self.X, range(self.size), self.cone)

    @property
    def least_pair_ratio(self) -> float:
        """The least ``‖Xz‖²/(n ‖z‖²)`` over the ``z = e_i − e_j`` in the cone, which is at least κ."""
        return min(
            float(np.sum((self.X[:, i] - self.X[:, j]) ** 2)) / (2 * self.X.shape[0])
            for i, j in combinations(range(self.X.shape[1]), 2)
            if j < self.size or (i < self.size and self.cone >= 1)
        )

    def sampled(self, draws: Sequence[int]) -> Sampled:
        return sampled(self.X, self.size, self.cone, self.seed, draws)


def case(X: FloatArray, size: int, cone: float, seed: int) -> Case:
    return Case(X, size, cone, seed, compatibility_constant(X, range(size), cone))


def mean_excess(cases: Sequence[Case], draws: Sequence[int]) -> dict[str, Any]:
    """How far drawing over-estimates φ² > 0: the geometric mean of the quotient, and its 95% interval."""
    known = [found for found in cases if found.holds]
    logs = np.log([found.sampled(draws).compatibility / found.constant.value for found in known])
    mean = logs.mean(axis=0)
    half = two_sided_quantile(len(known)) * logs.std(axis=0, ddof=1) / np.sqrt(len(known))
    return {
        "mean": np.exp(mean),
        "low": np.exp(mean - half),
        "high": np.exp(mean + half),
        "known_fraction": len(known) / len(cases),
    }


class Sampled(NamedTuple):
    """What drawing directions at random makes of the two constants: least values, so never below them."""

    compatibility: FloatArray  # after so many draws
    eigenvalue: float


def sampled(X: FloatArray, size: int, cone: float, seed: int, draws: Sequence[int]) -> Sampled:
    """The least ratios after each number of draws, each at the best length of its part outside S.

    Both parts are Gaussian; outside S a random fraction of the coordinates is 0, as minimisers have it.
    """
    rng, (n, d), n_draws = np.random.default_rng((seed, 1)), X.shape, max(draws)
    inside = rng.standard_normal((n_draws, size))
    outside = rng.standard_normal((n_draws, d - size))
    outside *= rng.random(outside.shape) < rng.random((n_draws, 1))
    weight, spread = np.abs(inside).sum(axis=1), np.abs(outside).sum(axis=1)
    part, other = inside @ X[:, :size].T, outside @ X[:, size:].T
    # Where nothing is outside S its length is of no matter.
    furthest = cone * weight / np.where(spread > 0, spread, 1.0)
    curvature = np.sum(other**2, axis=1)
    best = -np.sum(part * other, axis=1) / np.where(curvature > 0, curvature, 1.0)
    length = np.clip(best, -furthest, furthest)
    squares = np.sum((part + length[:, None] * other) ** 2, axis=1) / n
    norms = np.sum(inside**2, axis=1) + length**2 * np.sum(outside**2, axis=1)
    least = np.minimum.accumulate(size * squares / weight**2)
    return Sampled(least[np.array(draws) - 1], float(np.min(squares / norms)))
