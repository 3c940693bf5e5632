r"""The exact proximal map of any piecewise-affine function, vectorised.

For a piecewise-affine ``ψ`` with levels ``b_1 < … < b_K`` and slopes ``s_0 … s_K``

    prox_{γψ}(v) = argmin_x ½(x − v)² + γ ψ(x)

is nondecreasing, and each of its pieces has derivative 0 or 1.  So one table describes it: sorted
thresholds ``τ`` in ``v``, and for the piece between two of them the map
``clip(v − γ s_i, l_i, u_i)`` with ``l_i, u_i`` the ends of cell ``i``.  The clip returns the stored
float of a level: that is what "quantized exactly" means everywhere in this library.

* Convex ψ ([PAR] Eq. 23): every cell keeps its piece, and any threshold inside the flat part
  ``[b_k + γ s_{k−1}, b_k + γ s_k]`` gives the same map; its middle is used.
* Otherwise cells compete.  ``M_i(v) = max_{x in cell i} v x − x²/2 − γψ(x)`` are convex and
  ``M_j − M_i`` is nondecreasing for ``i < j``, so the upper envelope is built by one pass over a
  stack: the pieces that are popped are those where the convex envelope of ``x²/2 + γψ`` leaves it.

`prox_naive` is the definition, spelled out; tests compare the two.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin._kernels import Prox
from parlin._types import FloatArray
from parlin.penalty.piecewise import unit

Ties = Literal["right", "left", "toward_zero"]

# A nonconvex prox with more distinct steps than this compares all cells instead of building tables.
_MAX_TABLES = 16
# From this many thresholds on, an arithmetic progression is indexed by division.
_MANY_THRESHOLDS = 48


class ProxTable(NamedTuple):
    """The proximal map for one step: piece ``i`` rules between ``thresholds[i−1]`` and ``thresholds[i]``."""

    thresholds: FloatArray  # (m − 1,) increasing, in the argument v
    shifts: FloatArray  # (m,) γ s_i
    lower: FloatArray  # (m,) left end of the cell, a level or −inf
    upper: FloatArray  # (m,) right end of the cell, a level or +inf
    uniform: UniformIndex | None  # closed form of the index, where the thresholds allow one
    kernel: Prox | None = None  # this map compiled, ties to the right


class UniformIndex(NamedTuple):
    """Thresholds that are arithmetic progressions of one increment on either side of the centre."""

    left: int  # thresholds[:left] are the left progression
    right: int  # thresholds[right:] are the right progression
    increment: float


def prox_table(levels: FloatArray, slopes: FloatArray, step: float, convex: bool) -> ProxTable:
    """The table of ``prox_{step ψ}``: ``m`` pieces, ``m`` = the number of cells that can hold a minimiser."""
    first = int(slopes[0] == -np.inf)
    last = len(slopes) - int(slopes[-1] == np.inf)
    edges = np.concatenate(([-np.inf], levels, [np.inf]))
    lower, upper = edges[first:last], edges[first + 1 : last + 1]
    # A zero shift is stored as −0.0: then v − shift is never −0.0, and no output is −0.0 on the level 0.0.
    shifts = -(0.0 - step * slopes[first:last])
    if first >= last:  # the domain is the single point levels[0]
        thresholds, shifts, lower, upper = np.empty(0), np.array([-0.0]), levels[:1], levels[:1]
    elif convex:
        thresholds = levels[first : last - 1] + 0.5 * (shifts[:-1] + shifts[1:])
    else:
        keep, thresholds = _envelope(shifts, lower, upper)
        shifts, lower, upper = shifts[keep], lower[keep], upper[keep]
    kernel = None if Prox is None else Prox(thresholds, shifts, lower, upper)
    return ProxTable(thresholds, shifts, lower, upper, _uniform_index(thresholds), kernel)


def apply_table(
    table: ProxTable, v: FloatArray, ties: Ties = "right", out: FloatArray | None = None
) -> FloatArray:
    """The proximal map of `v` by a table; `ties` says which side wins where two pieces are equally good."""
    if table.kernel is not None and ties == "right":
        return table.kernel(v, out)
    result = np.empty(v.shape) if out is None else out
    if ties == "toward_zero":
        left, right = apply_table(table, v, "left"), apply_table(table, v, "right")
        result[...] = np.where(np.abs(left) < np.abs(right), left, right)
        return result
    piece = piece_index(table, v, ties)
    np.subtract(v, table.shifts[piece], out=result)
    np.maximum(result, table.lower[piece], out=result)
    np.minimum(result, table.upper[piece], out=result)
    return result


def piece_index(
    table: ProxTable, v: FloatArray, ties: Literal["right", "left"] = "right"
) -> NDArray[np.intp]:
    """The index of the piece of `table` that rules at each entry of `v`."""
    thresholds = table.thresholds
    if table.uniform is not None and ties == "right" and thresholds.size >= _MANY_THRESHOLDS:
        return _uniform_search(table.uniform, thresholds, v)
    return np.searchsorted(thresholds, v, side=ties)


def prox_per_coordinate(
    levels: FloatArray, slopes: FloatArray, v: FloatArray, step: FloatArray, convex: bool
) -> FloatArray:
    """The proximal map of the flat array `v` with one step per coordinate, ties to the right."""
    if not np.all((step > 0) & np.isfinite(step)):
        raise ValueError("every step must be a positive finite number")
    if convex:
        return _prox_convex_steps(levels, slopes, v, step)
    distinct, group = np.unique(step, return_inverse=True)
    if distinct.size > _MAX_TABLES:
        return _prox_all_cells(levels, slopes, v, step)
    result = np.empty_like(v)
    for k, value in enumerate(distinct):
        members = group == k
        result[members] = apply_table(prox_table(levels, slopes, float(value), False), v[members])
    return result


def prox_naive(levels: FloatArray, slopes: FloatArray, v: float, step: float) -> tuple[float, float]:
    """A minimiser of ``½(x − v)² + step ψ(x)`` and its value, by trying the best point of every cell.

    ψ is anchored at its first level (at 0 if there is none).  For tests: slow and obvious.
    """
    edges = [-math.inf, *map(float, levels), math.inf]
    value_at_left = [0.0]
    for k in range(1, len(levels)):
        value_at_left.append(value_at_left[-1] + float(slopes[k]) * (edges[k + 1] - edges[k]))
    best = (math.inf, math.nan)
    for i, slope in enumerate(map(float, slopes)):
        if math.isinf(slope):
            candidates = [edges[1] if i == 0 else edges[-2]]
        else:
            candidates = [min(max(v - step * slope, edges[i]), edges[i + 1])]
        for x in candidates:
            if len(levels) == 0:
                psi = slope * x
            elif x == edges[max(i, 1)]:
                psi = value_at_left[max(i, 1) - 1]
            else:
                psi = value_at_left[max(i, 1) - 1] + slope * (x - edges[max(i, 1)])
            best = min(best, (0.5 * (x - v) ** 2 + step * psi, x))
    return best[1], best[0]


# -- the envelope of a nonconvex ψ ------------------------------------------------------------------


def _envelope(shifts: FloatArray, lower: FloatArray, upper: FloatArray) -> tuple[list[int], FloatArray]:
    """The cells on the upper envelope of the ``M_i`` and the ``v`` at which each takes over."""
    scale = unit(shifts, lower, upper)
    a, left, right = ((scale * part).tolist() for part in (shifts, lower, upper))
    stack, starts = [0], [-math.inf]
    # rises[k]: growth of γψ between the right end of stack[k − 1] and the left end of stack[k],
    # summed over the popped cells only, so that no large values of ψ are ever subtracted.
    rises = [0.0]
    for j in range(1, len(a)):
        rise = 0.0
        while True:
            i = stack[-1]
            origin = right[i]
            width = origin - left[i]
            gap = left[j] - origin
            if gap == 0.0 and (
                a[i] <= a[j] or (0.5 * (a[i] - a[j]) <= width and 0.5 * (a[i] - a[j]) <= right[j] - left[j])
            ):
                start = origin + 0.5 * (a[i] + a[j])
            else:
                start = origin + _crossing(a[i], a[j], width, right[j] - left[j], gap, rise)
            if start > starts[-1]:
                break
            rise += rises[-1] + a[i] * width
            stack.pop(), starts.pop(), rises.pop()
        stack.append(j), starts.append(start), rises.append(rise)
    return stack, np.array(starts[1:]) / scale


def _crossing(a: float, b: float, width_i: float, width_j: float, gap: float, rise: float) -> float:
    r"""Where two cells are equally good, in ``v`` counted from the right end of the first.

    The first cell is ``ξ in [−width_i, 0]`` with slope ``a``; the second ``ξ = gap + η``,
    ``η in [0, width_j]``, slope ``b``, and γψ grows by `rise` across the gap.  Their difference
    ``g = M_j − M_i`` is nondecreasing, and between two neighbouring knots below it is linear or
    quadratic with a known root.
    """

    def g(v: float) -> float:
        x = min(max(v - a, -width_i), 0.0)
        eta = min(max(v - gap - b, 0.0), width_j)
        y = gap + eta
        return y * (v - 0.5 * y) - rise - b * eta - x * (v - a - 0.5 * x)

    knots = sorted(k for k in (a - width_i, a, gap + b, gap + b + width_j) if math.isfinite(k))
    low, high = -math.inf, math.inf
    for knot in knots:
        if g(knot) >= 0.0:
            high = knot
            break
        low = knot
    first_free = a - width_i <= low and high <= a
    second_free = gap + b <= low and high <= gap + b + width_j
    x = 0.0 if low >= a else -width_i
    eta = 0.0 if high <= gap + b else width_j
    y = gap + eta
    if first_free and second_free:
        root = 0.5 * (a + b) + (rise - b * gap) / (a - b) if a != b else low
    elif second_free:
        root = b + x + math.sqrt(max(2.0 * ((b - a) * x + rise - b * gap), 0.0))
    elif first_free:
        root = a + y - math.sqrt(max(2.0 * (a * y - rise - b * eta), 0.0))
    else:
        root = 0.5 * (x + y) + (rise + b * eta - a * x) / (y - x) if y > x else low
    return min(max(root, low), high)


# -- one step per coordinate ------------------------------------------------------------------------


def _prox_convex_steps(levels: FloatArray, slopes: FloatArray, v: FloatArray, step: FloatArray) -> FloatArray:
    first = int(slopes[0] == -np.inf)
    last = len(slopes) - int(slopes[-1] == np.inf)
    if first >= last:
        return np.where(np.isnan(v), v, levels[0])
    edges = np.concatenate(([-np.inf], levels, [np.inf]))
    # Bisection for the last threshold that is <= v; threshold k separates the cells k − 1 and k.
    low = np.full(v.shape, first)
    high = np.full(v.shape, last - 1)
    for _ in range(max(1, math.ceil(math.log2(last - first + 1))) if last - first > 1 else 0):
        middle = (low + high + 1) // 2
        threshold = edges[middle] + 0.5 * step * (slopes[np.maximum(middle - 1, first)] + slopes[middle])
        above = (v >= threshold) & (middle > low)
        high = np.where(above, high, np.maximum(middle - 1, low))
        low = np.where(above, middle, low)
    return np.minimum(np.maximum(v - step * slopes[low], edges[low]), edges[low + 1])


def _prox_all_cells(levels: FloatArray, slopes: FloatArray, v: FloatArray, step: FloatArray) -> FloatArray:
    """The cells compete from left to right, as in `_envelope`, in every coordinate for itself."""
    finite = np.flatnonzero(np.isfinite(slopes))
    edges = np.concatenate(([-np.inf], levels, [np.inf]))
    defined = np.isfinite(v)
    u = np.where(defined, v, 0.0)
    scale = unit(levels, step.max(initial=0.0) * slopes[finite])
    u, edges, slopes = scale * u, scale * edges, scale * slopes
    first, *others = finite.tolist()
    left, right = np.full_like(v, edges[first]), np.full_like(v, edges[first + 1])
    shift, rise = step * slopes[first], np.zeros_like(v)
    for j in others:
        challenge, width = step * slopes[j], edges[j + 1] - edges[j]
        # Counted from the right end of the best cell so far, as in `_crossing`.
        t, gap = u - right, edges[j] - right
        x = np.minimum(np.maximum(t - shift, left - right), 0.0)
        eta = np.minimum(np.maximum(t - gap - challenge, 0.0), width)
        lead = gap * (t - 0.5 * gap) - rise + eta * (t - gap - challenge - 0.5 * eta)
        lead -= x * (t - shift - 0.5 * x)
        wins = lead >= 0.0
        if np.isfinite(width):
            rise = np.where(wins, 0.0, rise + challenge * width)
        shift = np.where(wins, challenge, shift)
        left, right = np.where(wins, edges[j], left), np.where(wins, edges[j + 1], right)
    v = np.clip(v, edges[finite[0]] / scale, edges[finite[-1] + 1] / scale)
    return np.where(defined, np.minimum(np.maximum(u - shift, left), right) / scale, v)


# -- the closed form of the index on uniform grids --------------------------------------------------


def _uniform_index(thresholds: FloatArray) -> UniformIndex | None:
    """The progressions on either side of the centre, or None when the thresholds are not of that form."""
    m = thresholds.size
    if m < _MANY_THRESHOLDS:
        return None
    gaps = np.diff(thresholds)
    increment = float(gaps[0])
    irregular = np.flatnonzero(np.abs(gaps - increment) > 1e-9 * increment)
    left, right = (m, m) if irregular.size == 0 else (int(irregular[0]) + 1, int(irregular[-1]) + 1)
    # The index is corrected by one place either way, so at most one threshold may lie in between.
    return UniformIndex(left, right, increment) if right - left <= 1 and increment > 0 else None


def _uniform_search(uniform: UniformIndex, thresholds: FloatArray, v: FloatArray) -> NDArray[np.intp]:
    left, right, increment = uniform
    m = thresholds.size
    with np.errstate(invalid="ignore", over="ignore"):
        below = np.floor((v - thresholds[0]) / increment) + 1.0
        guess = np.minimum(np.maximum(below, 0.0), float(left))
        if right < m:
            above = np.floor((v - thresholds[right]) / increment) + (right + 1.0)
            guess = np.where(v >= thresholds[right], np.minimum(above, float(m)), guess)
        index = np.where(np.isnan(guess), m, guess).astype(np.intp)
    # Division and table may round differently: one comparison on each side makes them agree.
    padded = np.concatenate(([-np.inf], thresholds, [np.inf]))
    index += v >= padded[index + 1]
    index -= v < padded[index]
    return np.minimum(index, m)  # +inf is not beyond the last piece
