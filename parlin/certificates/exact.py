r"""A proof in rational arithmetic that a critical point with given quantized coordinates exists.

A floating-point point ``w`` names a candidate: which coordinates sit on which level, and in which
cell the others lie.  Given that, criticality is a linear system and a list of strict inequalities.
Both are decided exactly: the floats of X, y, the weights, levels and slopes are rationals, and the
centring of an intercept is redone in rationals from the raw data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin.problem import Problem

Integers = NDArray[np.object_]


class Proof(Enum):
    """The outcome of an exact check."""

    PROVED = "a critical point with exactly these quantized coordinates and these cells exists"
    REFUTED = "no critical point has exactly these quantized coordinates and these cells"
    UNDECIDED = "the check could not be carried out"


@dataclass(frozen=True)
class ExactCertificate:
    """The verdict, and how far the exact critical point is from not being one.

    Attributes
    ----------
    verdict : Proof
    reason : str
        One sentence.
    n_free : int
        The number of unquantized coordinates u, unpenalised ones included.
    coordinate : int or None
        The coordinate that fails, if REFUTED.
    cell_margin : float or None
        The least distance of an unquantized coordinate from the ends of its cell; inf if there is none.
    slope_margin : float or None
        The least distance of a quantized coordinate's ``−∂_j f`` from the ends of its interval.
    """

    verdict: Proof
    reason: str
    n_free: int
    coordinate: int | None = None
    cell_margin: float | None = None
    slope_margin: float | None = None

    @property
    def margin(self) -> float | None:
        """The smaller of the two margins; 0 is still a proof, but a fragile one."""
        if self.cell_margin is None or self.slope_margin is None:
            return None
        return min(self.cell_margin, self.slope_margin)


def exact_certificate(problem: Problem, w: ArrayLike, max_free: int = 150) -> ExactCertificate:
    r"""Whether a critical point with the quantized coordinates and cells of `w` exists, decided exactly.

    Solves ``H_UU w_U = c_U − H_UQ w_Q − s_U`` by fraction-free elimination, then checks that every
    ``w_U`` lies strictly inside its cell and that every quantized coordinate's gradient lies in its
    Clarke interval.  For a convex penalty PROVED means: a global minimiser.

    Parameters
    ----------
    problem : Problem
        Least squares; dense or sparse (made dense).
    w : array of shape (d,)
        Only its codes and cells matter, not its digits.
    max_free : int
        Above this many unquantized coordinates the answer is UNDECIDED: the integers get too long.

    Raises
    ------
    ValueError
        If `w` has the wrong shape.
    """
    w = np.asarray(w, dtype=np.float64)
    if w.shape != (problem.size,):
        raise ValueError(f"w must have shape ({problem.size},), but has shape {w.shape}")
    penalty = problem.penalty
    on_level = problem.on_level(w)
    free, fixed = np.flatnonzero(~on_level), np.flatnonzero(on_level)
    undecided = _obstacle(problem, w, free, max_free)
    if undecided:
        return ExactCertificate(Proof.UNDECIDED, undecided, free.size)

    weights = np.ones(problem.size) if problem.penalty_weights is None else problem.penalty_weights
    cells = np.searchsorted(penalty.levels, w)
    # An unpenalised coordinate has slope zero, even where its cell would have an infinite one.
    slopes = [Fraction(weights[j]) * Fraction(penalty.slopes[cells[j]] if weights[j] else 0.0) for j in free]
    system = _RationalLeastSquares(problem, w, free, fixed)
    solution = system.solve(slopes)
    if solution is None:
        reason = "the free columns are linearly dependent; purify the point first"
        return ExactCertificate(Proof.UNDECIDED, reason, free.size)

    cell_margin = Fraction(-1)
    for value, j in zip(solution, free, strict=True):
        if not problem.penalised[j]:
            continue
        ends = [Fraction(b) for b in penalty.levels[max(cells[j] - 1, 0) : cells[j] + 1].tolist()]
        below = value - ends[0] if cells[j] > 0 else None
        above = ends[-1] - value if cells[j] < penalty.levels.size else None
        for slack in (below, above):
            if slack is not None and slack <= 0:
                reason = f"the critical point of these cells has coordinate {j} outside its cell"
                return ExactCertificate(Proof.REFUTED, reason, free.size, int(j))
            if slack is not None:
                cell_margin = slack if cell_margin < 0 else min(cell_margin, slack)

    slope_margin = Fraction(-1)
    low, high = penalty.subdifferential(w[fixed])
    for k, (j, descent) in enumerate(zip(fixed, system.descent(solution), strict=True)):
        for end, sign in ((low[k], 1), (high[k], -1)):
            if np.isinf(end):
                continue
            slack = sign * (descent - Fraction(weights[j]) * Fraction(end))
            if slack < 0:
                reason = f"the gradient of quantized coordinate {j} is outside its interval"
                return ExactCertificate(Proof.REFUTED, reason, free.size, int(j))
            slope_margin = slack if slope_margin < 0 else min(slope_margin, slack)

    return ExactCertificate(
        Proof.PROVED,
        Proof.PROVED.value,
        free.size,
        cell_margin=float("inf") if cell_margin < 0 else float(cell_margin),
        slope_margin=float("inf") if slope_margin < 0 else float(slope_margin),
    )


def _obstacle(problem: Problem, w: np.ndarray, free: np.ndarray, max_free: int) -> str | None:
    if not np.all(np.isfinite(w)):
        return "the point is not finite"
    low, high = problem.penalty.domain
    if np.any((w < low) & problem.penalised) or np.any((w > high) & problem.penalised):
        return "the point lies outside the box"
    if free.size > max_free:
        return f"{free.size} free coordinates are more than max_free = {max_free}"
    if free.size > problem.loss.design.shape[0]:
        return "more free coordinates than samples, so their columns are dependent; purify the point first"
    return None


class _RationalLeastSquares:
    """The normal equations on the unquantized coordinates, in integers times known powers of two.

    With the sample weights ``s`` (integers, sum ``S``), the centred design is ``A / (D 2^e)`` for an
    integer matrix A, where ``D = S`` with an intercept and 1 without.
    """

    def __init__(self, problem: Problem, w: np.ndarray, free: np.ndarray, fixed: np.ndarray) -> None:
        loss, design = problem.loss, problem.loss.design
        dense = design.given.toarray() if design.is_sparse else design.given
        X, self.x_exponent = _integers(dense)
        y, y_exponent = _integers(loss.y)
        if design.sample_weight is None:
            self.samples = np.full(design.shape[0], 1, dtype=object)
        else:
            self.samples = _integers(design.sample_weight)[0]
        self.total = int(self.samples.sum())
        self.divisor = 1
        if design.centre:
            X = self.total * X - (self.samples @ X)[None, :]
            y = self.total * y - (self.samples @ y)
            self.divisor = self.total
        self.free_columns, self.fixed_columns = X[:, free], X[:, fixed]
        levels, level_exponent = _integers(w[fixed])
        # target = (y − X_Q w_Q) · divisor · 2^exponent
        product_exponent = self.x_exponent + level_exponent
        self.exponent = max(y_exponent, product_exponent)
        self.target = y * _power(self.exponent - y_exponent)
        if fixed.size:
            lift = _power(self.exponent - product_exponent)
            self.target = self.target - (self.fixed_columns @ levels) * lift

    def solve(self, slopes: list[Fraction]) -> list[Fraction] | None:
        """The unquantized coordinates at the critical point of these slopes; None if not unique."""
        if not slopes:
            return []
        weighted = self.free_columns * self.samples[:, None]
        gram = weighted.T @ self.free_columns
        # gram · w = 2^(2e) · (correlation / 2^(e + exponent) − S D² slope)
        correlation = weighted.T @ self.target
        slope_exponent = max(s.denominator.bit_length() - 1 for s in slopes)
        common = max(self.x_exponent + self.exponent, slope_exponent)
        scale = self.total * self.divisor**2
        right = np.array(
            [
                int(c) * _power(common - self.x_exponent - self.exponent)
                - scale * int(s * _power(slope_exponent)) * _power(common - slope_exponent)
                for c, s in zip(correlation, slopes, strict=True)
            ],
            dtype=object,
        )
        solved = _solve_fraction_free(gram, right)
        if solved is None:
            return None
        numerators, determinant = solved
        shift = Fraction(2) ** (2 * self.x_exponent - common)
        return [Fraction(int(v), determinant) * shift for v in numerators]

    def descent(self, solution: list[Fraction]) -> list[Fraction]:
        """``−∂_j f`` at the critical point, for every quantized coordinate."""
        # One common denominator keeps the products below in integers.
        denominator = math.lcm(*(value.denominator for value in solution))
        residual = self.target * denominator
        divisor = _power(self.exponent) * denominator
        if solution:
            numerators = np.array([int(v * denominator) for v in solution], dtype=object)
            fitted = self.free_columns @ numerators
            # fitted / 2^x_exponent against target / 2^exponent
            lift = self.exponent - self.x_exponent
            if lift < 0:
                residual, divisor, lift = residual * _power(-lift), divisor * _power(-lift), 0
            residual = residual - fitted * _power(lift)
        if self.fixed_columns.shape[1] == 0:
            return []
        correlation = self.fixed_columns.T @ (self.samples * residual)
        divisor *= _power(self.x_exponent) * self.divisor**2 * self.total
        return [Fraction(int(c), int(divisor)) for c in correlation]


def _integers(values: np.ndarray) -> tuple[Integers, int]:
    """Integers ``k`` and one exponent ``e >= 0`` with ``values = k / 2^e`` exactly."""
    mantissa, exponent = np.frexp(np.asarray(values, dtype=np.float64))
    whole = (mantissa * 2.0**53).astype(np.int64)
    exponent = np.where(whole == 0, 0, exponent - 53)
    lowest = min(int(exponent.min(initial=0)), 0)
    shifts = (exponent - lowest).astype(object)
    return np.left_shift(whole.astype(object), shifts), -lowest


def _power(exponent: int) -> int:
    return 1 << exponent


def _solve_fraction_free(matrix: Integers, right: Integers) -> tuple[Integers, Any] | None:
    """Numerators and the determinant of ``matrix⁻¹ right`` by Bareiss elimination; None if singular.

    The matrix is a Gram matrix, so a zero pivot without row exchange means that it is singular.
    """
    size = len(right)
    table = np.concatenate((matrix, right[:, None]), axis=1)
    previous = 1
    for k in range(size - 1):
        pivot = table[k, k]
        if pivot == 0:
            return None
        product = table[k + 1 :, k + 1 :] * pivot - np.outer(table[k + 1 :, k], table[k, k + 1 :])
        table[k + 1 :, k + 1 :] = product // previous
        previous = pivot
    determinant = table[-1, size - 1]
    if determinant == 0:
        return None
    numerators = np.zeros(size, dtype=object)
    for k in range(size - 1, -1, -1):
        tail = table[k, k + 1 : size] @ numerators[k + 1 :] if k + 1 < size else 0
        numerators[k] = (table[k, size] * determinant - tail) // table[k, k]
    return numerators, int(determinant)
