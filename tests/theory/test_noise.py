"""The noise event: as likely as asked, and exact for orthogonal columns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from parlin import theory
from tests.random_par import SEEDED
from tests.theory.cases import positive, sizes

# -- the event --------------------------------------------------------------------------------------


@SEEDED
@given(noise=positive, n=sizes, d=sizes, failure=st.floats(1e-6, 0.5), slope=positive)
def test_the_strength_makes_the_event_as_likely_as_asked(noise, n, d, failure, slope):
    alpha = theory.lasso_alpha(noise, n, d, failure, slope)
    assert theory.noise_event_probability(alpha * slope / 2, noise, n, d) >= 1 - failure


@SEEDED
@given(ratio=st.floats(0.1, 8), noise=positive, n=sizes, d=sizes)
def test_the_probability_is_never_below_the_union_bound(ratio, noise, n, d):
    threshold = ratio * noise / math.sqrt(n)
    union = 1 - 2 * d * math.exp(-(ratio**2) / 2)
    assert theory.noise_event_probability(threshold, noise, n, d) >= union - 1e-12


def test_orthogonal_columns_have_exactly_that_probability():
    n, noise, threshold = 8, 0.5, 0.3
    X = math.sqrt(n) * np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    draws = noise * np.random.default_rng(1).standard_normal((20_000, n)) @ X / n
    inside = np.mean(np.abs(draws).max(axis=1) <= threshold)
    exact = theory.noise_event_probability(threshold, noise, n, n)
    assert exact == pytest.approx((1 - 2 * stats.norm.sf(threshold * math.sqrt(n) / noise)) ** n, rel=1e-12)
    assert abs(inside - exact) < 4 * math.sqrt(exact * (1 - exact) / 20_000)


# -- nonconvex penalties ----------------------------------------------------------------------------


def test_probabilities_keep_their_digits_at_both_ends():
    tiny = theory.noise_event_probability(1e-17, 1.0, 1, 1)
    assert tiny == pytest.approx(1e-17 * math.sqrt(2 / math.pi), rel=1e-14)
    assert theory.noise_event_probability(1e-300, 1e300, 1, 3) == 0.0
    assert theory.noise_event_probability(40.0, 1.0, 1, 10**6) == 1.0
    assert 1 - theory.noise_event_probability(5.0, 1.0, 1, 1000) == pytest.approx(
        1000 * math.erfc(5 / math.sqrt(2)), rel=1e-3
    )
