"""The strength from which on 0 is critical, against the definition in rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from experiments.measure.zero_solution import (
    above_alpha_max,
    even_formula,
    least_strength,
    zero_is_critical,
)
from parlin import LeastSquares, Problem, designs

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 4)), RNG.standard_normal(6)
PENALTY = designs.ridge(0.3, 5)


def exact(X: np.ndarray, y: np.ndarray, slope: float, centred: bool) -> Fraction:
    """``‖X'(y − ȳ)‖_∞ / (n a_0)`` as a fraction."""
    targets = [Fraction(v) for v in y.tolist()]
    mean = sum(targets) / len(targets) if centred else 0
    sums = [sum(Fraction(a) * (t - mean) for a, t in zip(column, targets, strict=True)) for column in X.T]
    return max(map(abs, sums)) / (len(targets) * Fraction(slope))


@pytest.mark.parametrize("centred", [False, True])
def test_the_formula_is_rounded_once(centred):
    assert even_formula(X, Y, PENALTY, centred) == float(exact(X, Y, 0.15, centred))


@pytest.mark.parametrize("below", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_the_strength_is_the_first_float_at_which_zero_is_critical(below):
    loss, expected = LeastSquares(X, Y), even_formula(X, Y, PENALTY)
    found = least_strength(loss, PENALTY, below * expected, 2 * expected)
    assert zero_is_critical(loss, PENALTY, found)
    assert not zero_is_critical(loss, PENALTY, math.nextafter(found, 0.0))
    assert found == pytest.approx(expected, rel=1e-14)
    assert math.isnan(least_strength(loss, PENALTY, 2 * expected, 3 * expected))
    assert math.isnan(least_strength(loss, PENALTY, 0.1 * expected, 0.5 * expected))


def test_zero_is_critical_by_the_definition():
    loss, limit = LeastSquares(X, Y), float(exact(X, Y, 0.15, False))
    for factor in (0.999, 1.001):
        assert zero_is_critical(loss, PENALTY, factor * limit) == (factor > 1)


def test_above_alpha_max_a_convex_problem_keeps_nothing_and_a_nonconvex_one_may_gain():
    loss = LeastSquares(X, Y)
    found = above_alpha_max(loss, PENALTY, 1.5)
    assert (found.nonzeros, found.gain, found.certified) == (0, 0.0, True)
    nonconvex = above_alpha_max(loss, designs.mcp(0.25, 2), 1.05)
    problem = Problem(loss, designs.mcp(0.25, 2))
    assert nonconvex.gain <= 1 and problem.strength_max() > 0
