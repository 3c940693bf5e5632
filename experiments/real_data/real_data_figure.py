"""The figure on real data: the floor, errors on rows left out, and what quantization they come with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

_METHODS = ("plain", "plain rounded", "PAR", "PAR rounded")
_COST = "cost of rounding (% of the plain estimator's error)"


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    floor, coarse = claims["C1/real-data"], claims["C12/coarse-grid"]
    purification, errors, gain, both, rate, distinct = figure_style.panels(figure, 6)
    _purification(purification, floor)
    _errors(errors, coarse)
    _gain(gain, coarse, "ratio", "PAR / rounded (ratio of errors)")
    gain.set_title("The costlier rounding is, the more PAR gains")
    _gain(both, coarse, "both_rounded", "PAR rounded too / rounded (ratio)")
    both.set_title("Rounded as well, PAR gains less")
    _rate(rate, coarse)
    _distinct(distinct, coarse)
    config = coarse.config
    figure_style.caption(
        figure,
        evidence,
        data="diabetes (d = 285), digits (d = 61)",
        n=sorted(set(coarse.table["n"])),
        q=[f"1/{round(1 / q)}" for q in config["spacings"]],
        alpha="by inner cross-validation",
        bars="one-sided 95 % limits over the cuts",
        seeds=sorted({study["seed"] for study in config["studies"]}),
    )


def _column(claim: Evidence, name: str) -> NDArray[np.float64]:
    return np.array(claim.table[name], dtype=float)


def _coarsest(claim: Evidence) -> NDArray[np.intp]:
    spacing = _column(claim, "spacing")
    return np.flatnonzero(spacing == spacing.max())


def _purification(axes: Axes, claim: Evidence) -> None:
    """Coefficients off the grid, as multiples of the rank, before and after purification."""
    before = claim.table["before"]
    for index, (facts, points, name) in enumerate(
        ((claim.table, claim, "after purification"), (before, claim.control, "FISTA, before purification"))
    ):
        alpha, free, rank = (np.array(facts[column], dtype=float) for column in ("alpha", "free", "rank"))
        figure_style.points(axes, alpha * (0.94, 1.06)[index], free / rank, points.certified, index, name)
    figure_style.bound(axes, None, 1.0, "rank of the design")
    axes.set_xscale("log")
    axes.set_ylim(top=1.5)
    figure_style.label(
        axes, "strength α", "coefficients off the grid / rank", "Purified fits keep to the rank of the design"
    )


def _errors(axes: Axes, claim: Evidence) -> None:
    """Test errors of all methods on the coarsest grid."""
    chosen = _coarsest(claim)
    studies = sorted({(claim.table["data"][k], claim.table["n"][k]) for k in chosen})
    penalties = claim.config["penalties"]
    places = [
        studies.index((claim.table["data"][k], claim.table["n"][k]))
        + 0.4 * (penalties.index(claim.table["penalty"][k]) - (len(penalties) - 1) / 2)
        for k in chosen
    ]
    for index, method in enumerate(_METHODS):
        values = _column(claim, f"error of {method}")[chosen]
        look = figure_style.series(index) | {"linestyle": "none"}
        axes.plot(np.array(places) + 0.06 * (index - 1.5), values, **look, label=method)
    axes.set_xticks(range(len(studies)), [f"{data}\n{n}" for data, n in studies], fontsize=6)
    axes.set_ylim(top=1.3 * axes.get_ylim()[1])
    axes.grid(False, axis="x")
    q = _column(claim, "spacing").max()
    figure_style.label(
        axes,
        f"data and training rows ({', '.join(penalties)} from left to right)",
        "test error (fraction of variance)",
        f"Errors on the coarsest grid, q = 1/{round(1 / q)}",
        legend=False,
    )
    axes.legend(ncols=2, loc="upper center")


def _gain(axes: Axes, claim: Evidence, name: str, y: str) -> None:
    """A ratio of errors against the cost of rounding, with its limits over the cuts."""
    cost, certified = 100 * _column(claim, "cost_of_rounding"), np.array(claim.table["certified"], dtype=bool)
    middle, width = _column(claim, name), _column(claim, f"{name}_width")
    for index, penalty in enumerate(claim.config["penalties"]):
        chosen = np.array([each == penalty for each in claim.table["penalty"]])
        color = figure_style.series(index)["color"]
        axes.errorbar(cost[chosen], middle[chosen], width[chosen], fmt="none", ecolor=color, elinewidth=0.8)
        figure_style.points(axes, cost[chosen], middle[chosen], certified[chosen], index, penalty)
    figure_style.bound(axes, None, 1.0, "no gain")
    axes.axvline(100 * claim.table["costly"], color="black", linewidth=0.8, label="costly from here")
    figure_style.label(axes, _COST, y, legend=False)
    axes.set_ylim(top=1.4)
    axes.legend(loc="upper right", ncols=2)


def _rate(axes: Axes, claim: Evidence) -> None:
    """The quantization rate of the tuned fits against the rows there are, and the floor."""
    rows_per_column = _column(claim, "n") / _column(claim, "d")
    chosen = _coarsest(claim)
    for index, penalty in enumerate(claim.config["penalties"]):
        of_penalty = [k for k in chosen if claim.table["penalty"][k] == penalty]
        certified = np.array(claim.table["certified"], dtype=bool)[of_penalty]
        rate = _column(claim, "rate")[of_penalty]
        # The two penalties share their rows; shifted, both can be seen.
        x = rows_per_column[of_penalty] * (0.96, 1.04)[index]
        figure_style.points(axes, x, 100 * rate, certified, index, f"PAR{penalty.capitalize()}")
    order = chosen[np.argsort(rows_per_column[chosen])]
    figure_style.bound(
        axes, rows_per_column[order], 100 * _column(claim, "floor")[order], "floor 1 − rank(X)/d"
    )
    axes.set_xscale("log")
    figure_style.label(
        axes,
        "training rows / coefficients",
        "quantization rate (%)",
        "The quantization rate at the tuned strength",
    )


def _distinct(axes: Axes, claim: Evidence) -> None:
    """How many different numbers the coefficients of a fit are, on average over studies and penalties."""
    spacing = _column(claim, "spacing")
    spacings = np.unique(spacing)
    for index, method in enumerate(_METHODS):
        values = _column(claim, f"distinct of {method}")
        means = [values[spacing == q].mean() for q in spacings]
        axes.plot(spacings, means, **figure_style.series(index), label=method)
    axes.set_xscale("log", base=2)
    axes.set_xticks(spacings, [f"1/{round(1 / q)}" for q in spacings])
    axes.set_yscale("log")
    figure_style.label(
        axes,
        "spacing q",
        "distinct coefficients (mean number)",
        "How many numbers a model is made of",
        legend=False,
    )
    axes.set_ylim(top=10 * axes.get_ylim()[1])
    axes.legend(loc="upper center", ncols=2)
