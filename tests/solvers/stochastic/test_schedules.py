"""Schedules begin and end where they say, and the sums of step sizes are sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parlin.solvers.stochastic import (
    Constant,
    InversePower,
    InverseSqrt,
    InverseTime,
    homotopy,
    inverse_slope,
)

STEP_SIZES = (
    Constant(0.3),
    InverseSqrt(0.3),
    InverseTime(2.0, 100.0),
    InverseTime(0.5),
    InversePower(0.3, 0.25),
    InversePower(0.3, 0.0),
)


def unnormalised(fraction: float, steepness: float, center: float) -> float:
    """The schedule of the references, scaled as if the centre were 0.5 (defect D3)."""
    value = 1 / (1 + math.exp(steepness * (fraction - center)))
    first, last = 1 / (1 + math.exp(-steepness / 2)), 1 / (1 + math.exp(steepness / 2))
    return (value - last) / (first - last)


@pytest.mark.parametrize("center", [0.0, 0.05, 0.2, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("steepness", [1e-3, 1.0, 10.0, 1e4])
def test_the_inverse_slope_falls_from_one_to_zero(center, steepness):
    values = [inverse_slope(f, steepness, center) for f in np.linspace(0, 1, 201)]
    assert values[0] == 1.0 and values[-1] == 0.0
    assert np.all(np.diff(values) <= 0) and np.all(np.isfinite(values))
    assert inverse_slope(-1.0, steepness, center) == 1.0 and inverse_slope(2.0, steepness, center) == 0.0


def test_the_schedule_of_the_references_misses_both_ends_unless_its_centre_is_a_half():
    """Defect D3."""
    for center in (0.2, 0.8):
        ends = unnormalised(0.0, 10.0, center), unnormalised(1.0, 10.0, center)
        assert abs(ends[0] - 1.0) > 5e-3 or abs(ends[1]) > 5e-3
        assert abs(unnormalised(1e-6, 10.0, center) - inverse_slope(1e-6, 10.0, center)) > 5e-3 or (
            abs(unnormalised(1 - 1e-6, 10.0, center) - inverse_slope(1 - 1e-6, 10.0, center)) > 5e-3
        )
    for fraction in np.linspace(0.01, 0.99, 99):
        assert inverse_slope(fraction) == pytest.approx(
            unnormalised(fraction, 10.0, 0.5), rel=1e-12, abs=1e-14
        )


@pytest.mark.parametrize("arguments", [(0.5, 0.0), (0.5, np.inf), (0.5, 10.0, -0.1), (0.5, 10.0, 1.1)])
def test_a_schedule_without_shape_is_refused(arguments):
    with pytest.raises(ValueError, match=r"(steepness|center) must"):
        inverse_slope(*arguments)


def test_the_homotopy_grows_and_then_rounds():
    assert [homotopy(f, 2.0, 0.5) for f in (0.0, 0.25, 0.5, 1.0)] == [0.0, 0.5, math.inf, math.inf]
    assert homotopy(0.0, 2.0, 0.0) == math.inf
    for rate, freeze in ((-1.0, 0.5), (1.0, 1.5), (math.nan, 0.5)):
        with pytest.raises(ValueError, match=r"(rate|freeze) must"):
            homotopy(0.5, rate, freeze)


@pytest.mark.parametrize("steps", STEP_SIZES)
def test_totals_are_sums(steps):
    t = np.arange(1.0, 20_001)
    sums = np.cumsum(steps.step(t))
    np.testing.assert_allclose(steps.total(t), sums, rtol=1e-12)
    for one in (1, 2, 29, 30, 31, 1000):
        assert steps.total(one) == pytest.approx(math.fsum(steps.step(np.arange(1.0, one + 1))), rel=1e-14)
        assert isinstance(steps.total(one), float) and isinstance(float(steps.step(one)), float)
    assert steps.total(0) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("eta", [0.0, -1.0, math.nan, math.inf, "1"])
def test_step_sizes_must_be_positive(eta):
    for kind in (Constant, InverseSqrt, InverseTime, InversePower):
        with pytest.raises((ValueError, TypeError), match="eta must"):
            kind(eta)
    with pytest.raises(ValueError, match="shift must"):
        InverseTime(1.0, -1.0)


def test_a_flat_sigmoid_is_straight():
    for steepness in (1e-17, 1e-9):
        assert inverse_slope(0.25, steepness) == pytest.approx(0.75, rel=1e-6)


@pytest.mark.parametrize("shift", [1e4, 1e8, 1e17])
def test_sums_of_inverse_times_do_not_cancel(shift):
    steps = InverseTime(1.0, shift)
    for t in (1, 10, 1000):
        assert steps.total(t) == pytest.approx(math.fsum(steps.step(np.arange(1.0, t + 1))), rel=1e-13)
