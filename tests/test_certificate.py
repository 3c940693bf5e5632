"""The certificate: its definition coordinate by coordinate, its gap, and what it must not be fooled by."""

from __future__ import annotations

import json
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, Certificate, LeastSquares, Problem, certify, designs, solve
from parlin.certificate import duality_gap
from parlin.solvers import FISTA
from tests.kkt import Raw
from tests.random_par import NAMED

W = PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0])
ASYMMETRIC = PAR([-1.5, 0.25, 2.0], [-2.0, -0.5, 0.75, 3.0])
WITH_GAP = {
    "even": designs.lasso(0.5, 4),
    "ridge": designs.ridge(0.5, 4),
    "asymmetric": ASYMMETRIC,
    "box": designs.box(-1.0, 0.5),
    "box off 0": designs.box(0.5, 2.0),
    "bounded ridge": designs.ridge(0.5, 3, bounded=True),
    "half a box": PAR([0.0, 1.0], [-np.inf, 0.5, 2.0]),
    "one point": PAR([0.75], [-np.inf, np.inf]),
}
NONCONVEX_WITH_GAP = {"W": W, "sawtooth": designs.sawtooth(0.5, 3), "rippled": designs.rippled_mcp(0.5, 3)}
WITHOUT_GAP = {
    "no slope": PAR([], [0.0]),
    "flat left": PAR([0.0, 1.0], [0.0, 1.0, 2.0]),
    "flat right": PAR([-1.0, 0.0], [-2.0, -1.0, 0.0]),
    "flat both": PAR([-1.0, 0.0, 1.0], [0.0, -1.0, 1.0, 0.0]),
    "falling": PAR([0.0], [-3.0, -1.0]),
    "rising": PAR([0.0], [1.0, 3.0]),
    "box falling": PAR([0.0, 1.0], [-np.inf, -2.0, -1.0]),
}
DATA = ("dense", "intercept", "weights", "penalty weights", "sparse with all", "wide")


def raw_problem(kind: str, penalty: PAR, seed: int = 0) -> Raw:
    """Random data of the kind; tall unless it says wide, so that any penalty is allowed."""
    rng = np.random.default_rng((seed, DATA.index(kind)))
    n, d = (5, 9) if kind == "wide" else (13, 5)
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-1, 1, d)
    y = rng.standard_normal(n) + 1.0
    everything = kind == "sparse with all"
    if everything:
        X *= rng.random((n, d)) < 0.6
    omega = rng.uniform(0.5, 2.0, d)
    omega[[1, 3]] *= 0.0 if everything else 1.0
    return Raw(
        X,
        y,
        penalty.levels,
        penalty.slopes,
        intercept=everything or kind == "intercept",
        sample_weight=rng.uniform(0.2, 3.0, n) if everything or kind == "weights" else None,
        penalty_weights=omega if everything or kind == "penalty weights" else None,
    )


def build(raw: Raw) -> Problem:
    """The raw problem given to the library; sparse when half of X is zero."""
    X = sparse.csr_array(raw.X) if np.mean(raw.X == 0) > 0.2 else raw.X
    loss = LeastSquares(X, raw.y, raw.sample_weight, raw.intercept)
    return Problem(loss, PAR(raw.levels, raw.slopes), raw.penalty_weights)


def points(raw: Raw, seed: int = 0, count: int = 4) -> list[np.ndarray]:
    """Points of the domain: some coordinates on levels, some far off."""
    rng = np.random.default_rng((seed, 7))
    found = []
    for _ in range(count):
        w = 1.5 * rng.standard_normal(raw.X.shape[1])
        if raw.levels.size:
            on = rng.random(w.size) < 0.5
            w[on] = rng.choice(raw.levels, on.sum())
        low = raw.levels[0] if raw.slopes[0] == -np.inf else -np.inf
        high = raw.levels[-1] if raw.slopes[-1] == np.inf else np.inf
        found.append(np.clip(w, low, high))
    return found


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


# -- the duality gap --------------------------------------------------------------------------------


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


def test_a_gap_beside_an_objective_and_a_scale_of_zero_is_infinite():
    # y = 0 and w = 0: F = f(0) = 0, but the minimum is below 0.
    c = certify(Problem(LeastSquares([[1.0]], [0.0]), ASYMMETRIC), [0.0])
    assert (c.objective, c.gap) == (0.0, math.inf)


def test_the_gap_of_a_point_outside_the_box_is_infinite():
    problem = Problem(LeastSquares([[1.0], [2.0]], [1.0, 3.0]), designs.box(-1.0, 1.0))
    c = certify(problem, [1.5])
    assert (c.objective, c.residual, c.gap) == (math.inf, math.inf, math.inf)


# -- what must not fool it --------------------------------------------------------------------------


@pytest.mark.parametrize("power", [-30, -13, 0, 13, 30])
def test_scaling_the_problem_by_a_power_of_two_changes_no_relative_number(power):
    unit = 2.0**power
    raw = raw_problem("wide", designs.lasso(0.5, 4).scaled(0.3))
    for w in points(raw):
        here = certify(build(raw), w)
        scaled = Raw(raw.X, unit * raw.y, unit * raw.levels, unit * raw.slopes)
        there = certify(build(scaled), unit * w)
        same = ("residual", "strict_residual", "slope_residual", "prox_residual", "prox_step", "gap")
        assert [getattr(there, k) for k in same] == [getattr(here, k) for k in same]
        assert there.objective == unit**2 * here.objective


@pytest.mark.parametrize("smallness", [1e-4, 1e-8])
def test_ten_small_columns_left_at_zero_do_not_pass(smallness):
    # y is made by the small columns alone, so all-zero coefficients there are entirely wrong,
    # although their gradients are tiny next to those of the large columns.
    rng = np.random.default_rng(11)
    X = rng.standard_normal((30, 20))
    X[:, :10] *= smallness
    y = X @ np.concatenate((rng.choice([-1.0, 1.0], 10) / smallness, np.zeros(10)))
    y += X[:, 10:] @ rng.standard_normal(10)
    penalty = designs.ridge(0.5, 4).scaled(1e-3 * smallness**2)
    problem = Problem(LeastSquares(X, y), penalty)
    large_only = Problem(LeastSquares(X[:, 10:], y), penalty)
    w = np.concatenate((np.zeros(10), solve(large_only, tol=1e-12).w))
    gradient = np.abs(problem.loss.gradient(w))
    assert gradient[:10].max() <= 10 * smallness  # negligible in absolute terms
    assert certify(problem, w).residual > 1e-2
    assert solve(problem, w0=w, max_iter=0).status.name == "MAX_ITER"


def test_the_rounding_floor_bounds_what_float64_gets_wrong_in_the_gradient():
    for seed in range(30):
        rng = np.random.default_rng((17, seed))
        n, d = int(rng.integers(2, 9)), int(rng.integers(1, 6))
        X = rng.standard_normal((n, d)) + rng.choice([0.0, 1e3, 1e6], d)
        y = rng.standard_normal(n) + rng.choice([0.0, 1e4])
        raw = Raw(X, y, np.empty(0), np.zeros(1), intercept=bool(rng.integers(2)))
        loss = LeastSquares(X, y, fit_intercept=raw.intercept)
        w = rng.standard_normal(d) * 10.0 ** rng.uniform(-3, 3)
        wrong = np.abs(exact_gradient(raw, w) - loss.gradient(w))
        assert np.all(wrong <= loss.rounding_floor(w))


def test_the_rounding_floor_covers_columns_that_cancel():
    # Two nearly equal columns with large opposite coefficients: Xw is small, its rounding is not.
    rng = np.random.default_rng(2)
    a = rng.standard_normal(6)
    X = np.column_stack((a, a + 1e-7 * rng.standard_normal(6)))
    raw = Raw(X, rng.standard_normal(6), np.empty(0), np.zeros(1))
    loss, w = LeastSquares(raw.X, raw.y), np.array([1.234567e7, -1.234567e7])
    wrong = np.abs(exact_gradient(raw, w) - loss.gradient(w))
    assert np.all(wrong <= loss.rounding_floor(w))


@pytest.mark.parametrize("offset", [1e4, 1e5, 1e6])
def test_the_rounding_floor_is_not_far_above_the_rounding_errors(offset):
    # Columns with a large mean and an intercept: centring is implicit, so the errors of the gradient
    # grow with the mean once, not with its square.
    rng = np.random.default_rng(23)
    X, y, w = rng.standard_normal((20, 6)) + offset, rng.standard_normal(20), rng.standard_normal(6)
    raw = Raw(X, y, np.empty(0), np.zeros(1), intercept=True)
    loss = LeastSquares(X, y, fit_intercept=True)
    wrong = np.abs(exact_gradient(raw, w) - loss.gradient(w))
    assert np.max(loss.rounding_floor(w)) <= 1e4 * np.max(wrong)


@pytest.mark.parametrize("kind", ["normal", "whole numbers"])
def test_a_gradient_made_of_rounding_errors_does_not_converge(kind):
    # Where the gradient cannot be computed to tol, a small computed one is luck, and an exact zero
    # (which whole numbers like to give) even more so: it may pass as ROUNDING, never as CONVERGED.
    accepted = 0
    for seed in range(15):
        rng = np.random.default_rng((37, seed))
        if kind == "normal":
            X, y = rng.standard_normal((5, 1)) + 1e8, rng.standard_normal(5)
        else:
            X, y = rng.integers(-3, 4, (3, 1)) + 1e10, rng.integers(-3, 4, 3) + 0.0
        raw = Raw(X, y, np.empty(0), np.zeros(1), intercept=True)
        problem = build(raw)
        centred = X[:, 0] - X.mean()
        best = (centred @ y) / (centred @ centred)
        scale = abs(float(raw.descent(np.zeros(1))[0]))
        for w in best + 1e-15 * X[0, 0] * rng.standard_normal((40, 1)):
            result = solve(problem, w0=w, max_iter=0)
            accepted += result.status.is_success
            if result.status.name == "CONVERGED":
                assert np.all(np.abs(exact_gradient(raw, w)) <= 2e-8 * scale)
    assert accepted > 0


def exact_gradient(raw: Raw, w: np.ndarray) -> np.ndarray:
    """The gradient of f in rational arithmetic, unweighted."""
    X = [[Fraction(v) for v in row] for row in raw.X.tolist()]
    w = [Fraction(v) for v in w.tolist()]
    r = [
        Fraction(t) - sum(a * b for a, b in zip(row, w, strict=True)) for row, t in zip(X, raw.y, strict=True)
    ]
    if raw.intercept:
        mean = sum(r) / len(r)
        r = [v - mean for v in r]
    return np.array(
        [float(-sum(a * b for a, b in zip(c, r, strict=True)) / len(r)) for c in zip(*X, strict=True)]
    )


# -- the rest ---------------------------------------------------------------------------------------


def test_certify_looks_at_the_point_alone_and_writes_to_nothing():
    raw = raw_problem("sparse with all", ASYMMETRIC)
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
