"""The figure on the exact path of PAR-ridge and that of ridge regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    (claim,) = evidence
    paths, distances = figure_style.panels(figure, 2)
    _paths(paths, claim)
    _distances(distances, claim)
    config = claim.config
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        q=config["spacings"],
        alpha=f"{config['weakest']:g} to {config['strongest']:g}",
        seeds=config["seeds"],
    )


def _paths(axes: Axes, claim: Evidence) -> None:
    """One coefficient along the strength, with ridge and on two grids."""
    curves = claim.table["curves"]
    names = [name for name in curves if name not in ("alpha", "ridge")]
    for index, name in enumerate(names):
        look = figure_style.series(index) | {"marker": "none"}
        axes.plot(curves["alpha"], curves[name], **look, label=f"PAR-ridge, {name}")
    axes.plot(curves["alpha"], curves["ridge"], color="black", linewidth=0.8, label="ridge")
    axes.set_xscale("log")
    figure_style.label(axes, "strength α", "coefficient", "The largest coefficient, along the path")


def _distances(axes: Axes, claim: Evidence) -> None:
    """All strengths of all paths at each spacing; each kind shifted aside to stay apart."""
    sides = ((claim, "inside", "grid covers"), (claim.control, "outside", "grid ends early (control)"))
    for index, (points, side, name) in enumerate(sides):
        spacing = np.array(claim.table[side]["spacing"])
        scale = points.bound / (spacing / 2)  # √d
        shift = 0.95 if index == 0 else 1.05
        figure_style.points(axes, spacing * shift, points.measured / scale, points.certified, index, name)
    ends = np.array([0.8 * spacing.min(), 1.25 * spacing.max()])
    figure_style.bound(axes, ends, ends / 2, "bound q/2")
    axes.set_xscale("log")
    axes.set_yscale("log")
    # Weak and strong strengths may come as close as they like.
    axes.set_ylim(3e-2 * spacing.min(), 20.0)
    figure_style.label(
        axes, "spacing q", "distance from ridge / √d", "C7/every-strength: the path goes to ridge's"
    )
    axes.legend(loc="upper left")
