"""The figure of the report, drawn from ``results.json`` alone."""

from __future__ import annotations

from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import ratios
from experiments.harness import figure_style

_SKGLM = "skglm AndersonCD"
_SHORT = {
    "FISTA, Python loop": "FISTA,\nPython loop",
    "proximal gradient, Python loop": "prox. gradient,\nPython loop",
}


def ratio_figure(results: dict) -> bytes:
    """The PNG: ratios to skglm cell by cell, to the other peers, and our time against the shape."""
    return figure_style.render(_plot, results)


def _plot(results: dict, figure: Figure) -> None:
    axes = figure_style.panels(figure, 4)
    _against_skglm(axes[0], results["cells"])
    _against_others(axes[1], results["cells"])
    for panel, fixed, varied in ((axes[2], "n", "d"), (axes[3], "d", "n")):
        _against_shape(panel, results["scaling"], fixed, varied)
    figure.supxlabel(
        "Times of the processor on one thread; ours to a relative gap of 1e-12, theirs to 1e-8, by the same "
        "certificate.\nBars: medians. Open triangles: lower bounds, where their solve was given up.",
        x=0.01, ha="left", fontsize=7, color="#444444",
    )  # fmt: skip


def _against_skglm(axes: Axes, cells: list[dict]) -> None:
    names = ratios.sizes(cells)
    fractions = sorted({cell["fraction"] for cell in cells}, reverse=True)
    for position, size in enumerate(names):
        found = ratios.ratios(cells, _SKGLM, size)
        for index, fraction in enumerate(fractions):
            heights = sorted(ratio.middle for ratio in found if ratio.fraction == fraction)
            # side by side, so that equal ratios do not hide each other
            offsets = 0.26 * (index - 1) + np.linspace(-0.08, 0.08, len(heights))
            look = figure_style.series(index) | {"linestyle": "none", "markersize": 3.0}
            label = f"{fraction:g} α_max" if position == 0 else None
            axes.plot(position + offsets, heights, **look, label=label)
        if found:
            _bar(axes, position, median(ratio.middle for ratio in found))
    _ratio_axis(axes)
    labels = [name.replace(" × ", "\n× ").replace(" sparse", "\nsparse") for name in names]
    axes.set_xticks(range(len(names)), labels)
    figure_style.label(axes, "samples × features", "time of skglm / ours", "a  skglm AndersonCD, every cell")


def _against_others(axes: Axes, cells: list[dict]) -> None:
    names = ratios.sizes(cells)
    peers = [name for name in ratios.methods(cells) if not name.startswith("skglm")]
    shown = [name for name in peers if not name.endswith("1e-12")]
    for position, peer in enumerate(shown):
        for index, size in enumerate(names):
            found = ratios.ratios(cells, peer, size)
            look = figure_style.series(index) | {"linestyle": "none", "markersize": 3.0}
            place = position + 0.14 * (index - (len(names) - 1) / 2)
            axes.plot([place] * len(found), [ratio.middle for ratio in found], **look)
            given_up = [ratio.middle for ratio in found if ratio.bound]
            axes.plot([place] * len(given_up), given_up, "^", ms=6, mfc="none", mec="black", mew=0.7)
    for index, size in enumerate(names):
        if any(ratios.ratios(cells, peer, size) for peer in shown):
            axes.plot([], [], **figure_style.series(index) | {"linestyle": "none"}, label=size)
    _ratio_axis(axes)
    labels = [_SHORT.get(peer, peer.replace(" ", "\n", 1)) for peer in shown]
    axes.set_xticks(range(len(shown)), labels, rotation=35, ha="right", rotation_mode="anchor", fontsize=6)
    figure_style.label(axes, "peer", "their time / ours", "b  other peers")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * 30_000)  # room for the legend


def _against_shape(axes: Axes, records: list[dict], fixed: str, varied: str) -> None:
    for index, method in enumerate(dict.fromkeys(record["method"] for record in records)):
        points = sorted(
            (record[varied], record["seconds"][0])
            for record in records
            if record["method"] == method and record["varied"] == varied
        )
        axes.loglog(*zip(*points, strict=True), **figure_style.series(index), label=method)
    constant = next(record[fixed] for record in records if record["varied"] == varied)
    letter = "c" if varied == "d" else "d"
    title = f"{letter}  cost against {varied}, {fixed} = {constant}"
    quantity = {"d": "features d", "n": "samples n"}[varied]
    figure_style.label(axes, quantity, "time (seconds)", title)


def _bar(axes: Axes, position: float, height: float) -> None:
    axes.plot([position - 0.42, position + 0.42], [height, height], color="black", linewidth=1.6, zorder=3)


def _ratio_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.axhline(1.0, color="black", linewidth=0.8, linestyle=(0, (4, 2)))
