r"""Piecewise-affine penalties as data: levels and slopes, nothing else.

A `PAR` is a function ``ψ: R → (−∞, +∞]`` that is affine between neighbouring levels.  Ridge chords,
lasso-like penalties, boxes, staircases, sawtooths and rippled MCP are all numbers in this one type
(see `parlin.designs`).  Source: [PAR] section 2; the prox is [PAR] Eq. 23 and its generalisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin._cached import cached_property
from parlin._types import FloatArray
from parlin.penalty import piecewise
from parlin.penalty.conjugate import conjugate, fenchel_young
from parlin.penalty.envelope import Envelope, convex_envelope
from parlin.penalty.prox import ProxTable, Ties, apply_table, prox_per_coordinate, prox_table

Shape = Literal["convex", "quasiconvex", "nonconvex"]

_CACHED_TABLES = 8


@dataclass(frozen=True, eq=False, repr=False)
class PAR:
    r"""The piecewise-affine function with the given levels and slopes.

    ``ψ`` has slope ``slopes[k]`` between ``levels[k−1]`` and ``levels[k]``; ``slopes[0]`` rules left
    of all levels and ``slopes[K]`` right of them.  The additive constant is fixed by ``ψ = 0`` at
    the point of the domain nearest to 0.

    Parameters
    ----------
    levels : array of shape (K,), K >= 0
        Strictly increasing and finite: the points where ψ has a kink.
    slopes : array of shape (K + 1,)
        Neighbouring slopes differ.  Finite, except that the first may be −inf and the last +inf
        (a box side).

    Raises
    ------
    ValueError
        Says which level or slope is at fault.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import PAR
    >>> absolute = PAR([0.0], [-1.0, 1.0])
    >>> absolute.prox([-3.0, 0.5, 2.0], 1.0)  # soft-thresholding
    array([-2.,  0.,  1.])
    >>> PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0]).shape  # the W of ProxQuant
    'nonconvex'
    """

    levels: FloatArray
    slopes: FloatArray
    # The last few tables of the prox, with their steps: replaced as a whole, so threads may share them.
    _tables: tuple[tuple[float, ProxTable], ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        levels = np.array(self.levels, dtype=np.float64).reshape(-1) + 0.0  # −0.0 becomes 0.0
        slopes = np.array(self.slopes, dtype=np.float64).reshape(-1) + 0.0
        piecewise.check(levels, slopes)
        for name, array in (("levels", levels), ("slopes", slopes)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def even(cls, levels: ArrayLike, slopes: ArrayLike) -> PAR:
        """The even PAR with ``levels[0] == 0`` and ``slopes[k]`` right of ``levels[k]``, mirrored."""
        levels, slopes = (np.asarray(part, dtype=np.float64).reshape(-1) for part in (levels, slopes))
        if levels.size == 0 or levels[0] != 0.0:
            first = "none" if levels.size == 0 else f"{levels[0]:g}"
            raise ValueError(f"levels of an even PAR must begin with 0, but the first is {first}")
        if slopes.size != levels.size:
            raise ValueError(f"an even PAR of {levels.size} levels needs as many slopes, not {slopes.size}")
        return cls(np.concatenate((-levels[:0:-1], levels)), np.concatenate((-slopes[::-1], slopes)))

    @classmethod
    def merged(cls, levels: ArrayLike, slopes: ArrayLike) -> PAR:
        """The PAR of these levels and slopes without the levels at which the slope does not change."""
        levels, slopes = (np.asarray(part, dtype=np.float64).reshape(-1) for part in (levels, slopes))
        piecewise.check(levels, slopes, kinks=False)
        kink = slopes[1:] != slopes[:-1]
        return cls(levels[kink], np.concatenate((slopes[:1], slopes[1:][kink])))

    def scaled(self, lam: float) -> PAR:
        """``lam ψ`` for ``lam >= 0``; box sides stay, and kinks that vanish are merged."""
        if not (math.isfinite(lam) and lam >= 0):
            raise ValueError(f"lam must be a finite number >= 0, but is {lam!r}")
        if lam > 0:
            slopes = lam * self.slopes
            if piecewise.same_kinks(slopes, self.slopes):
                return self._with_slopes(slopes)
        slopes = self.slopes.copy()
        slopes[np.isfinite(slopes)] *= lam
        return PAR.merged(self.levels, slopes)

    def _with_slopes(self, slopes: FloatArray) -> PAR:
        """The PAR of these slopes, which are checked: a multiple with the same kinks and the same signs.

        It takes over what depends on levels, signs and the order of neighbours alone; everything else is
        computed from `slopes`, so that equal penalties have equal values however they were made.
        """
        slopes.flags.writeable = False
        scaled = object.__new__(PAR)
        scaled.__dict__.update(levels=self.levels, slopes=slopes, _tables=(), shape=self.shape)
        scaled.__dict__.update(domain=self.domain)
        if self.shape == "convex":
            scaled.__dict__.update(rest=self.rest)
        return scaled

    def convex_relative(self) -> PAR:
        """The convex PAR whose slopes are the running extremes of ψ's, outward from its minimiser.

        Where the convex envelope of a bounded penalty is zero, this keeps the slope at the origin:
        the relative of a (rippled) MCP is the absolute value.  Nonconvex solves start from it.
        """
        return PAR.merged(self.levels, piecewise.outward_extremes(self.levels, self.slopes, self.rest.x))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PAR):
            return NotImplemented
        return np.array_equal(self.levels, other.levels) and np.array_equal(self.slopes, other.slopes)

    def __hash__(self) -> int:
        return hash((self.levels.tobytes(), self.slopes.tobytes()))

    def __reduce__(self) -> tuple[type[PAR], tuple[FloatArray, FloatArray]]:
        return PAR, (self.levels, self.slopes)

    def __repr__(self) -> str:
        with np.printoptions(precision=4, threshold=6, edgeitems=2):
            return f"PAR(levels={self.levels}, slopes={self.slopes})".replace("\n", "")

    @cached_property
    def shape(self) -> Shape:
        """Convex (slopes increase), quasiconvex (their sign changes at most once, − to +) or nonconvex."""
        if np.all(self.slopes[1:] > self.slopes[:-1]):
            return "convex"
        rising = np.flatnonzero(self.slopes > 0)
        if rising.size == 0 or np.all(self.slopes[rising[0] :] >= 0):
            return "quasiconvex"
        return "nonconvex"

    @cached_property
    def quantization_levels(self) -> FloatArray:
        """The levels with a convex kink, the only ones that a prox output can equal; read-only."""
        levels = self.levels[self.slopes[1:] > self.slopes[:-1]]
        levels.flags.writeable = False
        return levels

    @property
    def bounded_below(self) -> bool:
        """Whether ψ has a finite infimum: no falling right end and no rising left end."""
        return bool(self.slopes[0] <= 0 <= self.slopes[-1])

    @cached_property
    def domain(self) -> tuple[float, float]:
        """The closed interval where ψ is finite; its ends are ±inf or the sides of the box."""
        return piecewise.domain(self.levels, self.slopes)

    def minimiser(self) -> float | None:
        """A global minimiser of ψ, the nearest to 0; None when ψ is unbounded below."""
        return self.rest.x if self.bounded_below else None

    @cached_property
    def rest(self) -> piecewise.Rest:
        """The minimiser of ψ nearest to 0; if ψ is unbounded below, the point of its domain nearest to 0."""
        return piecewise.rest(self.levels, self.slopes)

    @cached_property
    def anchors(self) -> tuple[FloatArray, FloatArray]:
        """For each cell its end nearest to 0, or the origin, and ψ there; each of shape (K + 1,)."""
        return piecewise.anchors(self.levels, self.slopes)

    def _cells(self, w: FloatArray) -> piecewise.Cells:
        return piecewise.cells(self.levels, w)

    def value(self, w: ArrayLike) -> FloatArray:
        """ψ at each entry of `w`, same shape; +inf outside a box."""
        w = np.asarray(w, dtype=np.float64)
        cell = self._cells(w)[0]
        points, values = self.anchors
        distance = w - points[cell]
        if math.isfinite(self.slopes[0] - self.slopes[-1]):
            return values[cell] + self.slopes[cell] * distance
        with np.errstate(invalid="ignore"):
            return values[cell] + np.where(distance == 0.0, 0.0, self.slopes[cell] * distance)

    def subdifferential(self, w: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """The ends ``(lo, hi)`` of the Clarke subdifferential at each entry of `w`, each of `w`'s shape.

        Inside a cell both are its slope; on a level they are the smaller and larger neighbouring
        slope (±inf at the side of a box); outside a box both are infinite.
        """
        w = np.asarray(w, dtype=np.float64)
        left, right = (self.slopes[cell] for cell in self._cells(w))
        if self.shape == "convex":
            return left, right
        return np.minimum(left, right), np.maximum(left, right)

    def distance(self, gradient: ArrayLike, w: ArrayLike) -> FloatArray:
        """The distance of ``−gradient`` from the Clarke interval at `w`, coordinate by coordinate."""
        low, high = self.subdifferential(w)
        target = -np.asarray(gradient, dtype=np.float64)
        return np.maximum(np.maximum(low - target, target - high), 0.0)

    def codes(self, w: ArrayLike) -> NDArray[np.intp]:
        """The index of the level that equals each entry of `w`, float for float; −1 off all levels."""
        left, right = self._cells(np.asarray(w, dtype=np.float64))
        return np.where(left != right, left, -1)

    def on_level(self, w: ArrayLike) -> NDArray[np.bool_]:
        """Whether each entry of `w` equals a level, float for float."""
        left, right = self._cells(np.asarray(w, dtype=np.float64))
        return left != right

    def nearest_level(self, w: ArrayLike) -> FloatArray:
        """Each entry of `w` rounded to the nearest quantization level (halves go up)."""
        w = np.asarray(w, dtype=np.float64)
        grid = self.quantization_levels
        if grid.size == 0:
            raise ValueError("this PAR has no convex kink, so there is no level to round to")
        return grid[self._midpoints.searchsorted(w, side="right")]

    @cached_property
    def _midpoints(self) -> FloatArray:
        """The midpoints of neighbouring quantization levels."""
        grid = self.quantization_levels
        return 0.5 * (grid[1:] + grid[:-1])

    def prox(
        self, v: ArrayLike, step: float | ArrayLike = 1.0, out: FloatArray | None = None, ties: Ties = "right"
    ) -> FloatArray:
        r"""A minimiser of ``½(x − v)² + step ψ(x)``, float for float a level wherever it is on one.

        Parameters
        ----------
        v : array of any shape
        step : positive float, or an array broadcastable to `v`'s shape
        out : float64 array of `v`'s shape, optional
        ties : {"right", "left", "toward_zero"}
            Where a nonconvex ψ has two minimisers: the larger, the smaller, or the one nearer to 0.
            Steps that differ between coordinates support "right" only.

        Raises
        ------
        ValueError
            If a step is not positive and finite.
        """
        v = np.asarray(v, dtype=np.float64)
        if out is not None and (out.shape, out.dtype) != (v.shape, v.dtype):
            raise ValueError(
                f"out must be float64 of shape {v.shape}, but is {out.dtype} of shape {out.shape}"
            )
        if isinstance(step, float) or np.ndim(step) == 0:
            return apply_table(self.table(float(step)), v, ties, out)
        if ties != "right":
            raise ValueError(f"ties={ties!r} needs one step for all coordinates; use ties='right'")
        steps = np.broadcast_to(np.asarray(step, dtype=np.float64), v.shape).reshape(-1)
        convex = self.shape == "convex"
        result = prox_per_coordinate(self.levels, self.slopes, v.reshape(-1), steps, convex).reshape(v.shape)
        if out is not None:
            out[...] = result
        return result if out is None else out

    def table(self, step: float) -> ProxTable:
        """The table of ``prox_{step ψ}``; the last few are kept."""
        known = self._tables
        for other, table in known:
            if other == step:
                return table
        if not (np.isfinite(step) and step > 0):
            raise ValueError(f"step must be a positive finite number, but is {step!r}")
        table = prox_table(self.levels, self.slopes, step, self.shape == "convex")
        # Of two threads that do this at once one is forgotten: its table is made again when it is needed.
        object.__setattr__(self, "_tables", ((step, table), *known[: _CACHED_TABLES - 1]))
        return table

    @cached_property
    def envelope(self) -> Envelope:
        """The convex envelope of ψ over its levels."""
        return convex_envelope(self.levels, self.slopes, self.value(self.levels))

    def conjugate(self, p: ArrayLike) -> FloatArray:
        """``ψ*(p) = max_x p x − ψ(x)``, +inf for p outside the outer slopes."""
        return conjugate(self, p)

    def fenchel_young(self, w: ArrayLike, p: ArrayLike) -> FloatArray:
        """``ψ(w) + ψ*(p) − p w >= 0``, summed from differences so that it vanishes exactly on a level."""
        return fenchel_young(self, w, p)
