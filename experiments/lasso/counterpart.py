r"""PAR-Lasso and its counterparts, Lasso and elastic net, on random data and on nearly equal columns.

The two columns have ``X_1'X_2/n = 1 − g`` with ``X_1'X_1/n = X_2'X_2/n = 1``, and data along ``X_1``: the
Lasso takes that column alone, ``(T, 0)``, and a penalty whose slopes grow splits T evenly.  With ``a_k = 1 +
η k``, spacing q, ``g = α η/4`` and ``T = 2 + α η (1/q − 1/2)`` the split is ``(1, 1)`` exactly: the gradient
there lies inside the kink of the level 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.measure.sparse_fit import LASSO, Fit, fit
from experiments.problems.sparse_regression import Sample
from parlin import designs, theory

FloatArray = NDArray[np.float64]

_REACH = 4.0  # where the grids end, beyond every coefficient


@dataclass(frozen=True)
class FitPair:
    """A solution with slopes on a grid, and its counterpart without the grid."""

    fit: Fit
    counterpart: Fit

    @property
    def certified(self) -> bool:
        """Whether both are what they are called."""
        return self.fit.certified and self.counterpart.certified

    @property
    def certified_as_rounded(self) -> bool:
        """Whether the counterpart is exact and the other point, its rounding, is not critical."""
        return not self.fit.point.critical and self.counterpart.certified

    @property
    def difference(self) -> FloatArray:
        return self.fit.w - self.counterpart.w

    @property
    def distance(self) -> float:
        return float(np.linalg.norm(self.difference))

    @property
    def l1_distance(self) -> float:
        return float(np.abs(self.difference).sum())

    @property
    def prediction_distance(self) -> float:
        X = self.fit.sample.X
        return float(np.linalg.norm(X @ self.difference)) / math.sqrt(X.shape[0])

    @property
    def slope_error(self) -> float:
        """How far the slopes at the point are from a slope of ``|x|`` there, at most."""
        w = np.abs(self.fit.w)
        low, high = self.fit.penalty.subdifferential(w)
        error = np.where(w == 0, np.maximum(high - 1, 0.0), np.maximum(np.abs(low - 1), np.abs(high - 1)))
        return float(error.max())

    @property
    def least_eigenvalue(self) -> float:
        X = self.fit.sample.X
        n, d = X.shape
        return float(np.linalg.eigvalsh(X.T @ X / n)[0]) if n >= d else 0.0

    @property
    def proved_distance(self) -> float:
        """What is left of the distance if both points are as far from exact as their gradients allow."""
        residuals = sum(
            f.alpha * f.slope_at_zero * f.point.residual_over_slope for f in (self.fit, self.counterpart)
        )
        return self.distance - math.sqrt(self.fit.w.size) * residuals / self.least_eigenvalue

    def rounding(self) -> FitPair:
        """The counterpart rounded to the grid, in place of the solution."""
        return FitPair(self.fit.rounding(self.counterpart.w), self.counterpart)


def lasso_pair(found: Fit) -> FitPair:
    """The fit, and the Lasso at the same strength."""
    compare = found.excess is not None
    return FitPair(found, fit(found.sample, LASSO, found.alpha, compare=compare))


def elastic_net_pair(sample: Sample, alpha: float, spacing: float, **origin: float | str) -> FitPair:
    """The chords of ``|x| + x²/2``, slopes ``1 + (k + ½) q``, and that penalty itself."""
    levels = np.arange(-math.ceil(_REACH / spacing), math.ceil(_REACH / spacing) + 1) * spacing
    chords = designs.from_function(lambda x: np.abs(x) + x**2 / 2, levels)
    found = fit(sample, chords, alpha, compare=True, spacing=spacing, **origin)
    return FitPair(found, _elastic_net(sample, alpha))


def two_columns(spacing: float, growth: float, alpha: float, *, orthogonal: bool = False) -> Fit:
    """PAR-Lasso on nearly equal columns, or `orthogonal` ones, with slopes ``1 + growth · spacing · k``."""
    step = growth * spacing
    gap = 1.0 if orthogonal else alpha * step / 4
    total = 2 + alpha * step * (1 / spacing - 0.5)
    root = math.sqrt(2.0)
    X = root * np.array([[1.0, 1 - gap], [0.0, math.sqrt(gap * (2 - gap))]])
    truth = np.array([total, 0.0])
    penalty = designs.lasso(spacing, math.ceil(_REACH / spacing), growth=step)
    sample = Sample(X, truth, alpha * X[:, 0])
    return fit(sample, penalty, alpha, compare=True, spacing=spacing, growth=growth)


def one_coefficient(spacing: float, growth: float, alpha: float) -> Fit:
    """One column and a coefficient inside a cell: there the bound on the fitted values is attained."""
    penalty = designs.lasso(spacing, math.ceil(_REACH / spacing), growth=growth)
    return fit(Sample(np.ones((1, 1)), np.array([1.5 * spacing + 2 * alpha]), np.zeros(1)), penalty, alpha)


def _elastic_net(sample: Sample, alpha: float) -> Fit:
    """The minimiser with ``α Σ (|w_j| + w_j²/2)``, which is the Lasso with d rows more."""
    n, d = sample.X.shape
    scale = math.sqrt((n + d) / n)
    rows = scale * np.vstack((sample.X, math.sqrt(n * alpha) * np.eye(d)))
    target = scale * np.concatenate((sample.X @ sample.truth + sample.noise, np.zeros(d)))
    return fit(Sample(rows, sample.truth, target - rows @ sample.truth), LASSO, alpha, compare=True)


def distances(pairs: Sequence[FitPair]) -> dict[str, list[float]]:
    """The distances and slope errors as columns of a table."""
    return {
        "distance": [found.distance for found in pairs],
        "slope_error": [found.slope_error for found in pairs],
        "excess_over_cvxpy": [found.fit.excess for found in pairs],
        "counterpart_excess_over_cvxpy": [found.counterpart.excess for found in pairs],
    }


def elastic_net_bound(found: FitPair) -> float:
    """The bound of theory 4.3: ``|x| + x²/2`` has the modulus 1, and its chords slopes within q/2."""
    d, error = found.fit.w.size, theory.chord_slope_error(found.fit.labels["spacing"], 1.0)
    return theory.strongly_convex_distance(d, error, found.fit.alpha, 1.0, found.least_eigenvalue)
