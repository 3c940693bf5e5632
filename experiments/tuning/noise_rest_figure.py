"""The figure on batches that move coefficients away from a solution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

APART = 1.07  # between the markers of curves that coincide


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    panels = figure_style.panels(figure, 2, sharey=True)
    config = evidence[0].config
    titles = ("C15/noise: ridge chords, any step", "C15/noise-nonconvex: sawtooth")
    for axes, claim, title in zip(panels, evidence, titles, strict=True):
        table = {name: np.array(column) for name, column in claim.table.items()}
        strengths = config["sawtooth_strengths"] if "strength" in table else [None]
        for k, (strength, step) in enumerate(product(strengths, config["steps"])):
            chosen = table["step"] == step
            if strength is not None:
                chosen &= table["strength"] == strength
            sizes = np.array(config["batch_sizes"])
            means = [table["moved"][chosen & (table["size"] == size)].mean() for size in sizes]
            name = f"step {step:g}" if strength is None else f"α = {strength:g}, step {step:g}"
            axes.plot(sizes * APART**k, means, **figure_style.series(k), label=name)
        axes.set_xscale("log", base=2)
        axes.set_ylim(-0.04, 1.3)
        figure_style.label(axes, "rows a batch (shifted apart)", "batches that move w", title)
        axes.legend(loc="upper right", fontsize=6, ncols=2 if "strength" in table else 3)
    figure_style.caption(
        figure, evidence, n=config["n"], d=config["d"], seeds=config["seeds"], batches=config["n_batches"]
    )
