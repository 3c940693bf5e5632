"""The figure on the restricted eigenvalue under perfect correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    where, cheap, drawing, apart, errors, fitted = figure_style.panels(figure, 6)
    _where(where, claims["C17/support"])
    _cheap(cheap, claims["C17/bounds"])
    _drawing(drawing, claims["C17/sampling"])
    _apart(apart, claims["C17/segment"])
    _errors(errors, claims["C17/unidentified"])
    _fitted(fitted, claims["C17/prediction"])
    config = claims["C17/support"].config
    n, d, size, noise = config["fit"]
    figure_style.caption(
        figure,
        evidence,
        c0=config["cone"],
        s=config["size"],
        fits=f"{n} × {d}, s = {size}, noise {noise:g}",
        alpha="2σ √(2 log(40 d)/n)",
        seeds=config["seeds"],
        **{
            "designs top left": [f"{rows} × {columns}" for rows, columns in config["equal_shapes"]],
            "seeds top row and bottom left": config["few_seeds"],
        },
    )


def _where(axes: Axes, claim: Evidence) -> None:
    """The exact constant by the place of the equal columns."""
    places = {"inside": "both in S", "across": "one in S", "outside": "both off S", "merged": "merged"}
    for place, name in enumerate(places):
        values = np.array(claim.table[name])
        x = place + np.linspace(-0.3, 0.3, values.size)
        figure_style.points(axes, x, values, np.ones(values.size, dtype=bool), place)
    axes.set_xticks(range(len(places)), places.values())
    figure_style.label(
        axes,
        "place of the two equal columns",
        "exact constant φ²",
        "A duplicated column of S makes the constant 0",
    )


def _cheap(axes: Axes, claim: Evidence) -> None:
    """Lower bounds and the exact constant as rows are added."""
    rows = np.array(claim.table["rows"], dtype=float)
    d = claim.config["bound_columns"]
    figure_style.points(axes, rows * 0.98, claim.table["constant"], claim.certified, 0, "exact φ²")
    figure_style.points(axes, rows * 1.02, claim.measured, claim.certified, 1, "cheap lower bound on κ")
    axes.axvline(d, color="black", linewidth=0.8, label=f"n = d = {d}")
    axes.set_xscale("log")
    axes.set_ylim(top=1.35)
    rows_asked = claim.config["bound_rows"]
    ticks = [n for n in rows_asked if n == rows_asked[0] or n >= d]
    axes.set_xticks(ticks, [str(n) for n in ticks], minor=False)
    axes.set_xticks([], minor=True)
    figure_style.label(axes, "rows n (number)", "constant", "Cheap bounds are valid, and 0 with n < d")
    axes.legend(loc="upper left")


def _drawing(axes: Axes, claim: Evidence) -> None:
    """What drawing finds relative to the exact constant, against the number of draws."""
    draws = np.array(claim.config["draws"], dtype=float)
    columns = claim.config["sampling_columns"]
    curves = [("", index, f"d = {d}") for index, d in enumerate(columns)]
    curves.append(("orthogonal_", len(columns) - 1, f"d = {columns[-1]}, orthogonal columns"))
    for place, (kind, index, name) in enumerate(curves):
        mean, low, high = (np.array(claim.table[kind + key][index]) for key in ("mean", "low", "high"))
        look = figure_style.series(place) | {"capsize": 2, "label": name}
        axes.errorbar(draws * 1.06 ** (place - 2), mean, (mean - low, high - mean), **look)
    figure_style.bound(axes, None, 1.0, "exact φ²")
    axes.set_xscale("log")
    axes.set_yscale("log")
    figure_style.label(
        axes,
        "random directions of the cone (number)",
        "least ratio drawn / φ² (mean, 95%)",
        f"Drawing over-estimates the constant (n = {claim.config['sampling_rows']})",
        legend=False,
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low, high**1.6)
    axes.legend(loc="upper left", ncols=2)


def _apart(axes: Axes, claim: Evidence) -> None:
    """How far apart minimisers are, found by bisection, against the formula."""
    figure_style.points(axes, claim.bound, claim.measured, claim.certified, 0, "equal columns")
    control = claim.control
    figure_style.points(axes, control.bound, control.measured, control.certified, 1, "nearly equal columns")
    ends = np.array([0.0, float(claim.bound.max())])
    figure_style.bound(axes, ends, ends, "√2 × distance to an even multiple")
    figure_style.label(
        axes,
        "√2 × distance of the sum to 2kq (coefficient)",
        "distance of two minimisers (coefficient)",
        "Equal columns in S: a segment of minimisers",
    )


def _errors(axes: Axes, claim: Evidence) -> None:
    """The larger error on two truths that equal columns cannot tell apart."""
    shift = np.array(claim.table["shift"], dtype=float)
    figure_style.points(axes, shift, claim.measured, claim.certified, 0, "PAR-Lasso, equal")
    figure_style.points(
        axes, shift * 1.12, claim.table["rounded_lasso"], claim.certified, 1, "rounded Lasso, equal"
    )
    control = claim.control
    figure_style.points(axes, shift, control.measured, control.certified, 2, "PAR-Lasso, unrelated")
    ends = np.array([shift.min(), shift.max()])
    figure_style.bound(axes, ends, np.sqrt(2) * ends, "lower bound √2 t")
    axes.set_xscale("log")
    axes.set_yscale("log")
    figure_style.label(
        axes,
        "shift t between the columns (coefficient)",
        "larger error ‖ŵ − w*‖ (coefficient)",
        "Equal columns in S: the error has no bound",
    )


def _fitted(axes: Axes, claim: Evidence) -> None:
    """Errors of the fitted values against the bound of the merged design."""
    figure_style.points(axes, claim.bound, claim.measured, claim.certified, 0, "PAR-Lasso")
    figure_style.points(axes, claim.bound, claim.table["rounded_lasso"], claim.certified, 1, "rounded Lasso")
    ends = np.array([claim.bound.min(), claim.bound.max()])
    figure_style.bound(axes, ends, ends)
    figure_style.label(
        axes,
        "bound of the merged design (response)",
        "‖X (ŵ − w*)‖/√n (response)",
        "Equal columns in S: the fit is within the bound",
        legend=False,
    )
    axes.set_ylim(0.0, 1.3 * max(claim.table["rounded_lasso"]))
    axes.legend(loc="upper left", ncols=3)
