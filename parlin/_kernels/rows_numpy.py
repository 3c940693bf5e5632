r"""Stochastic gradient steps of least squares over rows, in NumPy: what `rows` has compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from parlin._types import FloatArray, IndexArray

IntArray = NDArray[np.intc]
Triple = tuple[FloatArray, IntArray, IntArray]


class Map(Protocol):
    """How coefficients follow from a vector; see `rows` for the kinds."""

    kind: str
    levels: FloatArray
    slopes: FloatArray
    convex: bool
    weights: FloatArray | None

    def apply(self, v: FloatArray, amount: float, columns: IntArray | None = None) -> FloatArray:
        """The coefficients of `v`, which are those of the columns."""
        ...


class Rows:
    """Rows of a design with their targets and weights, and a map for the coefficients.

    Parameters
    ----------
    X : array of shape (n, size) in C order, or a CSR triple (data, indices, indptr)
    size : int
    y, weights : arrays of shape (n,)
    map : Map
    """

    def __init__(
        self, X: FloatArray | Triple, size: int, y: FloatArray, weights: FloatArray, map: Map
    ) -> None:
        self.X, self.size, self.y, self.weights, self.map = X, size, y, weights, map

    def lazy(
        self, begins: IntArray, ends: IntArray, rates: FloatArray, amounts: FloatArray, latent: FloatArray,
        total: FloatArray | None = None, picked: IntArray | None = None,
    ) -> None:  # fmt: skip
        """``latent += rate Σ_i s_i (y_i − x_i'w) x_i``, w the map of the latent vector, batch by batch.

        Parameters
        ----------
        begins, ends : arrays of int of shape (m,)
            Batch b has the rows from ``begins[b]`` to before ``ends[b]``.
        rates, amounts : arrays of shape (m,)
            The step size of each batch, and the map's amount before it.
        latent : array of shape (size,)
            Changed in place.
        total : array of shape (size,), optional
            The coefficients of every batch are added to it.
        picked : array of int, optional
            Row numbers, to which batches refer then.
        """
        for b, (rows, columns, entries, owner) in enumerate(self._batches(begins, ends, picked)):
            if total is None and columns is not None:
                w = self.map.apply(latent[columns], amounts[b], columns)
            else:
                w = self.map.apply(latent, amounts[b])
                if total is not None:
                    total += w
                w = w if columns is None else w[columns]
            self._add(rows, columns, entries, owner, w, rates[b], latent)

    def eager(
        self, begins: IntArray, ends: IntArray, rates: FloatArray, amounts: FloatArray, w: FloatArray,
        picked: IntArray | None = None,
    ) -> None:  # fmt: skip
        """The same step from the coefficients themselves, which are then mapped; `w` is changed in place."""
        for b, (rows, columns, entries, owner) in enumerate(self._batches(begins, ends, picked)):
            self._add(rows, columns, entries, owner, w if columns is None else w[columns], rates[b], w)
            w[...] = self.map.apply(w, amounts[b])

    def mapped(self, v: FloatArray, amount: float) -> FloatArray:
        """The coefficients of `v`, shape (size,)."""
        return self.map.apply(v, amount)

    def _batches(
        self, begins: IntArray, ends: IntArray, picked: IntArray | None
    ) -> Iterator[tuple[IntArray, IntArray | None, FloatArray | None, IndexArray | None]]:
        """For each batch its rows; of a sparse design also the columns, values and rows of its entries."""
        for begin, end in zip(begins, ends, strict=True):
            rows = np.arange(begin, end) if picked is None else picked[begin:end]
            if not isinstance(self.X, tuple):
                yield rows, None, None, None
                continue
            data, indices, indptr = self.X
            sizes = indptr[rows + 1] - indptr[rows]
            owner = np.repeat(np.arange(rows.size), sizes)
            place = np.arange(owner.size) + (indptr[rows] - (np.cumsum(sizes) - sizes))[owner]
            yield rows, indices[place], data[place], owner

    def _add(
        self, rows: IntArray, columns: IntArray | None, entries: FloatArray | None,
        owner: IndexArray | None, w: FloatArray, rate: float, v: FloatArray,
    ) -> None:  # fmt: skip
        if columns is None:
            X = self.X[rows]
            v += X.T @ (rate * (self.weights[rows] * (self.y[rows] - X @ w)))
            return
        # Entry by entry, as the compiled loop adds them.
        product = np.bincount(owner, entries * w, rows.size)
        factor = rate * (self.weights[rows] * (self.y[rows] - product))
        np.add.at(v, columns, factor[owner] * entries)
