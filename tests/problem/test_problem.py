"""A problem is a loss plus a penalty: its objective, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, designs
from tests import laws, random_par
from tests.problem.cases import OMEGA, D, data, loss
from tests.random_par import NAMED

INF = np.inf


# -- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_objective_is_loss_plus_weighted_penalty(name, par):
    w = random_par.telling_arguments(np.random.default_rng(1), par, 0.5, 1.0, D)
    f = loss()
    plain, weighted = Problem(f, par), Problem(f, par, OMEGA)
    psi = [float(laws.value_by_definition(par, wj)) for wj in w]
    assert plain.objective(w) == pytest.approx(f.value(w) + sum(psi), rel=1e-13)
    # 0 · ∞ = 0: an unpenalised coordinate has no box either.
    expected = sum(o * p for o, p in zip(OMEGA, psi, strict=True) if o > 0)
    assert weighted.objective(w) == pytest.approx(f.value(w) + expected, rel=1e-13)
    assert weighted.penalty_value(w) == pytest.approx(expected, rel=1e-13)


def test_penalty_weights_one_are_no_weights():
    f, par, w = loss(), designs.sawtooth(0.5, 3), data()[2]
    plain, ones = Problem(f, par), Problem(f, par, np.ones(D))
    gradient = f.gradient(w)
    assert plain.objective(w) == pytest.approx(ones.objective(w), rel=1e-15)
    assert np.array_equal(plain.prox(w, 0.3), ones.prox(w, 0.3))
    assert np.array_equal(plain.distance(gradient, w), ones.distance(gradient, w))
    assert np.array_equal(plain.on_level(w), ones.on_level(w))
    assert plain.strength_max() == ones.strength_max()


def test_the_prox_of_a_problem_is_the_prox_of_every_coordinate_with_its_weight():
    par, v = designs.ridge(0.5, 3), 3 * data()[2]
    x = Problem(loss(), par, OMEGA).prox(v, 0.4)
    for vj, xj, omega in zip(v, x, OMEGA, strict=True):
        assert xj == (par.prox(vj, 0.4 * omega) if omega > 0 else vj)
    assert x is not v


def test_the_distance_is_that_of_every_coordinate_with_its_weight():
    par, w = designs.ridge(0.5, 3), np.array([0.5, 0.5, 0.0, 0.3, -2.0])
    gradient = np.array([0.3, -0.7, 9.0, -0.2, 0.4])
    distance = Problem(loss(), par, OMEGA).distance(gradient, w)
    for j, omega in enumerate(OMEGA):
        low, high = (omega * side for side in par.subdifferential(w[j]))
        expected = max(low + gradient[j], -gradient[j] - high, 0.0) if omega > 0 else abs(gradient[j])
        assert distance[j] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    "par", [designs.ridge(0.5, 3), designs.sawtooth(0.5, 3)], ids=["convex", "nonconvex"]
)
@pytest.mark.parametrize("omega", [None, OMEGA], ids=["plain", "weighted"])
def test_the_violation_is_the_distance_or_the_move_of_a_proximal_step(par, omega):
    problem, w = Problem(loss(), par, omega), data(2)[2]
    gradient = problem.loss.gradient(w)
    step = 1 / np.max(np.mean(data()[0] ** 2, axis=0))
    move = np.abs(w - problem.prox(w - step * gradient, step)) / step
    distance = problem.distance(gradient, w)
    expected = distance if par.shape == "convex" else np.maximum(move, distance)
    np.testing.assert_allclose(problem.violation(gradient, w), expected, rtol=1e-12)


@pytest.mark.parametrize(("name", "par"), NAMED)
@pytest.mark.parametrize("omega", [None, OMEGA], ids=["plain", "weighted"])
def test_a_proximal_gradient_step_descends_by_what_theory_promises(name, par, omega):
    problem = Problem(loss(), par, omega)
    lipschitz = problem.loss.lipschitz
    w = problem.start()
    for step in (1 / lipschitz, 0.5 / lipschitz):
        laws.descent(problem, w, step, lipschitz)
        laws.descent(problem, problem.prox(2 * data(3)[2], step), step, lipschitz)


def test_p2_unpenalised_coordinates_are_never_quantized():
    problem = Problem(loss(), designs.ridge(0.5, 3), OMEGA)
    w = np.array([0.5, 0.5, 0.25, 0.0, 0.07])
    assert problem.on_level(w).tolist() == [True, False, False, True, False]
    assert problem.unquantized(w).tolist() == [2]
    assert problem.unpenalised.tolist() == [1, 4]
    assert problem.penalised.tolist() == [True, False, True, True, False]
    assert problem.size == D


def test_another_penalty_keeps_loss_and_weights():
    problem = Problem(loss(), designs.ridge(0.5, 3), OMEGA)
    other = problem.with_penalty(designs.lasso(0.5, 3))
    assert other.loss is problem.loss and other.penalty == designs.lasso(0.5, 3)
    assert np.array_equal(other.penalty_weights, OMEGA)
    with pytest.raises(ValueError, match="unbounded below"):
        Problem(LeastSquares(np.ones((2, 3)), [1.0, 2.0]), designs.ridge(0.5, 3)).with_penalty(PAR([], [1.0]))


def test_penalty_weights_are_copied():
    omega = OMEGA.copy()
    problem = Problem(loss(), designs.ridge(0.5, 3), omega)
    omega[:] = 7.0
    assert np.array_equal(problem.penalty_weights, OMEGA)


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("omega", "message"),
    [
        ([1.0, 2.0], r"penalty_weights must have shape \(5,\), not \(2,\)"),
        (1.0, r"penalty_weights must have shape \(5,\), not \(\)"),
        ([1.0, 1.0, -1.0, 1.0, 1.0], "penalty_weights must be finite and nonnegative"),
        ([1.0, 1.0, np.nan, 1.0, 1.0], "penalty_weights must be finite and nonnegative"),
        ([1.0, 1.0, INF, 1.0, 1.0], "penalty_weights must be finite and nonnegative"),
    ],
)
def test_penalty_weights_that_are_no_weights_are_refused(omega, message):
    with pytest.raises(ValueError, match=message):
        Problem(loss(), designs.ridge(0.5, 3), omega)


UNBOUNDED = (
    PAR([], [1.0]),
    PAR([], [-1e-9]),
    PAR([0.0], [0.0, -1.0]),
    PAR([0.0], [1.0, 2.0]),
    PAR([0.0, 1.0], [-INF, 1.0, -1.0]),
    PAR([0.0], [1.0, -1.0]),
)


def deficient(kind: str) -> tuple[np.ndarray, bool]:
    """A design without full column rank, and whether it is so only after centring."""
    X = np.random.default_rng(8).standard_normal((10, 3))
    if kind == "wide":
        return X.T.copy(), False
    if kind == "zero":
        X[:, 1] = 0.0
    if kind == "twice":
        X[:, 1] = X[:, 0]
    if kind == "sum":
        X[:, 2] = X[:, 0] - 3 * X[:, 1]
    if kind == "constant":
        X[:, 1] = 1000.0 / 3
    if kind == "sum is constant":
        X[:, 2] = 1000.0 / 3 - X[:, 0]
    if kind == "square, centred":
        X = X[:3]
    return X, kind in ("constant", "sum is constant", "square, centred")


@pytest.mark.parametrize(
    "kind", ["wide", "zero", "twice", "sum", "constant", "sum is constant", "square, centred"]
)
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e5])
def test_unbounded_problems_are_refused_with_the_reason(kind, store, scale):
    X, centred = deficient(kind)
    f = LeastSquares(store(scale * X), np.arange(float(X.shape[0])), fit_intercept=centred)
    for par in UNBOUNDED:
        with pytest.raises(ValueError, match=r"the objective can be unbounded below: .* falls without end"):
            Problem(f, par)


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_full_column_rank_carries_a_penalty_that_falls_without_end(store, centred, condition):
    rng = np.random.default_rng(9)
    X = rng.standard_normal((10, 3))
    X[:, 2] = X[:, 0] + X[:, 2] / condition
    for par in UNBOUNDED:
        problem = Problem(LeastSquares(store(X), rng.standard_normal(10), fit_intercept=centred), par)
        assert np.isfinite(problem.objective(problem.start()))


def test_bounded_penalties_are_accepted_on_any_design():
    for par in (
        PAR([], [0.0]),
        designs.box(-1.0, 1.0),
        PAR([0.0], [-1.0, 0.0]),
        PAR([0.0], [0.0, 1.0]),
        PAR([1.0], [-INF, INF]),
        PAR([-1.0, 1.0], [-INF, -3.0, INF]),
    ):
        assert Problem(LeastSquares(np.ones((2, 4)), [1.0, 2.0]), par).size == 4


@pytest.mark.parametrize(
    ("loss", "penalty", "message"),
    [
        (np.eye(2), designs.lasso(1.0, 1), r"loss must be such as LeastSquares\(X, y\), but is ndarray"),
        (LeastSquares(np.eye(2), [1.0, 2.0]), "lasso", "penalty must be a PAR, but is str"),
    ],
)
def test_what_is_no_loss_or_no_penalty_is_named(loss, penalty, message):
    with pytest.raises(TypeError, match=message):
        Problem(loss, penalty)
