r"""Purification: from any critical point to one with at most rank(X) unquantized coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from parlin._threads import one_blas_thread
from parlin._types import FloatArray, IndexArray
from parlin.problem import Problem

# So many columns are orthogonalised at once, or fewer where that takes more additions and multiplications
# than this: no signal ends a call of BLAS.
_COLUMNS, _OPERATIONS = 64, 3e9
# What is left of a column of length one may be spoiled below the first number and nothing below the second.
_INACCURATE, _DOUBTFUL = 1e-2, 1e-6
# A column that has less of another than this, relative to its largest part, does not take its place.
_SMALL_PART = 1e-4
# A null vector with more errors than this, relative to those of rounding, is not corrected but made anew.
_CORRECTED = 1e3


@one_blas_thread()
def purify(problem: Problem, w: ArrayLike) -> FloatArray:
    r"""A point with the same fitted values and objective and at most ``rank(X)`` coordinates off the grid.

    Source: theory 3.4.  While the columns of the unquantized coordinates are dependent, the point
    moves along a null vector until the first coordinate meets a level and is put on it exactly.
    ``Xw``, hence the gradient, does not change, and slopes stay in their intervals, so a critical
    point stays one.  Unpenalised coordinates may move, but none counts.

    Parameters
    ----------
    problem : Problem
    w : array of shape (d,)
        A critical point, up to rounding: elsewhere the objective may change.

    Returns
    -------
    ndarray of shape (d,)
        A new array; `w` itself if the columns of its unquantized coordinates are independent already.

    Raises
    ------
    ValueError
        If `w` has the wrong shape or is not finite.

    Notes
    -----
    For a nonconvex penalty the level met may be a concave kink: the result is Clarke-critical with
    the same objective, but a local minimiser may be lost.
    """
    w = np.array(w, dtype=np.float64)
    if w.shape != (problem.size,) or not np.all(np.isfinite(w)):
        raise ValueError(f"w must be a finite array of shape ({problem.size},)")
    if problem.penalty.levels.size == 0:
        return w
    free = problem.unquantized(w)
    for j in free[problem.loss.design.column_norms[free] == 0.0]:
        w = _to_first_level(problem, w, np.eye(1, problem.size, j)[0])
    for _ in range(problem.size):
        before = w.copy()
        # A new basis finds again what an old one lost; where even a new one moves nothing, it is rounding.
        if _purified(problem, w) or np.array_equal(w, before):
            break
    return w


def _purified(problem: Problem, w: FloatArray) -> bool:
    """Move `w` itself along null vectors; whether it is through, or has to begin again from a new basis.

    The columns enter a basis one after the other.  One that depends on those in it moves with them, and where
    another one lands it takes that one's place.
    """
    norms = problem.loss.design.column_norms
    others, free = (chosen[norms[chosen] > 0.0] for chosen in (problem.unpenalised, problem.unquantized(w)))
    if free.size == 0:
        return True
    basis = _Basis(problem, others.size + free.size)
    for chosen in (others, free):
        for begin in range(0, chosen.size, basis.width):
            part = chosen[begin : begin + basis.width]
            before, (rests, parts) = basis.size, basis.project(part)
            for j, rest, coordinates in zip(part, rests.T, parts.T, strict=True):
                amounts = basis.enter(int(j), rest, coordinates, before)
                # An unpenalised column that depends on others like it moves nothing to a level.
                if amounts is not None and chosen is free and not _moved(problem, w, basis, int(j), amounts):
                    return False
    return True


def _moved(problem: Problem, w: FloatArray, basis: _Basis, j: int, amounts: FloatArray) -> bool:
    """Move column j against the combination of the basis that it is; False if a new basis is needed."""
    direction = basis.null_vector(j, amounts)
    if direction is None:
        return False
    on_level = problem.on_level(w)
    w[:] = _to_first_level(problem, w, direction)
    landed = problem.on_level(w) & ~on_level & problem.penalised
    if landed[j]:
        return int(landed.sum()) == 1
    # Where several columns of the basis land, those that stay span less than it did.
    return int(landed.sum()) == 1 and basis.replace(int(np.flatnonzero(landed)[0]), j, amounts)


class _Basis:
    """Independent columns of length one with an orthonormal basis Q of what they span.

    The columns that entered first are ``Q R``.  Where another one has taken the place of one of them, Q
    stays, and amounts of the columns that are there follow from those of the first by the exchanges.
    """

    def __init__(self, problem: Problem, most: int) -> None:
        self.design = problem.loss.design
        n = self.design.shape[0]
        capacity = min(self.design.most_rank, most)
        self.size = 0
        self.members = np.empty(capacity, dtype=np.intp)
        self.Q, self.R = np.empty((n, capacity), order="F"), np.eye(capacity, order="F")
        self.exchanges: list[tuple[int, FloatArray]] = []
        self.width = max(1, min(_COLUMNS, int(_OPERATIONS / (8.0 * n * max(capacity, 1)))))
        # Rounding of the orthogonalisation, in units of the unit-norm columns.
        self.rounding = max(10, n, capacity + 1) * np.finfo(np.float64).eps
        with np.errstate(divide="ignore", invalid="ignore"):
            # Centred columns have the errors of those that they were.
            self.errors = self.design.raw_norms / self.design.column_norms

    def project(self, chosen: IndexArray) -> tuple[FloatArray, FloatArray]:
        """What is left of the columns orthogonal to Q, and their coordinates, a column each."""
        rests = self.design.columns(chosen) / self.design.column_norms[chosen]
        coordinates = np.zeros((self.members.size, chosen.size), order="F")
        self._orthogonalise(rests, coordinates, 0)
        return rests, coordinates

    def _orthogonalise(self, rests: FloatArray, coordinates: FloatArray, begin: int) -> None:
        Q = self.Q[:, begin : self.size]
        for _ in range(2):  # once more, since what is left may be little
            amounts = Q.T @ rests
            rests -= Q @ amounts
            coordinates[begin : self.size] += amounts

    def enter(self, j: int, rest: FloatArray, coordinates: FloatArray, begin: int) -> FloatArray | None:
        """None if column j enters; if it depends on the others, what it has of each of them.

        `rest` and `coordinates` are those of `project` when `begin` columns were there.
        """
        self._orthogonalise(rest, coordinates, begin)
        size = float(np.linalg.norm(rest))
        if self.rounding < size < _INACCURATE:
            self._orthogonalise(rest, coordinates, 0)
            size = float(np.linalg.norm(rest))
        full = self.size == self.members.size
        if full or size <= _DOUBTFUL:
            amounts = self._amounts(coordinates)
            if full or size <= self.rounding * self._errors(j, amounts):
                return amounts
        self.R[: self.size, self.size] = coordinates[: self.size]
        self.R[self.size, self.size] = size
        self.Q[:, self.size] = rest / size
        self.members[self.size] = j
        self.size += 1
        return None

    def _amounts(self, coordinates: FloatArray) -> FloatArray:
        """How much of each column makes a vector of these coordinates."""
        amounts = solve_triangular(self.R, coordinates, check_finite=False)[: self.size]
        for place, parts in self.exchanges:
            share = amounts[place] / parts[place]
            amounts[: parts.size] -= share * parts
            amounts[place] = share
        return amounts

    def null_vector(self, j: int, amounts: FloatArray) -> FloatArray | None:
        """The vector z with ``X z = 0`` that takes column j for so much of the others.

        Rounding errors that the exchanges have left in `amounts` are taken out; None if there are too many.
        """
        if self.exchanges:
            left = self.design.embed(self.design.matvec(self._direction(j, amounts)))
            errors = self.rounding * self._errors(j, amounts)
            if not np.linalg.norm(left) <= _CORRECTED * errors:
                return None
            coordinates = np.zeros(self.members.size)
            coordinates[: self.size] = self.Q[:, : self.size].T @ left
            amounts += self._amounts(coordinates)
        null = np.append(-amounts, 1.0)
        negligible = np.abs(amounts) <= self.rounding * np.linalg.norm(null)
        return self._direction(j, np.where(negligible, 0.0, amounts))

    def _direction(self, j: int, amounts: FloatArray) -> FloatArray:
        """The coefficients of column j, of length one, less so much of each column of the basis."""
        direction = np.zeros(self.design.shape[1])
        members = self.members[: self.size]
        direction[members] = -amounts / self.design.column_norms[members]
        direction[j] = 1.0 / self.design.column_norms[j]
        return direction

    def _errors(self, j: int, amounts: FloatArray) -> float:
        """What the errors of columns add up to, relative to one that is not centred."""
        return float(self.errors[j] + np.linalg.norm(self.errors[self.members[: self.size]] * amounts))

    def replace(self, leaving: int, j: int, amounts: FloatArray) -> bool:
        """Column j, made of such amounts, takes the place of another.

        False if it has too little of that one, or if a new basis costs less than so many exchanges.
        """
        place = int(np.flatnonzero(self.members[: self.size] == leaving)[0])
        small = abs(amounts[place]) < _SMALL_PART * np.abs(amounts).max()
        if small or len(self.exchanges) >= max(_COLUMNS, self.size):
            return False
        self.exchanges.append((place, amounts))
        self.members[place] = j
        return True


def _to_first_level(problem: Problem, w: FloatArray, direction: FloatArray) -> FloatArray:
    """`w` moved along ±direction to the nearest level of any moving penalised coordinate."""
    moving = np.flatnonzero((direction != 0.0) & problem.penalised & ~problem.on_level(w))
    levels = problem.penalty.levels
    padded = np.concatenate(([-np.inf], levels, [np.inf]))
    cell = np.searchsorted(levels, w[moving])
    low, high = padded[cell], padded[cell + 1]
    ahead = np.where(direction[moving] > 0, high, low)
    behind = np.where(direction[moving] > 0, low, high)
    forward = (ahead - w[moving]) / direction[moving]
    backward = (behind - w[moving]) / direction[moving]
    # Every cell has a finite end, so one of the two is finite.
    k_forward, k_backward = int(np.argmin(forward)), int(np.argmax(backward))
    if forward[k_forward] <= -backward[k_backward]:
        k, distance, level = k_forward, forward[k_forward], ahead[k_forward]
    else:
        k, distance, level = k_backward, backward[k_backward], behind[k_backward]
    moved = w + distance * direction
    # Rounding must not carry another coordinate across its level.
    moved[moving] = np.minimum(np.maximum(moved[moving], low), high)
    moved[moving[k]] = level
    return moved
