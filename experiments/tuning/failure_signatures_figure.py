"""The figure on the collapse to 0 and on iterates that do or do not settle."""

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
    collapse, nonconvex, settled, moving = figure_style.panels(figure, 4)
    _collapse(collapse, claims["C15"])
    _nonconvex(nonconvex, claims["C15/nonconvex"])
    drift = claims["C15/drift"]
    _distances(settled, drift, "inside", "Step 1/L and n ≥ d: the iterates settle at every α")
    _distances(moving, drift, "outside", "A strong α calms long steps, but not noise")
    config = drift.config
    figure_style.caption(
        figure,
        evidence,
        n=config["sizes"],
        d=config["d"],
        noise=config["noise"],
        seeds=config["seeds"],
        q="0.3, 0.25 (MCP), 0.5 (sawtooth, lower panels)",
        **{"n of all but the first, if not said otherwise": config["sizes"][-1]},
    )


def _collapse(axes: Axes, claim: Evidence) -> None:
    """Where bisection ends, in units of the spacing of floats at the formula."""
    names, instances = claim.table["penalty"], claim.table["instances"]
    ulps = (claim.measured - claim.bound) / np.spacing(claim.bound)
    for index in range(len(names)):
        part = slice(index * instances, (index + 1) * instances)
        # Side by side, or equal numbers would hide each other.
        place = index + np.linspace(-0.3, 0.3, instances)
        figure_style.points(axes, place, ulps[part], claim.certified[part], index)
    figure_style.bound(axes, None, 0.0, "‖X'y‖_∞/(n a₀), rounded")
    axes.set_xticks(range(len(names)), [name.replace(" ", "\n", 1) for name in names])
    axes.set_ylim(-2.5, 3.5)
    figure_style.label(
        axes,
        "penalty",
        "first strength with 0 critical\nminus formula (floats)",
        "The collapse is at α_max, within two floats",
    )


def _nonconvex(axes: Axes, claim: Evidence) -> None:
    multiple = np.array(claim.table["multiple"])
    for index, (name, nonzeros) in enumerate(claim.table["nonzeros"].items()):
        axes.plot(multiple, nonzeros, **figure_style.series(index, multiple.size), label=name)
    axes.axvline(1.0, color="black", linestyle=(0, (4, 2)), linewidth=1.8, label="α_max")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    figure_style.label(
        axes, "α/α_max", "mean nonzeros (number)", "Nonconvex: better points than 0 above α_max"
    )


def _distances(axes: Axes, claim: Evidence, side: str, title: str) -> None:
    iteration = np.array(claim.table["iteration"])
    for index, (name, column) in enumerate(claim.table[side].items()):
        distance = np.maximum(np.array(column), 1e-16)
        axes.plot(iteration, distance, **figure_style.series(index, iteration.size), label=name)
    figure_style.bound(axes, None, claim.bound[0], "settled")
    axes.set_xscale("log")
    axes.set_yscale("log")
    figure_style.label(
        axes, "iteration", "distance from the solution\n(fraction of its length)", title, legend=False
    )
    axes.legend(loc="lower left", title="α/α_max", title_fontsize=7)
