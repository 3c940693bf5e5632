"""The exact path against the definition, hand-solved paths, scikit-learn, cvxpy and another solver."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression, lars_path

from parlin import PAR, LeastSquares, Problem, designs, solve
from parlin.datasets import synthetic
from parlin.path import solution_path
from parlin.path.follow import PathEnd
from parlin.path.homotopy import Event
from parlin.reference import solve_with_cvxpy
from tests.cases import LASSO
from tests.kkt import FOUR_BY_FIVE, SOLUTION
from tests.path.cases import PENALTIES, raw, strengths

DEGENERATE = (
    "sign",
    "integer",
    "duplicates",
    "opposites",
    "zero columns",
    "equal rows",
    "low rank",
    "one-hot",
)


def degenerate(kind: str, n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A design with ties, and targets that make more of them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    if kind == "sign":
        X = np.sign(X)
    elif kind == "integer":
        X = rng.integers(-2, 3, (n, d)).astype(float)
    elif kind == "duplicates":
        X[:, d // 2 : 2 * (d // 2)] = X[:, : d // 2]
    elif kind == "opposites":
        X[:, d // 2 : 2 * (d // 2)] = -X[:, : d // 2]
    elif kind == "zero columns":
        X[:, ::3] = 0.0
    elif kind == "equal rows":
        X[n // 2 : 2 * (n // 2)] = X[: n // 2]
    elif kind == "low rank":
        X = rng.standard_normal((n, 3)) @ rng.standard_normal((3, d))
    elif kind == "one-hot":
        X = np.eye(d)[rng.integers(0, d, n)]
    return X, X @ rng.integers(-2, 3, d)


def test_a_path_solved_by_hand():
    # f(w) = ½ (4 − 2w)²: X'r = 8 − 4w, and the slopes of ridge(1, 3) are ½, 1½, 2½, 3½.
    path = solution_path(LeastSquares([[2.0]], [4.0]), designs.ridge(1.0, 3))
    np.testing.assert_allclose(path.alphas, [16.0, 8.0, 8.0 / 3.0, 0.0], rtol=1e-15)
    assert path.coefs.toarray().ravel().tolist() == [0.0, 1.0, 1.0, 2.0]
    assert path.free.tolist() == [1, 0, 1]
    assert path.exact.all()
    assert [tuple(e) for e in path.events] == [
        ((0, 0.0, False),), ((0, 1.0, True),), ((0, 1.0, False),), ((0, 2.0, True),)
    ]  # fmt: skip
    assert (path.end, path.begins_quantized) == (PathEnd.REACHED, True)


def test_a_solution_that_is_known_lies_on_the_path():
    problem = FOUR_BY_FIVE
    path = solution_path(LeastSquares(problem.X, problem.y), PAR(problem.levels, problem.slopes))
    np.testing.assert_allclose(path.at(1.0), SOLUTION, atol=1e-14)
    assert path.at(1.0)[[0, 1, 2]].tolist() == [0.0, 1.0, -1.0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_tie_in_which_one_that_left_first_must_return(sign):
    # X'X/n is H and X'y/n is 1: all three touch at α = 1. Column 0 lies between the others: alone or with
    # one of them it would leave, but with both (H v = 1 has v₀ = −1.25) it stays, and v = (0, 1, 1) / 1.7.
    H = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, 0.7], [0.9, 0.7, 1.0]])
    X = np.sqrt(3.0) * np.linalg.cholesky(H).T
    y = 3.0 * np.linalg.solve(X.T, np.full(3, sign))
    path = solution_path(LeastSquares(X, y), LASSO, 0.5)
    np.testing.assert_allclose(path.alphas, [1.0, 0.5], rtol=1e-14)
    np.testing.assert_allclose(path.at(0.5), [0.0, sign * 0.5 / 1.7, sign * 0.5 / 1.7], atol=1e-14)
    assert path.events == ((Event(1, 0.0, False), Event(2, 0.0, False)), ())
    assert path.exact.all()


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize(("n", "d"), [(6, 25), (25, 6), (8, 8)])
def test_every_strength_is_optimal_by_the_definition(penalty, n, d):
    psi = PENALTIES[penalty]
    data = synthetic(n, d, seed=n + d, noise=0.5)
    path = solution_path(LeastSquares(data.X, data.y), psi)
    assert path.exact.all()
    assert path.end is PathEnd.REACHED
    assert np.all(np.diff(path.alphas) < 0)
    assert path.alphas[-1] == 0.0
    for alpha in np.concatenate((strengths(path, 20), path.alphas[:: max(1, path.n_segments // 20)])):
        w = path.at(alpha)
        assert raw(data.X, data.y, psi, alpha).violation(w) < 1e-13
        assert np.sum(~np.isin(w, psi.levels)) <= min(n, d)


@pytest.mark.parametrize("case", ["intercept", "sample weights", "penalty weights", "sparse", "all"])
def test_intercept_weights_and_sparse_data(case):
    rng = np.random.default_rng(5)
    everything = case == "all"
    X = rng.standard_normal((12, 20)) * (rng.random((12, 20)) < 0.5) + (case != "sparse")
    y = X @ rng.integers(-2, 3, 20) + 3.0 + 0.1 * rng.standard_normal(12)
    intercept = case == "intercept" or everything
    samples = rng.uniform(0.5, 2.0, 12) if case == "sample weights" or everything else None
    omega = rng.choice([0.0, 0.5, 2.0], 20, p=[0.15, 0.5, 0.35]) if "penalty" in case or everything else None
    stored = sparse.csr_array(X) if case == "sparse" or everything else X
    psi = PENALTIES["ridge"]
    loss = LeastSquares(stored, y, samples, fit_intercept=intercept)
    path = solution_path(loss, psi, penalty_weights=omega)
    assert path.exact.all()
    for alpha in strengths(path, 20):
        definition = raw(
            X, y, psi, alpha, intercept=intercept, sample_weight=samples,
            penalty_weights=None if omega is None else omega,
        )  # fmt: skip
        # The weights multiply the slopes of strength alpha.
        w = path.at(alpha)
        assert definition.violation(w) < 1e-13
        assert definition.violation(w, path.intercept(alpha)) < 1e-13
        off = definition.unquantized(w)
        assert path.quantization_rate(alpha) == 1.0 - off.size / (20 if omega is None else np.sum(omega > 0))


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_designs_end_and_are_exact(kind, penalty):
    psi = PENALTIES[penalty]
    for seed, (n, d) in enumerate([(4, 20), (8, 12), (15, 5)]):
        X, y = degenerate(kind, n, d, seed)
        path = solution_path(LeastSquares(X, y), psi)
        assert path.exact.all()
        assert path.end is PathEnd.REACHED
        assert path.free.max(initial=0) <= np.linalg.matrix_rank(X)
        for alpha in strengths(path, 6, seed):
            assert raw(X, y, psi, alpha).violation(path.at(alpha)) < 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_a_constant_column_with_an_intercept(seed):
    # Its gradient is nothing but rounding, at most strengths much more than where the data are interpolated.
    rng = np.random.default_rng(seed)
    X = np.column_stack((np.full(4, 3.7), rng.choice([-1.0, 1.0], (4, 12))))
    y = 1e7 * rng.integers(-2, 3, 4)
    omega = np.append(0.0, np.ones(12))
    path = solution_path(
        LeastSquares(X, y, fit_intercept=True), designs.ridge(0.1, 20), penalty_weights=omega
    )
    assert path.exact.all()
    assert path.end is PathEnd.REACHED


@pytest.mark.parametrize(("n", "d"), [(10, 60), (30, 120)])
def test_never_more_than_n_free_on_general_data(n, d):
    data = synthetic(n, d, seed=1)
    path = solution_path(LeastSquares(data.X, data.y), designs.ridge(0.1, 15))
    assert path.exact.all()
    assert path.free.max() == n
    # With an intercept one less: the residual sums to zero.
    path = solution_path(LeastSquares(data.X, data.y, fit_intercept=True), designs.ridge(0.1, 15))
    assert path.free.max() == n - 1


def test_agrees_with_the_solver_at_200_strengths():
    data = synthetic(30, 150, seed=2, n_nonzero=8)
    loss, psi = LeastSquares(data.X, data.y), designs.ridge(0.1, 15)
    path = solution_path(loss, psi, 1e-3 * Problem(loss, psi).strength_max())
    alphas = strengths(path, 200)
    found = path.at(alphas)
    for alpha, w in zip(alphas, found, strict=True):
        other = solve(Problem(loss, psi.scaled(alpha)), tol=1e-13, max_iter=20_000)
        np.testing.assert_allclose(w, other.w, rtol=0, atol=1e-10)


def test_not_worse_than_cvxpy():
    data = synthetic(10, 20, seed=3)
    loss, psi = LeastSquares(data.X, data.y, fit_intercept=True), PENALTIES["box"]
    path = solution_path(loss, psi)
    for alpha in strengths(path, 6):
        problem = Problem(loss, psi.scaled(alpha))
        ours, theirs = problem.objective(path.at(alpha)), solve_with_cvxpy(problem).objective
        assert ours <= theirs + 1e-8 * max(abs(theirs), loss.value_at_zero)


def test_ends_at_least_squares_or_interpolation():
    wide, tall = synthetic(6, 20, seed=0), synthetic(20, 6, seed=0, noise=1.0)
    path = solution_path(LeastSquares(wide.X, wide.y), PENALTIES["lasso"])
    np.testing.assert_allclose(wide.X @ path.at(0.0), wide.y, atol=1e-12)
    path = solution_path(LeastSquares(tall.X, tall.y, fit_intercept=True), PENALTIES["lasso"])
    plain = LinearRegression().fit(tall.X, tall.y)
    np.testing.assert_allclose(path.at(0.0), plain.coef_, atol=1e-12)
    assert path.intercept(0.0) == pytest.approx(plain.intercept_, abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(30, 8), (10, 40)])
def test_one_level_is_the_lasso_path_of_scikit_learn(n, d):
    data = synthetic(n, d, seed=4, noise=0.5)
    path = solution_path(LeastSquares(data.X, data.y), LASSO)
    alphas, _, coefs = lars_path(data.X, data.y, method="lasso")
    # Below, lars_path stops at rounding errors of its own.
    seen = alphas > 1e-6 * alphas[0]
    np.testing.assert_allclose(path.at(alphas[seen]), coefs.T[seen], atol=1e-8)
    ours = path.alphas[path.alphas > 1e-6 * alphas[0]]
    # theirs may hold a knot twice, where a coefficient meets 0
    assert np.max(np.min(np.abs(ours[:, None] - alphas), axis=1)) < 1e-8
    assert path.begins_quantized
    assert path.alphas[0] == pytest.approx(np.max(np.abs(data.X.T @ data.y)) / n, rel=1e-14)


def test_unpenalised_columns_only():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((9, 4)), rng.standard_normal(9)
    path = solution_path(LeastSquares(X, y), LASSO, penalty_weights=np.zeros(4))
    np.testing.assert_allclose(path.at(0.7), np.linalg.lstsq(X, y)[0], atol=1e-13)
    assert path.quantization_rate(0.7) == 1.0


def test_the_scale_of_the_data_does_not_matter():
    data = synthetic(8, 20, seed=6)
    plain = solution_path(LeastSquares(data.X, data.y), designs.ridge(0.25, 4))
    for size in (2.0**-300, 2.0**40):  # powers of two change no digit
        scaled = solution_path(LeastSquares(data.X, size * data.y), designs.ridge(0.25 * size, 4))
        assert scaled.n_segments == plain.n_segments
        np.testing.assert_allclose(scaled.at(0.1), size * plain.at(0.1), rtol=1e-9)
