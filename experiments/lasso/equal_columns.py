"""PAR-Lasso on designs whose first two columns are equal, nearly equal, or have nothing in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.lasso.cone_constants import scaled
from experiments.measure.certified_point import CertifiedPoint, is_certified, solve_to_slopes
from parlin import PAR, LeastSquares, Problem, designs, theory
from parlin.reference import compatibility_constant

FloatArray = NDArray[np.float64]
Columns = Literal["equal", "nearly equal", "unrelated"]

SPACING = 0.5
PENALTY = designs.lasso(SPACING, 8)
DIRECTION = (1.0, -1.0)  # along which equal columns leave the fit as it is


@dataclass(frozen=True)
class Setting:
    """Sizes of the data, and the standard deviation of the noise."""

    n: int
    d: int
    size: int
    noise: float

    @property
    def alpha(self) -> float:
        """The strength at which theory 5.1 speaks in 95 of 100 draws of the noise."""
        return theory.lasso_alpha(self.noise, self.n, self.d, failure=0.05)


@dataclass(frozen=True)
class DuplicatedFit:
    """A solution, the coefficients behind its data, and the noise."""

    point: CertifiedPoint
    truth: FloatArray
    noise: FloatArray
    alpha: float

    @property
    def problem(self) -> Problem:
        """The problem."""
        return self.point.problem

    @property
    def w(self) -> FloatArray:
        """The solution."""
        return self.point.w

    @property
    def excess(self) -> float | None:
        """The objective compared with cvxpy's, where cvxpy was asked."""
        return self.point.excess

    @property
    def certified(self) -> bool:
        """Whether the solution is certified."""
        return self.point.certified

    @property
    def event(self) -> bool:
        """Whether the noise is small enough for theory 5.1 to speak: ``‖X'ξ‖_∞/n <= α a_0/2``, a_0 = 1."""
        X = self.problem.loss.design.X
        return float(np.abs(X.T @ self.noise).max()) / X.shape[0] <= self.alpha / 2

    @property
    def error(self) -> float:
        return float(np.linalg.norm(self.w - self.truth))

    @cached_property
    def rounded_lasso(self) -> FloatArray:
        """The Lasso's solution rounded to the nearest levels."""
        plain = Problem(self.problem.loss, PAR([0.0], [-self.alpha, self.alpha]))
        return PENALTY.nearest_level(solve_to_slopes(plain).w)

    def is_minimiser(self, w: FloatArray) -> bool:
        """Whether the point is certified."""
        return is_certified(self.problem, w)

    def prediction_error(self, w: FloatArray) -> float:
        """``‖X (w − w*)‖/√n``."""
        X = self.problem.loss.design.X
        return float(np.linalg.norm(X @ (w - self.truth))) / math.sqrt(X.shape[0])

    def prediction_bound(self) -> float:
        """The bound of the design in which the first two columns are one, with their coefficients added.

        The cheapest way to split a sum c between equal columns costs 2ψ(c/2), whose slopes at c are those
        of ψ at c/2.
        """
        support, slope = np.flatnonzero(self.merged_truth), self.largest_slope
        X = np.delete(self.problem.loss.design.X, 1, axis=1)
        proved = compatibility_constant(X, support, theory.lasso_cone(1.0, slope)).lower_bound
        return theory.lasso_prediction_distance(support.size, self.alpha, proved, largest_slope=slope)

    @property
    def merged_truth(self) -> FloatArray:
        return np.concatenate(([self.truth[0] + self.truth[1]], self.truth[2:]))

    @property
    def largest_slope(self) -> float:
        """A: the largest over the support of the smallest slope, in the merged design."""
        halved = np.concatenate(([self.merged_truth[0] / 2], self.truth[2:]))
        low, _ = PENALTY.subdifferential(np.abs(halved[halved != 0]))
        return float(low.max())

    @property
    def predicted_length(self) -> float:
        """How far apart two minimisers can be where the columns are equal.

        A split of the sum c between the two costs least where both parts lie in one cell of the grid.
        """
        cell = 2 * SPACING
        rest = abs(float(self.w[0] + self.w[1])) % cell
        return math.sqrt(2) * min(rest, cell - rest)

    def ends(self) -> tuple[FloatArray, FloatArray]:
        """The last minimisers along ±(1, −1, 0, …), by bisection on whether a point is certified."""
        return self._last_minimiser(1.0), self._last_minimiser(-1.0)

    def _last_minimiser(self, sign: float) -> FloatArray:
        direction = np.zeros_like(self.w)
        direction[:2] = DIRECTION
        near, far = 0.0, 4 * SPACING
        while far - near > 1e-12:
            middle = (near + far) / 2
            near, far = (
                (middle, far) if self.is_minimiser(self.w + sign * middle * direction) else (near, middle)
            )
        return self.w + sign * near * direction


def design(setting: Setting, seed: int, columns: Columns) -> FloatArray:
    """Gaussian, with the second column made equal or nearly equal to the first."""
    X = np.random.default_rng((seed, 2)).standard_normal((setting.n, setting.d))
    if columns == "equal":
        X[:, 1] = X[:, 0]
    elif columns == "nearly equal":
        X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    return scaled(X)


def duplicated_fit(
    setting: Setting,
    seed: int,
    columns: Columns = "equal",
    shift: float = 0.0,
    strength: float = 1.0,
    compare: bool = False,
) -> DuplicatedFit:
    """PAR-Lasso where `shift` is added to the first true coefficient and taken from the second.

    `strength` multiplies the α of the setting; with `compare` cvxpy solves the problem too.
    """
    X, rng = design(setting, seed, columns), np.random.default_rng((seed, 3))
    truth = np.zeros(setting.d)
    truth[: setting.size] = rng.uniform(0.3, 1.5, setting.size)
    truth[2 : setting.size] *= rng.choice([-1.0, 1.0], setting.size - 2)
    noise = setting.noise * rng.standard_normal(setting.n)
    alpha = strength * setting.alpha
    # Added this way, a shift between equal columns leaves the data the same to the last bit.
    y = X @ truth + shift * (X[:, 0] - X[:, 1]) + noise
    truth[:2] += shift * np.array(DIRECTION)
    problem = Problem(LeastSquares(X, y), PENALTY.scaled(alpha))
    point = CertifiedPoint(problem, solve_to_slopes(problem).w)
    return DuplicatedFit(point.compared_with_cvxpy() if compare else point, truth, noise, alpha)


def segment_lengths(fits: Sequence[DuplicatedFit]) -> dict[str, Any]:
    """How far apart minimisers with the same fit are found, and how far apart they are predicted."""
    measured, certified = [], []
    for fit in fits:
        first, last = fit.ends()
        measured.append(float(np.linalg.norm(first - last)))
        certified.append(fit.certified and fit.is_minimiser(first) and fit.is_minimiser(last))
    return {"measured": measured, "bound": [fit.predicted_length for fit in fits], "certified": certified}


def largest_errors(
    setting: Setting, shifts: Iterable[float], seeds: Sequence[int], columns: Columns
) -> tuple[dict[str, Any], list[float]]:
    """The larger error on two truths ``w* ± t (e_1 − e_2)``, with √2 t; and that of the rounded Lasso."""
    measured, bound, certified, rounded = [], [], [], []
    for shift in shifts:
        for seed in seeds:
            pair = [duplicated_fit(setting, seed, columns, shift=side * shift) for side in (1, -1)]
            measured.append(max(fit.error for fit in pair))
            bound.append(math.sqrt(2) * shift)
            certified.append(all(fit.certified and fit.event for fit in pair))
            rounded.append(max(float(np.linalg.norm(fit.rounded_lasso - fit.truth)) for fit in pair))
    return {"measured": measured, "bound": bound, "certified": certified}, rounded


def prediction_errors(fits: Sequence[DuplicatedFit], within_event: bool) -> dict[str, Any]:
    """``‖X (w − w*)‖/√n`` and the bound of the merged design, where the noise is small enough."""
    return {
        "measured": [fit.prediction_error(fit.w) for fit in fits],
        "bound": [fit.prediction_bound() for fit in fits],
        "certified": [fit.certified and (fit.event or not within_event) for fit in fits],
    }
