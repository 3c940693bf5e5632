r"""Sparse truths seen through noise, and what theory says of the errors of fits with even convex penalties.

Throughout ``y = X w* + ξ`` with ``‖X_j‖² = n``; S is the support of ``w*`` with s members; ``D = w − w*``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from parlin import PAR, Certificate, LeastSquares, Problem, certify, designs, solve, theory
from parlin.reference import compatibility_constant, restricted_eigenvalue_lower_bound, solve_with_cvxpy

FloatArray = NDArray[np.float64]
Entries = Literal["normal", "ar", "orthogonal"]
Design = tuple[int, int, Entries]  # rows, columns, law of the columns

TOLERANCE = 1e-8
FAILURE = 0.05
"""At the strength of theory the event fails with this probability at most."""
LASSO = PAR([0.0], [-1.0, 1.0])
PENALTIES = {
    "Lasso chords": designs.lasso(0.5, 6),
    "steep Lasso chords": designs.lasso(0.25, 12, growth=0.2),
    "ridge chords": designs.ridge(0.5, 6),
}
"""Even, convex, and with levels well beyond the coefficients of `sparse_truth`."""
_CORRELATION = 0.9
_EDGE_LEVEL = 3


@dataclass(frozen=True)
class Sample:
    """A design, the coefficients behind the data, and the noise."""

    X: FloatArray
    truth: FloatArray
    noise: FloatArray

    @property
    def support(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.truth)

    @property
    def noise_force(self) -> float:
        """``‖X'ξ‖_∞/n``, the most that the noise pulls at a coefficient."""
        return float(np.abs(self.X.T @ self.noise).max()) / self.X.shape[0]


@dataclass(frozen=True)
class Fit:
    """A solution for a sample, with its certificate.

    `excess_over_cvxpy` is the objective minus that of an interior-point method, relative; None where the two
    are not compared. `origin` holds what tables and figures call the fit by.
    """

    sample: Sample
    penalty: PAR
    alpha: float
    problem: Problem
    w: FloatArray
    certificate: Certificate
    excess_over_cvxpy: float | None
    origin: dict[str, Any]

    @property
    def certified(self) -> bool:
        """Critical to 1e-8 of the smallest slope, and minimal where cvxpy was asked."""
        return self.certificate.slope_residual <= TOLERANCE and (self.excess_over_cvxpy or 0.0) <= TOLERANCE

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
        """The noise's force over ``α a_0/2``: the event of theory 5.1 is that it is at most 1."""
        return self.sample.noise_force / (self.alpha * self.slope_at_zero / 2)

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
        rounded = self.penalty.nearest_level(w)
        certificate = certify(self.problem, rounded)
        return replace(self, w=rounded, certificate=certificate, excess_over_cvxpy=None)


def slope_at_zero(penalty: PAR) -> float:
    """The slope right of 0."""
    return float(penalty.subdifferential(0.0)[1])


def standardised(n: int, d: int, entries: Entries, seed: int) -> FloatArray:
    """A random design with ``‖X_j‖² = n``: independent, autoregressive or orthogonal columns."""
    X = np.random.default_rng(seed).standard_normal((n, d))
    if entries == "orthogonal":
        X, _ = np.linalg.qr(X)
    elif entries == "ar":
        for j in range(1, d):
            X[:, j] = _CORRELATION * X[:, j - 1] + np.sqrt(1 - _CORRELATION**2) * X[:, j]
    return X * (np.sqrt(n) / np.linalg.norm(X, axis=0))


def sparse_truth(d: int, n_nonzero: int, seed: int, levels: PAR | None = None) -> FloatArray:
    """Coefficients with random places, random signs and sizes between 1 and 2; on a grid if one is given."""
    rng = np.random.default_rng([seed, 1])
    truth = np.zeros(d)
    places = rng.permutation(d)[:n_nonzero]
    truth[places] = rng.choice([-1.0, 1.0], n_nonzero) * rng.uniform(1.0, 2.0, n_nonzero)
    return truth if levels is None else levels.nearest_level(truth)


def gaussian_noise(n: int, deviation: float, seed: int) -> FloatArray:
    """Independent normal errors."""
    return deviation * np.random.default_rng([seed, 2]).standard_normal(n)


def fit(sample: Sample, penalty: PAR, alpha: float, *, compare: bool = False, **origin: Any) -> Fit:
    """The solution with ``alpha`` times `penalty`; with `compare`, its objective is set beside cvxpy's."""
    loss = LeastSquares(sample.X, sample.X @ sample.truth + sample.noise)
    problem = Problem(loss, penalty.scaled(alpha))
    # `solve` measures against the gradient at 0; this is the same length against the smallest slope.
    smallest = float(np.abs(problem.penalty.slopes).min())
    unit = smallest / max(smallest, float(np.abs(loss.gradient_at_zero).max()))
    result = solve(problem, tol=TOLERANCE * unit)
    excess = None
    if compare:
        reference = solve_with_cvxpy(problem).objective
        excess = (result.certificate.objective - reference) / abs(reference)
    return Fit(sample, penalty, alpha, problem, result.w, result.certificate, excess, origin)


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


def judged(
    fits: Iterable[Fit], measure: Callable[[Fit], float], bound: Callable[[Fit], float]
) -> dict[str, list[Any]]:
    """The three columns of a claim."""
    fits = list(fits)
    return {
        "measured": [measure(found) for found in fits],
        "bound": [bound(found) for found in fits],
        "certified": [found.certified for found in fits],
    }


def table(fits: Sequence[Fit], **columns: Callable[[Fit], float]) -> dict[str, list[Any]]:
    """What the fits are called by, one column each, and what else is asked of them."""
    named = {name: [found.origin[name] for found in fits] for name in (fits[0].origin if fits else ())}
    excess = {"excess_over_cvxpy": [found.excess_over_cvxpy for found in fits]}
    return named | excess | {name: [measure(found) for found in fits] for name, measure in columns.items()}
