"""The figure on least residuals of proximal gradient with full batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

THIN = {"linewidth": 0.5, "alpha": 0.5}
FLOOR = 1e-8  # where smaller ratios are drawn


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    *ratios, control = figure_style.panels(figure, 3, columns=3)
    titles = ("C24: least squares", "C24/nonconvex-loss: 1 − cos of residuals")
    for axes, claim, title in zip(ratios, evidence, titles, strict=True):
        horizons = np.array(claim.table["T"])
        curves = (claim.measured / claim.bound).reshape(-1, horizons.size)
        look = figure_style.series(0) | {"marker": ""}
        axes.plot(horizons, np.maximum(curves[:-1], FLOOR).T, **look | THIN)
        axes.plot([], [], **look, label="random problems")
        axes.plot(
            1, curves[-1, 0], **figure_style.series(3) | {"linestyle": "none"}, label="worst case, T = 1"
        )
        figure_style.bound(axes, None, 1.0)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 3, 1e4)
        figure_style.label(axes, "steps T", "min dist² / bound", title)
        axes.legend(loc="upper right")
    claim = evidence[0]
    horizons = np.array(claim.table["T"])
    size = claim.config["cycling"]
    outside = figure_style.series(3, horizons.size)
    control.plot(horizons, claim.control.measured / size, **outside, label="step 1.5/L (control)")
    control.set_xscale("log")
    control.set_ylim(0, 0.5)
    figure_style.label(control, "steps T", "min dist² per coefficient", "Longer steps: it need not fall")
    config = claim.config
    shapes = [f"{n} × {d}" for n, d in config["shapes"]]
    figure_style.caption(
        figure, evidence, **{"n × d": shapes}, alpha=config["strengths"], seeds=config["seeds"]
    )
