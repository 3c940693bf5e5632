"""Coordinate descent with Newton steps: certified to rounding, on any design."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso

from parlin import PAR, LeastSquares, Problem, Status, designs, solve
from parlin.datasets import synthetic
from parlin.reference import solve_with_cvxpy
from parlin.solvers import CoordinateDescent
from parlin.solvers import coordinate_descent as module
from tests.kkt import Raw

DESIGNS = (
    "normal", "duplicates", "zero columns", "scaled", "equal rows",
    "integer", "sign", "low rank", "constant columns",
)  # fmt: skip

pytestmark = pytest.mark.skipif(module.Descent is None, reason="needs the compiled kernels")


def hard_design(kind: str, n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    X = rng.standard_normal((n, d))
    if kind == "duplicates":
        X[:, d // 2 :] = X[:, : d - d // 2]
    elif kind == "zero columns":
        X[:, rng.random(d) < 0.3] = 0.0
    elif kind == "scaled":
        X *= 10.0 ** rng.uniform(-4, 4, d)
    elif kind == "equal rows":
        X[:] = X[0]
    elif kind == "integer":
        X = rng.integers(-3, 4, (n, d)).astype(float)
    elif kind == "sign":
        X = rng.choice([-1.0, 1.0], (n, d))
    elif kind == "low rank":
        X = rng.standard_normal((n, 2)) @ rng.standard_normal((2, d))
    elif kind == "constant columns":
        X[:, rng.random(d) < 0.3] = 3.7
    return X


def hard_problem(kind: str, seed: int) -> tuple[Problem, Raw]:
    """A generated problem: any penalty, weights, intercept and storage, y from 1e-8 to 1e8."""
    rng = np.random.default_rng([DESIGNS.index(kind), seed])
    n, d = int(rng.integers(1, 30)), int(rng.integers(2, 60))
    X = hard_design(kind, n, d, rng)
    y = X @ (rng.standard_normal(d) * (rng.random(d) < 0.3)) + 0.1 * rng.standard_normal(n)
    y *= 10.0 ** rng.uniform(-8, 8)
    size = np.median(np.linalg.norm(X, axis=0)) / np.sqrt(n)
    q = np.abs(y).max() / (size if size > 0 else 1.0) * 10.0 ** rng.uniform(-3, 0.5)
    penalty = [
        designs.ridge(q, 7),
        designs.lasso(q, 5, bounded=True),
        designs.box(-q, 2 * q),
        designs.ridge(q / 1000, 50_000),
        PAR([-q, 0.5 * q, q], [-1.5, -0.2, 0.3, 2.0]),
        designs.sawtooth(q, 4),
        designs.rippled_mcp(q, 6),
    ][int(rng.integers(7))]
    weights = rng.integers(1, 4, n).astype(float) if rng.random() < 0.3 else None
    penalty_weights = rng.uniform(0.1, 3, d) * (rng.random(d) > 0.2) if rng.random() < 0.3 else None
    intercept = bool(rng.random() < 0.4)
    stored = sparse.csr_array(X) if rng.random() < 0.4 else np.asfortranarray(X) if seed % 2 else X
    loss = LeastSquares(stored, y, weights, intercept)
    largest = float(np.abs(loss.gradient_at_zero).max()) or 1.0
    slope = np.abs(penalty.slopes[np.isfinite(penalty.slopes)]).max() or 1.0
    scaled = penalty.scaled(largest / slope * 10.0 ** rng.uniform(-3, 0))
    raw = Raw(X, y, scaled.levels, scaled.slopes, intercept, weights, penalty_weights)
    return Problem(loss, scaled, penalty_weights), raw


@pytest.mark.parametrize("kind", DESIGNS)
def test_hard_designs_are_never_called_converged_wrongly(kind):
    successes = 0
    for seed in range(25):
        problem, raw = hard_problem(kind, seed)
        result = solve(problem, CoordinateDescent(), tol=1e-9, max_iter=2000)
        successes += result.status.is_success
        if result.status is Status.CONVERGED:
            norms, _ = raw.norms()
            if norms.max() == 0.0:
                continue
            descent = np.abs(raw.descent(np.zeros(problem.size))).astype(float)
            allowed = 1.01e-9 * descent.max() * norms / norms.max()
            # the reference's own rounding, all there is in a constant column
            rounding = 2.3e-16 * np.sqrt(np.mean(raw.X**2, axis=0) * np.mean(raw.y**2))
            assert np.all(raw.distances(result.w) <= allowed + rounding), (kind, seed)
    assert successes >= 24


@pytest.mark.parametrize("kind", ["duplicates", "sign", "low rank", "integer"])
@pytest.mark.parametrize("store", [np.asarray, sparse.csc_array])
def test_at_most_rank_many_coordinates_are_off_the_grid_on_any_design(kind, store):
    for seed in range(4):
        rng = np.random.default_rng([7, seed])
        X = hard_design(kind, 8, 40, rng)
        problem = Problem(
            LeastSquares(store(X), rng.standard_normal(8)), designs.lasso(0.05, 9).scaled(0.003)
        )
        result = solve(problem, CoordinateDescent(), tol=1e-10)
        assert result.status.is_success
        assert problem.unquantized(result.w).size <= np.linalg.matrix_rank(X)


# A column that depends on the free ones, but for rounding errors: the first pivot of a factorisation, and one
# of a sparse design whose means are much larger than what centring leaves.
@pytest.mark.parametrize(("kind", "seed"), [("duplicates", 360), ("normal", 605), ("duplicates", 322)])
def test_dependent_columns_are_told_from_independent_ones(kind, seed):
    problem, _ = hard_problem(kind, seed)
    result = solve(problem, CoordinateDescent(), tol=1e-9)
    assert result.status.is_success
    columns = problem.loss.design.columns(slice(None))
    assert problem.unquantized(result.w).size <= np.linalg.matrix_rank(columns)


@pytest.mark.parametrize("mean", [1e4, 1e6])
def test_large_means_of_sparse_columns_cost_no_more_digits_than_of_dense_ones(mean):
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((60, 4)), 5, axis=1) + mean
    y = X @ rng.standard_normal(20)
    for store in (np.asfortranarray, sparse.csc_array):
        loss = LeastSquares(store(X), y, fit_intercept=True)
        problem = Problem(loss, designs.ridge(0.1, 15))
        problem = problem.with_penalty(problem.penalty.scaled(0.001 * problem.strength_max()))
        result = solve(problem, CoordinateDescent(), tol=1e-9)
        assert result.status.is_success
        assert problem.unquantized(result.w).size <= 4


@pytest.mark.parametrize("store", [np.asfortranarray, sparse.csc_array])
def test_a_flat_penalty_with_many_solutions_ends_at_one_with_few_free_coordinates(store):
    # From the middle of the box everything is free, more than get a factor on sparse data.
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3000)) * (rng.random((50, 3000)) < 0.1)
    X[0] += 1.0  # no column is zero
    problem = Problem(LeastSquares(store(X), X @ rng.uniform(0, 1, 3000)), designs.box(0, 1))
    result = solve(problem, CoordinateDescent(), w0=np.full(3000, 0.5), tol=1e-9, max_iter=5)
    assert result.status.is_success
    assert problem.unquantized(result.w).size <= 50


@pytest.mark.parametrize("seed", [0, 1])
def test_smooth_columns_that_nearly_depend_on_each_other(seed):
    rng = np.random.default_rng(seed)
    places = np.linspace(0, 1, 200)
    X = np.exp(-200.0 * (np.linspace(0, 1, 100)[:, None] - places) ** 2)
    y = X @ (rng.standard_normal(200) * (rng.random(200) < 0.1)) + 0.01 * rng.standard_normal(100)
    problem = Problem(LeastSquares(X, y), designs.lasso(0.1, 15))
    problem = problem.with_penalty(problem.penalty.scaled(1e-4 * problem.strength_max()))
    result = solve(problem, CoordinateDescent(), tol=1e-9)
    assert result.status.is_success
    assert result.passes < 1000  # 2000 and more with a spoiled factor


@pytest.mark.parametrize("seed", range(5))
def test_smooth_columns_in_a_box_where_only_the_data_say_which_columns_depend_on_others(seed):
    rng = np.random.default_rng(seed)
    distance = np.linspace(0, 1, 60)[:, None] - np.linspace(0, 1, 300)
    X = np.exp(-0.5 * (distance / 0.03) ** 2)
    y = X @ (rng.standard_normal(300) * (rng.random(300) < 0.1)) + 0.01 * rng.standard_normal(60)
    result = solve(Problem(LeastSquares(X, y), designs.box(-1.0, 1.0)), CoordinateDescent(), tol=1e-9)
    assert result.status.is_success
    # Twice as many and more where a column is not projected anew, or a spoiled factor is kept.
    assert result.passes < 1000


@pytest.mark.parametrize("entries", ["normal", "ar"])
@pytest.mark.parametrize("penalty", [designs.ridge(0.1, 15), designs.lasso(0.1, 15, bounded=True)])
def test_the_objective_is_not_above_that_of_an_interior_point_method(entries, penalty):
    data = synthetic(15, 60, seed=3, entries=entries)
    loss = LeastSquares(data.X, data.y, sample_weight=np.arange(1.0, 16.0), fit_intercept=True)
    problem = Problem(loss, penalty.scaled(0.05))
    result = solve(problem, CoordinateDescent(), tol=1e-12)
    reference = solve_with_cvxpy(problem)
    assert result.certificate.objective <= reference.objective + 1e-8 * abs(reference.objective)
    assert result.certificate.gap <= 1e-12


def test_with_one_level_it_is_the_lasso():
    data = synthetic(40, 30, seed=4)
    w = solve(
        Problem(LeastSquares(data.X, data.y), PAR([0.0], [-0.3, 0.3])), CoordinateDescent(), tol=1e-12
    ).w
    lasso = Lasso(alpha=0.3, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(data.X, data.y)
    assert np.allclose(w, lasso.coef_, atol=1e-8)
    assert np.array_equal(w == 0, lasso.coef_ == 0)


@pytest.mark.parametrize(
    "penalty", [designs.sawtooth(0.25, 8), designs.rippled_mcp(0.1, 15), designs.binary()]
)
def test_nonconvex_points_are_stationary_for_the_prox_itself(penalty):
    data = synthetic(30, 120, seed=5, n_nonzero=10)
    problem = Problem(LeastSquares(data.X, data.y), penalty.scaled(0.02))
    result = solve(problem, CoordinateDescent(), tol=1e-12)
    assert result.status.is_success
    assert result.certificate.prox_residual <= 1e-12


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_all_ways_of_storing_a_design_end_at_the_same_point(weighted, intercept):
    data = synthetic(60, 1500, seed=6, n_nonzero=20)
    weights = np.random.default_rng(2).uniform(0.5, 2.0, 60) if weighted else None
    penalty = designs.lasso(0.1, 10).scaled(0.05)
    points = []
    for store in (np.asfortranarray, np.ascontiguousarray, sparse.csc_array, sparse.csr_array):
        problem = Problem(LeastSquares(store(data.X + 1.0), data.y, weights, intercept), penalty)
        result = solve(problem, CoordinateDescent(), tol=1e-12)
        assert result.certificate.gap <= 1e-12
        points.append(result.w)
    for w in points[1:]:
        assert np.allclose(w, points[0], atol=1e-9)
        assert np.array_equal(penalty.codes(w), penalty.codes(points[0]))


@pytest.mark.parametrize("store", [np.asfortranarray, sparse.csc_array])
@pytest.mark.parametrize(("fraction", "correlation"), [(0.3, 0.9), (0.1, 0.99), (0.03, 0.9), (0.003, 0.9)])
def test_one_step_solves_ordinary_problems(store, fraction, correlation):
    # A coordinate that was wrongly taken to rest would be found by the certificate, and cost more steps.
    for seed in range(40):
        data = synthetic(30, 400, seed=seed, entries="ar", correlation=correlation)
        loss = LeastSquares(store(data.X), data.y, fit_intercept=bool(seed % 2))
        penalty = designs.ridge(0.1, 12) if seed % 4 < 2 else designs.lasso(0.1, 12, bounded=True)
        problem = Problem(loss, penalty)
        problem = problem.with_penalty(penalty.scaled(fraction * problem.strength_max()))
        result = solve(problem, CoordinateDescent(), tol=1e-12)
        assert (result.status, result.n_iter) == (Status.CONVERGED, 1)


@pytest.mark.parametrize("kind", DESIGNS)
def test_conjugate_gradients_serve_where_a_factor_is_not_worth_it(kind, monkeypatch):
    monkeypatch.setattr(module, "_SPARSE_NEWTON", 2)
    successes = 0
    for seed in range(12):
        problem, raw = hard_problem(kind, seed)
        loss = LeastSquares(sparse.csc_array(raw.X), raw.y, raw.sample_weight, raw.intercept)
        problem = Problem(loss, problem.penalty, problem.penalty_weights)
        result = solve(problem, CoordinateDescent(), tol=1e-9, max_iter=500)
        successes += result.status.is_success
    assert successes >= 11


def test_conjugate_gradients_take_fewer_passes_than_steepest_descent():
    rng = np.random.default_rng(8)
    X = sparse.random(1500, 4000, 0.01, format="csc", random_state=rng)
    loss = LeastSquares(X, X @ (rng.standard_normal(4000) * (rng.random(4000) < 0.3)))
    problem = Problem(loss, designs.ridge(0.1, 15))
    problem = problem.with_penalty(problem.penalty.scaled(0.003 * problem.strength_max()))
    result = solve(problem, CoordinateDescent(), tol=1e-12)
    assert result.status is Status.CONVERGED
    assert problem.unquantized(result.w).size > module._SPARSE_NEWTON
    assert result.certificate.gap <= 1e-12
    assert result.passes < 1000  # steepest descent takes 3000


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_warm_start_far_from_the_solution_looks_at_all_coordinates_in_the_end(order):
    # From a distant start most coordinates leave where the first look saw them.
    data = synthetic(80, 3000, seed=12, n_nonzero=30)
    problem = Problem(
        LeastSquares(np.array(data.X, order=order), data.y), designs.ridge(0.1, 12).scaled(0.02)
    )
    start = np.random.default_rng(1).standard_normal(3000)
    result = solve(problem, CoordinateDescent(), w0=start, tol=1e-11)
    assert result.status.is_success
    assert result.certificate.gap <= 1e-12


def test_a_warm_start_at_the_solution_changes_nothing_and_is_not_written_to():
    data = synthetic(20, 100, seed=7)
    problem = Problem(LeastSquares(data.X, data.y), designs.ridge(0.1, 12).scaled(0.05))
    w = solve(problem, CoordinateDescent(), tol=1e-11).w
    start = w.copy()
    result = solve(problem, CoordinateDescent(), w0=start, tol=1e-11)
    assert (result.status, result.n_iter) == (Status.CONVERGED, 0)
    assert np.array_equal(start, w)


def test_without_the_compiled_kernels_auto_finds_another_solver():
    program = (
        "import numpy as np, parlin\n"
        "from parlin import LeastSquares, Problem, designs, solve, solvers\n"
        "X = np.random.default_rng(0).standard_normal((5, 20))\n"
        "problem = Problem(LeastSquares(X, X[:, 0]), designs.lasso(0.25, 4).scaled(0.01))\n"
        "print(parlin.compiled, solve(problem).status.name)\n"
        "print(solvers.CoordinateDescent().unsupported(problem))\n"
    )
    environment = {**os.environ, "PARLIN_PURE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "False CONVERGED"
    assert "compiled kernels" in done.stdout


def kernel(**changed):
    """A kernel on 3 columns of 4 entries, or one with wrong arguments."""
    X = np.asfortranarray(np.random.default_rng(0).standard_normal((4, 3)))
    norms = 0.5 * np.linalg.norm(X, axis=0)
    columns = {
        "stored": X, "means": np.zeros(3), "roots": np.full(4, 0.5), "norms": norms, "raw_norms": norms,
        "uniform": True, "centred": False,
    }  # fmt: skip
    penalty = {
        "omega": np.ones(3), "levels": np.zeros(1), "slopes": np.array([-1.0, 1.0]), "table": None,
        "step": 1.0,
    }  # fmt: skip
    rest = {"target": np.ones(4), "y_norm": 1.0, "w": np.zeros(3), "newton_limit": 3}
    for group in (columns, penalty, rest):
        group.update((name, changed[name]) for name in changed.keys() & group.keys())
    return module.Descent(tuple(columns.values()), tuple(penalty.values()), *rest.values())


def follow(descent, **changed):
    given = {
        "strengths": np.ones(1), "gradient": np.ones(3), "loose": 0.1, "tight": 1e-14, "rounding": 1e-16,
        "budget": module.Budget(1, 1, 1, 1),
    }  # fmt: skip
    return descent.follow(*(given | changed).values())


def test_the_kernel_refuses_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match="omega must have an entry for each of w"):
        kernel(omega=np.ones(4))
    with pytest.raises(ValueError, match="slopes must have one entry more than levels"):
        kernel(slopes=np.ones(3))
    with pytest.raises(ValueError, match="target must have an entry for each row"):
        kernel(target=np.ones(3))
    with pytest.raises(ValueError, match="one more piece than thresholds"):
        kernel(table=(np.zeros(2), np.zeros(3), np.zeros(2), np.zeros(3)))
    short = (np.ones(1), np.zeros(1, dtype=np.intc), np.array([0, 1], dtype=np.intc))
    for wrong in (
        {"means": np.ones(2)}, {"norms": np.ones(2)}, {"raw_norms": np.ones(2)}, {"roots": np.ones(3)},
        {"w": np.zeros(4)}, {"stored": short},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="columns must fit w and roots"):
            kernel(**wrong)
    assert follow(kernel()) >= 0.0
    for wrong in ({"gradient": np.ones(5)}, {"strengths": np.empty(0)}):
        with pytest.raises(ValueError, match="a strength, and gradient must have an entry"):
            follow(kernel(), **wrong)


def test_threads_with_a_kernel_each_find_the_same_points_bit_for_bit():
    rng = np.random.default_rng(8)
    X = np.asfortranarray(rng.standard_normal((60, 300)))
    problem = Problem(LeastSquares(X, X[:, :9] @ rng.standard_normal(9)), designs.lasso(0.1, 15).scaled(0.02))
    alone = solve(problem, CoordinateDescent()).w
    loss = problem.loss
    shared = [Problem(LeastSquares(loss.design, loss.y), problem.penalty) for _ in range(24)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda one: solve(one, CoordinateDescent()).w, shared))
    assert all(np.array_equal(w, alone) for w in found)


def test_other_threads_run_while_the_kernel_descends():
    rng = np.random.default_rng(9)
    X = np.asfortranarray(rng.standard_normal((300, 3000)))
    problem = Problem(LeastSquares(X, rng.standard_normal(300)), designs.lasso(0.1, 15).scaled(1e-4))
    descent = CoordinateDescent().init(problem, problem.start()).kernel
    counted, done = [], threading.Event()

    def count():
        while not done.is_set():
            counted.append(None)
            time.sleep(0)  # lets the GIL go

    strengths, gradient = np.ones(1), problem.loss.gradient(problem.start())
    other = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)  # nobody is made to let the GIL go
    try:
        other.start()
        before = len(counted)
        descent.follow(strengths, gradient, 0.1, 1e-14, 1e-16, module.Budget(1, 1, 20, 60))
        after = len(counted)
    finally:
        done.set()
        sys.setswitchinterval(interval)
        other.join()
    assert after > before
