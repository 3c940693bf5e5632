r"""With 0 as the only level the exact path of PAR is the Lasso's, strength by strength.

Claims
------
C8: with 0 as the only level and slopes ±1 the path is that of the Lasso at every knot and between the knots
(C8/one-level).

Source
------
[PAR] section 4.2; theory 10.

Setting
-------
Least squares on normal and on autoregressive designs, more rows than columns and fewer. The exact path of
this library against scikit-learn's lars_path, at every knot of the latter and half-way between, down to a
thousandth of alpha_max. A point is evidence if its gradient is within 1e-8 of the slope of criticality, and
scikit-learn's point likewise; for the first seed cvxpy, too, must find nothing better at the last strength.

Prediction
----------
Both minimise the same function, so they agree to 1e-9 of the largest coefficient. Between the knots of the
Lasso's path both are affine, so half-way there is where a knot too many or too few would show.

Falsified by
------------
A certified strength at which the two paths are further apart than rounding explains: coefficients in which
the ninth digit is wrong, `1.000000002 * Path.at` violates C8/one-level.

Control
-------
Lasso chords with three levels a side, whose slopes grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.linear_model import lars_path

from experiments.harness import figure_style
from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import TOLERANCE, is_certified
from experiments.measure.columns import columns, labels
from experiments.measure.path_points import point_at
from experiments.problems.named_regressions import NamedRegression, named_regressions
from parlin import PAR, LeastSquares, Problem, designs
from parlin.datasets import Regression
from parlin.path import solution_path

FloatArray = NDArray[np.float64]

SAME = 1e-9  # the two paths agree to this fraction of the largest coefficient
ONE_LEVEL = PAR([0.0], [-1.0, 1.0])
SEVERAL_LEVELS = designs.lasso(0.25, 3)
N_DRAWN, N_COEFFICIENTS = 200, 3  # strengths and coefficients of the curves in the figure


@dataclass(frozen=True)
class Config:
    designs: tuple[tuple[int, int, str], ...]  # rows, columns, entries
    seeds: tuple[int, ...]
    lowest: float  # where the paths end, as a fraction of alpha_max

    @classmethod
    def full(cls) -> Config:
        designs = ((60, 20, "normal"), (60, 20, "ar"), (20, 40, "normal"))
        return cls(designs, seeds=(0, 1), lowest=1e-3)

    @classmethod
    def smoke(cls) -> Config:
        return cls(designs=((20, 8, "normal"),), seeds=(0,), lowest=1e-2)


@dataclass(frozen=True)
class Comparison:
    """A path and the Lasso's at one strength."""

    labels: dict[str, Any]
    difference: float  # the largest of a coefficient, relative to the largest coefficient
    certified: bool


def run(config: Config) -> tuple[Evidence, ...]:
    cases = named_regressions(config.designs, config.seeds)
    one = [point for case in cases for point in _compared(config, case, ONE_LEVEL)]
    several = [point for case in cases for point in _compared(config, case, SEVERAL_LEVELS)]
    return (_one_level(one, several, _curves(config, cases[0].data)),)


def _one_level(one: Sequence[Comparison], several: Sequence[Comparison], curves: dict[str, Any]) -> Evidence:
    difference = attrgetter("difference")
    return Evidence(
        claim="C8/one-level",
        statement="With 0 as the only level the path is the Lasso's at every knot and between knots.",
        source="[PAR] sec 4.2",
        standing=Standing.MADE_PRECISE,
        remark="It compares with the Lasso by bounds; with one level and slopes ±1 there is no difference.",
        relation="<=",
        **columns(one, difference, SAME),
        control=Control(
            outside="Lasso chords with three levels a side, slopes that grow.",
            **columns(several, difference, SAME),
        ),
        table={"inside": labels(one), "outside": labels(several), "curves": curves},
    )


def _lasso_path(config: Config, data: Regression) -> tuple[FloatArray, FloatArray]:
    """The knots of the Lasso's path and its coefficients there, one row a knot."""
    alphas, _, coefs = lars_path(data.X, data.y, method="lasso")
    kept = alphas >= config.lowest * alphas[0]
    return alphas[kept], coefs.T[kept]


def _compared(config: Config, case: NamedRegression, penalty: PAR) -> Iterator[Comparison]:
    """The path with this penalty against the Lasso's."""
    alphas, coefs = _lasso_path(config, case.data)
    # Affine in between: half-way there says that no knot is missing.
    strengths = np.concatenate((alphas[1:], 0.5 * (alphas[1:] + alphas[:-1])))
    lasso = np.concatenate((coefs[1:], 0.5 * (coefs[1:] + coefs[:-1])))
    path = solution_path(LeastSquares(case.data.X, case.data.y), penalty, float(alphas[-1]))
    minimal = True
    if case.seed == config.seeds[0]:
        minimal = point_at(path, float(strengths[-1])).compared_with_cvxpy().excess <= TOLERANCE
    for alpha, theirs in zip(strengths, lasso, strict=True):
        point = point_at(path, alpha)
        plain = Problem(path.problem.loss, ONE_LEVEL.scaled(alpha))
        yield Comparison(
            {"design": case.design, "seed": case.seed, "strength": float(alpha / alphas[0])},
            difference=float(np.abs(point.w - theirs).max() / np.abs(theirs).max()),
            certified=bool(minimal and point.certified and is_certified(plain, theirs)),
        )


def _curves(config: Config, data: Regression) -> dict[str, Any]:
    """The largest coefficients along both paths: the Lasso's at its knots, those of PAR in between too."""
    alphas, coefs = _lasso_path(config, data)
    path = solution_path(LeastSquares(data.X, data.y), ONE_LEVEL, float(alphas[-1]))
    strengths = np.geomspace(alphas[1], alphas[-1], N_DRAWN)
    chosen = np.argsort(-np.abs(coefs[-1]))[:N_COEFFICIENTS]
    curves = {
        "strength": strengths / alphas[0],
        "PAR": path.at(strengths)[:, chosen].T,
        "knots": alphas / alphas[0],
        "Lasso": coefs[:, chosen].T,
    }
    return {name: curve.round(5) for name, curve in curves.items()}


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    (claim,) = evidence
    paths, differences = figure_style.panels(figure, 2)
    _draw_paths(paths, claim)
    _draw_differences(differences, claim)
    config = claim.config
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        seeds=config["seeds"],
    )


def _draw_paths(axes: Axes, claim: Evidence) -> None:
    """The largest coefficients of one data set: lines for the path with one level, rings for the Lasso."""
    curves = claim.table["curves"]
    for index, (ours, theirs) in enumerate(zip(curves["PAR"], curves["Lasso"], strict=True)):
        look = figure_style.series(index)
        axes.plot(curves["strength"], ours, **look | {"marker": ""})
        rings = {"linestyle": "none", "markerfacecolor": "none"}
        axes.plot(curves["knots"], theirs, **look | rings)
    axes.plot([], [], color="black", label="PAR with one level")
    axes.plot([], [], "o", color="black", markerfacecolor="none", label="Lasso at its knots")
    axes.set_xscale("log")
    figure_style.label(
        axes, "strength / alpha_max", "coefficient", "The largest coefficients, along the path"
    )


def _draw_differences(axes: Axes, claim: Evidence) -> None:
    """The relative difference from lars_path; what is 0 is drawn at the level of rounding."""
    sides = ((claim, "inside", "one level"), (claim.control, "outside", "three levels a side (control)"))
    for index, (points, side, name) in enumerate(sides):
        difference = np.maximum(points.measured, 1e-17)
        figure_style.points(axes, claim.table[side]["strength"], difference, points.certified, index, name)
    figure_style.bound(axes, None, claim.bound[0], "rounding")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-18, 1e2)
    figure_style.label(
        axes, "strength / alpha_max", "largest difference (relative)", "C8/one-level: the path is the Lasso's"
    )
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.46))
