r"""The minimiser of convex PAR least squares as the strength falls: one affine segment after another.

Inside a segment every free coordinate stays in its cell and every quantized one on its level, so

    w_U(α) = w_U + (α₀ − α) v,   v = (X_U'X_U)⁻¹ s_U,   X'r(α) = X'r − (α₀ − α) a,   a = X'X_U v,

with ``s`` the slopes of the cells, weighted.  A segment ends where a free coordinate meets a level or
``X_j'r / α`` meets an end of a quantized coordinate's interval of slopes.  Source: theory 10.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin._types import FloatArray
from parlin.factor import FactoredColumns
from parlin.problem import Problem

_EPS = float(np.finfo(np.float64).eps)
# Strengths at which events fall together, relative to the strength.
_SAME = 8 * _EPS
# A rate of approach below this is rounding, relative to the sizes of the vectors in its product.
_RATE = 1e-11
# In place of the infinite slope at a side of a box, and for coordinates that cannot leave a level.
_NEVER = 1e200


class Event(NamedTuple):
    """A coordinate reaches a level, or leaves it, as the strength falls."""

    coordinate: int
    level: float
    lands: bool


class PathFailure(ArithmeticError):
    """The event rule found no direction: rounding errors decide."""


def strength_floor(problem: Problem, w: FloatArray) -> float:
    """The strength at which some interval of slopes is as narrow as the rounding errors in ``X'r`` at `w`."""
    widths = np.diff(problem.penalty.slopes)
    seen = problem.penalised & (problem.loss.design.column_norms > 0)
    if widths.size == 0 or not seen.any():
        return 0.0
    omega = 1.0 if problem.penalty_weights is None else problem.penalty_weights[seen]
    return float(4 * np.max(problem.loss.rounding_floor(w)[seen] / omega) / widths.min())


class Homotopy:
    """A minimiser at strength `alpha`, and how it goes on as the strength falls.

    Call `resolve_ties`, which finds the direction, and `step`, which goes to the next event, in turn.  A
    free coordinate's *cell* i is between the levels ``b_{i−1}`` and ``b_i``; a quantized one's is its level.
    """

    def __init__(self, problem: Problem, alpha: float, w: FloatArray) -> None:
        """`problem` has the penalty of unit strength; `w` is its minimiser at `alpha` times that."""
        self.problem, self.alpha, self.w = problem, alpha, w.copy()
        self._design, self._slopes = problem.loss.design, problem.penalty.slopes
        self._ends = np.concatenate(([-np.inf], problem.penalty.levels, [np.inf]))
        self._norms = self._design.column_norms
        self._root = np.sqrt(self._design.weights)
        ones = problem.penalty_weights is None
        self._omega = np.ones(problem.size) if ones else problem.penalty_weights
        self._low, self._high = np.full((2, problem.size), [[-_NEVER], [_NEVER]])
        self._cell = np.searchsorted(problem.penalty.levels, self.w)
        for j in np.flatnonzero(problem.on_level(self.w)):
            self._rest(j, int(self._cell[j]))
        self._columns, self._slope = FactoredColumns(self._design), np.empty(0)
        for j in np.concatenate((problem.unpenalised, problem.unquantized(self.w))):
            if self._columns.append(int(j)):
                self._slope = np.append(self._slope, self._slope_in(j, self._cell[j]))
            elif self._omega[j] > 0:
                raise PathFailure(f"column {j} depends on other free columns")
        self.refresh(self._design.rmatvec(problem.loss.residual(self.w)))

    def refresh(self, correlation: FloatArray) -> None:
        """Take ``X'r`` at the present point anew, and remove what the free coordinates have drifted."""
        self._correlation = correlation.copy()
        self._floor = self.problem.loss.rounding_floor(self.w)
        self._strength_floor = strength_floor(self.problem, self.w)
        free = self._columns.index
        excess = self._correlation[free] - self.alpha * self._slope
        change = self._columns.solve(excess)
        moved = self.w[free] + change
        low, high = self._cells()
        if np.all((moved > low) & (moved < high)):
            self.w[free] = moved
            self._correlation -= self._products(change)
        self._stale = True

    # -- the direction ----------------------------------------------------------------------------

    def resolve_ties(self) -> list[Event]:
        r"""Find the direction in which the point stays a minimiser; returns who leaves a level for it.

        The coordinates that touch an end of their interval may leave on that side only, and do if
        that is needed: ``min ½ ‖X_U v‖² − s_U'v`` with their signs fixed, solved by the active sets
        of Lawson and Hanson, whose objective falls, so that ties cannot cycle.

        Raises
        ------
        PathFailure
            If that takes too long, because rounding errors decide.
        """
        slack = np.minimum(
            self.alpha * self._high - self._correlation, self._correlation - self.alpha * self._low
        )
        touching = np.flatnonzero(slack <= self._floor)
        sign = np.zeros(self._columns.index.size)  # of those that have left here; 0: any sign
        before = np.empty(0)
        barred = np.zeros(touching.size, dtype=bool)
        for _ in range(20 + 4 * touching.size):
            if self._stale:
                self._direct()
            wrong = np.flatnonzero(sign * self._v < 0)
            if wrong.size:
                fraction = before[wrong] / (before[wrong] - self._v[wrong])
                k = int(wrong[np.argmin(fraction)])
                if before[k] == 0.0:
                    # Its rate said that it leaves, its direction that it stays: rounding decides.
                    barred |= touching == self._columns.index[k]
                before = np.delete(before + fraction.min() * (self._v - before), k)
                level = self._cell[self._columns.index[k]] - (1 if sign[k] > 0 else 0)
                sign = np.delete(sign, k)
                self._reach_level(k, int(level))
                continue
            j, side = self._leaving(touching[~barred])
            if side == 0:
                left = self._columns.index[sign != 0]
                return [Event(int(i), float(self.w[i]), False) for i in left]
            before = np.append(self._v, 0.0)
            if self._leave(j, side):
                sign = np.append(sign, side)
            else:
                barred |= touching == j
        raise PathFailure("the coordinates that touch their intervals do not come to rest")

    def _direct(self) -> None:
        """The direction for the present free coordinates, and the rates of ``X'r`` along it."""
        self._v = self._columns.solve(self._slope)
        if not np.isfinite(self._v).all():
            raise PathFailure("the direction is not finite")
        self._rate = self._products(self._v)
        self._stale = False

    def _products(self, v: FloatArray) -> FloatArray:
        """``X'X_U v``; `_noise` becomes what is rounding in it."""
        fitted = self._columns.combine(v)
        self._noise = _RATE * np.sqrt(fitted @ fitted) * self._norms
        return self._design.rmatvec(fitted / self._root)

    def _leaving(self, touching: NDArray[np.intp]) -> tuple[int, int]:
        """The coordinate that is drawn out of its interval most, and to which side; side 0: none is."""
        if touching.size == 0:
            return -1, 0
        low, high, rate = self._low[touching], self._high[touching], self._rate[touching]
        correlation, floor = self._correlation[touching], self._floor[touching]
        up = np.where(self.alpha * high - correlation <= floor, high - rate, 0.0)
        down = np.where(correlation - self.alpha * low <= floor, rate - low, 0.0)
        rate = np.maximum(up, down) - self._noise[touching]
        k = int(np.argmax(rate / np.maximum(self._norms[touching], _EPS)))
        if rate[k] <= 0:
            return -1, 0
        return int(touching[k]), 1 if up[k] > down[k] else -1

    # -- the step ---------------------------------------------------------------------------------

    def step(self, alpha_min: float) -> list[Event]:
        """Go down to the next event, or to `alpha_min` if that comes first; returns the events there."""
        remaining = self.alpha - alpha_min
        low, high = self._cells()
        free = self._columns.index
        reaching = self._times_to_reach(low, high)
        t = min(self._time_to_leave(), float(reaching.min(initial=np.inf)))
        same = _SAME * self.alpha
        if t >= remaining - max(same, self._strength_floor - alpha_min):
            # What would happen below the floor is rounding.
            t, alpha = remaining, alpha_min
        else:
            t = max(t, 0.0)
            alpha = min(self.alpha - t, np.nextafter(self.alpha, 0.0))
        moved = self.w[free] + t * self._v
        # Rounding must not carry a coordinate across a level, nor leave it on one in its cell's name.
        self.w[free] = np.minimum(np.maximum(moved, low), high)
        self._correlation -= t * self._rate
        self.alpha = alpha
        events = []
        for k in np.flatnonzero(reaching <= t + same)[::-1]:
            j, level = int(free[k]), int(self._cell[free[k]]) - (0 if self._v[k] > 0 else 1)
            self._reach_level(int(k), level)
            events.append(Event(j, float(self.w[j]), True))
        return events

    def _times_to_reach(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """For each free coordinate how far the strength can fall until it meets a level."""
        distance = np.where(self._v > 0, high, low) - self.w[self._columns.index]
        return np.divide(distance, self._v, out=np.full_like(distance, np.inf), where=self._v != 0)

    def _time_to_leave(self) -> float:
        """How far the strength can fall until a quantized coordinate meets an end of its interval."""
        shortest = np.inf
        for rate, slack in (
            (self._high - self._rate, self.alpha * self._high - self._correlation),
            (self._rate - self._low, self._correlation - self.alpha * self._low),
        ):
            times = np.divide(slack, rate, out=np.full_like(rate, np.inf), where=rate > self._noise)
            # Those that touch and yet stay were resolved.
            times[slack <= self._floor] = np.inf
            shortest = min(shortest, float(times.min()))
        return shortest

    # -- places -----------------------------------------------------------------------------------

    def _cells(self) -> tuple[FloatArray, FloatArray]:
        """The ends of the free coordinates' cells; infinite for unpenalised ones."""
        free = self._columns.index
        cell, penalised = self._cell[free], self._omega[free] > 0
        return np.where(penalised, self._ends[cell], -np.inf), np.where(
            penalised, self._ends[cell + 1], np.inf
        )

    def _slope_in(self, j: int, cell: int) -> float:
        return float(self._omega[j] * self._slopes[cell]) if self._omega[j] > 0 else 0.0

    def _rest(self, j: int, level: int) -> None:
        """Put coordinate j on a level, float for float."""
        self.w[j] = self._ends[level + 1]
        self._cell[j] = level
        self._low[j] = max(self._omega[j] * self._slopes[level], -_NEVER)
        self._high[j] = min(self._omega[j] * self._slopes[level + 1], _NEVER)

    def _reach_level(self, k: int, level: int) -> None:
        """The k-th free coordinate becomes quantized."""
        self._rest(int(self._columns.index[k]), level)
        self._columns.delete(k)
        self._slope = np.delete(self._slope, k)
        self._stale = True

    def _leave(self, j: int, side: int) -> bool:
        """Coordinate j becomes free in the cell on that side of its level; False if its column depends."""
        if not self._columns.append(j):
            return False
        self._cell[j] += 1 if side > 0 else 0
        self._slope = np.append(self._slope, self._slope_in(j, self._cell[j]))
        self._low[j], self._high[j] = -_NEVER, _NEVER
        self._stale = True
        return True
