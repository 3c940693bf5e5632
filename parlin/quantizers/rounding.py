r"""Rounding to levels, its error, and the values as rows with levels of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from parlin._arguments import whole
from parlin._types import FloatArray


def nearest(values: ArrayLike, levels: ArrayLike) -> FloatArray:
    """Each value's nearest level, float for float a member of `levels`; halves go up.

    Parameters
    ----------
    values : array of shape (m,) or (rows, m)
    levels : array of shape (K,) or (rows, K)
        Increasing, one set for all or one a row; a row may end with +inf.

    Raises
    ------
    ValueError
        If the values are not finite, the levels do not increase, or the shapes disagree.

    Examples
    --------
    >>> from parlin.quantizers import nearest
    >>> nearest([0.2, 0.5, 7.0], [-1.0, 0.0, 1.0])
    array([0., 1., 1.])
    """
    values, _ = checked_values(values, None)
    levels = np.asarray(levels, dtype=np.float64)
    if levels.ndim == 1:
        return _nearest_of_one_set(values, levels)
    if values.ndim != 2 or levels.ndim != 2 or levels.shape[0] != values.shape[0]:
        raise ValueError(
            f"levels must have shape (K,), or a row for each row of values of shape {values.shape}, but have "
            f"shape {levels.shape}"
        )
    return np.stack([_nearest_of_one_set(row, own) for row, own in zip(values, levels, strict=True)])


def _nearest_of_one_set(values: FloatArray, levels: FloatArray) -> FloatArray:
    finite = np.isfinite(levels)
    given, levels = levels, levels[finite]
    padded = bool(np.all(given[levels.size :] == np.inf)) and bool(finite[: levels.size].all())
    if levels.size == 0 or not padded or not np.all(levels[1:] > levels[:-1]):
        raise ValueError("levels must be at least one finite number, increasing, with only +inf after them")
    return levels[np.searchsorted(0.5 * levels[1:] + 0.5 * levels[:-1], values, side="right")]


def rounding_error(values: ArrayLike, levels: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """The (weighted) mean squared distance of the values from their nearest levels, in units of values².

    Parameters and errors as for `nearest`; `sample_weight` has the shape of `values`.
    """
    values, weights = checked_values(values, sample_weight)
    error = (values - nearest(values, levels)) ** 2
    return float(np.average(error, weights=None if weights is None else weights / weights.max()))


def blocks(values: ArrayLike, size: int) -> FloatArray:
    """The values as rows of `size` neighbours, shape (rows · m / size, size): a view where possible.

    Raises
    ------
    ValueError
        If a row of m values is not a whole number of blocks.
    """
    values = np.asarray(values, dtype=np.float64)
    size = whole("size", size, low=1)
    remainder = values.shape[-1] % size if values.ndim else 0
    if values.ndim == 0 or values.size == 0 or remainder:
        raise ValueError(
            f"values of shape {values.shape} have no whole number of blocks of {size}: {remainder} a row are "
            "left over; choose a divisor of the row's length or pad the rows"
        )
    return values.reshape(-1, size)


def checked_values(
    values: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[FloatArray, FloatArray | None]:
    """Values and weights as float64, or the error that names what is wrong with them."""
    values = np.asarray(values)
    if np.iscomplexobj(values):
        raise ValueError("values must be real, but are complex")
    values = np.asarray(values, dtype=np.float64)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"values must have shape (m,) or (rows, m), not empty, but have {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("values must be finite, but some are infinite or NaN")
    if sample_weight is None:
        return values, None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != values.shape:
        raise ValueError(f"sample_weight must have the shape {values.shape} of values, not {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and np.atleast_2d(weights).any(axis=1).all()):
        raise ValueError("sample_weight must be finite and >= 0, and not all 0 in any row")
    return values, weights


def levels_of_rows(
    values: ArrayLike,
    sample_weight: ArrayLike | None,
    levels_of: Callable[[FloatArray, FloatArray], FloatArray],
) -> FloatArray:
    """What `levels_of` gives for the values and weights of each row, shorter rows ended with +inf.

    It is given values of magnitude at most 1, whose squares neither overflow nor vanish, and weights whose
    largest is 1, none of them 0.
    """
    values, weights = checked_values(values, sample_weight)
    rows = np.atleast_2d(values)
    weighted = np.ones(rows.shape) if weights is None else np.atleast_2d(weights)
    found = [_levels_of_row(row, weight, levels_of) for row, weight in zip(rows, weighted, strict=True)]
    if values.ndim == 1:
        return found[0]
    result = np.full((len(found), max(levels.size for levels in found)), np.inf)
    for row, levels in zip(result, found, strict=True):
        row[: levels.size] = levels
    return result


def _levels_of_row(
    values: FloatArray, weights: FloatArray, levels_of: Callable[[FloatArray, FloatArray], FloatArray]
) -> FloatArray:
    weights = weights / weights.max()
    kept = weights > 0  # a weight may vanish next to the largest
    if not kept.all():
        values, weights = values[kept], weights[kept]
    largest = float(np.abs(values).max())
    if largest == 0.0:
        return np.zeros(1)
    # A power of 2 changes no digit; halved again, so that it does not overflow itself.
    exponent = int(np.frexp(largest)[1])
    levels = levels_of(np.ldexp(values, -exponent), weights)
    # Adding 0 turns -0 into 0.
    return np.unique(np.ldexp(levels, exponent)) + 0.0
