r"""Levels from numbers: sets of levels that round given values with little error.

Every function takes values of shape (m,) or (rows, m) and returns increasing levels of shape (K,) or
(rows, K), one set a row.  Levels never repeat: of fewer distinct values than levels there are fewer levels,
and rows that have fewer than others end with +inf, which is nearest to nothing.  Per tensor:
``values.ravel()``; per row: ``values``; per block: ``blocks(values, size)``.  `nearest` rounds to the levels,
float for float.
"""

from parlin.quantizers.lloyd import lloyd_levels
from parlin.quantizers.lsbq import lsbq_levels
from parlin.quantizers.optimal import binary_levels, optimal_levels, ternary_levels, two_bit_levels
from parlin.quantizers.rounding import blocks, nearest, rounding_error
from parlin.quantizers.uniform import uniform_levels

__all__ = [
    "binary_levels",
    "blocks",
    "lloyd_levels",
    "lsbq_levels",
    "nearest",
    "optimal_levels",
    "rounding_error",
    "ternary_levels",
    "two_bit_levels",
    "uniform_levels",
]
