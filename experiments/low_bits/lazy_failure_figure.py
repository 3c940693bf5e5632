"""The figure on lazy and eager proximal gradient: residuals, and means of outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence
from parlin import theory

FLOOR = 1e-17  # where what is not above rounding is drawn


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    residuals, means = figure_style.panels(figure, 2)
    config = evidence[0].config
    steps = [*config["lazy_steps"], *config["eager_steps"]]
    n_lazy = len(config["lazy_steps"])
    names = [f"{'lazy' if k < n_lazy else 'eager'}, η = {step:g}" for k, step in enumerate(steps)]
    for axes, claim, column in (
        (residuals, claims["C25"], "residual"),
        (means, claims["C25/average"], "mean"),
    ):
        table = claim.table
        for k, (name, T, values) in enumerate(zip(names, table["T"], table[column], strict=True)):
            look = figure_style.series(k, len(T))
            axes.plot(T, np.maximum(values, FLOOR) if column == "residual" else values, **look, label=name)
        axes.set_xscale("log")
    for step in config["lazy_steps"]:
        floor = theory.lazy_residual_floor(config["target"], config["strength"], step)
        figure_style.bound(residuals, None, floor, label="c − η(c + λ)" if step == steps[0] else "")
    residuals.set_yscale("log")
    residuals.set_ylim(FLOOR / 3, 3)
    figure_style.label(residuals, "step", "residual", "C25: lazy outputs stay away from critical points")
    residuals.legend(loc="lower left", fontsize=6)
    figure_style.bound(means, None, config["target"], label="c, minimiser of the loss")
    means.axhline(config["target"] + config["strength"], color="#666666", linewidth=0.8)
    means.text(4e3, config["target"] + config["strength"] + 0.02, "c + λ, critical", fontsize=7)
    means.set_ylim(0.1, 1.35)
    figure_style.label(
        means, "step", "mean of the outputs", "C25/average: their mean is the minimiser of the loss"
    )
    means.legend(loc="upper right", fontsize=6)
    figure_style.caption(
        figure,
        evidence,
        c=config["target"],
        λ=config["strength"],
        start=0.45,
        steps=config["n_lazy"],
    )
