"""Random splits of real data, with optimal levels of an unquantized fit and the errors of fits on them."""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from sklearn.datasets import load_diabetes, load_digits

from experiments.low_bits.methods import (
    Budget,
    FloatArray,
    Method,
    Setting,
    fitted,
    polished,
)
from parlin import LeastSquares
from parlin.quantizers import nearest, optimal_levels

Name = Literal["digits", "diabetes"]
# Of the unquantized fit, per row.
RIDGE = 0.01


class Split(NamedTuple):
    """Centred rows to train on, rows to test on, and the unquantized coefficients."""

    loss: LeastSquares
    X: FloatArray
    y: FloatArray
    unquantized: FloatArray
    seed: int

    def error(self, w: FloatArray) -> float:
        """The mean squared error on the test rows, relative to the variance of the target."""
        return float(np.mean((self.y - self.X @ w) ** 2))


@cache
def split(name: Name, seed: int) -> Split:
    """Two thirds of the rows, drawn with this seed, to train on, and the others to test on."""
    X, y = (load_digits if name == "digits" else load_diabetes)(return_X_y=True)
    X = X[:, X.std(axis=0) > 0]
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    order = np.random.default_rng(seed).permutation(y.size)
    train, test = np.split(order, [2 * y.size // 3])
    means, mean = X[train].mean(axis=0), y[train].mean()
    loss = LeastSquares(X[train] - means, y[train] - mean)
    gram = loss.design.X.T @ loss.design.X / loss.y.size + RIDGE * np.eye(X.shape[1])
    unquantized = np.linalg.solve(gram, loss.design.X.T @ loss.y / loss.y.size)
    return Split(loss, X[test] - means, y[test] - mean, unquantized, seed)


class Errors(NamedTuple):
    """Test errors of a fit on levels, and of the same one polished; sound if there are as many levels."""

    end: float
    polished: float
    sound: bool


def rounded_errors(data: Split, n_levels: int) -> Errors:
    """Of the unquantized fit, rounded to its optimal levels."""
    levels = optimal_levels(data.unquantized, n_levels)
    return _errors(data, levels, nearest(data.unquantized, levels))


def trained_errors(data: Split, n_levels: int, method: Method, setting: Setting, epochs: int) -> Errors:
    """Of a method that begins at the unquantized fit, on the optimal levels of that fit."""
    levels = optimal_levels(data.unquantized, n_levels)
    budget = Budget(epochs, 32, data.unquantized, data.seed)
    return _errors(data, levels, fitted(method, data.loss, levels, setting, budget))


def _errors(data: Split, levels: FloatArray, w: FloatArray) -> Errors:
    after = polished(data.loss, levels, w)
    sound = max(np.unique(w).size, np.unique(after).size) <= levels.size
    return Errors(data.error(w), data.error(after), sound)
