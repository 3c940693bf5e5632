"""The figure on where methods end from random starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

NAMES = {
    "aprox": "AProx, convex",
    "slow": "ProxQuant, slow",
    "parq": "PARQ's schedule",
    "fast": "ProxQuant, fast",
}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """Final losses of one regression in order, and the spread for every regression."""
    ends = evidence[0].table["ends"]
    losses, spreads = figure_style.panels(figure, 2)
    for index, (key, name) in enumerate(NAMES.items()):
        sorted_losses = np.sort(ends[0][key])
        axis = (np.arange(sorted_losses.size) + 0.5) / sorted_losses.size
        losses.plot(axis, sorted_losses, **figure_style.series(index, sorted_losses.size), label=name)
    losses.set_yscale("log")
    losses.set_ylim(top=4.0)
    figure_style.label(
        losses, "starts in order (fraction)", "final loss / loss at 0", "Final losses, first regression"
    )
    losses.legend(loc="upper left")
    _spreads(spreads, evidence, ends)
    config = evidence[0].config
    facts = {"n": 100, "d": 20, "starts": config["n_starts"], "epochs": config["epochs"]}
    figure_style.caption(figure, evidence, **facts, seeds=config["seeds"])


def _spreads(axes: Axes, evidence: Sequence[Evidence], ends: Sequence[dict[str, list[float]]]) -> None:
    for index, key in enumerate(NAMES):
        spread = np.array([np.ptp(one[key]) for one in ends])
        look = figure_style.series(index) | {"linestyle": "none"}
        axes.plot(np.full(spread.size, index), np.maximum(spread, 1e-4), **look, alpha=0.8)
    figure_style.bound(axes, None, float(evidence[0].bound[0]), label="threshold 0.01")
    axes.axhline(
        float(evidence[1].bound[0]), color="black", linewidth=0.8, linestyle=":", label="threshold 0.02"
    )
    axes.set_yscale("log")
    axes.set_ylim(7e-5, 1.0)
    axes.set_xlim(-0.5, 3.5)
    axes.set_xticks(
        range(len(NAMES)), [name.replace(", ", ",\n").replace("'s ", "'s\n") for name in NAMES.values()]
    )
    figure_style.label(axes, "method", "largest − smallest (0 at 1e-4)", "C30: spread of final losses")
