r"""Equally spaced levels, with the spacing of least rounding error or one of the usual ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from parlin._arguments import positive, whole
from parlin._types import FloatArray, IndexArray
from parlin.quantizers.rounding import levels_of_rows

# More numbers are sorted a part at a time: so many take some 50 milliseconds.
_SORTED = 1 << 19


def uniform_levels(
    values: ArrayLike,
    n_levels: int,
    *,
    scale: Literal["optimal", "mean", "max"] | float = "optimal",
    zero: bool | None = None,
    sample_weight: ArrayLike | None = None,
) -> FloatArray:
    r"""Equally spaced levels ``s k``; with ``scale="optimal"`` no other spacing s rounds the values better.

    Parameters
    ----------
    values : array of shape (m,) or (rows, m)
    n_levels : int
        K >= 2.
    scale : "optimal", "mean", "max" or positive float, default="optimal"
        The spacing s of least squared rounding error; or the one that puts the outermost level at
        ``max|v|`` ("max"), or at ``log2(K) mean|v|`` if that is less ("mean", the default of the programs of
        [PARQ]); or the spacing itself.
    zero : bool, optional
        Whether 0 is a level.  The codes k are ``−(K−1)/2, …, (K−1)/2``: whole numbers if K is odd, halves if
        it is even, which some call a stretched grid.  With ``zero=True`` an even K takes
        ``−K/2, …, K/2 − 1``.
    sample_weight : array of the shape of `values`, optional
        Nonnegative.

    Returns
    -------
    ndarray of shape (K,) or (rows, K)
        The floats ``s k``.

    Raises
    ------
    ValueError, TypeError
        If the values are empty, complex or not finite, another argument is invalid, or ``zero=False`` meets
        an odd K.

    Notes
    -----
    As s falls, the code of v rises in size by one wherever ``|v|/s`` passes a midpoint.  Between two such
    events the error is quadratic in s, least at ``Σ v k / Σ k²``.  The best of these minima, feasible or not,
    is attained: with its codes the error is at least that with nearest codes, at the same s.

    Examples
    --------
    >>> from parlin.quantizers import uniform_levels
    >>> uniform_levels([0.9, -1.1, 2.0, 0.0], 5)
    array([-2., -1.,  0.,  1.,  2.])
    """
    n_levels = whole("n_levels", n_levels, low=2)
    if not (zero is None or isinstance(zero, bool)):
        raise TypeError(f"zero must be True, False or None, but is {zero!r}")
    if zero is False and n_levels % 2:
        raise ValueError(f"{n_levels} equally spaced levels around 0 include 0; choose an even n_levels")
    codes = np.arange(n_levels) - (n_levels // 2 if zero else 0.5 * (n_levels - 1))
    if isinstance(scale, str):
        if scale not in _SPACINGS:
            raise ValueError(f"scale must be 'optimal', 'mean', 'max' or a positive number, but is {scale!r}")
        spacing = _SPACINGS[scale]
        return levels_of_rows(values, sample_weight, lambda v, s: spacing(v, s, codes) * codes)
    chosen = positive("scale", scale)
    if chosen > np.finfo(np.float64).max / np.abs(codes).max():
        raise ValueError(f"scale = {scale!r} is so large that the outermost of {n_levels} levels overflows")
    levels = levels_of_rows(values, sample_weight, lambda v, s: np.zeros(1))  # checks the values
    return np.broadcast_to(chosen * codes, (*levels.shape[:-1], n_levels)).copy()


def _optimal(values: FloatArray, weights: FloatArray, codes: FloatArray) -> float:
    sizes, negative = np.abs(values), values < 0
    first = float(np.abs(codes).min())
    # How often each code can rise until it is the outermost of its side.
    rises = np.where(negative, -codes[0] - first, codes[-1] - first).astype(np.intp)
    rises[sizes == 0.0] = 0
    owner = np.repeat(np.arange(values.size), rises)
    step = np.arange(owner.size) - np.repeat(np.cumsum(rises) - rises, rises)
    before = first + step
    order = _falling(sizes[owner] / (before + 0.5))
    owner, before = owner[order], before[order]
    squares = first**2 * weights.sum() + _running(weights[owner] * (2 * before + 1))
    products = first * (weights @ sizes) + _running(weights[owner] * sizes[owner])
    gains = np.divide(products * products, squares, out=np.zeros(squares.size), where=squares > 0)
    best = int(np.argmax(gains))
    spacing = products[best] / squares[best] if squares[best] > 0 else 0.0
    # Once more from the nearest codes themselves, free of the rounding errors of long running sums.
    nearest = np.clip(np.floor(sizes / spacing - first + 0.5), 0, None) + first if spacing > 0 else sizes
    nearest = np.minimum(nearest, np.where(negative, -codes[0], codes[-1]))
    square = weights @ nearest**2
    return float(weights @ (nearest * sizes) / square) if square > 0 else spacing


def _falling(numbers: FloatArray) -> IndexArray:
    """The order of the numbers from the largest down, equal ones as they come.

    Of many of them only a range at a time is sorted, since no signal ends a sort.
    """
    if numbers.size <= _SORTED:
        return np.argsort(-numbers, kind="stable")
    # What is drawn changes how long the parts are, and nothing else.
    drawn = np.random.default_rng(0).choice(numbers, 64 * (numbers.size // _SORTED + 1))
    ends = np.unique(drawn)[::-1][64::64]
    part = np.searchsorted(-ends, -numbers, side="left").astype(np.uint16)
    orders = []
    for k in range(ends.size + 1):
        chosen = np.flatnonzero(part == k)
        orders.append(chosen[np.argsort(-numbers[chosen], kind="stable")])
    return np.concatenate(orders)


def _running(steps: FloatArray) -> FloatArray:
    """The sums of the first i steps, i = 0, 1, …"""
    return np.concatenate(([0.0], np.cumsum(steps)))


def _mean(values: FloatArray, weights: FloatArray, codes: FloatArray) -> float:
    sizes = np.abs(values)
    outermost = min(np.log2(codes.size) * np.average(sizes, weights=weights), sizes.max())
    return float(outermost / np.abs(codes).max())


def _max(values: FloatArray, weights: FloatArray, codes: FloatArray) -> float:
    return float(np.abs(values).max() / np.abs(codes).max())


_SPACINGS = {"optimal": _optimal, "mean": _mean, "max": _max}
