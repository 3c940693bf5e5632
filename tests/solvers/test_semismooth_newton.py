"""Semismooth Newton: hard designs, ways to solve a system, another loss."""

from __future__ import annotations

from itertools import pairwise

import cvxpy as cp
import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, xlogy
from sklearn.linear_model import Lasso, LogisticRegression

from parlin import PAR, LeastSquares, Problem, Status, alpha_max, designs, purify, solve
from parlin.datasets import synthetic
from parlin.matrix import DesignMatrix
from parlin.reference import solve_with_cvxpy
from parlin.solvers import proximal_point
from parlin.solvers.semismooth_newton import SemismoothNewton
from tests.cases import build
from tests.kkt import FOUR_BY_FIVE, MINIMUM, SOLUTION, Raw
from tests.solvers.test_coordinate_descent import DESIGNS, hard_design, hard_problem

# -- robust -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DESIGNS)
def test_hard_designs_are_certified_and_never_called_converged_wrongly(kind):
    compared = 0
    for seed in range(100, 115):
        problem, raw = hard_problem(kind, seed)
        if problem.penalty.shape != "convex":
            continue
        result = solve(problem, SemismoothNewton(), tol=1e-9, max_iter=100)
        assert result.status.is_success, (kind, seed, result)
        norms, _ = raw.norms()
        if result.status is not Status.CONVERGED or norms.max() == 0.0:
            continue
        largest = np.abs(raw.descent(np.zeros(problem.size))).astype(float).max()
        # the reference's own rounding, all there is in a constant column
        rounding = 2.3e-16 * np.sqrt(np.mean(raw.X**2, axis=0) * np.mean(raw.y**2))
        assert np.all(raw.distances(result.w) <= 1.01e-9 * largest * norms / norms.max() + rounding), seed
        compared += 1
    assert compared >= 5


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_a_penalty_of_a_hundred_thousand_levels_takes_no_more_steps_than_a_coarse_one(size):
    data = synthetic(20, 60, seed=8)
    y = size * data.y
    steps = {}
    for n_levels in (50, 50_000):
        penalty = designs.ridge(0.001 * size * 1000 / n_levels, n_levels)
        strength = 0.01 * alpha_max(data.X, y, penalty, fit_intercept=False)
        # ridge chords touch w²/2 whatever their spacing, to which alpha_max is inverse
        problem = Problem(LeastSquares(data.X, y), penalty.scaled(strength * 50 / n_levels))
        result = solve(problem, SemismoothNewton(), tol=1e-9)
        assert result.status.is_success
        steps[n_levels] = result.n_iter
    assert steps[50_000] <= 2 * steps[50] + 2


def test_without_a_signal_the_start_is_the_answer_and_zero_columns_rest_at_the_minimiser():
    X = np.random.default_rng(9).standard_normal((6, 10))
    X[:, 3] = 0.0
    problem = Problem(LeastSquares(X, np.zeros(6)), designs.lasso(0.5, 3).scaled(0.1))
    assert not solve(problem, SemismoothNewton()).w.any()
    start = np.full(10, 0.7)
    result = solve(problem, SemismoothNewton(), w0=start)
    assert result.status.is_success
    assert result.w[3] == 0.0
    assert np.allclose(result.w, 0.0, atol=1e-7)


@pytest.mark.parametrize("intercept", [False, True])
def test_a_penalty_that_pulls_away_from_zero_is_solved_without_a_signal(intercept):
    # With y constant there is no gradient at 0 to compare with: rounding errors alone set the scale.
    for seed in range(8):
        rng = np.random.default_rng((66, seed))
        X, y = rng.standard_normal((9, 30)), np.full(9, 3.0 * intercept)
        penalty = PAR(
            np.sort(rng.standard_normal(6)), 1e-4 * np.array([-2.0, -1.0, -0.4, 0.1, 0.5, 1.0, 3.0])
        )
        problem = Problem(LeastSquares(X, y, fit_intercept=intercept), penalty)
        result = solve(problem, SemismoothNewton(), tol=1e-9)
        assert result.status.is_success, result
        assert result.certificate.objective < 0.0
        raw = Raw(X, y, penalty.levels, penalty.slopes, intercept)
        assert raw.distances(result.w).max() <= 1e-14


@pytest.mark.parametrize("intercept", [False, True])
def test_columns_of_very_different_lengths_are_one_problem(intercept):
    # In t_j w_j instead of w_j: the column divided by t_j, and the absolute value weighted by it.
    data = synthetic(25, 40, seed=10)
    scale = 10.0 ** np.random.default_rng(10).uniform(-4, 4, 40)
    penalty = PAR([0.0], [-0.1, 0.1])
    plain = Problem(LeastSquares(data.X, data.y, fit_intercept=intercept), penalty)
    scaled = Problem(LeastSquares(data.X * scale, data.y, fit_intercept=intercept), penalty, scale)
    first, second = (solve(p, SemismoothNewton(), tol=1e-11) for p in (plain, scaled))
    assert first.status.is_success
    assert second.status.is_success
    assert np.allclose(first.w, scale * second.w, rtol=0, atol=1e-8)
    assert np.array_equal(first.w == 0.0, second.w == 0.0)


@pytest.mark.parametrize("kind", ["duplicates", "sign", "low rank"])
def test_purified_points_have_at_most_rank_many_coordinates_off_the_grid(kind):
    for seed in range(3):
        rng = np.random.default_rng((62, seed))
        X = hard_design(kind, 8, 40, rng)
        problem = Problem(LeastSquares(X, rng.standard_normal(8)), designs.lasso(0.05, 9).scaled(0.003))
        w = purify(problem, solve(problem, SemismoothNewton(), tol=1e-11).w)
        raw = Raw(X, problem.loss.y, problem.penalty.levels, problem.penalty.slopes)
        assert raw.violation(w) <= 1e-10
        assert raw.unquantized(w).size <= np.linalg.matrix_rank(X)


# -- the same answer by every way to solve a system -------------------------------------------------


SHAPES = {"wide": (15, 80), "tall": (80, 15), "square": (30, 30)}


@pytest.mark.parametrize("products", [0, 1000], ids=["conjugate gradients", "factors"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_objective_is_not_above_that_of_an_interior_point_method(shape, form, products, monkeypatch):
    monkeypatch.setattr(proximal_point, "_FACTOR_PRODUCTS", products)
    n, d = SHAPES[shape]
    rng = np.random.default_rng((63, n))
    data = synthetic(n, d, seed=3, entries="ar", correlation=0.8)
    weights, omega = rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 2.0, d) * (rng.random(d) < 0.9)
    X = data.X * (rng.random((n, d)) < 0.5)
    for penalty in (designs.ridge(0.1, 15), designs.lasso(0.1, 15, bounded=True), designs.box(-0.1, 0.3)):
        loss = LeastSquares(form(X), data.y, sample_weight=weights, fit_intercept=True)
        problem = Problem(loss, penalty.scaled(0.02), omega)
        result = solve(problem, SemismoothNewton(), tol=1e-11)
        theirs = problem.objective(solve_with_cvxpy(problem).w)
        assert result.status is Status.CONVERGED
        assert result.certificate.objective <= theirs * (1 + 1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_systems_are_few_and_no_larger_than_the_smaller_side(shape, monkeypatch):
    sizes = []
    original = proximal_point.cho_factor

    def counted(matrix, **options):
        sizes.append(len(matrix))
        return original(matrix, **options)

    monkeypatch.setattr(proximal_point, "cho_factor", counted)
    n, d = SHAPES[shape]
    data = synthetic(n, d, seed=4)
    penalty = designs.lasso(0.1, 15)
    strength = 0.01 * alpha_max(data.X, data.y, penalty, fit_intercept=False)
    result = solve(Problem(LeastSquares(data.X, data.y), penalty.scaled(strength)), SemismoothNewton())
    assert result.status is Status.CONVERGED
    assert 1 <= len(sizes) <= 60
    # but for the last Newton steps on the free coordinates, of which a wide design may have 2n
    assert np.mean(np.array(sizes) <= min(n, d)) >= 0.8


def test_with_one_level_it_is_the_lasso():
    data = synthetic(40, 30, seed=4)
    problem = Problem(LeastSquares(data.X, data.y), PAR([0.0], [-0.3, 0.3]))
    w = solve(problem, SemismoothNewton(), tol=1e-12).w
    lasso = Lasso(alpha=0.3, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(data.X, data.y)
    assert np.allclose(w, lasso.coef_, atol=1e-8)
    assert np.array_equal(w == 0, lasso.coef_ == 0)


# -- another loss -----------------------------------------------------------------------------------


class Logistic:
    """``Σ_i log(1 + exp(−y_i x_i'w)) / n`` with labels ±1: what the library asks of a loss, no more."""

    quadratic = False
    value_at_zero = float(np.log(2.0))

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.design, self.y = DesignMatrix(X), y
        self.size = self.design.shape[1]
        self.coordinate_lipschitz = self.design.column_norms**2 / 4
        self.coordinate_step = 1.0 / self.coordinate_lipschitz.max()
        norms = self.design.column_norms
        self.gradient_unit = np.abs(self.gradient(np.zeros(self.size))).max() / norms.max()
        self.gradient_scale = self.gradient_unit * norms

    def margin(self, w):
        return self.y * self.design.matvec(np.asarray(w, dtype=np.float64))

    def value(self, w):
        return float(self.design.weights @ np.logaddexp(0.0, -self.margin(w)))

    def value_near(self, w, point):
        return self.value(point)

    def gradient(self, w):
        return -self.design.rmatvec(self.y * expit(-self.margin(w)))

    def value_and_gradient(self, w):
        return self.value(w), self.gradient(w)

    def local_quadratic(self, w):
        margin = self.margin(w)
        curvature = np.maximum(expit(margin) * expit(-margin), 1e-10)
        weights = self.design.weights * curvature
        targets = self.y * (margin + expit(-margin) / curvature)
        return float(weights.sum()), LeastSquares(self.design.X, targets, sample_weight=weights)

    def rounding_floor(self, w, by_rows=False):
        norms = self.design.column_norms
        return 8 * np.finfo(np.float64).eps * norms * (1.0 + norms @ np.abs(w))

    def dual_point(self, w, unpenalised):
        return self.y * expit(-self.margin(w))

    def fenchel_young(self, w, nu):
        margin, p = self.margin(w), self.y * nu
        return float(
            self.design.weights
            @ (np.logaddexp(0.0, -margin) + xlogy(p, p) + xlogy(1 - p, 1 - p) + p * margin)
        )


def labels(n: int, d: int, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng((64, seed, n))
    X = rng.standard_normal((n, d))
    return X, np.where(X[:, 0] - X[:, 1] + noise * rng.standard_normal(n) > 0, 1.0, -1.0)


@pytest.mark.parametrize(("n", "d"), [(40, 8), (20, 60)], ids=["tall", "wide"])
@pytest.mark.parametrize("noise", [0.0, 1.0], ids=["separable", "noisy"])
@pytest.mark.parametrize("strength", [0.3, 0.03, 0.003])
def test_logistic_regression_is_certified_and_no_worse_than_an_interior_point_method(n, d, noise, strength):
    X, y = labels(n, d, 1, noise)
    loss = Logistic(X, y)
    for penalty in (PAR([0.0], [-1.0, 1.0]), designs.lasso(0.2, 8), designs.ridge(0.2, 8, bounded=True)):
        problem = Problem(loss, penalty.scaled(strength))
        result = solve(problem, SemismoothNewton(), tol=1e-10, max_iter=60)
        assert result.status is Status.CONVERGED, result
        assert result.certificate.gap <= 1e-9
        w = cp.Variable(d)
        terms, box = logistic_terms(problem.penalty, w)
        value = cp.sum(cp.logistic(cp.multiply(-y, X @ w))) / n
        reference = cp.Problem(cp.Minimize(value + cp.sum(terms)), box).solve(solver=cp.CLARABEL)
        assert result.certificate.objective <= reference + 1e-7


def logistic_terms(penalty: PAR, w: cp.Variable) -> tuple[cp.Expression, list]:
    """A convex PAR with ψ(0) = 0 as the greatest of its affine pieces, and its box."""
    finite = np.isfinite(penalty.slopes)
    ends = np.concatenate((penalty.levels[:1], penalty.levels))  # a point of each piece
    pieces = [
        float(penalty.value(b)) + s * (w - b)
        for b, s, usable in zip(ends, penalty.slopes, finite, strict=True)
        if usable
    ]
    box = ([w >= penalty.levels[0]] if not finite[0] else []) + (
        [w <= penalty.levels[-1]] if not finite[-1] else []
    )
    return cp.maximum(*pieces) if len(pieces) > 1 else pieces[0], box


def test_with_one_level_it_is_the_sparse_logistic_regression_of_scikit_learn():
    X, y = labels(60, 12, 2, 1.0)
    problem = Problem(Logistic(X, y), PAR([0.0], [-0.05, 0.05]))
    w = solve(problem, SemismoothNewton(), tol=1e-11).w
    theirs = LogisticRegression(
        C=1 / (60 * 0.05), l1_ratio=1.0, solver="saga", fit_intercept=False, tol=1e-12, max_iter=100_000
    ).fit(X, y)
    assert np.allclose(w, theirs.coef_[0], atol=1e-6)
    assert np.array_equal(w == 0, np.abs(theirs.coef_[0]) < 1e-9)


def test_far_from_the_solution_of_another_loss_the_objective_still_falls():
    # At the start every sample is saturated: the model knows nothing, and a plain Newton step diverges.
    X, y = labels(30, 5, 3, 1.0)
    problem = Problem(Logistic(X, y), designs.lasso(0.2, 8).scaled(0.01))
    start = np.array([-60.0, 60.0, 10.0, 0.0, 0.0])
    values = []
    result = solve(
        problem, SemismoothNewton(), w0=start, tol=1e-10, check_passes=1e-9,
        callback=lambda k, state, certificate: values.append(problem.objective(state.centre.w)),
    )  # fmt: skip
    assert result.status is Status.CONVERGED
    assert all(after <= before * (1 + 1e-11) for before, after in pairwise(values))


# -- parameters and the written-out problem ---------------------------------------------------------


@pytest.mark.parametrize(("first_step", "growth"), [(10.0, 2.0), (1e-3, 3.0), (1e6, 2.0), (1.0, 1.2)])
def test_the_written_out_problem_is_solved_whatever_the_parameters(first_step, growth):
    result = solve(build(FOUR_BY_FIVE), SemismoothNewton(first_step, growth), tol=1e-12)
    assert result.status is Status.CONVERGED
    assert np.allclose(result.w, SOLUTION, atol=1e-11)
    assert result.w[:3].tolist() == SOLUTION[:3].tolist()
    assert result.certificate.objective == pytest.approx(MINIMUM, rel=1e-14)
    assert result.n_iter <= 40


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_first_step_is_refused_with_a_sentence(value):
    reason = SemismoothNewton(first_step=value).unsupported(build(FOUR_BY_FIVE))
    assert reason == f"first_step must be a positive finite number, but is {value!r}"


@pytest.mark.parametrize("value", [1.0, 0.5, np.nan, np.inf])
def test_a_wrong_growth_is_refused_with_a_sentence(value):
    reason = SemismoothNewton(growth=value).unsupported(build(FOUR_BY_FIVE))
    assert reason == f"growth must be a finite number > 1, but is {value!r}"


def test_a_penalty_that_is_not_convex_is_refused_with_its_shape():
    problem = Problem(LeastSquares(np.eye(2), [1.0, 2.0]), designs.binary())
    with pytest.raises(ValueError, match=r"convex penalties; this one is nonconvex"):
        solve(problem, SemismoothNewton())
