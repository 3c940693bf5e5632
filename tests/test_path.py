"""The exact path against the definition, hand-solved paths, scikit-learn, cvxpy and an independent solver."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression, lars_path

from parlin import PAR, LeastSquares, Problem, designs, solve
from parlin.datasets import synthetic
from parlin.path import Path, solution_path
from parlin.path.follow import PathEnd
from parlin.path.homotopy import Event, Homotopy, Trouble
from parlin.reference import solve_with_cvxpy
from tests.kkt import FOUR_BY_FIVE, SOLUTION, Raw

LASSO = PAR([0.0], [-1.0, 1.0])
PENALTIES = {
    "ridge": designs.ridge(0.25, 4),
    "lasso": designs.lasso(0.25, 3),
    "box": designs.lasso(0.5, 2, bounded=True),
    "integers": designs.integers(0, 3),
    "one level": LASSO,
    "uneven": PAR([-0.5, 0.0, 1.0], [-3.0, -1.0, 0.5, 2.0]),
    "ternary": PAR([-1.0, 0.0, 1.0], [-np.inf, -1.0, 1.0, np.inf]),
}
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


def raw(X, y, penalty, alpha, **more) -> Raw:
    slopes = penalty.slopes.copy()
    slopes[np.isfinite(slopes)] *= alpha  # the sides of a box stay at strength 0
    return Raw(X, y, penalty.levels, slopes, **more)


def strengths(path: Path, count: int, seed: int = 0) -> np.ndarray:
    """Random strengths of a path, half of them geometrically spread."""
    rng = np.random.default_rng(seed)
    low, high = path.alphas[-1], path.alphas[0]
    spread = np.exp(rng.uniform(np.log(max(low, 1e-4 * high)), np.log(high), count // 2))
    return np.concatenate((rng.uniform(low, high, count - count // 2), spread))


# -- the mathematics ----------------------------------------------------------------------------------


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
def test_a_constant_column_beside_an_intercept(seed):
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


# -- what the path says of itself ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def path() -> Path:
    data = synthetic(10, 40, seed=7)
    return solution_path(LeastSquares(data.X, data.y), designs.ridge(0.25, 6), 0.01)


def test_between_knots_it_is_affine_and_on_knots_it_is_the_knot(path):
    knots = path.coefs.toarray()
    assert np.array_equal(path.at(path.alphas), knots)
    middle = 0.3 * path.alphas[1:] + 0.7 * path.alphas[:-1]
    np.testing.assert_allclose(path.at(middle), 0.3 * knots[1:] + 0.7 * knots[:-1], atol=1e-13)
    still = knots[1:] == knots[:-1]
    assert np.array_equal(path.at(middle)[still], knots[1:][still])


def test_shapes_follow_the_strengths(path):
    assert path.at(0.5).shape == (40,)
    assert path.at([0.5, 0.2]).shape == (2, 40)
    assert path.at(np.full((2, 3), 0.5)).shape == (2, 3, 40)
    assert path.quantization_rate([[0.5, 0.2]]).shape == (1, 2)
    assert path.coefs.shape == (path.n_segments + 1, 40)
    assert path.exact.shape == path.free.shape == path.residuals.shape == (path.n_segments,)
    assert len(path.events) == path.gaps.size == path.alphas.size


def test_the_rate_is_a_step_function(path):
    levels = path.problem.penalty.levels
    inside = 0.5 * (path.alphas[1:] + path.alphas[:-1])
    off = np.sum(~np.isin(path.at(inside), levels), axis=1)
    np.testing.assert_array_equal(path.quantization_rate(), 1.0 - off / 40)
    np.testing.assert_array_equal(path.quantization_rate(inside), 1.0 - off / 40)
    at_knots = path.quantization_rate(path.alphas)
    assert np.all(at_knots[1:] >= path.quantization_rate())
    assert np.all(at_knots[:-1] >= path.quantization_rate())


def test_events_account_for_every_change_of_the_free_set(path):
    inside = path.at(0.5 * (path.alphas[1:] + path.alphas[:-1]))
    free: set[int] = set()
    for k in range(path.n_segments):
        w = path.at(path.alphas[k])
        for event in path.events[k]:
            assert w[event.coordinate] == event.level
            if event.lands:
                free.remove(event.coordinate)
            else:
                free.add(event.coordinate)
        assert free == set(np.flatnonzero(~np.isin(inside[k], path.problem.penalty.levels)))


def test_above_the_first_knot_everything_rests(path):
    assert np.array_equal(path.at(10.0 * path.alphas[0]), np.zeros(40))
    assert path.alphas[0] == path.problem.strength_max()


def test_gaps_are_those_of_the_certificate(path):
    assert path.gaps.max() < 1e-14
    assert path.gaps.min() > -1e-15
    without = solution_path(LeastSquares([[1.0]], [2.0]), designs.box(-1.0, 1.0), alpha_start=1.0)
    assert without.gaps.size == 2
    one_sided = PAR([0.0], [-1.0, 0.0])
    assert np.isnan(solution_path(LeastSquares([[1.0]], [-2.0]), one_sided).gaps).all()


def test_it_can_be_printed_and_pickled(path):
    assert repr(path).startswith(f"Path({path.n_segments} segments, all exact, alpha from ")
    again = pickle.loads(pickle.dumps(path))
    assert np.array_equal(again.at(0.3), path.at(0.3))


def test_what_is_outside_is_an_error(path):
    with pytest.raises(ValueError, match=r"knows the strengths from 0\.01 to inf"):
        path.at(0.009)
    with pytest.raises(ValueError, match="knows the strengths"):
        path.quantization_rate([0.5, np.nan])


# -- starts, ends and budgets -------------------------------------------------------------------------


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


def test_numbers_without_a_float_end_as_rounding():
    path = solution_path(LeastSquares([[1.0]], [1e200]), designs.ridge(1.0, 1))
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


# -- where the event rule fails -----------------------------------------------------------------------


def test_the_solver_takes_over_where_the_event_rule_fails(monkeypatch):
    data = synthetic(8, 30, seed=10)
    settle, calls = Homotopy.settle, [0]

    def fails_at_times(self):
        calls[0] += 1
        if calls[0] % 10 == 0:
            raise Trouble("made up")
        return settle(self)

    monkeypatch.setattr(Homotopy, "settle", fails_at_times)
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
    settle, calls = Homotopy.settle, [0]

    def strays_at_times(self):
        left = settle(self)
        calls[0] += 1
        if calls[0] % 40 == 0:
            self._v = 1.001 * self._v
        return left

    monkeypatch.setattr(Homotopy, "settle", strays_at_times)
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
        raise Trouble("made up")

    monkeypatch.setattr(Homotopy, "settle", never)
    path = solution_path(LeastSquares([[2.0, 1.0]], [4.0]), PENALTIES["ridge"], 0.1)
    assert path.alphas[-1] == 0.1
    # Knots are optimal; a segment across a kink is not called exact.
    for alpha in path.alphas:
        definition = raw(np.array([[2.0, 1.0]]), np.array([4.0]), PENALTIES["ridge"], alpha)
        assert definition.violation(path.at(alpha)) < 1e-9
    assert not path.exact.all()
    assert "not exact" in repr(path)
