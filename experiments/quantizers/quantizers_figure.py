"""The figure on rounding errors of levels, relative to the least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment: a panel for each number of values."""
    (claim,) = (claim for claim in evidence if claim.claim == "C31/greedy")
    table = {name: np.array(column) for name, column in claim.table.items()}
    sizes = list(dict.fromkeys(table["size"].tolist()))
    names = list(dict.fromkeys(table["levels"].tolist()))
    errors, *ratios = figure_style.panels(figure, 1 + len(sizes), columns=3)
    for axes, size, column in (
        (errors, sizes[-1], "error"),
        *((a, s, "ratio") for a, s in zip(ratios, sizes, strict=True)),
    ):
        for k, name in enumerate(names):
            chosen = (table["size"] == size) & (table["levels"] == name)
            axes.plot(table["bits"][chosen], table[column][chosen], **figure_style.series(k), label=name)
        axes.set_yscale("log")
        axes.set_xticks(sorted(set(table["bits"].tolist())))
    figure_style.label(errors, "bits", "squared error / mean square", f"{sizes[-1]} normal values")
    errors.set_ylim(4e-3, 600)
    errors.legend(loc="upper right", fontsize=6, ncols=2)
    for axes, size in zip(ratios, sizes, strict=True):
        figure_style.bound(axes, [3.7, 4.3], [3.0, 3.0], label="C31/greedy: 3")
        axes.set_ylim(0.8, 50)
        figure_style.label(axes, "bits", "error / least error", f"rows of {size} normal values", legend=False)
    config = claim.config
    figure_style.caption(figure, evidence, rows=[rows for _, rows in config["sizes"]], seed=config["seed"])
