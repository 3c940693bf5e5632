r"""Along the whole exact path PAR-ridge is within √d q/2 of ridge regression.

Claims
------
C7: the bound of Theorem 4 holds at every strength of one path (C7/every-strength), so that the path goes to
that of ridge regression as the spacing q goes to 0.

Source
------
[PAR] section 4.1, Theorem 4; theory 4.1, 4.2 and 10.

Setting
-------
Least squares on normal and on autoregressive designs, more rows than columns and fewer. The exact paths for
spacings q from 1 to 0.01, with as many levels as `theory.covering_levels` asks for at the weakest strength,
against scikit-learn's Ridge at strengths over four decades. A point is evidence if its gradient is within
1e-8 of the smallest slope of criticality, if Ridge's is within 1e-8 q/2 of exact, and if the grid reaches it
(`theory.ridge_reach`); for the first seed cvxpy, too, must find nothing better at the weakest strength.

Prediction
----------
`theory.ridge_distance` for every q at every strength.

Falsified by
------------
A certified strength with a larger distance from ridge regression: `0.6 * theory.ridge_distance` violates
C7/every-strength.

Control
-------
Grids of two levels a side, which end far inside the ridge solution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import TOLERANCE
from experiments.measure.columns import columns, labels
from experiments.measure.path_points import point_at
from experiments.measure.ridge import ridge_error
from experiments.problems.named_regressions import NamedRegression, named_regressions
from experiments.ridge import thm4_every_strength_figure
from parlin import LeastSquares, designs, theory
from parlin.datasets import Regression
from parlin.path import Path, solution_path

FloatArray = NDArray[np.float64]

N_DRAWN = 300  # strengths of a curve in the figure


@dataclass(frozen=True)
class Config:
    designs: tuple[tuple[int, int, str], ...]  # rows, columns, entries
    seeds: tuple[int, ...]
    spacings: tuple[float, ...]
    n_strengths: int
    weakest: float
    strongest: float
    few_levels: int  # a side, in the control

    @property
    def strengths(self) -> FloatArray:
        return np.geomspace(self.strongest, self.weakest, self.n_strengths)

    @classmethod
    def full(cls) -> Config:
        return cls(
            designs=((60, 20, "normal"), (60, 20, "ar"), (20, 40, "normal")),
            seeds=(0, 1),
            spacings=(1.0, 0.3, 0.1, 0.03, 0.01),
            n_strengths=41,
            weakest=0.01,
            strongest=100.0,
            few_levels=2,
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            designs=((20, 8, "normal"),),
            seeds=(0,),
            spacings=(1.0, 0.1),
            n_strengths=9,
            weakest=0.1,
            strongest=100.0,
            few_levels=2,
        )


@dataclass(frozen=True)
class Comparison:
    """PAR-ridge and ridge regression at one strength."""

    labels: dict[str, Any]
    distance: float
    bound: float
    certified: bool


def run(config: Config) -> tuple[Evidence, ...]:
    cases = named_regressions(config.designs, config.seeds)
    settings = list(product(cases, config.spacings))
    covering = [point for setting in settings for point in _compared(config, *setting)]
    short = [point for setting in settings for point in _compared(config, *setting, config.few_levels)]
    return (_every_strength(config, covering, short, _curves(config, cases[0].data)),)


def _every_strength(
    config: Config, covering: Sequence[Comparison], short: Sequence[Comparison], curves: dict[str, Any]
) -> Evidence:
    measures = attrgetter("distance"), attrgetter("bound")
    return Evidence(
        claim="C7/every-strength",
        statement="At every strength PAR-ridge is within √d q/2 of ridge regression, for every spacing q.",
        source="[PAR] Thm 4",
        standing=Standing.MADE_PRECISE,
        remark="The grid must reach the solution, which is checked here at every strength of one path.",
        relation="<=",
        **columns(covering, *measures),
        control=Control(
            outside=f"The grid has {config.few_levels} levels a side and ends far inside the ridge solution.",
            **columns(short, *measures),
        ),
        table={"inside": labels(covering), "outside": labels(short), "curves": curves},
    )


def _compared(
    config: Config, case: NamedRegression, spacing: float, n_levels: int | None = None
) -> Iterator[Comparison]:
    """The distance from ridge at the strengths of one path; by default on a grid that covers it."""
    ridge = np.stack([_ridge(case.data, alpha) for alpha in config.strengths])
    d, covering = ridge.shape[1], n_levels is None
    if covering:
        n_levels = theory.covering_levels(float(np.abs(ridge).max()), d, spacing)
    path = _ridge_path(config, case.data, spacing, n_levels)
    minimal = not covering or case.seed != config.seeds[0] or _is_minimal(path, config.strengths[-1])
    for alpha, theirs in zip(config.strengths, ridge, strict=True):
        point = point_at(path, alpha)
        exact = ridge_error(path.problem.loss, alpha, theirs) <= TOLERANCE * spacing / 2
        reached = not covering or np.abs(point.w).max() <= theory.ridge_reach(spacing, n_levels)
        yield Comparison(
            {"design": case.design, "seed": case.seed, "spacing": spacing, "alpha": alpha},
            distance=float(np.linalg.norm(point.w - theirs)),
            bound=theory.ridge_distance(d, spacing, alpha),
            certified=bool(exact and reached and minimal and point.certified),
        )


def _is_minimal(path: Path, alpha: float) -> bool:
    """Whether cvxpy finds no lower objective at this strength."""
    return point_at(path, alpha).compared_with_cvxpy().excess <= TOLERANCE


def _ridge(data: Regression, alpha: float) -> FloatArray:
    """Ridge regression at the strength that scikit-learn calls ``n alpha``."""
    n = data.X.shape[0]
    return Ridge(alpha=n * alpha, fit_intercept=False, solver="svd").fit(data.X, data.y).coef_


def _ridge_path(config: Config, data: Regression, spacing: float, n_levels: int) -> Path:
    # The rounded ends of the strengths must not fall outside.
    low, high = config.weakest * (1 - 1e-12), config.strongest * (1 + 1e-12)
    loss = LeastSquares(data.X, data.y)
    return solution_path(loss, designs.ridge(spacing, n_levels), low, alpha_start=high)


def _curves(config: Config, data: Regression) -> dict[str, Any]:
    """The largest coefficient of ridge along the strengths, and its counterparts on grids."""
    strengths = np.geomspace(config.strongest, config.weakest, N_DRAWN)
    ridge = np.stack([_ridge(data, alpha) for alpha in strengths])
    j = int(np.abs(ridge[-1]).argmax())
    curves = {"alpha": strengths, "ridge": ridge[:, j]}
    for spacing in config.spacings[:2]:
        n_levels = theory.covering_levels(float(np.abs(ridge).max()), ridge.shape[1], spacing)
        path = _ridge_path(config, data, spacing, n_levels)
        curves[f"q = {spacing:g}"] = path.at(strengths)[:, j]
    return {name: [float(f"{x:.5g}") for x in curve] for name, curve in curves.items()}


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm4_every_strength_figure.draw(evidence, figure)
