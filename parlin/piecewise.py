r"""Pure functions on levels and slopes: validity, values without cancellation, the convex envelope."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin._kernels import all_finite

FloatArray = NDArray[np.float64]

# Vectors longer than this are searched for entries other than zero first.
_MANY = 2000


def check(levels: FloatArray, slopes: FloatArray, kinks: bool = True) -> None:
    """Raise a ValueError that names the level or slope at fault; `kinks` asks for one at every level."""
    if slopes.size != levels.size + 1:
        raise ValueError(
            f"slopes must have one entry more than levels, but there are {levels.size} levels and "
            f"{slopes.size} slopes; give the slopes left of, between and right of the levels"
        )
    if not np.all(np.isfinite(levels)):
        k = int(np.flatnonzero(~np.isfinite(levels))[0])
        raise ValueError(
            f"levels must be finite, but levels[{k}] = {levels[k]}; a box side is an infinite slope"
        )
    falls = np.flatnonzero(np.diff(levels) <= 0)
    if falls.size:
        k = int(falls[0]) + 1
        remedy = "drop the repeat" if levels[k] == levels[k - 1] else "sort levels and slopes together"
        raise ValueError(
            f"levels must be strictly increasing, but levels[{k}] = {levels[k]:g} <= "
            f"levels[{k - 1}] = {levels[k - 1]:g}; {remedy}"
        )
    for k, slope in enumerate(slopes.tolist()):
        allowed = np.isfinite(slope) or (levels.size and (k, slope) in ((0, -np.inf), (levels.size, np.inf)))
        if not allowed:
            raise ValueError(
                "slopes must be finite, except slopes[0] = -inf and slopes[-1] = +inf for the sides of "
                f"a box, but slopes[{k}] = {slope}"
            )
    same = np.flatnonzero(slopes[1:] == slopes[:-1])
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
    """Whether neighbouring slopes differ, and are infinite just where the others are."""
    finite = all_finite(slopes) and all_finite(others)
    same = finite or np.array_equal(np.isfinite(slopes), np.isfinite(others))
    return bool(same) and np.count_nonzero(slopes[1:] == slopes[:-1]) == 0


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
    cell = int(np.searchsorted(levels, origin))
    finite = np.where(np.isfinite(slopes), slopes, 0.0)
    right = np.concatenate(([origin], levels[cell:]))
    left = np.concatenate(([origin], levels[:cell][::-1]))
    at_right = np.concatenate(([0.0], np.cumsum(finite[cell : cell + right.size - 1] * np.diff(right))))
    at_left = np.concatenate(([0.0], np.cumsum(finite[cell::-1][: left.size - 1] * np.diff(left))))
    points = np.concatenate((left[:0:-1], right))
    values = np.concatenate((at_left[:0:-1], at_right))
    return points, values


class Envelope(NamedTuple):
    """The convex envelope of ψ: the levels that carry it, and its slopes between them."""

    levels: NDArray[np.intp]  # indices into the levels of ψ
    slopes: FloatArray

    def supporting_level(self, p: FloatArray) -> NDArray[np.intp]:
        """The index of a level where ``p x − ψ(x)`` is largest, for p between the outer slopes."""
        return self.levels[np.searchsorted(self.slopes, p)]


def convex_envelope(levels: FloatArray, slopes: FloatArray, values: FloatArray) -> Envelope:
    """The lower convex hull of the graph over the levels, where ψ takes the given values."""
    if np.all(slopes[1:] > slopes[:-1]):
        return Envelope(np.arange(levels.size), slopes[1:-1])
    x, y = levels.tolist(), values.tolist()
    hull: list[int] = []
    for k in range(len(x)):
        while len(hull) >= 2:
            i, j = hull[-2], hull[-1]
            if (y[j] - y[i]) * (x[k] - x[j]) < (y[k] - y[j]) * (x[j] - x[i]):
                break
            hull.pop()
        hull.append(k)
    indices = np.array(hull, dtype=np.intp)
    return Envelope(indices, np.diff(values[indices]) / np.diff(levels[indices]))


def minimiser(levels: FloatArray, slopes: FloatArray) -> float | None:
    """A global minimiser of ψ, the nearest to 0; None when ψ is unbounded below.

    Local minimisers are found by the signs of the slopes, not by comparing values, and two of them
    count as equally low when their values differ by no more than the rounding of the sums.
    """
    if not slopes[0] <= 0 <= slopes[-1]:
        return None
    low, high = domain(levels, slopes)
    origin = min(max(0.0, low), high)
    candidates = np.flatnonzero((slopes[:-1] <= 0) & (slopes[1:] >= 0))
    if candidates.size == 0:
        return origin
    # ψ at the candidates relative to the first: a wall outside them takes no part.
    first, last = candidates[0], candidates[-1]
    rises = slopes[first + 1 : last + 1] * np.diff(levels[first : last + 1])
    values = np.concatenate(([0.0], np.cumsum(rises)))[candidates - first]
    rounding = 8 * np.finfo(np.float64).eps * float(np.sum(np.abs(rises)))
    best = candidates[values <= values.min() + rounding]
    cell = int(np.searchsorted(levels, origin))
    if slopes[cell] == 0.0 and (cell in best or cell - 1 in best):
        return origin  # inside a flat bottom
    return float(levels[best[np.argmin(np.abs(levels[best]))]])


class Rest(NamedTuple):
    """Where a coordinate rests that no data pull, and the cells just left and just right of there."""

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
    """The running extremes of the slopes, from `middle` outward: the least increasing ones beyond them."""
    # The slopes at and right of the middle, and those at and left of it (one cell in common unless
    # the middle is a level).
    right = slopes[np.searchsorted(levels, middle, side="right") :]
    left = slopes[: np.searchsorted(levels, middle, side="left") + 1]
    overlap = left.size + right.size - slopes.size
    right = np.maximum.accumulate(np.maximum(right, 0.0))
    left = np.minimum.accumulate(np.minimum(left, 0.0)[::-1])[::-1]
    return np.concatenate((left[: left.size - overlap], right))
