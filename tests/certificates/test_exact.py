"""The exact certificate against the definition in rational numbers, cell by cell."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, Proof, designs, exact_certificate, purify, solve
from parlin.datasets import synthetic
from tests.cases import LASSO, VALLEY_AT_A_TENTH, W


def one(x: float, y: float, penalty: PAR) -> Problem:
    return Problem(LeastSquares([[x]], [y]), penalty)


# -- by hand ----------------------------------------------------------------------------------------

# f = (4 − 2w)²/2 and slopes ±½, ±3/2 at 0, ±1. In the cell beyond 1 criticality says 2 (4 − 2w) = 3/2,
# so w = 13/8, which is 5/8 from the end of its cell.
HAND = PAR([-1.0, 0.0, 1.0], [-1.5, -0.5, 0.5, 1.5])


def test_the_critical_point_of_a_cell_is_proved_with_its_distance_from_the_end():
    proof = exact_certificate(one(2.0, 4.0, HAND), [1.01])
    assert (proof.verdict, proof.n_free, proof.coordinate) == (Proof.PROVED, 1, None)
    assert (proof.cell_margin, proof.slope_margin, proof.margin) == (5 / 8, math.inf, 5 / 8)
    assert "exists" in proof.reason


@pytest.mark.parametrize("w", [-7.0, -1.0, -0.5, 0.0, 0.5, 1.0])
def test_every_other_cell_and_level_is_refuted_by_its_coordinate(w):
    proof = exact_certificate(one(2.0, 4.0, HAND), [w])
    assert (proof.verdict, proof.coordinate) == (Proof.REFUTED, 0)
    assert "coordinate 0" in proof.reason
    assert proof.margin is None


def test_a_quantized_point_is_proved_with_the_slack_of_its_slope():
    # 2 (y − 2w) at w = 1 is 1 for y = 5/2: exactly in the middle of [½, 3/2].
    proof = exact_certificate(one(2.0, 2.5, HAND), [1.0])
    assert (proof.verdict, proof.n_free, proof.cell_margin) == (Proof.PROVED, 0, math.inf)
    assert proof.slope_margin == proof.margin == 0.5


def test_one_unit_in_the_last_place_decides():
    # x = 1: the descent at 0 is y itself, so the float 0.1 is the very last y that keeps w at 0.
    lasso = PAR([0.0], [-0.1, 0.1])
    assert exact_certificate(one(1.0, 0.1, lasso), [0.0]).margin == 0.0
    below = exact_certificate(one(1.0, np.nextafter(0.1, 0), lasso), [0.0])
    assert below.verdict is Proof.PROVED
    assert below.margin == 0.1 - np.nextafter(0.1, 0)
    above = one(1.0, np.nextafter(0.1, 1), lasso)
    assert exact_certificate(above, [0.0]).verdict is Proof.REFUTED
    assert exact_certificate(above, [1e-3]).cell_margin == np.nextafter(0.1, 1) - 0.1


def test_floats_are_read_as_the_rationals_they_are():
    # In decimals 3 · 0.1 = 0.3 and the descent would be on the end of the interval; in floats
    # 3 · fl(0.1) > fl(0.3) by 2^−54 · 3/2 or so.
    excess = 3 * Fraction(0.1) - Fraction(0.3)
    assert excess > 0
    problem = Problem(LeastSquares(np.full((3, 1), 1.0), [0.1, 0.1, 0.1]), PAR([0.0], [-0.1, 0.1]))
    assert exact_certificate(problem, [0.0]).margin == 0.0
    problem = Problem(LeastSquares([[3.0]], [0.1]), PAR([0.0], [-0.3, 0.3]))
    assert exact_certificate(problem, [0.0]).verdict is Proof.REFUTED
    assert exact_certificate(problem, [1.0]).cell_margin == float(excess / 9)


def test_the_unquantized_end_of_a_cell_is_not_inside_it():
    # w = 2 − ½ = 3/2 exactly, which is a level: nobody may claim it for the cells next to it.
    penalty = PAR([0.0, 1.5], [-0.5, 0.5, 0.75])
    assert exact_certificate(one(1.0, 2.0, penalty), [1.0]).verdict is Proof.REFUTED
    assert exact_certificate(one(1.0, 2.0, penalty), [1.5]).margin == 0.0


def test_both_points_of_a_double_well_are_proved_and_the_concave_kink_too():
    # Theory 7: f = (x − .1)²/2 with .3 W is critical at −.2 (rounded), −1 < x; at 0; and at .4.
    problem = one(1.0, 0.1, W.scaled(0.3))
    verdicts = {
        w: exact_certificate(problem, [w]).verdict is Proof.PROVED for w in (-2, -1, -0.5, 0, 0.5, 1, 2)
    }
    assert verdicts == {-2: False, -1: False, -0.5: True, 0: True, 0.5: True, 1: False, 2: False}


# -- the definition, over all cells -----------------------------------------------------------------


def rational(values) -> list:
    return [rational(v) if isinstance(v, list) else Fraction(v) for v in np.asarray(values, float).tolist()]


class Truth(NamedTuple):
    """What the definition says of a pattern: 2k is the cell left of level k, 2k + 1 the level k."""

    failing: set[int]  # coordinates outside their cell or interval
    cell_margin: Fraction | float
    slope_margin: Fraction | float


def by_definition(problem: Problem, raw: tuple, pattern: tuple[int, ...]) -> Truth:
    X, y, s, intercept, omega = raw
    n, d = len(X), len(X[0])
    total = sum(s)
    if intercept:
        means = [sum(s[i] * X[i][j] for i in range(n)) / total for j in range(d)]
        mean = sum(s[i] * y[i] for i in range(n)) / total
        X = [[X[i][j] - means[j] for j in range(d)] for i in range(n)]
        y = [v - mean for v in y]
    levels, slopes = rational(problem.penalty.levels), problem.penalty.slopes
    free = [j for j in range(d) if pattern[j] % 2 == 0 or omega[j] == 0]
    w = [Fraction(0) if j in free else levels[pattern[j] // 2] for j in range(d)]

    def inner(a, b):
        return sum(s[i] * a[i] * b[i] for i in range(n)) / total

    def slope(j):
        return omega[j] * Fraction(slopes[pattern[j] // 2]) if omega[j] else Fraction(0)

    columns = list(zip(*X, strict=True))
    rest = [y[i] - sum(X[i][j] * w[j] for j in range(d)) for i in range(n)]
    matrix = [[inner(columns[j], columns[k]) for k in free] for j in free]
    solved = gauss(matrix, [inner(columns[j], rest) - slope(j) for j in free])
    failing, cells, intervals = set(), [], []
    for j, value in zip(free, solved, strict=True):
        w[j] = value
        k = pattern[j] // 2
        if omega[j]:
            slacks = [value - b for b in levels[k - 1 : k] if k] + [b - value for b in levels[k : k + 1]]
            cells += slacks
            failing |= {j} if min(slacks) <= 0 else set()
    residual = [y[i] - sum(X[i][j] * w[j] for j in range(d)) for i in range(n)]
    for j in set(range(d)) - set(free):
        descent = inner(columns[j], residual)
        low, high = sorted(slopes[pattern[j] // 2 : pattern[j] // 2 + 2])
        slacks = [descent - omega[j] * Fraction(low)] if np.isfinite(low) else []
        slacks += [omega[j] * Fraction(high) - descent] if np.isfinite(high) else []
        intervals += slacks
        failing |= {j} if min(slacks, default=0) < 0 else set()
    return Truth(failing, min(cells, default=math.inf), min(intervals, default=math.inf))


def gauss(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    """Gauss-Jordan elimination with row exchanges; None if singular."""
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(len(rows)):
            if i != k:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def representative(penalty: PAR, pattern: tuple[int, ...]) -> np.ndarray:
    """A float point with this pattern: 2k is the cell left of level k, 2k + 1 the level k."""
    edges = np.concatenate((penalty.levels[:1] - 1, penalty.levels, penalty.levels[-1:] + 1))
    inside = 0.5 * (edges[1:] + edges[:-1])
    inside[0], inside[-1] = edges[0], edges[-1]
    return np.array([penalty.levels[p // 2] if p % 2 else inside[p // 2] for p in pattern])


KINDS = {
    "plain": {},
    "intercept": {"fit_intercept": True},
    "sample weights": {"sample_weight": np.array([0.3, 1.0, 2.0, 0.7])},
    "both": {"sample_weight": np.array([0.1, 0.0, 0.2, 1e-3, 3.0]), "fit_intercept": True},
    "penalty weights": {"penalty_weights": np.array([0.4, 0.0])},
    "all": {
        "sample_weight": np.array([1.0, 3.0, 0.1, 2.0]),
        "fit_intercept": True,
        "penalty_weights": np.array([0.0, 1.7]),
    },
}
PENALTIES = {
    "absolute": LASSO.scaled(0.3),
    "ridge": designs.ridge(0.5, 1).scaled(0.7),
    "asymmetric": VALLEY_AT_A_TENTH.scaled(0.3),
    "box": designs.ridge(0.4, 1, bounded=True).scaled(0.2),
    "W": W.scaled(0.4),
    "rippled": designs.rippled_mcp(0.3, 1).scaled(0.5),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PENALTIES)
def test_of_all_patterns_exactly_the_critical_ones_are_proved(name, kind):
    penalty, options = PENALTIES[name], dict(KINDS[kind])
    for seed in range(3):
        rng = np.random.default_rng((seed, len(name), len(kind)))
        weights = options.get("sample_weight")
        n = 4 if weights is None else weights.size
        X, y = rng.standard_normal((n, 2)), rng.standard_normal(n)
        omega = options.get("penalty_weights", np.ones(2))
        loss = LeastSquares(X, y, weights, options.get("fit_intercept", False))
        problem = Problem(loss, penalty, options.get("penalty_weights"))
        raw = (
            rational(X),
            rational(y),
            rational(np.ones(n) if weights is None else weights),
            options.get("fit_intercept", False),
            rational(omega),
        )
        proved, named = 0, set()
        for pattern in itertools.product(range(2 * penalty.levels.size + 1), repeat=2):
            proof = exact_certificate(problem, representative(penalty, pattern))
            outside = any(
                omega[j] and p % 2 == 0 and np.isinf(penalty.slopes[p // 2]) for j, p in enumerate(pattern)
            )
            if outside:
                assert (proof.verdict, proof.reason) == (Proof.UNDECIDED, "the point lies outside the box")
                continue
            truth = by_definition(problem, raw, pattern)
            if truth.failing:
                assert proof.verdict is Proof.REFUTED, pattern
                assert proof.coordinate in truth.failing
                named.add(proof.coordinate)
            else:
                assert proof.verdict is Proof.PROVED, pattern
                assert proof.cell_margin == float(truth.cell_margin)
                assert proof.slope_margin == float(truth.slope_margin)
                proved += 1
        if penalty.shape == "convex":
            # One minimiser, whichever cell an unpenalised coordinate was given to.
            copies = (2 * penalty.levels.size + 1) ** np.count_nonzero(omega == 0)
            assert proved == copies
        else:
            assert proved >= 1
        assert named == set(np.flatnonzero(omega).tolist())


# -- undecided --------------------------------------------------------------------------------------


def test_dependent_free_columns_are_undecided_until_purified():
    # Theory 3.5: X = [1, 1], y = 3, |·|: a segment of minimisers with both coordinates free.
    problem = Problem(LeastSquares([[1.0, 1.0]], [3.0]), LASSO)
    proof = exact_certificate(problem, [1.5, 0.5])
    assert (proof.verdict, proof.n_free, proof.margin) == (Proof.UNDECIDED, 2, None)
    assert "purify" in proof.reason
    purified = exact_certificate(problem, purify(problem, [1.5, 0.5]))
    assert (purified.verdict, purified.n_free) == (Proof.PROVED, 1)


def test_columns_that_only_centring_makes_dependent_are_undecided():
    X = np.array([[1.0, 4.0], [2.0, 5.0], [4.0, 7.0]])  # the second is the first plus 3
    y = np.array([1.0, 2.0, 5.0])
    penalty = LASSO.scaled(0.01)
    w = [0.5, 0.5]
    assert exact_certificate(Problem(LeastSquares(X, y), penalty), w).verdict is not Proof.UNDECIDED
    centred = Problem(LeastSquares(X, y, fit_intercept=True), penalty)
    assert exact_certificate(centred, w).verdict is Proof.UNDECIDED


@pytest.mark.parametrize(
    ("w", "max_free", "reason"),
    [
        ([np.nan, 0.0], 150, "not finite"),
        ([np.inf, 0.0], 150, "not finite"),
        ([1.5, 0.0], 150, "outside the box"),
        ([0.5, 0.5], 1, "2 free coordinates are more than max_free = 1"),
    ],
)
def test_what_cannot_be_checked_is_undecided_with_the_reason(w, max_free, reason):
    penalty = PAR([-1.0, 0.0, 1.0], [-np.inf, -0.1, 0.1, np.inf])
    problem = Problem(LeastSquares(np.eye(3)[:, :2], [1.0, 2.0, 3.0]), penalty)
    proof = exact_certificate(problem, w, max_free)
    assert proof.verdict is Proof.UNDECIDED
    assert reason in proof.reason


def test_a_point_of_the_wrong_shape_is_an_error():
    with pytest.raises(ValueError, match=r"w must have shape \(1,\), but has shape \(2,\)"):
        exact_certificate(one(1.0, 1.0, LASSO), [1.0, 2.0])


# -- at size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["ridge", "lasso", "rippled_mcp", "sawtooth"])
def test_twenty_samples_and_two_hundred_features_are_proved(shape):
    data = synthetic(20, 200, seed=1)
    penalty = getattr(designs, shape)(0.25, 8).scaled(0.2)
    problem = Problem(LeastSquares(data.X, data.y), penalty)
    result = solve(problem, tol=1e-11)
    proof = exact_certificate(problem, result.w)
    assert proof.verdict is Proof.PROVED
    assert proof.margin > 0
    assert proof.n_free == 200 - result.certificate.on_level <= 20


@pytest.mark.parametrize("intercept", [False, True])
def test_dense_and_sparse_designs_get_the_same_proof(intercept):
    rng = np.random.default_rng(8)
    X = rng.standard_normal((8, 12)) * (rng.random((8, 12)) < 0.4)
    y, s = rng.standard_normal(8), rng.uniform(0.5, 2.0, 8)
    penalty = designs.ridge(0.3, 4).scaled(0.1)
    dense = Problem(LeastSquares(X, y, s, intercept), penalty)
    w = purify(dense, solve(dense, tol=1e-11).w)
    proof = exact_certificate(dense, w)
    assert proof.verdict is Proof.PROVED
    for form in (sparse.csr_array, sparse.csc_matrix):
        assert exact_certificate(Problem(LeastSquares(form(X), y, s, intercept), penalty), w) == proof


@pytest.mark.parametrize("exponent", [-300, -40, 40, 300])
def test_scales_far_from_one_change_nothing(exponent):
    # f = x²(y/x − w)²/2 with x a power of two, and slopes that keep pace.
    x = 2.0**exponent if abs(exponent) < 100 else 2.0 ** (exponent // 3)
    penalty = PAR([0.0, 1.0], [-0.5 * x * x, 0.5 * x * x, x * x])
    assert exact_certificate(one(x, 3.0 * x, penalty), [1.5]).cell_margin == 1.0
    assert exact_certificate(one(x, 0.25 * x, penalty), [0.0]).slope_margin == 0.25 * x * x


def test_a_weight_of_samples_is_the_same_as_repeating_them():
    rng = np.random.default_rng(12)
    X, y = rng.standard_normal((3, 2)), rng.standard_normal(3)
    times = [1, 3, 2]
    penalty = VALLEY_AT_A_TENTH.scaled(0.2)
    weighted = Problem(LeastSquares(X, y, [float(t) for t in times], fit_intercept=True), penalty)
    repeated = LeastSquares(np.repeat(X, times, axis=0), np.repeat(y, times), fit_intercept=True)
    repeated = Problem(repeated, penalty)
    w = solve(weighted, tol=1e-11).w
    assert exact_certificate(weighted, w) == exact_certificate(repeated, w)
    assert exact_certificate(weighted, w).verdict is Proof.PROVED
