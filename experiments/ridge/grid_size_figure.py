"""The figure on how error and storage of PAR-ridge depend on the spacing of the grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

SPACING = "spacing q (units of w*)"


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    means = {name: np.array(column, dtype=float) for name, column in claims["C7/grid-size"].table.items()}
    config = claims["C7/grid-size"].config
    names = [_name(*setting) for setting in config["settings"]]
    axes = figure_style.panels(figure, 6)
    distance, rate, error, rounded, baseline, bits = axes
    _distance(distance, means, names, claims["C7/proportional"])
    for index, name in enumerate(names):
        _with_bars(rate, means, "quantization_rate", index, name)
        _with_bars(error, means, "par", index, name)
        _with_bars(rounded, means, "rounded", index, name)
        _with_bars(baseline, means, "over_equal_bits", index, name)
        _with_bars(bits, means, "bits", index, name)
    figure_style.label(
        rate,
        SPACING,
        "quantization rate",
        "The quantization rate does not fall with q",
    )
    rate.set_ylim(-0.03, 1.3)
    rate.legend(loc="upper left", ncols=2)
    figure_style.bound(
        error, [1.6, 2.5], [claims["C7/too-coarse"].bound[0]] * 2, "bound at q = 2, if quantized"
    )
    ridge = "‖ŵ − w*‖² / ‖ŵ_ridge − w*‖²"
    figure_style.label(error, SPACING, ridge, "Quantized well, error high: the grid is too coarse")
    rounded.set_yscale("log")
    figure_style.label(rounded, SPACING, ridge, "The baseline on the same grid: rounded ridge")
    baseline.axhline(0.0, color="black", linewidth=0.8)
    figure_style.label(
        baseline,
        SPACING,
        "‖ŵ − w*‖²: (PAR − rounded) / ridge",
        "At equal bits PAR-ridge does not beat rounding",
    )
    figure_style.bound(bits, None, claims["C11/grid-size"].bound[0], "floats")
    figure_style.label(
        bits, SPACING, "storage (bits per coefficient)", "Storage falls slowly with the spacing"
    )
    bits.set_ylim(0, 60)
    bits.legend(loc="upper left", ncols=2)
    for panel in axes:
        panel.set_xscale("log")
        panel.set_xticks(config["spacings"], [f"{q:g}" for q in config["spacings"]])
        panel.minorticks_off()
    _caption(figure, evidence, config, means, names)


def _name(n: int, d: int, strength: float | None) -> str:
    return f"{n} × {d}, " + ("best α" if strength is None else f"α = {strength:g}")


def _with_bars(axes: Axes, means: dict[str, np.ndarray], name: str, index: int, label: str) -> None:
    chosen = means["setting"] == index
    shift = 1 + 0.03 * (index - 1.5)
    axes.errorbar(
        means["spacing"][chosen] * shift,
        means[name][chosen],
        means[f"{name}_half"][chosen],
        **figure_style.series(index),
        capsize=2,
        label=label,
    )


def _distance(axes: Axes, means: dict[str, np.ndarray], names: Sequence[str], claim: Evidence) -> None:
    """The distance from ridge of each setting in units of its bound, which is in proportion to q."""
    for index, name in enumerate(names):
        slope, half = claim.table["slope"][index], claim.table["slope_half"][index]
        _with_bars(axes, means, "distance_over_bound", index, f"{name}: ∝ q^s, s = {slope:.3f} ± {half:.3f}")
    figure_style.bound(axes, None, 1.0, "bound α/(α + μ) · √d q/2")
    axes.set_ylim(0, 2.1)
    figure_style.label(
        axes,
        SPACING,
        "‖ŵ_PAR − ŵ_ridge‖ / bound",
        "The distance from ridge is in proportion to q",
    )
    axes.legend(loc="upper left")


def _caption(
    figure: Figure,
    evidence: Sequence[Evidence],
    config: dict,
    means: dict[str, np.ndarray],
    names: Sequence[str],
) -> None:
    best = [
        f"{means['alpha'][means['setting'] == index][0]:.2g} ({name.split(',')[0]})"
        for index, (name, setting) in enumerate(zip(names, config["settings"], strict=True))
        if setting[2] is None
    ]
    figure_style.caption(
        figure,
        evidence,
        designs=[f"n × d = {names[0].split(',')[0]}", *(name.split(",")[0] for name in names[1:-1])],
        noise=config["noise"],
        alpha="of least expected error, as an oracle knows it, in the mean " + ", ".join(best) + "; or 1",
        bars="95 % intervals of the mean",
        seeds=config["seeds"],
    )
