"""The nonlinear losses, their certificate and their training, by differences, rationals and linear models."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from experiments.nonlinear.one_unit_counterexample import CurvedUnit, margin_of_all, prove_minimum
from experiments.nonlinear.squared_error_losses import ACTIVATIONS, criticality, random_network
from experiments.nonlinear.training import train
from parlin import PAR, LeastSquares, Problem, designs, solve
from parlin.reference import solve_with_cvxpy

ABSOLUTE = PAR([0.0], [-1.0, 1.0])


def losses() -> list:
    """One loss of each kind, with a point that is no special one."""
    rng = np.random.default_rng(0)
    cases = []
    for name in ACTIVATIONS:
        network, w = random_network(4, 5, 3, seed=1, activation=name)
        cases.append(pytest.param(network, 0.5 * w, id=name))
    for square_weight in (1.0, 0.0, -0.7):
        unit = CurvedUnit(rng.uniform(1, 2, 5), -10.5, square_weight)
        cases.append(pytest.param(unit, rng.standard_normal(5), id=f"unit {square_weight:g}"))
    return cases


each_loss = pytest.mark.parametrize("loss, w", losses())


def central_differences(function, w, step=1e-5):
    """The derivative of a function of w, one column for each entry."""
    columns = [(function(w + e) - function(w - e)) / (2 * step) for e in step * np.eye(w.size)]
    return np.stack(columns, axis=-1)


@each_loss
def test_value_is_half_the_mean_square_of_the_residual(loss, w):
    value, _ = loss.value_and_gradient(w)
    assert value == pytest.approx(0.5 * np.mean(loss.residual(w) ** 2), rel=1e-13)


@each_loss
def test_jacobian_agrees_with_differences_of_the_residual(loss, w):
    np.testing.assert_allclose(loss.jacobian(w), central_differences(loss.residual, w), rtol=1e-8, atol=1e-8)


@each_loss
def test_gradient_of_training_agrees_with_differences_of_the_value(loss, w):
    differences = central_differences(lambda at: np.array(loss.value_and_gradient(at)[0]), w)
    np.testing.assert_allclose(loss.value_and_gradient(w)[1], differences, rtol=1e-7, atol=1e-8)


@each_loss
def test_gradient_of_training_is_that_of_the_jacobian(loss, w):
    residual = loss.residual(w)
    expected = loss.jacobian(w).T @ residual / residual.size
    np.testing.assert_allclose(loss.value_and_gradient(w)[1], expected, rtol=1e-12, atol=1e-13)


@each_loss
def test_curvature_agrees_with_differences_of_the_jacobian(loss, w):
    multipliers = np.random.default_rng(3).standard_normal(loss.residual(w).size)
    differences = central_differences(lambda at: multipliers @ loss.jacobian(at), w)
    np.testing.assert_allclose(loss.curvature(w, multipliers), differences, rtol=1e-7, atol=1e-8)


@each_loss
def test_hessian_agrees_with_differences_of_the_gradient(loss, w):
    differences = central_differences(lambda at: loss.value_and_gradient(at)[1], w)
    np.testing.assert_allclose(loss.hessian(w), differences, rtol=1e-6, atol=1e-7)


def test_network_is_the_function_its_docstring_says():
    network, w = random_network(3, 2, 2, seed=0)
    W = w.reshape(2, 2)
    for x, y, residual in zip(network.X, network.y, network.residual(w), strict=True):
        output = sum(network.output_weights[k] * np.tanh(x @ W[:, k]) for k in range(2))
        assert residual == pytest.approx(output - y, rel=1e-13)


def test_identity_network_is_least_squares_on_its_jacobian():
    network, w = random_network(4, 6, 2, seed=2, activation="identity")
    linear = LeastSquares(network.jacobian(w), network.y)
    value, gradient = network.value_and_gradient(w)
    assert value == pytest.approx(linear.value(w), rel=1e-13)
    np.testing.assert_allclose(gradient, linear.gradient(w), rtol=1e-12, atol=1e-14)


def test_off_level_weights_are_counted_for_each_neuron():
    network, _ = random_network(2, 3, 2, seed=0)
    w = np.array([[0.0, 0.3], [1.0, 0.0], [0.0, -2.0]]).ravel()
    assert network.off_level_by_neuron(ABSOLUTE, w).tolist() == [1, 2]


def test_random_networks_have_the_entries_asked_for():
    signs, _ = random_network(4, 6, 2, seed=0, entries="sign")
    repeated, _ = random_network(4, 6, 2, seed=0, entries="repeated")
    assert set(np.unique(signs.X)) == {-1.0, 1.0}
    assert np.array_equal(repeated.X[0], repeated.X[1])
    assert np.linalg.matrix_rank(repeated.X) == 3


# -- the certificate ------------------------------------------------------------------------------


def parabola(target):
    """One weight and the output w, so that f is ``(w − target)²/2``."""
    return CurvedUnit(np.array([1.0]), target, square_weight=0.0)


@pytest.mark.parametrize(
    "target, w, residual, strict",
    [
        (2.0, 1.5, 0.0, True),  # inside a cell: slope 1/2 balances the residual
        (0.3, 0.0, 0.0, True),  # inside the interval [−1/2, 1/2] of the level
        (0.5, 0.0, 0.0, False),  # at its end: critical, but not strictly
        (2.0, 0.0, 3.0, False),  # distance 2 − 1/2, in units of the slope 1/2
        (2.0, 1.0, 1.0, True),  # 1 − 1/2; `strict` speaks of critical points only
    ],
)
def test_the_distance_is_measured_in_units_of_the_smallest_slope(target, w, residual, strict):
    found = criticality(parabola(target), ABSOLUTE.scaled(0.5), np.array([w]))
    assert found.relative_distance == pytest.approx(residual, abs=1e-15)
    assert found.critical == (residual == 0.0)
    assert found.strict == strict
    assert found.off_level == (w != 0.0)
    assert found.jacobian_rank == found.off_level


def test_a_concave_kink_is_critical_and_never_strict():
    # The W has slopes 1 and −1 left and right of 0, so 0 is Clarke-critical and a local maximum.
    found = criticality(parabola(0.0), designs.binary().scaled(0.5), np.array([0.0]))
    assert found.critical
    assert not found.strict


def test_a_saddle_is_critical_and_never_strict():
    # The residual is −0.875: along a the square outweighs it in the Hessian, across a it bends f downwards.
    unit, w = CurvedUnit(np.array([1.0, 0.0]), 1.0), np.array([0.1, 0.2])
    _, gradient = unit.value_and_gradient(w)
    # Each weight has a cell of its own, with the slope that balances its gradient.
    found = criticality(unit, PAR([0.15], -gradient), w)
    assert found.critical
    assert found.off_level == 2
    assert found.smallest_eigenvalue == pytest.approx(-0.875, rel=1e-12)
    assert not found.strict


def test_dependent_columns_lower_the_rank():
    network, w = random_network(3, 4, 2, seed=5, entries="repeated")
    found = criticality(network, ABSOLUTE, w)
    assert found.off_level == 8
    assert found.jacobian_rank == 2


def test_the_rank_is_that_of_the_off_level_columns():
    network, w = random_network(3, 4, 2, seed=5)
    w[1:] = 0.0
    assert criticality(network, ABSOLUTE, w).jacobian_rank == 1


# -- the proof ------------------------------------------------------------------------------------


def test_proved_minimum_is_one_in_exact_arithmetic():
    # r = 1/2, α = 1/8 and dyadic inputs: w = 1/4 − a and y = h(w) − r are exact.
    inputs, r, alpha = np.array([1.25, 1.5, 1.75]), 0.5, 0.125
    w = alpha / r - inputs
    target = inputs @ w + 0.5 * (w @ w) - r
    found = prove_minimum(inputs, target, alpha)
    assert found.proved
    assert found.n_negative == 3
    assert found.smallest_eigenvalue == pytest.approx(r, rel=1e-14)
    np.testing.assert_allclose(found.w, w, rtol=1e-13)
    np.testing.assert_array_equal(CurvedUnit(inputs, target).value_and_gradient(w)[1], np.full(3, alpha))


@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_a_wrong_root_is_not_proved(monkeypatch, factor):
    inputs, roots = np.array([1.25, 1.5, 1.75]), np.roots
    monkeypatch.setattr(np, "roots", lambda coefficients: factor * roots(coefficients))
    assert not prove_minimum(inputs, -10.5, 0.1).proved


def test_the_eigenvalue_is_that_of_the_hessian():
    inputs = np.random.default_rng(1).uniform(1, 2, 5)
    found = prove_minimum(inputs, -10.3, 0.1)
    spectrum = np.linalg.eigvalsh(CurvedUnit(inputs, -10.3).hessian(found.w))
    assert spectrum[0] == pytest.approx(found.smallest_eigenvalue, rel=1e-12)


def test_a_weight_above_the_level_is_not_counted():
    # r = 0.2: e(r) = 0.02/0.08 − 1.13 + 1.08 − 0.2 = 0, so that w = 0.5 − (0.1, 1.5).
    found = prove_minimum(np.array([0.1, 1.5]), -1.08, 0.1)
    assert found.proved
    assert found.n_negative == 1
    np.testing.assert_allclose(found.w, [0.4, -1.0], rtol=1e-12)


def test_the_margin_of_all_bounds_that_of_each_data_set():
    rng = np.random.default_rng(2)
    ranges, alpha = ((1.0, 2.0), (-11.0, -10.0)), 0.1
    margin = margin_of_all(5, *ranges, alpha)
    assert margin == 5 * Fraction(1 - 4, 2) + 10 - Fraction(alpha)  # 2.5 − 10 + 10 − 0.1
    for _ in range(100):
        inputs, target = rng.uniform(*ranges[0], 5), rng.uniform(*ranges[1])
        r = alpha / inputs.min()
        assert 5 * alpha**2 / (2 * r**2) - 0.5 * inputs @ inputs - target - r >= margin


def test_without_a_negative_target_nothing_is_proved_for_the_whole_set():
    assert margin_of_all(5, (1.0, 2.0), (-5.0, -1.0), 0.1) < 0


# -- training -------------------------------------------------------------------------------------


def test_training_a_linear_network_ends_where_the_library_and_cvxpy_do():
    network, start = random_network(4, 10, 2, seed=1, activation="identity")
    penalty = designs.lasso(0.5, 4).scaled(0.05)
    w = train(network, penalty, 0.5 * start, max_rounds=50)
    problem = Problem(LeastSquares(network.jacobian(w), network.y), penalty)
    assert criticality(network, penalty, w).relative_distance <= 1e-10
    reference = solve_with_cvxpy(problem).objective
    assert problem.objective(w) <= reference * (1 + 1e-8)
    assert problem.objective(w) == pytest.approx(solve(problem, tol=1e-12).certificate.objective, rel=1e-12)


@pytest.mark.parametrize("base", [designs.lasso(0.5, 4), designs.sawtooth(0.5, 4)], ids=["lasso", "sawtooth"])
def test_training_a_network_ends_at_a_point_below_its_surroundings(base):
    network, start = random_network(4, 12, 2, seed=2)
    penalty = base.scaled(0.02)
    begin = start.copy()
    w = train(network, penalty, start, max_rounds=50)
    np.testing.assert_array_equal(start, begin)
    found = criticality(network, penalty, w)
    assert found.relative_distance <= 1e-10
    assert found.strict

    def objective(at):
        return network.value_and_gradient(at)[0] + penalty.value(at).sum()

    rng = np.random.default_rng(4)
    for length in (1e-2, 1e-3, 1e-4):
        for direction in rng.standard_normal((50, w.size)):
            assert objective(w + length * direction / np.linalg.norm(direction)) > objective(w)


def test_newton_finishes_where_proximal_gradient_is_slow():
    # By itself proximal gradient is at a residual of 1e-3 after these 800 steps.
    network, start = random_network(4, 12, 2, seed=4)
    penalty = designs.lasso(0.5, 4).scaled(0.02)
    w = train(network, penalty, start, max_rounds=8)
    assert criticality(network, penalty, w).relative_distance <= 1e-10


def test_training_without_rounds_returns_the_start():
    network, start = random_network(2, 3, 2, seed=0)
    np.testing.assert_array_equal(train(network, ABSOLUTE, start, max_rounds=0), start)
