r"""Independent columns of a design with the Cholesky factor of their Gram matrix, kept up to date.

`parlin._kernels.descent` keeps such a factor too, with the same test of dependence, but what it makes of a
dependent column is different: it appends the column, moves the coordinates along the null vector until one
reaches a level, and makes a factor anew that rotations have spoiled.  Here such a column is refused, the
columns are kept as rows of a panel whose products follow at once, and no compiler is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr_delete
from scipy.linalg.lapack import dpotrs, dtrtrs

from parlin._types import FloatArray
from parlin.matrix import DesignMatrix

# A column depends on the others where its distance from their span is below this fraction of the sizes that
# the distance is a difference of; below DOUBTFUL, the square relative to its own, the distance is computed
# from the data, not from the factor.
DEPENDENT, DOUBTFUL = 1.4e-14, 1e-6


class FactoredColumns:
    """Independent columns of a design and the triangular factor of their Gram matrix, ``A'A = L L'``."""

    def __init__(self, design: DesignMatrix) -> None:
        self.index: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._design = design
        self._panel = np.empty((8, design.shape[0]))  # one row a column
        self._L = np.empty((0, 0), order="F")

    def append(self, j: int) -> bool:
        """Add column j at the end; False, and no change, if it depends on those that are there."""
        m = self.index.size
        column = self._design.columns(np.array([j]))[:, 0]
        square = float(column @ column)
        if square == 0.0:
            return False
        row, distance, rounding = np.empty(0), square, 0.0
        if m:
            row = dtrtrs(self._L, self._panel[:m] @ column, lower=1)[0]
            distance -= float(row @ row)
            if distance < DOUBTFUL * square:
                rest, x = column, np.zeros(m)
                for _ in range(2):  # the second time removes the rounding errors of the first
                    part = self.solve(self._panel[:m] @ rest)
                    rest, x = rest - self.combine(part), x + part
                distance = float(rest @ rest)
                lengths = np.linalg.norm(self._panel[:m], axis=1)
                rounding = (DEPENDENT * (np.sqrt(square) + float(lengths @ np.abs(x)))) ** 2
        if distance <= rounding:
            return False
        L = np.zeros((m + 1, m + 1), order="F")
        L[:m, :m] = self._L
        L[m, :m] = row
        L[m, m] = np.sqrt(distance)
        self._L = L
        if m == self._panel.shape[0]:
            self._panel = np.concatenate((self._panel, np.empty_like(self._panel)))
        self._panel[m] = column
        self.index = np.append(self.index, j)
        return True

    def delete(self, k: int) -> None:
        """Take out the k-th column."""
        m = self.index.size - 1
        L = np.zeros((m, m), order="F")
        L[:k, :k] = self._L[:k, :k]
        L[k:, :k] = self._L[k + 1 :, :k]
        if k < m:
            # Without its first column the rest of L' is Hessenberg: rotations make it triangular.
            rest = self._L[k:, k:].T
            L[k:, k:] = qr_delete(np.eye(m + 1 - k), rest, 0, which="col", check_finite=False)[1][:-1].T
        self._L = L
        self._panel[k:m] = self._panel[k + 1 : m + 1]
        self.index = np.delete(self.index, k)

    def solve(self, b: FloatArray) -> FloatArray:
        """``(A'A)⁻¹ b``."""
        if b.size == 0:
            return b
        return dpotrs(self._L, b, lower=1)[0]

    def combine(self, v: FloatArray) -> FloatArray:
        """``A v`` in the Euclidean coordinates of `DesignMatrix.columns`."""
        return v @ self._panel[: self.index.size]
