"""Every public bound names an argument that is outside its domain, and takes NumPy's scalars."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parlin import theory

SPARSE = {"n_nonzero": 3, "alpha": 1.0, "curvature": 0.5, "slope_at_zero": 1.0, "largest_slope": 1.5}
RIGHT = {
    "last_iterate_gap": {"distance": 1.0, "gradient_size": 2.0, "step_size": 0.25, "n_points": 9},
    "last_iterate_gap_of_steps": {"distance": 1.0, "gradient_size": 2.0, "step_sizes": [0.5, 0.25]},
    "regret_bound": {"distance": 1.0, "step_sizes": [0.5, 0.25], "gradient_norms": [1.0, 2.0]},
    "quantization_floor": {"rank": 20, "n_features": 200},
    "ridge_distance": {"n_features": 4, "spacing": 0.5, "alpha": 1.0, "curvature": 1.0},
    "ridge_prediction_distance": {"n_features": 4, "spacing": 0.5, "alpha": 1.0},
    "ridge_reach": {"spacing": 0.5, "n_levels": 3},
    "covering_levels": {"largest_ridge": 1.0, "n_features": 4, "spacing": 0.5},
    "chord_slope_error": {"spacing": 0.5, "largest_curvature": 1.0},
    "strongly_convex_distance": {
        "n_features": 4, "slope_error": 0.25, "alpha": 1.0, "modulus": 1.0, "curvature": 1.0,
    },
    "expected_ridge_error": {
        "eigenvalues": [1.0, 0.5], "components": [1.0, -2.0], "noise": 0.5, "n_samples": 9, "alpha": 1.0,
    },
    "noise_event_probability": {"threshold": 0.2, "noise": 0.5, "n_samples": 9, "n_features": 4},
    "lasso_alpha": {
        "noise": 0.5, "n_samples": 9, "n_features": 4, "failure": 0.1, "slope_at_zero": 1.0,
    },
    "lasso_cone": {"slope_at_zero": 1.0, "largest_slope": 1.5},
    "lasso_distance": SPARSE, "lasso_l1_distance": SPARSE, "lasso_prediction_distance": SPARSE,
    "swapped_prediction_distance": {"alpha": 1.0, "slope_error": 0.25, "l1_distance": 2.0},
    "amenable_distance": {"n_nonzero": 3, "alpha": 1.0, "curvature": 2.0, "concavity": 0.5},
    "proximal_gradient_residual": {"descent": 1.0, "step": 0.5, "n_steps": 4, "lipschitz": 2.0},
    "lazy_residual_floor": {"target": 0.2, "strength": 0.5, "step": 0.1},
    "mcp_concavity": {"reach": 4.0},
    "scad_concavity": {"knee": 1.0, "a": 3.7},
    "escape_code_bits": {"n_features": 40, "n_free": 3, "n_levels": 15, "float_bits": 32},
    "bitmap_bits": {"n_features": 40, "n_free": 3, "n_levels": 15, "float_bits": 32},
    "escape_free_share": {"n_features": 40, "n_levels": 15, "float_bits": 32, "ratio": 2.0},
    "bitmap_free_share": {"n_features": 40, "n_levels": 15, "float_bits": 32, "ratio": 2.0},
}  # fmt: skip

# Each argument: what is outside its domain although it has the right type, and what has the wrong type.
WRONG = {
    "descent": ([-1.0, math.inf, math.nan], ["1", None, True]),
    "step": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "n_steps": ([0, -1], [4.0, True, None]),
    "lipschitz": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "target": ([0.0, -0.1, 0.6, math.nan], ["1", None, True]),
    "strength": ([0.1, 0.9, math.inf, math.nan], ["1", None, True]),
    "rank": ([-1], [1.0, True, "1", None]),
    "n_features": ([0, -1], [4.0, True, "4", None]),
    "n_levels": ([-1], [3.0, False, None]),
    "spacing": ([0.0, -0.5, math.inf, math.nan], ["0.5", None, True, 1j]),
    "alpha": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "curvature": ([-1e-9, math.inf, math.nan], ["1", None, True]),
    "largest_ridge": ([-1e-9, math.inf, math.nan], ["1", None]),
    "largest_curvature": ([-1e-9, math.inf, math.nan], ["1", None]),
    "slope_error": ([-1e-9, math.inf, math.nan], ["1", None]),
    "modulus": ([math.inf, math.nan], ["1", None, True]),
    "n_samples": ([0, -1], [4.0, True, "4", None]),
    "n_nonzero": ([-1], [3.0, False, None]),
    "n_free": ([-1, 41], [3.0, False, None]),
    "float_bits": ([0, -1], [32.0, True, None]),
    "ratio": ([0.5, math.inf, math.nan], ["2", None, True]),
    "noise": ([-1.0, math.inf, math.nan], ["1", None, True]),
    "threshold": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "failure": ([0.0, 1.0, -1.0, math.nan], ["1", None, True]),
    "slope_at_zero": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "largest_slope": ([-1e-9, math.inf, math.nan], ["1", None, True]),
    "l1_distance": ([-1e-9, math.inf, math.nan], ["1", None, True]),
    "concavity": ([-1e-9, math.inf, math.nan], ["1", None, True]),
    "reach": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "knee": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "distance": ([-1e-9, math.inf, math.nan], ["1", None, True]),
    "gradient_size": ([-1e-9, math.inf, math.nan], ["1", None, True]),
    "step_size": ([0.0, -1.0, math.inf, math.nan], ["1", None, True]),
    "n_points": ([0, -1], [4.0, True, None]),
    "a": ([1.0, -1.0, math.inf, math.nan], ["3", None, True]),
}
# These have tests of their own.
VECTORS = ("eigenvalues", "components", "step_sizes", "gradient_norms")
WRONG_CALLS = [
    pytest.param(name, argument, value, error, id=f"{name}({argument}={value!r})")
    for name, arguments in RIGHT.items()
    for argument in arguments
    if argument not in VECTORS
    for error, values in zip((ValueError, TypeError), WRONG[argument], strict=True)
    for value in values
]


def test_every_public_bound_is_in_the_tables_of_arguments():
    assert sorted(RIGHT) == sorted(theory.__all__)


@pytest.mark.parametrize("name", theory.__all__)
def test_numpy_scalars_are_as_good_as_python_numbers(name):
    arguments = RIGHT[name]
    scalars = {key: np.array(value)[()] for key, value in arguments.items()}  # vectors stay arrays
    value = getattr(theory, name)(**scalars)
    assert value == getattr(theory, name)(**arguments)
    assert type(value) in (float, int)


@pytest.mark.parametrize(("name", "argument", "value", "error"), WRONG_CALLS)
def test_an_argument_outside_its_domain_is_named(name, argument, value, error):
    with pytest.raises(error, match=rf"^{argument} must be .*, but is "):
        getattr(theory, name)(**RIGHT[name] | {argument: value})
