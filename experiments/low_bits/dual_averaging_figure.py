"""The figure on the straight-through estimator as dual averaging."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

FLOOR = 1e-17  # where what is not above rounding is drawn


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claim of the experiment."""
    (claim,) = evidence
    panels = figure_style.panels(figure, 2, sharey=True)
    for axes, plain, momentum in zip(panels, claim.table["inside"], claim.table["outside"], strict=True):
        for index, curve, name in ((0, plain, "straight-through"), (3, momentum, "momentum 0.9 (control)")):
            values = np.maximum(np.array(curve["excess"]), FLOOR)
            axes.plot(
                range(1, values.size + 1), values, **figure_style.series(index, values.size), label=name
            )
        figure_style.bound(axes, None, claim.tolerance, label="rounding")
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 3, 100)
        figure_style.label(
            axes, "step", "excess over the least objective", f"C23: levels {plain['levels']}", legend=False
        )
    panels[0].legend(loc=(0.66, 0.33), fontsize=6)
    config = claim.config
    figure_style.caption(figure, evidence, n=config["n"], d=config["d"], seeds=config["seeds"])
