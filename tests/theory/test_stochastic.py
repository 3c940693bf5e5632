"""Bounds for AProx: their values, and that the one for many step sizes agrees with that for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlin import designs, theory
from tests.theory.cases import positive


def test_the_regret_is_attained_where_nothing_is_penalised():
    rng = np.random.default_rng(2)
    steps, g, u = rng.uniform(0.1, 1, 6), rng.standard_normal((6, 3)), rng.standard_normal(3)
    points = u - np.vstack((np.zeros(3), np.cumsum(steps[:, None] * g, axis=0)))
    v = points[-1]
    regret = np.sum(steps * np.sum(g * (points[:-1] - v), axis=1))
    bound = theory.regret_bound(float(np.linalg.norm(u - v)), steps, np.linalg.norm(g, axis=1))
    assert regret == pytest.approx(bound, rel=1e-12)


def test_the_regret_is_within_its_bound_for_chords():
    rng = np.random.default_rng(3)
    penalty, steps = designs.ridge(0.5, 4), np.full(20, 0.3)
    for _ in range(50):
        g, v = rng.standard_normal((20, 2)), rng.uniform(-2, 2, 2)
        u, w, regret = np.zeros(2), np.zeros(2), 0.0
        for t in range(20):
            u = u - steps[t] * g[t]
            following = penalty.prox(u, 0.3 * (t + 1))
            regret += 0.3 * (g[t] @ (w - v) + np.sum(penalty.value(following) - penalty.value(v)))
            w = following
        bound = theory.regret_bound(float(np.linalg.norm(v)), steps, np.linalg.norm(g, axis=1))
        assert regret <= bound * (1 + 1e-12)


@given(positive, positive, positive, st.integers(1, 300))
def test_constant_steps_are_nonincreasing_steps(distance, size, step, n_points):
    one = theory.last_iterate_gap(distance, size, step, n_points)
    many = theory.last_iterate_gap_of_steps(distance, size, np.full(n_points, step))
    harmonic = 1 + np.sum(1 / np.arange(1.0, n_points))
    exact = distance**2 / (2 * step * n_points) + 0.5 * step * size**2 * harmonic
    assert many == pytest.approx(exact, rel=1e-12)
    assert many <= one * (1 + 1e-12)


def test_the_best_constant_step_gives_the_rate_with_its_logarithm():
    T, distance, size = 100, 2.0, 3.0
    step = distance / (size * np.sqrt(T))
    expected = distance * size * (3 + np.log(T)) / (2 * np.sqrt(T))
    assert theory.last_iterate_gap(distance, size, step, T) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("steps", [[], [0.0, 0.1], [-1.0], [np.inf], [[0.5]]])
def test_step_sizes_that_are_none_are_named(steps):
    with pytest.raises(ValueError, match=r"^step_sizes must be a row"):
        theory.last_iterate_gap_of_steps(1.0, 1.0, steps)
    with pytest.raises(ValueError, match=r"^step_sizes must be a row"):
        theory.regret_bound(1.0, steps, [1.0])


def test_growing_steps_and_missing_norms_are_named():
    with pytest.raises(ValueError, match=r"^step_sizes must be nonincreasing"):
        theory.last_iterate_gap_of_steps(1.0, 1.0, [0.1, 0.2])
    for norms in ([1.0], [1.0, -1.0], [1.0, np.nan]):
        with pytest.raises(ValueError, match=r"^gradient_norms must be 2 finite numbers"):
            theory.regret_bound(1.0, [0.1, 0.2], norms)
