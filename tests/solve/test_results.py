"""A result never changes after it was returned, keeps no data alive, and counts all that it took."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import weakref

import numpy as np
import pytest
from scipy import sparse

import parlin._loop
import parlin._solve
from parlin import (
    PAR,
    LeastSquares,
    PARLasso,
    PARNonconvex,
    PARRegressor,
    PARRidge,
    Problem,
    certify,
    designs,
    solve,
)
from parlin._starts import find_start
from parlin.estimators import nonconvex
from parlin.solvers import FISTA, AProx, ProximalGradient

PENALTIES = {
    "ridge": designs.ridge(0.25, 7).scaled(0.05),
    "box": designs.integers(0, 2).scaled(0.05),
    "flat": designs.box(-0.5, 0.5),
    "sawtooth": designs.sawtooth(0.5, 4).scaled(0.05),
    "no level": PAR([], [0.0]),
}
STORAGE = {"dense": np.asarray, "fortran": np.asfortranarray, "sparse": sparse.csc_array}


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = np.where(rng.random((12, 20)) < 0.7, rng.standard_normal((12, 20)), 0.0)
    return X, rng.standard_normal(12), rng.random(12) + 0.5, rng.integers(0, 3, 20).astype(float)


# -- what was returned stays ------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("name", PENALTIES)
def test_a_certificate_does_not_see_what_the_caller_does_to_the_arrays_afterwards(name, storage, weighted):
    X, y, weights, omega = data()
    X = STORAGE[storage](X)
    omega = omega if weighted else None
    loss = LeastSquares(X, y, weights if weighted else None, fit_intercept=weighted)
    problem = Problem(loss, PENALTIES[name], omega)
    at_once = solve(problem, max_iter=50)
    expected, certified = at_once.certificate, certify(problem, at_once.w)
    later = solve(Problem(LeastSquares(loss.design, y), PENALTIES[name], omega), max_iter=50)
    assert np.array_equal(at_once.w, later.w)
    (X.data if storage == "sparse" else X)[...] *= 3.0
    for array in (y, weights, *([] if omega is None else [omega])):
        array *= 5.0
    later.w[:] = 7.0
    assert later.certificate == at_once.certificate == expected == certified
    assert later.history[-1] == dataclasses.replace(at_once.history[-1], seconds=later.seconds)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_pickled_result_has_the_same_certificate_whether_it_was_asked_for_or_not(name):
    X, y, *_ = data()
    problem = Problem(LeastSquares(X, y), PENALTIES[name])
    result = solve(problem, max_iter=50)
    unasked, expected = pickle.loads(pickle.dumps(result)), result.certificate
    asked = pickle.loads(pickle.dumps(result))
    assert asked.certificate == unasked.certificate == expected
    assert asked.history == unasked.history == result.history


def test_points_that_are_not_finite_are_certified_as_such_later_too():
    X, y, *_ = data()
    problem = Problem(LeastSquares(X, y), designs.ridge(0.25, 7))
    result = solve(problem, ProximalGradient(step_size=1e300), max_iter=100)
    assert result.status is parlin.Status.NOT_FINITE
    assert np.isfinite(result.w).all() and np.isfinite(result.certificate.objective)  # the best before
    assert result.certificate.objective <= problem.objective(problem.start())
    draws = AProx(step_size=1e200, batch_size=2, epochs=30)
    result = solve(problem, draws, tol=None)
    assert result.status is parlin.Status.NOT_FINITE
    X *= 2.0
    assert np.isnan(result.certificate.objective) and result.certificate.residual == np.inf
    again = pickle.loads(pickle.dumps(result))
    assert repr(again.certificate) == repr(result.certificate)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_result_keeps_no_data_alive(name):
    X, y, *_ = data()
    loss = LeastSquares(X, y, fit_intercept=True)
    result = solve(Problem(loss, PENALTIES[name]), max_iter=50)
    arrays = [weakref.ref(X), weakref.ref(loss), weakref.ref(loss.design)]
    del X, loss
    gc.collect()
    assert [array() for array in arrays] == [None] * 3
    assert result.certificate.size == 20


@pytest.mark.parametrize(
    "model",
    [PARRidge(0.1), PARLasso(0.1), PARNonconvex(0.1), PARRegressor(0.1, penalty=designs.sawtooth(0.5, 4))],
)
def test_a_fitted_model_keeps_no_data_alive(model):
    X, y, *_ = data()
    X = np.asfortranarray(X)
    model.fit(X, y)
    array = weakref.ref(X)
    del X
    gc.collect()
    assert array() is None
    assert model.result_.status.is_success


def test_the_arrays_of_a_penalty_and_of_a_problem_cannot_be_changed():
    problem = Problem(LeastSquares(np.eye(3), np.ones(3)), designs.ridge(0.25, 2), [1.0, 0.0, 2.0])
    par, separable = problem.penalty, problem.separable
    arrays = [par.levels, par.slopes, par.quantization_levels, *par.anchors, problem.penalty_weights]
    arrays += [problem.penalised, problem.unpenalised, separable.start, separable.smallest_slopes]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


# -- certificates are made when they are asked for --------------------------------------------------


def test_a_run_completes_no_certificate_that_nobody_asked_for(monkeypatch):
    made = []
    complete = parlin._loop.complete
    for module in (parlin._loop, parlin._result):
        monkeypatch.setattr(module, "complete", lambda check: made.append(check) or complete(check))
    X, y, *_ = data()
    problem = Problem(LeastSquares(X, y), PENALTIES["sawtooth"])
    result = solve(problem, ProximalGradient(), check_passes=1.0, tol=None, max_iter=20)
    assert len(result._earlier) > 5 and not made
    certificate = result.certificate
    assert len(made) == 1 and result.certificate is certificate


def test_a_record_holds_the_numbers_of_the_certificate_of_its_point():
    X, y, *_ = data()
    problem = Problem(LeastSquares(X, y), PENALTIES["ridge"])
    seen = []
    result = solve(problem, FISTA(), check_passes=3.0, callback=lambda k, _, c: seen.append((k, c)) and False)
    assert len(result.history) == len(seen) > 3
    for record, (iteration, certificate) in zip(result.history, seen, strict=True):
        assert record.iteration == iteration
        for name in ("objective", "residual", "strict_residual", "quantization_rate"):
            assert getattr(record, name) == getattr(certificate, name)


# -- everything counts -------------------------------------------------------------------------------


def test_seconds_count_from_the_first_line(monkeypatch):
    clock = [0.0]
    for module in (parlin._solve, parlin._loop):
        monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])

    def slow_start(problem):
        clock[0] += 10.0
        return find_start(problem)

    monkeypatch.setattr(parlin._solve, "find_start", slow_start)
    X, y, *_ = data()
    result = solve(Problem(LeastSquares(X, y), PENALTIES["sawtooth"]))
    assert result.seconds == result.history[-1].seconds == 10.0


def test_iterations_of_the_default_start_count_and_do_not_use_up_the_budget():
    X, y, *_ = data()
    problem = Problem(LeastSquares(X, y), designs.sawtooth(0.5, 4).scaled(0.005))
    start = find_start(problem)
    assert start.n_iter > 0
    result = solve(problem, ProximalGradient(), tol=None, max_iter=7)
    assert result.n_iter == start.n_iter + 7
    assert result.history[-1].iteration == result.n_iter
    assert solve(problem, ProximalGradient(), w0=start.w, tol=None, max_iter=7).n_iter == 7


def test_an_exception_leaves_nothing_on_a_nonconvex_model(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nonconvex, "multi_start", interrupted)
    X, y, *_ = data()
    model = PARNonconvex(0.1, n_starts=3)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert vars(model) == model.get_params() | {"n_features_in_": 20}


# -- what a tolerance is relative to ----------------------------------------------------------------


@pytest.mark.parametrize("omega", [None, [0.5, 0.0, 3.0] * 10])
@pytest.mark.parametrize("solver", [FISTA(), ProximalGradient()])
def test_relative_to_slopes_asks_for_the_slope_residual_as_well(solver, omega):
    rng = np.random.default_rng(1)
    loss = LeastSquares(rng.standard_normal((15, 30)), rng.standard_normal(15))
    penalty = designs.ridge(0.25, 7)
    problem = Problem(loss, penalty.scaled(1e-2 * Problem(loss, penalty, omega).strength_max()), omega)
    loose = solve(problem, solver, tol=1e-6)
    assert loose.status.name == "CONVERGED" and loose.certificate.slope_residual > 1e-6
    strict = solve(problem, solver, tol=1e-6, relative_to="slopes")
    assert strict.status.name == "CONVERGED"
    assert max(strict.certificate.residual, strict.certificate.slope_residual) <= 1e-6
    # Against the definition, with nothing of the certificate's code.
    w, gradient = strict.w, loss.design.X.T @ (loss.design.X @ strict.w - loss.y) / 15
    weights = np.ones(30) if omega is None else np.array(omega)
    low, high = problem.penalty.subdifferential(w)
    distance = np.maximum(np.maximum(weights * low + gradient, -gradient - weights * high), 0.0)
    least = np.where(weights > 0, weights, weights[weights > 0].min()) * np.abs(problem.penalty.slopes).min()
    assert np.max(distance / least) <= 1.01e-6


def test_relative_to_slopes_is_the_usual_tolerance_where_no_slope_is_finite_and_nonzero():
    rng = np.random.default_rng(2)
    loss = LeastSquares(rng.standard_normal((5, 3)), rng.standard_normal(5))
    for penalty in (designs.box(-0.1, 0.1), PAR([], [0.0])):
        result = solve(Problem(loss, penalty), relative_to="slopes")
        assert result.status.is_success and result.certificate.slope_residual is None


def test_slopes_below_the_rounding_errors_end_as_rounding():
    rng = np.random.default_rng(3)
    loss = LeastSquares(rng.standard_normal((5, 3)) * 1e8, rng.standard_normal(5) * 1e8)
    problem = Problem(loss, designs.ridge(0.25, 7).scaled(1e-6))
    result = solve(problem, relative_to="slopes")
    assert result.status.name == "ROUNDING" and result.certificate.slope_residual > 1e-8


def test_another_word_for_what_a_tolerance_is_relative_to_is_refused():
    problem = Problem(LeastSquares(np.eye(2), np.ones(2)), designs.ridge(0.25, 2))
    with pytest.raises(ValueError, match="relative_to must be 'gradient' or 'slopes', but is 'levels'"):
        solve(problem, relative_to="levels")
