"""The figure on how many bits packed fits take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.harness import figure_style
from experiments.harness.evidence import Evidence

_FLOAT_BITS = 32
_LEVELS = 15  # of the lower panels


def draw(evidence: Sequence[Evidence], figure: Figure) -> None:
    """The whole figure, from the claims of the experiment."""
    claims = {claim.claim: claim for claim in evidence}
    escape, bitmap, real, threshold = figure_style.panels(figure, 4)
    _normal(escape, claims["C11/escape"], "Escape layout: bits are those of the formula")
    _normal(bitmap, claims["C11/bitmap"], "Bitmap layout: bits are those of the formula")
    _real(real, claims["C11/escape"], claims["C11/bitmap"])
    _threshold(threshold, claims["C11/threshold"])
    config = claims["C11"].config
    figure_style.caption(
        figure,
        evidence,
        F=_FLOAT_BITS,
        d=config["d"],
        n=config["rows"],
        alpha=config["alphas"],
        seeds=config["seeds"],
        **{"seeds of C11": config["promise_seeds"]},
    )


def _column(claim: Evidence, name: str) -> NDArray[np.generic]:
    return np.array(claim.table[name])


def _measured(axes: Axes, claim: Evidence, chosen: NDArray[np.bool_], index: int, name: str) -> None:
    """Bits of packed fits over u/d as points, and as a thin line the bits that the formula gives."""
    d = _column(claim, "d")[chosen]
    fraction = _column(claim, "free")[chosen] / d
    order = np.argsort(fraction)
    look = figure_style.series(index) | {"marker": "none", "linewidth": 0.9}
    axes.plot(fraction[order], (claim.bound[chosen] / d)[order], **look)
    figure_style.points(axes, fraction, claim.measured[chosen] / d, claim.certified[chosen], index, name)


def _normal(axes: Axes, claim: Evidence, title: str) -> None:
    """Normal designs with as many columns as most of them have, one series for each grid."""
    chosen = (_column(claim, "F") == _FLOAT_BITS) & (_column(claim, "d") == claim.config["d"])
    chosen &= np.char.startswith(_column(claim, "data"), "normal")
    chosen &= _column(claim, "kind") != "PARRegressor"
    levels = _column(claim, "K")
    for index, k in enumerate(sorted(set(levels[chosen].tolist()))):
        _measured(axes, claim, chosen & (levels == k), index, f"K = {k}")
    _finish(axes, title)


def _real(axes: Axes, escape: Evidence, bitmap: Evidence) -> None:
    """The real data in both layouts."""
    layouts = (("escape", escape), ("bitmap", bitmap))
    for index, (name, (layout, claim)) in enumerate(product(escape.config["real"], layouts)):
        chosen = (_column(claim, "data") == name) & (_column(claim, "F") == _FLOAT_BITS)
        chosen &= _column(claim, "K") == _LEVELS
        d = _column(claim, "d")[chosen][0]
        _measured(axes, claim, chosen, index, f"{name}, d = {d}, {layout}")
    _finish(axes, f"Real data, K = {_LEVELS}: many fits are above half")


def _finish(axes: Axes, title: str) -> None:
    figure_style.bound(axes, None, _FLOAT_BITS / 2, "half of floats, F/2")
    axes.set_xlim(-0.03, 1.03)
    figure_style.label(axes, "fraction off the levels, u/d", "bits per coefficient", title, legend=False)
    axes.legend(loc="upper left")


def _threshold(axes: Axes, claim: Evidence) -> None:
    """Normal designs: the ratio at every strength over n/d, and where theory's limits are."""
    k, d = _LEVELS, claim.config["d"]
    chosen = (_column(claim, "F") == _FLOAT_BITS) & (_column(claim, "K") == k)
    shapes = {f"normal {n} × {d}": n for n in claim.config["rows"]}
    rows = np.array([shapes.get(name, -1) for name in claim.table["data"]])
    chosen &= rows > 0
    ratio, largest = _column(claim, "ratio"), _column(claim, "largest_free")
    for index, layout in enumerate(("escape", "bitmap")):
        shown = chosen & (_column(claim, "layout") == layout)
        shift = 0.003 * (2 * index - 1)
        x = rows[shown] / d + shift
        figure_style.points(axes, x, ratio[shown], claim.certified[shown], index, layout)
        look = {"color": figure_style.series(index)["color"], "linestyle": (":", "-.")[index]}
        limit = largest[shown][0]
        axes.axvline(limit / d, linewidth=1, **look, label=f"its limit: n = {limit}")
    figure_style.bound(axes, None, 2.0, "2 times smaller")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(0.9, 32)
    title = f"K = {k}: up to the limit, every strength is halved"
    figure_style.label(axes, "n/d", "bits of floats / bits of payload", title, legend=False)
    axes.legend(loc="upper right", ncols=2)
