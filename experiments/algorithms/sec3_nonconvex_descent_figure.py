"""The figure on PG and ADMM with penalties that are not convex."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

THIN = {"linewidth": 0.6, "alpha": 0.6}
FLOOR = 1e-17  # where what is not above rounding is drawn


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    stationarity, admm = figure_style.panels(figure, 2)
    _stationarity(stationarity, claims["C6/stationarity"])
    _admm(admm, claims["C6/admm"])
    config = evidence[0].config
    sizes = [f"{n} × {d} {entries}" for entries, n, d in config["designs"]]
    facts = {"n × d": sizes, "alpha": config["strengths"], "seeds": config["seeds"]}
    figure_style.caption(figure, evidence, **facts)


def _stationarity(axes: Axes, claim: Evidence) -> None:
    """Least squared residuals in units of 4 L times the descent, against 1/T."""
    horizons = np.array(claim.table["T"])
    for points, index, name in ((claim, 0, "PG"), (claim.control, 3, "lazy method (control)")):
        curves = (points.measured / points.bound).reshape(-1, horizons.size) / horizons
        look = figure_style.series(index) | {"marker": ""}
        axes.plot(horizons, np.maximum(curves, FLOOR).T, **look | THIN)
        axes.plot([], [], **look, label=name)
    figure_style.bound(axes, horizons, 1.0 / horizons, label="bound 1/T")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, 1e6)
    figure_style.label(
        axes,
        "iterations T",
        "min dist² / (4 L · descent)",
        "C6/stationarity: nonconvex PG becomes critical",
    )
    axes.legend(loc="upper right")


def _admm(axes: Axes, claim: Evidence) -> None:
    """The augmented Lagrangian of one problem for several ρ."""
    for index, curve in enumerate(claim.table["curves"]):
        look = figure_style.series(index, len(curve["y"]))
        name = f"ρ = {curve['rho']:g} L" + (" (control)" if curve["rho"] < 1 else "")
        axes.plot(range(len(curve["y"])), curve["y"], **look, label=name)
    axes.set_yscale("symlog", linthresh=1.0)
    figure_style.label(
        axes, "iteration", "augmented Lagrangian / f(0)", "C6/admm: nonconvex ADMM descends if ρ >= L"
    )
