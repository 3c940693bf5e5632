r"""The panels of the figure on the hypotheses of the quantization theorem, one function for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

# Changes of exactly zero appear here on a logarithmic axis.
_FLOOR = 1e-17


def sweep(axes: Axes, claim: Evidence) -> None:
    """Coordinates off the levels against the size of the targets, with a zero slope and with it tilted."""
    scales, found = claim.config["scales"], claim.table
    figure_style.points(axes, scales, found["off_level"], found["certified"], 0, "slope 0 in the middle")
    figure_style.points(
        axes, scales, found["off_level_tilted"], found["certified_tilted"], 1, "slopes ±0.1 instead"
    )
    figure_style.bound(axes, None, claim.config["n"], label="n")
    limit = found["largest_interpolated_scale"]
    axes.axvline(limit, color="black", linestyle=":", linewidth=1, label="interpolation ends (LP)")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    title = "Zero slopes void the bound while fits interpolate"
    x = "root mean square of the targets"
    figure_style.label(axes, x, "coordinates off the levels (number)", title, legend=False)
    axes.legend(loc="center left")


def residuals(axes: Axes, claim: Evidence) -> None:
    """Residuals of fits with more than n coordinates off the levels."""
    for points, index, name in ((claim.control, 3, "no zero slope (control)"), (claim, 0, "zero slopes")):
        figure_style.points(axes, points.bound, points.measured, points.certified, index, name)
    every = np.concatenate((claim.bound, claim.control.bound))
    ends = np.array([every.min(), every.max()])
    figure_style.bound(axes, ends, ends, label="bound")
    axes.set(xscale="log", yscale="log")
    title = "More than n off the levels: the fit interpolates"
    figure_style.label(axes, "bound on the residual if interpolating", "residual / targets (norms)", title)


def plane(axes: Axes, claim: Evidence) -> None:
    """The critical points of the two-input problems, with the levels as lines."""
    for place in (axes.axvline, axes.axhline):
        for level in (0.0, 1.0):
            place(level, color="black", linewidth=0.8)
    name = f"X = [1, {claim.config['second_input']:g}] (control)"
    control = claim.control.certified
    figure_style.points(axes, *np.transpose(claim.table["control_w"]), control, 3, name)
    figure_style.points(axes, *np.transpose(claim.table["w"]), claim.certified, 0, "X = [1, 2]")
    axes.plot([], [], color="black", linewidth=0.8, label="levels 0 and 1")
    axes.set(xlim=(-0.15, 1.15), ylim=(0.85, 3.1))
    title = "X = [1, 2], slopes 1 and 2: both off the levels"
    figure_style.label(axes, "first coefficient", "second coefficient", title)


def purification(axes: Axes, claim: Evidence) -> None:
    """Coordinates off the levels before and after purification, against the rank."""
    for points, index, name in ((claim.control, 3, "before (control)"), (claim, 0, "purified")):
        figure_style.points(axes, points.bound, points.measured, points.certified, index, name)
    ranks = np.array([claim.bound.min(), claim.bound.max()])
    figure_style.bound(axes, ranks, ranks, label="rank(X)")
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(np.unique(claim.bound), [f"{rank:g}" for rank in np.unique(claim.bound)])
    axes.set_xticks([], minor=True)
    title = "Purification leaves at most rank(X) off the levels"
    figure_style.label(axes, "rank of the design X", "coordinates off the levels (number)", title)


def changes(axes: Axes, claim: Evidence) -> None:
    """How much purification and rounding change the objective or the fit."""
    moved = claim.table["moved"]
    for points, index, name in ((claim.control, 3, "rounded (control)"), (claim, 0, "purified")):
        figure_style.points(axes, moved, np.maximum(points.measured, _FLOOR), points.certified, index, name)
    # A short line at each point, since every point has a bound of its own.
    across = np.add.outer(np.array(moved, dtype=float), (-0.7, 0.7, np.nan)).ravel()
    figure_style.bound(axes, across, np.repeat(claim.bound, 3), label="bound, point by point")
    axes.set_yscale("log")
    title = "Purification changes neither objective nor fit"
    figure_style.label(axes, "coordinates put on a level (number)", "relative change of F or Xw", title)


def bounds(axes: Axes, claims: Sequence[Evidence]) -> None:
    """Counts over their bounds, inside and outside the hypotheses."""
    for place, claim in enumerate(claims):
        outside = (claim.control, 0.15, 3, "outside (control)")
        for points, shift, index, name in (outside, (claim, -0.15, 0, "inside")):
            spread = place + shift + np.linspace(-0.08, 0.08, points.measured.size)
            ratio = points.measured / points.bound
            figure_style.points(axes, spread, ratio, points.certified, index, "" if place else name)
    figure_style.bound(axes, None, 1.0, label="bound")
    axes.set_yscale("log")
    axes.set_xticks(range(len(claims)), [claim.claim.removeprefix("C3/") for claim in claims])
    title = "Bounds met inside the hypotheses, broken outside"
    figure_style.label(axes, "hypothesis varied", "coordinates off the levels / bound", title)
