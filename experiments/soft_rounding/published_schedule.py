"""The schedule of the programs of [PARQ], which is scaled as if its centre were 0.5."""

from __future__ import annotations

import math


def published_inverse_slope(fraction: float, steepness: float, center: float) -> float:
    """A falling sigmoid about `center`, shifted and scaled by the ends of the one about 0.5."""
    first, value, last = (0.5 * (1 + math.tanh(0.5 * steepness * x)) for x in (0.5, center - fraction, -0.5))
    return (value - last) / (first - last)
