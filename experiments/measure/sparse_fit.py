r"""Fits of sparse regressions with even convex penalties, and what theory says of their errors.

Throughout ``y = X w* + ξ`` with ``‖X_j‖² = n``; S is the support of ``w*`` with s members; ``D = w − w*``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from experiments.measure.columns import labels
from experiments.problems.sparse_regression import (
    Design,
    Sample,
    gaussian_noise,
    sparse_truth,
    standardised,
)
from parlin import PAR, Problem, designs, theory
from parlin.reference import compatibility_constant, restricted_eigenvalue_lower_bound

FloatArray = NDArray[np.float64]

FAILURE = 0.05
"""At the strength of theory the event fails with this probability at most."""
LASSO = PAR([0.0], [-1.0, 1.0])
PENALTIES = {
    "Lasso chords": designs.lasso(0.5, 6),
    "steep Lasso chords": designs.lasso(0.25, 12, growth=0.2),
    "ridge chords": designs.ridge(0.5, 6),
}
"""Even, convex, and with levels well beyond the coefficients of `sparse_truth`."""
_EDGE_LEVEL = 3


@dataclass(frozen=True)
class Fit:
    """A solution for a sample."""

    sample: Sample
    penalty: PAR
    alpha: float
    point: CertifiedPoint

    @property
    def w(self) -> FloatArray:
        """The coefficients."""
        return self.point.w

    @property
    def labels(self) -> dict[str, Any]:
        """What tables and figures call the fit by."""
        return self.point.labels

    @property
    def excess(self) -> float | None:
        """The objective compared with cvxpy's, where cvxpy was asked."""
        return self.point.excess

    @property
    def certified(self) -> bool:
        """Whether the point is certified."""
        return self.point.certified

    @property
    def slope_at_zero(self) -> float:
        """The slope ``a_0`` right of 0."""
        return slope_at_zero(self.penalty)

    @property
    def largest_slope(self) -> float:
        """A, the largest over the support of the smallest slope at ``|w*_j|``."""
        low, _ = self.penalty.subdifferential(np.abs(self.sample.truth[self.sample.support]))
        return float(low.max(initial=0.0))

    @property
    def relative_noise(self) -> float:
        """The noise correlation over ``α a_0/2``: the event of theory 5.1 is that it is at most 1."""
        return self.sample.noise_correlation / (self.alpha * self.slope_at_zero / 2)

    @property
    def on_event(self) -> bool:
        return self.relative_noise <= 1

    @property
    def cone(self) -> float:
        return theory.lasso_cone(self.slope_at_zero, self.largest_slope)

    @cached_property
    def error(self) -> FloatArray:
        return self.w - self.sample.truth

    @property
    def on_support(self) -> float:
        """``‖D_S‖_1``."""
        return float(np.abs(self.error[self.sample.support]).sum())

    @property
    def l1(self) -> float:
        return float(np.abs(self.error).sum())

    @property
    def off_support(self) -> float:
        """``‖D_{S^c}‖_1``."""
        return float(np.abs(self.error[self.sample.truth == 0]).sum())

    @property
    def l2(self) -> float:
        return float(np.linalg.norm(self.error))

    @property
    def prediction(self) -> float:
        """``‖XD‖/√n``."""
        return float(np.linalg.norm(self.sample.X @ self.error)) / np.sqrt(self.sample.X.shape[0])

    @property
    def observed_curvature(self) -> float:
        """``‖XD‖²/(n ‖D‖²)``; any number would serve an error of 0."""
        return (self.prediction / self.l2) ** 2 if self.l2 > 0 else 1.0

    @cached_property
    def compatibility(self) -> float:
        """A proved lower bound of the compatibility constant on the cone, by convex programs."""
        return compatibility_constant(self.sample.X, self.sample.support, self.cone).lower_bound

    @cached_property
    def least_curvature(self) -> float:
        """A proved lower bound of the restricted eigenvalue on the cone."""
        return restricted_eigenvalue_lower_bound(self.sample.X, self.sample.support, self.cone)

    def bound(self, rule: Callable[..., float], curvature: float) -> float:
        """What a rule such as `theory.lasso_distance` says of this fit."""
        s = self.sample.support.size
        return rule(s, self.alpha, curvature, self.slope_at_zero, self.largest_slope)

    def rounding(self, w: FloatArray) -> Fit:
        """The point `w` rounded to the grid, in place of the solution."""
        return replace(self, point=self.point.moved(w).rounded())


def slope_at_zero(penalty: PAR) -> float:
    """The slope right of 0."""
    return float(penalty.subdifferential(0.0)[1])


def fit(sample: Sample, penalty: PAR, alpha: float, *, compare: bool = False, **origin: Any) -> Fit:
    """The solution with ``alpha`` times `penalty`; with `compare`, cvxpy solves the problem too."""
    problem = Problem(sample.loss, penalty.scaled(alpha))
    point = CertifiedPoint(problem, solve_to_slopes(problem).w, origin)
    return Fit(sample, penalty, alpha, point.compared_with_cvxpy() if compare else point)


def random_fits(
    designs: Sequence[Design],
    sizes: Sequence[int],
    deviations: Sequence[float],
    seeds: Sequence[int],
    *,
    weakening: float = 1.0,
) -> list[Fit]:
    """Fits with every one of `PENALTIES` at the strength of theory times `weakening`, on the event or not.

    The truth is on the grid for odd seeds. The first fit of every design, penalty and size is compared
    with cvxpy.
    """
    found = []
    kinds = product(designs, sizes, deviations, PENALTIES.items(), seeds)
    for (n, d, entries), size, deviation, (name, penalty), seed in kinds:
        sample = Sample(
            standardised(n, d, entries, seed),
            sparse_truth(d, size, seed, penalty if seed % 2 else None),
            gaussian_noise(n, deviation, seed),
        )
        alpha = weakening * theory.lasso_alpha(deviation, n, d, FAILURE, slope_at_zero(penalty))
        compare = seed == seeds[0] and deviation == deviations[0]
        origin = {"design": f"{n} × {d} {entries}", "chords": name, "s": size, "noise": deviation}
        found.append(fit(sample, penalty, alpha, compare=compare, **origin, seed=seed))
    return found


def edge_fit(n_features: int, size: int, name: str, pull: float, *, compare: bool = False) -> Fit:
    """Orthogonal columns and noise that pulls the truth inward with `pull` times what the event allows.

    The truth is on one level of the grid; the estimate stays in the cell below it.
    """
    penalty = PENALTIES[name]
    positive = penalty.levels[penalty.levels > 0]
    height, spacing = positive[_EDGE_LEVEL - 1], positive[0]
    slope, largest = slope_at_zero(penalty), float(penalty.subdifferential(height)[0])
    alpha = spacing / 2 / (largest + slope / 2)
    X = standardised(n_features, n_features, "orthogonal", seed=size)
    truth = np.zeros(n_features)
    truth[:size] = height * np.where(np.arange(size) % 2, -1.0, 1.0)
    force = np.where(truth == 0, 1.0, -np.sign(truth)) * pull * alpha * slope / 2
    return fit(Sample(X, truth, X @ force), penalty, alpha, compare=compare, chords=name, s=size)


def table(fits: Sequence[Fit], **more: Callable[[Fit], float]) -> dict[str, list[Any]]:
    """The labels of the fits and their excess over cvxpy, one column each, and what else is asked of them."""
    return labels(fits, excess_over_cvxpy=attrgetter("excess"), **more)
