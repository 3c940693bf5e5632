"""The start of a problem, and the strength at which the start is its solution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, alpha_max, designs
from tests import random_par
from tests.problem.cases import OMEGA, D, N, data, loss
from tests.random_par import NAMED

INF = np.inf


@pytest.mark.parametrize(
    ("par", "start"),
    [
        (designs.ridge(0.5, 3), 0.0),
        (designs.integers(2, 5), 2.0),
        (PAR([-3.0, -2.0], [-INF, 1.0, INF]), -3.0),
        (designs.binary(0.5, 2.0), 0.5),
        (PAR([1.0], [-INF, INF]), 1.0),
        (PAR([], [1.0]), 0.0),  # unbounded below: no minimiser
        (PAR([1.0, 2.0], [-INF, 1.0, -1.0]), 1.0),  # and the point of its domain nearest to 0
    ],
)
def test_the_start_is_the_minimiser_of_the_penalty(par, start):
    assert Problem(loss(), par, OMEGA).start().tolist() == [start, 0.0, start, start, 0.0]
    assert Problem(loss(), par).start().tolist() == [start] * D


def critical_at_start(problem: Problem) -> float:
    """How far the start is from critical once the unpenalised coordinates are at their best, written out."""
    w = problem.start()
    X, y, s = problem.loss.design.X, problem.loss.y, problem.loss.design.weights
    X = X.toarray() if sparse.issparse(X) else X
    Z = X[:, problem.unpenalised]
    if problem.loss.design.centre:
        Z = np.column_stack((Z, np.ones(len(y))))
    root = np.sqrt(s)
    r = root * (y - X @ w)
    if Z.shape[1]:
        Z = root[:, None] * Z
        r = r - Z @ np.linalg.lstsq(Z, r, rcond=None)[0]
    descent = X.T @ (root * r)
    worst = 0.0
    for j in np.flatnonzero(problem.penalised):
        omega = 1.0 if problem.penalty_weights is None else problem.penalty_weights[j]
        low, high = (omega * float(side) for side in problem.penalty.subdifferential(w[j]))
        worst = max(worst, low - descent[j], descent[j] - high)
    return worst


@pytest.mark.parametrize(("name", "par"), [(n, p) for n, p in NAMED if p.bounded_below])
@pytest.mark.parametrize("omega", [None, OMEGA], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "options",
    [{}, {"fit_intercept": True, "sample_weight": np.arange(1.0, N + 1)}],
    ids=["plain", "intercept"],
)
def test_the_largest_strength_is_the_least_at_which_the_start_is_critical(name, par, omega, options):
    problem = Problem(loss(4, **options), par, omega)
    top = problem.strength_max()
    if top == INF:  # a flat cell, or a kink with slope 0 on the side the data pull to
        assert critical_at_start(problem.with_penalty(par.scaled(1e9))) > 1e-6
        return
    if top > 0:
        assert critical_at_start(problem.with_penalty(par.scaled(top * (1 + 1e-10)))) <= 0
        assert critical_at_start(problem.with_penalty(par.scaled(top * 0.999))) > 0
    assert critical_at_start(problem.with_penalty(par.scaled(top * 3 + 1))) <= 0


def test_the_largest_strength_of_random_penalties_is_the_least_critical_one():
    seen = 0
    for number in range(200):
        rng = np.random.default_rng((5, number))
        par = random_par.random_par(rng, random_par.KINDS[number % 8])
        problem = Problem(loss(number), par)
        if not par.bounded_below or not 0 < (top := problem.strength_max()) < INF:
            continue
        assert critical_at_start(problem.with_penalty(par.scaled(top * (1 + 1e-10)))) <= 0
        assert critical_at_start(problem.with_penalty(par.scaled(top * 0.999))) > 0
        seen += 1
    assert seen > 40


def test_a_penalty_without_minimiser_has_no_largest_strength():
    # Slope 1 everywhere: the start 0 is critical for one strength at most, and not from there on.
    for y in ([2.0, 2.0], [-2.0, -2.0], [2.0, 4.0], [0.0, 0.0]):
        assert Problem(LeastSquares(np.eye(2), y), PAR([], [1.0])).strength_max() == INF
        assert Problem(LeastSquares(np.eye(2), y), PAR([0.0], [-1.0, -0.5])).strength_max() == INF


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_alpha_max_has_its_closed_form_for_an_even_penalty(store, weighted):
    X, y, _ = data(7)
    s = np.arange(1.0, N + 1) if weighted else None
    p = np.ones(N) / N if s is None else s / s.sum()
    par = designs.lasso(0.5, 3).scaled(2.0)
    assert alpha_max(store(X), y, par, sample_weight=s, fit_intercept=False) == pytest.approx(
        np.max(np.abs(X.T @ (p * y))) / 2.0, rel=1e-13
    )
    centred = np.max(np.abs((X - p @ X).T @ (p * (y - p @ y)))) / 2.0
    assert alpha_max(store(X), y, par, sample_weight=s) == pytest.approx(centred, rel=1e-12)
    omega = np.array([1.0, 2.0, 0.5, 4.0, 1.0])
    expected = np.max(np.abs(X.T @ (p * y)) / omega) / 2.0
    assert alpha_max(store(X), y, par, sample_weight=s, fit_intercept=False, penalty_weights=omega) == (
        pytest.approx(expected, rel=1e-13)
    )


def test_alpha_max_of_special_data():
    ridge = designs.ridge(1.0, 3)
    assert alpha_max([[1.0], [2.0]], [0.0, 0.0], ridge) == 0.0
    assert alpha_max([[1.0], [2.0]], [5.0, 5.0], ridge) == 0.0  # the intercept takes it all
    assert alpha_max([[0.0], [0.0]], [1.0, 2.0], ridge) == 0.0
    assert alpha_max([[1.0], [2.0]], [1.0, 3.0], designs.box(-1.0, 1.0)) == INF
    assert alpha_max([[1.0], [2.0]], [1.0, 3.0], ridge, penalty_weights=[0.0]) == 0.0
    half = PAR([0.0], [0.0, 1.0])  # flat on the left: nothing holds a pull to the left
    assert alpha_max([[1.0], [2.0]], [-1.0, -3.0], half, fit_intercept=False) == INF
    assert alpha_max([[1.0], [2.0]], [1.0, 3.0], half, fit_intercept=False) == 3.5
    assert alpha_max([[1.0], [2.0]], [1.0, 3.0], PAR([0.0], [-1.0, 0.0]), fit_intercept=False) == INF
    # At the lower box side 0 a pull to the left needs nothing.
    assert alpha_max([[1.0], [2.0]], [-1.0, -3.0], designs.integers(0, 3), fit_intercept=False) == 0.0
