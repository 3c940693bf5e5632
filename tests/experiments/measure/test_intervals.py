"""Intervals agree with scipy's tests and with the definition of the jackknife."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from experiments.measure.intervals import (
    MeanInterval,
    corrected_resampled,
    half_width,
    jackknife,
    lower_limit,
    upper_limit,
)

DRAWS = np.random.default_rng(0).normal(3.0, 2.0, size=(7, 4))


def test_the_interval_of_a_mean_is_that_of_a_t_test():
    draws = DRAWS[:, 0]
    found = MeanInterval.of(draws)
    theirs = stats.ttest_1samp(draws, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert found.mean == pytest.approx(draws.mean()) and found.error == pytest.approx(stats.sem(draws))


@pytest.mark.parametrize(("limit", "side", "end"), [(lower_limit, "greater", 0), (upper_limit, "less", 1)])
def test_the_limits_are_those_of_one_sided_tests(limit, side, end):
    draws = DRAWS[:, 1]
    theirs = stats.ttest_1samp(draws, 0.0, alternative=side).confidence_interval(0.99)
    assert limit(draws) == pytest.approx(theirs[end], rel=1e-12)


def test_the_half_width_is_taken_over_the_first_axis():
    for column, width in zip(DRAWS.T, half_width(DRAWS), strict=True):
        assert upper_limit(column) - column.mean() == pytest.approx(width)


def test_the_corrected_limit_of_disjoint_cuts_is_that_of_a_one_sided_test_and_grows_with_what_is_shared():
    draws = DRAWS[:, 2]
    theirs = stats.ttest_1samp(draws, 0.0, alternative="less").confidence_interval(0.95)
    assert draws.mean() + corrected_resampled(draws, 0.0) == pytest.approx(theirs.high, rel=1e-12)
    # Nadeau and Bengio (2003): the variance of a mean over J cuts is (1/J + n_test/n_train) s².
    expected = stats.t.ppf(0.95, 6) * draws.std(ddof=1) * (1 / 7 + 1 / 9) ** 0.5
    assert corrected_resampled(draws, 1 / 9) == pytest.approx(expected)


def test_the_jackknife_of_a_mean_is_the_interval_of_the_mean():
    value, half = jackknife(lambda rows: float(rows.mean()), DRAWS[:, 3])
    expected = MeanInterval.of(DRAWS[:, 3])
    assert (value, half) == pytest.approx((expected.mean, expected.half), rel=1e-12)


def test_the_jackknife_of_a_slope_leaves_whole_rows_out():
    x = np.array([0.0, 1.0, 2.0, 4.0])

    def slope(rows):
        return float(np.polyfit(x, rows.mean(axis=0), 1)[0])

    value, half = jackknife(slope, DRAWS)
    slopes = [np.polyfit(x, row, 1)[0] for row in DRAWS]  # the slope of a mean is the mean of the slopes
    expected = MeanInterval.of(slopes)
    assert (value, half) == pytest.approx((expected.mean, expected.half), rel=1e-10)
