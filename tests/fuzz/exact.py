"""A problem in rational numbers, made of nothing but the floats it was given.

Floats are integers times powers of two, so every product and sum is one of Python's integers.  Each column
and the targets have a power of two of their own, which keeps the integers short where scales differ:
with ``X_j = A_j 2^e_j``, ``y = b 2^e`` and ``w_j = v_j 2^(e − e_j)`` the loss is a power of two times
``b'Sb − 2 c'v + v'Gv`` over an integer.  Nothing of the library is used, and no certificate of its own.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from tests.fuzz.cases import Case, FloatArray

Rational = Fraction


def integers(values: FloatArray) -> tuple[list[int], int]:
    """Integers ``k`` without a common factor 2 and one exponent ``e`` with ``values = k 2^e``, exactly."""
    pairs = [x.as_integer_ratio() for x in values.tolist()]
    lowest = max(q.bit_length() for _, q in pairs) - 1
    numbers = [p << (lowest + 1 - q.bit_length()) for p, q in pairs]
    common = math.gcd(*numbers)
    if common == 0:
        return numbers, 0
    twos = (common & -common).bit_length() - 1
    return [number >> twos for number in numbers], twos - lowest


def power(exponent: int) -> Rational:
    """2 to a positive or negative exponent."""
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


@dataclass(frozen=True)
class Cells:
    """Where a coordinate may be: its level's number, or that of the cell between two levels."""

    cell: int
    on_level: bool


class ExactProblem:
    """Objectives, ranks and normal equations of a case, without a rounding error."""

    def __init__(self, case: Case) -> None:
        self.case = case
        n, d = case.shape
        self.size = d
        samples = [1] * n if case.sample_weight is None else integers(case.sample_weight)[0]
        total = sum(samples)
        columns, self.exponents = [], []
        for j in range(d):
            column, exponent = integers(case.X[:, j])
            columns.append(column)
            self.exponents.append(exponent)
        target, self.exponent = integers(case.y)
        divisor = 1
        if case.intercept:
            columns = [_centred(column, samples, total) for column in columns]
            target, divisor = _centred(target, samples, total), total
        self._samples, self._columns = samples, columns
        weighted = [[s * a for s, a in zip(samples, column, strict=True)] for column in columns]
        self.correlation = [_dot(column, target) for column in weighted]
        self.target_square = sum(s * b * b for s, b in zip(samples, target, strict=True))
        # f = unit (target_square − 2 c'v + v'Gv)
        self.unit = power(2 * self.exponent) / (2 * total * divisor**2)
        self._weighted = weighted
        self.levels = [Fraction(level) for level in case.levels.tolist()]
        self._slopes = [Fraction(s) if math.isfinite(s) else None for s in case.slopes.tolist()]
        weights = [1.0] * d if case.penalty_weights is None else case.penalty_weights.tolist()
        self.weights = [Fraction(weight) for weight in weights]

    @cached_property
    def gram(self) -> list[list[int]]:
        """``G``: the Gram matrix of the columns of integers."""
        d = self.size
        gram = [[0] * d for _ in range(d)]
        for j in range(d):
            for k in range(j + 1):
                gram[j][k] = gram[k][j] = _dot(self._weighted[j], self._columns[k])
        return gram

    @cached_property
    def rank(self) -> int:
        """The rank of X, centred with an intercept; rows of weight 0 do not count."""
        return len(eliminate([row[:] for row in self.gram], self.size)[1])

    @cached_property
    def zero_columns(self) -> list[bool]:
        """Which columns are exactly zero, after centring if there is an intercept."""
        return [self.gram[j][j] == 0 for j in range(self.size)]

    # -- values -----------------------------------------------------------------------------------

    def to_scaled(self, w: FloatArray) -> tuple[list[int], int]:
        """Integers ``V`` and an exponent ``m >= 0`` with ``v = V / 2^m`` for a finite float64 point."""
        pairs = []
        for x, exponent in zip(w.tolist(), self.exponents, strict=True):
            p, q = x.as_integer_ratio()
            shift = exponent - self.exponent - (q.bit_length() - 1)
            pairs.append((p, shift if p else 0))
        lowest = min(0, *(shift for _, shift in pairs))
        return [p << (shift - lowest) for p, shift in pairs], -lowest

    def loss(self, w: FloatArray) -> Rational:
        """f(w) of a finite float64 point."""
        V, m = self.to_scaled(w)
        quadratic = sum(x * _dot(row, V) for x, row in zip(V, self.gram, strict=True) if x)
        value = (self.target_square << 2 * m) - (2 * _dot(self.correlation, V) << m) + quadratic
        return self.unit * value / (1 << 2 * m)

    def penalty_at(self, x: Rational) -> Rational | None:
        """ψ at a rational number, zero at the point of its domain nearest to 0; None outside a box."""
        cell = bisect_left(self.levels, x)
        if cell < len(self.levels) and self.levels[cell] == x:
            return self._values[cell] if self._values else Fraction(0)
        slope = self._slopes[cell]
        if slope is None:
            return None
        if not self.levels:
            return slope * x
        k = min(cell, len(self.levels) - 1)
        return self._values[k] + slope * (x - self.levels[k])

    @cached_property
    def _values(self) -> list[Rational]:
        """ψ at the levels."""
        levels, slopes = self.levels, self._slopes
        values = [Fraction(0)]
        for k in range(1, len(levels)):
            values.append(values[-1] + slopes[k] * (levels[k] - levels[k - 1]))
        if not levels:
            return []
        origin = Fraction(0)
        if slopes[0] is None:
            origin = max(origin, levels[0])
        if slopes[-1] is None:
            origin = min(origin, levels[-1])
        cell = bisect_left(levels, origin)
        k = min(cell, len(levels) - 1)
        offset = values[k] if origin == levels[k] else values[k] + slopes[cell] * (origin - levels[k])
        return [value - offset for value in values]

    def penalty(self, w: FloatArray) -> Rational | None:
        """The whole penalty at a float64 point, None outside a box."""
        total = Fraction(0)
        for x, weight in zip(w.tolist(), self.weights, strict=True):
            if weight:
                value = self.penalty_at(Fraction(x))
                if value is None:
                    return None
                total += weight * value
        return total

    def objective(self, w: FloatArray) -> Rational | None:
        """F(w) of a float64 point; None where it is infinite or the point is not finite."""
        if not np.isfinite(w).all():
            return None
        penalty = self.penalty(w)
        return None if penalty is None else self.loss(w) + penalty

    @cached_property
    def loss_at_zero(self) -> Rational:
        """f(0)."""
        return self.unit * self.target_square

    # -- stationarity -----------------------------------------------------------------------------

    def slope(self, j: int, cell: int) -> Rational | None:
        """The slope of coordinate `j`'s penalty in a cell, in units of ``c``; None for a box's side."""
        if not self.weights[j]:
            return Fraction(0)
        slope = self._slopes[cell]
        if slope is None:
            return None
        # ∂f/∂w_j = 2 unit (Gv − c)_j 2^(e_j − e)
        return self.weights[j] * slope * power(self.exponent - self.exponents[j]) / (2 * self.unit)

    def level(self, j: int, k: int) -> Rational:
        """The `k`-th level as a value of ``v_j``."""
        return self.levels[k] * power(self.exponents[j] - self.exponent)

    def scaled(self, j: int, x: float) -> Rational:
        """``v_j`` of a float64 ``w_j``."""
        return Fraction(x) * power(self.exponents[j] - self.exponent)

    def cell_of(self, x: float) -> Cells:
        """The level or the cell of a float64 number."""
        levels = self.case.levels.tolist()
        left, right = bisect_left(levels, x), bisect_right(levels, x)
        return Cells(left, left != right)

    def to_float(self, j: int, v: Rational) -> float:
        """The float64 number nearest to ``w_j``."""
        return as_float(v * power(self.exponent - self.exponents[j]))


def as_float(x: Rational) -> float:
    """The nearest float64 number, infinite where there is none."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def eliminate(rows: list[list[int]], size: int) -> tuple[list[list[int]], list[int], int]:
    """Fraction-free Gauss-Jordan elimination of a positive semidefinite matrix and further columns.

    Returns
    -------
    rows, pivots, determinant
        A row of a pivot has `determinant` on the diagonal and 0 at the other pivots; one of no pivot has 0 at
        all unknowns.  A zero diagonal means that the column depends on those before it.
    """
    pivots, previous = [], 1
    for k in range(size):
        row = rows[k]
        pivot = row[k]
        if pivot == 0:
            continue
        for i, other in enumerate(rows):
            if i == k:
                continue
            factor = other[k]
            if factor:
                rows[i] = [(pivot * a - factor * b) // previous for a, b in zip(other, row, strict=True)]
            else:
                rows[i] = [pivot * a // previous for a in other]
        pivots.append(k)
        previous = pivot
    return rows, pivots, previous


def _centred(column: list[int], samples: list[int], total: int) -> list[int]:
    weighted = _dot(column, samples)
    return [total * a - weighted for a in column]


def _dot(a: list[int], b: list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))
