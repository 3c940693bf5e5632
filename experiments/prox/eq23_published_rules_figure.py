"""The figure on published rules: the sawtooth rule and its excess, and what becomes of 0.6 and of 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence
from experiments.prox.prox_graph_figure import broken_at_jumps, ground, plain

EXCESSES_SHOWN = 30  # at most about so many, to keep markers apart


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    graphs, excess, question, zero = figure_style.panels(figure, 4)
    _sawtooth_graphs(graphs, claims["C5/blind-sawtooth"])
    _excess(excess, claims["C5/blind-sawtooth"])
    _question(question, claims["C16/rising"], claims["C16/W"])
    _at_zero(zero, claims["C26"])
    config = evidence[0].config
    figure_style.caption(
        figure,
        evidence,
        seeds=config["seeds"],
        **{
            "rising penalties": len(claims["C16/rising"].measured),
            "λ of the sawtooth": config["sawtooth_steps"],
        },
    )


def _sawtooth_graphs(axes: Axes, claim: Evidence) -> None:
    """The rule that does not look at the levels, and the prox."""
    table = claim.table
    ground(axes, table["v"], [0.0, 2.0])
    for index, (key, name) in enumerate((("prox", "prox"), ("blind", "published rule"))):
        curve = broken_at_jumps(table["v"], table[key])
        axes.plot(table["v"], curve, **plain(index), label=f"{name}, λ = {table['step']:g}")
    seen = table["described"]
    wrong = {"color": "black", "marker": "X", "markersize": 6, "linestyle": "none", "zorder": 4}
    name = f"objective {seen['its objective']:.3f}, least {seen['least objective']:.3f}"
    axes.plot([seen["v"]], [seen["returned"]], **wrong, label=name)
    axes.set_ylim(top=3.0)  # room for the legend
    figure_style.label(
        axes,
        "argument z (units of w)",
        "value (units of w)",
        "C5/blind-sawtooth: the rule ignores the valleys",
    )
    axes.legend(loc="upper left")


def _excess(axes: Axes, claim: Evidence) -> None:
    """What the objective at the rule's value is above the minimum, over the prediction."""
    for index, (points, name) in enumerate(
        ((claim, "published rule"), (claim.control, "told the valleys (control)")), start=1
    ):
        shown = slice(None, None, max(points.measured.size // EXCESSES_SHOWN, 1))
        excess = points.measured[shown]
        figure_style.points(axes, points.bound[shown], excess, points.certified[shown], index, name)
    ends = np.array([claim.bound.min(), claim.bound.max()])
    figure_style.bound(axes, ends, ends, "½(1 − z + λ)²")
    figure_style.label(
        axes,
        "predicted excess ½(1 − z + λ)²",
        "excess over the minimum",
        "C5/blind-sawtooth: it misses the minimum",
    )


def _question(axes: Axes, rising: Evidence, w_shaped: Evidence) -> None:
    """Where the argument of the quick check question goes, over the step."""
    steps, convex = np.array(rising.table["step"]), np.array(rising.table["convex"], dtype=bool)
    for index, (chosen, name) in enumerate(((convex, "rising, convex"), (~convex, "rising, not convex"))):
        figure_style.points(
            axes, steps[chosen], rising.measured[chosen], rising.certified[chosen], index, name
        )
    figure_style.points(axes, w_shaped.table["step"], w_shaped.measured, w_shaped.certified, 3, "W")
    argument = f"{rising.config['argument']:g}"
    figure_style.bound(axes, w_shaped.table["step"], w_shaped.bound, f"min({argument} + λ, 1)")
    axes.axhline(rising.bound[0], color="#666666", linewidth=0.8, label="not moved")
    axes.set_xscale("log")
    axes.set_ylim(-0.05, 1.75)
    figure_style.label(
        axes, "step λ", f"prox of {argument} (units of w)", f"C16: the shape decides where {argument} moves"
    )
    axes.legend(loc="upper right", ncols=2)


def _at_zero(axes: Axes, claim: Evidence) -> None:
    """The size of the binary prox at 0 over the step, with the published rule."""
    steps = claim.table["step"]
    figure_style.points(axes, steps, claim.measured, claim.certified, 0, "prox")
    control = claim.control
    figure_style.points(axes, steps, control.measured, control.certified, 1, "published rule (control)")
    figure_style.bound(axes, steps, claim.bound, "min(λ, 1)")
    axes.set_xscale("log")
    axes.set_ylim(top=1.5)  # room for the legend
    figure_style.label(axes, "step λ", "|value at 0| (units of w)", "C26: the binary rule is wrong at 0")
    axes.legend(loc="upper left")
