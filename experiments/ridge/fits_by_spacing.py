"""PAR-ridge and its baselines on the same draws over grids of many spacings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from experiments.measure.intervals import MeanInterval
from experiments.ridge.oracle_fits import Fit, LinearModel, fit

Shape = tuple[int, int, float | None]
"""Rows, columns and strength, where None stands for the oracle's."""

FitsBySpacing = dict[float, tuple[Fit, ...]]
"""Spacing -> one fit for each seed."""

_SHORT_SEEDS = 2


@dataclass(frozen=True)
class Setting:
    """All fits of one shape; `coarse` and `short`, of a single level a side, are only for controls."""

    n: int
    d: int
    strength: float | None
    fits: FitsBySpacing
    coarse: FitsBySpacing
    short: tuple[Fit, ...]

    @classmethod
    def fitted(
        cls,
        shape: Shape,
        spacings: Sequence[float],
        seeds: Sequence[int],
        noise: float,
        *,
        coarse_spacings: Sequence[float],
        control_seeds: Sequence[int],
    ) -> Self:
        """Every seed is one draw for all spacings; the fits of the first seed are compared with cvxpy."""
        n, d, strength = shape
        models = [LinearModel.draw(n, d, noise, seed) for seed in seeds]
        draws = [(model, strength or model.oracle_alpha) for model in models]
        for_controls = [draw for draw, seed in zip(draws, seeds, strict=True) if seed in control_seeds]
        return cls(
            n,
            d,
            strength,
            fits={q: tuple(fit(*draw, q, compare=draw is draws[0]) for draw in draws) for q in spacings},
            coarse={q: tuple(fit(*draw, q) for draw in for_controls) for q in coarse_spacings},
            short=tuple(fit(*draw, q, n_levels=1) for q in spacings for draw in for_controls[:_SHORT_SEEDS]),
        )

    @property
    def needs_floats(self) -> bool:
        """Whether there are more rows than columns and the strength is the best one."""
        return self.n > self.d and self.strength is None


def mean_over(fits: Sequence[Fit], number: Callable[[Fit], float]) -> MeanInterval:
    """The mean over the seeds."""
    return MeanInterval.of([number(found) for found in fits])


def all_certified(fits: FitsBySpacing) -> bool:
    """Whether every fit is, as a mean over them needs."""
    return all(found.certified for of_spacing in fits.values() for found in of_spacing)


def table(settings: Sequence[Setting]) -> dict[str, list[float]]:
    """One row for each setting and spacing; errors are in units of that of ridge in the same run.

    A mean has a second column with half the length of its interval.
    """
    numbers: dict[str, Callable[[Fit], float]] = {
        "alpha": lambda found: found.alpha,
        "distance_over_bound": lambda found: found.distance / found.bound,
        "par": lambda found: found.par / found.ridge,
        "rounded": lambda found: found.rounded / found.ridge,
        "over_equal_bits": lambda found: (found.par - found.equal_bits) / found.ridge,
        "quantization_rate": lambda found: found.quantization_rate,
        "bits": lambda found: found.bits,
    }
    rows = []
    for index, setting in enumerate(settings):
        for spacing, fits in setting.fits.items():
            row = {"setting": index, "spacing": spacing, "excess_over_cvxpy": fits[0].excess}
            for name, number in numbers.items():
                interval = mean_over(fits, number)
                row |= {name: interval.mean, f"{name}_half": interval.half}
            rows.append(row)
    return {name: [row[name] for row in rows] for name in rows[0]}
