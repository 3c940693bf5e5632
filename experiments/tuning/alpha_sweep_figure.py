"""The figure on the strength of the penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence
from parlin import theory

_NAMES = {"PAR": "PAR-ridge", "rounded ridge": "rounded ridge", "ridge": "ridge"}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    swept, by_spacing = claims["C15/training-loss"].table, claims["C15/coarse"].table
    config = claims["C15/coarse"].config
    few, many = config["sizes"]
    loss, estimation, rate, distinct, coarse_few, coarse_many = figure_style.panels(figure, 6)
    _errors(loss, swept, few)
    _estimation(estimation, swept, few)
    _quantized(rate, swept, config)
    _distinct(distinct, swept, config)
    for axes, n in ((coarse_few, few), (coarse_many, many)):
        _by_spacing(axes, by_spacing, n)
    figure_style.caption(
        figure,
        evidence,
        n=config["sizes"],
        d=config["d"],
        noise=config["noise"],
        q=config["spacings"],
        **{"q of the upper four": config["main_spacing"]},
        alpha="1e-4 α_max to α_max",
        seeds=config["seeds"],
        bands="one-sided 99 % limits of the mean on either side",
    )


def _band(axes: Axes, x: ArrayLike, column: Mapping[str, Any], index: int, label: str) -> None:
    x, mean = np.array(x, dtype=float), np.array(column["mean"], dtype=float)
    width = np.array(column["half_width"], dtype=float)
    look = figure_style.series(index, mean.size)
    axes.plot(x, mean, **look, label=label)
    axes.fill_between(x, mean - width, mean + width, color=look["color"], alpha=0.2, linewidth=0)


def _errors(axes: Axes, swept: Mapping[str, Any], n: int) -> None:
    for index, method in enumerate(_NAMES):
        _band(axes, swept["fraction"], swept[str(n)][f"test of {method}"], index, f"test, {_NAMES[method]}")
    _band(axes, swept["fraction"], swept[str(n)]["training of PAR"], 3, "training, PAR-ridge")
    axes.set_xscale("log")
    figure_style.label(
        axes,
        "α/α_max",
        "mean squared error (units of y²)",
        f"The training loss rises with the strength (n = {n})",
    )


def _estimation(axes: Axes, swept: Mapping[str, Any], n: int) -> None:
    columns = swept[str(n)]
    for index, method in enumerate(_NAMES):
        _band(axes, swept["fraction"], columns[f"estimation of {method}"], index, _NAMES[method])
    figure_style.bound(axes, None, columns["collapsed"], "all weights 0")
    # Room for the legend above the line.
    axes.set_ylim(top=1.25 * columns["collapsed"])
    axes.set_xscale("log")
    figure_style.label(
        axes, "α/α_max", "mean of ‖w − w*‖ (units of w)", f"At α_max the error is that of 0 (n = {n})"
    )


def _quantized(axes: Axes, swept: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    for index, n in enumerate(config["sizes"]):
        _band(axes, swept["fraction"], swept[str(n)]["rate"], index, f"n = {n}")
    few = config["sizes"][0]
    path = swept[str(few)]["one path"]
    look = {"color": "black", "linewidth": 0.7, "label": f"n = {few}, one data set"}
    axes.step(path["fraction"], path["rate"], where="post", **look)
    floor = theory.quantization_floor(few, config["d"])
    figure_style.bound(axes, None, floor, f"floor 1 − n/d for n = {few}")
    axes.set_xscale("log")
    figure_style.label(axes, "α/α_max", "quantization rate", "Only on average the rate rises with α")


def _distinct(axes: Axes, swept: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    for index, n in enumerate(config["sizes"]):
        _band(axes, swept["fraction"], swept[str(n)]["distinct"], index, f"n = {n}")
    axes.set_xscale("log")
    figure_style.label(axes, "α/α_max", "distinct coefficients (number)", "At α_max one value is left")


def _by_spacing(axes: Axes, table: Mapping[str, Any], n: int) -> None:
    chosen = [k for k, rows in enumerate(table["n"]) if rows == n]
    spacing = np.array(table["spacing"])[chosen]
    for index, name in enumerate((*_NAMES.values(), "PAR-ridge, quantized")):
        columns = [table[name][k] for k in chosen]
        gathered = {key: [column[key] for column in columns] for key in ("mean", "half_width")}
        label = f"{name}, best strength" if index == 0 else name
        _band(axes, spacing, gathered, index, label.replace("quantized", "≥ 90 % quantized"))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    figure_style.label(
        axes,
        "spacing q of the grid (units of w)",
        "mean squared test error (units of y²)",
        f"Quantizing 90 % costs on every grid (n = {n})",
    )
