"""The figure on how far critical points of penalties that are not convex are from the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    sloped, amenable, total, eigenvalue = figure_style.panels(figure, 4)
    _sloped(sloped, claims["C10"])
    _amenable(amenable, [claims["C10/mcp"], claims["C10/scad"]])
    _against_bound(total, claims["C10/l1"], "‖D‖_1", "C10/l1: the sum is bounded as well")
    _against_bound(eigenvalue, claims["C10/eigenvalue"], "‖D‖", "C10/eigenvalue: bounded in advance")
    config = evidence[0].config
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        noise=config["noises"],
        alpha="by theory",
        seeds=config["seeds"],
    )


def _sloped(axes: Axes, claim: Evidence) -> None:
    """Errors in units of the bound at curvature 1, over the curvature."""
    name, curvature = np.array(claim.table["penalty"]), np.array(claim.table["curvature"])
    ratio = claim.measured / np.array(claim.table["unit"])
    for index, penalty in enumerate(dict.fromkeys(name)):
        chosen = name == penalty
        figure_style.points(
            axes, curvature[chosen], ratio[chosen], claim.certified[chosen], index, str(penalty)
        )
    ends = np.geomspace(0.9 * curvature.min(), 1.1 * curvature.max(), 50)
    figure_style.bound(axes, ends, 1 / ends, "bound")
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes,
        "curvature κ along the error",
        "‖D‖ / (α (A + a_lo/2) √s)",
        "C10: slopes above 0: all points are bounded",
    )


def _amenable(axes: Axes, claims: Sequence[Evidence]) -> None:
    """Errors over what is left of the curvature; points where nothing is left have no bound."""
    furthest, index, without = [], 0, 0
    for claim in claims:
        name, convexity = np.array(claim.table["penalty"]), np.array(claim.table["convexity"])
        ratio = claim.measured / np.array(claim.table["unit"])
        furthest += [convexity.min(), convexity.max()]
        without += claim.table["critical_with_too_little_curvature"]
        for penalty in dict.fromkeys(name):
            chosen = name == penalty
            figure_style.points(
                axes, convexity[chosen], ratio[chosen], claim.certified[chosen], index, str(penalty)
            )
            index += 1
    ends = np.geomspace(0.9 * min(furthest), 1.1 * max(furthest), 50)
    figure_style.bound(axes, ends, 1.5 / ends, "bound")
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes,
        f"κ − 3αμ_p/4 (above 0; {without} points are not)",
        "‖D‖ / (α √s)",
        "C10/mcp, C10/scad: bounded where κ suffices",
    )


def _against_bound(axes: Axes, claim: Evidence, error: str, title: str) -> None:
    """The error of each point over its bound, those of the control among them."""
    for index, (points, name) in enumerate(((claim, "critical points"), (claim.control, "control"))):
        figure_style.points(axes, points.bound, points.measured, points.certified, index, name)
    bounds = np.concatenate((claim.bound, claim.control.bound))
    ends = np.array([0.5 * bounds.min(), 2.0 * bounds.max()])
    figure_style.bound(axes, ends, ends)
    axes.set(xscale="log", yscale="log")
    figure_style.label(axes, f"bound on {error}", error, title)
