r"""The panels about solvers: each draws one claim from its points and its table."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

_THIN = {"linewidth": 0.6, "alpha": 0.6}
_FLOOR = 1e-17  # where what is not above rounding is drawn
_FIRST_BOUND = 0.5  # both rates at k = 1, in units of L D²
_TITLES = {
    "C6/pg-rate": "PG stays below L D²/(2k)",
    "C6/fista-rate": "FISTA stays below 2 L D²/(k + 1)²",
}
_CONTROLS = {"C6/pg-rate": "control: step 2.5/L", "C6/fista-rate": "control: PG"}


def rate(axes: Axes, claim: Evidence) -> None:
    """Excess objectives in units of L D², with the bound in the same units."""
    k, control_k = np.array(claim.table["k"]), np.array(claim.table["control k"])
    # The bound of each run is L D² times the same function of k.
    shape = claim.bound[: k.size] / claim.bound[0] * _FIRST_BOUND
    for points, at, index, name in (
        (claim, k, 0, "runs"),
        (claim.control, control_k, 3, _CONTROLS[claim.claim]),
    ):
        scale = points.bound.reshape(-1, at.size)[:, :1] / _FIRST_BOUND
        curves = np.maximum(points.measured.reshape(-1, at.size) / scale, _FLOOR)
        look = figure_style.series(index) | {"marker": ""} | _THIN
        axes.plot(at, curves.T, **look)
        axes.plot([], [], **look | {"linewidth": 1.3, "alpha": 1.0}, label=name)
    figure_style.bound(axes, k, shape)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(_FLOOR, 1e2)
    figure_style.label(axes, "iteration k", "(F(w_k) − F*) / (L D²)", _TITLES[claim.claim])


def linear(axes: Axes, claim: Evidence) -> None:
    """Distances from the limit against time in units of the predicted rate."""
    for index, name in ((0, "PG"), (3, "FISTA")):
        look = figure_style.series(index) | {"marker": ""}
        for curve in claim.table[name]:
            axes.plot(curve["x"], curve["y"], **look | _THIN)
        axes.plot([], [], **look, label=name if index == 0 else f"{name} (control)")
    time = np.array([0.0, 20.0])
    figure_style.bound(axes, time, np.exp(-time), label="bound (1 − λ/L)^k")
    axes.set_yscale("log")
    axes.set_xlim(0, 30)
    axes.set_ylim(1e-9, 1e4)
    figure_style.label(
        axes, "−k log(1 − λ/L), k since settling", "‖w_k − w*‖, relative", "PG is linear in the end"
    )
    axes.legend(loc="upper right")


def identification(axes: Axes, claim: Evidence) -> None:
    """When the levels are found, against when they must be."""
    figure_style.points(axes, claim.bound, claim.measured, claim.certified, 0, "runs")
    control = claim.control
    figure_style.points(axes, control.bound, control.measured, control.certified, 3, "control: one just held")
    ends = np.array([1.0, max(claim.bound.max(), control.measured.max())])
    figure_style.bound(axes, ends, ends)
    axes.set_xscale("log")
    axes.set_yscale("log")
    figure_style.label(
        axes, "iteration when they must be found", "iteration when found", "Levels are found in time"
    )
    axes.set_ylim(bottom=0.02)  # room for the legend
    axes.legend(loc="lower right")


PANELS = {
    "C6/pg-rate": rate,
    "C6/fista-rate": rate,
    "C6/linear": linear,
    "C6/identification": identification,
}
