"""The figure on proximal maps: graphs of the maps, and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence
from experiments.prox.prox_graph_figure import broken_at_jumps, ground, plain


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    config, shapes = evidence[0].config, claims["C5/every-shape"].table
    panels = figure_style.panels(figure, 8)
    for axes, (name, graph) in zip(panels, shapes["graphs"].items(), strict=False):
        _penalty_graph(axes, shapes["v"], graph, name)
    _soft_quantizer(
        panels[6], claims["C5/soft-quantizer"].table, "PARQ's map of slope ρ at p is a prox at ρp"
    )
    _errors(panels[7], evidence)
    figure.suptitle("The prox of every piecewise-affine penalty has an exact closed form", x=0.01, ha="left")
    facts = {"penalties of each kind": config["n_penalties"] * len(config["seeds"])}
    figure_style.caption(figure, evidence, seeds=config["seeds"], **facts)


def _penalty_graph(axes: Axes, v: list[float], graph: Mapping[str, Any], title: str) -> None:
    """The maps at all steps, over the identity and the levels."""
    ground(axes, v, graph["levels"])
    for index, (step, x) in enumerate(zip(graph["steps"], graph["x"], strict=True)):
        axes.plot(v, broken_at_jumps(v, x), **plain(index), label=f"λ = {step:g}")
    figure_style.label(axes, "argument v (units of w)", "prox of v (units of w)", title)


def _soft_quantizer(axes: Axes, graph: Mapping[str, Any], title: str) -> None:
    """The map as lines, and the prox that equals it as markers."""
    ground(axes, graph["p"], graph["levels"])
    every = len(graph["p"]) // 20
    for index, slope in enumerate(graph["slopes"]):
        look = figure_style.series(index)
        axes.plot(graph["p"], graph["map"][index], **plain(index), label=f"map, ρ = {slope:g}")
        prox = {
            "color": look["color"],
            "marker": look["marker"],
            "linestyle": "none",
            "markerfacecolor": "none",
        }
        axes.plot(graph["p"][::every], graph["prox"][index][::every], **prox)
    axes.plot([], [], "o", color="black", markerfacecolor="none", label="prox at ρp")
    figure_style.label(axes, "argument p (units of w)", "value (units of w)", title)


def _errors(axes: Axes, claims: Sequence[Evidence]) -> None:
    floor = 1e-18  # where an error of exactly 0 is drawn
    rows = np.arange(len(claims))
    for index, (name, points) in enumerate(
        (("closed form", claims), ("control", [claim.control for claim in claims]))
    ):
        largest = [max(float(group.measured.max()), floor) for group in points]
        figure_style.points(axes, largest, rows, [group.certified.all() for group in points], index, name)
    axes.axvline(claims[0].bound[0], color="black", linestyle=(0, (4, 2)), linewidth=1.8, label="bound")
    axes.set_xscale("log")
    axes.set_yticks(rows, [claim.claim.removeprefix("C5/") for claim in claims])
    axes.invert_yaxis()
    figure_style.label(
        axes, f"largest relative error (0 drawn at {floor:g})", "closed form", "Errors against enumeration"
    )
    axes.legend(loc="center", bbox_to_anchor=(0.64, 0.5))
