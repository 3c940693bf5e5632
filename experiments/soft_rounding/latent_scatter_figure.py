"""The figure on coefficients over latent values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

SHOWN = {"PARQ": "C20/map: PARQ", "BinaryRelax": "Control: BinaryRelax"}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """For each method the coefficients at several times, with the curves of soft rounding."""
    (claim,) = evidence
    for axes, (kind, title) in zip(figure_style.panels(figure, 2, sharey=True), SHOWN.items(), strict=True):
        runs = [run for run in claim.table["runs"] if run["kind"] == kind]
        chosen = runs[:: max(1, len(runs) // 2)][:3]
        for index, run in enumerate(chosen):
            _scatter(axes, index, run, np.array(claim.table["levels"]))
        figure_style.label(axes, "latent value u", "coefficient w", title)
        axes.legend(loc="upper left")
    config = claim.config
    figure_style.caption(
        figure,
        evidence,
        n=100,
        d=40,
        curves="soft rounding",
        seeds=config["seeds"],
        centres=config["centers"],
    )


def _scatter(axes: Axes, index: int, run: dict, levels: np.ndarray) -> None:
    look = figure_style.series(index)
    u = np.linspace(levels[0] - 0.4, levels[-1] + 0.4, 600)
    cell = np.clip(np.searchsorted(levels, u, side="right"), 1, levels.size - 1)
    middle = (levels[cell - 1] + levels[cell]) / 2
    curve = np.clip(middle + run["slope"] * (u - middle), levels[cell - 1], levels[cell])
    axes.plot(u, curve, color=look["color"], linestyle=look["linestyle"], linewidth=0.9)
    rim = {"linestyle": "none", "markeredgecolor": "black", "markeredgewidth": 0.4, "markersize": 4.5}
    axes.plot(run["latent"], run["w"], **look | rim, label=f"step {run['epoch']}, ρ = {run['slope']:.3g}")
