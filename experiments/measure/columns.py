"""The three columns of a claim, and the labels of its points as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

Point = TypeVar("Point")


def columns(
    points: Sequence[Point],
    measure: Callable[[Point], float],
    bound: Callable[[Point], float] | float,
    certified: Callable[[Point], bool] = attrgetter("certified"),
) -> dict[str, Any]:
    """`measured`, `bound` and `certified`, one entry a point; a number serves as the bound of all."""
    return {
        "measured": [measure(point) for point in points],
        "bound": [bound(point) for point in points] if callable(bound) else bound,
        "certified": [bool(certified(point)) for point in points],
    }


def labels(points: Sequence[Any], **more: Callable[[Any], Any]) -> dict[str, list[Any]]:
    """One column for each name that any point's `labels` have, None where a point has none; then `more`."""
    names = dict.fromkeys(name for point in points for name in point.labels)
    named = {name: [point.labels.get(name) for point in points] for name in names}
    return named | {name: [number(point) for point in points] for name, number in more.items()}


class Column(NamedTuple):
    """The three columns of a claim, gathered one point at a time."""

    measured: list[float]
    bound: list[float]
    certified: list[bool]

    @classmethod
    def empty(cls) -> Column:
        """No points yet."""
        return cls([], [], [])

    def add(self, measured: float, bound: float, certified: bool) -> None:
        """Append a point."""
        self.measured.append(float(measured))
        self.bound.append(float(bound))
        self.certified.append(bool(certified))
