"""The figure on symmetric grids of even size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

SHOWN = {"flat": "C21/off-levels: flat about 0", "tilted": "C21/tilted: slope 0.1 about 0"}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The largest number of coefficients off the levels, against the size of the data."""
    table = {claim.claim: claim.table for claim in evidence}["C21/off-levels"]
    grids, deviations = np.array(table["grid"]), np.array(table["deviation"])
    for axes, (key, title) in zip(figure_style.panels(figure, 2, sharey=True), SHOWN.items(), strict=True):
        off = np.array(table[key])
        x = np.unique(deviations)
        for index, grid in enumerate(dict.fromkeys(grids)):
            y = [off[(grids == grid) & (deviations == each)].max() for each in x]
            axes.plot(x, y, **figure_style.series(index), label=grid)
        figure_style.bound(axes, None, 10.0, label="n")
        axes.set_xscale("log")
        axes.set_ylim(0, 64)
        figure_style.label(axes, "deviation of the targets", "coefficients off levels (largest)", title)
    figure_style.caption(figure, evidence, n=10, d=60, alpha=0.01, seeds=evidence[0].config["seeds"])
