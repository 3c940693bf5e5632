"""The figure on exact paths: the fraction of coefficients on levels at every strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

_CHORDS = ("ridge chords", "lasso chords")


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    generic, any_design, _ = evidence
    panels = figure_style.panels(figure, 4)
    outside = generic.table["outside"][0]
    first, second = (_first(generic.table["inside"], name) for name in ("normal", "autoregressive"))
    real = dict.fromkeys(curve["design"] for curve in any_design.table["inside"])
    names = [*real][-2:]
    # The control falls much further; the floor is what matters.
    panels[0].set_ylim(first[0]["floor"] - 0.1, 1.005)
    _steps(panels[0], first, f"Normal design: at most n = {first[0]['bound']} off the levels", outside)
    _steps(panels[1], second, f"Autoregressive design: at most n = {second[0]['bound']} off the levels")
    for axes, name in zip(panels[2:], names, strict=True):
        curves = _first(any_design.table["inside"], name)
        label = {"diabetes": "Diabetes, cubic", "digits": "Digits"}.get(name, f"Design of {name}")
        _steps(axes, curves, f"{label}: at most rank(X) = {curves[0]['bound']} off the levels")
    config = generic.config
    figure_style.caption(
        figure, evidence, n=config["n"], d=config["d"], seeds=config["seeds"],
        alpha=f"every strength from alpha_max down to {config['lowest']:g} alpha_max",
    )  # fmt: skip


def _first(curves: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The first curve of each kind of chords on the design of that name."""
    return [next(c for c in curves if (c["design"], c["chords"]) == (name, chords)) for chords in _CHORDS]


def _steps(
    axes: Axes, curves: Sequence[dict[str, Any]], title: str, outside: dict[str, Any] | None = None
) -> None:
    shown = [(curve, curve["chords"]) for curve in curves]
    if outside is not None:
        shown.append((outside, "ridge term in the loss (control)"))
    for index, (curve, name) in enumerate(shown):
        look = figure_style.series(index, len(curve["rate"])) | {"marker": "none"}
        axes.stairs(curve["rate"][::-1], curve["strength"][::-1], baseline=None, label=name,
                    color=look["color"], linestyle=look["linestyle"])  # fmt: skip
    figure_style.bound(axes, None, curves[0]["floor"], "floor")
    axes.set_xscale("log")
    figure_style.label(axes, "strength / alpha_max", "fraction on the levels", title)
