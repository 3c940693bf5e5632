"""The figure on the rate of PAR-Lasso's error, and on how likely the event behind it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

SWEPT = {
    "size": ("nonzero coefficients s (number)", "The mean error grows as √s"),
    "n": ("rows n (number)", "The mean error falls as 1/√n"),
    "noise": ("standard deviation σ of the noise", "The mean error grows as σ"),
}
ESTIMATES = {"par": "PAR-Lasso", "lasso": "Lasso", "rounded_lasso": "Lasso, rounded"}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    event, *rates = figure_style.panels(figure, 4)
    _event(event, claims["C8/event"])
    for axes, (swept, (size, title)) in zip(rates, SWEPT.items(), strict=True):
        _rate(axes, claims["C8/rates"].table[swept], size, title)
    config = claims["C8/rates"].config
    base = config["base"]
    figure_style.caption(
        figure,
        evidence,
        n=base["n"],
        d=base["d"],
        s=base["size"],
        alpha="2σ/a₀ √(2 log(2d/δ)/n), δ = 0.05",
        draws=config["draws"],
        seeds=config["seeds"],
        **{"σ": base["noise"]},
    )


def _event(axes: Axes, claim: Evidence) -> None:
    columns = {name: np.array(column) for name, column in claim.table.items()}
    for index, kind in enumerate(("normal", "ar", "orthogonal")):
        chosen = np.array([name.endswith(kind) for name in columns["design"]])
        frequency = columns["frequency"][chosen]
        reach = np.array([frequency - columns["low"][chosen], columns["high"][chosen] - frequency])
        style = figure_style.series(index) | {"linestyle": "none", "capsize": 2}
        shifted = columns["predicted"][chosen] + 0.001 * (index - 1)  # kinds with equal d stay apart
        axes.errorbar(shifted, frequency, reach, label=f"{kind} columns", **style)
    ends = np.array([columns["predicted"].min(), 1.0])
    figure_style.bound(axes, ends, ends, "prediction (lower bound)")
    figure_style.label(
        axes,
        "predicted probability of the event",
        "frequency, 99.9 % interval",
        "The event is as likely as predicted",
    )


def _rate(axes: Axes, table: dict, size: str, title: str) -> None:
    values = np.array(table["values"], dtype=float)
    for index, (name, label) in enumerate(ESTIMATES.items()):
        fitted = table["exponent"][name]
        mean, half_width = (np.array(table[name][key]) for key in ("mean", "half_width"))
        exponent = f"{label}: {fitted['value']:.3f} ± {fitted['half_width']:.3f}"
        axes.errorbar(values, mean, half_width, **figure_style.series(index), capsize=2, label=exponent)
    guide = np.array(table["par"]["mean"])[0] * (values / values[0]) ** table["predicted"]
    figure_style.bound(axes, values, guide, f"exponent {table['predicted']:g}")
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.3)  # room for the legend
    figure_style.label(axes, size, "mean of ‖w − w*‖₂, 95 % interval", title)
