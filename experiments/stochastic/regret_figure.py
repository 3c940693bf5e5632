"""The figure on the regret of AProx."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """Ratios of regret and bound of all plays, in order of size, and of the control."""
    claim, _ = evidence
    inside, outside = figure_style.panels(figure, 2)
    ratios = claim.measured / claim.bound
    sought, n_steps = np.array(claim.table["sought"]), np.array(claim.table["n_steps"])
    for index, count in enumerate(np.unique(n_steps)):
        chosen = np.sort(ratios[sought & (n_steps == count)])
        axis = (np.arange(chosen.size) + 0.5) / chosen.size
        steps = "1 step" if count == 1 else f"{count} steps"
        inside.plot(axis, chosen, **figure_style.series(index), label=f"sought, {steps}")
    blind = np.sort(ratios[~sought])
    axis = (np.arange(blind.size) + 0.5) / blind.size
    inside.plot(axis, blind, **figure_style.series(3, blind.size), label="drawn blindly")
    figure_style.bound(inside, None, 1.0)
    inside.set_ylim(-1.0, 1.1)
    figure_style.label(inside, "plays in order (fraction)", "regret / bound", "C19/regret: AProx")
    inside.legend(loc="lower right")
    broken = np.sort(claim.control.measured / claim.control.bound)
    axis = (np.arange(broken.size) + 0.5) / broken.size
    outside.plot(axis, broken, **figure_style.series(3, broken.size), label="control")
    figure_style.bound(outside, None, 1.0)
    figure_style.label(
        outside, "plays in order (fraction)", "regret / bound", "Control: strengths do not add up"
    )
    config = claim.config
    figure_style.caption(
        figure, evidence, steps=config["n_steps"], generations=config["generations"], seeds=config["seeds"]
    )
