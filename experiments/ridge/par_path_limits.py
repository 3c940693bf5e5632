r"""The exact path in its limits: ridge regression as the spacing goes to 0, the Lasso with one level.

Claims
------
C7/every-strength: along the whole path PAR-ridge is within √d q/2 of ridge regression, so that the path goes
to ridge's as the spacing q goes to 0. C8/one-level: with 0 as the only level and slopes ±1 the path is the
Lasso's, strength by strength.

Source
------
[PAR] section 4.1, Theorem 4, and section 4.2; theory 4.1, 4.2 and 10.

Setting
-------
Least squares on normal and on autoregressive designs, more rows than columns and fewer. For ridge: the exact
paths for spacings q from 1 to 0.01, with as many levels as `theory.covering_levels` asks for at the weakest
strength, against scikit-learn's Ridge at strengths over four decades. For the Lasso: at every knot of
scikit-learn's lars_path and half-way between. A point is evidence if its gradient is within 1e-8 of the
smallest slope of criticality; so must scikit-learn's point be, Ridge's within 1e-8 q/2 of exact.

Prediction
----------
`theory.ridge_distance` for every q at every strength. For the Lasso the same function is minimised.

Falsified by
------------
A certified strength with a larger distance from ridge; one at which the path of one level is further from
the Lasso's than rounding explains.

Control
-------
Grids of two levels a side, which end far inside the ridge solution (C7/every-strength); lasso chords with
three levels a side, whose slopes grow (C8/one-level).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.linear_model import Ridge, lars_path

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import TOLERANCE, excess_over_cvxpy, is_certified
from experiments.measure.ridge import ridge_error
from experiments.problems.along_path import problem_at
from experiments.ridge import path_limits_figure
from parlin import PAR, LeastSquares, Problem, designs, theory
from parlin.datasets import Regression, synthetic
from parlin.path import Path, solution_path

FloatArray = NDArray[np.float64]

# The two paths agree to this share of the largest coefficient.
SAME = 1e-9
ONE_LEVEL = PAR([0.0], [-1.0, 1.0])


@dataclass(frozen=True)
class Config:
    designs: tuple[tuple[int, int, str], ...]  # rows, columns, entries
    seeds: tuple[int, ...]
    spacings: tuple[float, ...]
    n_strengths: int
    weakest: float
    strongest: float
    few_levels: int
    lowest: float  # share of alpha_max at which the Lasso's paths end

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
            lowest=1e-3,
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
            lowest=1e-2,
        )


def run(config: Config) -> tuple[Evidence, ...]:
    cases = [
        (f"{n} × {d} {entries}", synthetic(n, d, seed=seed, entries=entries, n_nonzero=d // 2), seed)
        for (n, d, entries), seed in product(config.designs, config.seeds)
    ]
    return _ridge_claim(config, cases), _lasso_claim(config, cases)


def _numbers(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: [row[name] for row in rows] for name in ("measured", "bound", "certified")}


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _is_minimal(path: Path, alpha: float) -> bool:
    """Whether cvxpy finds no lower objective at this strength."""
    return excess_over_cvxpy(problem_at(path, alpha), path.at(alpha)) <= TOLERANCE


# -- ridge --------------------------------------------------------------------------------------------


def _ridge_claim(config: Config, cases: Sequence[tuple[str, Regression, int]]) -> Evidence:
    inside = [row for case in cases for q in config.spacings for row in _beside_ridge(config, *case, q)]
    outside = [
        row
        for case, q in product(cases, config.spacings)
        for row in _beside_ridge(config, *case, q, config.few_levels)
    ]
    return Evidence(
        **_numbers(inside),
        claim="C7/every-strength",
        statement="At every strength PAR-ridge is within √d q/2 of ridge regression, for every spacing q.",
        source="[PAR] Thm 4",
        standing=Standing.MADE_PRECISE,
        remark="The grid must reach the solution, which is checked here at every strength of one path.",
        relation="<=",
        control=Control(
            outside=f"The grid has {config.few_levels} levels a side and ends far inside the ridge solution.",
            **_numbers(outside),
        ),
        table={"inside": _columns(inside), "outside": _columns(outside), "curves": _curves(config, cases[0])},
    )


def _beside_ridge(
    config: Config, name: str, data: Regression, seed: int, spacing: float, n_levels: int | None = None
) -> Iterator[dict[str, Any]]:
    """The distance from ridge at strengths of one path; by default on a grid that covers it."""
    strengths = _strengths(config)
    ridge = np.stack([_ridge(data, alpha) for alpha in strengths])
    d, covering = ridge.shape[1], n_levels is None
    if covering:
        n_levels = theory.covering_levels(float(np.abs(ridge).max()), d, spacing)
    path = _ridge_path(config, data, spacing, n_levels)
    minimal = not covering or seed != config.seeds[0] or _is_minimal(path, strengths[-1])
    for alpha, theirs in zip(strengths, ridge, strict=True):
        ours = path.at(alpha)
        error = ridge_error(path.problem.loss, alpha, theirs)
        reached = not covering or np.abs(ours).max() <= theory.ridge_reach(spacing, n_levels)
        exact = error <= TOLERANCE * spacing / 2 and is_certified(problem_at(path, alpha), ours)
        yield {
            "design": name,
            "seed": seed,
            "spacing": spacing,
            "alpha": alpha,
            "measured": float(np.linalg.norm(ours - theirs)),
            "bound": theory.ridge_distance(d, spacing, alpha),
            "certified": bool(exact and reached and minimal),
        }


def _strengths(config: Config) -> FloatArray:
    return np.geomspace(config.strongest, config.weakest, config.n_strengths)


def _ridge(data: Regression, alpha: float) -> FloatArray:
    """Ridge regression at the strength that scikit-learn calls ``n alpha``."""
    n = data.X.shape[0]
    return Ridge(alpha=n * alpha, fit_intercept=False, solver="svd").fit(data.X, data.y).coef_


def _ridge_path(config: Config, data: Regression, spacing: float, n_levels: int) -> Path:
    # The rounded ends of the strengths must not fall outside.
    low, high = config.weakest * (1 - 1e-12), config.strongest * (1 + 1e-12)
    loss = LeastSquares(data.X, data.y)
    return solution_path(loss, designs.ridge(spacing, n_levels), low, alpha_start=high)


def _curves(config: Config, case: tuple[str, Regression, int]) -> dict[str, Any]:
    """The largest coefficient of ridge along the strengths, and its counterparts on grids."""
    _, data, _ = case
    strengths = np.geomspace(config.strongest, config.weakest, 300)
    ridge = np.stack([_ridge(data, alpha) for alpha in strengths])
    j = int(np.abs(ridge[-1]).argmax())
    curves = {"alpha": strengths, "ridge": ridge[:, j]}
    for spacing in config.spacings[:2]:
        n_levels = theory.covering_levels(float(np.abs(ridge).max()), ridge.shape[1], spacing)
        path = _ridge_path(config, data, spacing, n_levels)
        curves[f"q = {spacing:g}"] = path.at(strengths)[:, j]
    return {name: [float(f"{x:.5g}") for x in curve] for name, curve in curves.items()}


# -- the Lasso ----------------------------------------------------------------------------------------


def _lasso_claim(config: Config, cases: Sequence[tuple[str, Regression, int]]) -> Evidence:
    several = designs.lasso(0.25, 3)
    inside = [row for case in cases for row in _beside_lasso(config, *case, ONE_LEVEL)]
    outside = [row for case in cases for row in _beside_lasso(config, *case, several)]
    return Evidence(
        **_numbers(inside),
        claim="C8/one-level",
        statement="With 0 as the only level the path is the Lasso's at every knot and between knots.",
        source="[PAR] sec 4.2",
        standing=Standing.MADE_PRECISE,
        remark="It compares with the Lasso by bounds; with one level and slopes ±1 there is no difference.",
        relation="<=",
        control=Control(
            outside="Lasso chords with three levels a side, slopes that grow.", **_numbers(outside)
        ),
        table={"inside": _columns(inside), "outside": _columns(outside)},
    )


def _beside_lasso(
    config: Config, name: str, data: Regression, seed: int, penalty: PAR
) -> Iterator[dict[str, Any]]:
    """The largest difference of a coefficient from lars_path, relative to the largest coefficient."""
    alphas, _, coefs = lars_path(data.X, data.y, method="lasso")
    coefs = coefs.T[alphas >= config.lowest * alphas[0]]
    alphas = alphas[: coefs.shape[0]]
    # Affine in between: half-way there says that no knot is missing.
    strengths = np.concatenate((alphas[1:], 0.5 * (alphas[1:] + alphas[:-1])))
    lasso = np.concatenate((coefs[1:], 0.5 * (coefs[1:] + coefs[:-1])))
    path = solution_path(LeastSquares(data.X, data.y), penalty, float(alphas[-1]))
    minimal = seed != config.seeds[0] or _is_minimal(path, float(strengths[-1]))
    for alpha, theirs in zip(strengths, lasso, strict=True):
        ours = path.at(alpha)
        plain = Problem(path.problem.loss, ONE_LEVEL.scaled(alpha))
        exact = is_certified(problem_at(path, alpha), ours)
        yield {
            "design": name,
            "seed": seed,
            "strength": float(alpha / alphas[0]),
            "measured": float(np.abs(ours - theirs).max() / np.abs(theirs).max()),
            "bound": SAME,
            "certified": bool(exact and minimal and is_certified(plain, theirs)),
        }


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    path_limits_figure.draw(evidence, figure)
