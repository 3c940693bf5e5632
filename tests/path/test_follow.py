"""Following a path: starts, ends, budgets, and the solver where the event rule fails."""

from functools import partial

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, designs, solve
from parlin.datasets import synthetic
from parlin.path import follow as module
from parlin.path import solution_path
from parlin.path.follow import PathEnd, follow, solution
from parlin.path.homotopy import Homotopy, PathFailure
from parlin.solvers import FISTA
from tests.cases import LASSO
from tests.path.cases import PENALTIES, raw, strengths

# -- starts, ends and budgets -----------------------------------------------------------------------


def test_a_start_below_the_top_gives_the_same_path():
    data = synthetic(8, 30, seed=8)
    loss = LeastSquares(data.X, data.y)
    whole = solution_path(loss, PENALTIES["ridge"])
    part = solution_path(loss, PENALTIES["ridge"], 0.01, alpha_start=0.3)
    assert (part.alphas[0], part.alphas[-1], part.begins_quantized) == (0.3, 0.01, False)
    inside = whole.alphas[(whole.alphas < 0.3) & (whole.alphas > 0.01)]
    np.testing.assert_allclose(part.alphas[1:-1], inside, rtol=1e-10)
    np.testing.assert_allclose(part.at([0.3, 0.1, 0.02]), whole.at([0.3, 0.1, 0.02]), atol=1e-11)
    with pytest.raises(ValueError, match="knows the strengths"):
        part.at(0.31)
    above = solution_path(loss, PENALTIES["ridge"], alpha_start=1e9)
    assert above.begins_quantized
    assert np.array_equal(above.alphas, whole.alphas)


def test_a_penalty_that_is_flat_at_its_minimiser_needs_a_start():
    data = synthetic(12, 5, seed=9, noise=1.0)
    loss, flat = LeastSquares(data.X, data.y), PAR([-0.5, 0.5], [-1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="give alpha_start"):
        solution_path(loss, flat)
    path = solution_path(loss, flat, alpha_start=20.0)
    assert path.exact.all()
    for alpha in strengths(path, 10):
        assert raw(data.X, data.y, flat, alpha).violation(path.at(alpha)) < 1e-13


def test_nothing_to_follow():
    loss, psi = LeastSquares([[1.0, 2.0]], [0.0]), PENALTIES["ridge"]
    path = solution_path(loss, psi)
    assert (path.n_segments, path.alphas.tolist()) == (0, [0.0])
    assert path.at(3.0).tolist() == [0.0, 0.0]
    path = solution_path(LeastSquares([[1.0, 2.0]], [1.0]), psi, 1e3)
    assert path.at(1e3).tolist() == [0.0, 0.0]
    assert path.end is PathEnd.REACHED


def test_a_budget_that_ends_is_told():
    data = synthetic(8, 30, seed=8)
    path = solution_path(LeastSquares(data.X, data.y), PENALTIES["ridge"], max_events=7)
    assert (path.end, path.n_segments) == (PathEnd.BUDGET, 7)
    assert path.exact.all()


def test_slopes_that_differ_by_less_than_rounding_errors_end_as_rounding():
    X = np.random.default_rng(0).standard_normal((4, 6))
    path = solution_path(LeastSquares(X, 9.0 * X[:, 0]), PAR([0.0, 1.0], [-1.0, 1.0, 1.0 + 4e-15]))
    assert path.end is PathEnd.ROUNDING
    assert not path.exact.any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"penalty": designs.binary()}, ValueError, "use grid_path"),
        ({"alpha_min": -1.0}, ValueError, "alpha_min must be finite and >= 0"),
        ({"alpha_min": np.inf}, ValueError, "alpha_min must be finite"),
        ({"alpha_min": "small"}, TypeError, "alpha_min must be a real number"),
        ({"alpha_start": 0.1, "alpha_min": 0.2}, ValueError, "at least alpha_min"),
        ({"tol": 0.0}, ValueError, "tol must be positive"),
        ({"penalty_weights": [1.0]}, ValueError, "penalty_weights must have shape"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        solution_path(LeastSquares([[1.0, 2.0]], [1.0]), **{"penalty": LASSO, **arguments})


# -- where the event rule fails ---------------------------------------------------------------------


def test_the_solver_takes_over_where_the_event_rule_fails(monkeypatch):
    data = synthetic(8, 30, seed=10)
    resolve, calls = Homotopy.resolve_ties, [0]

    def fails_at_times(self):
        calls[0] += 1
        if calls[0] % 10 == 0:
            raise PathFailure("made up")
        return resolve(self)

    monkeypatch.setattr(Homotopy, "resolve_ties", fails_at_times)
    path = solution_path(LeastSquares(data.X, data.y), PENALTIES["ridge"], 1e-3)
    assert path.end is PathEnd.REACHED
    assert calls[0] > 50
    assert np.mean(path.exact) > 0.9
    for k in np.flatnonzero(path.exact):
        for alpha in (path.alphas[k], 0.5 * (path.alphas[k] + path.alphas[k + 1])):
            definition = raw(data.X, data.y, PENALTIES["ridge"], alpha)
            assert definition.violation(path.at(alpha)) < 1e-9


def test_a_wrong_direction_is_found_out(monkeypatch):
    data = synthetic(8, 30, seed=11)
    resolve, calls = Homotopy.resolve_ties, [0]

    def strays_at_times(self):
        left = resolve(self)
        calls[0] += 1
        if calls[0] % 40 == 0:
            self._v = 1.001 * self._v
        return left

    monkeypatch.setattr(Homotopy, "resolve_ties", strays_at_times)
    path = solution_path(LeastSquares(data.X, data.y), PENALTIES["ridge"], 1e-3)
    assert path.end is PathEnd.REACHED
    for k in np.flatnonzero(path.exact):
        alpha = 0.5 * (path.alphas[k] + path.alphas[k + 1])
        assert raw(data.X, data.y, PENALTIES["ridge"], alpha).violation(path.at(alpha)) < 1e-9


def test_a_rule_that_makes_no_progress_is_given_up(monkeypatch):
    time_to_leave, calls = Homotopy._time_to_leave, [0]

    def stands_still(self):
        calls[0] += 1
        return 0.0 if calls[0] > 5 else time_to_leave(self)

    monkeypatch.setattr(Homotopy, "_time_to_leave", stands_still)
    data = synthetic(8, 30, seed=10)
    path = solution_path(LeastSquares(data.X, data.y), PENALTIES["ridge"], 0.1, max_events=50_000)
    assert path.end is PathEnd.REACHED


def test_rounding_does_not_add_up_over_thousands_of_events():
    data = synthetic(8, 30, seed=12)
    path = solution_path(LeastSquares(data.X, data.y), designs.ridge(0.005, 600))
    assert path.n_segments > 4000
    assert path.exact.all()
    assert path.residuals.max() < 5e-15
    for alpha in path.alphas[-40:-1]:
        definition = raw(data.X, data.y, path.problem.penalty, alpha)
        assert definition.violation(path.at(alpha)) < 1e-14


def test_a_rule_that_never_works_still_ends(monkeypatch):
    def never(self):
        raise PathFailure("made up")

    monkeypatch.setattr(Homotopy, "resolve_ties", never)
    path = solution_path(LeastSquares([[2.0, 1.0]], [4.0]), PENALTIES["ridge"], 0.1)
    assert path.alphas[-1] == 0.1
    # Knots are optimal; a segment across a kink is not called exact.
    for alpha in path.alphas:
        definition = raw(np.array([[2.0, 1.0]]), np.array([4.0]), PENALTIES["ridge"], alpha)
        assert definition.violation(path.at(alpha)) < 1e-9
    assert not path.exact.all()
    assert "not exact" in repr(path)


# -- walk and solution --------------------------------------------------------------------------------


def test_a_walk_from_a_knot_is_the_rest_of_the_path():
    data = synthetic(8, 30, seed=8)
    problem = Problem(LeastSquares(data.X, data.y), PENALTIES["ridge"])
    path = solution_path(problem.loss, problem.penalty, 0.01)
    k = path.n_segments // 2
    segments, end = follow(problem, path.alphas[k], path.at(path.alphas[k]), 0.01, 1e-9, 1000)
    assert end is PathEnd.REACHED
    np.testing.assert_allclose(segments.alphas, path.alphas[k:], rtol=1e-10)
    assert segments.free == path.free[k:].tolist()
    assert all(segments.exact)


@pytest.mark.parametrize("budget", [0, 1, 5])
def test_a_walk_makes_no_more_segments_than_its_budget(budget):
    data = synthetic(8, 30, seed=8)
    problem = Problem(LeastSquares(data.X, data.y), PENALTIES["ridge"])
    segments, end = follow(problem, problem.strength_max(), problem.start(), 0.0, 1e-9, budget)
    assert end is PathEnd.BUDGET
    assert len(segments.exact) == len(segments.alphas) - 1 == budget


def test_a_walk_that_is_already_there_has_no_segment():
    problem = Problem(LeastSquares([[1.0, 2.0]], [3.0]), PENALTIES["ridge"])
    segments, end = follow(problem, 0.5, solution(problem, 0.5, problem.start()), 0.5, 1e-9, 1000)
    assert (segments.alphas, segments.exact, end) == ([0.5], [], PathEnd.REACHED)


@pytest.mark.parametrize("alpha", [0.5, 0.02])
def test_a_solution_is_optimal_with_independent_columns_off_the_levels(alpha, monkeypatch):
    # Every column four times, and a solver that ends with dependent free columns.
    monkeypatch.setattr(module, "solve", partial(solve, solver=FISTA()))
    data = synthetic(12, 5, seed=9)
    X = np.repeat(data.X, 4, axis=1)
    problem = Problem(LeastSquares(X, data.y), designs.ridge(0.05, 40))
    start = np.random.default_rng(1).standard_normal(20)
    w = solution(problem, alpha, start)
    assert raw(X, data.y, problem.penalty, alpha).violation(w) < 1e-12
    free = ~problem.on_level(w)
    assert free.any()
    assert np.linalg.matrix_rank(X[:, free]) == free.sum()
