"""The figure on how far PAR-ridge is from ridge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Control, Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    distances, attained, ends, spiked = figure_style.panels(figure, 4)
    _distances(distances, claims["C7"])
    _one_coefficient(attained, claims["C7/attained"])
    _short_grids(ends, claims["C7/box"])
    _spiked(spiked, claims["C7/one-cell"])
    config = claims["C7"].config
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        q=config["spacings"],
        alpha=config["alphas"],
        seeds=config["seeds"],
    )


def _distances(axes: Axes, claim: Evidence) -> None:
    """Every pair's distance against the factor that the curvature of the loss gives."""
    factor, spacing = np.array(claim.table["factor"]), np.array(claim.table["spacing"])
    ratio = claim.measured / claim.bound
    spacings = sorted(set(spacing))
    for index, q in enumerate(spacings):
        chosen = spacing == q
        # Pairs with fewer rows than columns share the factor 1; shifted, the three spacings stay apart.
        shift = 1 + 0.06 * (index - (len(spacings) - 1) / 2)
        figure_style.points(
            axes, factor[chosen] * shift, ratio[chosen], claim.certified[chosen], index, f"q = {q:g}"
        )
    ends = np.array([0.8 * factor.min(), 1.1])
    figure_style.bound(axes, ends, np.minimum(ends, 1.0), "bound α/(α + μ) · √d q/2")
    axes.axhline(1.0, color="black", linewidth=0.8, label="bound √d q/2")
    axes.set_xscale("log")
    axes.set_yscale("log")
    figure_style.label(
        axes, "α/(α + μ)", "distance / (√d q/2)", "The grid covers the solution: the distance is bounded"
    )
    axes.legend(loc="lower right")


def _one_coefficient(axes: Axes, claim: Evidence) -> None:
    """The difference of the two solutions as the data move, and the bound that it comes up to."""
    spacing = claim.table["spacing"][0]
    of_spacing = [k for k, q in enumerate(claim.table["spacing"]) if q == spacing]
    for index, k in enumerate(of_spacing):
        curve, curvature = claim.table["curve"][k], claim.table["curvature"][k]
        centre = np.array(curve["centre"]) / ((1 + curvature) * spacing)
        difference = np.array(curve["difference"]) / spacing
        label = f"μ = {curvature:g} α"
        axes.plot(centre, difference, **figure_style.series(index, centre.size), label=label)
        for sign in (1, -1):
            name = "bound α/(α + μ) · q/2" if index == 0 and sign == 1 else None
            figure_style.bound(axes, None, sign * claim.bound[k] / spacing, name)
    figure_style.label(
        axes,
        "ridge solution (cells of length q)",
        "PAR-ridge minus ridge (cells)",
        "One coefficient: the bound is attained",
        legend=False,
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.4 * (high - low))
    axes.legend(loc="upper center", ncols=2)


def _short_grids(axes: Axes, claim: Evidence) -> None:
    """Grids that end early, with a box at the last level and without."""
    levels = np.array(claim.table["n_levels"], dtype=float)
    sides: tuple[tuple[Control | Evidence, str, float], ...] = (
        (claim, "box at the last level", 0.95),
        (claim.control, "finite slope, no box", 1.05),
    )
    for index, (points, name, shift) in enumerate(sides):
        ratio = points.measured / points.bound
        figure_style.points(axes, levels * shift, ratio, points.certified, index, name)
    figure_style.bound(axes, None, 1.0)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yscale("log")
    axes.set_ylim(top=3e3)
    figure_style.label(
        axes,
        "levels on either side of 0 (number)",
        "distance / (α/(α + μ) · √d q/2)",
        "The grid ends early: a box keeps the bound",
    )
    axes.legend(loc="upper right")


def _spiked(axes: Axes, claim: Evidence) -> None:
    """The spiked design, on the grid one cell beyond the ridge solution and on the covering one."""
    sides: tuple[tuple[Control | Evidence, list[int], str], ...] = (
        (claim, claim.config["spiked_sizes"], "last level one cell beyond ridge"),
        (claim.control, claim.config["covered_sizes"], "levels as theory asks for"),
    )
    for index, (points, sizes, name) in enumerate(sides):
        figure_style.points(axes, sizes, points.measured, points.certified, index, name)
    figure_style.bound(axes, None, 1.0)
    figure_style.label(
        axes, "coefficients d (number)", "distance / (√d q/2)", "One cell beyond ridge is not enough"
    )
