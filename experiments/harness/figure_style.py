"""One look for every figure: readable in grey, labelled, with the facts of the run written below it.

An experiment's ``plot(evidence, figure)`` is called with an empty figure of this style and fills it.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from experiments.harness.evidence import Evidence

DOTS_PER_INCH = 150

# Colours that the colour-blind can tell apart, ordered so that neighbours differ in lightness as well;
# line and marker say the same once more for print without colour.
_SERIES = tuple(
    {"color": color, "linestyle": linestyle, "marker": marker}
    for color, linestyle, marker in (
        ("#0072B2", "-", "o"),
        ("#E69F00", "--", "s"),
        ("#009E73", "-.", "^"),
        ("#CC3311", ":", "D"),
        ("#56B4E9", (0, (5, 1)), "v"),
        ("#882255", (0, (3, 1, 1, 1)), "P"),
        ("#666666", (0, (1, 1)), "X"),
    )
)

_STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 8,
    "axes.prop_cycle": cycler(color=[series["color"] for series in _SERIES]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 8,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "font.size": 8,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "image.cmap": "cividis",
    "legend.fontsize": 7,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}


def render(plot: Callable[[Sequence[Evidence], Figure], None], evidence: Sequence[Evidence]) -> bytes:
    """The figure that `plot` draws from the evidence, as a PNG: equal evidence gives equal bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(layout="constrained")
        plot(evidence, figure)
        picture = io.BytesIO()
        # matplotlib would sign the file with its version
        figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return picture.getvalue()


def panels(figure: Figure, n_panels: int, columns: int = 2, **subplot_options: Any) -> list[Axes]:
    """That many axes in rows of `columns`, in a figure sized to fit them.

    Parameters
    ----------
    figure : Figure
        The empty figure that `plot` was called with.
    n_panels : int
        How many axes.
    columns : int, default=2
        How many of them side by side at most.
    **subplot_options
        Handed to `Figure.subplots`, for example ``sharey=True``.
    """
    columns = min(columns, n_panels)
    rows = math.ceil(n_panels / columns)
    figure.set_size_inches(3.4 * columns + 0.4, 2.5 * rows + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False, **subplot_options).ravel()
    for spare in grid[n_panels:]:
        spare.remove()
    return list(grid[:n_panels])


def label(axes: Axes, x: str, y: str, title: str = "", legend: bool = True) -> None:
    """Both axes say what they show and in which unit; the legend appears where there is something in it."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title)
    if legend and axes.get_legend_handles_labels()[0]:
        axes.legend()


def series(index: int, n_points: int = 0) -> dict[str, Any]:
    """Colour, line and marker of the series with that index, as keywords for `Axes.plot`.

    Parameters
    ----------
    index : int
        Which series; the same index means the same thing in all panels of a figure.
    n_points : int, default=0
        Length of the series; above 20 only some points get a marker.
    """
    chosen = dict(_SERIES[index % len(_SERIES)])
    if n_points > 20:
        # shifted from series to series, so that the markers of curves that coincide stay apart
        every = n_points // 10
        chosen["markevery"] = (index * every // len(_SERIES), every)
    return chosen


def points(
    axes: Axes, x: ArrayLike, y: ArrayLike, certified: ArrayLike, index: int = 0, label: str = ""
) -> None:
    """Certified points are filled markers, the others hollow: only the filled ones are evidence."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    certified = np.asarray(certified, dtype=bool)
    # A white rim keeps markers apart that overlap, also in grey.
    chosen = series(index) | {"linestyle": "none"}
    rim = {"markeredgecolor": "white", "markeredgewidth": 0.3}
    axes.plot(x[certified], y[certified], **chosen, **rim, label=label)
    if not certified.all():
        hollow = {"markerfacecolor": "none", "label": f"{label} (not certified)".strip()}
        axes.plot(x[~certified], y[~certified], **chosen | hollow)


def bound(axes: Axes, x: ArrayLike | None, y: ArrayLike, label: str = "bound") -> None:
    """The bound of the theory, in every figure the same thick black dashes; level where `x` is None."""
    look = {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.8, "label": label, "zorder": 3}
    if x is None:
        axes.axhline(float(y), **look)
    else:
        axes.plot(x, y, **look)


def caption(figure: Figure, evidence: Iterable[Evidence], **facts: Any) -> None:
    """The line under the figure: the facts of the run, then each claim with its verdict.

    Parameters
    ----------
    figure : Figure
        Sized already, since the text is wrapped to its width.
    evidence : iterable of Evidence
        The claims that the figure bears on.
    **facts
        What a reader needs to place the figure, usually ``n``, ``d``, ``alpha`` and ``seeds``. A range or
        list of integers is abridged to "first–last" where it has no gaps.
    """
    symbols = {"alpha": "α"}
    settings = "; ".join(f"{symbols.get(name, name)} = {_abridged(fact)}" for name, fact in facts.items())
    verdicts = ", ".join(f"{claim.claim} {claim.verdict}" for claim in evidence)
    width = int(16.5 * figure.get_figwidth())  # characters of this size to the inch
    text = textwrap.fill(". ".join(part for part in (settings, verdicts) if part) + ".", width)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=7, color="#444444")


def _abridged(fact: Any) -> str:
    if not isinstance(fact, list | tuple | range):
        return f"{fact:g}" if isinstance(fact, float) else str(fact)
    integers = len(fact) > 2 and all(isinstance(item, int) for item in fact)
    if integers and list(fact) == list(range(fact[0], fact[-1] + 1)):
        return f"{fact[0]}–{fact[-1]}"
    return ", ".join(_abridged(item) for item in fact)
