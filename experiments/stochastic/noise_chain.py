r"""Noise of one size and nothing else: ``f = 0``, gradients ``±size``, ``ψ = |x|`` with strength 1.

In units of the step size proximal stochastic gradient is then a walk on whole numbers, whose law does not
know the step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from parlin import PAR, LeastSquares, Problem
from parlin.solvers.stochastic import AProx, ProxSGD

FloatArray = NDArray[np.float64]

ROWS = 16
"""Batches an epoch; a power of two, so that weights are exact."""
_TINY = 2.0**-60
_BLOCKS = 40
_CONFIDENCE = 0.999
_REFERENCE_CHAINS = 20_000
_REFERENCE_STEPS = 200


class Fraction(NamedTuple):
    """A fraction of time, and half the length of its 99.9 % interval."""

    mean: float
    half: float


def fraction_off_zero() -> float:
    r"""The stationary ``P(w ≠ 0)`` for noise ±2: ``a/(a + 2 − r³)``, ``a = 2/(1 − r)``, ``r³ + r² + r = 1``.

    Source: theory 8.4.  From ``w > 0`` the walk goes up by 1 or down by 3, but not below 0, so that its
    tails are geometric with ratio r.
    """
    (root,) = (r.real for r in np.roots([1.0, 1.0, 1.0, -1.0]) if abs(r.imag) < 1e-12)
    tail = 2 / (1 - root)
    return float(tail / (tail + 2 - root**3))


def noise_problem(size: float, n_columns: int, seed: int) -> Problem:
    """Least squares whose rows have gradients ±size for every column, half of them each, wherever w is.

    Rows are ±2⁻⁶⁰ and targets ``size · 2⁶⁰``, so that the fit is lost in rounding, exactly.
    """
    rng = np.random.default_rng([seed, 3])
    signs = np.repeat([-1.0, 1.0], ROWS // 2)
    X = _TINY * np.column_stack([rng.permutation(signs) for _ in range(n_columns)])
    return Problem(LeastSquares(X, np.full(ROWS, size / _TINY)), PAR([0.0], [-1.0, 1.0]))


def off_zero(problem: Problem, solver: ProxSGD | AProx, n_epochs: int) -> FloatArray:
    """The fraction of coefficients off 0 after each of the epochs of sixteen batches, from 0."""
    state, found = solver.init(problem, np.zeros(problem.size)), []
    for _ in range(n_epochs):
        state = solver.step(problem, state)
        found.append(np.count_nonzero(state.w) / problem.size)
    return np.array(found)


def fraction(found: FloatArray) -> Fraction:
    """The mean over time, by the means of forty blocks; the first block is left out."""
    blocks = found[: found.size - found.size % _BLOCKS].reshape(_BLOCKS, -1).mean(axis=1)[1:]
    quantile = stats.t.ppf((1 + _CONFIDENCE) / 2, blocks.size - 1)
    return Fraction(float(blocks.mean()), float(quantile * blocks.std(ddof=1) / np.sqrt(blocks.size)))


def reference(size: int, seed: int) -> Fraction:
    """The same fraction, of many chains of whole numbers, in arithmetic of its own."""
    rng = np.random.default_rng([seed, 4])
    w = np.zeros(_REFERENCE_CHAINS, dtype=np.int64)
    for _ in range(_REFERENCE_STEPS):
        v = w + size * rng.choice([-1, 1], w.size)
        w = np.sign(v) * np.maximum(np.abs(v) - 1, 0)
    off = float(np.mean(w != 0))
    quantile = stats.norm.ppf((1 + _CONFIDENCE) / 2)
    return Fraction(off, float(quantile * np.sqrt(off * (1 - off) / w.size)))
