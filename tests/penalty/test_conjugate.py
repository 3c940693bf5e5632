"""The conjugate and the Fenchel-Young terms: the supremum of the definition, without cancellation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from parlin import PAR, designs
from tests import laws, random_par
from tests.penalty.cases import probes
from tests.random_par import NAMED, SEEDED

INF = np.inf


def dual_probes(par: PAR, seed: int = 0) -> np.ndarray:
    finite = par.slopes[np.isfinite(par.slopes)]
    return np.concatenate((finite, np.random.default_rng(seed).uniform(-4, 4, 40), [0.0]))


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_every_design_obeys_fenchel_and_young(name, par):
    laws.fenchel_young(par, probes(par), dual_probes(par))


@SEEDED
@given(random_par.pars(), random_par.arguments, random_par.arguments)
def test_every_penalty_obeys_fenchel_and_young(par, w, p):
    laws.fenchel_young(par, w, np.concatenate((p / 4, par.slopes[np.isfinite(par.slopes)])))


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_conjugate_is_the_supremum_over_a_fine_grid(name, par):
    low, high = max(par.domain[0], -60.0), min(par.domain[1], 60.0)
    x = np.unique(np.concatenate((np.linspace(low, high, 2001), par.levels)))
    for p in dual_probes(par).tolist():
        if par.slopes[0] <= p <= par.slopes[-1]:
            assert par.conjugate(p) == pytest.approx(np.max(p * x - par.value(x)), rel=1e-12, abs=1e-12)
        else:
            assert par.conjugate(p) == INF


@SEEDED
@given(random_par.pars(shape="convex"), random_par.arguments)
def test_the_conjugate_of_a_convex_penalty_is_the_one_with_levels_and_slopes_exchanged(par, p):
    p = p / 4
    exchanged = laws.conjugate_par(par)
    ours, theirs = par.conjugate(p), exchanged.value(p)
    finite = np.isfinite(ours)
    assert np.array_equal(finite, np.isfinite(theirs))
    if finite.any():  # equal up to the constant that fixes ψ = 0 at the origin
        difference = ours[finite] - theirs[finite]
        assert np.all(difference == difference[0])
    assert laws.conjugate_par(exchanged) == par


def test_the_conjugate_of_random_penalties_is_the_supremum_in_rational_arithmetic():
    for number, (_, par, _, _) in enumerate(random_par.trials(300, seed=52, max_levels=12)):
        if par.levels.size == 0:
            continue
        exact, (low, high) = laws.Exact(par), par.domain
        origin = exact.value(laws.Fraction(min(max(0.0, low), high)))
        finite = par.slopes[np.isfinite(par.slopes)]
        steep = np.max(np.abs(finite), initial=1.0)
        p = np.append(finite, steep * np.random.default_rng((53, number)).standard_normal(5))
        size = steep * np.max(np.abs(par.levels)) * (par.levels.size + laws.FEW)
        for pi, ours in zip(p.tolist(), par.conjugate(p).tolist(), strict=True):
            if not par.slopes[0] <= pi <= par.slopes[-1]:
                assert ours == INF
                continue
            heights = [laws.Fraction(pi) * b - h for b, h in zip(exact.levels, exact.values, strict=True)]
            assert abs(ours - float(max(heights) + origin)) <= 4 * laws.EPS * size


def test_the_conjugate_of_squared_chords_rounds_to_the_nearest_level():
    # Theory 1: ψ interpolates x²/2 on Q with a box: ψ*(z) = max_q (z q − q²/2).
    par, z = designs.integers(-2, 5), np.random.default_rng(2).uniform(-6, 9, 200)
    q = np.arange(-2, 6)
    np.testing.assert_allclose(
        par.conjugate(z), np.max(z[:, None] * q - q**2 / 2, axis=1), rtol=0, atol=1e-13
    )


def test_fenchel_young_vanishes_exactly_on_a_level_with_a_subgradient():
    par = designs.ridge(0.1, 30)
    p = np.random.default_rng(3).uniform(-2.9, 2.9, 300)
    w = par.levels[np.argmax(p[:, None] * par.levels - par.levels**2 / 2, axis=1)]
    assert np.all(par.fenchel_young(w, p) == 0.0)


def test_fenchel_young_does_not_cancel_next_to_a_high_wall():
    par = PAR([-1e6, 0.0, 1.0], [-1e9, -1e8, 1.0, 2.0])
    assert par.fenchel_young([0.5, 1.0, 1.5], [1.0, 1.5, 1.5]).tolist() == [0.0, 0.0, 0.25]
