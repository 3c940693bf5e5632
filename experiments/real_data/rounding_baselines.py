r"""Four ways to a model on a grid, compared on rows left out: round, or have the grid in the penalty.

Each has the strength that is best for it in an inner cross-validation on the training rows. Differences
are paired: every method sees the same cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import Lasso, Ridge
from sklearn.model_selection import KFold, ParameterGrid

from experiments.measure.intervals import corrected_resampled
from experiments.problems.real_data import Study
from experiments.real_data.fold_fits import (
    Fit,
    FloatArray,
    Penalty,
    estimator,
    fits_on_grid,
    levels_a_side,
)

# scikit-learn's estimator, the same rounded to the grid, PARRidge or PARLasso, the same rounded too.
METHODS = ("plain", "plain rounded", "PAR", "PAR rounded")
_INNER_FOLDS = 3
# Enough to rank strengths; what is reported is fitted again and certified.
_RANKING_TOL = 1e-4


class Ratio(NamedTuple):
    """A mean over cuts, and how far above it the limit is."""

    mean: float
    width: float


@dataclass(frozen=True)
class Comparison:
    """Test errors of the methods on the cuts of a study, and the certified fits behind them.

    `errors` and `distinct` (numbers of distinct coefficients) hold one entry a cut for each method.
    """

    study: Study
    penalty: Penalty
    spacing: float
    errors: dict[str, FloatArray]
    distinct: dict[str, FloatArray]
    fits: list[Fit]

    @property
    def certified(self) -> bool:
        """Whether every fit with a grid is, purified too, and minimal where cvxpy was asked."""
        return all(fit.certified and fit.purified_fit.certified for fit in self.fits)

    @property
    def cost_of_rounding(self) -> float:
        """The mean error of the rounded plain estimator over that of the plain one, minus 1."""
        return float(self.errors["plain rounded"].mean() / self.errors["plain"].mean()) - 1

    def ratio(self, method: str, baseline: str) -> Ratio:
        """The error of the method over the baseline's: mean over cuts, and how far above it the limit is.

        The limit is the one-sided 95 % limit of Student's t. Ratios of cuts that share training rows are
        correlated; the variance is then raised by test rows over training rows (Nadeau and Bengio 2003).
        """
        ratios = self.errors[method] / self.errors[baseline]
        overlap = 0.0 if self.study.few else 1 / (self.study.folds - 1)
        return Ratio(float(ratios.mean()), corrected_resampled(ratios, overlap))

    def row(self) -> dict[str, Any]:
        """What tables and figures need of it."""
        against_rounded, both_rounded = self.ratio("PAR", "plain rounded"), self.ratio(METHODS[3], METHODS[1])
        return {
            "data": self.study.data,
            "n": self.study.n,
            "d": self.fits[0].problem.size,
            "penalty": self.penalty,
            "spacing": self.spacing,
            "cost_of_rounding": self.cost_of_rounding,
            "cuts": len(self.fits),
            "ratio": against_rounded[0],
            "ratio_width": against_rounded[1],
            "both_rounded": both_rounded[0],
            "both_rounded_width": both_rounded[1],
            "rate": float(np.mean([fit.purified_fit.rate for fit in self.fits])),
            "floor": float(np.mean([fit.lower_bound for fit in self.fits])),
            "alphas": [fit.labels["alpha"] for fit in self.fits],
            **{f"error of {method}": float(self.errors[method].mean()) for method in METHODS},
            **{f"distinct of {method}": float(self.distinct[method].mean()) for method in METHODS},
            "certified": self.certified,
            "excess_over_cvxpy": self.fits[0].excess,
        }


def compare(
    study: Study, penalty: Penalty, spacing: float, alphas: Sequence[float], with_cvxpy: bool
) -> Comparison:
    """The methods on all cuts of the study; the first fit may be compared with cvxpy."""
    X, y = study.rows()
    errors, distinct, fits = [], [], []
    for train, test in study.cuts():
        rows, left_out = (X[train], y[train]), (X[test], y[test])
        best = _best_alphas(penalty, spacing, alphas, study.seed, *rows)
        (fit,) = fits_on_grid(penalty, *rows, [best["PAR"]], spacing, study.data)
        (to_round,) = fits_on_grid(penalty, *rows, [best["PAR rounded"]], spacing, study.data)
        solutions = (
            _plain(penalty, *rows, best["plain"]),
            _rounded(_plain(penalty, *rows, best["plain rounded"]), spacing),
            fit.purified_fit.w,
            _rounded(to_round.purified_fit.w, spacing),
        )
        errors.append([_error(w, rows, left_out) for w in solutions])
        distinct.append([np.unique(w).size for w in solutions])
        fits.append(fit.compared_with_cvxpy() if with_cvxpy and not fits else fit)
    return Comparison(
        study,
        penalty,
        spacing,
        dict(zip(METHODS, np.array(errors, dtype=float).T, strict=True)),
        dict(zip(METHODS, np.array(distinct, dtype=float).T, strict=True)),
        fits,
    )


def _best_alphas(
    penalty: Penalty, spacing: float, alphas: Sequence[float], seed: int, X: FloatArray, y: FloatArray
) -> dict[str, float]:
    """The strength with the least error in the inner cross-validation, for each method."""
    grid = [setting["alpha"] for setting in ParameterGrid({"alpha": sorted(alphas, reverse=True)})]
    errors = np.zeros((len(grid), len(METHODS)))
    for train, test in KFold(_INNER_FOLDS, shuffle=True, random_state=seed).split(X):
        rows, left_out = (X[train], y[train]), (X[test], y[test])
        model = estimator(penalty, spacing).set_params(tol=_RANKING_TOL)
        for k, alpha in enumerate(grid):
            plain, on_grid = _plain(penalty, *rows, alpha), model.set_params(alpha=alpha).fit(*rows).coef_
            solutions = (plain, _rounded(plain, spacing), on_grid, _rounded(on_grid, spacing))
            errors[k] += [_error(w, rows, left_out) for w in solutions]
    return {method: grid[k] for method, k in zip(METHODS, errors.argmin(axis=0), strict=True)}


def _plain(penalty: Penalty, X: FloatArray, y: FloatArray, alpha: float) -> FloatArray:
    """The coefficients of scikit-learn's Ridge or Lasso at the same strength."""
    model = Ridge(alpha=alpha * y.size) if penalty == "ridge" else Lasso(alpha=alpha, max_iter=100_000)
    return model.fit(X, y).coef_


def _rounded(w: FloatArray, spacing: float) -> FloatArray:
    """The nearest levels of the grid."""
    last = levels_a_side(spacing)
    return np.clip(np.round(w / spacing), -last, last) * spacing


def _error(w: FloatArray, train: tuple[FloatArray, FloatArray], test: tuple[FloatArray, FloatArray]) -> float:
    """The mean squared error on the test rows, with the intercept that is best on the training rows."""
    intercept = np.mean(train[1] - train[0] @ w)
    return float(np.mean((test[1] - test[0] @ w - intercept) ** 2))
