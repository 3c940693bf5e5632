"""The figure on how PAR-ridge tracks ridge as the rows grow in number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

ROWS = "rows per column n/d"


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    means = {name: np.array(column, dtype=float) for name, column in claims["C12/expected"].table.items()}
    config = claims["C12/expected"].config
    columns = config["columns"]
    axes = figure_style.panels(figure, len(columns) + 4)
    *errors, gap, tracking, rate, bits = axes
    for panel, d in zip(errors, columns, strict=True):
        _errors(panel, means, d)
    _gap(gap, claims["C12/gap"], columns)
    _tracking(tracking, means, columns)
    _rate(rate, means, columns, claims["C12/vanishes"].bound[0])
    _bits(bits, means, columns, claims["C12/together"].bound[0])
    for panel in axes:
        panel.set_xscale("log")
        panel.set_xticks(config["ratios"], [f"{ratio:g}" for ratio in config["ratios"]])
        panel.minorticks_off()
    figure_style.caption(
        figure,
        evidence,
        n=[f"{min(config['ratios']):g} d to {max(config['ratios']):g} d"],
        d=columns,
        q=config["spacing"],
        noise=config["noise"],
        alpha="of least expected error, as an oracle knows it (means from smallest to largest n: "
        + ", ".join(_range(means["alpha"][means["d"] == d]) + f" for d = {d}" for d in columns)
        + ")",
        bars="95 % intervals of the mean",
        seeds=config["seeds"],
    )


def _range(alphas: np.ndarray) -> str:
    return f"{alphas[0]:.2g} to {alphas[-1]:.2g}"


def _with_bars(
    axes: Axes, means: dict[str, np.ndarray], name: str, d: int, index: int, label: str, shift: float = 1.0
) -> None:
    chosen = means["d"] == d
    axes.errorbar(
        means["ratio"][chosen] * shift,
        means[name][chosen],
        means[f"{name}_half"][chosen],
        **figure_style.series(index),
        capsize=2,
        label=label,
    )


def _errors(axes: Axes, means: dict[str, np.ndarray], d: int) -> None:
    """The mean errors, and the exact one of ridge."""
    chosen = means["d"] == d
    _with_bars(axes, means, "rounded", d, 1, "ridge rounded to the grid")
    _with_bars(axes, means, "par", d, 0, "PAR-ridge", 1.04)
    _with_bars(axes, means, "ridge", d, 2, "ridge", 0.96)
    figure_style.bound(axes, means["ratio"][chosen], means["expected"][chosen], "ridge, exact formula")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.05 * means["expected"][chosen].min())  # room for the legend
    figure_style.label(axes, ROWS, "‖ŵ − w*‖², mean", f"d = {d}: PAR-ridge errs about as much as ridge")
    axes.legend(loc="lower left")


def _gap(axes: Axes, claim: Evidence, columns: Sequence[int]) -> None:
    """Every run's difference of distances in units of its bound."""
    d, ratio = np.array(claim.table["d"]), np.array(claim.table["ratio"])
    for index, size in enumerate(columns):
        chosen = d == size
        shift = 0.96 if index == 0 else 1.04
        figure_style.points(
            axes,
            ratio[chosen] * shift,
            claim.measured[chosen] / claim.bound[chosen],
            claim.certified[chosen],
            index,
            f"one run, d = {size}",
        )
    figure_style.bound(axes, None, 1.0)
    axes.set_yscale("log")
    axes.set_ylim(top=30)
    figure_style.label(
        axes,
        ROWS,
        "difference of ‖ŵ − w*‖ / bound",
        "Every run is within the bound of Theorem 4",
    )
    axes.legend(loc="upper left", ncols=3, columnspacing=1.0, handletextpad=0.4)


def _tracking(axes: Axes, means: dict[str, np.ndarray], columns: Sequence[int]) -> None:
    """The relative gaps of PAR-ridge and of rounding."""
    for index, d in enumerate(columns):
        _with_bars(axes, means, "relative_gap", d, index, f"PAR-ridge, d = {d}")
        _with_bars(axes, means, "relative_rounded_gap", d, index + 2, f"rounded, d = {d}")
    axes.set_yscale("log")
    figure_style.label(
        axes, ROWS, "| ‖ŵ − w*‖ / ‖ŵ_ridge − w*‖ − 1 |", "PAR-ridge tracks ridge; rounding does not"
    )


def _rate(axes: Axes, means: dict[str, np.ndarray], columns: Sequence[int], few: float) -> None:
    """The quantization rate, and the floor of the quantization theorem."""
    for index, d in enumerate(columns):
        shift = 0.97 if index == 0 else 1.03
        _with_bars(axes, means, "quantization_rate", d, index, f"PAR-ridge, d = {d}", shift)
    ratio = np.geomspace(means["ratio"].min(), means["ratio"].max(), 200)
    axes.plot(ratio, np.maximum(1 - ratio, 0), color="#666666", linewidth=0.9, label="floor 1 − n/d")
    figure_style.bound(axes, [4, means["ratio"].max()], [few, few], f"bound {few:g} from 4 d rows on")
    figure_style.label(axes, ROWS, "quantization rate", "At the best strength quantization vanishes")


def _bits(axes: Axes, means: dict[str, np.ndarray], columns: Sequence[int], half: float) -> None:
    """The storage, between half the size of floats and their size."""
    for index, d in enumerate(columns):
        shift = 0.97 if index == 0 else 1.03
        _with_bars(axes, means, "bits", d, index, f"PAR-ridge, d = {d}", shift)
    figure_style.bound(axes, None, half, "half the size of floats")
    axes.axhline(2 * half, color="black", linewidth=0.8, label="floats")
    axes.set_ylim(bottom=0)
    figure_style.label(axes, ROWS, "storage (bits per coefficient)", "Half the size of floats takes few rows")
    axes.legend(loc="lower right")
