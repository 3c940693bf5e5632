"""The figure on how far critical points of penalties that are not convex are from the truth."""

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
    sloped, amenable, many, cost, rivals, storage = figure_style.panels(figure, 6)
    _sloped(sloped, claims["C10"])
    _amenable(amenable, [claims["C10/mcp"], claims["C10/scad"]])
    _many(many, claims["C10/many"])
    _cost(cost, claims["C10/price"])
    _rivals(rivals, claims["C10/rivals"])
    _storage(storage, claims["C10/storage"])
    config = claims["C10"].config
    price = config["price"]
    figure_style.caption(
        figure,
        evidence,
        designs=[f"{n} × {d} {entries}" for n, d, entries in config["designs"]],
        noise=config["noises"],
        alpha="by theory",
        seeds=config["seeds"],
        **{
            "last three panels": f"{price['n']} × {price['d']}, noise {price['noise']:g}, α = "
            f"{claims['C10/price'].table['alpha']:.3f}, {len(config['price_seeds'])} seeds, 95 % intervals"
        },
    )


def _sloped(axes: Axes, claim: Evidence) -> None:
    """Errors in units of the bound at curvature 1, over the curvature."""
    name, curvature = np.array(claim.table["penalty"]), np.array(claim.table["curvature"])
    ratio = claim.measured / np.array(claim.table["unit"])
    for index, penalty in enumerate(dict.fromkeys(name)):
        chosen = name == penalty
        figure_style.points(
            axes, curvature[chosen], ratio[chosen], claim.certified[chosen], index, str(penalty)
        )
    ends = np.geomspace(0.9 * curvature.min(), 1.1 * curvature.max(), 50)
    figure_style.bound(axes, ends, 1 / ends, "bound")
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes,
        "curvature κ along the error",
        "‖D‖ / (α (A + a_lo/2) √s)",
        "C10: slopes above 0: all points are bounded",
    )


def _amenable(axes: Axes, claims: Sequence[Evidence]) -> None:
    """Errors over what is left of the curvature; points where nothing is left have no bound."""
    furthest, index, without = [], 0, 0
    for claim in claims:
        name, convexity = np.array(claim.table["penalty"]), np.array(claim.table["convexity"])
        ratio = claim.measured / np.array(claim.table["unit"])
        furthest += [convexity.min(), convexity.max()]
        without += claim.table["critical_with_too_little_curvature"]
        for penalty in dict.fromkeys(name):
            chosen = name == penalty
            figure_style.points(
                axes, convexity[chosen], ratio[chosen], claim.certified[chosen], index, str(penalty)
            )
            index += 1
    ends = np.geomspace(0.9 * min(furthest), 1.1 * max(furthest), 50)
    figure_style.bound(axes, ends, 1.5 / ends, "bound")
    axes.set(xscale="log", yscale="log")
    figure_style.label(
        axes,
        f"κ − 3αμ_p/4 (above 0; {without} points are not)",
        "‖D‖ / (α √s)",
        "C10/mcp, C10/scad: bounded where κ suffices",
    )


def _many(axes: Axes, claim: Evidence) -> None:
    """How many points were reached from the same starts: a mark for each design, noise and seed."""
    names = claim.table["penalty"]
    rows = (
        (claim.table["distinct"], "critical", 0.14),
        (claim.table["claimed"], "with a bound", -0.14),
    )
    for index, (counts, label, shift) in enumerate(rows):
        x = np.concatenate(counts)
        y = np.repeat(np.arange(len(names)), [len(row) for row in counts]) + shift
        figure_style.points(axes, x, y, np.ones(x.size, dtype=bool), index, label)
    convex = claim.control.measured
    certified = claim.control.certified
    figure_style.points(axes, convex, np.full(convex.size, float(len(names))), certified, 3, "convex penalty")
    axes.set_yticks(range(len(names) + 1), [*names, "PAR-Lasso"])
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks([0, 1, 2, 5, 10, 20, 40], ["0", "1", "2", "5", "10", "20", "40"])
    axes.minorticks_off()
    axes.set_xlim(-0.5, 60)
    starts = claim.table["ends"][0] // len(claim.table["distinct"][0])
    figure_style.label(
        axes,
        f"different points from {starts} runs (number)",
        "penalty",
        "C10/many: many critical points are reached",
        legend=False,
    )
    axes.set_ylim(-0.6, len(names) + 2.4)
    axes.legend(loc="upper right", ncols=2)


def _cost(axes: Axes, claim: Evidence) -> None:
    """What the ripple adds to the squared error, beside the prediction."""
    ripple = np.array(claim.table["ripple"])
    for index, (where, label) in enumerate((("off", "truths off the grid"), ("on", "truths on the grid"))):
        _errorbars(axes, ripple, claim.table[where], index, label, scale=1e3)
    figure_style.bound(axes, ripple, 1e3 * np.array(claim.table["predicted"]), "s α² h²")
    figure_style.label(
        axes, "ripple h", "added squared error (10⁻³)", "C10/price: off the grid the ripple costs s α² h²"
    )


def _rivals(axes: Axes, claim: Evidence) -> None:
    """Mean errors over the ripple, the rivals as levels."""
    ripple, table = np.array(claim.table["ripple"]), claim.table["off"]
    _errorbars(axes, ripple, table["rippled"], 0, "MCP with ripple h")
    for index, rival in enumerate(table["rivals"], start=1):
        mean, half = rival["mean"][0], rival["half_width"][0]
        look = figure_style.series(index)
        axes.axhline(mean, color=look["color"], linestyle=look["linestyle"], label=rival["name"])
        axes.axhspan(mean - half, mean + half, color=look["color"], alpha=0.2, linewidth=0)
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    figure_style.label(axes, "ripple h", "mean error ‖D‖", "C10/rivals: off the grid the rivals err more")


def _storage(axes: Axes, claim: Evidence) -> None:
    """Bits a coefficient, for sparse truths and for one without zeros."""
    ripple = np.array(claim.table["ripple"])
    rows = (("off", "sparse, off the grid"), ("on", "sparse, on the grid"), ("filled", "dense, on the grid"))
    for index, (where, label) in enumerate(rows):
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
