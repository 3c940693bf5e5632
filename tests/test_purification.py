"""Purification: the same fit and objective with at most rank(X) coordinates off the grid."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, certify, designs, purification, purify, solve
from parlin.solvers import FISTA
from tests.cases import W
from tests.kkt import Raw

PENALTIES = {
    "ridge": designs.ridge(0.5, 3),
    "lasso": designs.lasso(0.25, 8),
    "staircase": designs.staircase(0.5, 4),
    "sawtooth": designs.sawtooth(0.5, 3),
    "rippled_mcp": designs.rippled_mcp(0.5, 3),
    "box": designs.box(-1.0, 1.0),
    "asymmetric": PAR([-0.75, 0.5, 2.0], [-2.0, 0.3, 1.0, 4.0]),
    "W": W,
}


def matrix(kind: str) -> np.ndarray:
    """Designs on which critical points with more than rank(X) free coordinates do exist."""
    rng = np.random.default_rng((41, len(kind)))
    if kind == "duplicated":
        return np.repeat(rng.standard_normal((6, 4)), 5, axis=1)
    if kind == "low rank":
        return rng.standard_normal((12, 3)) @ rng.standard_normal((3, 40))
    if kind == "signs":
        return rng.choice([-1.0, 1.0], (5, 30))
    if kind == "one-hot":
        return np.eye(6)[rng.integers(0, 6, 30)].T
    X = rng.standard_normal((8, 5))
    return np.column_stack((X, X[:, ::-1], np.zeros((8, 2)), np.full((8, 1), 2.5)))


def rank_of(X: np.ndarray, unpenalised: np.ndarray, intercept: bool) -> int:
    """rank([X, Z]) − rank(Z) for the unpenalised columns Z, the intercept's among them."""
    Z = X[:, unpenalised]
    if intercept:
        Z = np.column_stack((Z, np.ones(len(X))))
    together = np.linalg.matrix_rank(np.column_stack((X, Z)))
    return together - (np.linalg.matrix_rank(Z) if Z.size else 0)


@pytest.mark.parametrize(("intercept", "unpenalised"), [(False, ()), (True, ()), (True, (0, 7))])
@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("kind", ["duplicated", "low rank", "signs", "one-hot", "repeated and constant"])
def test_a_critical_point_keeps_its_fit_and_objective_and_frees_at_most_rank(
    kind, name, intercept, unpenalised
):
    X = matrix(kind)
    n, d = X.shape
    rng = np.random.default_rng((kind == "signs", len(name)))
    y = X @ rng.standard_normal(d) / 4 + rng.standard_normal(n)
    penalty = PENALTIES[name].scaled(0.05)
    omega = np.ones(d)
    omega[list(unpenalised)] = 0.0
    omega = omega if unpenalised else None
    problem = Problem(LeastSquares(X, y, fit_intercept=intercept), penalty, omega)
    raw = Raw(X, y, penalty.levels, penalty.slopes, intercept=intercept, penalty_weights=omega)

    start = np.clip(rng.uniform(-2, 2, d), *penalty.domain)
    w = solve(problem, FISTA(), w0=start, tol=1e-10, max_iter=20_000).w
    before = w.copy()
    pure = purify(problem, w)

    assert np.array_equal(w, before)
    rank = rank_of(X, np.array(unpenalised, dtype=int), intercept)
    assert raw.unquantized(pure).size <= rank
    # With an intercept the fit may move by a constant, which the intercept takes up.
    change = X @ (pure - w)
    change -= change.mean() if intercept else 0.0
    assert np.all(np.abs(change) <= 1e-13 * (1 + np.abs(X) @ np.abs(w)))
    zero = Raw(X, y, np.empty(0), np.zeros(1), intercept=intercept).objective(np.zeros(d))
    assert abs(raw.objective(pure) - raw.objective(w)) <= 1e-9 * zero
    assert raw.violation(pure) <= max(1e-9, 1.01 * raw.violation(w))
    # What was on a level stays there, and nothing crosses one.
    fixed = np.isin(w, penalty.levels) & (np.ones(d) if omega is None else omega > 0).astype(bool)
    assert np.array_equal(pure[fixed], w[fixed])
    low = np.append(-np.inf, penalty.levels)[np.searchsorted(penalty.levels, w)]
    high = np.append(penalty.levels, np.inf)[np.searchsorted(penalty.levels, w)]
    penalised = np.ones(d, dtype=bool) if omega is None else omega > 0
    assert np.all(((low <= pure) & (pure <= high))[penalised])
    assert np.array_equal(purify(problem, pure), pure)


@pytest.mark.parametrize("kind", ["duplicated", "low rank", "signs", "one-hot"])
def test_an_interpolator_inside_a_box_with_every_coordinate_free_ends_with_rank_free(kind):
    # y = Xw with w inside the box: the gradient and the slopes are zero, so F = 0 and all d are free.
    X = matrix(kind)
    w = np.random.default_rng(4).uniform(-0.99, 0.99, X.shape[1])
    problem = Problem(LeastSquares(X, X @ w), designs.box(-1.0, 1.0))
    pure = purify(problem, w)
    assert problem.unquantized(w).size == w.size
    assert problem.unquantized(pure).size <= np.linalg.matrix_rank(X)
    assert problem.objective(pure) <= 1e-25 * (1 + problem.loss.value_at_zero)


@pytest.mark.parametrize("name", ["lasso", "W", "sawtooth", "rippled_mcp"])
def test_signs_with_equal_slopes_have_critical_points_with_every_coordinate_free(name):
    # The residual (n α s, 0, ..., 0) has correlation ±α s with every column of signs: all d
    # coordinates rest in the innermost cells, of slope ±s, anywhere.
    X = matrix("signs")
    penalty = PENALTIES[name].scaled(0.3)
    k = np.searchsorted(penalty.levels, 0.0, side="right")
    slope, width = penalty.slopes[k], penalty.levels[k]
    w = np.sign(X[0]) * np.random.default_rng(9).uniform(0.1, 0.9, X.shape[1]) * width
    residual = np.zeros(len(X))
    residual[0] = len(X) * slope
    problem = Problem(LeastSquares(X, X @ w + residual), penalty)
    assert certify(problem, w).residual <= 1e-13
    pure = purify(problem, w)
    assert problem.unquantized(w).size == 30
    assert problem.unquantized(pure).size <= 5
    assert certify(problem, pure).residual <= 1e-13
    assert problem.objective(pure) == pytest.approx(problem.objective(w), rel=1e-13)


def test_two_equal_columns_end_with_one_of_them_on_a_level():
    # Theory 3.5: X = [1, 1], y = 3, |·|: all of w1 + w2 = 2, w >= 0 minimises.
    problem = Problem(LeastSquares([[1.0, 1.0]], [3.0]), PAR([0.0], [-1.0, 1.0]))
    assert purify(problem, [1.5, 0.5]).tolist() == [2.0, 0.0]
    assert purify(problem, [0.25, 1.75]).tolist() == [0.0, 2.0]


def test_two_coordinates_that_arrive_together_both_stop_at_their_level():
    # X = (a, −b): the null vector is (b, a), and w is t times that away from (.1, .1), so far that
    # rounding alone would carry coordinates past the level or leave them short of it.
    penalty = PAR([-50.0, 0.1], [-1.0, 0.0, 1.0])
    for a, b, t in np.random.default_rng(61).uniform(0.3, 1.0, (300, 3)):
        problem = Problem(LeastSquares([[a, -b]], [0.1 * (a - b)]), penalty)
        pure = purify(problem, 0.1 - 20 * t * np.array([b, a]))
        assert np.all(pure <= 0.1)
        assert problem.unquantized(pure).size <= 1


def test_a_coordinate_of_a_zero_column_lands_on_the_nearer_level_float_for_float():
    penalty = PAR([-50.0, 0.1], [-1.0, 0.0, 1.0])
    problem = Problem(LeastSquares([[0.0], [0.0]], [1.0, 2.0]), penalty)
    for w in np.random.default_rng(62).uniform(-50, 0.1, 200):
        assert purify(problem, [w]).tolist() == [-50.0 if w + 50 < 0.1 - w else 0.1]


def test_a_local_minimiser_of_a_nonconvex_problem_may_be_lost_but_not_its_criticality():
    # Theory 3.4: X = [1, 1], W, α = .1, y = 3: (−.1, 3) is a local minimiser, (0, 2.9) has the same
    # F and only the Clarke interval at the concave kink 0 makes it critical.
    problem = Problem(LeastSquares([[1.0, 1.0]], [3.0]), W.scaled(0.1))
    w = np.array([-0.1, 3.0])
    pure = purify(problem, w)
    assert pure == pytest.approx([0.0, 2.9], abs=1e-15)
    assert pure[0] == 0.0
    assert problem.objective(pure) == pytest.approx(problem.objective(w), rel=1e-15)
    assert certify(problem, pure).residual <= 1e-14
    assert certify(problem, pure).prox_residual > 0.01


def test_an_independent_point_is_returned_as_it_is_in_a_new_array():
    rng = np.random.default_rng(0)
    problem = Problem(
        LeastSquares(rng.standard_normal((6, 4)), rng.standard_normal(6)), designs.ridge(0.5, 3)
    )
    w = rng.standard_normal(4)
    pure = purify(problem, w)
    assert np.array_equal(pure, w)
    assert not np.shares_memory(pure, w)


def test_dense_and_sparse_designs_are_purified_alike():
    X = matrix("duplicated")
    y = X @ np.random.default_rng(1).standard_normal(20) / 4
    penalty = designs.ridge(0.5, 3).scaled(0.05)
    dense = Problem(LeastSquares(X, y, fit_intercept=True), penalty)
    w = solve(dense, FISTA(), w0=np.linspace(-2, 2, 20), tol=1e-10).w
    pure = purify(dense, w)
    other = purify(Problem(LeastSquares(sparse.csc_array(X), y, fit_intercept=True), penalty), w)
    assert np.allclose(pure, other, atol=1e-12)


def test_a_penalty_without_levels_has_nothing_to_put_coordinates_on():
    # alpha = 0: there is no level that a null vector could reach, so the answer is the point itself
    # or an error that says so, but no infinite coordinate.
    rng = np.random.default_rng(6)
    loss = LeastSquares(rng.standard_normal((3, 6)), rng.standard_normal(3))
    problem = Problem(loss, designs.ridge(1.0, 2).scaled(0.0))
    w = rng.standard_normal(6)
    try:
        pure = purify(problem, w)
    except ValueError as error:
        assert "level" in str(error)
    else:
        assert np.array_equal(pure, w)


@pytest.mark.parametrize("w", [[1.0], [1.0, np.nan], [np.inf, 0.0], [[1.0, 2.0]]])
def test_a_wrong_point_is_an_error(w):
    problem = Problem(LeastSquares([[1.0, 1.0]], [3.0]), designs.ridge(1.0, 1))
    with pytest.raises(ValueError, match=r"w must be a finite array of shape \(2,\)"):
        purify(problem, w)


def exact_rank(X: np.ndarray) -> int:
    """The rank of a matrix of floats, by elimination in rational numbers."""
    rows, rank = [[Fraction(x) for x in row] for row in X.tolist()], 0
    for column in range(X.shape[1]):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


@pytest.mark.parametrize("seed", range(150))
def test_what_stays_free_is_exactly_independent(seed):
    # Whole numbers of low rank: entries of products are exact, so that the rank of the floats is a fact.
    rng = np.random.default_rng((77, seed))
    n, k, d = rng.integers(1, 9), rng.integers(1, 6), rng.integers(2, 25)
    X = rng.integers(-3, 4, (n, k)) @ rng.integers(-2, 3, (k, d)) * 2.0 ** rng.integers(-9, 9, d)
    sizes = np.maximum(np.abs(X).max(axis=0), 1e-3)
    psi, common = PAR([-1.0, 1.0], [-1.0, 0.0, 1.0]), rng.random() < 0.5
    w = np.full(d, 0.5) if common else rng.uniform(-0.99, 0.99, d)
    unpenalised = rng.random(d) < 0.2
    problem = Problem(LeastSquares(X, X @ w + rng.standard_normal(n)), psi, np.where(unpenalised, 0.0, 1.0))
    pure = purify(problem, w)
    free = problem.unquantized(pure)
    others = exact_rank(X[:, unpenalised]) if unpenalised.any() else 0
    chosen = np.concatenate((free, np.flatnonzero(unpenalised)))
    assert free.size == (exact_rank(X[:, chosen]) - others if chosen.size else 0)
    allowed = 1e-13 * (sizes.max() + np.abs(X) @ np.maximum(np.abs(pure), np.abs(w)))
    assert np.all(np.abs(X @ (pure - w)) <= allowed)
    # The slopes are zero in the box, so that only the fit counts.
    before = problem.objective(w)
    assert abs(problem.objective(pure) - before) <= 2 * (np.sqrt(before) + allowed.max()) * allowed.max()


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csc_array])
def test_many_dependent_columns_need_few_bases(storage, intercept, monkeypatch):
    made, init = [], purification._Basis.__init__
    monkeypatch.setattr(purification._Basis, "__init__", lambda *args: (made.append(1), init(*args))[1])
    rng = np.random.default_rng(78)
    X = rng.standard_normal((60, 20)) @ rng.standard_normal((20, 400))
    w = rng.uniform(-0.99, 0.99, 400)
    loss = LeastSquares(storage(X), X @ w + 0.1 * rng.standard_normal(60), fit_intercept=intercept)
    problem = Problem(loss, PAR([-1.0, 1.0], [-1.0, 0.0, 1.0]))
    pure = purify(problem, w)
    assert problem.unquantized(pure).size == 20
    assert len(made) <= 12  # not one for each of 380 columns
    assert np.abs(loss.design.matvec(pure - w)).max() <= 1e-13 * (np.abs(X) @ np.abs(w)).max()


@pytest.mark.parametrize("stored", [np.asarray, sparse.csc_array])
@pytest.mark.parametrize("seed", range(4))
def test_with_an_intercept_at_most_one_less_than_the_rows_stay_off_the_levels(seed, stored):
    # The rank of centred columns is n − 1, however many digits their scales cost.
    rng = np.random.default_rng((43, seed))
    n, d = 3, 7
    X = rng.integers(-9, 10, (n, d)) * 10.0 ** rng.integers(-8, 9, d)
    scales = np.abs(X).max(axis=0) + (np.abs(X).max(axis=0) == 0)
    problem = Problem(LeastSquares(stored(X), np.zeros(n), fit_intercept=True), designs.box(-1e12, 1e12))
    w = rng.uniform(0.5, 1.0, d) / scales
    moved = purify(problem, w)
    assert problem.unquantized(moved).size <= n - 1
    before, after = (problem.loss.design.matvec(v) for v in (w, moved))
    size = np.abs(problem.loss.design.X @ np.diag(moved)).sum() if stored is np.asarray else 1e18
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-12 * max(size, 1.0))


def test_columns_of_very_different_sizes_are_not_counted_one_too_many():
    levels = [-117703.66666666667, 65776.33333333333, 142074.0]
    penalty = PAR(levels, [-np.inf, -1e-7, 0.0, np.inf])
    problem = Problem(LeastSquares([[-7e6, 0.6]], [2.0]), penalty)
    w = np.array([1e-4, (2.0 + 7e2) / 0.6])
    moved = purify(problem, w)
    assert problem.unquantized(moved).size <= 1
    assert problem.loss.value(moved) <= 1e-12
