r"""The bounds of the papers as pure functions of numbers: what an experiment or a user compares with.

Each function names its source, and its hypotheses in one sentence.  Nothing here looks at data; an argument
outside the domain is an error, so a bound is never returned where it does not hold.
"""

from parlin.theory.quantization import quantization_floor
from parlin.theory.ridge import (
    chord_slope_error,
    covering_levels,
    ridge_distance,
    ridge_prediction_distance,
    ridge_reach,
    strongly_convex_distance,
)

__all__ = [
    "chord_slope_error",
    "covering_levels",
    "quantization_floor",
    "ridge_distance",
    "ridge_prediction_distance",
    "ridge_reach",
    "strongly_convex_distance",
]
