"""The optimality check, compiled and in NumPy: the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

import parlin
from parlin import PAR, LeastSquares, Problem, designs
from parlin._kernels import optimality, optimality_numpy

PENALTIES = {
    "lasso": designs.lasso(0.5, 4),
    "asymmetric": PAR([-1.5, 0.25, 2.0], [-2.0, -0.5, 0.75, 3.0]),
    "box": designs.box(-1.0, 0.5),
    "box off 0": designs.box(0.5, 2.0),
    "half a box": PAR([0.0, 1.0], [-np.inf, 0.5, 2.0]),
    "one point": PAR([0.75], [-np.inf, np.inf]),
    "W": PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0]),
    "rippled": designs.rippled_mcp(0.5, 3),
    "no slope": PAR([], [0.0]),
    "flat": PAR([-1.0, 0.0, 1.0], [0.0, -1.0, 1.0, 0.0]),
    "falling": PAR([0.0], [-3.0, -1.0]),
}
needs_kernels = pytest.mark.skipif(not parlin.compiled, reason="needs the compiled kernels")
KERNELS = [optimality_numpy, pytest.param(optimality, marks=needs_kernels)]


def arguments(problem: Problem, w: np.ndarray, scale: np.ndarray, tol: float) -> list[object]:
    """What `residuals` is given for a point of the problem."""
    psi, (value, gradient) = problem.penalty, problem.loss.value_and_gradient(w)
    return [
        w, gradient, scale, problem.loss.rounding_floor(w), problem.penalty_weights, psi.levels, psi.slopes,
        *psi.anchors, value, problem.objective(problem.start()), tol,
    ]  # fmt: skip


@needs_kernels
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", PENALTIES)
def test_both_give_the_same_ratios_float_for_float(name, weighted):
    psi = PENALTIES[name]
    rng = np.random.default_rng(3)
    n, d = 13, 6
    omega = rng.uniform(0.5, 2.0, d)
    omega[[1, 3]] = 0.0
    loss = LeastSquares(rng.standard_normal((n, d)), rng.standard_normal(n) + 1.0)
    problem = Problem(loss, psi, omega if weighted else None)
    anywhere, huge = rng.standard_normal(d), 1e12 * rng.standard_normal(d)
    some = anywhere.copy()
    some[::2] = rng.choice(np.append(psi.levels, 0.0), some[::2].size)
    for w in (np.zeros(d), anywhere, some, problem.clip(some), huge, problem.start(), -0.0 * anywhere):
        for scale in (loss.gradient_scale, 0.0 * loss.gradient_scale):  # a scale of zero, as for y = 0
            for tol in (1e-3, 1e-12):
                given = arguments(problem, w, scale, tol)
                expected, found = optimality_numpy.residuals(*given), optimality.residuals(*given)
                assert found[0] == pytest.approx(expected[0], rel=1e-14, nan_ok=True)
                assert found[1:] == expected[1:]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", PENALTIES)
def test_the_objective_and_the_residual_are_those_of_the_definition(name, kernel):
    psi = PENALTIES[name]
    rng = np.random.default_rng(4)
    loss = LeastSquares(rng.standard_normal((9, 4)), rng.standard_normal(9))
    problem = Problem(loss, psi, np.array([1.0, 0.0, 2.5, 0.3]))
    w = problem.clip(rng.standard_normal(4))
    scale, floor = loss.gradient_scale, np.zeros(4)
    given = arguments(problem, w, scale, 1e-8)
    given[3] = floor
    objective, residual, strict = kernel.residuals(*given)
    ratios = problem.distance(loss.gradient(w), w) / scale
    assert objective == pytest.approx(problem.objective(w), rel=1e-14)
    assert residual == pytest.approx(ratios.max(), rel=1e-14)
    assert strict == pytest.approx(ratios.max(), rel=1e-14)


@pytest.mark.parametrize("kernel", KERNELS)
def test_long_sums_are_exact_to_rounding(kernel):
    d = 100_003
    psi = designs.ridge(0.1, 30)
    w, ones = np.random.default_rng(4).standard_normal(d), np.ones(d)
    found = kernel.residuals(
        w, ones, ones, ones, None, psi.levels, psi.slopes, *psi.anchors, 0.0, np.inf, 1e-8
    )[0]  # fmt: skip
    assert found == pytest.approx(math.fsum(psi.value(w)), rel=1e-14)


@needs_kernels
def test_the_compiled_loop_refuses_what_does_not_fit():
    w, levels, slopes = np.zeros(3), np.zeros(1), np.ones(2)
    fits = [w, w, w, w, None, levels, slopes, slopes, slopes, 0.0, 0.0, 1e-8]
    optimality.residuals(*fits)
    for place, wrong, message in (
        (1, np.zeros(2), "one length"),
        (3, np.zeros(4), "one length"),
        (4, np.ones(2), "an entry for each of w"),
        (6, np.ones(3), "one entry more than levels"),
        (8, np.ones(1), "one entry more than levels"),
    ):
        with pytest.raises(ValueError, match=message):
            optimality.residuals(*fits[:place], wrong, *fits[place + 1 :])
