"""The duality gap: the objective minus the dual, never negative, and None where there is no dual point."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parlin import LeastSquares, Problem, certify, designs, solve
from parlin.certificates.duality_gap import duality_gap, gap_of_least_squares
from parlin.solvers import FISTA
from tests.cases import VALLEY_AT_A_QUARTER, W
from tests.certificates.cases import (
    DATA,
    NONCONVEX_WITH_GAP,
    WITH_GAP,
    WITHOUT_GAP,
    build,
    points,
    raw_problem,
)
from tests.kkt import Raw


def dual_value(raw: Raw, w: np.ndarray) -> float | None:
    """D(ν) of theory 1 for the residual off the unpenalised columns, shrunk until it is feasible."""
    low, high = raw.slopes[0], raw.slopes[-1]
    if not low < 0 < high:
        return None
    X, s, r = raw.residual(w)
    X, s, r = X.astype(float), s.astype(float), r.astype(float)
    omega = np.ones(X.shape[1]) if raw.penalty_weights is None else raw.penalty_weights
    Z = X[:, omega == 0]
    if raw.intercept:
        Z = np.column_stack((Z, np.ones(len(X))))
    root = np.sqrt(s)
    for _ in range(2):
        r = r - Z @ np.linalg.lstsq(root[:, None] * Z, root * r, rcond=None)[0]
    p = (X[:, omega > 0].T @ (s * r)) / omega[omega > 0]
    shrink = min([1.0, *(high / v for v in p if v > high), *(low / v for v in p if v < low)])
    value = shrink * float(s @ (r * raw.y)) - 0.5 * shrink**2 * float(s @ r**2)
    for weight, slope in zip(omega[omega > 0], shrink * p, strict=True):
        heights = [slope * b - raw.penalty(float(b)) for b in raw.levels]
        value -= weight * max(heights, default=0.0)
    return value


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("name", [*WITH_GAP, *NONCONVEX_WITH_GAP])
def test_the_gap_is_the_objective_minus_the_dual_and_never_negative(name, kind):
    raw = raw_problem(kind, (WITH_GAP | NONCONVEX_WITH_GAP)[name].scaled(0.4))
    problem = build(raw)
    for w in points(raw, count=8):
        gap, objective = certify(problem, w).gap, raw.objective(w)
        assert gap >= 0.0
        assert duality_gap(problem, w) == pytest.approx(objective - dual_value(raw, w), rel=1e-9, abs=1e-12)
        at_zero = Raw(raw.X, raw.y, np.empty(0), np.zeros(1), raw.intercept, raw.sample_weight)
        scale = max(at_zero.objective(np.zeros(w.size)), abs(objective))
        assert gap * scale == pytest.approx(duality_gap(problem, w), rel=1e-12)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("name", WITH_GAP)
def test_the_gap_of_a_converged_point_is_rounding(name, kind):
    raw = raw_problem(kind, WITH_GAP[name].scaled(0.4))
    problem = build(raw)
    result = solve(problem, FISTA(), tol=1e-13)
    assert result.status.is_success
    assert 0.0 <= result.certificate.gap <= 1e-12


@pytest.mark.parametrize("name", WITHOUT_GAP)
def test_there_is_no_gap_where_no_residual_can_be_scaled_into_the_dual_domain(name):
    raw = raw_problem("dense", WITHOUT_GAP[name])
    assert [certify(build(raw), w).gap for w in points(raw)] == [None] * 4


def test_a_zero_gap_certifies_a_global_minimiser_of_a_nonconvex_problem():
    # y = X levels with levels that the W likes best: F = 0, which nothing can beat.
    rng = np.random.default_rng(5)
    X, w = rng.standard_normal((12, 4)), np.array([1.0, -1.0, 1.0, 1.0])
    psi = W.value(1.0)
    problem = Problem(LeastSquares(X, X @ w), W)
    c = certify(problem, w)
    assert c.objective == 4 * psi
    assert c.gap == pytest.approx(0.0, abs=1e-15)


def test_a_gap_where_nothing_has_a_scale_is_relative_to_what_the_largest_level_makes():
    # y = 0 and w = 0: F = f(0) = 0, but the minimum is below 0.
    problem = Problem(LeastSquares([[1.0]], [0.0]), VALLEY_AT_A_QUARTER)
    c = certify(problem, [0.0])
    lowest = min(problem.objective([x]) for x in np.linspace(-1.0, 1.0, 2001))
    assert c.objective == 0.0 and 0.0 < -lowest / (0.5 * problem.penalty.levels[-1] ** 2) <= c.gap
    at_rest = solve(problem, w0=[1e-200])
    assert at_rest.status.is_success and at_rest.certificate.objective == pytest.approx(lowest, rel=1e-6)



def test_the_gap_of_a_point_outside_the_box_is_infinite():
    problem = Problem(LeastSquares([[1.0], [2.0]], [1.0, 3.0]), designs.box(-1.0, 1.0))
    c = certify(problem, [1.5])
    assert (c.objective, c.residual, c.gap) == (math.inf, math.inf, math.inf)


@pytest.mark.parametrize("kind", [kind for kind in DATA if kind != "sparse with all"])
@pytest.mark.parametrize("name", [*WITH_GAP, *NONCONVEX_WITH_GAP, *WITHOUT_GAP])
def test_without_unpenalised_columns_the_value_and_the_gradient_of_the_loss_are_enough(name, kind):
    penalty = (WITH_GAP | NONCONVEX_WITH_GAP | WITHOUT_GAP)[name].scaled(0.4)
    if kind == "wide" and not penalty.bounded_below:
        kind = "dense"
    raw = raw_problem(kind, penalty)
    problem = build(raw)
    for w in points(raw, seed=1):
        value, gradient = problem.loss.value_and_gradient(w)
        found, expected = gap_of_least_squares(problem.separable, w, value, gradient), duality_gap(problem, w)
        if name in WITHOUT_GAP:
            assert found is None and expected is None
        else:
            assert found == pytest.approx(expected, rel=1e-11, abs=1e-13)
