"""How graphs of proximal maps are drawn: over the identity and the levels, with gaps at their jumps."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from experiments.harness import figure_style


def ground(axes: Axes, arguments: list[float], levels: list[float]) -> None:
    """The identity, and a thin line at each level within the range of the arguments."""
    for level in levels:
        if not arguments[0] <= level <= arguments[-1]:
            continue
        axes.axhline(level, color="#BBBBBB", linewidth=0.6, zorder=0)
    ends = [arguments[0], arguments[-1]]
    axes.plot(ends, ends, color="#888888", linewidth=0.8, zorder=1)
    axes.grid(False)


def plain(index: int) -> dict[str, Any]:
    """The look of a curve without markers."""
    return figure_style.series(index) | {"marker": ""}


def broken_at_jumps(v: list[float], x: list[float]) -> np.ndarray:
    """The values with a gap wherever they rise faster than v, which a prox does only by jumping."""
    x = np.array(x, dtype=float)
    jumps = np.flatnonzero(np.diff(x) > 1.5 * np.diff(v))
    x[jumps] = np.nan
    return x
