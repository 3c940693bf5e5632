"""The figure on how far PAR-Lasso is from a sparse truth, and when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

NOISE = "noise ‖X'ξ‖∞/n (multiples of α a₀/2)"


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    curvature, cone, constant, spacing, attained, nothing = figure_style.panels(figure, 6)
    _curvature(curvature, claims["C8"])
    _cone(cone, claims["C8/cone"])
    _constant(constant, claims["C8/prediction"], claims["C8/l1"])
    _spacing(spacing, claims["C8/eigenvalue"])
    _attained(attained, claims["C8/attained"])
    _nothing(nothing, claims["C8/nothing"])
    config = claims["C8"].config
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        s=config["sizes"],
        alpha="2σ/a₀ √(2 log(2d/δ)/n), δ = 0.05",
        seeds=config["seeds"],
        **{"σ": config["noises"]},
    )


def _curvature(axes: Axes, claim: Evidence) -> None:
    """Errors without the factors that the strength and the support explain."""
    design, seen = np.array(claim.table["design"]), np.array(claim.table["curvature"])
    error = claim.measured / np.array(claim.table["force"])
    for index, name in enumerate(sorted(set(design))):
        chosen = design == name
        figure_style.points(axes, seen[chosen], error[chosen], claim.certified[chosen], index, name)
    ends = np.array([seen.min(), seen.max()])
    figure_style.bound(axes, ends, 1 / ends, "bound 1/κ")
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes, "curvature κ along the error", "‖D‖₂ / (α (A + a₀/2) √s)", "The error is below the bound"
    )


def _cone(axes: Axes, claim: Evidence) -> None:
    inside = np.array(claim.table["relative_noise"])
    outside = np.array(claim.table["relative_noise_off_the_event"])
    floor = 1e-4  # many errors off the support are exactly 0, which a logarithm cannot show
    sides = ((claim, inside, f"event (0 drawn at {floor:g})"), (claim.control, outside, "no event"))
    for index, (side, noise, name) in enumerate(sides):
        ratio = np.maximum(side.measured / side.bound, floor)
        figure_style.points(axes, noise, ratio, side.certified, index, name)
    figure_style.bound(axes, None, 1.0)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes,
        NOISE,
        "‖D‖₁ off S / (c₀ ‖D‖₁ on S)",
        "The error is in the cone, if the noise is small",
    )


def _constant(axes: Axes, prediction: Evidence, l1: Evidence) -> None:
    for index, (claim, name) in enumerate(((prediction, "fitted values"), (l1, "sum of errors"))):
        constant = np.array(claim.table["compatibility"])
        figure_style.points(axes, constant, claim.measured / claim.bound, claim.certified, index, name)
    figure_style.bound(axes, None, 1.0)
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes, "compatibility constant φ²", "error / bound", "The compatibility constant bounds the error"
    )
    axes.legend(loc="lower right")


def _spacing(axes: Axes, claim: Evidence) -> None:
    """PAR-Lasso and the rounded Lasso against one bound; truths on the grid are rounded without error."""
    off_grid = np.array(claim.table["seed"]) % 2 == 0
    bound = claim.bound[off_grid]
    for index, (side, name) in enumerate(((claim, "PAR-Lasso"), (claim.control, "Lasso, rounded"))):
        figure_style.points(axes, bound, side.measured[off_grid], side.certified[off_grid], index, name)
    ends = np.array([bound.min(), bound.max()])
    figure_style.bound(axes, ends, ends)
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes,
        "bound with the smallest eigenvalue",
        "error ‖D‖₂, truth off the grid",
        "PAR-Lasso has no floor; rounding has, at small noise",
    )


def _attained(axes: Axes, claim: Evidence) -> None:
    pulls = np.array(claim.table["pull"])
    for index, (name, curve) in enumerate(claim.table["curve"].items()):
        axes.plot(pulls, curve, **figure_style.series(index, pulls.size), label=name)
    figure_style.bound(axes, None, 1.0)
    axes.axvspan(-1, 1, color="0.92", zorder=0, label="event")
    figure_style.label(
        axes,
        "noise against the truth (multiples of α a₀/2)",
        "‖D‖₂ / bound",
        "Orthogonal columns: the bound is attained",
    )


def _nothing(axes: Axes, claim: Evidence) -> None:
    inside = np.array(claim.table["relative_noise"])
    outside = np.array(claim.table["relative_noise_off_the_event"])
    figure_style.points(axes, inside, claim.measured, claim.certified, 0, "event")
    figure_style.points(axes, outside, claim.control.measured, claim.control.certified, 1, "no event")
    figure_style.bound(axes, [0, 1], [0, 0])
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.yaxis.get_major_locator().set_params(integer=True)
    figure_style.label(axes, NOISE, "nonzero coefficients (number)", "Without a truth the estimate is 0")
    axes.legend(loc="upper center")
