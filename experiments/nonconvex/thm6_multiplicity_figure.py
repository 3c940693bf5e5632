"""The figure on how many critical points there are, and how far away."""

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
    many, far = figure_style.panels(figure, 2)
    _many(many, claims["C10/many"])
    _far(far, claims["C10/far"])
    config = evidence[0].config
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        noise=config["noises"],
        alpha="by theory",
        seeds=config["seeds"],
    )


def _many(axes: Axes, claim: Evidence) -> None:
    """How many points were reached from the same starts: a mark for each design, noise and seed."""
    names = claim.table["penalty"]
    rows = (
        (claim.table["distinct"], "critical", 0.14),
        (claim.table["claimed"], "with a bound", -0.14),
    )
    for index, (counts, label, shift) in enumerate(rows):
        x = np.concatenate(counts)
        y = np.repeat(np.arange(len(names)), [len(row) for row in counts]) + shift
        figure_style.points(axes, x, y, np.ones(x.size, dtype=bool), index, label)
    convex = claim.control.measured
    certified = claim.control.certified
    figure_style.points(axes, convex, np.full(convex.size, float(len(names))), certified, 3, "convex penalty")
    axes.set_yticks(range(len(names) + 1), [*names, "PAR-Lasso"])
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks([0, 1, 2, 5, 10, 20, 40], ["0", "1", "2", "5", "10", "20", "40"])
    axes.minorticks_off()
    axes.set_xlim(-0.5, 60)
    starts = claim.table["ends"][0] // len(claim.table["distinct"][0])
    figure_style.label(
        axes,
        f"different points from {starts} runs (number)",
        "penalty",
        "C10/many: many critical points are reached",
        legend=False,
    )
    axes.set_ylim(-0.6, len(names) + 2.4)
    axes.legend(loc="upper right", ncols=2)


def _far(axes: Axes, claim: Evidence) -> None:
    """The distance of each point that interpolates over what was asked, and where runs from there end."""
    names = np.array(claim.table["penalty"])
    for index, name in enumerate(dict.fromkeys(names)):
        chosen = names == name
        # Shifted aside to keep the two apart.
        x = claim.bound[chosen] * (0.85 if index == 0 else 1.18)
        figure_style.points(axes, x, claim.measured[chosen], claim.certified[chosen], index, str(name))
    control = claim.control
    figure_style.points(axes, control.bound, control.measured, control.certified, 3, "staircase (control)")
    ends = np.array([0.5 * claim.bound.min(), 2 * claim.bound.max()])
    figure_style.bound(axes, ends, ends, "as far as asked")
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes, "distance asked ‖D‖", "distance ‖D‖", "C10/far: with n < d as far from w* as asked"
    )
