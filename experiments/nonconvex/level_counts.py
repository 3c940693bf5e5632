"""How many coefficients of critical points are on levels off 0, for each penalty and noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.nonconvex.multistart import Point


class LevelCounts(NamedTuple):
    """The critical points by the name of the penalty and the noise."""

    groups: dict[tuple[str, float], list[Point]]

    @classmethod
    def of(cls, points: Sequence[Point]) -> LevelCounts:
        """A group of points may be empty: none of it is critical."""
        groups: dict[tuple[str, float], list[Point]] = {}
        for point in points:
            group = groups.setdefault((point.kind.name, point.labels["noise"]), [])
            if point.critical:
                group.append(point)
        return cls(groups)

    @property
    def largest(self) -> dict[str, list[Any]]:
        """The most coefficients on levels off 0 at a point of each group, as points of a claim."""
        return {
            "measured": [
                max((point.on_grid for point in group), default=0) for group in self.groups.values()
            ],
            "certified": [bool(group) for group in self.groups.values()],
        }

    @property
    def table(self) -> dict[str, list[Any]]:
        """Coefficients not 0, and those on levels off 0, in all points of each group together."""
        groups = self.groups.values()
        return {
            "penalty": [name for name, _ in self.groups],
            "noise": [noise for _, noise in self.groups],
            "nonzero": [sum(int(np.count_nonzero(point.w)) for point in group) for group in groups],
            "on_levels_off_0": [sum(point.on_grid for point in group) for group in groups],
        }
