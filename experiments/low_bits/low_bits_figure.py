"""The figure on test errors with few levels, relative to rounding afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment: a panel for each data set and number of levels."""
    claim = evidence[0]
    table = {name: np.array(column) for name, column in claim.table.items() if name != "setting"}
    studies = list(dict.fromkeys(zip(table["data"].tolist(), table["levels"].tolist(), strict=True)))
    panels = figure_style.panels(figure, len(studies), columns=min(4, len(studies)))
    for axes, (name, K) in zip(panels, studies, strict=True):
        here = (table["data"] == name) & (table["levels"] == K)
        methods = list(dict.fromkeys(table["method"][here].tolist()))
        for kind, index, shift in (("end", 0, -0.15), ("polished", 1, 0.15)):
            rows = here & (table["fit"] == kind)
            means, halves = table["log ratio"][rows], table["half width"][rows]
            ratios = np.exp(means)
            bars = np.abs(np.exp(np.array([means - halves, means + halves])) - ratios)
            look = figure_style.series(index) | {"linestyle": "none", "capsize": 2, "elinewidth": 0.8}
            label = "at the end" if kind == "end" else "and polished"
            axes.errorbar(np.arange(len(methods)) + shift, ratios, yerr=bars, **look, label=label)
        unquantized = table["unquantized"][here][0] / table["error"][here][0]
        axes.axhline(unquantized, color="#666666", linestyle=":", linewidth=1.0, label="unquantized")
        figure_style.bound(axes, None, 1.0, label="rounding")
        axes.set_xticks(range(len(methods)), methods, rotation=50, ha="right", fontsize=6)
        bits = f" ({int(np.log2(K))} bit{'s' if K > 2 else ''})" if np.log2(K) % 1 == 0 else ""
        figure_style.label(
            axes, "method", "test error / rounding's", f"{name}, {K} levels{bits}", legend=axes is panels[0]
        )
    config = claim.config
    figure_style.caption(
        figure,
        evidence,
        splits=config["seeds"],
        tuned=config["tuning_seeds"],
        passes=config["epochs"],
        bars="99 % each way",
    )
