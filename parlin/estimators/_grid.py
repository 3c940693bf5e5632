r"""The grid of an estimator: spacing and number of levels, given or taken from the unquantized fit."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from parlin._arguments import flag, positive, whole
from parlin._solve import Result
from parlin._types import FloatArray
from parlin.estimators._base import PARLinearModel, Targets
from parlin.penalty import PAR

_MOST_LEVELS = 1_000_000


class GridModel(PARLinearModel):
    """An estimator whose penalty lives on the grid ``0, ±q, …, ±mq``."""

    @abstractmethod
    def _unquantized_coefficients(self, targets: Targets) -> FloatArray:
        """The coefficients of the unquantized estimator at the same alpha, shape (k, d)."""

    @abstractmethod
    def _on_grid(self, spacing: float, n_levels: int) -> PAR:
        """The penalty of unit strength on this grid."""

    def _make_penalty(self, targets: Targets) -> PAR:
        if self.spacing is not None:
            return self._on_grid(float(self.spacing), self.n_levels)
        largest = float(np.max(np.abs(self._unquantized_coefficients(targets)), initial=0.0))
        # Without a signal any grid holds the solution 0.
        return self._on_grid(largest / self.n_levels if largest > 0 else 1.0, self.n_levels)

    def _solve(
        self, targets: Targets, starts: list[FloatArray | None]
    ) -> tuple[PAR, list[Result], dict[str, Any]]:
        if self.n_levels is not None:
            return super()._solve(targets, starts)
        # On an endless grid: enough levels that no coordinate touches the last, which for a convex
        # penalty is the same minimiser.
        largest = float(np.max(np.abs(self._unquantized_coefficients(targets)), initial=0.0))
        n_levels = math.ceil(largest / self.spacing) + 2
        while n_levels <= _MOST_LEVELS:
            penalty = self._on_grid(float(self.spacing), n_levels)
            problems = self._problems(targets, penalty)
            results = [self._solve_one(p, start) for p, start in zip(problems, starts, strict=True)]
            if max(float(np.max(np.abs(r.w))) for r in results) < penalty.levels[-1]:
                return penalty, results, {}
            starts = [result.w for result in results]
            n_levels *= 2
        raise ValueError(
            f"spacing = {self.spacing!r} needs more than {_MOST_LEVELS} levels a side to cover the "
            "coefficients; use a larger spacing, or give n_levels"
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.spacing is not None:
            positive("spacing", self.spacing, remedy="None takes it from the data")
        if self.n_levels is not None:
            whole("n_levels", self.n_levels, low=1)
        elif self.spacing is None:
            raise ValueError("n_levels=None needs a spacing; give one of the two")


class ConvexGridModel(GridModel):
    """A grid estimator with a convex penalty, which may be bounded by a box at the last level."""

    def _check_parameters(self) -> None:
        super()._check_parameters()
        flag("bounded", self.bounded)
        if self.bounded and self.n_levels is None:
            raise ValueError("bounded=True needs n_levels: a box ends at the last level")
