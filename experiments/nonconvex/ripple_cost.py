"""What a ripple on MCP costs and gives: mean errors, fractions on the grid and bits; convex baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import is_certified, solve_to_slopes
from experiments.measure.intervals import MeanInterval
from experiments.measure.sparse_fit import FAILURE, LASSO, fit
from experiments.nonconvex.penalty_families import EVEN_GRID, GRID, LEVELS, SPACING
from experiments.problems.sparse_regression import Sample, gaussian_noise, sparse_truth, standardised
from parlin import PAR, Problem, designs, theory

FloatArray = NDArray[np.float64]

_FLOAT_BITS = 32


@dataclass(frozen=True)
class Setting:
    """The problem on which mean errors are compared; strengths are in units of `theory.lasso_alpha`."""

    n: int
    d: int
    size: int
    noise: float
    strength: float
    baseline_strengths: tuple[float, ...]

    @property
    def unit(self) -> float:
        return theory.lasso_alpha(self.noise, self.n, self.d, FAILURE)

    @property
    def alpha(self) -> float:
        return self.strength * self.unit

    def sample(self, seed: int, on_grid: bool) -> Sample:
        return Sample(
            standardised(self.n, self.d, "normal", seed),
            sparse_truth(self.d, self.size, seed, EVEN_GRID if on_grid else None),
            gaussian_noise(self.n, self.noise, seed),
        )


@dataclass(frozen=True)
class Rippled:
    """One ripple, where 0 is none: a row for each seed."""

    ripple: float
    errors: FloatArray  # ‖w − w*‖
    fractions: FloatArray  # of the nonzero coefficients, those on a level
    bits: FloatArray  # of a coefficient, in the shortest layout, floats among them
    certified: bool


@dataclass(frozen=True)
class Baseline:
    """A convex method at its best strength: a row for each seed."""

    name: str
    strength: float
    errors: FloatArray
    certified: bool
    excess_over_cvxpy: float

    @property
    def row(self) -> dict[str, Any]:
        """What a table says of it."""
        return {
            "name": self.name,
            "strength": self.strength,
            "excess_over_cvxpy": self.excess_over_cvxpy,
            **interval_columns([MeanInterval.of(self.errors)]),
        }


@dataclass(frozen=True)
class Prices:
    """All fits with ripples for truths on the grid, or off it."""

    setting: Setting
    rippled: tuple[Rippled, ...]  # the first without a ripple

    @cached_property
    def costs(self) -> list[MeanInterval]:
        """What each ripple adds to the squared error, paired by the seed."""
        plain, *others = self.rippled
        return [MeanInterval.of(found.errors**2 - plain.errors**2) for found in others]

    @property
    def predicted(self) -> list[float]:
        """``s α² h²``: on the two halves of a cell the slopes m ± h have the mean square m² + h²."""
        scale = self.setting.size * self.setting.alpha**2
        return [scale * found.ripple**2 for found in self.rippled[1:]]

    @property
    def added_bits(self) -> list[MeanInterval]:
        """What each ripple adds to the bits of a coefficient, paired by the seed."""
        plain, *others = self.rippled
        return [MeanInterval.of(found.bits - plain.bits) for found in others]

    @property
    def certified(self) -> list[bool]:
        """Whether the fits with the ripple are certified, as well as those without."""
        plain, *others = self.rippled
        return [plain.certified and found.certified for found in others]

    @property
    def storage_columns(self) -> dict[str, Any]:
        """The fraction of nonzero coefficients on levels and the bits of a coefficient, by the ripple."""
        return {
            "fraction_on_levels": interval_columns([MeanInterval.of(one.fractions) for one in self.rippled]),
            "bits": interval_columns([MeanInterval.of(one.bits) for one in self.rippled]),
        }


def prices(setting: Setting, ripples: Sequence[float], seeds: Sequence[int], *, on_grid: bool) -> Prices:
    """Fits without a ripple and with each of them, for truths on the grid or off it."""
    samples = [setting.sample(seed, on_grid) for seed in seeds]
    return Prices(setting, tuple(_rippled(samples, setting.alpha, ripple) for ripple in (0.0, *ripples)))


def _rippled(samples: Sequence[Sample], alpha: float, ripple: float) -> Rippled:
    penalty = designs.rippled_mcp(SPACING, LEVELS, ripple=ripple) if ripple else designs.mcp(SPACING, LEVELS)
    errors, fractions, bits, certified = [], [], [], True
    for sample in samples:
        problem = Problem(sample.loss, penalty.scaled(alpha))
        w = solve_to_slopes(problem).w
        certified = certified and is_certified(problem, w)
        errors.append(float(np.linalg.norm(w - sample.truth)))
        fractions.append(np.isin(np.abs(w), GRID).sum() / max(np.count_nonzero(w), 1))
        bits.append(_bits(penalty, w) / w.size)
    return Rippled(ripple, np.array(errors), np.array(fractions), np.array(bits), certified)


def _bits(penalty: PAR, w: FloatArray) -> int:
    levels = penalty.quantization_levels
    sizes = w.size, int(np.count_nonzero(~np.isin(w, levels))), levels.size, _FLOAT_BITS
    return min(_FLOAT_BITS * w.size, theory.escape_code_bits(*sizes), theory.bitmap_bits(*sizes))


def baselines(setting: Setting, seeds: Sequence[int], *, on_grid: bool) -> tuple[Baseline, ...]:
    """PAR-Lasso, and the Lasso rounded to the grid, each at the strength best on these very samples."""
    samples = [setting.sample(seed, on_grid) for seed in seeds]
    strengths = setting.baseline_strengths
    errors, certified, excess = np.empty((2, len(strengths), len(samples))), [True, True], [0.0, 0.0]
    for (row, strength), (column, sample) in product(enumerate(strengths), enumerate(samples)):
        for k, penalty in enumerate((EVEN_GRID, LASSO)):
            compare = row == 0 and column == 0
            found = fit(sample, penalty, strength * setting.unit, compare=compare)
            w = EVEN_GRID.nearest_level(found.w) if penalty is LASSO else found.w
            errors[k, row, column] = np.linalg.norm(w - sample.truth)
            certified[k] = certified[k] and found.certified
            if compare:
                excess[k] = found.excess
    best = errors.mean(axis=2).argmin(axis=1)
    return tuple(
        Baseline(name, strengths[best[k]], errors[k, best[k]], certified[k], excess[k])
        for k, name in enumerate(("PAR-Lasso", "rounded Lasso"))
    )


def interval_columns(intervals: Sequence[MeanInterval]) -> dict[str, list[float]]:
    """Means and half the lengths of their intervals, for a table."""
    return {"mean": [one.mean for one in intervals], "half_width": [one.half for one in intervals]}
