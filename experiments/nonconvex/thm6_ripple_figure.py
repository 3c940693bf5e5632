"""The figure on ripples: what they do to slopes and levels, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    slopes, levels, cost, baselines, fractions, storage = figure_style.panels(figure, 6)
    _slopes(slopes, claims["C10/slopes"])
    _levels(levels, claims["C10/trap"], claims["C10/ripple"])
    _cost(cost, claims["C10/price"])
    _baselines(baselines, claims["C10/rivals"])
    _fractions(fractions, claims["C10/storage"])
    _storage(storage, claims["C10/storage"])
    config = evidence[0].config
    price = config["price"]
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        noise=config["noises"],
        alpha="by theory",
        seeds=config["seeds"],
        **{
            "last four panels": f"{price['n']} × {price['d']}, noise {price['noise']:g}, α = "
            f"{claims['C10/price'].table['alpha']:.3f}, {len(config['price_seeds'])} seeds, 95 % intervals"
        },
    )


def _slopes(axes: Axes, claim: Evidence) -> None:
    """The slope errors of each penalty as points, the formula for each of them as a tick."""
    names = np.array(claim.table["penalty"])
    rows = list(dict.fromkeys(names))
    for index, name in enumerate(rows):
        chosen = names == name
        height = np.full(chosen.sum(), float(index))
        figure_style.points(axes, claim.measured[chosen], height, claim.certified[chosen], index)
    control = claim.control
    height = np.full(control.measured.size, float(len(rows)))
    figure_style.points(axes, control.measured, height, control.certified, 6)
    formula = np.concatenate((claim.bound, control.bound))
    height = np.concatenate(([rows.index(name) for name in names], height))
    tick = {"marker": "|", "markersize": 11, "linestyle": "none", "color": "black", "zorder": 1}
    axes.plot(formula, height, **tick, label="formula")
    axes.plot([], [], "o", color="#666666", label="found")
    axes.set_yticks(range(len(rows) + 1), [*rows, "MCP, two cells\n(control)"])
    axes.set_ylim(-0.6, len(rows) + 0.6)
    axes.set_xlim(left=0)
    figure_style.label(axes, "slope error ε", "penalty", "C10/slopes: chords keep near the slopes")
    axes.legend(loc="upper right")


def _levels(axes: Axes, trap: Evidence, ripple: Evidence) -> None:
    """The fraction of nonzero coefficients on levels for each noise, with a ripple and without."""
    noises, index = trap.config["noises"], 0
    for claim in (trap, ripple):
        names, nonzero = np.array(claim.table["penalty"]), np.array(claim.table["nonzero"])
        fraction = np.array(claim.table["on_levels_off_0"]) / np.maximum(nonzero, 1)
        place = np.array([noises.index(noise) for noise in claim.table["noise"]])
        for name in dict.fromkeys(names):
            chosen = names == name
            x = place[chosen] + 0.08 * (index - 1.5)  # penalties are shifted aside from each other
            figure_style.points(axes, x, fraction[chosen], nonzero[chosen] > 0, index, str(name))
            index += 1
    axes.set_xticks(range(len(noises)), [f"{noise:g}" for noise in noises])
    axes.set_xlim(-0.7, len(noises) - 0.3)
    axes.set_ylim(-0.05, 1.5)
    figure_style.label(
        axes,
        "standard deviation of the noise",
        "on levels off 0 (fraction of nonzero)",
        "C10/trap, C10/ripple: the ripple quantizes",
    )
    axes.legend(loc="upper left", ncols=2)


def _cost(axes: Axes, claim: Evidence) -> None:
    """What the ripple adds to the squared error, with the prediction."""
    ripple = np.array(claim.table["ripple"])
    for index, (where, label) in enumerate((("off", "truths off the grid"), ("on", "truths on the grid"))):
        _errorbars(axes, ripple, claim.table[where], index, label, scale=1e3)
    figure_style.bound(axes, ripple, 1e3 * np.array(claim.table["predicted"]), "s α² h²")
    figure_style.label(
        axes, "ripple h", "added squared error (10⁻³)", "C10/price: off the grid the ripple costs s α² h²"
    )


def _baselines(axes: Axes, claim: Evidence) -> None:
    """Mean errors over the ripple, the baselines as bands."""
    ripple, table = np.array(claim.table["ripple"]), claim.table["off"]
    _errorbars(axes, ripple, table["rippled"], 0, "MCP with ripple h")
    for index, baseline in enumerate(table["baselines"], start=1):
        mean, half = baseline["mean"][0], baseline["half_width"][0]
        look = figure_style.series(index)
        axes.axhline(mean, color=look["color"], linestyle=look["linestyle"], label=baseline["name"])
        axes.axhspan(mean - half, mean + half, color=look["color"], alpha=0.2, linewidth=0)
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    figure_style.label(axes, "ripple h", "mean error ‖D‖", "C10/rivals: off the grid the baselines err more")


STORED = (("off", "sparse, off the grid"), ("on", "sparse, on the grid"), ("filled", "dense, on the grid"))


def _fractions(axes: Axes, claim: Evidence) -> None:
    """How many of the nonzero coefficients are on a level, for the same truths as the storage."""
    ripple = np.array(claim.table["ripple"])
    for index, (where, label) in enumerate(STORED):
        _errorbars(axes, ripple, claim.table[where]["fraction_on_levels"], index, label)
    axes.set_ylim(-0.03, 1.3)
    figure_style.label(
        axes,
        "ripple h",
        "on levels off 0 (fraction of nonzero)",
        "C10/storage: what the ripple quantizes",
    )
    axes.legend(loc="upper left")


def _storage(axes: Axes, claim: Evidence) -> None:
    """Bits a coefficient, for sparse truths and for one without zeros."""
    ripple = np.array(claim.table["ripple"])
    for index, (where, label) in enumerate(STORED):
        _errorbars(axes, ripple, claim.table[where]["bits"], index, label)
    axes.set_ylim(0, 48)
    figure_style.label(
        axes,
        "ripple h",
        "storage (bits per coefficient)",
        "C10/storage: the ripple costs sparse fits bits",
    )


def _errorbars(
    axes: Axes, x: np.ndarray, intervals: Mapping[str, Any], index: int, label: str, scale: float = 1.0
) -> None:
    mean, half = scale * np.array(intervals["mean"]), scale * np.array(intervals["half_width"])
    axes.errorbar(x, mean, yerr=half, capsize=2, **figure_style.series(index), label=label)
