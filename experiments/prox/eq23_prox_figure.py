r"""Graphs of proximal maps: the curves as numbers, and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from experiments.harness import figure_style
from experiments.measure.prox_by_enumeration import minimum
from experiments.prox.closed_forms import chords_of_half_square, soft_quantizer
from parlin import designs

# A penalty and the steps drawn.
PENALTIES = {
    "Ridge chords": (designs.ridge(0.5, 3), (0.3, 1.0, 3.0)),
    "Lasso-like": (designs.lasso(0.5, 3, growth=0.5), (0.1, 0.3, 0.6)),
    "Staircase": (designs.staircase(0.5, 3), (0.1, 0.3, 0.7)),
    "Sawtooth": (designs.sawtooth(0.5, 3), (0.05, 0.15, 0.25)),
    "W": (designs.binary(), (0.2, 0.5, 1.0)),
    "Rippled MCP": (designs.rippled_mcp(0.5, 3), (0.1, 0.3, 0.8)),
}
SOFT_TARGETS, SOFT_SLOPES = (-1.0, -0.25, 0.25, 1.0), (1.5, 4.0, 40.0)
# A value that is not the prox.
WRONG = {"color": "black", "marker": "X", "markersize": 6, "linestyle": "none", "zorder": 4}
_DECIMALS = 5  # finer than a pixel, and short in the file


def penalty_graphs(n_points: int) -> dict[str, Any]:
    """The proximal map of each penalty at its steps; all are odd, so little is shown left of 0."""
    v = np.linspace(-0.4, 1.9, n_points)
    graphs = {
        name: {
            "levels": penalty.quantization_levels,
            "steps": steps,
            "x": [penalty.prox(v, step).round(_DECIMALS) for step in steps],
        }
        for name, (penalty, steps) in PENALTIES.items()
    }
    return {"v": v.round(_DECIMALS), "graphs": graphs}


def soft_quantizer_graph(n_points: int) -> dict[str, Any]:
    """PARQ's map at several slopes ρ, and beside it the minimum whose prox it is claimed to be."""
    p, targets = np.linspace(-1.4, 1.4, n_points), np.array(SOFT_TARGETS)
    penalty = chords_of_half_square(targets)
    return {
        "p": p.round(_DECIMALS),
        "levels": targets,
        "slopes": SOFT_SLOPES,
        "map": [soft_quantizer(targets, p, slope).round(_DECIMALS) for slope in SOFT_SLOPES],
        "prox": [minimum(penalty, slope * p, slope - 1).x.round(_DECIMALS) for slope in SOFT_SLOPES],
    }


def draw_penalty_graph(axes: Axes, v: list[float], graph: Mapping[str, Any], title: str) -> None:
    """The maps at all steps, over the identity and the levels."""
    _draw_ground(axes, v, graph["levels"])
    for index, (step, x) in enumerate(zip(graph["steps"], graph["x"], strict=True)):
        axes.plot(v, _broken_at_jumps(v, x), **_plain(index), label=f"λ = {step:g}")
    figure_style.label(axes, "argument v (units of w)", "prox of v (units of w)", title)


def draw_soft_quantizer(axes: Axes, graph: Mapping[str, Any], title: str) -> None:
    """The map as lines, and the prox that equals it as markers."""
    _draw_ground(axes, graph["p"], graph["levels"])
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


def draw_blind_sawtooth(axes: Axes, graph: Mapping[str, Any], title: str) -> None:
    """The rule that does not look at the levels beside the prox."""
    _draw_ground(axes, graph["v"], [0.0, 2.0])
    for index, (key, name) in enumerate((("prox", "prox"), ("blind", "published rule"))):
        curve = _broken_at_jumps(graph["v"], graph[key])
        axes.plot(graph["v"], curve, **_plain(index), label=f"{name}, λ = {graph['step']:g}")
    seen = graph["described"]
    name = f"{seen['its objective']:.3f} where {seen['least objective']:.3f} is least"
    axes.plot([seen["v"]], [seen["returned"]], **WRONG, label=name)
    figure_style.label(axes, "argument v (units of w)", "value (units of w)", title)
    axes.set_ylim(top=3.0)  # room for the legend
    axes.legend(loc="upper left")


def _draw_ground(axes: Axes, arguments: list[float], levels: list[float]) -> None:
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
