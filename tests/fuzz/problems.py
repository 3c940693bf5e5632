"""Random problems, each from its kind and a seed alone: `problem_of(kind, seed)`."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from tests.fuzz.cases import STORAGES, Case, FloatArray, round_to
from tests.fuzz.penalties import CONVEX, Rng, draw_penalty

LARGEST = 12
KINDS = ("ordinary", "large", "absurd", "sparse-mean", "near-dependent", "rank", "invariance")
_FULL_GAPS = tuple(name for name in CONVEX if name not in ("none", "hinge", "one-sided"))


def generator(kind: str, seed: int) -> Rng:
    """The generator of one problem."""
    return np.random.default_rng((zlib.crc32(kind.encode()), seed))


def problem_of(kind: str, seed: int) -> Case:
    """The problem of this kind and seed, the same in every run."""
    with np.errstate(all="ignore"):
        rng = generator(kind, seed)
        return _MAKERS[kind](rng)


def _ordinary(rng: Rng) -> Case:
    X, y = _data(rng)
    return _with_extras(rng, X, y)


def _large(rng: Rng) -> Case:
    X, y = _data(rng)
    if rng.random() < 0.7:
        X = X * 10.0 ** rng.uniform(-8, 8, X.shape[1])
    if rng.random() < 0.4:
        y = y * 10.0 ** rng.uniform(-8, 8)
    if rng.random() < 0.2:
        X = X * 10.0 ** rng.uniform(-4, 4, (X.shape[0], 1))
    intercept = rng.random() < 0.6
    if intercept and rng.random() < 0.6:
        chosen = rng.random(X.shape[1]) < 0.5
        unit = _spread(X) if rng.random() < 0.5 else 1.0
        X = X + np.where(chosen, _offsets(rng, X.shape[1], 9), 0.0) * unit
    if rng.random() < 0.3:
        y = y + _offsets(rng, 1, 9)
    return _with_extras(rng, X, y, intercept=intercept)


def _absurd(rng: Rng) -> Case:
    X, y = _data(rng)
    draw = rng.random()
    if draw < 0.35:
        X = X * 10.0 ** rng.uniform(-100, 100)
    elif draw < 0.7:
        X = X * 10.0 ** rng.uniform(-10, 10, X.shape[1])
    elif draw < 0.8:
        X = X * 10.0 ** rng.uniform(-170, 170)
    if rng.random() < 0.5:
        reach = 100 if rng.random() < 0.8 else 170
        y = y * 10.0 ** rng.uniform(-reach, reach)
    intercept = rng.random() < 0.6
    if rng.random() < 0.3:
        X = X + _offsets(rng, X.shape[1], 15)
    if rng.random() < 0.2:
        y = y + _offsets(rng, 1, 15)
    case = _with_extras(rng, X, y, intercept=intercept)
    if rng.random() < 0.2 and case.levels.size:
        levels, slopes = draw_penalty(rng, 10.0 ** rng.uniform(-10, 10), 10.0 ** rng.uniform(-10, 10))
        case = replace(case, levels=levels, slopes=slopes, w0=None)
    return case


def _sparse_mean(rng: Rng) -> Case:
    X, y = _data(rng, smallest=2)
    chosen = rng.random(X.shape[1]) < 0.6
    chosen[rng.integers(X.shape[1])] = True
    means = _spread(X) * 10.0 ** rng.uniform(3, 12, X.shape[1]) * rng.choice([-1.0, 1.0], X.shape[1])
    if rng.random() < 0.5:
        means = round_to(means, 1)
    shifted = X + np.where(chosen, means, 0.0)
    case = _with_extras(rng, shifted, y, intercept=True)
    return replace(case, storage=str(rng.choice(["csr", "csc"])))


def _near_dependent(rng: Rng) -> Case:
    X, y = _data(rng, smallest=2)
    d = X.shape[1]
    if d == 1:
        X, d = np.hstack((X, X)), 2
    for _ in range(int(rng.integers(1, 3))):
        j, k = rng.choice(d, 2, replace=False)
        apart = 10.0 ** rng.uniform(-12, -3) * _entries(rng, (len(y), 1))[:, 0]
        X[:, k] = X[:, j] * rng.choice([1.0, -1.0, 2.0]) + apart
    names = ("none",) if rng.random() < 0.25 else tuple(CONVEX)
    # Weak penalties leave both columns free.
    weak = -9.0 if rng.random() < 0.3 else -6.0
    return _with_extras(rng, X, y, names=names, weakest=weak)


def _rank(rng: Rng) -> Case:
    rows = int(rng.integers(1, 6))
    X, y = _data(rng, rows=rows, columns=int(rng.integers(2, LARGEST + 1)))
    if rng.random() < 0.5:
        r = int(rng.integers(1, min(X.shape) + 1))
        X = _entries(rng, (X.shape[0], r), "integers") @ _entries(rng, (r, X.shape[1]), "integers")
    if rng.random() < 0.2:
        X = X * 10.0 ** rng.uniform(-7, 7, X.shape[1])
    case = _with_extras(rng, X, y, names=_FULL_GAPS if rng.random() < 0.8 else None)
    return replace(case, w0=None if rng.random() < 0.6 else case.w0)


def _invariance(rng: Rng) -> Case:
    X, y = _data(rng)
    return _with_extras(rng, X, y, names=tuple(CONVEX), intercept=rng.random() < 0.7)


_MAKERS = {
    "ordinary": _ordinary,
    "large": _large,
    "absurd": _absurd,
    "sparse-mean": _sparse_mean,
    "near-dependent": _near_dependent,
    "rank": _rank,
    "invariance": _invariance,
}


# -- data -------------------------------------------------------------------------------------------


def _data(
    rng: Rng, rows: int | None = None, columns: int | None = None, smallest: int = 1
) -> tuple[FloatArray, FloatArray]:
    """X and y with entries of ordinary size, some rows or columns repeated or zero."""
    n = int(rng.integers(smallest, LARGEST + 1)) if rows is None else rows
    d = int(rng.integers(1, LARGEST + 1)) if columns is None else columns
    X = _entries(rng, (n, d))
    if rng.random() < 0.15:
        X = X * 10.0 ** rng.uniform(-3, 3, d)
    if rng.random() < 0.3:
        X[rng.random(X.shape) < rng.uniform(0.2, 0.8)] = 0.0
    if d > 1 and rng.random() < 0.1:
        X[:, rng.integers(d)] = X[:, rng.integers(d)]
    if d > 1 and rng.random() < 0.08:
        j, k = rng.choice(d, 2, replace=False)
        X[:, k] = X[:, j] + 10.0 ** rng.uniform(-9, -2) * rng.standard_normal(n)
    draw = rng.random()
    if draw < 0.05:
        y = np.zeros(n)
    elif draw < 0.1:
        y = np.full(n, float(rng.integers(-9, 10)))
    elif draw < 0.6:
        y = X @ _entries(rng, (d, 1))[:, 0] + 0.3 * _entries(rng, (n, 1))[:, 0]
    else:
        y = _entries(rng, (n, 1))[:, 0]
    return X, y


def _entries(rng: Rng, shape: tuple[int, int], style: str | None = None) -> FloatArray:
    style = str(rng.choice(["integers", "decimals", "gaussians"])) if style is None else style
    if style == "integers":
        return rng.integers(-4, 5, shape).astype(np.float64)
    if style == "decimals":
        return rng.integers(-999, 1000, shape) / 100.0
    return rng.standard_normal(shape)


def _offsets(rng: Rng, size: int, largest: float) -> FloatArray:
    offsets = 10.0 ** rng.uniform(0, largest, size) * rng.choice([-1.0, 1.0], size)
    return round_to(offsets, 1) if rng.random() < 0.5 else offsets


def _spread(X: FloatArray) -> FloatArray:
    spread = X.std(axis=0)
    return np.where(spread > 0, spread, 1.0)


# -- everything else --------------------------------------------------------------------------------


def _with_extras(
    rng: Rng, X: FloatArray, y: FloatArray, names: tuple[str, ...] | None = None, weakest: float = -6.0,
    intercept: bool | None = None,
) -> Case:  # fmt: skip
    """The case of these data with a penalty of a fitting size, weights, a storage and a start."""
    n, d = X.shape
    intercept = bool(rng.random() < 0.5) if intercept is None else bool(intercept)
    A, b = (X - X.mean(axis=0), y - y.mean()) if intercept else (X, y)
    norms = np.sqrt(np.mean(A**2, axis=0))
    gradient = np.abs(A.T @ b) / n
    steepest = float(np.max(gradient, initial=0.0))
    steepest = steepest if np.isfinite(steepest) and steepest > 0 else 1.0
    ratio = gradient / norms**2
    usual = ratio[np.isfinite(ratio) & (ratio > 0)]
    size = float(np.median(usual)) if usual.size else 1.0
    levels, slopes = draw_penalty(rng, size, steepest * 10.0 ** rng.uniform(weakest, 0), names)
    sample_weight = None
    draw = rng.random()
    if draw < 0.1:
        sample_weight = rng.integers(0, 4, n).astype(np.float64)
        sample_weight[rng.integers(n)] = 1.0
    elif draw < 0.2:
        sample_weight = 10.0 ** rng.uniform(-2, 2, n)
    penalty_weights = None
    draw = rng.random()
    if draw < 0.1:
        penalty_weights = rng.integers(0, 3, d).astype(np.float64)
    elif draw < 0.2:
        penalty_weights = 10.0 ** rng.uniform(-2, 2, d)
    return Case(
        X, y, levels, slopes, str(rng.choice(STORAGES)), sample_weight, intercept, penalty_weights,
        _start(rng, d, size, levels), float(rng.choice([1e-8, 1e-8, 1e-8, 1e-6, 1e-10])),
    )  # fmt: skip


def _start(rng: Rng, d: int, size: float, levels: FloatArray) -> FloatArray | None:
    """None more often than not; zeros, levels, points near, far, outside a box, and what is no number."""
    draw = rng.random()
    if draw < 0.6:
        return None
    if draw < 0.66:
        return np.zeros(d)
    if draw < 0.76 and levels.size:
        return rng.choice(levels, d)
    if draw < 0.88:
        return size * rng.standard_normal(d)
    if draw < 0.96:
        return size * 10.0 ** rng.uniform(0, 6) * rng.standard_normal(d)
    if draw < 0.99:
        return np.where(rng.random(d) < 0.5, 0.0, 10.0 ** rng.uniform(6, 12) * rng.standard_normal(d))
    return rng.choice([np.nan, np.inf, -np.inf, 0.0], d)
