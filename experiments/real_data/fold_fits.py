r"""Fits with a grid on cuts of real data, certified, before and after purification.

The target is in units of its standard deviation and features in units of theirs, so errors are shares of
the target's variance, and spacings mean the same on all data.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from parlin import (
    LeastSquares,
    PARLasso,
    PARRidge,
    Problem,
    certify,
    datasets,
    designs,
    purify,
    theory,
)
from parlin.reference import solve_with_cvxpy
from parlin.solvers.base import Solver

FloatArray = NDArray[np.float64]

Penalty = Literal["ridge", "lasso"]

TOLERANCE = 1e-8
# The grids end here, in standard deviations of the target a standard deviation of the feature.
REACH = 2.0
_ESTIMATORS = {"ridge": PARRidge, "lasso": PARLasso}
_PENALTIES = {"ridge": designs.ridge, "lasso": designs.lasso}


@dataclass(frozen=True)
class Study:
    """A data set and how it is cut into rows to train on and rows to test on.

    With `few`, each training set is one fold and the test set all others, so that no two training sets
    share a row; otherwise it is the usual other way round. Only the first `used` folds are run. `seed`
    shuffles the rows.
    """

    data: str
    folds: int
    few: bool
    used: int
    seed: int = 0

    @cached_property
    def n(self) -> int:
        """The number of rows in the first training set; others may have one row less or more."""
        return next(self.cuts())[0].size

    def rows(self) -> tuple[FloatArray, FloatArray]:
        """The design as it is stored, and the target divided by its standard deviation."""
        return _data(self.data)

    def cuts(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Rows to train on and rows to test on."""
        cuts = KFold(self.folds, shuffle=True, random_state=self.seed).split(self.rows()[0])
        for rest, fold in islice(cuts, self.used):
            yield (fold, rest) if self.few else (rest, fold)


@cache
def _data(name: str) -> tuple[FloatArray, FloatArray]:
    data = {"diabetes": datasets.diabetes_cubic, "digits": datasets.digits}[name]()
    return data.X, data.y / data.y.std()


@dataclass(frozen=True)
class Fit:
    """A fit with a grid, certified relative to the slopes, before and after purification."""

    data: str
    problem: Problem
    w: FloatArray
    alpha: float

    @cached_property
    def purified(self) -> FloatArray:
        """A solution with the same fitted values whose free columns are independent."""
        return purify(self.problem, self.w)

    @property
    def free(self) -> tuple[int, int]:
        """How many coefficients are off the grid, before and after purification."""
        return self.problem.unquantized(self.w).size, self.problem.unquantized(self.purified).size

    @cached_property
    def rank(self) -> int:
        """The rank of the centred training design."""
        return int(np.linalg.matrix_rank(self.problem.loss.design.columns(slice(None))))

    @property
    def floor(self) -> float:
        """The share of quantized coefficients that theory promises after purification."""
        return theory.quantization_floor(self.rank, self.problem.size)

    def rate(self, w: FloatArray) -> float:
        """The share of the coefficients that equal a level, float for float."""
        return float(np.mean(self.problem.on_level(w)))

    def certified(self, w: FloatArray) -> bool:
        """Whether the point is critical relative to the smallest slope."""
        return certify(self.problem, w).slope_residual <= TOLERANCE

    def excess_over_cvxpy(self) -> float:
        """The objective minus that of an interior-point method, relative."""
        reference = solve_with_cvxpy(self.problem).objective
        return (self.problem.objective(self.w) - reference) / reference


def estimator(penalty: Penalty, spacing: float, solver: Solver | str = "auto") -> PARRidge | PARLasso:
    """PARRidge or PARLasso on the grid with this spacing."""
    kind = _ESTIMATORS[penalty]
    return kind(spacing=spacing, n_levels=levels_a_side(spacing), solver=solver, warm_start=True)


def levels_a_side(spacing: float) -> int:
    """How many levels there are on either side of 0."""
    return round(REACH / spacing)


def certified_fits(
    penalty: Penalty,
    X: FloatArray,
    y: FloatArray,
    alphas: Iterable[float],
    spacing: float,
    data: str,
    solver: Solver | str = "auto",
) -> Iterator[Fit]:
    """Fits of one estimator, each begun where the last one ended.

    Each is run until its gradient is exact relative to the smallest slope.
    """
    loss = LeastSquares(X, y, fit_intercept=True)
    unit = _PENALTIES[penalty](spacing, levels_a_side(spacing))
    model = estimator(penalty, spacing, solver)
    for alpha in alphas:
        problem = Problem(loss, unit.scaled(alpha))
        smallest = float(np.abs(problem.penalty.slopes).min())
        tol = TOLERANCE * smallest / max(smallest, float(np.abs(loss.gradient_at_zero).max()))
        with warnings.catch_warnings():
            # A fit that does not get there will not be certified, which says the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(alpha=alpha, tol=tol).fit(X, y)
        yield Fit(data, problem, model.coef_, alpha)
