"""Proximal points of a quadratic loss, by definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from parlin import LeastSquares, Problem, designs
from parlin.datasets import synthetic
from parlin.solvers import proximal_point
from parlin.solvers.proximal_point import QuadraticModel
from parlin.solvers.semismooth_newton import SemismoothNewton
from tests.cases import build
from tests.kkt import Raw


@pytest.mark.parametrize(("n", "d"), [(6, 15), (15, 6)], ids=["wide", "tall"])
@pytest.mark.parametrize("sigma", [0.3, 10.0, 1e4])
def test_a_proximal_point_minimises_what_defines_it(sigma, n, d, monkeypatch):
    # (1) is the same problem with a row √(n/σ_j) e_j, target √(n/σ_j) c_j, for every coordinate.
    rng = np.random.default_rng((61, n))
    X, y, centre = rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(d)
    X *= 10.0 ** rng.uniform(-1, 1, d)
    penalty = designs.lasso(0.25, 6).scaled(0.1)
    model = QuadraticModel(Problem(LeastSquares(X, y), penalty), 1.0)
    monkeypatch.setattr(proximal_point, "_INNER", 0.0)  # or half the proximal term would do
    found, solved = model.proximal_point(centre, sigma, np.full(d, 1e-12))
    assert solved
    rows = np.sqrt(np.mean(X**2, axis=0) * n / sigma)
    augmented = np.vstack((X, np.diag(rows)))
    targets = np.concatenate((y, rows * centre))
    # n + d rows divide by n + d where (1) divides by n.
    reference = Raw(augmented, targets, penalty.levels, penalty.slopes * n / (n + d))
    assert reference.violation(found) <= 1e-10


def test_an_iteration_cut_short_says_so(monkeypatch):
    data = synthetic(15, 60, seed=12)
    model = QuadraticModel(Problem(LeastSquares(data.X, data.y), designs.ridge(0.05, 20).scaled(0.01)), 1.0)
    assert model.proximal_point(np.zeros(60), 1e3, np.full(60, 1e-12))[1]
    monkeypatch.setattr(proximal_point, "_MAX_NEWTON", 2)
    assert not model.proximal_point(np.zeros(60), 1e3, np.full(60, 1e-12))[1]


@pytest.mark.parametrize("far", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize(("n", "d"), [(9, 12), (30, 12)], ids=["wide", "tall"])
def test_the_free_minimiser_is_one_for_dependent_columns_from_any_distance(n, d, far):
    # One cell, so wide that nothing leaves it, every column twice, two columns not penalised.
    rng = np.random.default_rng((65, n))
    A = rng.standard_normal((n, d // 2)) * 10.0 ** rng.uniform(-2, 2, d // 2)
    omega = np.tile(np.append(0.0, rng.uniform(0.5, 2.0, d // 2 - 1)), 2)
    raw = Raw(
        np.hstack((A, A)), rng.standard_normal(n), np.array([-1e12, 1e12]), np.array([-1.0, 0.1, 1.0]),
        penalty_weights=omega,
    )  # fmt: skip
    w = QuadraticModel(build(raw), 1.0).free_minimiser(far * rng.standard_normal(d))
    assert raw.violation(w) <= 1e-14 * max(far, 10.0)  # rounding grows with the point


def test_the_centres_go_down():
    data = synthetic(20, 100, seed=2)
    problem = Problem(LeastSquares(data.X, data.y), designs.ridge(0.05, 20).scaled(0.01))
    raw = Raw(data.X, data.y, problem.penalty.levels, problem.penalty.slopes)
    solver = SemismoothNewton(first_step=0.5, growth=1.5)
    states = [solver.init(problem, np.linspace(-3.0, 3.0, 100))]
    while not states[-1].done and len(states) < 60:
        states.append(solver.step(problem, states[-1]))
    values = [raw.objective(state.centre.w) for state in states]
    assert len(values) >= 4
    assert values[-1] < 0.5 * values[0]
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(values))


@pytest.mark.parametrize("weights", [None, [2.0, 0.0, 0.5, 1.0]])
def test_the_prox_takes_a_step_for_each_coordinate_and_leaves_zero_columns_alone(weights):
    X = np.array([[1.0, 2.0, 0.0, 1.0], [1.0, -1.0, 0.0, 3.0]])
    penalty = designs.lasso(0.5, 2)
    model = QuadraticModel(Problem(LeastSquares(X, [1.0, 2.0]), penalty, weights), 1.0)
    v, steps = np.array([0.9, 0.9, 0.9, -0.3]), np.array([0.1, 0.2, 0.3, 0.4])
    found = model.prox(v, steps)
    for j in range(4):
        weight = 1.0 if weights is None else weights[j]
        moves = weight > 0 and j != 2
        assert found[j] == (penalty.prox(v[j], weight * steps[j]) if moves else v[j])
    assert v.tolist() == [0.9, 0.9, 0.9, -0.3]


def test_the_gram_matrix_is_of_columns_of_length_one_and_kept_where_it_is_the_smaller_one():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((30, 4)) * [1.0, 1e3, 1e-3, 0.0]
    tall = QuadraticModel(Problem(LeastSquares(X, X[:, 0]), designs.lasso(0.5, 2)), 1.0)
    unit = X[:, :3] / np.linalg.norm(X[:, :3], axis=0)
    np.testing.assert_allclose(tall.gram[:3, :3], unit.T @ unit, atol=1e-14)
    assert not tall.gram[3].any()
    assert tall.passes == 1.0
    wide = QuadraticModel(Problem(LeastSquares(X.T, np.ones(4)), designs.lasso(0.5, 2)), 1.0)
    assert wide.gram is None
    assert wide.passes == 0.0
