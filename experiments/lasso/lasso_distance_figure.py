"""The figure on how far PAR-Lasso is from the Lasso, and from what it is not far."""

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
    pairs, fitted, errors, net = figure_style.panels(figure, 4)
    _pairs(pairs, claims["C9"])
    _against_bound(
        fitted,
        claims["C9/prediction"],
        ("bound √(α ε ‖w − w(Lasso)‖₁)", "‖X(w − w(Lasso))‖₂/√n"),
        "The fitted values are close if the slopes are",
    )
    _against_bound(
        errors,
        claims["C9/both-errors"],
        ("sum of the bounds on both errors", "‖w − w(Lasso)‖₂"),
        "Both estimates are close to the truth",
    )
    _net(net, claims["C9/strongly-convex"])
    config = claims["C9"].config
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        s=config["sizes"],
        seeds=config["seeds"],
        alpha=f"{config['pair_alpha']:g} (two columns), 2σ/a₀ √(2 log(2d/δ)/n) with δ = 0.05 (random data)",
        **{"σ": config["noises"]},
    )


def _pairs(axes: Axes, claim: Evidence) -> None:
    spacing, growth = (np.array(claim.table[name]) for name in ("spacing", "growth"))
    growths = sorted(set(growth), reverse=True)
    for index, of in enumerate(growths):
        chosen = growth == of
        # The distances hardly differ; shifted, the markers stay apart.
        shifted = spacing[chosen] * 1.12 ** (index - 1)
        figure_style.points(
            axes, shifted, claim.measured[chosen], claim.certified[chosen], index, f"slopes 1 + {of:g} qk"
        )
    outside = claim.control
    figure_style.points(axes, spacing, outside.measured, outside.certified, 3, "orthogonal columns")
    ends = np.array([spacing.min(), spacing.max()])
    figure_style.bound(axes, None, np.sqrt(2.0), "prediction √2")
    axes.plot(ends, ends, color="black", linewidth=0.8, label="q, as the source says")
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes,
        "spacing q of the grid",
        "‖w − w(Lasso)‖₂",
        "Nearly equal columns: no bound by the spacing",
        legend=False,
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.75)  # room for the legend
    axes.legend(loc="upper left", ncols=2)


def _against_bound(axes: Axes, claim: Evidence, names: tuple[str, str], title: str) -> None:
    floor = 1e-6  # fits that do not differ at all, which a logarithm cannot show
    for index, (side, name) in enumerate(((claim, "PAR-Lasso"), (claim.control, "Lasso, rounded"))):
        seen = (side.bound > floor) & (side.measured > floor)
        figure_style.points(axes, side.bound[seen], side.measured[seen], side.certified[seen], index, name)
    ends = np.array([claim.bound[claim.bound > floor].min(), claim.bound.max()])
    figure_style.bound(axes, ends, ends)
    axes.set(xscale="log", yscale="log")
    figure_style.label(axes, *names, title)


def _net(axes: Axes, claim: Evidence) -> None:
    spacing, design = np.array(claim.table["spacing"]), np.array(claim.table["design"])
    ratio = claim.measured / claim.bound
    kinds = sorted(set(design))
    for index, name in enumerate(kinds):
        chosen = design == name
        shifted = spacing[chosen] * 1.08 ** (index - (len(kinds) - 1) / 2)
        figure_style.points(axes, shifted, ratio[chosen], claim.certified[chosen], index, name)
    figure_style.bound(axes, None, 1.0)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.7)  # room for the legend
    figure_style.label(
        axes,
        "spacing q of the grid",
        "distance / (α/(α + μ) · √d q/2)",
        "Chords of |x| + x²/2: q bounds the distance",
        legend=False,
    )
    axes.legend(loc="upper left", ncols=2)
