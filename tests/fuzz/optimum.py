"""The exact minimum of a convex problem: an active-set method in rational numbers.

From any feasible point: minimise over the coordinates inside cells, stop at the first level that is met,
release a coordinate whose gradient pulls it off its level.  Every move lowers the objective, and there are
finitely many patterns, so it ends at a minimiser; that it is one is what its last look at all gradients says.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from tests.fuzz.cases import FloatArray
from tests.fuzz.exact import ExactProblem, Rational, as_float, eliminate, power

MOST_MOVES = 1000
# Longer denominators are rounded off inside a cell; the next minimiser over a pattern is short again.
LONGEST = 3000


class Minimum(NamedTuple):
    """The least objective and the minimiser, its coordinates rounded to float64, levels kept."""

    value: Rational
    w: FloatArray
    n_free: int


def minimum(problem: ExactProblem, start: FloatArray) -> Minimum | None:
    """The minimum of a convex case; None if it was not found within the moves, or there is none."""
    run = _Run(problem, start)
    for _ in range(MOST_MOVES):
        if not run.move():
            return None
        if run.finished:
            return run.result()
    return None


class _Run:
    """A feasible point, and which coordinates are held on a level."""

    def __init__(self, problem: ExactProblem, start: FloatArray) -> None:
        self.problem = problem
        self.v: list[Rational] = []
        self.held: list[int | None] = []  # the level's number
        self.cells: list[int] = []
        for j, x in enumerate(start.tolist()):
            cell, on_level = problem.cell_of(x).cell, problem.cell_of(x).on_level
            self.v.append(problem.scaled(j, x))
            self.held.append(cell if on_level and problem.weights[j] else None)
            self.cells.append(cell)
        self.finished = False

    def move(self) -> bool:
        """Go to the next level or the minimiser over the pattern; there, release a coordinate or finish."""
        free = [j for j, level in enumerate(self.held) if level is None]
        direction, complete = self._direction(free)
        if direction is None:
            return False
        length, met = self._until_a_level(direction, complete)
        if length is None:
            return False
        for j, part in direction.items():
            self.v[j] += length * part
        for j, k in met:
            self.held[j], self.v[j] = k, self.problem.level(j, k)
        if met or not complete:
            self._shorten()
            return True
        self._release()
        return True

    def _direction(self, free: list[int]) -> tuple[dict[int, Rational] | None, bool]:
        """The step to the minimiser over the pattern, or a direction along which F falls for ever."""
        p = self.problem
        slopes = [p.slope(j, self.cells[j]) for j in free]
        if any(slope is None for slope in slopes):
            return None, False
        # −(gradient + slope) as integers over one denominator
        pull = [-(g + s) for g, s in zip(self._gradients(free), slopes, strict=True)]
        denominator = math.lcm(*(x.denominator for x in pull)) if pull else 1
        rows = [
            [*(p.gram[j][k] for k in free), int(x * denominator)] for j, x in zip(free, pull, strict=True)
        ]
        rows, pivots, determinant = eliminate(rows, len(free))
        others = [k for k in range(len(free)) if k not in pivots]
        for k in others:
            if rows[k][-1]:
                sign = 1 if rows[k][-1] > 0 else -1
                falling = {free[i]: Fraction(-sign * rows[i][k]) for i in pivots if rows[i][k]}
                return {free[k]: Fraction(sign * determinant)} | falling, False
        scale = determinant * denominator
        return {free[i]: Fraction(rows[i][-1], scale) for i in pivots if rows[i][-1]}, True

    def _gradients(self, which: list[int]) -> list[Rational]:
        """``(Gv − c)_j``."""
        denominator = math.lcm(*(x.denominator for x in self.v))
        numerators = [x.numerator * (denominator // x.denominator) for x in self.v]
        p = self.problem
        return [
            Fraction(
                sum(g * x for g, x in zip(p.gram[j], numerators, strict=True))
                - p.correlation[j] * denominator,
                denominator,
            )
            for j in which
        ]

    def _until_a_level(
        self, direction: dict[int, Rational], complete: bool
    ) -> tuple[Rational | None, list[tuple[int, int]]]:
        """How far the step may go, at most 1 if it is complete, and the levels that are met there."""
        p = self.problem
        length, met = (Fraction(1) if complete else None), []
        for j, part in direction.items():
            if not p.weights[j]:
                continue
            k = self.cells[j] if part > 0 else self.cells[j] - 1
            if not 0 <= k < len(p.levels):
                continue
            distance = (p.level(j, k) - self.v[j]) / part
            if length is None or distance < length:
                length, met = distance, [(j, k)]
            elif distance == length:
                met.append((j, k))
        return length, met

    def _release(self) -> None:
        """Release the coordinate that its gradient pulls hardest off its level; finished if none is."""
        p = self.problem
        held = [j for j, level in enumerate(self.held) if level is not None]
        worst, chosen = Fraction(0), None
        for j, gradient in zip(held, self._gradients(held), strict=True):
            k = self.held[j]
            low, high = p.slope(j, k), p.slope(j, k + 1)
            # Relative to the column, so that the choice does not depend on its power of two.
            size = p.gram[j][j] or 1
            if low is not None and -gradient < low and (low + gradient) ** 2 / size > worst:
                worst, chosen = (low + gradient) ** 2 / size, (j, k)
            if high is not None and -gradient > high and (gradient + high) ** 2 / size > worst:
                worst, chosen = (gradient + high) ** 2 / size, (j, k + 1)
        if chosen is None:
            self.finished = True
            return
        j, cell = chosen
        self.held[j], self.cells[j] = None, cell

    def _shorten(self) -> None:
        """Round coordinates with endless denominators, inside their cells."""
        p = self.problem
        for j, x in enumerate(self.v):
            if self.held[j] is None and x.denominator.bit_length() > LONGEST:
                bits = LONGEST // 2
                rounded = Fraction((x.numerator << bits) // x.denominator, 1 << bits)
                k = self.cells[j]
                above = k == 0 or rounded > p.level(j, k - 1)
                below = k == len(p.levels) or rounded < p.level(j, k)
                if not p.weights[j] or (above and below):
                    self.v[j] = rounded

    def result(self) -> Minimum:
        """The value at the point, and the point as floats."""
        p = self.problem
        denominator = math.lcm(*(x.denominator for x in self.v))
        numbers = [x.numerator * (denominator // x.denominator) for x in self.v]
        quadratic = sum(
            x * sum(g * z for g, z in zip(row, numbers, strict=True))
            for x, row in zip(numbers, p.gram, strict=True)
            if x
        )
        linear = 2 * denominator * sum(c * x for c, x in zip(p.correlation, numbers, strict=True))
        value = p.unit * (p.target_square + Fraction(quadratic - linear, denominator**2))
        levels = p.case.levels
        w = np.empty(p.size)
        for j, x in enumerate(self.v):
            w[j] = levels[self.held[j]] if self.held[j] is not None else p.to_float(j, x)
            if p.weights[j]:
                exact = p.levels[self.held[j]] if self.held[j] is not None else self._original(j)
                value += p.weights[j] * p.penalty_at(exact)
        return Minimum(value, w, sum(level is None for level in self.held))

    def _original(self, j: int) -> Rational:
        """``w_j`` of the exact point."""
        p = self.problem
        return self.v[j] * power(p.exponent - p.exponents[j])


def difference(a: Rational, b: Rational, scale: Rational) -> float:
    """``(a − b) / scale`` as a float; 0 / 0 is 0."""
    if a == b:
        return 0.0
    return as_float((a - b) / scale) if scale else (math.inf if a > b else -math.inf)
