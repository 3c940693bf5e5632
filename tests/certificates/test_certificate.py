"""The certificate: its definition coordinate by coordinate, its fields, and its compiled equivalent."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest

from parlin import PAR, Certificate, LeastSquares, Problem, certify, designs, solve
from tests.cases import VALLEY_AT_A_QUARTER, W
from tests.certificates.cases import (
    DATA,
    build,
    points,
    raw_problem,
)
from tests.kkt import Raw
from tests.random_par import NAMED

# -- by hand ----------------------------------------------------------------------------------------


def test_a_certificate_of_one_coefficient_is_what_pencil_and_paper_give():
    # f = (4 − 2w)²/2, ψ has slopes ±½, ±3/2 at 0, ±1. At w = 3/2: f = ½, ψ = ½ + ¾, −f' = 2, so
    # the slope is missed by ½; f'(0) = −8, ‖X‖ = 2. One step ¼: w + ¼(2 − 3/2) = 13/8, the minimiser.
    # The dual point is the residual 1: p = 2 is beyond the last slope, so it shrinks to ¾;
    # F − D = ½ + 5/4 − (¾·4 − 9/32 − (3/2·1 − ½)) = 1/32.
    problem = Problem(LeastSquares([[2.0]], [4.0]), PAR([-1.0, 0.0, 1.0], [-1.5, -0.5, 0.5, 1.5]))
    c = certify(problem, [1.5])
    assert c == Certificate(
        objective=1.75,
        residual=0.5 / 8,
        strict_residual=0.5 / 8,
        slope_residual=0.5 / 0.5,
        prox_residual=0.5 / 8,
        prox_step=0.25,
        gap=(1 / 32) / 8,
        rounded_objective=2.0 + 0.5,
        on_level=0,
        size=1,
    )
    minimiser = certify(problem, [1.625])
    assert (minimiser.residual, minimiser.prox_residual, minimiser.gap) == (0.0, 0.0, 0.0)


def test_at_the_concave_kink_of_the_W_only_the_prox_residual_objects():
    # Theory 7, residuals: f = (x − .1)²/2 and .3 W. At 0 the Clarke interval [−.3, .3] contains .1.
    problem = Problem(LeastSquares([[1.0]], [0.1]), W.scaled(0.3))
    kink = certify(problem, [0.0])
    assert kink.residual == 0.0
    assert kink.prox_step == 1.0
    assert kink.prox_residual * 0.1 == pytest.approx(0.4, rel=1e-14)


def test_a_smaller_step_makes_the_prox_residual_blind_as_theory_says():
    # Theory 7, residuals: at −.2 it is 0 for every step up to ½ and .6 at step 1.
    problem = Problem(LeastSquares([[1.0]], [0.1]), W.scaled(0.3))
    w = np.array([-0.2])
    for step in (0.05, 0.2, 0.4999):
        moved = problem.prox(w - step * problem.loss.gradient(w), step)
        assert np.abs(moved - w) / step == pytest.approx(0.0, abs=1e-12)
    c = certify(problem, w)
    assert c.residual == pytest.approx(0.0, abs=1e-14)
    assert c.prox_residual * 0.1 == pytest.approx(0.6, rel=1e-14)


# -- the definition ---------------------------------------------------------------------------------


# The definition is slow to evaluate by hand for many levels: those are tried on one kind of data.
CASES = [
    pytest.param(kind, penalty, id=f"{name}-{kind}")
    for name, penalty in NAMED
    for kind in DATA[:-1]
    if penalty.levels.size <= 15 or kind == "sparse with all"
]


@pytest.mark.parametrize(("kind", "penalty"), CASES)
def test_every_number_of_a_certificate_is_its_definition(kind, penalty):
    raw = raw_problem(kind, penalty.scaled(0.3))
    problem = build(raw)
    norms, _ = raw.norms()
    scale = np.max(np.abs(raw.descent(np.zeros(norms.size)))) * norms / norms.max()
    omega = np.ones(norms.size) if raw.penalty_weights is None else raw.penalty_weights
    for w in points(raw, count=2):
        c = certify(problem, w)
        distances = raw.distances(w)
        assert c.objective == pytest.approx(raw.objective(w), rel=1e-13, abs=1e-13)
        assert c.residual == pytest.approx(np.max(distances / scale), rel=1e-9)
        assert c.strict_residual == c.residual  # the rounding floor plays no part here
        finite = np.abs(raw.slopes[np.isfinite(raw.slopes) & (raw.slopes != 0)])
        if finite.size == 0:
            assert c.slope_residual is None
        elif np.all(omega > 0):
            assert c.slope_residual == pytest.approx(np.max(distances / omega) / finite.min(), rel=1e-9)
        else:  # what an unpenalised coordinate adds is relative to the smallest of all
            bounds = distances / np.where(omega > 0, omega, omega[omega > 0].min())
            assert c.slope_residual == pytest.approx(np.max(bounds) / finite.min(), rel=1e-9)
        assert c.prox_step == pytest.approx(1 / norms.max() ** 2)
        assert c.prox_residual == pytest.approx(np.max(prox_move(raw, w, c.prox_step) / scale), rel=1e-8)
        assert c.size == np.count_nonzero(omega)
        assert c.on_level == c.size - raw.unquantized(w).size
        rest = [b for b, low, high in zip(raw.levels, raw.slopes, raw.slopes[1:], strict=False) if low < high]
        if rest:
            rounded = [
                min(rest, key=lambda b: (abs(b - x), -b)) if o else x for x, o in zip(w, omega, strict=True)
            ]
            expected = raw.objective(np.array(rounded))
            assert c.rounded_objective == pytest.approx(expected, rel=1e-13, abs=1e-13)
        else:
            assert c.rounded_objective is None


def prox_move(raw: Raw, w: np.ndarray, step: float) -> np.ndarray:
    """``|w_j − p_j| / step``, p_j the best of all candidate minimisers, tried one by one."""
    moves = []
    omega = np.ones(w.size) if raw.penalty_weights is None else raw.penalty_weights
    for x, g, o in zip(w, raw.descent(w), omega, strict=True):
        v = float(x + step * g)
        edges = [-math.inf, *raw.levels, math.inf]
        candidates = list(raw.levels) if o > 0 else [v]
        for k, slope in enumerate(raw.slopes):
            if o > 0 and math.isfinite(slope):
                candidates.append(min(max(v - step * o * slope, edges[k]), edges[k + 1]))
        best = min(candidates, key=lambda u: 0.5 * (u - v) ** 2 + (step * o * raw.penalty(u) if o else 0.0))
        moves.append(abs(x - best) / step)
    return np.array(moves)


# -- the rest ---------------------------------------------------------------------------------------


def test_certify_looks_at_the_point_alone_and_writes_to_nothing():
    raw = raw_problem("sparse with all", VALLEY_AT_A_QUARTER)
    problem = build(raw)
    w = points(raw)[0]
    before = w.copy()
    w.flags.writeable = False
    assert certify(problem, w) == certify(build(raw), before.tolist())
    assert np.array_equal(w, before)


def test_a_level_is_hit_float_for_float_or_not_at_all():
    problem = Problem(LeastSquares(np.eye(4), np.ones(4)), designs.lasso(0.1, 3))
    level = 3 * 0.1
    near = [level, np.nextafter(level, 1), np.nextafter(level, 0), 0.3]
    assert certify(problem, near).on_level == 1
    assert certify(problem, near).quantization_rate == 0.25


def test_nothing_penalised_counts_as_all_quantized():
    problem = Problem(LeastSquares(np.eye(2), np.ones(2)), designs.lasso(1.0, 1), penalty_weights=[0, 0])
    c = certify(problem, [0.3, 1.0])
    assert (c.on_level, c.size, c.quantization_rate) == (0, 0, 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_not_finite_is_hopeless_in_every_field(bad):
    problem = Problem(LeastSquares(np.eye(2), np.ones(2)), designs.lasso(1.0, 1))
    c = certify(problem, [bad, 1.0])
    assert math.isnan(c.objective)
    assert (c.residual, c.strict_residual, c.slope_residual, c.prox_residual) == (math.inf,) * 4
    assert (c.gap, c.on_level, c.size) == (None, 1, 2)


def test_to_json_is_valid_json_with_the_rate_and_no_infinity():
    problem = Problem(LeastSquares(np.eye(2), np.ones(2)), designs.box(-1.0, 1.0))
    fields = json.loads(json.dumps(certify(problem, [1.5, 1.0]).to_json(), allow_nan=False))
    assert fields["objective"] is None
    assert (fields["on_level"], fields["size"], fields["quantization_rate"]) == (1, 2, 0.5)
    assert set(fields) == {*Certificate.__dataclass_fields__, "quantization_rate"}


@pytest.mark.parametrize("w", [[1.0], [[1.0, 2.0]], 1.0, [1.0, 2.0, 3.0]])
def test_a_point_of_the_wrong_shape_is_an_error_that_names_both_shapes(w):
    problem = Problem(LeastSquares(np.eye(2), np.ones(2)), designs.lasso(1.0, 1))
    with pytest.raises(ValueError, match=r"w must have shape \(2,\), but has shape"):
        certify(problem, w)


@pytest.mark.parametrize("tol", [0.0, -1e-8, math.nan])
def test_a_tolerance_that_is_not_positive_is_an_error(tol):
    problem = Problem(LeastSquares(np.eye(2), np.ones(2)), designs.lasso(1.0, 1))
    with pytest.raises(ValueError, match="tol"):
        certify(problem, [0.3, 0.4], tol)


def test_a_result_is_pickled_with_its_certificate_and_without_its_data():
    X = np.random.default_rng(9).standard_normal((200, 300))
    result = solve(Problem(LeastSquares(X, X[:, 0]), designs.lasso(0.25, 4).scaled(0.1)))
    packed = pickle.dumps(result)
    assert len(packed) < X.nbytes / 10
    copy = pickle.loads(packed)
    assert copy.certificate == result.certificate and np.array_equal(copy.w, result.w)


def test_the_certificate_of_a_result_is_of_the_point_as_it_was_returned():
    problem = Problem(LeastSquares([[1.0], [2.0]], [1.0, 3.0]), designs.lasso(1.0, 1).scaled(0.1))
    result = solve(problem)
    expected = certify(problem, result.w)
    result.w[:] = 7.0
    assert result.certificate == expected
