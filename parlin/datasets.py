r"""Regression data: seeded synthetic problems and the real ones that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np
from sklearn.datasets import load_diabetes, load_digits

from parlin._types import FloatArray

Entries = Literal["normal", "sign", "integer", "sparse integer", "ar", "low rank"]


@dataclass(frozen=True)
class Regression:
    """A regression problem ``y = X w + noise``; `coef` is None for real data."""

    X: FloatArray
    y: FloatArray
    coef: FloatArray | None
    feature_names: tuple[str, ...] | None = None


def synthetic(
    n: int,
    d: int,
    *,
    seed: int,
    entries: Entries = "normal",
    n_nonzero: int | None = None,
    noise: float = 0.1,
    correlation: float = 0.95,
    rank: int = 4,
) -> Regression:
    r"""A random regression problem, the same for the same arguments.

    Parameters
    ----------
    n, d : int
        Samples and features.
    seed : int
    entries : {"normal", "sign", "integer", "sparse integer", "ar", "low rank"}
        Standard normal; ±1; whole numbers in −3..3; the same with nine tenths zeros; normal with
        correlation ``correlation^|i−j|`` between columns i and j; a product of two normal factors.
    n_nonzero : int, optional
        How many true coefficients are nonzero (all by default); they are standard normal.
    noise : float
        Standard deviation of the noise.
    correlation, rank
        Parameters of "ar" and "low rank".
    """
    rng = np.random.default_rng(seed)
    if entries == "sign":
        X = rng.choice([-1.0, 1.0], (n, d))
    elif entries == "integer":
        X = rng.integers(-3, 4, (n, d)).astype(np.float64)
    elif entries == "sparse integer":
        X = rng.integers(-3, 4, (n, d)) * (rng.random((n, d)) < 0.1).astype(np.float64)
    elif entries == "low rank":
        X = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, d))
    elif entries in ("normal", "ar"):
        X = rng.standard_normal((n, d))
    else:
        raise ValueError(f"entries must be one of {Entries.__args__}, but is {entries!r}")
    if entries == "ar":
        for j in range(1, d):
            X[:, j] = correlation * X[:, j - 1] + np.sqrt(1 - correlation**2) * X[:, j]
    coef = rng.standard_normal(d)
    if n_nonzero is not None:
        coef[rng.permutation(d)[n_nonzero:]] = 0.0
    y = X @ coef + noise * rng.standard_normal(n)
    return Regression(X, y, coef)


def diabetes_cubic() -> Regression:
    """The diabetes data lifted to all monomials up to degree three, columns standardised: 442 × 285.

    Its rank is 274: the binary feature makes three pairs of columns equal and others dependent.
    The target is divided by 100.
    """
    data = load_diabetes(scaled=False)
    base = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    columns, names = [], []
    for degree in (1, 2, 3):
        for chosen in combinations_with_replacement(range(base.shape[1]), degree):
            columns.append(np.prod(base[:, chosen], axis=1))
            names.append("·".join(data.feature_names[j] for j in chosen))
    X = np.column_stack(columns)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return Regression(X, data.target / 100.0, None, tuple(names))


def digits() -> Regression:
    """The 8 × 8 digit images with the digit as a number to predict: 1797 × 61.

    Pixels that are the same in all images are dropped; the others are standardised.
    """
    images, target = load_digits(return_X_y=True)
    images = images[:, images.std(axis=0) > 0]
    return Regression((images - images.mean(axis=0)) / images.std(axis=0), target.astype(np.float64), None)
