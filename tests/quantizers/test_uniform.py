"""Equally spaced levels: the best spacing against a fine grid of spacings, and the usual rules."""

from __future__ import annotations

import numpy as np
import pytest

from parlin.quantizers import optimal_levels, rounding_error, uniform_levels
from tests.quantizers.cases import error, small_sets


@pytest.mark.parametrize("n_levels", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("zero", [None, True])
def test_no_other_spacing_rounds_better(n_levels, zero):
    codes = np.arange(n_levels) - (n_levels // 2 if zero else 0.5 * (n_levels - 1))
    for values, weights in small_sets(60, seed=2):
        found = error(values, uniform_levels(values, n_levels, zero=zero, sample_weight=weights), weights)
        others = np.linspace(1e-3, 2.5 * np.abs(values).max() + 1e-3, 800)
        assert all(found <= error(values, s * codes, weights) + 1e-12 for s in others)


def test_three_levels_are_the_best_symmetric_ones():
    values = np.random.default_rng(0).standard_normal(500)
    np.testing.assert_allclose(
        uniform_levels(values, 3), optimal_levels(values, 3, symmetric=True), rtol=1e-14
    )


def test_the_usual_rules_are_their_formulas():
    values = np.random.default_rng(1).standard_normal(50)
    largest, mean = np.abs(values).max(), np.abs(values).mean()
    halves = np.array([-1.5, -0.5, 0.5, 1.5])
    assert np.array_equal(uniform_levels(values, 4, scale="max"), largest / 1.5 * halves)
    assert np.array_equal(uniform_levels(values, 4, scale="mean"), 2 * mean / 1.5 * halves)
    assert np.array_equal(
        uniform_levels([1.0, 1.0], 4, scale="mean"), 1.0 / 1.5 * halves
    )  # at most the largest
    assert np.array_equal(uniform_levels(values, 3, scale="max"), [-largest, 0.0, largest])
    assert np.array_equal(uniform_levels(values, 4, scale=0.25, zero=True), [-0.5, -0.25, 0.0, 0.25])
    assert np.array_equal(uniform_levels(values[:, None], 3, scale=0.5)[0], [-0.5, 0.0, 0.5])
    assert 0.0 not in uniform_levels(values, 4, zero=False)


def test_a_large_outlier_ruins_the_largest_value_as_a_scale_and_not_the_best_one():
    values = np.append(np.random.default_rng(2).standard_normal(1000), 50.0)
    without = values[:-1]
    best = rounding_error(without, uniform_levels(values, 8))
    assert rounding_error(without, uniform_levels(values, 8, scale="max")) > 10 * best


@pytest.mark.parametrize("scale", ["optimal", "mean", "max"])
@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_levels_scale_with_the_values(scale, unit):
    values = np.random.default_rng(3).standard_normal(40)
    np.testing.assert_allclose(
        uniform_levels(values * unit, 5, scale=scale),
        uniform_levels(values, 5, scale=scale) * unit,
        rtol=1e-14,
    )
    assert uniform_levels(np.zeros(3), 5, scale=scale).tolist() == [0.0]


@pytest.mark.parametrize(
    ("options", "error_type", "message"),
    [
        ({"n_levels": 1}, ValueError, "n_levels must be >= 2"),
        ({"n_levels": 3, "zero": False}, ValueError, "choose an even n_levels"),
        ({"n_levels": 4, "zero": "yes"}, TypeError, "zero must be"),
        ({"n_levels": 4, "scale": "median"}, ValueError, "scale must be 'optimal'"),
        ({"n_levels": 4, "scale": 0.0}, ValueError, "scale must be finite and > 0"),
        ({"n_levels": 4, "scale": 1.0, "sample_weight": [0.0, 0.0]}, ValueError, "not all 0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, error_type, message):
    with pytest.raises(error_type, match=message):
        uniform_levels([1.0, 2.0], **options)
