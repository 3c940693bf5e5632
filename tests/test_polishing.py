"""Polished coefficients: on levels, never worse, and no single move improves them, by trying them all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, designs
from parlin.polishing import polish

LEVELS = np.array([-1.0, -0.25, 0.5, 2.0])


def problem(seed: int, n: int = 20, d: int = 6, stored=np.asarray, penalty=None, weights=None, **options):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) @ (np.eye(d) + 0.5)
    penalty = designs.distance(LEVELS).scaled(0.1) if penalty is None else penalty
    y = X @ rng.choice(LEVELS, d) + rng.standard_normal(n)
    return Problem(LeastSquares(stored(X), y, **options), penalty, weights)


@pytest.mark.parametrize("stored", [np.asarray, np.asfortranarray, sparse.csr_array])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("penalty", [None, designs.chords(LEVELS).scaled(0.3)])
def test_no_single_move_improves_and_rounding_was_no_better(stored, seed, penalty):
    weights = np.array([1.0, 2.0, 0.5, 1.0, 1.0, 3.0])
    p = problem(seed, stored=stored, penalty=penalty, weights=weights, fit_intercept=seed % 2 == 1)
    start = np.random.default_rng(seed).standard_normal(6)
    w = polish(p, start)
    assert np.isin(w, LEVELS).all()
    assert p.objective(w) <= p.objective(p.penalty.nearest_level(start))
    for j in range(6):
        for level in LEVELS:
            other = w.copy()
            other[j] = level
            assert p.objective(w) <= p.objective(other) + 1e-12


def test_orthogonal_columns_are_rounded_at_once():
    X = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 8)))[0] * np.sqrt(30)
    truth = np.random.default_rng(1).standard_normal(8)
    p = Problem(LeastSquares(X, X @ truth), designs.distance(LEVELS).scaled(1e-9))
    assert np.array_equal(polish(p, np.full(8, 2.0)), p.penalty.nearest_level(truth))


def test_unpenalised_coefficients_stay_and_levels_may_be_given():
    p = problem(3, weights=np.array([0.0, 1, 1, 1, 1, 1]))
    start = np.full(6, 0.3)
    w = polish(p, start, [0.0, 1.0])
    assert w[0] == 0.3 and np.isin(w[1:], [0.0, 1.0]).all()
    assert np.array_equal(start, np.full(6, 0.3))


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_scales_and_dependent_columns_come_to_an_end(scale):
    X = np.repeat(np.random.default_rng(0).standard_normal((5, 10)), 2, axis=1)
    levels = scale * LEVELS
    p = Problem(LeastSquares(X, scale * X[:, 0]), designs.distance(levels, slope=scale))
    w = polish(p, np.zeros(20))
    assert np.isin(w, levels).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"w": np.zeros(5)}, "w must be 6 finite numbers"),
        ({"w": np.full(6, np.nan)}, "w must be 6 finite numbers"),
        ({"levels": []}, "levels must be one or more"),
        ({"levels": [1.0, 0.0]}, "levels must be one or more"),
        ({"levels": [np.inf]}, "levels must be one or more"),
        ({"moves": "pair"}, "moves must be 'single'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        polish(problem(0), **({"w": np.zeros(6)} | arguments))


def test_a_penalty_without_levels_and_levels_outside_a_box_are_refused():
    with pytest.raises(ValueError, match="levels must be one or more"):
        polish(problem(0, penalty=PAR([], [0.0])), np.zeros(6))
    with pytest.raises(ValueError, match=r"inside the penalty's box \[-1, 2\]"):
        polish(problem(0, penalty=designs.chords(LEVELS)), np.zeros(6), [0.0, 3.0])


def test_a_bad_start_does_not_end_it_early():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 5))
    levels = np.append(np.arange(-5.0, 6.0), 1e10)
    p = Problem(LeastSquares(X, X @ np.ones(5) + 0.1 * rng.standard_normal(100)), designs.distance(levels))
    assert polish(p, np.full(5, 1e10)).tolist() == [1.0] * 5
