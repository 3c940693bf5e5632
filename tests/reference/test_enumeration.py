"""The prox by enumeration finds the minimum of rational arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import reference
from tests import laws, random_par


def test_brute_force_finds_the_minimum_of_rational_arithmetic():
    # Values of ψ are sums of floats, so the penalties are of one scale.
    for number in range(120):
        rng = np.random.default_rng((5, number))
        par, step = random_par.random_par(rng, random_par.KINDS[number % 8]), float(rng.uniform(0.05, 3.0))
        v = random_par.telling_arguments(rng, par, step, 1.0, 6)
        exact, low, high = laws.Exact(par), *par.domain
        origin = exact.value(laws.Fraction(min(max(0.0, low), high)))
        for vi, least in zip(v.tolist(), reference.prox_brute_force(par, v, step), strict=True):
            true = float(exact.minimisers(vi, step)[0] - laws.Fraction(step) * origin)
            assert least == pytest.approx(true, rel=1e-12, abs=1e-12)
