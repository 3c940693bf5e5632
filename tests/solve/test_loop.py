"""The one loop: budgets kept, callbacks called, inputs left alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin import LeastSquares, Problem, Status, certify, designs, solve
from parlin.solvers import FISTA
from tests.cases import W
from tests.solve.cases import SOLVERS, supported


@pytest.mark.parametrize("name", SOLVERS)
def test_the_callback_sees_every_certificate_and_can_stop(name, problem):
    seen = []

    def callback(iteration, state, certificate):
        assert certificate == certify(problem, state.w, 1e-30)
        seen.append((iteration, state.passes, certificate))
        return len(seen) == 3

    result = solve(problem, supported(name, problem), tol=1e-30, check_passes=1e-9, callback=callback)
    assert [(r.iteration, r.passes) for r in result.history] == [entry[:2] for entry in seen]
    assert result.n_iter == seen[-1][0]
    assert len(seen) <= 3
    if len(seen) == 3:
        assert result.status is Status.COMPLETED
        assert result.w.shape == (25,)


def test_a_point_within_tolerance_is_converged_even_if_the_callback_stops_there(problem):
    w = solve(problem, tol=1e-12).w
    result = solve(problem, FISTA(), w0=w, callback=lambda *_: True)
    assert result.status is Status.CONVERGED


@pytest.mark.parametrize("name", SOLVERS)
def test_certificates_are_made_as_often_as_asked(name, problem):
    history = solve(problem, supported(name, problem), tol=None, max_iter=60, check_passes=5.0).history
    passes = np.array([record.passes for record in history])
    longest = np.diff(
        [r.passes for r in solve(problem, SOLVERS[name], tol=None, max_iter=60, check_passes=1e-9).history]
    ).max()
    assert np.all(np.diff(passes) >= 0)
    assert np.all(np.diff(passes)[:-1] <= 5.0 + longest + 1e-9)
    if name not in (
        "CoordinateDescent",
        "SemismoothNewton",
        "auto",
    ):  # it is done early, which is certified as well
        assert np.all(np.diff(passes)[:-1] >= 5.0)
    assert [r.iteration for r in history] == sorted({r.iteration for r in history})
    seconds = [record.seconds for record in history]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("name", SOLVERS)
def test_nothing_given_is_written_to(name):
    rng = np.random.default_rng(15)
    X, y = rng.standard_normal((12, 5)), rng.standard_normal(12)
    s, omega, w0 = rng.uniform(0.5, 2, 12), np.ones(5), rng.standard_normal(5)
    given = [X, y, s, omega, w0]
    before = [a.copy() for a in given]
    for a in given:
        a.flags.writeable = False
    for penalty in (designs.lasso(0.5, 3).scaled(0.1), W.scaled(0.1)):
        for form in (np.asarray, np.asfortranarray, sparse.csr_array):
            data = form(X)
            problem = Problem(LeastSquares(data, y, s, fit_intercept=True), penalty, omega)
            result = solve(problem, supported(name, problem), w0=w0)
            assert result.status.is_success
            assert not np.shares_memory(result.w, w0)
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array])
def test_repeated_entries_of_a_sparse_matrix_are_their_sum_and_stay_as_they_are(form, intercept):
    rng = np.random.default_rng(16)
    rows, columns = rng.integers(0, 8, 60), rng.integers(0, 4, 60)
    values = rng.standard_normal(60)
    X = form(sparse.coo_array((values, (rows, columns)), shape=(8, 4)))
    # The constructors sum duplicates; take the entries apart again.
    data, indices, indptr = np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr
    twice = form((data, indices, indptr), shape=(8, 4))
    assert twice.nnz == 2 * X.nnz
    y = rng.standard_normal(8)
    penalty = designs.lasso(0.25, 3).scaled(0.05)
    here, there = (Problem(LeastSquares(A, y, fit_intercept=intercept), penalty) for A in (X, twice))
    assert np.allclose(here.loss.coordinate_lipschitz, there.loss.coordinate_lipschitz)
    first, second = solve(here, tol=1e-10), solve(there, tol=1e-10)
    assert np.allclose(first.w, second.w, atol=1e-8)
    assert certify(there, first.w).residual == pytest.approx(certify(here, first.w).residual, abs=1e-12)
    assert twice.nnz == 2 * X.nnz
