"""The figure on soft rounding, AProx and the straight-through estimator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

FLOOR = 1e-17  # where an exact 0 is drawn


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """Differences of the three identities, and how coefficients come onto levels."""
    claims = {claim.claim: claim for claim in evidence}
    prox, aprox, limit = figure_style.panels(figure, 3, columns=3)
    _prox(prox, claims["C20/prox"])
    _aprox(aprox, claims["C20/aprox"])
    _limit(limit, claims["C20/limit"])
    config = evidence[0].config
    figure_style.caption(figure, evidence, n=100, d=40, centres=config["centers"], seeds=config["seeds"])


def _prox(axes: Axes, claim: Evidence) -> None:
    slopes = np.repeat(claim.config["slopes"], len(claim.config["seeds"]))
    for points, index, name in ((claim, 0, "ρ − 1"), (claim.control, 3, "ρ (control)")):
        drawn = np.maximum(points.measured, FLOOR)
        figure_style.points(axes, slopes, drawn, points.certified, index, label=f"strength {name}")
    order = np.argsort(slopes)
    figure_style.bound(axes, slopes[order], claim.bound[order], label="1e-12 ρ")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(FLOOR / 3, 1e3)
    figure_style.label(axes, "slope ρ", "largest difference to the prox", "C20/prox: a prox of chords")


def _aprox(axes: Axes, claim: Evidence) -> None:
    curves = claim.table["curves"]
    for index, curve in enumerate(curves):
        epochs = np.arange(1, len(curve["kept"]) + 1)
        for offset, key, name in ((0, "decayed", "decayed"), (3, "kept", "not decayed (control)")):
            look = figure_style.series(index + offset, epochs.size)
            values = np.maximum(curve[key], FLOOR)
            axes.plot(epochs, values, **look, label=f"{name}, α = {curve['strength']:g}")
    figure_style.bound(axes, None, float(claim.bound[0]), label="1e-12")
    axes.set_yscale("log")
    axes.set_ylim(FLOOR / 3, 1e5)
    figure_style.label(axes, "epoch", "largest difference to AProx", "C20/aprox: a decayed latent vector")
    axes.legend(fontsize=6)


def _limit(axes: Axes, claim: Evidence) -> None:
    for index, run in enumerate(claim.table["runs"]):
        epochs = np.arange(1, len(run["off"]) + 1)
        axes.plot(epochs, run["off"], **figure_style.series(index, 21), label=f"centre {run['center']:g}")
    axes.axvline(len(claim.table["runs"][0]["off"]) / 2, color="black", linewidth=0.8, linestyle=":")
    figure_style.label(
        axes,
        "epoch (dots: end of schedule)",
        "coefficients off levels (fraction)",
        "C20/limit: PARQ ends hard",
    )
