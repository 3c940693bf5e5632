r"""Pure functions on levels and slopes: validity, values without cancellation, the minimiser."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin._kernels import all_finite
from parlin._types import FloatArray

# Cubes of larger numbers, and of their inverses, are far from under- and overflow.
_SMALL = 1e-60
# Vectors longer than this are searched for entries other than zero first.
_MANY = 2000


def check(levels: FloatArray, slopes: FloatArray, kinks: bool = True) -> None:
    """Raise a ValueError that names the level or slope at fault; `kinks` asks for one at every level."""
    if slopes.size != levels.size + 1:
        raise ValueError(
            f"slopes must have one entry more than levels, but there are {levels.size} levels and "
            f"{slopes.size} slopes; give the slopes left of, between and right of the levels"
        )
    if levels.size and not all_finite(levels):
        k = int(np.flatnonzero(~np.isfinite(levels))[0])
        raise ValueError(
            f"levels must be finite, but levels[{k}] = {levels[k]}; a box side is an infinite slope"
        )
    falls = (levels[1:] <= levels[:-1]).nonzero()[0]
    if falls.size:
        k = int(falls[0]) + 1
        remedy = "drop the repeat" if levels[k] == levels[k - 1] else "sort levels and slopes together"
        raise ValueError(
            f"levels must be strictly increasing, but levels[{k}] = {levels[k]:g} <= "
            f"levels[{k - 1}] = {levels[k - 1]:g}; {remedy}"
        )
    for k, slope in enumerate(slopes.tolist()):
        # `math` decides about a single number faster than NumPy.
        if math.isfinite(slope):
            continue
        if not (levels.size and (k, slope) in ((0, -math.inf), (levels.size, math.inf))):
            raise ValueError(
                "slopes must be finite, except slopes[0] = -inf and slopes[-1] = +inf for the sides of "
                f"a box, but slopes[{k}] = {slope}"
            )
    same = (slopes[1:] == slopes[:-1]).nonzero()[0]
    if kinks and same.size:
        k = int(same[0])
        raise ValueError(
            f"the slope must change at every level, but it is {slopes[k]:g} on both sides of "
            f"levels[{k}] = {levels[k]:g}; drop that level or use PAR.merged"
        )


def domain(levels: FloatArray, slopes: FloatArray) -> tuple[float, float]:
    """The closed interval where ψ is finite; its ends are ±inf or the sides of the box."""
    low = float(levels[0]) if slopes[0] == -np.inf else -np.inf
    high = float(levels[-1]) if slopes[-1] == np.inf else np.inf
    return low, high


def same_kinks(slopes: FloatArray, others: FloatArray) -> bool:
    """Whether neighbouring slopes differ, and are infinite or zero just where the others, a multiple, are."""
    finite = all_finite(slopes) and all_finite(others)
    same = finite or np.array_equal(np.isfinite(slopes), np.isfinite(others))
    # A product may underflow to a zero slope, or to its neighbour.
    same = same and np.count_nonzero(slopes) == np.count_nonzero(others)
    return bool(same) and np.count_nonzero(slopes[1:] == slopes[:-1]) == 0


def unit(*arrays: FloatArray) -> float:
    """A power of two that brings the largest finite entry near one; 1 where products of entries are harmless.

    Multiplying by it is exact, so that squares and products neither under- nor overflow and nothing changes.
    """
    sizes = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in arrays]
    largest = max(sizes)
    if largest == 0.0 or _SMALL <= largest <= 1.0 / _SMALL:
        return 1.0
    return math.ldexp(1.0, min(1 - math.frexp(largest)[1], 1023))


Cells = tuple[NDArray[np.intp], NDArray[np.intp]]


def cells(levels: FloatArray, w: FloatArray) -> Cells:
    """The cells just left and just right of each entry, which differ on a level only; shapes of `w`."""
    if w.size <= _MANY:
        return levels.searchsorted(w), levels.searchsorted(w, side="right")
    # Most entries of a long vector are zero.
    nonzero = np.flatnonzero(w)
    some = w.reshape(-1)[nonzero]
    left, right = (np.full(w.size, levels.searchsorted(0.0, side=side)) for side in ("left", "right"))
    left[nonzero], right[nonzero] = levels.searchsorted(some), levels.searchsorted(some, side="right")
    return left.reshape(w.shape), right.reshape(w.shape)


def anchors(levels: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each of the K + 1 cells its end nearest to 0 and ψ there, with ψ = 0 at the origin.

    The origin is the point of the domain nearest to 0.  Summing outward from it means that the
    values of two neighbouring levels never differ by the cancellation of large numbers.
    """
    low, high = domain(levels, slopes)
    origin = min(max(0.0, low), high)
    cell = int(levels.searchsorted(origin))
    finite = np.where(np.isfinite(slopes), slopes, 0.0)
    right = np.concatenate(([origin], levels[cell:]))
    left = np.concatenate(([origin], levels[:cell][::-1]))
    to_right = finite[cell : cell + right.size - 1] * (right[1:] - right[:-1])
    to_left = finite[cell::-1][: left.size - 1] * (left[1:] - left[:-1])
    at_right = np.concatenate(([0.0], to_right.cumsum()))
    at_left = np.concatenate(([0.0], to_left.cumsum()))
    points = np.concatenate((left[:0:-1], right))
    values = np.concatenate((at_left[:0:-1], at_right))
    points.flags.writeable = values.flags.writeable = False
    return points, values


def minimiser(levels: FloatArray, slopes: FloatArray) -> float | None:
    """A global minimiser of ψ, the nearest to 0; None when ψ is unbounded below.

    Local minimisers are found by the signs of the slopes, not by comparing values, and two of them
    count as equally low when their values differ by no more than the rounding of the sums.
    """
    if not slopes[0] <= 0 <= slopes[-1]:
        return None
    low, high = domain(levels, slopes)
    origin = min(max(0.0, low), high)
    candidates = ((slopes[:-1] <= 0) & (slopes[1:] >= 0)).nonzero()[0]
    if candidates.size == 0:
        return origin
    # ψ at the candidates relative to the first: a wall outside them takes no part.
    first, last = candidates[0], candidates[-1]
    steps, widths = slopes[first + 1 : last + 1], levels[first + 1 : last + 1] - levels[first:last]
    rises = (unit(steps) * steps) * (unit(widths) * widths)
    values = np.concatenate(([0.0], rises.cumsum()))[candidates - first]
    rounding = 8 * np.finfo(np.float64).eps * float(np.abs(rises).sum())
    best = candidates[values <= values.min() + rounding]
    cell = int(levels.searchsorted(origin))
    if slopes[cell] == 0.0 and (cell in best or cell - 1 in best):
        return origin  # inside a flat bottom
    return float(levels[best[np.abs(levels[best]).argmin()]])


class Rest(NamedTuple):
    """The value of a coordinate that no data move, and the cells just left and just right of it."""

    x: float
    left: int
    right: int


def rest(levels: FloatArray, slopes: FloatArray) -> Rest:
    """At the minimiser nearest to 0; where ψ falls without end, at the point of its domain nearest to 0."""
    x = minimiser(levels, slopes)
    if x is None:
        low, high = domain(levels, slopes)
        x = min(max(0.0, low), high)
    return Rest(x, int(levels.searchsorted(x)), int(levels.searchsorted(x, side="right")))


def outward_extremes(levels: FloatArray, slopes: FloatArray, middle: float) -> FloatArray:
    """Slopes made monotone outward from `middle`: cumulative maximum to the right, minimum to the left."""
    # The slopes at and right of the middle, and those at and left of it (one cell in common unless
    # the middle is a level).
    right = slopes[np.searchsorted(levels, middle, side="right") :]
    left = slopes[: np.searchsorted(levels, middle, side="left") + 1]
    overlap = left.size + right.size - slopes.size
    right = np.maximum.accumulate(np.maximum(right, 0.0))
    left = np.minimum.accumulate(np.minimum(left, 0.0)[::-1])[::-1]
    return np.concatenate((left[: left.size - overlap], right))
