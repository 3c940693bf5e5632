r"""Critical points of even penalties, reached from many starts, and what theory says of their errors.

Throughout ``y = X w* + ξ`` with ``‖X_j‖² = n``, ``D = w − w*``, and κ is the observed curvature
``‖XD‖²/(n ‖D‖²)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from experiments.measure.columns import columns
from experiments.measure.sparse_fit import FAILURE, LASSO, fit
from experiments.nonconvex.penalty_families import EVEN_GRID, GRID, SPACING, Kind
from experiments.problems.sparse_regression import Design, Sample, gaussian_noise, sparse_truth, standardised
from parlin import Problem, theory
from parlin.solvers import ProximalGradient

FloatArray = NDArray[np.float64]

_SCALES = (0.1, 10.0)  # of the random starts
_ITERATIONS = 5000
_APART = 1e-4  # coefficients of one critical point agree far better than this


@dataclass(frozen=True)
class Point:
    """Where a run ended."""

    kind: Kind
    sample: Sample
    alpha: float
    point: CertifiedPoint

    @property
    def w(self) -> FloatArray:
        """The coefficients."""
        return self.point.w

    @property
    def labels(self) -> dict[str, Any]:
        """What tables and figures call the point by."""
        return self.point.labels

    @property
    def critical(self) -> bool:
        """`CertifiedPoint.clarke_critical`, which is what the theorems ask for and all that they ask for."""
        return self.point.clarke_critical

    @property
    def on_event(self) -> bool:
        """Whether the sample is on the noise event."""
        return self.sample.noise_correlation <= self.alpha * self.kind.noise_fraction

    @cached_property
    def error(self) -> FloatArray:
        return self.w - self.sample.truth

    @property
    def l2(self) -> float:
        return float(np.linalg.norm(self.error))

    @property
    def l1(self) -> float:
        return float(np.abs(self.error).sum())

    @property
    def on_support(self) -> float:
        return float(np.abs(self.error[self.sample.support]).sum())

    @property
    def curvature(self) -> float:
        """κ; any number would serve an error of 0."""
        n, fitted = self.sample.X.shape[0], self.sample.X @ self.error
        return float(fitted @ fitted) / (n * self.l2**2) if self.l2 > 0 else 1.0

    @cached_property
    def least_curvature(self) -> float:
        """The smallest eigenvalue of ``X'X/n``."""
        return float(np.linalg.eigvalsh(self.sample.X.T @ self.sample.X)[0]) / self.sample.X.shape[0]

    @property
    def claimed(self) -> bool:
        """Whether theory says anything of this point."""
        return self.on_event and self.kind.has_bound(self.alpha, self.curvature)

    def bound(self, curvature: float) -> float:
        return self.kind.bound(self.sample.support.size, self.alpha, curvature)

    @property
    def l1_bound(self) -> float:
        return self.kind.l1_bound(self.sample.support.size, self.alpha, self.curvature)

    @property
    def on_grid(self) -> int:
        """How many coefficients equal a level off 0, float for float."""
        return int(np.isin(np.abs(self.w), GRID).sum())


# What every experiment on critical points begins from, in full and in small.
ALL_PROBLEMS: dict[str, Any] = {
    "designs": ((50, 100, "normal"), (50, 100, "ar"), (200, 40, "normal")),
    "noises": (0.1, 0.3),
    "seeds": (0, 1),
    "n_random": 20,
}
FEW_PROBLEMS: dict[str, Any] = {
    "designs": ((30, 50, "normal"), (60, 12, "normal")),
    "noises": (0.5,),
    "seeds": (0, 1),
    "n_random": 4,
}
at_critical_points = partial(columns, certified=attrgetter("critical"))


@dataclass(frozen=True)
class Multistart:
    """The different critical points of one problem that were reached, and the ends that are not critical."""

    points: tuple[Point, ...]
    n_ends: int

    @property
    def n_distinct(self) -> int:
        """How many different critical points there are."""
        return sum(point.critical for point in self.points)

    @property
    def n_bounded(self) -> int:
        """How many of them theory bounds the error of."""
        return sum(point.critical and point.claimed for point in self.points)


def reach(kind: Kind, sample: Sample, alpha: float, seed: int, n_random: int, **origin: Any) -> Multistart:
    """Where proximal gradient and the automatic solver end from 0, from the Lasso and from random starts.

    Every second random start is on the grid, so as to meet each level.
    """
    loss = sample.loss
    problem = Problem(loss, kind.penalty.scaled(alpha))
    rng, starts = np.random.default_rng([seed, 3]), [np.zeros(loss.size), fit(sample, LASSO, alpha).w]
    for index, size in enumerate(np.geomspace(*_SCALES, n_random)):
        start = size * rng.standard_normal(loss.size)
        starts.append(np.round(start / SPACING) * SPACING if index % 2 else start)
    found: list[Point] = []
    for start, solver in product(starts, (ProximalGradient(), "auto")):
        w = solve_to_slopes(problem, solver, w0=start, max_iter=_ITERATIONS).w
        point = Point(kind, sample, alpha, CertifiedPoint(problem, w, origin | {"seed": seed}))
        known = (other for other in found if other.critical)
        if not point.critical or all(np.abs(w - other.w).max() > _APART for other in known):
            found.append(point)
    return Multistart(tuple(found), 2 * len(starts))


def reach_all(
    kinds: Sequence[Kind],
    shapes: Sequence[Design],
    deviations: Sequence[float],
    seeds: Sequence[int],
    n_random: int,
    weakening: float = 1.0,
) -> list[Multistart]:
    """One entry for every kind and sample, at the strength of theory times `weakening`."""
    found = []
    for design, deviation, seed, kind in product(shapes, deviations, seeds, kinds):
        sample = draw(design, deviation, seed)
        alpha = weakening * strength(kind, sample, deviation)
        n, d, entries = design
        origin = {"penalty": kind.name, "design": f"{n} × {d} {entries}", "noise": deviation}
        found.append(reach(kind, sample, alpha, seed, n_random, **origin))
    return found


def far_point(kind: Kind, sample: Sample, alpha: float, distance: float, seed: int, **origin: Any) -> Point:
    """A point that fits the data exactly, with every coefficient beyond all levels, as far as asked from w*.

    Where the penalty is flat there, the point is critical, since the residual is 0; it needs n < d.
    """
    X, target = sample.X, sample.X @ sample.truth + sample.noise
    unseen = np.linalg.svd(X)[2][X.shape[0] :]
    direction = unseen.T @ np.random.default_rng([seed, 4]).standard_normal(unseen.shape[0])
    fitted = np.linalg.lstsq(X, target, rcond=None)[0]
    beyond = float(((2 * kind.penalty.levels[-1] + np.abs(fitted)) / np.abs(direction)).max())
    enough = float((distance + np.linalg.norm(fitted - sample.truth)) / np.linalg.norm(direction))
    w = fitted + max(beyond, enough) * direction
    problem = Problem(sample.loss, kind.penalty.scaled(alpha))
    return Point(kind, sample, alpha, CertifiedPoint(problem, w, origin))


def descended(kind: Kind, sample: Sample, alpha: float, start: FloatArray, **origin: Any) -> Point:
    """Where the automatic solver ends from this start."""
    problem = Problem(sample.loss, kind.penalty.scaled(alpha))
    return Point(kind, sample, alpha, CertifiedPoint(problem, solve_to_slopes(problem, w0=start).w, origin))


def draw(design: Design, deviation: float, seed: int) -> Sample:
    """Truths have two nonzero coefficients for even seeds, and six, on the grid, for odd ones."""
    n, d, entries = design
    size, levels = (6, EVEN_GRID) if seed % 2 else (2, None)
    return Sample(
        standardised(n, d, entries, seed),
        sparse_truth(d, size, seed, levels),
        gaussian_noise(n, deviation, seed),
    )


def strength(kind: Kind, sample: Sample, deviation: float) -> float:
    """At which the event of theory fails with probability `FAILURE` at most."""
    return theory.lasso_alpha(deviation, *sample.X.shape, FAILURE, 2 * kind.noise_fraction)
