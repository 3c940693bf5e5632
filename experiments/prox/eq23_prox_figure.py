"""The figure on proximal maps: graphs of the maps, and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

# A value that is not the prox.
WRONG = {"color": "black", "marker": "X", "markersize": 6, "linestyle": "none", "zorder": 4}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    config, shapes = evidence[0].config, claims["C5/every-shape"].table
    panels = figure_style.panels(figure, 9, columns=3)
    for axes, (name, graph) in zip(panels, shapes["graphs"].items(), strict=False):
        _penalty_graph(axes, shapes["v"], graph, name)
        if name == "W":
            axes.plot([0.0], [0.0], **WRONG, label="published rule at v = 0")
            axes.legend(loc="lower right")
    soft, blind = claims["C5/soft-quantizer"].table, claims["C5/blind-sawtooth"].table
    _soft_quantizer(panels[6], soft, "PARQ's map of slope ρ at p is a prox at ρp")
    _blind_sawtooth(panels[7], blind, "Sawtooth rule that does not look at the levels")
    _errors(panels[8], [claim for claim in evidence if claim.bound[0] == config["allowed"]])
    figure.suptitle("The prox of every piecewise-affine penalty has an exact closed form", x=0.01, ha="left")
    facts = {"penalties of each kind": config["n_penalties"] * len(config["seeds"])}
    figure_style.caption(figure, evidence, seeds=config["seeds"], **facts)


def _penalty_graph(axes: Axes, v: list[float], graph: Mapping[str, Any], title: str) -> None:
    """The maps at all steps, over the identity and the levels."""
    _ground(axes, v, graph["levels"])
    for index, (step, x) in enumerate(zip(graph["steps"], graph["x"], strict=True)):
        axes.plot(v, _broken_at_jumps(v, x), **_plain(index), label=f"λ = {step:g}")
    figure_style.label(axes, "argument v (units of w)", "prox of v (units of w)", title)


def _soft_quantizer(axes: Axes, graph: Mapping[str, Any], title: str) -> None:
    """The map as lines, and the prox that equals it as markers."""
    _ground(axes, graph["p"], graph["levels"])
    every = len(graph["p"]) // 20
    for index, slope in enumerate(graph["slopes"]):
        look = figure_style.series(index)
        axes.plot(graph["p"], graph["map"][index], **_plain(index), label=f"map, ρ = {slope:g}")
        prox = {
            "color": look["color"],
            "marker": look["marker"],
            "linestyle": "none",
            "markerfacecolor": "none",
        }
        axes.plot(graph["p"][::every], graph["prox"][index][::every], **prox)
    axes.plot([], [], "o", color="black", markerfacecolor="none", label="prox at ρp")
    figure_style.label(axes, "argument p (units of w)", "value (units of w)", title)


def _blind_sawtooth(axes: Axes, graph: Mapping[str, Any], title: str) -> None:
    """The rule that does not look at the levels beside the prox."""
    _ground(axes, graph["v"], [0.0, 2.0])
    for index, (key, name) in enumerate((("prox", "prox"), ("blind", "published rule"))):
        curve = _broken_at_jumps(graph["v"], graph[key])
        axes.plot(graph["v"], curve, **_plain(index), label=f"{name}, λ = {graph['step']:g}")
    seen = graph["described"]
    name = f"{seen['its objective']:.3f} where {seen['least objective']:.3f} is least"
    axes.plot([seen["v"]], [seen["returned"]], **WRONG, label=name)
    figure_style.label(axes, "argument v (units of w)", "value (units of w)", title)
    axes.set_ylim(top=3.0)  # room for the legend
    axes.legend(loc="upper left")


def _ground(axes: Axes, arguments: list[float], levels: list[float]) -> None:
    for level in levels:
        if not arguments[0] <= level <= arguments[-1]:
            continue
        axes.axhline(level, color="#BBBBBB", linewidth=0.6, zorder=0)
    ends = [arguments[0], arguments[-1]]
    axes.plot(ends, ends, color="#888888", linewidth=0.8, zorder=1)
    axes.grid(False)


def _plain(index: int) -> dict[str, Any]:
    return figure_style.series(index) | {"marker": ""}


def _broken_at_jumps(v: list[float], x: list[float]) -> np.ndarray:
    """The values with a gap wherever they rise faster than v, which a prox does only by jumping."""
    x = np.array(x, dtype=float)
    jumps = np.flatnonzero(np.diff(x) > 1.5 * np.diff(v))
    x[jumps] = np.nan
    return x


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
