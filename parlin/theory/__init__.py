r"""The bounds of the papers as pure functions of numbers: what an experiment or a user compares with.

Each function names its source, and its hypotheses in one sentence.  Nothing here looks at data; an argument
outside the domain is an error, so a bound is never returned where it does not hold.
"""

from parlin.theory.estimation import expected_ridge_error
from parlin.theory.lasso import (
    lasso_cone,
    lasso_distance,
    lasso_l1_distance,
    lasso_prediction_distance,
    swapped_prediction_distance,
)
from parlin.theory.noise import lasso_alpha, noise_event_probability
from parlin.theory.nonconvex import amenable_distance, mcp_concavity, scad_concavity
from parlin.theory.proximal_gradient import lazy_residual_floor, proximal_gradient_residual
from parlin.theory.quantization import quantization_floor
from parlin.theory.ridge import (
    chord_slope_error,
    covering_levels,
    ridge_distance,
    ridge_prediction_distance,
    ridge_reach,
    strongly_convex_distance,
)
from parlin.theory.stochastic import last_iterate_gap, last_iterate_gap_of_steps, regret_bound
from parlin.theory.storage import bitmap_bits, bitmap_free_share, escape_code_bits, escape_free_share

__all__ = [
    "amenable_distance",
    "bitmap_bits",
    "bitmap_free_share",
    "chord_slope_error",
    "covering_levels",
    "escape_code_bits",
    "escape_free_share",
    "expected_ridge_error",
    "lasso_alpha",
    "lasso_cone",
    "lasso_distance",
    "lasso_l1_distance",
    "lasso_prediction_distance",
    "last_iterate_gap",
    "last_iterate_gap_of_steps",
    "lazy_residual_floor",
    "mcp_concavity",
    "noise_event_probability",
    "proximal_gradient_residual",
    "quantization_floor",
    "regret_bound",
    "ridge_distance",
    "ridge_prediction_distance",
    "ridge_reach",
    "scad_concavity",
    "strongly_convex_distance",
    "swapped_prediction_distance",
]
