"""Statuses are honest, and wrong arguments are errors that say what is needed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from parlin import LeastSquares, Problem, Status, certify, designs, solve
from parlin.solvers import ADMM, FISTA, ProximalGradient
from tests.cases import build
from tests.solve.cases import SOLVERS, random_raw, supported

# -- statuses ---------------------------------------------------------------------------------------


def test_every_status_is_a_sentence_of_its_own_and_two_are_successes():
    sentences = [status.value for status in Status]
    assert len(set(sentences)) == len(sentences) == 6
    assert all(len(sentence.split()) >= 6 for sentence in sentences)
    assert {s for s in Status if s.is_success} == {Status.CONVERGED, Status.ROUNDING}
    assert "max_iter" in Status.MAX_ITER.value


@pytest.mark.parametrize("name", SOLVERS)
def test_a_budget_too_small_ends_as_max_iter_at_a_certified_point(name, problem):
    budget = 0 if name in ("auto", "CoordinateDescent") else 1  # one visit of its own solves a small problem
    result = solve(problem, supported(name, problem), max_iter=budget, tol=1e-30)
    assert result.status is Status.MAX_ITER
    assert result.n_iter == budget
    assert result.certificate == certify(problem, result.w, 1e-30)


@pytest.mark.parametrize("name", SOLVERS)
def test_no_tolerance_runs_the_whole_budget(name, problem):
    result = solve(problem, supported(name, problem), tol=None, max_iter=37)
    assert (result.status, result.n_iter) == (Status.COMPLETED, 37)
    assert result.history[-1].iteration == 37
    assert "tol=None" in Status.COMPLETED.value


@pytest.mark.parametrize("name", SOLVERS)
def test_a_long_run_without_tolerance_ends_where_it_converged(name):
    # Long after the iterate has stopped moving nothing may overflow: a step that grows by a tenth at
    # every iteration does so after 7448.
    problem = Problem(LeastSquares([[1.0]], [0.3]), designs.lasso(1.0, 2))
    solver = supported(name, problem)
    count = 8000 if name == "ProximalGradient" else 200
    result = solve(problem, solver, tol=None, max_iter=count, check_passes=1e6)
    assert (result.status, result.n_iter, result.w.tolist()) == (Status.COMPLETED, count, [0.0])


@pytest.mark.parametrize("name", SOLVERS)
def test_the_budget_of_passes_is_kept_to_one_iteration(name, problem):
    solver = supported(name, problem)
    each = np.diff(
        [r.passes for r in solve(problem, solver, tol=None, max_iter=30, check_passes=1e-9).history]
    )
    for budget in (0, 3, 17):
        result = solve(problem, solver, tol=None, max_passes=budget)
        assert result.status is Status.COMPLETED
        assert budget <= result.passes <= max(1.0, budget + each.max())
        assert result.passes == result.history[-1].passes


def test_zero_iterations_certify_the_start(problem):
    w0 = np.linspace(-1, 1, 25)
    result = solve(problem, FISTA(), w0=w0, max_iter=0)
    assert (result.status, result.n_iter, len(result.history)) == (Status.MAX_ITER, 0, 1)
    assert np.array_equal(result.w, w0)
    solution = solve(problem, tol=1e-12).w
    again = solve(problem, FISTA(), w0=solution, max_iter=0)
    assert (again.status, again.n_iter) == (Status.CONVERGED, 0)


def test_a_tolerance_below_what_float64_allows_ends_honestly(problem):
    for name, solver in SOLVERS.items():
        if solver != "auto" and solver.unsupported(problem) is not None:
            continue
        result = solve(problem, solver, tol=1e-18, max_iter=20_000)
        assert result.status is not Status.CONVERGED or result.certificate.strict_residual <= 1e-18, name
        assert result.certificate.strict_residual <= 1e-8, name


@pytest.mark.parametrize(
    "solver", [ProximalGradient(step_size=100.0), ProximalGradient(step_size=3.0)], ids=["fast", "slow"]
)
def test_a_run_that_diverges_is_no_success(solver, problem):
    result = solve(problem, solver)
    assert result.status is Status.NOT_FINITE
    assert not result.certificate.residual <= 1e-8


def test_data_whose_objective_overflows_are_refused():
    raw = random_raw(designs.lasso(1.0, 2).scaled(0.1), 3, 6, seed=14)
    with pytest.raises(ValueError, match="y is too large: the sum of its squares overflows"):
        build(replace(raw, y=1e200 * raw.y))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("name", SOLVERS)
def test_a_start_that_is_not_finite_is_refused(name, bad, problem):
    w0 = np.zeros(25)
    w0[3] = bad
    with pytest.raises(ValueError, match="w0 must be finite"):
        solve(problem, supported(name, problem), w0=w0, max_iter=50)


def test_an_iterate_that_repeats_itself_above_the_tolerance_has_stalled(problem):
    result = solve(problem, Lazy(), max_iter=1000)
    assert (result.status, result.n_iter) == (Status.STALLED, 1)


class Lazy(FISTA):
    """A solver that gives up at once."""

    def step(self, problem, state):
        return replace(state, done=True)


def test_the_representation_says_how_it_ended_and_how_good_the_point_is(problem):
    text = repr(solve(problem))
    assert text.startswith("Result(CONVERGED, n_iter=")
    assert "residual=" in text
    assert "of 25" in text


# -- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tol": 0.0}, "tol must be positive or None, but is 0.0"),
        ({"tol": -1.0}, "tol must be positive or None, but is -1.0"),
        ({"tol": math.nan}, "tol must be positive or None, but is nan"),
        ({"max_iter": -1}, "max_iter"),
        ({"max_passes": -1.0}, "max_passes"),
        ({"check_passes": 0.0}, "check_passes"),
        ({"w0": [1.0, 2.0]}, r"w0 must have shape \(25,\), but has shape \(2,\)"),
        ({"solver": "fista"}, "solver must be 'auto' or such as parlin.solvers.FISTA.., but is 'fista'"),
        ({"solver": ADMM(rho=-1.0)}, "rho must be None or a positive finite number, but is -1.0"),
        (
            {"solver": ProximalGradient(step_size=0.0)},
            "step_size must be .* positive finite number, but is 0.0",
        ),
        ({"solver": ProximalGradient(step_size="L")}, "step_size must be .*but is 'L'"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_what_is_needed(options, message, problem):
    with pytest.raises(ValueError, match=message):
        solve(problem, **options)


@pytest.mark.parametrize("wrong", [42, None, FISTA], ids=["a number", "None", "a class"])
def test_a_solver_of_the_wrong_kind_is_an_error_that_says_what_is_needed(wrong, problem):
    with pytest.raises((TypeError, ValueError), match="solver must be"):
        solve(problem, wrong)


def test_more_rows_than_weights_and_targets_is_an_error_that_names_the_shapes():
    with pytest.raises(ValueError, match="shape"):
        LeastSquares(np.ones((3, 2)), [1.0, 2.0], sample_weight=[1.0, 0.0])
