r"""Levels that are sums of signed scales, as many as bits: the least-squares binary quantizer (LSBQ)."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from parlin._arguments import whole
from parlin._types import FloatArray
from parlin.quantizers.rounding import levels_of_rows


def lsbq_levels(
    values: ArrayLike, n_bits: int, *, rounds: int = 0, sample_weight: ArrayLike | None = None
) -> FloatArray:
    r"""The 2^b sums ``±v_1 ± … ± v_b`` of greedily found scales, improved by `rounds` of least squares.

    What the programs of [PARQ] (greedy) and [ProxQuant] (alternating) use; from three bits on
    `optimal_levels` and `uniform_levels` round better.

    Parameters
    ----------
    values : array of shape (m,) or (rows, m)
    n_bits : int
        b >= 1.
    rounds : int, default=0
        How often the values are rounded to the nearest level and the scales then fitted to the signs of those
        levels; ends earlier where that no longer helps.
    sample_weight : array of the shape of `values`, optional

    Returns
    -------
    ndarray of shape (K,) or (rows, K)
        Increasing and symmetric, K <= 2^b.

    Raises
    ------
    ValueError, TypeError
        If the values are empty, complex or not finite, or another argument is invalid.

    Notes
    -----
    Scale i is the mean of ``|r|``, r being what the scales before it leave over when every value takes the
    sign of its own remainder.  From three bits on those greedy sums need not be the levels nearest to the
    values; `nearest` rounds to the nearest.

    Examples
    --------
    >>> from parlin.quantizers import lsbq_levels
    >>> lsbq_levels([1.0, -3.0, 3.0, -1.0], 2)
    array([-3., -1.,  1.,  3.])
    """
    n_bits = whole("n_bits", n_bits, low=1)
    if n_bits > 16:
        raise ValueError(f"n_bits must be at most 16, but is {n_bits}: there are 2^n_bits levels")
    whole("rounds", rounds, low=0)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=n_bits)))

    def levels_of(values: FloatArray, weights: FloatArray) -> FloatArray:
        scales = _greedy(values, weights, n_bits)
        least = np.inf
        for _ in range(rounds):
            levels = signs @ scales
            order = np.argsort(levels, kind="stable")
            middles = 0.5 * (levels[order][1:] + levels[order][:-1])
            chosen = order[np.searchsorted(middles, values, side="right")]
            error = float(weights @ (values - levels[chosen]) ** 2)
            if not error < least:
                break
            least = error
            # Normal equations over the signs in use, 2^b at most, with minimal norm where they are dependent.
            mass = np.bincount(chosen, weights, len(signs))
            sums = np.bincount(chosen, weights * values, len(signs))
            gram = signs.T @ (mass[:, None] * signs)
            scales = np.abs(np.linalg.lstsq(gram, signs.T @ sums, rcond=None)[0])
        return signs @ scales

    return levels_of_rows(values, sample_weight, levels_of)


def _greedy(values: FloatArray, weights: FloatArray, n_bits: int) -> FloatArray:
    rest, scales = values, np.empty(n_bits)
    for i in range(n_bits):
        scales[i] = np.average(np.abs(rest), weights=weights)
        rest = rest - np.where(rest >= 0, scales[i], -scales[i])
    return scales
