"""The grids on which designs are defined."""

from __future__ import annotations

import numpy as np


def grid(spacing: float, m: int) -> np.ndarray:
    """The multiples of `spacing` up to `m` on either side of 0."""
    return spacing * np.arange(-m, m + 1)
