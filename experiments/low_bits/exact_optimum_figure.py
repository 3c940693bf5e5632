"""The figure on distances from the enumerated optimum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

FLOOR = 1e-4  # where what is nearer to the optimum is drawn


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claim = evidence[0]
    panels = figure_style.panels(figure, len(claim.table), sharey=True)
    for axes, (K, methods) in zip(panels, claim.table.items(), strict=True):
        for k, outcome in enumerate(methods.values()):
            for column, shift, index in (("excess", -0.14, 0), ("polished", 0.14, 1)):
                values = np.maximum(np.array(outcome[column]), FLOOR)
                look = figure_style.series(index) | {"linestyle": "none"}
                axes.plot(np.full(values.size, k + shift), values, **look | {"alpha": 0.35, "markersize": 3})
                axes.plot(
                    k + shift,
                    max(values.mean(), FLOOR),
                    **look | {"markersize": 7, "markeredgecolor": "black"},
                )
        axes.plot([], [], **figure_style.series(0) | {"linestyle": "none"}, label="at the end")
        axes.plot([], [], **figure_style.series(1) | {"linestyle": "none"}, label="and polished")
        axes.set_xticks(range(len(methods)), methods, rotation=40, ha="right")
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 2, 3)
        figure_style.label(
            axes,
            "method (large: mean)",
            "excess of the loss, if above 1e-4",
            f"{K} levels, all vectors enumerated",
        )
        axes.legend(loc="upper right", ncols=2)
    config = claim.config
    figure_style.caption(
        figure,
        evidence,
        n=442,
        d=10,
        seeds=config["seeds"],
        epochs=config["epochs"],
        batch=config["batch_size"],
    )
