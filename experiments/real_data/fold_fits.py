r"""Fits with a grid on cuts of real data, certified, before and after purification.

The target is in units of its standard deviation and features in units of theirs, so errors are fractions of
the target's variance, and spacings mean the same on all data.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from experiments.measure.certified_point import CertifiedPoint, estimator_tolerance
from parlin import LeastSquares, PARLasso, PARRidge, Problem, designs, theory
from parlin.solvers.base import Solver

FloatArray = NDArray[np.float64]

Penalty = Literal["ridge", "lasso"]

# The grids end here, in standard deviations of the target a standard deviation of the feature.
REACH = 2.0
_ESTIMATORS = {"ridge": PARRidge, "lasso": PARLasso}
_PENALTIES = {"ridge": designs.ridge, "lasso": designs.lasso}


@dataclass(frozen=True)
class Fit(CertifiedPoint):
    """A fit on a grid; `labels` has the data and the strength."""

    @cached_property
    def purified_fit(self) -> CertifiedPoint:
        """A solution with the same fitted values and independent columns off the levels."""
        return self.purified()

    @cached_property
    def rank(self) -> int:
        """The rank of the centred training design."""
        return int(np.linalg.matrix_rank(self.problem.loss.design.columns(slice(None))))

    @property
    def lower_bound(self) -> float:
        """The fraction of quantized coefficients that theory promises after purification."""
        return theory.quantization_floor(self.rank, self.problem.size)


def estimator(penalty: Penalty, spacing: float, solver: Solver | str = "auto") -> PARRidge | PARLasso:
    """PARRidge or PARLasso on the grid with this spacing."""
    kind = _ESTIMATORS[penalty]
    return kind(spacing=spacing, n_levels=levels_a_side(spacing), solver=solver, warm_start=True)


def levels_a_side(spacing: float) -> int:
    """How many levels there are on either side of 0."""
    return round(REACH / spacing)


def fits_on_grid(
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
        with warnings.catch_warnings():
            # A fit that does not get there will not be certified, which says the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(alpha=alpha, tol=estimator_tolerance(problem)).fit(X, y)
        yield Fit(problem, model.coef_, {"data": data, "alpha": alpha})
