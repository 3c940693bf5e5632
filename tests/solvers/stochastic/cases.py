"""Problems and settings that the tests of stochastic solvers share."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, designs
from parlin.solvers import stochastic
from parlin.solvers.stochastic import (
    PARQ,
    AProx,
    BinaryRelax,
    LazyProx,
    ProxQuant,
    ProxSGD,
    StraightThrough,
)

# Every solver, in few epochs.
SOLVERS = {
    "ProxSGD": ProxSGD(0.03, 16, epochs=6),
    "ProxSGD with replacement": ProxSGD(0.03, 16, epochs=6, replace=True),
    "AProx": AProx(stochastic.InverseSqrt(0.1), 16, epochs=6),
    "AProx, the mean": AProx(0.03, 16, epochs=6, average=True),
    "LazyProx": LazyProx(0.03, 16, epochs=6, strength=0.5),
    "StraightThrough": StraightThrough(0.03, 16, epochs=6),
    "StraightThrough, the best": StraightThrough(0.03, 16, epochs=6, keep="best"),
    "PARQ": PARQ(0.03, 16, epochs=6, warmup_epochs=1, hard_epochs=2),
    "PARQ, levels found anew": PARQ(
        0.03, 16, epochs=6, warmup_epochs=1, quantizer=lambda v: np.linspace(-1, 1, 4) * np.abs(v).max()
    ),
    "BinaryRelax": BinaryRelax(0.03, 16, epochs=6, hard_epochs=2),
    "ProxQuant": ProxQuant(0.03, 16, epochs=6, rate=2.0, freeze=0.7),
}
N, D = 100, 12


def data(seed: int = 0, n: int = N, d: int = D):
    """A design with some zeros, and targets of sparse coefficients and noise."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * (rng.random((n, d)) < 0.6)
    w = np.where(rng.random(d) < 0.4, 0.0, rng.standard_normal(d))
    return X, X @ w + 0.3 * rng.standard_normal(n)


def problem(
    penalty: PAR | None = None, stored=np.asarray, seed: int = 0, weighted: bool = False, **options
) -> Problem:
    """A problem with the penalty, by default one on which every solver runs."""
    X, y = data(seed)
    penalty = designs.distance(0.5 * np.arange(-4, 5)).scaled(0.2) if penalty is None else penalty
    weights = np.where(np.arange(D) % 5 == 0, 0.0, 1.5) if weighted else None
    return Problem(LeastSquares(stored(X), y, **options), penalty, weights)


STORED = {
    "dense": np.asarray,
    "Fortran": np.asfortranarray,
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "float32": np.float32,
}
