"""The figure on schedules of the inverse slope."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

TITLES = {"parlin": "C20/schedule: scaled to its own ends", "programs": "Control: scaled as if centred"}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The schedules with steepness 10 for three centres, ours and the programs'."""
    for axes, (kind, title) in zip(figure_style.panels(figure, 2, sharey=True), TITLES.items(), strict=True):
        curves = [curve for curve in evidence[0].table["curves"] if curve["kind"] == kind]
        for index, curve in enumerate(curves):
            look = figure_style.series(index, len(curve["x"]))
            axes.plot(curve["x"], curve["y"], **look, label=f"centre {curve['center']:g}")
        axes.plot([0, 1], [1, 0], "ko", markerfacecolor="none", markersize=7, label="ends wanted")
        figure_style.label(axes, "fraction of the run", "inverse slope 1/ρ", title)
    config = evidence[0].config
    figure_style.caption(
        figure, evidence, drawn="steepness 10", centres=config["centers"], steepness=config["steepness"]
    )
