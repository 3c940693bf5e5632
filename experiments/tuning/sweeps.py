"""Fits on a grid at strengths from the one that collapses all coefficients downwards, and their errors.

The data are split into rows to train on, rows to choose a strength by, and rows to test on. Next to each fit
stands ridge at the same strength, as it is and rounded to the same grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import TOLERANCE, excess_over_cvxpy, is_certified
from experiments.measure.ridge import ridge_coefs
from experiments.problems.along_path import problem_at
from parlin import LeastSquares, Problem, designs, solution_path
from parlin.datasets import synthetic
from parlin.path import Path, PathEnd

FloatArray = NDArray[np.float64]

METHODS = ("PAR", "rounded ridge", "ridge")
# The grids end here; true coefficients are standard normal.
REACH = 8.0
# Where an instance is compared with an interior-point method.
COMPARED_AT = 0.03


@dataclass(frozen=True)
class Data:
    """Rows to train on, `n_out` rows to choose by, as many to test on, and the true coefficients."""

    X: FloatArray
    y: FloatArray
    coef: FloatArray
    n: int
    n_out: int

    @classmethod
    def draw(cls, n: int, d: int, n_out: int, noise: float, seed: int) -> Data:
        """Normal rows whose neighbouring columns have correlation 1/2."""
        drawn = synthetic(n + 2 * n_out, d, seed=seed, entries="ar", correlation=0.5, noise=noise)
        return cls(drawn.X, drawn.y, drawn.coef, n, n_out)

    @cached_property
    def loss(self) -> LeastSquares:
        """Half the mean squared error on the training rows."""
        return LeastSquares(self.X[: self.n], self.y[: self.n])

    def errors(self, w: FloatArray) -> dict[str, FloatArray]:
        """Mean squared errors of coefficients in rows, on each kind of rows, and the error of estimation."""
        squares = (w @ self.X.T - self.y) ** 2
        chosen_by = self.n + self.n_out
        return {
            "training": squares[:, : self.n].mean(axis=1),
            "choice": squares[:, self.n : chosen_by].mean(axis=1),
            "test": squares[:, chosen_by:].mean(axis=1),
            "estimation": np.linalg.norm(w - self.coef, axis=1),
        }


@dataclass(frozen=True)
class Sweep:
    """The exact path of ridge chords on one draw, looked at where `fractions` of alpha_max say."""

    data: Data
    spacing: float
    path: Path
    fractions: FloatArray

    @property
    def alphas(self) -> FloatArray:
        """The strengths."""
        return self.fractions * self.path.alphas[0]

    @cached_property
    def coefs(self) -> dict[str, FloatArray]:
        """The coefficients of each method, a strength a row."""
        ridge = ridge_coefs(self.data.loss, self.alphas)
        rounded = self.path.problem.penalty.nearest_level(ridge)
        return dict(zip(METHODS, (self.path.at(self.alphas), rounded, ridge), strict=True))

    @cached_property
    def errors(self) -> dict[str, dict[str, FloatArray]]:
        """Method -> kind of error -> one number a strength."""
        return {method: self.data.errors(w) for method, w in self.coefs.items()}

    @cached_property
    def rate(self) -> FloatArray:
        """The quantization rates of the fits on the grid."""
        return np.asarray(self.path.quantization_rate(self.alphas))

    @cached_property
    def distinct(self) -> NDArray[np.intp]:
        """The number of distinct values among the coefficients of the fits on the grid."""
        return np.array([np.unique(w).size for w in self.coefs["PAR"]])

    @cached_property
    def certified(self) -> bool:
        """Whether every fit is critical relative to the smallest slope, and ridge solves its equations."""
        loss, slope = self.data.loss, self.spacing / 2
        on_grid, ridge = self.coefs["PAR"], self.coefs["ridge"]
        return all(
            is_certified(problem_at(self.path, alpha), w)
            and np.abs(loss.gradient(v) + alpha * v).max() <= TOLERANCE * alpha * slope
            for alpha, w, v in zip(self.alphas, on_grid, ridge, strict=True)
        )

    @property
    def proved(self) -> bool:
        """Whether the path is exact on every segment down to its end."""
        return bool(self.path.exact.all()) and self.path.end is PathEnd.REACHED

    def best(self, method: str, least_rate: float = 0.0) -> int:
        """The strength with the least error on the rows to choose by, among those that quantize enough."""
        error = self.errors[method]["choice"]
        return int(np.argmin(np.where(self.rate >= least_rate, error, np.inf)))

    def tuned(self, method: str, kind: str = "test", least_rate: float = 0.0) -> float:
        """The error of the method at the strength that is best for it, among those that quantize enough."""
        return float(self.errors[method][kind][self.best(method, least_rate)])

    def largest_fall(self, kind: str) -> float:
        """How far the error on these rows falls at most from one knot to the next stronger, over that of 0.

        Errors are relative to the mean square of the training targets.
        """
        error = self.data.errors(self.path.coefs.toarray())[kind]
        return float(np.diff(error).max()) / (2 * self.data.loss.value_at_zero)

    @cached_property
    def excess(self) -> float:
        """The objective compared with cvxpy's, at one strength."""
        alpha = COMPARED_AT * self.path.alphas[0]
        return excess_over_cvxpy(problem_at(self.path, alpha), self.path.at(alpha))

    @property
    def minimal(self) -> bool:
        """Whether cvxpy finds no lower objective there."""
        return self.excess <= TOLERANCE


def sweep(data: Data, spacing: float, fractions: FloatArray) -> Sweep:
    """The path down to the smallest of the fractions of alpha_max."""
    penalty = designs.ridge(spacing, math.ceil(REACH / spacing))
    lowest = float(fractions.min()) * Problem(data.loss, penalty).strength_max()
    return Sweep(data, spacing, solution_path(data.loss, penalty, lowest), fractions)


def most_returning(path: Path) -> int:
    """How many coefficients more are quantized at some strength than at a stronger one."""
    return int((np.maximum.accumulate(path.free) - path.free).max())
