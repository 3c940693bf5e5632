"""Points at which a penalty is evaluated."""

from __future__ import annotations

import numpy as np

from parlin import PAR


def probes(par: PAR, seed: int = 0) -> np.ndarray:
    """Every level, points inside every cell, and random ones."""
    rng = np.random.default_rng(seed)
    levels = par.levels if par.levels.size else np.zeros(1)
    inside = (levels[1:] + levels[:-1]) / 2
    return np.concatenate((levels, inside, [levels[0] - 0.7, levels[-1] + 0.7], rng.uniform(-4, 4, 30)))
