"""The benchmarks measure the right problems: instances, programs, peers, the search and the report."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from benchmarks import proximal_gradient, ratios
from benchmarks.instances import PENALTIES, Instance, Size, draw, instances
from benchmarks.measure import Bench
from benchmarks.methods import Method
from benchmarks.quadratic_program import QuadraticProgram, epigraph_form, segment_form
from benchmarks.report import report
from parlin import PAR, LeastSquares, Problem, certify

UNEVEN = PAR([-1.0, 0.0, 0.25, 2.0], [-3.0, -1.0, 0.5, 0.75, 4.0])
SMALL = Size(6, 9, 1, designs=("gaussian",), slow=(("gaussian", "PAR-ridge"),))


def first(size: Size = SMALL, penalty: str = "PAR-ridge", fraction: float = 0.1) -> Instance:
    """The first draw of a cell."""
    return next(i for i in instances(size) if (i.penalty_name, i.fraction) == (penalty, fraction))


# -- instances --------------------------------------------------------------------------------------


@pytest.mark.parametrize("density", [1.0, 0.3])
def test_every_coefficient_is_zero_exactly_from_the_largest_strength_on(density: float):
    size = Size(20, 30, 1, density=density, designs=("gaussian",), fractions=(1.0, 0.99))
    for instance in instances(size):
        at_zero = certify(instance.problem(), np.zeros(30)).residual
        assert (at_zero <= 1e-12) == (instance.fraction == 1.0)


def test_instances_are_all_cells_and_draws_and_the_same_every_time():
    size = Size(4, 6, 2)
    cells = [(i.seed, *i.cell[1:]) for i in instances(size)]
    assert cells == list(itertools.product(range(2), size.designs, PENALTIES, size.fractions))
    for design in size.designs:
        (X, y), (X_again, y_again) = draw(size, design, 1), draw(size, design, 1)
        assert X.flags.f_contiguous
        assert_array_equal(X, X_again)
        assert_array_equal(y, y_again)
        assert not np.array_equal(X, draw(size, design, 0)[0])


@pytest.mark.parametrize(
    ("design", "correlation"), [("gaussian", 0.0), ("AR(0.95)", 0.95), ("AR(0.99)", 0.99)]
)
def test_neighbouring_columns_are_as_correlated_as_the_design_says(design: str, correlation: float):
    X, _ = draw(Size(40_000, 5, 1), design, 0)
    measured = np.corrcoef(X.T)
    assert_allclose(measured[0, 1], correlation, atol=0.02)
    assert_allclose(measured[0, 4], correlation**4, atol=0.02)


def test_sparse_designs_are_sparse_and_by_columns():
    X, _ = draw(Size(200, 300, 1, density=0.02), "sparse", 0)
    assert sparse.issparse(X)
    assert X.format == "csc"
    assert_allclose(X.nnz / (200 * 300), 0.02, rtol=0.05)


def test_the_penalties_are_those_that_the_report_describes():
    k = np.arange(16)
    for name in ("PAR-ridge", "PAR-lasso"):
        assert_allclose(PENALTIES[name].levels, 0.1 * np.arange(-15, 16), atol=1e-15)
    assert_allclose(PENALTIES["PAR-lasso"].slopes[16:], 1 + 0.05 * k, rtol=1e-12)
    # chords of x²/2 between k q and (k + 1) q
    assert_allclose(PENALTIES["PAR-ridge"].slopes[16:], (k + 0.5) * 0.1, rtol=1e-12)
    assert PENALTIES["one level"] == PAR([0.0], [-1.0, 1.0])


# -- quadratic programs -----------------------------------------------------------------------------


def optimum(program: QuadraticProgram) -> np.ndarray:
    """The program's solution by Clarabel."""
    clarabel = pytest.importorskip("clarabel")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    n_inequalities = program.b.size - program.n_equalities
    cones = [clarabel.ZeroConeT(program.n_equalities), clarabel.NonnegativeConeT(n_inequalities)]
    upper = sparse.triu(program.P, format="csc")
    return np.array(clarabel.DefaultSolver(upper, program.q, program.A, program.b, cones, settings).solve().x)


@pytest.mark.parametrize("form", [epigraph_form, segment_form])
@pytest.mark.parametrize("penalty", [UNEVEN.scaled(0.05), PENALTIES["PAR-lasso"].scaled(0.1)])
@pytest.mark.parametrize("as_sparse", [False, True])
def test_a_program_has_the_solution_and_the_value_of_the_problem(form, penalty: PAR, as_sparse: bool):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((6, 9)), rng.standard_normal(6)
    program = form(sparse.csc_matrix(X) if as_sparse else X, y, penalty)
    z = optimum(program)
    problem = Problem(LeastSquares(X, y), penalty)
    assert certify(problem, z[:9]).gap <= 1e-7
    value = 0.5 * z @ (program.P @ z) + program.q @ z
    # the segments are counted from the first level
    constant = 9 * float(penalty.value(penalty.levels[0])) if form is segment_form else 0.0
    assert_allclose(value + constant, problem.objective(z[:9]), atol=1e-8)


# -- proximal gradient ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [proximal_gradient.vectorised, proximal_gradient.looped])
@pytest.mark.parametrize("penalty", [UNEVEN, PENALTIES["PAR-ridge"], PENALTIES["one level"]])
@pytest.mark.parametrize("step", [0.1, 3.0])
def test_the_proximal_maps_minimise_what_defines_them(make, penalty: PAR, step: float):
    v = np.linspace(-9.0, 9.0, 1801)
    x = make(penalty, step)(v)
    candidates = np.concatenate([penalty.levels, *(v[:, None] - step * penalty.slopes).T])
    values = 0.5 * (candidates - v[:, None]) ** 2 + step * penalty.value(candidates)
    assert np.all(0.5 * (x - v) ** 2 + step * penalty.value(x) <= values.min(axis=1) + 1e-12)
    assert np.isin(x, penalty.levels).sum() >= 10


@pytest.mark.parametrize("accelerated", [False, True])
@pytest.mark.parametrize("make", [proximal_gradient.vectorised, proximal_gradient.looped])
def test_the_iterates_go_to_the_solution_at_their_rate(make, accelerated: bool):
    instance = first()
    step = proximal_gradient.longest_step(instance.X)
    assert_allclose(step, 6 / np.linalg.norm(instance.X, 2) ** 2)
    steps = proximal_gradient.iterates(
        instance.X, instance.y, make(instance.penalty, step), step, accelerated
    )
    found = list(itertools.islice(steps, 3001))
    problem = instance.problem()
    assert not found[0].any()
    assert certify(problem, found[-1]).gap <= 1e-10
    least = problem.objective(found[-1])
    for k in (1, 5, 20, 100):
        # F(w_k) − F* <= ‖w*‖² / (2 step k), Beck and Teboulle 2009
        assert problem.objective(found[k]) - least <= found[-1] @ found[-1] / (2 * step * k)


# -- the penalty written for skglm ------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [UNEVEN, PENALTIES["PAR-lasso"], PENALTIES["one level"]])
def test_the_penalty_for_skglm_is_the_penalty(penalty: PAR):
    pytest.importorskip("skglm")
    from benchmarks.skglm_penalty import PiecewiseAffine

    theirs = PiecewiseAffine(penalty.levels, penalty.slopes, int(np.flatnonzero(penalty.levels == 0.0)[0]))
    w = np.concatenate([np.linspace(-3.0, 3.0, 61), penalty.levels])
    gradient = np.random.default_rng(0).standard_normal(w.size)
    assert_allclose(theirs.value(w), penalty.value(w).sum(), rtol=1e-12)
    assert_array_equal(theirs.generalized_support(w), w != 0)
    assert_allclose(
        theirs.subdiff_distance(w, gradient, np.arange(w.size)), penalty.distance(gradient, w), atol=1e-12
    )
    for step in (0.1, 3.0):
        moved = np.array([theirs.prox_1d(v, step, 0) for v in 3 * w])
        assert_allclose(moved, penalty.prox(3 * w, step), atol=1e-12)


# -- search for the settings ------------------------------------------------------------------------


def off_by_the_tolerance(instance: Instance):
    """A solver that is as inexact as its tolerance: on this problem the gap is about its square."""
    found = proximal_gradient.longest_step(instance.X)
    prox = proximal_gradient.vectorised(instance.penalty, found)
    steps = proximal_gradient.iterates(instance.X, instance.y, prox, found, True)
    solution = next(itertools.islice(steps, 20_000, None))
    return lambda tolerance: solution + tolerance * np.where(solution != 0, 1.0, 0.0)


@pytest.mark.parametrize("gap", [1e-4, 1e-8])
def test_the_loosest_accepted_tolerance_is_found(gap: float):
    instance = first()
    tolerances = tuple(10.0 ** (-k / 2) for k in range(1, 25))
    method = Method("off", off_by_the_tolerance, gap=gap, settings=tolerances)
    (found,) = Bench([method]).measure(instance)
    run, problem = off_by_the_tolerance(instance), instance.problem()
    accepted = [t for t in tolerances if certify(problem, run(t)).gap <= gap]
    assert (found.outcome, found.setting) == ("timed", accepted[0])
    assert found.gap <= gap


def test_a_method_whose_points_are_wrong_has_no_time():
    method = Method("zero", lambda instance: lambda _: np.zeros(9), settings=(1e-2, 1e-4, 1e-6))
    (found,) = Bench([method]).measure(first())
    assert (found.outcome, found.seconds, found.setting) == ("wrong", None, 1e-6)


def test_a_point_that_is_not_finite_is_wrong():
    method = Method("nan", lambda instance: lambda _: np.full(9, np.nan), settings=(1e-2,))
    (found,) = Bench([method]).measure(first())
    assert (found.outcome, found.seconds) == ("wrong", None)


def test_a_call_below_a_second_is_made_three_times_and_the_least_time_counts():
    taken = []

    def bind(instance: Instance):
        solution = off_by_the_tolerance(instance)(0.0)

        def run(tolerance: float):
            begin = time.process_time()
            while time.process_time() < begin + (0.2 if not taken else 0.1):  # the first finds nothing warm
                pass
            taken.append(time.process_time() - begin)
            return solution

        return run

    (found,) = Bench([Method("slow at first", bind, settings=(1e-2,))]).measure(first())
    assert len(taken) == 3
    assert 0.1 <= found.seconds < 0.2


@pytest.mark.parametrize("limit", [0.0, 60.0])
def test_iterations_are_counted_until_the_gap_or_the_limit(limit: float):
    size = Size(6, 9, 1, designs=("gaussian",), slow=(("gaussian", "PAR-ridge"),), limit=limit)
    instance = first(size)

    def iterates(instance: Instance):
        step = proximal_gradient.longest_step(instance.X)
        prox = proximal_gradient.vectorised(instance.penalty, step)
        return proximal_gradient.iterates(instance.X, instance.y, prox, step, True)

    method = Method(
        "steps",
        lambda i: lambda n: next(itertools.islice(iterates(i), int(n), None)),
        iterates=iterates,
        slow=True,
    )
    (found,) = Bench([method]).measure(instance)
    if limit == 0.0:
        assert found.outcome in ("limit", "wrong")
    else:
        gaps = [certify(instance.problem(), w).gap for w in itertools.islice(iterates(instance), 3000)]
        assert found.setting == next(k for k in range(0, 3000, 10) if gaps[k] <= 1e-8)
        assert found.outcome in ("timed", "scaled")


def test_slow_methods_run_only_where_the_size_says_so():
    method = Method("slow", off_by_the_tolerance, settings=(1e-9,), slow=True)
    assert Bench([method]).measure(first(penalty="PAR-lasso")) == []
    assert len(Bench([method]).measure(first())) == 1


# -- ratios, report and figure ----------------------------------------------------------------------


def measurement(method: str, seed: int, seconds: float | None, outcome: str = "timed", **changes) -> dict:
    """One solve at 20 × 200."""
    made = {"size": "20 × 200", "design": "gaussian", "penalty": "PAR-ridge", "fraction": 0.1, "seed": seed}
    made |= {"method": method, "variant": "", "outcome": outcome, "seconds": seconds, "gap": 1e-13}
    return made | {"setting": 1e-8} | changes


MEASUREMENTS = (
    *(measurement("parlin", seed, seconds) for seed, seconds in enumerate((1.0, 2.0, 4.0))),
    *(measurement("skglm AndersonCD", seed, seconds) for seed, seconds in enumerate((0.5, 1.2, 8.0))),
    measurement("Clarabel", 0, 300.0, "limit"),
    measurement("OSQP", 0, None, "wrong", gap=1e-3),
    measurement("parlin", 0, 1.0, penalty="one level"),
    measurement("scikit-learn Lasso", 0, 3.0, penalty="one level"),
)
CELL = {"size": "20 × 200", "design": "gaussian", "penalty": "PAR-ridge", "fraction": 0.1}
RESULTS = {
    "environment": {
        "python": "3.11", "machine": "x86_64", "cores": 2, "threads": {"blas": 1}, "versions": {"numpy": "2"},
    },
    "solver_rule": "One rule.",
    "warm_up": {"skglm AndersonCD": 12.0, "Clarabel": 0.01},
    "cells": ratios.cells(MEASUREMENTS),
    "anatomy": [CELL | {"free": 7, "passes": 12.5, "fixed_seconds": 0.5}],
    "scaling": [
        {**record, "varied": varied, "n": 20, "d": 200}
        for varied in "dn"
        for record in ratios.cells([measurement("parlin", 0, 1.0), measurement("skglm AndersonCD", 0, 5.0)])
    ],
    "solvers": ratios.cells(
        [measurement("CoordinateDescent", 0, 0.125), measurement("FISTA", 0, 4.0, "limit")]
    ),
    "path": {
        "size": "20 × 200", "n_alphas": 100, "exact_seconds": 0.25, "knots": 300, "grid_seconds": 0.5,
        "ratio": 0.5, "most_free": 20, "difference": 1e-12,
    },
    "memory": [
        {"method": "parlin", "layout": "columns", "n": 1000, "d": 5000, "data_mb": 40.0, "extra_mb": 10.0,
         "free": 100, "gap": 1e-15},
        {"method": "parlin", "layout": "sparse", "n": 10, "d": 10, "data_mb": 4.0, "extra_mb": 1.0,
         "free": 1, "gap": 1e-15},
    ],
    "rates": [{"call": "solve", "penalty": "PAR-lasso", "per_second": 1234.5}],
    "prox": [{"penalty": "uniform", "size": 10_000_000, "ratio": 1.5}],
    "epochs": [
        {"method": "AProx", "batch_size": 64, "n": 100, "d": 10, "entries": 3, "milliseconds": 1.0,
         "passes": 2.5, "of_sgd": 0.2},
    ],
    "levels": [
        {"values": 1000, "levels": 4, "seconds": 0.5, "ratios": {"kmeans1d": 5.0, "lloyd": 2.0},
         "excess": {"kmeans1d": 0.0, "lloyd": 0.125}},
    ],
    "first_fit": [{"first_ms": 30.0, "second_ms": 2.0}, {"first_ms": 25.0, "second_ms": 3.0}],
    "minutes": 11.0,
}  # fmt: skip


def test_a_ratio_is_the_median_over_the_draws_of_their_time_over_ours():
    (ratio,) = ratios.ratios(RESULTS["cells"], "skglm AndersonCD")
    assert (ratio.low, ratio.middle, ratio.high) == (0.5, 0.6, 2.0)  # of 0.5/1, 1.2/2 and 8/4
    assert (ratio.ours, ratio.theirs, ratio.bound) == (2.0, 1.2, False)


def test_a_solve_that_was_given_up_is_a_bound_and_a_wrong_one_has_no_ratio():
    (bound,) = ratios.ratios(RESULTS["cells"], "Clarabel")
    assert (bound.middle, bound.bound) == (300.0, True)
    assert ratios.ratios(RESULTS["cells"], "OSQP") == []
    assert ratios.without_time(RESULTS["cells"], "OSQP") == 1


@pytest.mark.parametrize(
    "line",
    [
        "| 20 × 200 | skglm AndersonCD | 3 | 0.6 | 0.6 | 0.6 | 1 of 1 |",
        "| 20 × 200, gaussian, PAR-ridge, 0.1 | skglm AndersonCD | 0.6 | 2000 | 25 % | 7 | 12.5 |",  # a loss
        "| 20 × 200, gaussian, PAR-ridge | 0.6 (0.5–2) |",
        "| Clarabel | 20 × 200 | ≥ 300 | ≥ 300 | ≥ 300 | 1 | 1 |",
        "| 20 × 200 | scikit-learn Lasso | 3 | 3 | 3 | 0 of 1 |",
        "| 20 × 200 | 12.5 (12.5) |",
        "| d | 20 | 200 | 1000 | 5000 | 250000 |",
        "| 20 × 200, gaussian, PAR-ridge, 0.1 | 125 | > 4000 |",
        "| 20 × 200 | 0.25 | 300 | 0.5 | 0.5 | 20 | 1e-12 |",
        "| parlin, 1000 × 5000 by columns | 40 | 10 | 0.25 | 1.6 |",
        "| solve | PAR-lasso | 1234 |",
        "| uniform | 1.5 |",
        "| AProx | 64 | 1 | 2.5 | 0.2 |",
        "| 1,000 | 4 | 0.5 | 5 | – | – | 2 | – | 12.5% |",
        "First fit of a process, after import: 25 ms; the second: 2 ms.",
        "OSQP: 1",
        "skglm AndersonCD 12 s",
    ],
)
def test_the_report_says_what_the_results_say(line: str):
    assert line in report(RESULTS)


def test_the_figure_is_drawn_from_the_results_alone():
    pytest.importorskip("matplotlib")
    from benchmarks.figure import ratio_figure

    picture = ratio_figure(RESULTS)
    assert picture.startswith(b"\x89PNG")
    assert picture == ratio_figure(RESULTS)
