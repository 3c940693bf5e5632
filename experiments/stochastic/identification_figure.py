"""The figure on levels that are held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """Fractions off 0 on noise alone, and fractions of time on the levels of the solution."""
    claims = {claim.claim: claim for claim in evidence}
    noise, regressions = figure_style.panels(figure, 2)
    _noise(noise, claims["C22/noise"], claims["C22/noise-aprox"])
    _regressions(regressions, claims["C22/aprox"], claims["C22/prox-sgd"])
    config = evidence[0].config
    facts = {"n": 200, "d": 40, "rows a batch": 10, "epochs": config["epochs"], "runs": len(config["runs"])}
    figure_style.caption(figure, evidence, **facts, seeds=config["instances"])


def _noise(axes: Axes, claim: Evidence, aprox: Evidence) -> None:
    table = {name: np.array(column, dtype=float) for name, column in claim.table.items()}
    for index, (size, name) in enumerate(((2, "proximal SGD"), (3, "proximal SGD, noise ±3 (control)"))):
        of = table["size"] == size
        look = figure_style.series(3 * index) | {"linestyle": "none"}
        steps = 2.0 ** -table["k"][of]
        axes.errorbar(steps, table["fraction"][of], table["half"][of], capsize=3, **look, label=name)
    look = figure_style.series(1) | {"linestyle": "none"}
    axes.plot(2.0 ** -table["k"][table["size"] == 2], aprox.measured, **look, label="AProx, largest later on")
    figure_style.bound(axes, None, 0.7044, label="theory, 0.7044")
    axes.set_xscale("log", base=2)
    axes.set_ylim(-0.05, 1.0)
    figure_style.label(axes, "step size", "fraction of time off 0", "C22/noise, C22/noise-aprox: noise alone")
    axes.legend(loc="center", bbox_to_anchor=(0.5, 0.35))


def _regressions(axes: Axes, aprox: Evidence, eager: Evidence) -> None:
    steps = np.array(aprox.table["step"])
    names = list(dict.fromkeys(steps))
    for index, (key, offset, label) in enumerate(
        (
            ("AProx", -0.15, "AProx"),
            ("ProxSGD", 0.0, "proximal SGD"),
            ("degenerate", 0.15, "degenerate (control)"),
        )
    ):
        values = np.array(aprox.table[key], dtype=float)
        place = np.array([names.index(step) for step in steps]) + offset
        look = figure_style.series((1, 0, 3)[index]) | {"linestyle": "none"}
        shown = np.isfinite(values)
        axes.plot(place[shown], values[shown], **look, alpha=0.7, label=label)
    axes.axhline(float(eager.bound[0]), color="black", linewidth=0.8, linestyle=":")
    figure_style.bound(axes, None, float(aprox.bound[0]), label="thresholds 0.99 and 0.2")
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(-0.05, 1.09)
    figure_style.label(
        axes, "step size", "fraction of time on the level", "C22/aprox, C22/prox-sgd: regressions"
    )
    axes.legend(loc="center", bbox_to_anchor=(0.62, 0.5))
