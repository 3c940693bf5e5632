"""Penalties with an exact path, strengths along it, and its problem as raw arrays."""

import numpy as np

from parlin import PAR, designs
from parlin.path import Path
from tests.cases import LASSO
from tests.kkt import Raw

PENALTIES = {
    "ridge": designs.ridge(0.25, 4),
    "lasso": designs.lasso(0.25, 3),
    "box": designs.lasso(0.5, 2, bounded=True),
    "integers": designs.integers(0, 3),
    "one level": LASSO,
    "uneven": PAR([-0.5, 0.0, 1.0], [-3.0, -1.0, 0.5, 2.0]),
    "ternary": PAR([-1.0, 0.0, 1.0], [-np.inf, -1.0, 1.0, np.inf]),
}


def raw(X, y, penalty, alpha, **more) -> Raw:
    slopes = penalty.slopes.copy()
    slopes[np.isfinite(slopes)] *= alpha  # the sides of a box stay at strength 0
    return Raw(X, y, penalty.levels, slopes, **more)


def strengths(path: Path, count: int, seed: int = 0) -> np.ndarray:
    """Random strengths of a path, half of them geometrically spread."""
    rng = np.random.default_rng(seed)
    low, high = path.alphas[-1], path.alphas[0]
    spread = np.exp(rng.uniform(np.log(max(low, 1e-4 * high)), np.log(high), count // 2))
    return np.concatenate((rng.uniform(low, high, count - count // 2), spread))
