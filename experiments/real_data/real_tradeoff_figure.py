"""The figure on real data as rows grow and as the strength grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

_NAMES = {"PAR": "PAR-ridge", "rounded ridge": "rounded ridge", "ridge": "ridge"}


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    distance, swept = claims["C12/real"], claims["C15/real-training"].table
    config = distance.config
    sizes = [data for data, _ in config["sizes"]]
    axes = figure_style.panels(figure, 6)
    coarsest = config["spacings"][-1]
    for panel, data in zip(axes[:2], sizes, strict=True):
        _errors(panel, distance.table, data, coarsest)
    _rates(axes[2], distance.table)
    _distances(axes[3], distance, len(config["splits"]))
    for panel, name in zip(axes[4:], ("error", "rate"), strict=True):
        _swept(panel, swept, name)
    figure_style.caption(
        figure,
        evidence,
        d="61 (digits), 285 (diabetes)",
        q=config["spacings"],
        **{"q of the lower panels": config["swept_spacing"]},
        alpha=config["strengths"],
        splits=config["splits"],
        bars="one-sided 99 % limits of the mean over splits on either side",
    )


def _bars(axes: Axes, x: ArrayLike, columns: Sequence[Mapping[str, Any]], index: int, label: str) -> None:
    mean = np.array([column["mean"] for column in columns], dtype=float)
    width = np.array([column["half_width"] for column in columns], dtype=float)
    axes.errorbar(x, mean, yerr=width, capsize=2, **figure_style.series(index), label=label)


def _chosen(table: Mapping[str, Any], data: str, spacing: float) -> list[int]:
    pairs = zip(table["data"], table["spacing"], strict=True)
    return [k for k, pair in enumerate(pairs) if pair == (data, spacing)]


def _errors(axes: Axes, table: Mapping[str, Any], data: str, spacing: float) -> None:
    chosen = _chosen(table, data, spacing)
    n = np.array([table["n"][k] for k in chosen], dtype=float)
    for index, method in enumerate(_NAMES):
        _bars(axes, n * 1.03 ** (index - 1), [table[method][k] for k in chosen], index, _NAMES[method])
    _rows_axis(axes)
    figure_style.label(
        axes,
        "training rows n (number)",
        "test error (fraction of variance)",
        f"{data.capitalize()}, q = {spacing:g}: rounding errs most",
    )


def _rates(axes: Axes, table: Mapping[str, Any]) -> None:
    pairs = sorted(set(zip(table["data"], table["spacing"], strict=True)), reverse=True)
    for index, (data, spacing) in enumerate(pairs):
        chosen = _chosen(table, data, spacing)
        n = [table["n"][k] for k in chosen]
        _bars(axes, n, [table["rate"][k] for k in chosen], index, f"{data}, q = {spacing:g}")
    _rows_axis(axes)
    axes.set_ylim(0, 1.02)
    figure_style.label(
        axes, "training rows n (number)", "quantization rate", "With n/d the rate at the best strength falls"
    )


def _distances(axes: Axes, claim: Evidence, splits: int) -> None:
    table = claim.table
    n = np.repeat(table["n"], splits)
    of_data = np.repeat(table["data"], splits)
    for index, data in enumerate(dict.fromkeys(table["data"])):
        chosen = of_data == data
        ratio = claim.measured[chosen] / claim.bound[chosen]
        figure_style.points(axes, n[chosen], ratio, claim.certified[chosen], index, data)
    figure_style.bound(axes, None, 1.0, "bound α/(α + μ) · √d q/2")
    _rows_axis(axes)
    axes.set_ylim(0, 1.1)
    figure_style.label(
        axes,
        "training rows n (number)",
        "distance / bound",
        "Every split is within the distance bound",
    )


def _swept(axes: Axes, swept: Mapping[str, Any], name: str) -> None:
    fraction = np.array(swept["fraction"], dtype=float)
    kinds = {"error": ("test", "training"), "rate": ("rate",)}[name]
    series = [(data, kind) for data in swept["curve"] for kind in kinds]
    for index, (data, kind) in enumerate(series):
        column = swept["curve"][data][kind]
        mean, width = (np.array(column[key], dtype=float) for key in ("mean", "half_width"))
        look = figure_style.series(index, fraction.size)
        label = f"{data}, n = {swept['curve'][data]['n']}" + (f", {kind}" if name == "error" else "")
        axes.plot(fraction, mean, **look, label=label)
        axes.fill_between(fraction, mean - width, mean + width, color=look["color"], alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    if name == "error":
        axes.set_ylim(0, 1.9)
        title, y = "The training loss rises with the strength", "error (fraction of variance)"
    else:
        title, y = "The quantization rate rises to 1 at α_max", "quantization rate"
    figure_style.label(axes, "α/α_max", y, title)


def _rows_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xticks([50, 100, 200, 400, 800], ["50", "100", "200", "400", "800"])
    axes.minorticks_off()
