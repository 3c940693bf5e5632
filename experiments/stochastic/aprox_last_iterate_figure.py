"""The figure on the last iterate of AProx."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

TITLES = {"C19/constant": "constant step", "C19/decreasing": "steps c/√t"}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """Gaps against T for both kinds of steps, with the bound and the control."""
    for axes, claim in zip(figure_style.panels(figure, 2, sharey=True), evidence, strict=True):
        _gaps(axes, claim)
    config = evidence[0].config
    facts = {"n": 100, "d": 20, "rows a batch": 10, "runs": len(config["runs"]), "seed drawn": 0}
    figure_style.caption(figure, evidence, **facts, seeds=config["seeds"])


def _gaps(axes: Axes, claim: Evidence) -> None:
    seeds, names = np.array(claim.table["seed"]), np.array(claim.table["chords"])
    T = np.array(claim.table["T"])
    for index, name in enumerate(dict.fromkeys(names)):
        chosen = (seeds == seeds[0]) & (names == name)
        for k, (points, word) in enumerate(((claim, "AProx"), (claim.control, "lazy (control)"))):
            look = figure_style.series(index + 2 * k)
            axes.plot(T[chosen], points.measured[chosen], **look, label=f"{word}, {name}")
        label = "bound" if index == 0 else ""
        figure_style.bound(axes, T[chosen], claim.bound[chosen], label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    figure_style.label(
        axes, "batches T", "F(w_T) − F* (upper 99 % limit)", f"{claim.claim}: {TITLES[claim.claim]}"
    )
    axes.set_ylim(bottom=3e-6)
    axes.legend(fontsize=6, loc="lower left")
