"""Designs in which every column occurs twice, where the bound n on coordinates off the levels fails.

The controls of C1/proved and C13 (par_thm1_quantization_bound) and of C1/every-strength-any-design
(par_thm1_every_alpha) run on them, and so break.
"""

from __future__ import annotations

import numpy as np

from parlin import LeastSquares
from parlin.datasets import synthetic


def duplicated_loss(n: int, d: int, seed: int) -> LeastSquares:
    """Normal entries, but every column occurs twice."""
    data = synthetic(n, d // 2, seed=seed, n_nonzero=d // 20)
    return LeastSquares(np.repeat(data.X, 2, axis=1), data.y)
