"""How far slopes of chords are from those of MCP and SCAD: as found, and by the formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.nonconvex.penalty_families import (
    SPACING,
    Amenable,
    plain_mcp,
    plain_scad,
    rippled_mcp,
    rippled_scad,
)
from parlin import theory

ROUNDING = 1e-12
_BETWEEN, _ON_LEVEL = 3.7, 4.0  # a of SCAD; the knee is between two levels, or on one


class SlopeError(NamedTuple):
    """A penalty, and the formula for its slope error ε."""

    kind: Amenable
    formula: float

    @property
    def measured(self) -> float:
        """The slope error as the subdifferential gives it."""
        return self.kind.slope_error

    @property
    def certified(self) -> bool:
        """Whether no point of a fine grid has a larger error than the measured one."""
        fine = np.linspace(0.0, 1.5 * self.kind.reach, 10_001)
        return bool(self.kind.slope_errors(fine).max() <= self.measured + ROUNDING)


def one_cell(ripples: Sequence[float]) -> list[SlopeError]:
    """Chords without a ripple, and with each of them."""
    plain = (plain_mcp(), plain_scad(_BETWEEN), plain_scad(_ON_LEVEL))
    found = [SlopeError(kind, theory.chord_slope_error(SPACING, kind.concavity)) for kind in plain]
    for h in ripples:
        found.append(SlopeError(rippled_mcp(h), h))
        if h > 0.1:  # a smaller ripple leaves SCAD's levels concave kinks, since it falls more steeply
            between = rippled_scad(h, _BETWEEN)
            found.append(SlopeError(between, h + between.concavity * SPACING / 8))
            found.append(SlopeError(rippled_scad(h, _ON_LEVEL), h))
    return found


def two_cells() -> list[SlopeError]:
    """Chords of MCP over two cells, with the formula for one."""
    doubled = plain_mcp(2 * SPACING)
    return [SlopeError(doubled, theory.chord_slope_error(SPACING, doubled.concavity))]
