r"""Named piecewise-affine penalties: functions that return a `PAR`, all of unit strength.

A grid of *spacing* ``q`` and *n_levels* ``m`` per side has the levels ``0, ±q, …, ±mq``.
With ``bounded=True`` it ends in a box at ``±mq``; otherwise the slope goes on past the last level,
so that the last level is a kink as well.  Multiply by a strength with ``PAR.scaled(alpha)``.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin._arguments import positive, whole
from parlin._types import FloatArray
from parlin.penalty import PAR
from parlin.penalty.piecewise import check

__all__ = [
    "binary",
    "box",
    "chords",
    "distance",
    "from_function",
    "integers",
    "lasso",
    "mcp",
    "ridge",
    "rippled_mcp",
    "rippled_scad",
    "sawtooth",
    "scad",
    "staircase",
]


def ridge(spacing: float, n_levels: int, bounded: bool = False) -> PAR:
    r"""The convex PAR that interpolates ``x²/2`` on the grid: slopes ``(k + ½) q``.

    Source: [PAR] section 4.1.  Every Clarke slope at ``x`` is within ``q/2`` of ``x`` as long as
    ``|x| <= (m + 1) q``.

    Examples
    --------
    >>> from parlin import designs
    >>> designs.ridge(1.0, 1).slopes
    array([-1.5, -0.5,  0.5,  1.5])
    """
    k = np.arange(_grid(spacing, n_levels) + 1)
    return _even_grid(spacing, (k + 0.5) * spacing, bounded)


def lasso(spacing: float, n_levels: int, growth: float = 0.05, bounded: bool = False) -> PAR:
    r"""The convex PAR with slopes ``a_k = 1 + growth·k``: the absolute value with a kink at every level.

    Source: [PAR] section 4.2.  `growth` must be positive, or only 0 is a kink.
    """
    k = np.arange(_grid(spacing, n_levels) + 1)
    if not growth > 0:
        raise ValueError(f"growth must be > 0, or the levels off 0 are no kinks, but is {growth!r}")
    return _even_grid(spacing, 1.0 + growth * k, bounded)


def box(low: float, high: float) -> PAR:
    """The indicator of ``[low, high]``: convex, slope 0 inside (so interpolating fits need not quantize)."""
    return PAR([low, high], [-np.inf, 0.0, np.inf])


def integers(low: int, high: int) -> PAR:
    """The convex PAR that interpolates ``x²/2`` on ``low, low + 1, …, high``, with a box at both ends."""
    if not (isinstance(low, Integral) and isinstance(high, Integral) and low < high):
        raise ValueError(f"integers needs whole numbers low < high, but got {low!r} and {high!r}")
    levels = np.arange(low, high + 1, dtype=np.float64)
    return PAR(levels, np.concatenate(([-np.inf], levels[:-1] + 0.5, [np.inf])))


def binary(low: float = -1.0, high: float = 1.0) -> PAR:
    """The distance to ``{low, high}``: the nonconvex W of [ProxQuant], up to a constant."""
    return PAR([low, 0.5 * (low + high), high], [-1.0, 1.0, -1.0, 1.0])


def distance(levels: ArrayLike, slope: float = 1.0) -> PAR:
    r"""`slope` times the distance to any finite set of levels, up to a constant: nonconvex for two or more.

    Its prox at a strength of half the widest gap or more rounds to the nearest level, which makes the
    straight-through estimator a proximal method [ProxQuant].  `binary` and `sawtooth` are special cases.

    Examples
    --------
    >>> from parlin import designs
    >>> designs.distance([-1.0, 0.5]).levels
    array([-1.  , -0.25,  0.5 ])
    """
    levels = _increasing(levels, least=1)
    positive("slope", slope)
    kinks = np.empty(2 * levels.size - 1)
    kinks[::2], kinks[1::2] = levels, 0.5 * levels[1:] + 0.5 * levels[:-1]
    crowded = np.flatnonzero(np.diff(kinks) <= 0)
    if crowded.size:
        low, high = levels[crowded[0] // 2 : crowded[0] // 2 + 2].tolist()
        raise ValueError(f"levels need a float between them for a kink, but {low!r} and {high!r} have none")
    return PAR(kinks, slope * np.tile([-1.0, 1.0], levels.size))


def chords(levels: ArrayLike, bounded: bool = True) -> PAR:
    r"""The convex PAR that interpolates ``x²/2`` on any levels, with a box at the outermost two.

    Its prox at strength ``ρ − 1``, taken at ``ρ p``, is the soft rounding of [PARQ] with slope ρ.  With
    ``bounded=False`` it goes on along the chord over one more cell of the neighbouring width.

    Examples
    --------
    >>> from parlin import designs
    >>> designs.chords([-1.0, 0.0, 2.0]).slopes
    array([-inf, -0.5,  1. ,  inf])
    """
    levels = _increasing(levels, least=1 if bounded else 2)
    if bounded:
        outer = [-np.inf], [np.inf]
    else:
        outer = [levels[0] - 0.5 * (levels[1] - levels[0])], [levels[-1] + 0.5 * (levels[-1] - levels[-2])]
    return PAR(levels, np.concatenate((outer[0], 0.5 * levels[1:] + 0.5 * levels[:-1], outer[1])))


def staircase(spacing: float, n_levels: int, flat: float = 0.0) -> PAR:
    r"""The quasiconvex PAR with slopes 1 and `flat` on the near and far half of every cell.

    Source: [PAR] section 2.  With ``flat = 0`` theory 3.3 applies: an interpolating fit may leave
    more than ``n`` coordinates off the grid.  ``0 < flat < 1`` restores the bound.
    """
    m = _grid(spacing, n_levels)
    if not 0.0 <= flat < 1.0:
        raise ValueError(f"flat must lie in [0, 1), but is {flat!r}; at 1 the levels are no kinks")
    return _even_half_cells(spacing, np.tile([1.0, flat], m), 1.0)


def sawtooth(spacing: float, n_levels: int) -> PAR:
    """The distance to the grid: nonconvex, slopes ``±1``, concave kinks half-way between levels."""
    return _even_half_cells(spacing, np.tile([1.0, -1.0], _grid(spacing, n_levels)), 1.0)


def mcp(spacing: float, n_levels: int, concavity: float | None = None) -> PAR:
    r"""The chords of the minimax concave penalty ``x − x²/(2b)``, constant beyond ``b = concavity``.

    By default ``b = n_levels · spacing``.  All kinks except 0 are concave, so no minimiser is at
    them: this penalty quantizes **only at 0**.  Use `rippled_mcp` to quantize everywhere.
    """
    slopes = _mcp_chords(spacing, _grid(spacing, n_levels), concavity)
    return _merged_even(spacing, slopes)


def scad(spacing: float, n_levels: int, a: float = 3.7, knee: float | None = None) -> PAR:
    r"""The chords of SCAD: slope 1 up to `knee`, falling linearly to 0 at ``a · knee``.

    By default ``a · knee = n_levels · spacing``.  Like `mcp` it quantizes **only at 0**; use
    `rippled_scad` to quantize everywhere.
    """
    return _merged_even(spacing, _scad_chords(spacing, _grid(spacing, n_levels), a, knee))


def rippled_mcp(
    spacing: float, n_levels: int, concavity: float | None = None, ripple: float | None = None
) -> PAR:
    r"""MCP chords plus a ripple ``±h`` on the half cells, which makes every grid level a convex kink.

    The slopes stay within ``h`` of MCP's derivative at the chords, so the error bound 6b of
    `parlin.theory` holds with ``ε = h``.  Needs ``q/(2b) < h < ½`` and ``h`` different from every
    chord slope (no slope is zero).  By default ``h`` is the middle of that interval.
    """
    m = _grid(spacing, n_levels)
    return _rippled(spacing, _mcp_chords(spacing, m, concavity), ripple)


def rippled_scad(
    spacing: float, n_levels: int, a: float = 3.7, knee: float | None = None, ripple: float | None = None
) -> PAR:
    r"""SCAD chords plus a ripple ``±h`` on the half cells, which makes every grid level a convex kink.

    The slopes stay within ``h`` of SCAD's derivative if `knee` and ``a · knee`` are on levels, and otherwise
    within ``h + μ_p q/8``, with ``μ_p`` of `parlin.theory.scad_concavity`.
    """
    return _rippled(spacing, _scad_chords(spacing, _grid(spacing, n_levels), a, knee), ripple)


def from_function(
    function: Callable[[FloatArray], FloatArray], levels: ArrayLike, bounded: bool = False
) -> PAR:
    """The PAR that interpolates a vectorised `function` on `levels`; levels without a kink are merged.

    Beyond the outer levels it follows the chord over one more cell of the neighbouring width, or
    ends in a box with ``bounded=True``.
    """
    levels = _increasing(levels, least=2)
    outer = np.concatenate(([2 * levels[0] - levels[1]], levels, [2 * levels[-1] - levels[-2]]))
    points = levels if bounded else outer
    values = np.asarray(function(points), dtype=np.float64)
    if values.shape != points.shape or not np.all(np.isfinite(values)):
        raise ValueError(f"function must give one finite number for each of the {points.size} points")
    widths = np.diff(points)
    slopes = np.diff(values) / widths
    # Chords of a straight stretch differ by the rounding of the values; that is no kink.
    rounding = 4 * np.finfo(np.float64).eps * np.abs(values[1:-1]) * (1 / widths[1:] + 1 / widths[:-1])
    slopes = slopes[np.append(0, _run_starts(np.abs(np.diff(slopes)) > rounding))]
    if bounded:
        slopes = np.concatenate(([-np.inf], slopes, [np.inf]))
    return PAR.merged(levels, slopes)


# -- grids ------------------------------------------------------------------------------------------


def _increasing(levels: ArrayLike, least: int) -> FloatArray:
    levels = np.asarray(levels, dtype=np.float64).reshape(-1)
    if levels.size < least:
        raise ValueError(f"levels must be at least {least} increasing numbers, but there are {levels.size}")
    check(levels, np.zeros(levels.size + 1), kinks=False)
    return levels


def _grid(spacing: float, n_levels: int) -> int:
    positive("spacing", spacing)
    return whole("n_levels", n_levels, low=0, remedy="it counts the levels per side of 0")


def _run_starts(changes: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each place after the first, the index where its run without a change began."""
    return np.maximum.accumulate(np.where(changes, np.arange(1, changes.size + 1), 0))


def _even_grid(spacing: float, slopes: FloatArray, bounded: bool) -> PAR:
    levels = np.arange(slopes.size) * spacing
    if bounded:
        slopes = np.concatenate((slopes[:-1], [np.inf]))
    return PAR.even(levels, slopes)


def _even_half_cells(spacing: float, slopes: FloatArray, last: float) -> PAR:
    """The even PAR with `slopes` on the half cells right of 0 and slope `last` beyond the last level."""
    # k q for the levels and (k + ½) q between them, so that levels are the floats k · spacing.
    levels = np.arange(slopes.size + 1) * 0.5 * spacing
    levels[::2] = np.arange(slopes.size // 2 + 1) * spacing
    return PAR.even(levels, np.append(slopes, last))


def _merged_even(spacing: float, slopes: FloatArray) -> PAR:
    levels = np.arange(slopes.size) * spacing
    return PAR.merged(np.concatenate((-levels[:0:-1], levels)), np.concatenate((-slopes[::-1], slopes)))


def _mcp_chords(spacing: float, n_levels: int, concavity: float | None) -> FloatArray:
    b = n_levels * spacing if concavity is None else concavity
    cells = b / spacing
    if not (np.isfinite(cells) and cells >= 1 and abs(cells - round(cells)) <= 1e-9 * cells):
        raise ValueError(
            f"concavity must be a positive multiple of spacing = {spacing:g}, but is {b!r}; "
            "the chords follow MCP only if it ends on the grid"
        )
    k = np.arange(n_levels + 1)
    return np.where(k < round(cells), 1.0 - (k + 0.5) / round(cells), 0.0)


def _scad_chords(spacing: float, n_levels: int, a: float, knee: float | None) -> FloatArray:
    if not a > 2:
        raise ValueError(f"a must be > 2, but is {a!r}")
    c = n_levels * spacing / a if knee is None else knee
    if not (np.isfinite(c) and c > 0):
        raise ValueError(f"knee must be a positive finite number, but is {c!r}")
    x = np.arange(n_levels + 2) * spacing
    falling = np.clip(x, c, a * c) - c
    values = np.minimum(x, c) + falling - falling**2 / (2 * (a - 1) * c)
    chords = np.diff(values) / spacing
    # Exact 1 and 0 on the straight parts, where the difference quotient carries rounding errors.
    chords[x[1:] <= c] = 1.0
    chords[x[:-1] >= a * c * (1 - 1e-12)] = 0.0
    return chords


def _rippled(spacing: float, chords: FloatArray, ripple: float | None) -> PAR:
    """Slopes ``m_k + h, m_k − h`` on the half cells of chord slope ``m_k``; levels stay convex kinks."""
    drop = float(np.max(chords[:-1] - chords[1:], initial=0.0))
    if ripple is None:
        ripple = 0.5 * (0.5 * drop + 0.5)
        if np.any(np.abs(chords - ripple) <= 1e-9):
            ripple *= 15 / 16
    if not 0.5 * drop < ripple < 0.5:
        raise ValueError(
            f"ripple must lie strictly between half the largest drop of the chord slopes, {0.5 * drop:g}, "
            f"and 1/2, but is {ripple:g}; a finer grid lowers the first bound"
        )
    clash = np.flatnonzero(np.abs(chords - ripple) <= 1e-12)
    if clash.size:
        raise ValueError(
            f"ripple = {ripple:g} equals the chord slope of cell {clash[0]}, which makes a slope zero and "
            "voids the quantization bound; change it a little"
        )
    half_cells = np.stack((chords[:-1] + ripple, chords[:-1] - ripple), axis=1).ravel()
    return _even_half_cells(spacing, half_cells, float(chords[-1] + ripple))
