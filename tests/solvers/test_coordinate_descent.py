"""Coordinate descent with Newton on working sets: certified to rounding, on any design."""

import os
import subprocess
import sys

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
    stored = sparse.csr_array(X) if rng.random() < 0.4 else X
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
            # the judge's own rounding, all there is in a constant column
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


def test_large_designs_take_working_sets_and_end_where_small_ones_do():
    data = synthetic(60, 4000, seed=6, n_nonzero=20)
    problem = Problem(LeastSquares(np.asfortranarray(data.X), data.y), designs.lasso(0.1, 10).scaled(0.05))
    result = solve(problem, CoordinateDescent(), tol=1e-12)
    stored = Problem(LeastSquares(sparse.csc_array(data.X), data.y), problem.penalty)
    other = solve(stored, CoordinateDescent(), tol=1e-12)
    assert result.certificate.gap <= 1e-12
    assert np.allclose(result.w, other.w, atol=1e-9)
    assert np.array_equal(problem.penalty.codes(result.w), problem.penalty.codes(other.w))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("store", [np.asfortranarray, sparse.csc_array, sparse.csr_array])
def test_coordinates_that_are_not_looked_at_are_stationary(store, weighted):
    rng = np.random.default_rng(41)
    n, d = 50, 900
    X, omega = rng.standard_normal((n, d)), rng.choice([0.5, 1.0, 2.0], d)
    omega[:3] = 0.0
    loss = LeastSquares(store(X), rng.standard_normal(n), None, weighted)
    problem = Problem(loss, designs.lasso(0.02, 5, bounded=True).scaled(0.2), omega if weighted else None)
    w = problem.start()
    _, survey, share = module._look(problem, w, loss.residual(w), None)
    assert share == 1.0
    looked = []
    for size in (0.0, 0.001, 0.01, 0.1):
        moved = w.copy()
        chosen = rng.permutation(d)[:20]
        moved[chosen] += size * rng.standard_normal(20)
        moved = problem.clip(moved)
        gradient, after, share = module._look(problem, moved, loss.residual(moved), survey)
        looked.append(share)
        assert (after is survey) == (share < 1.0)
        np.testing.assert_allclose(
            problem.violation(gradient, moved),
            problem.violation(-X_centred(X, weighted).T @ loss.residual(moved) / n, moved),
            atol=1e-12,
        )
    assert looked == sorted(looked)
    assert looked[0] < looked[1] < 0.5 and looked[-1] == 1.0


def X_centred(X: np.ndarray, centre: bool) -> np.ndarray:
    return X - X.mean(axis=0) if centre else X


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


def kernel(p: int = 3, n: int = 4, **changed):
    """A kernel on p columns of n entries, or one with wrong arguments."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((n, p)))
    given = {
        "columns": X, "where": np.arange(p, dtype=np.intc), "root": 1.0, "means": None,
        "residual": np.ones(n), "w": np.zeros(p),
        "norms": np.linalg.norm(X, axis=0), "omega": np.ones(p), "levels": np.zeros(1),
        "slopes": np.array([-1.0, 1.0]), "table": None, "step": 1.0, "newton_limit": p,
    }  # fmt: skip
    return module.Descent(*(given | changed).values())


def test_the_kernel_refuses_arrays_that_do_not_fit():
    for wrong in ({"norms": np.ones(2)}, {"omega": np.ones(4)}, {"slopes": np.ones(3)}):
        with pytest.raises(ValueError, match="an entry for each of w, and slopes one more than levels"):
            kernel(**wrong)
    with pytest.raises(ValueError, match="slack and gradient must have an entry for each"):
        kernel().minimise(1.0, np.ones(3), np.ones(2), 1, 1)
    fits = [np.ones(1), np.ones(4), np.ones(3), np.ones(3)]
    for place in range(1, 4):
        with pytest.raises(ValueError, match="do not fit the columns"):
            kernel().follow(*fits[:place], np.ones(5), *fits[place + 1 :], 1.0, 0.1, 1e-14, 1e-16, 1, 1, 1, 1)
    with pytest.raises(ValueError, match="more columns than the factor can hold"):
        kernel().adopt(np.zeros(4, dtype=np.intc), np.ones((5, 5), order="F"))


@pytest.mark.parametrize("size", [3, 8])
def test_a_factor_is_handed_on_whatever_the_size_of_its_array(size):
    first = kernel()
    residual = np.random.default_rng(1).standard_normal(4)
    columns = np.asfortranarray(np.random.default_rng(0).standard_normal((4, 3)))
    first.follow(
        np.array([1e-3]), residual, -columns.T @ residual, np.ones(3), 1.0, 0.1, 1e-14, 1e-16, 20, 10, 20, 60
    )
    free, L = first.factor()
    m = free.size
    assert m > 0
    A = columns[:, free]
    np.testing.assert_allclose(np.tril(L[:m, :m]) @ np.tril(L[:m, :m]).T, A.T @ A, atol=1e-12)
    array = np.zeros((size, size), order="F")
    array[:m, :m] = np.tril(L[:m, :m])
    w = np.zeros(3)
    w[free] = 0.5
    second = kernel(w=w)
    second.adopt(free.astype(np.intc), array)
    again, found = second.factor()
    assert np.array_equal(again, free)
    np.testing.assert_array_equal(np.tril(found[:m, :m]), np.tril(L[:m, :m]))
