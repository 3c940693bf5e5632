r"""Random splits of real data: ridge, ridge rounded to a grid, and PAR-ridge, each with its own strength.

The target is in units of its standard deviation and the columns are standardised, so errors are fractions of
the target's variance. The training rows are centred, which is the intercept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from experiments.measure.certified_point import (
    TOLERANCE,
    CertifiedPoint,
    solve_to_slopes,
)
from experiments.measure.ridge import ridge_coefs
from experiments.problems import real_data
from parlin import PAR, LeastSquares, Problem, designs, grid_path, theory

FloatArray = NDArray[np.float64]

METHODS = ("PAR", "rounded ridge", "ridge")
# The grids end here, in standard deviations of the target a standard deviation of the column.
REACH = 2.0
_INNER_FOLDS = 3
# Enough to rank strengths; what is reported is fitted again and certified.
_RANKING_TOL = 1e-5


def chords(spacing: float, reach: float = REACH) -> PAR:
    """Ridge chords out to `reach`."""
    return designs.ridge(spacing, round(reach / spacing))


@dataclass(frozen=True)
class Split:
    """`n` training rows drawn at random; all others are for testing."""

    data: real_data.Name
    n: int
    seed: int

    @cached_property
    def train(self) -> NDArray[np.intp]:
        """The training rows."""
        return self._order[: self.n]

    @cached_property
    def test(self) -> NDArray[np.intp]:
        """The test rows."""
        return self._order[self.n :]

    @cached_property
    def loss(self) -> LeastSquares:
        """Half the mean squared error on the training rows."""
        return _loss(self.data, self.train)

    def errors(self, w: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        """Mean squared errors on rows, for coefficients in rows, with the intercept of the training rows."""
        return _errors(self.data, self.loss, w, rows)

    @property
    def _order(self) -> NDArray[np.intp]:
        return np.random.default_rng([self.seed, self.n]).permutation(real_data.rows(self.data)[1].size)


@dataclass(frozen=True)
class Tuned:
    """The three methods on one split, each with the best of the strengths in an inner cross-validation."""

    split: Split
    spacing: float
    alphas: dict[str, float]

    @cached_property
    def problem(self) -> Problem:
        """The problem whose solution PAR-ridge is."""
        return Problem(self.split.loss, chords(self.spacing).scaled(self.alphas["PAR"]))

    @cached_property
    def point(self) -> CertifiedPoint:
        """The solution."""
        return CertifiedPoint(self.problem, solve_to_slopes(self.problem).w)

    @property
    def w(self) -> FloatArray:
        """The coefficients of the solution."""
        return self.point.w

    @cached_property
    def ridge(self) -> FloatArray:
        """Ridge at the strength of PAR-ridge."""
        return ridge_coefs(self.split.loss, self.alphas["PAR"])[0]

    @cached_property
    def certified(self) -> bool:
        """Whether the solution is certified, and ridge solves its equations."""
        alpha, loss = self.alphas["PAR"], self.split.loss
        error = np.abs(loss.gradient(self.ridge) + alpha * self.ridge).max()
        return self.point.certified and error <= TOLERANCE * alpha * self.spacing / 2

    @property
    def rate(self) -> float:
        """The fraction of quantized coefficients."""
        return self.point.rate

    @cached_property
    def error(self) -> dict[str, float]:
        """The test error of each method."""
        strengths = np.array([self.alphas["rounded ridge"], self.alphas["ridge"]])
        to_round, ridge = ridge_coefs(self.split.loss, strengths)
        w = np.array([self.w, chords(self.spacing).nearest_level(to_round), ridge])
        return dict(zip(METHODS, self.split.errors(w, self.split.test).tolist(), strict=True))

    @property
    def distance(self) -> float:
        """The distance of PAR-ridge from ridge at the same strength."""
        return float(np.linalg.norm(self.w - self.ridge))

    @property
    def bound(self) -> float:
        """The largest distance that there can be."""
        return self._bound(self.spacing)

    @property
    def covered(self) -> bool:
        """Whether the grid reaches the solution, as is checked after solving."""
        return float(np.abs(self.w).max()) <= theory.ridge_reach(self.spacing, round(REACH / self.spacing))

    def on_short_grid(self, spacing: float) -> tuple[float, float, bool]:
        """Distance and bound on a grid with one level a side, and whether the point is certified."""
        problem = Problem(self.split.loss, chords(spacing, spacing).scaled(self.alphas["PAR"]))
        found = CertifiedPoint(problem, solve_to_slopes(problem).w)
        return float(np.linalg.norm(found.w - self.ridge)), self._bound(spacing), found.certified

    def _bound(self, spacing: float) -> float:
        rows, columns = self.split.loss.design.shape
        smallest = 0.0
        if columns < rows:
            design = self.split.loss.design.columns(slice(None))
            # An eigenvalue of 0 may come out below it by a rounding error.
            smallest = max(float(np.linalg.eigvalsh(design.T @ design)[0]), 0.0)
        return theory.ridge_distance(columns, spacing, self.alphas["PAR"], smallest)

    def excess(self) -> float:
        """The objective compared with cvxpy's."""
        return self.point.compared_with_cvxpy().excess


def tune(split: Split, spacing: float, strengths: Sequence[float]) -> Tuned:
    """Each method with the strength that has the least error on training rows left out in turn."""
    alphas, penalty = np.sort(strengths)[::-1], chords(spacing)
    errors = np.zeros((len(METHODS), alphas.size))
    for kept, left_out in KFold(_INNER_FOLDS, shuffle=True, random_state=split.seed).split(split.train):
        loss = _loss(split.data, split.train[kept])
        ridge = ridge_coefs(loss, alphas)
        on_grid = np.array([result.w for result in grid_path(loss, penalty, alphas, tol=_RANKING_TOL)])
        for k, w in enumerate((on_grid, penalty.nearest_level(ridge), ridge)):
            errors[k] += _errors(split.data, loss, w, split.train[left_out])
    best = alphas[errors.argmin(axis=1)]
    return Tuned(split, spacing, dict(zip(METHODS, best.tolist(), strict=True)))


@dataclass(frozen=True)
class RealSweep:
    """Errors and quantization rates at falling fractions of alpha_max, and whether all fits are certified."""

    training: FloatArray
    test: FloatArray
    rate: FloatArray
    certified: bool

    def largest_fall(self, kind: Literal["training", "test"]) -> float:
        """How far the error falls at most from one strength to the next stronger, as a fraction of the last.

        The last is alpha_max, where the error is that of 0.
        """
        error = {"training": self.training, "test": self.test}[kind]
        return float(np.diff(error).max() / error[0])


def sweep(split: Split, spacing: float, fractions: FloatArray) -> RealSweep:
    """Fits at falling fractions of alpha_max."""
    unit = Problem(split.loss, chords(spacing))
    w, certified, start = [], True, None
    for fraction in fractions:
        problem = unit.with_penalty(unit.penalty.scaled(fraction * unit.strength_max()))
        start = solve_to_slopes(problem, w0=start).w
        certified &= CertifiedPoint(problem, start).certified
        w.append(start)
    fits = np.array(w)
    return RealSweep(
        split.errors(fits, split.train),
        split.errors(fits, split.test),
        unit.on_level(fits).mean(axis=1),
        certified,
    )


def training_rows(split: Split) -> tuple[FloatArray, FloatArray]:
    """The raw training rows."""
    X, y = real_data.rows(split.data)
    return X[split.train], y[split.train]


def _loss(name: str, rows: NDArray[np.intp]) -> LeastSquares:
    X, y = real_data.rows(name)
    return LeastSquares(X[rows], y[rows], fit_intercept=True)


def _errors(name: str, loss: LeastSquares, w: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
    X, y = real_data.rows(name)
    intercepts = np.array([loss.intercept(each) for each in w])
    return ((w @ X[rows].T + intercepts[:, None] - y[rows]) ** 2).mean(axis=1)
