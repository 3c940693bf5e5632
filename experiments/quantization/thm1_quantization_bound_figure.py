"""The panels on how many coordinates are quantized: along runs, against n, against the strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

_CONTROL = {"color": "0.55", "marker": "x", "linestyle": "none", "markersize": 4}
_STRENGTH_AXIS = "strength (multiple of α_max)"


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """All six panels, from the claims in the order of `run`."""
    grid, proved, strength, rate, iteration, equality = evidence
    axes = figure_style.panels(figure, 6)
    rates_by_solver(axes[0], rate)
    rates_by_strength(axes[1], rate, iteration.config["iterations"])
    free_against_n(axes[2], grid)
    free_against_strength(axes[3], strength)
    distances_to_levels(axes[4], equality)
    margins_of_proofs(axes[5], proved)
    config = grid.config
    strengths = config["strengths"] + config["weaker_strengths"]
    figure_style.caption(
        figure,
        evidence,
        n=f"{config['n']} unless on the axis",
        d=config["d"],
        alpha=f"{max(strengths):g} to {min(strengths):g} α_max",
        seeds=config["seeds"],
        markers="shapes as in the middle left panel",
    )


def rates_by_solver(axes: Axes, claim: Evidence) -> None:
    """The quantization rate along the runs of all solvers at the first strength of the traces."""
    traces = claim.table["traces"]
    chosen = [trace for trace in traces if trace["strength"] == traces[0]["strength"]]
    names = {"ProximalGradient": "proximal gradient"}
    labels = [names.get(trace["solver"], trace["solver"]) for trace in chosen]
    _rates(axes, claim, chosen, labels)
    title = f"C13: certified ends reach the floor ({traces[0]['strength']:g} α_max)"
    figure_style.label(axes, "iteration", "quantization rate (ridge chords)", title)


def rates_by_strength(axes: Axes, claim: Evidence, iteration: int) -> None:
    """The quantization rate along the runs of FISTA, and the iteration that decides nothing."""
    chosen = [trace for trace in claim.table["traces"] if trace["solver"] == "FISTA"]
    chosen.sort(key=lambda trace: -trace["strength"])
    _rates(axes, claim, chosen, [f"{trace['strength']:g} α_max" for trace in chosen])
    axes.axvline(iteration, color="0.5", linewidth=0.8)
    title = f"C13: no guarantee at iteration {iteration} (FISTA)"
    figure_style.label(axes, "iteration", "quantization rate (ridge chords)", title)


def _rates(axes: Axes, claim: Evidence, traces: Sequence[dict[str, Any]], labels: Sequence[str]) -> None:
    for index, (trace, label) in enumerate(zip(traces, labels, strict=True)):
        # iteration 0 has no place on a logarithmic axis
        iterations, rates = trace["iteration"][1:], trace["rate"][1:]
        look = figure_style.series(index) | {"marker": "none"}
        axes.plot(iterations, rates, **look, label=label)
        figure_style.points(axes, iterations[-1:], rates[-1:], [trace["certified"]], index)
    figure_style.bound(axes, None, float(claim.bound[0]), label="floor 1 − n/d")
    axes.set_xscale("log")
    axes.set_ylim(-0.02, 1.02)


def free_against_n(axes: Axes, claim: Evidence) -> None:
    """The number of coordinates off the levels against n, the shapes drawn next to each other."""
    table, d = claim.table["inside"], claim.config["d"]
    _by_shape(axes, table, np.array(table["n"], dtype=float), claim.measured, spread=0.06, legend=True)
    outside = claim.control
    axes.plot(
        np.array(claim.table["outside"]["n"])[outside.certified] * 1.25,
        outside.measured[outside.certified],
        **_CONTROL,
        label="control: X, slopes ±1",
    )
    ends = np.array([claim.bound.min() / 1.4, d])
    figure_style.bound(axes, ends, ends, label="bound n")
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    ticks = sorted(set(table["n"]))
    axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    axes.set_xticks([], minor=True)
    axes.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axes.set_ylim(-0.3, 100 * d)  # room for the legend
    off_levels = f"coordinates off the levels (of {d})"
    title = "C1: at most n coordinates off the levels"
    figure_style.label(axes, "n (samples)", off_levels, title, legend=False)
    axes.legend(ncols=2, loc="upper left", columnspacing=1.0)


def free_against_strength(axes: Axes, claim: Evidence) -> None:
    """The number of coordinates off the levels against the strength, with a ridge term for contrast."""
    table, outside = claim.table["inside"], claim.control
    _by_shape(axes, table, np.array(table["strength"]), claim.measured, spread=0.08)
    axes.plot(
        np.array(claim.table["outside"]["strength"])[outside.certified],
        outside.measured[outside.certified],
        **_CONTROL,
        label="control: ridge term in the loss",
    )
    figure_style.bound(axes, None, claim.bound[0], label="bound n")
    axes.set_xscale("log")
    off_levels = f"coordinates off the levels (of {claim.config['d']})"
    title = "C4: no strength is too weak for the bound"
    figure_style.label(axes, _STRENGTH_AXIS, off_levels, title, legend=False)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.2))


def distances_to_levels(axes: Axes, claim: Evidence) -> None:
    """The distances of the coordinates to the nearest level, in increasing order; many are zero."""
    for index, (name, distances) in enumerate(claim.table["distances"].items()):
        look = figure_style.series(index) if "control" not in name else {"color": "0.55"}
        axes.plot(np.arange(1, len(distances) + 1), distances, **look | {"marker": "none"}, label=name)
    kept = claim.config["d"] - claim.config["n"]
    axes.axvline(kept, color="black", linestyle=(0, (4, 2)), linewidth=1.8, label="d − n")
    axes.set_yscale("symlog", linthresh=1e-4)
    axes.set_ylim(-3e-5, 3)
    figure_style.label(
        axes,
        "coordinates, nearest to a level first",
        "distance to the level (units of w)",
        "C14: equal to a level, not near it",
    )


def margins_of_proofs(axes: Axes, claim: Evidence) -> None:
    """The margins of the exact critical points, and the residual that certified points may have."""
    table = claim.table["inside"]
    margin = np.where(claim.certified, np.array(claim.table["proved_slack"], dtype=float), np.nan)
    _by_shape(axes, table, np.array(table["strength"]), margin, spread=0.08)
    axes.axhline(
        claim.table["tolerance"], color="0.5", linewidth=0.8, label="largest residual of certified points"
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=claim.table["tolerance"] / 10)
    title = "C1: exact critical points by rational arithmetic"
    figure_style.label(axes, _STRENGTH_AXIS, "least margin (smallest slope = 1)", title, legend=False)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.15))


def _by_shape(
    axes: Axes, table: dict[str, Any], x: np.ndarray, y: np.ndarray, spread: float, legend: bool = False
) -> None:
    """Certified points filled, a series for each shape; the others hollow and grey."""
    shapes, certified = np.array(table["shape"]), np.array(table["certified"], dtype=bool)
    for index, name in enumerate(dict.fromkeys(table["shape"])):
        chosen = certified & (shapes == name)
        shifted = x[chosen] * np.exp(spread * (index - 2))
        figure_style.points(axes, shifted, y[chosen], certified[chosen], index, name if legend else "")
    if np.isfinite(y[~certified]).any():
        hollow = {"color": "0.6", "marker": "o", "markerfacecolor": "none", "linestyle": "none", "zorder": 1}
        axes.plot(x[~certified], y[~certified], **hollow, label="not certified" if legend else "")
