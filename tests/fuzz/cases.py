"""A problem as plain data: what the library is given, how it is written down, and what is smaller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from parlin import PAR, LeastSquares, Problem

FloatArray = NDArray[np.float64]

STORAGES = ("C", "F", "csr", "csc")


@dataclass(frozen=True, eq=False)
class Case:
    """The arrays of one problem, its start and its tolerance; entries of a sparse X are given dense."""

    X: FloatArray
    y: FloatArray
    levels: FloatArray
    slopes: FloatArray
    storage: str = "C"
    sample_weight: FloatArray | None = None
    intercept: bool = False
    penalty_weights: FloatArray | None = None
    w0: FloatArray | None = None
    tol: float = 1e-8

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self.X.shape

    @property
    def is_sparse(self) -> bool:
        """Whether X is handed over as a sparse matrix."""
        return self.storage in ("csr", "csc")

    @property
    def is_convex(self) -> bool:
        """Whether the slopes increase."""
        return bool(np.all(self.slopes[1:] > self.slopes[:-1]))

    @property
    def has_gap(self) -> bool:
        """Whether a duality gap exists: convex, and the outer slopes enclose 0."""
        return self.is_convex and bool(self.slopes[0] < 0 < self.slopes[-1])

    def matrix(self) -> FloatArray | sparse.sparray:
        """X in its storage."""
        if self.storage == "csr":
            return sparse.csr_array(self.X)
        if self.storage == "csc":
            return sparse.csc_array(self.X)
        return np.array(self.X, order=self.storage)

    def problem(self) -> Problem:
        """The library's problem; raises what the library raises."""
        loss = LeastSquares(self.matrix(), self.y, self.sample_weight, self.intercept)
        return Problem(loss, PAR(self.levels, self.slopes), self.penalty_weights)

    def snippet(self) -> str:
        """Lines of Python that define ``p`` and ``w0``."""
        X = text(self.X)
        if self.is_sparse:
            X = f"sp.{self.storage}_array({X})"
        elif self.storage == "F":
            X = f"np.asfortranarray({X})"
        weight = None if self.sample_weight is None else text(self.sample_weight)
        penalty = f"PAR({plain(self.levels)}, {plain(self.slopes)})"
        omega = "" if self.penalty_weights is None else f", {plain(self.penalty_weights)}"
        start = None if self.w0 is None else plain(self.w0)
        return (
            f"X = {X}\ny = {text(self.y)}\n"
            f"p = Problem(LeastSquares(X, y, {weight}, {self.intercept}), {penalty}{omega})\nw0 = {start}"
        )

    def smaller(self) -> Iterator[Case]:
        """Cases with less in them, the greatest savings first."""
        if self.w0 is not None:
            yield replace(self, w0=None)
        if self.storage != "C":
            yield replace(self, storage="C")
        for name in ("sample_weight", "penalty_weights"):
            if getattr(self, name) is not None:
                yield replace(self, **{name: None})
        if self.intercept:
            yield replace(self, intercept=False)
        n, d = self.shape
        for rows in blocks(n, least=1):
            yield self._without(("X", "y", "sample_weight"), rows)
        for columns in blocks(d, least=1):
            kept = self._without(("penalty_weights", "w0"), columns)
            yield replace(kept, X=np.delete(self.X, columns, axis=1))
        for some in blocks(self.levels.size):
            for side in (some, some + 1):
                yield replace(self, levels=np.delete(self.levels, some), slopes=np.delete(self.slopes, side))
        for name in ("X", "y", "levels", "slopes", "sample_weight", "penalty_weights", "w0"):
            for simple in simpler(getattr(self, name)):
                yield replace(self, **{name: simple})

    def _without(self, names: tuple[str, ...], index: NDArray[np.intp]) -> Case:
        """The case without some rows, or some columns, of these arrays."""
        arrays = {name: getattr(self, name) for name in names}
        kept = {name: np.delete(a, index, axis=0) for name, a in arrays.items() if a is not None}
        return replace(self, **kept)


def blocks(size: int, least: int = 0) -> Iterator[NDArray[np.intp]]:
    """Neighbouring places to drop: halves, then smaller blocks down to single ones; `least` must stay."""
    length = size
    while length:
        for start in range(0, size, length):
            block = np.arange(start, min(start + length, size))
            if size - block.size >= least:
                yield block
        length //= 2


def simpler(values: FloatArray | None) -> Iterator[FloatArray]:
    """Arrays like this one with simpler numbers: all of them rounded, then one after the other."""
    if values is None or values.size == 0:
        return
    for digits in (1, 2, 4):
        rounded = round_to(values, digits)
        if not np.array_equal(rounded, values, equal_nan=True):
            yield rounded
    for index in np.ndindex(values.shape):
        for number in (0.0, 1.0, float(round_to(values[index], 1)), float(round_to(values[index], 3))):
            old = values[index]
            # Zero is simpler than one, and one than anything else.
            if number != old and not (old == 0.0 or (old == 1.0 and number != 0.0)):
                changed = values.copy()
                changed[index] = number
                yield changed


def round_to(values: FloatArray | float, digits: int) -> FloatArray:
    """The values with so many significant decimal digits."""
    flat = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return np.array([float(f"{x:.{digits - 1}e}") for x in flat.ravel()]).reshape(np.shape(values))


def text(array: FloatArray) -> str:
    """The array as Python, every digit kept."""
    return f"np.array({plain(array)})"


def plain(array: FloatArray) -> str:
    """The array as a list."""
    return re.sub(r"\b(inf|nan)\b", r"np.\1", repr(array.tolist()))
