"""The certified estimators, a grid for each, and data for them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from parlin import (
    PARLasso,
    PARNonconvex,
    PARRegressor,
    PARRidge,
    designs,
)

ESTIMATORS = {
    "PARRidge": PARRidge(alpha=0.1),
    "PARLasso": PARLasso(alpha=0.1),
    "PARNonconvex": PARNonconvex(alpha=0.1, random_state=0),
    "PARRegressor": PARRegressor(alpha=0.1),
}
# The grid of each, given: else it is taken from the data.
GRID = {
    "PARRidge": {"spacing": 0.25, "n_levels": 6},
    "PARLasso": {"spacing": 0.25, "n_levels": 6},
    "PARNonconvex": {"spacing": 0.25, "n_levels": 6},
    "PARRegressor": {"penalty": designs.lasso(0.25, 6)},
}
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)


def on_grid(name: str, **parameters):
    return clone(ESTIMATORS[name]).set_params(**GRID[name], **parameters)


def data(n: int = 20, d: int = 6, outputs: int | None = None, seed: int = 0):
    rng = np.random.default_rng((51, seed))
    X = rng.standard_normal((n, d))
    shape = (d,) if outputs is None else (d, outputs)
    y = X @ rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], shape) + 3.0
    return X, y + 0.3 * rng.standard_normal(y.shape)
