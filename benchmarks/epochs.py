"""Stochastic epochs on sparse data, in passes over the data and against scikit-learn's SGDRegressor."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import sparse
from sklearn.linear_model import SGDRegressor

from benchmarks.measure import least_times
from parlin import LeastSquares, Problem, designs
from parlin.solvers.stochastic import AProx, LazyProx, ProxSGD, StraightThrough

_TEXT = """\
{n} × {d}, {entries} entries a row, PAR-lasso on 9 levels. A *pass* is one X @ w and one X.T @ r of SciPy, in
the order of the rows. Rows are permuted once, before the first epoch, which is not timed. ProxSGD maps every
coefficient after every batch. SGDRegressor (l1, rows in random order) works row by row.
"""


def epoch_costs(quick: bool, repeats: int = 7) -> list[dict]:
    """Seconds of an epoch by method and batch size, in passes and as a fraction of SGDRegressor's."""
    n, d, entries = (20_000, 2_000, 10) if quick else (100_000, 10_000, 10)
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, d, (n, entries)), axis=1).astype(np.int32)
    begins = np.arange(0, n * entries + 1, entries, dtype=np.int32)
    X = sparse.csr_array((rng.standard_normal(n * entries), columns.ravel(), begins), shape=(n, d))
    X.sum_duplicates()
    y = X @ np.where(rng.random(d) < 0.1, rng.standard_normal(d), 0.0) + 0.1 * rng.standard_normal(n)
    problem = Problem(LeastSquares(X, y), designs.lasso(0.25, 4).scaled(1e-4))
    w, r, transposed = rng.standard_normal(d), rng.standard_normal(n), X.T
    calls = {("pass", 1): lambda: (X @ w, transposed @ r)}
    for batch_size in (64, 256, 1024):
        for kind in (AProx, StraightThrough, LazyProx, ProxSGD):
            solver = kind(0.1, batch_size, epochs=None)
            state = solver.step(problem, solver.init(problem, np.zeros(d)))
            calls[kind.__name__, batch_size] = lambda solver=solver, state=state: solver.step(problem, state)
    theirs = SGDRegressor(penalty="l1", alpha=1e-4, learning_rate="constant", eta0=0.01)
    calls["SGDRegressor", 1] = lambda: theirs.partial_fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds = least_times(calls, repeats)
    one, other = seconds.pop(("pass", 1)), seconds["SGDRegressor", 1]
    return [
        {"method": name, "batch_size": size, "n": n, "d": d, "entries": entries, "milliseconds": 1e3 * spent,
         "passes": spent / one, "of_sgd": spent / other}
        for (name, size), spent in seconds.items()
    ]  # fmt: skip


def epoch_section(records: list[dict], table: Callable[..., str], number: Callable[[float], str]) -> str:
    """The section of the report."""
    names = ("milliseconds", "passes", "of_sgd")
    rows = [[row["method"], row["batch_size"], *(number(row[name]) for name in names)] for row in records]
    head = ["epoch of", "rows a batch", "ms", "passes", "of SGDRegressor"]
    return table(head, rows) + "\n" + _TEXT.format(**records[0])
