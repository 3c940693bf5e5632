"""Random data, a loss of them, and penalty weights."""

from __future__ import annotations

import numpy as np

from parlin import LeastSquares

N, D = 8, 5
OMEGA = np.array([1.0, 0.0, 2.5, 0.3, 0.0])


def data(seed: int = 0, n: int = N, d: int = D):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(d)


def loss(seed: int = 0, **options) -> LeastSquares:
    X, y, _ = data(seed)
    return LeastSquares(X, y, **options)
