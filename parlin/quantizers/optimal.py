r"""Levels of least rounding error: exactly, in one dimension, of any number or of a given form."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from parlin._arguments import flag, whole
from parlin._kernels import levels as kernels
from parlin._types import FloatArray
from parlin.quantizers.rounding import levels_of_rows


def optimal_levels(
    values: ArrayLike, n_levels: int, *, symmetric: bool = False, sample_weight: ArrayLike | None = None
) -> FloatArray:
    r"""The levels of least squared rounding error: no other `n_levels` numbers round the values better.

    Exact up to rounding: sets of levels whose mean squared errors differ by less than some 1e-15 of the
    variance of the values count as equally good.

    Parameters
    ----------
    values : array of shape (m,) or (rows, m)
    n_levels : int
        K >= 1.
    symmetric : bool, default=False
        Only sets with ``-b`` for each ``b`` compete; with an odd K, 0 is among them.
    sample_weight : array of the shape of `values`, optional
        Nonnegative; the squared errors are summed with them.

    Returns
    -------
    ndarray of shape (K,) or (rows, K)
        Increasing; see `parlin.quantizers` for fewer distinct values than levels.

    Raises
    ------
    ValueError, TypeError
        If the values are empty, complex or not finite, or the weights or `n_levels` invalid.

    Notes
    -----
    The values of one level are neighbours when sorted, and an interval of weight W and sum S saves ``S²/W``
    of the error: the best division is found by dynamic programming, whose steps are halved because the last
    interval never begins earlier when a value is added.  ``O(K m log m)`` after sorting.  A symmetric set
    rounds as its nonnegative half rounds ``|v|``.

    Examples
    --------
    >>> from parlin.quantizers import optimal_levels
    >>> optimal_levels([0.0, 0.1, 0.9, 1.0, 1.1], 2)
    array([0.05, 1.  ])
    """
    n_levels = whole("n_levels", n_levels, low=1)
    if flag("symmetric", symmetric):
        return levels_of_rows(values, sample_weight, lambda v, s: _symmetric(v, s, n_levels))
    return levels_of_rows(values, sample_weight, lambda v, s: _free(v, s, n_levels))


def binary_levels(values: ArrayLike, *, sample_weight: ArrayLike | None = None) -> FloatArray:
    """The two levels ``±a`` of least squared rounding error: a is the mean of ``|v|``."""
    return levels_of_rows(values, sample_weight, lambda v, s: _signed(_Sorted.magnitudes(v, s).means([])))


def ternary_levels(values: ArrayLike, *, sample_weight: ArrayLike | None = None) -> FloatArray:
    """The levels ``−a, 0, a`` of least squared rounding error, exactly, by one sort.

    ``a`` is the mean of the largest ``|v|``, of as many as make ``(Σ s|v|)² / Σ s`` greatest.
    """

    def levels_of(values: FloatArray, weights: FloatArray) -> FloatArray:
        found = _Sorted.magnitudes(values, weights)
        # In place of 0, not of the centre.
        sums = found.sums_from() + found.centre * found.weights_from()
        cut = int(np.argmax(_gain(sums, found.weights_from())[:-1]))
        return _signed(np.append(0.0, found.means([cut])[-1]))

    return levels_of_rows(values, sample_weight, levels_of)


def two_bit_levels(values: ArrayLike, *, sample_weight: ArrayLike | None = None) -> FloatArray:
    """The levels ``±a, ±b`` of least squared rounding error, exactly, by one sort: the 2-means of ``|v|``."""

    def levels_of(values: FloatArray, weights: FloatArray) -> FloatArray:
        found = _Sorted.magnitudes(values, weights)
        if found.values.size <= 2:
            return _signed(found.values)
        gains = found.gains_to() + _gain(found.sums_from(), found.weights_from())
        cut = 1 + int(np.argmax(gains[1:-1]))
        return _signed(found.means([cut]))

    return levels_of_rows(values, sample_weight, levels_of)


def _free(values: FloatArray, weights: FloatArray, n_levels: int) -> FloatArray:
    found = _Sorted.of(values, weights)
    if found.values.size <= n_levels:
        return found.values
    cuts = kernels.best_cuts(found.weights_to, found.sums_to, found.gains_to(), 1, n_levels - 1)
    return found.means(cuts)


def _symmetric(values: FloatArray, weights: FloatArray, n_levels: int) -> FloatArray:
    found = _Sorted.magnitudes(values, weights)
    positive, has_zero = n_levels // 2, n_levels % 2 == 1
    if not has_zero:
        return _signed(_free(np.abs(values), weights, positive))
    if np.count_nonzero(found.values) <= positive:
        return _signed(np.append(0.0, found.values))
    # Rounding the first values to 0 in place of their mean: Σ s (v − c)² − Σ s v², with c the centre.
    at_zero = -found.centre * (2 * found.sums_to + found.centre * found.weights_to)
    cuts = kernels.best_cuts(found.weights_to, found.sums_to, at_zero, 0, positive)
    return _signed(np.append(0.0, found.means(cuts)[-positive:] if positive else []))


def _signed(magnitudes: FloatArray) -> FloatArray:
    return np.concatenate((-magnitudes, magnitudes))


class _Sorted(NamedTuple):
    """Distinct sorted values with their weights, and running sums of the values less their mean."""

    values: FloatArray
    weights: FloatArray
    centre: float
    weights_to: FloatArray  # of the first i values, i = 0 .. m
    sums_to: FloatArray  # of s (v − centre)

    @classmethod
    def of(cls, values: FloatArray, weights: FloatArray) -> _Sorted:
        if np.all(weights == 1.0):
            values = np.sort(values)
        else:
            order = np.argsort(values, kind="stable")
            values, weights = values[order], weights[order]
        starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
        if starts.size < values.size:
            values, weights = values[starts], np.add.reduceat(weights, starts)
        centre = float(np.average(values, weights=weights))
        return cls(
            values,
            weights,
            centre,
            np.concatenate(([0.0], np.cumsum(weights))),
            np.concatenate(([0.0], np.cumsum(weights * (values - centre)))),
        )

    @classmethod
    def magnitudes(cls, values: FloatArray, weights: FloatArray) -> _Sorted:
        return cls.of(np.abs(values), weights)

    def gains_to(self) -> FloatArray:
        """What the first i values save as one interval, i = 0 .. m."""
        return _gain(self.sums_to, self.weights_to)

    def weights_from(self) -> FloatArray:
        """The weights of the values from the i-th on, i = 0 .. m."""
        return self.weights_to[-1] - self.weights_to

    def sums_from(self) -> FloatArray:
        """Their sums."""
        return self.sums_to[-1] - self.sums_to

    def means(self, cuts: ArrayLike) -> FloatArray:
        """The mean of each interval; the value itself of an interval of one value."""
        begins = np.concatenate(([0], np.asarray(cuts, dtype=np.intp)))
        ends = np.append(begins[1:], self.values.size)
        found = np.empty(begins.size)
        for k, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            if begin == end:
                found[k] = np.nan  # nothing is rounded to it
                continue
            first, last = self.values[begin], self.values[end - 1]
            inside, weights = self.values[begin:end], self.weights[begin:end]
            found[k] = min(max(first + (weights @ (inside - first)) / weights.sum(), first), last)
        return found


def _gain(sums: FloatArray, weights: FloatArray) -> FloatArray:
    return np.divide(sums * sums, weights, out=np.zeros(sums.size), where=weights > 0)
