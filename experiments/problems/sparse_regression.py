r"""Sparse regressions: ``y = X w* + ξ`` with ``‖X_j‖² = n`` and few nonzero coefficients in ``w*``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from parlin import PAR, LeastSquares

FloatArray = NDArray[np.float64]
Entries = Literal["normal", "ar", "orthogonal"]
Design = tuple[int, int, Entries]  # rows, columns, law of the columns

_CORRELATION = 0.9


@dataclass(frozen=True)
class Sample:
    """A design, the coefficients behind the data, and the noise."""

    X: FloatArray
    truth: FloatArray
    noise: FloatArray

    @property
    def support(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.truth)

    @property
    def noise_correlation(self) -> float:
        """``‖X'ξ‖_∞/n``, the largest correlation of a column with the noise."""
        return float(np.abs(self.X.T @ self.noise).max()) / self.X.shape[0]

    @cached_property
    def loss(self) -> LeastSquares:
        """The loss of the data."""
        return LeastSquares(self.X, self.X @ self.truth + self.noise)


def standardised(n: int, d: int, entries: Entries, seed: int) -> FloatArray:
    """A random design with ``‖X_j‖² = n``: independent, autoregressive or orthogonal columns."""
    X = np.random.default_rng(seed).standard_normal((n, d))
    if entries == "orthogonal":
        X, _ = np.linalg.qr(X)
    elif entries == "ar":
        for j in range(1, d):
            X[:, j] = _CORRELATION * X[:, j - 1] + np.sqrt(1 - _CORRELATION**2) * X[:, j]
    return X * (np.sqrt(n) / np.linalg.norm(X, axis=0))


def sparse_truth(d: int, n_nonzero: int, seed: int, levels: PAR | None = None) -> FloatArray:
    """Coefficients with random places, random signs and sizes between 1 and 2; on a grid if one is given."""
    rng = np.random.default_rng([seed, 1])
    truth = np.zeros(d)
    places = rng.permutation(d)[:n_nonzero]
    truth[places] = rng.choice([-1.0, 1.0], n_nonzero) * rng.uniform(1.0, 2.0, n_nonzero)
    return truth if levels is None else levels.nearest_level(truth)


def gaussian_noise(n: int, deviation: float, seed: int) -> FloatArray:
    """Independent normal errors."""
    return deviation * np.random.default_rng([seed, 2]).standard_normal(n)
