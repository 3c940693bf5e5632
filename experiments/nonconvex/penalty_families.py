"""Even penalties that are not convex, each with what theory says of the errors of its critical points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin import PAR, designs, theory

FloatArray = NDArray[np.float64]

SPACING, LEVELS = 0.25, 8
REACH = SPACING * LEVELS
GRID = np.arange(1, LEVELS + 1) * SPACING
"""The levels right of 0, as floats."""
EVEN_GRID = designs.lasso(SPACING, LEVELS)
"""A convex penalty with these levels."""


class Sloped(NamedTuple):
    """An even penalty with slopes right of 0 in ``[lowest, largest]``, which theory 6a is about."""

    name: str
    penalty: PAR
    lowest: float
    largest: float

    @property
    def noise_fraction(self) -> float:
        """On the noise event the noise correlations are at most this fraction of the strength."""
        return self.lowest / 2

    def has_bound(self, alpha: float, curvature: float) -> bool:
        return True

    def bound(self, size: int, alpha: float, curvature: float) -> float:
        return theory.lasso_distance(size, alpha, curvature, self.lowest, self.largest)

    def l1_bound(self, size: int, alpha: float, curvature: float) -> float:
        return theory.lasso_l1_distance(size, alpha, curvature, self.lowest, self.largest)

    @property
    def cone(self) -> float:
        return theory.lasso_cone(self.lowest, self.largest)


class Amenable(NamedTuple):
    """An even penalty that follows MCP or SCAD, ``p′(x) = min(1, μ_p (reach − x)_+)``; theory 6b."""

    name: str
    penalty: PAR
    reach: float
    concavity: float

    @property
    def noise_fraction(self) -> float:
        """As for `Sloped`."""
        return 0.5 - self.slope_error

    @property
    def slope_error(self) -> float:
        """The least ε such that every slope anywhere is within ε of one of p.

        Between neighbouring knees and levels the difference is affine, so it is largest at their ends.
        """
        places = np.array([*self.penalty.levels, self.reach - 1 / self.concavity, self.reach])
        places = places[places > 0]
        ends = [places, np.nextafter(places, 0), np.nextafter(places, np.inf), [0.0, 2 * places.max()]]
        return float(self.slope_errors(np.concatenate(ends)).max())

    def slope_errors(self, x: FloatArray) -> FloatArray:
        """How far the slopes at ``x >= 0`` can be from those of p, which at 0 are all of [−1, 1]."""
        low, high = self.penalty.subdifferential(x)
        slope = np.clip(self.concavity * (self.reach - x), 0.0, 1.0)
        apart = np.maximum(np.abs(low - slope), np.abs(high - slope))
        return np.where(x == 0, np.maximum(high - 1, 0.0), apart)

    def has_bound(self, alpha: float, curvature: float) -> bool:
        return curvature > 0.75 * alpha * self.concavity

    def bound(self, size: int, alpha: float, curvature: float) -> float:
        return theory.amenable_distance(size, alpha, curvature, self.concavity)


def sloped_kinds() -> tuple[Sloped, ...]:
    """A quasiconvex staircase, falling slopes, and slopes in no order: none is convex, none is below 0.4."""
    falling = np.linspace(1.0, 0.4, LEVELS + 1)
    uneven = np.tile([1.0, 0.4, 0.7], LEVELS)[: LEVELS + 1]
    levels = np.append(0.0, GRID)
    return (
        Sloped("staircase", designs.staircase(SPACING, LEVELS, flat=0.4), 0.4, 1.0),
        Sloped("falling slopes", PAR.even(levels, falling), 0.4, 1.0),
        Sloped("uneven slopes", PAR.even(levels, uneven), 0.4, 1.0),
    )


def plain_mcp(spacing: float = SPACING) -> Amenable:
    penalty = designs.mcp(spacing, round(REACH / spacing))
    return Amenable("MCP chords", penalty, REACH, theory.mcp_concavity(REACH))


def rippled_mcp(ripple: float) -> Amenable:
    penalty = designs.rippled_mcp(SPACING, LEVELS, ripple=ripple)
    return Amenable("rippled MCP", penalty, REACH, theory.mcp_concavity(REACH))


def plain_scad(a: float = 3.7) -> Amenable:
    """With the usual a = 3.7 the knee is between two levels; with a = 4 it is on one."""
    return Amenable(
        "SCAD chords", designs.scad(SPACING, LEVELS, a), REACH, theory.scad_concavity(REACH / a, a)
    )


def rippled_scad(ripple: float, a: float = 3.7) -> Amenable:
    penalty = designs.rippled_scad(SPACING, LEVELS, a, ripple=ripple)
    return Amenable("rippled SCAD", penalty, REACH, theory.scad_concavity(REACH / a, a))


def amenable_kinds(ripple: float) -> tuple[tuple[Amenable, Amenable], tuple[Amenable, Amenable]]:
    """Chords of MCP, then of SCAD, each without a ripple and with it."""
    return (plain_mcp(), rippled_mcp(ripple)), (plain_scad(), rippled_scad(ripple))


Kind = Sloped | Amenable
