"""The figure on nonlinear losses: the curved unit, and the weights off the levels of networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The margins of the curved unit; totals, neurons and ranks of the networks."""
    panels = (_margins, _totals, _neurons, _ranks)
    for plot_panel, axes, claim in zip(panels, figure_style.panels(figure, 4), evidence, strict=True):
        plot_panel(axes, claim)
    config = evidence[0].config
    figure_style.caption(
        figure,
        evidence,
        n=f"1 (first panel) and {', '.join(map(str, config['sample_sizes']))}",
        d=f"{config['unit_inputs']} (first panel) and {config['inputs']}×{config['neurons']}",
        alpha=f"{config['unit_strength']:g} (first panel) and {config['strength']:g}",
        seeds=config["seeds"],
    )


def _margins(axes: Axes, claim: Evidence) -> None:
    distance, eigenvalue = claim.table["distance_to_level"], claim.table["smallest_eigenvalue"]
    figure_style.points(axes, distance, eigenvalue, claim.certified[1:], label="one data set each")
    floor = claim.config["unit_strength"] / claim.config["input_range"][0]
    figure_style.bound(axes, None, floor, label="proved lower bound, whole open set")
    axes.set(xlim=(0, None), ylim=(0, None))
    title = f"Strict minima with no weight on a level: {claim.certified[1:].sum()} of {len(distance)}"
    figure_style.label(axes, "distance of nearest weight from level 0", "smallest Hessian eigenvalue", title)


def _totals(axes: Axes, claim: Evidence) -> None:
    sizes, control = np.array(claim.config["sample_sizes"]), claim.control
    strict = np.array(claim.table["certified"]) & np.array(claim.table["strict"])
    n, totals = (np.array(claim.table[name])[strict] for name in ("n", "off_level"))
    figure_style.points(axes, n - 0.2, totals, strict[strict], 0, "tanh: strict local minima")
    figure_style.points(axes, sizes + 0.2, control.measured, control.certified, 3, "identity: largest")
    _bound_of_n(axes, sizes, "n, as the source words it")
    axes.plot(sizes, sizes * claim.config["neurons"], color="black", linestyle=":", label="n for each neuron")
    figure_style.label(axes, "samples n", "weights off the levels (number)", "tanh networks can exceed n")


def _neurons(axes: Axes, claim: Evidence) -> None:
    control = (claim.control, 0.2, 3, "inputs ±1 (control)")
    for points, shift, index, label in (control, (claim, -0.2, 0, "Gaussian inputs")):
        figure_style.points(axes, points.bound + shift, points.measured, points.certified, index, label)
    _bound_of_n(axes, claim.config["sample_sizes"], "n")
    axes.set_ylim(-1, 2 * claim.config["inputs"])
    title = "Each neuron stays within n if inputs are Gaussian"
    figure_style.label(axes, "samples n", "off-level weights of a neuron (number)", title)


def _ranks(axes: Axes, claim: Evidence) -> None:
    control = (claim.control, claim.table["control"], 3, "one sample twice (control)")
    for points, table, index, label in (control, (claim, claim.table, 0, "Gaussian inputs")):
        ratio = np.divide(table["off_level"], table["n"])
        figure_style.points(axes, ratio, points.measured / table["n"], points.certified, index, label)
    figure_style.bound(axes, [0, 1, claim.config["neurons"]], [0, 1, 1], label="min(u, n)/n")
    title = "The rank is min(u, n), so rank u certifies u ≤ n"
    figure_style.label(axes, "off-level weights over samples, u/n", "rank of their Jacobian, over n", title)


def _bound_of_n(axes: Axes, sizes: Sequence[int], label: str) -> None:
    """A short bound at each n, since nothing is claimed between two of them."""
    across = np.add.outer(np.asarray(sizes, dtype=float), (-0.6, 0.6, np.nan)).ravel()
    figure_style.bound(axes, across, np.repeat(sizes, 3), label=label)
    axes.set_xticks(sizes)
