"""The exact compatibility constant: cases known by hand, another algorithm, and no direction below it."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import nnls

from parlin import reference, theory
from parlin.reference import compatibility_constant, restricted_eigenvalue_lower_bound


def gaussian(n: int, d: int, seed: int):
    return np.random.default_rng(seed).standard_normal((n, d))


def ratio(X, support, z) -> float:
    return len(support) * float(np.sum((X @ z) ** 2)) / X.shape[0] / float(np.abs(z[support]).sum()) ** 2


def least_norm_point(X, support, cone: float) -> float:
    """φ² by active sets: the point of least norm in the hull of ``σ_j X_j ± c_0 X_k``, for all signs."""
    off = [k for k in range(X.shape[1]) if k not in support]
    best = np.inf
    for signs in product((1.0, -1.0), repeat=len(support)):
        corners = [sign * X[:, j] for sign, j in zip(signs, support, strict=True)]
        if off:
            corners = [c + side * cone * X[:, k] for c in corners for k in off for side in (1.0, -1.0)]
        system = np.vstack([np.column_stack(corners), np.ones(len(corners))])
        weights, _ = nnls(system, np.eye(system.shape[0])[-1])
        point = system[:-1] @ (weights / weights.sum())
        best = min(best, len(support) * float(point @ point) / X.shape[0])
    return best


def check(X, support, cone: float) -> reference.Compatibility:
    """What is true of every answer."""
    found = compatibility_constant(X, support, cone)
    z, off = found.z, np.delete(found.z, support)
    assert z.shape == (X.shape[1],)
    assert np.abs(z[support]).sum() == pytest.approx(1.0, rel=1e-14)
    assert np.abs(off).sum() <= cone * (1 + 1e-14)
    assert found.value == pytest.approx(ratio(X, support, z), rel=1e-12)
    assert 0 <= found.lower_bound <= found.value
    assert restricted_eigenvalue_lower_bound(X, support, cone) <= found.value
    return found


@pytest.mark.parametrize("support", [[2], [0, 4], [5, 1, 3]])
@pytest.mark.parametrize("cone", [0.0, 1.0, 3.0])
def test_orthonormal_columns_have_the_constant_1(support, cone):
    Q, _ = np.linalg.qr(gaussian(9, 6, 0))
    found = check(3.0 * Q, support, cone)
    assert found.value == pytest.approx(1.0, rel=1e-9)
    assert found.lower_bound == pytest.approx(1.0, rel=1e-6)
    assert restricted_eigenvalue_lower_bound(3.0 * Q, support, cone) == pytest.approx(1.0, rel=1e-12)


def test_an_equal_column_inside_the_support_or_across_its_border_makes_it_0():
    for equal, support in ((1, [0, 1, 2]), (5, [0, 1, 2]), (2, [0, 1, 2])):
        X = gaussian(20, 8, 1)
        X[:, equal] = X[:, 0]
        found = check(X, support, 1.0)
        assert found.value <= 1e-12
        assert found.lower_bound <= 1e-12


def test_equal_columns_outside_the_support_leave_it_as_it_was():
    X = gaussian(20, 8, 2)
    X[:, 7] = X[:, 5]
    found, single = check(X, [0, 1, 2], 3.0), check(X[:, :7], [0, 1, 2], 3.0)
    assert found.value == pytest.approx(single.value, rel=1e-6)
    assert found.lower_bound >= 0.999999 * single.value > 0.01
    assert restricted_eigenvalue_lower_bound(X, [0, 1, 2], 3.0) == 0.0


@pytest.mark.parametrize(
    ("n", "d", "size", "cone"), [(20, 8, 2, 3.0), (12, 10, 3, 1.0), (8, 12, 2, 3.0), (9, 4, 4, 3.0)]
)
@pytest.mark.parametrize("seed", range(4))
def test_another_algorithm_agrees_and_no_direction_is_below(n, d, size, cone, seed):
    X, rng = gaussian(n, d, seed), np.random.default_rng((seed, 1))
    support = rng.permutation(d)[:size]
    found = check(X, support, cone)
    scale = float(np.sum(X**2, axis=0).max()) / n
    assert found.value == pytest.approx(least_norm_point(X, list(support), cone), rel=1e-6, abs=1e-10 * scale)
    assert found.value - found.lower_bound <= 1e-5 * found.value + 1e-10 * scale
    off = np.setdiff1d(np.arange(d), support)
    for _ in range(300):
        z = rng.standard_normal(d)
        if off.size:
            z[off] *= cone * rng.random() * np.abs(z[support]).sum() / np.abs(z[off]).sum()
        assert ratio(X, support, z) >= found.lower_bound
        assert ratio(X, support, z) >= found.value * (1 - 1e-6)
        size_of_z = float(z @ z)
        eigenvalue = float(np.sum((X @ z) ** 2)) / n / size_of_z
        assert eigenvalue >= restricted_eigenvalue_lower_bound(X, support, cone)
        # ‖z‖ is at most √(1 + c_0²) ‖z_S‖_1, so a positive constant gives a positive restricted eigenvalue.
        assert eigenvalue >= found.lower_bound / (size * (1 + cone**2))


def test_random_directions_stay_far_above_it():
    X, support, rng = gaussian(12, 14, 3), np.arange(3), np.random.default_rng(4)
    found = check(X, support, 3.0)
    z = rng.standard_normal((5000, 14))
    z[:, 3:] *= (3.0 * np.abs(z[:, :3]).sum(1) / np.abs(z[:, 3:]).sum(1) * rng.random(5000))[:, None]
    sampled = min(ratio(X, support, direction) for direction in z)
    assert sampled > 1.2 * found.value


@pytest.mark.parametrize(
    ("correlation", "cone", "expected"),
    [(0.6, 3.0, 0.64), (-0.6, 3.0, 0.64), (0.8, 0.5, 0.45), (0.8, 0.0, 1.0), (1.0, 0.25, 0.5625)],
)
def test_one_column_and_another(correlation, cone, expected):
    # 1 − r² where −r is allowed, otherwise 1 − 2 c_0 |r| + c_0².
    X = np.sqrt(2) * np.array([[1.0, correlation], [0.0, np.sqrt(1 - correlation**2)]])
    found = check(X, [0], cone)
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.lower_bound == pytest.approx(expected, rel=1e-6)


def test_without_columns_outside_two_correlated_ones_have_the_smallest_eigenvalue():
    # At z = (1, -1)/2: 2 · z'Hz = 1 − r.
    X = np.sqrt(2) * np.array([[1.0, 0.6], [0.0, 0.8]])
    assert check(X, [0, 1], 3.0).value == pytest.approx(0.4, rel=1e-9)


def test_it_scales_with_the_design_and_ignores_the_order():
    X = gaussian(15, 7, 5)
    found = check(X, [0, 3], 3.0)
    for scale in (1e-6, 1e5):
        scaled = check(scale * X, [3, 0], 3.0)
        assert scaled.value == pytest.approx(scale**2 * found.value, rel=1e-7)
        assert scaled.lower_bound == pytest.approx(scale**2 * found.lower_bound, rel=1e-5)
    assert compatibility_constant(np.zeros((3, 4)), [0], 3.0).value == 0.0
    values = [check(X, [0, 3], cone).value for cone in (0.0, 0.5, theory.lasso_cone(1.0, 0.0))]
    assert values[0] > values[1] > values[2] >= found.value * (1 - 1e-9)


def test_a_large_support_is_refused():
    X = gaussian(30, 12, 6)
    with pytest.raises(ValueError, match=r"11 members, but max_size is 10 .* sampling over-estimates"):
        compatibility_constant(X, np.arange(11), 3.0)
    with pytest.raises(ValueError, match="3 members, but max_size is 2"):
        compatibility_constant(X, [0, 1, 2], 3.0, max_size=2)


@pytest.mark.parametrize("function", [compatibility_constant, restricted_eigenvalue_lower_bound])
@pytest.mark.parametrize(
    ("X", "support", "cone", "complaint"),
    [
        (np.ones(3), [0], 3.0, r"X must be an \(n, d\) array"),
        (np.ones((0, 3)), [0], 3.0, r"shape \(0, 3\)"),
        ([[1.0, np.nan]], [0], 3.0, "X must be finite, but holds nan"),
        (np.eye(3), [], 3.0, "at least one column number"),
        (np.eye(3), [0.0], 3.0, "at least one column number"),
        (np.eye(3), [True, False, False], 3.0, "but is a mask; take np.flatnonzero"),
        (np.eye(3), 1, 3.0, "at least one column number"),
        (np.eye(3), [0, 3], 3.0, r"support must lie in 0..2, but is \[0, 3\]"),
        (np.eye(3), [-1], 3.0, r"support must lie in 0..2"),
        (np.eye(3), [1, 1], 3.0, r"each column once, but is \[1, 1\]"),
        (np.eye(3), [0], -1.0, "cone must be finite and >= 0"),
        (np.eye(3), [0], np.inf, "cone must be finite"),
    ],
)
def test_wrong_arguments_are_errors(function, X, support, cone, complaint):
    with pytest.raises(ValueError, match=complaint):
        function(X, support, cone)


@pytest.mark.parametrize("function", [compatibility_constant, restricted_eigenvalue_lower_bound])
def test_a_sparse_design_is_refused_with_the_remedy(function):
    with pytest.raises(TypeError, match=r"is sparse; X.toarray\(\) makes one"):
        function(sparse.csr_array(np.eye(3)), [0], 3.0)


def test_a_status_that_is_no_optimum_is_an_error(monkeypatch):
    import cvxpy as cp

    monkeypatch.setattr(cp.Problem, "status", property(lambda self: "infeasible"))
    with pytest.raises(RuntimeError, match="Clarabel ended with status 'infeasible' for the signs"):
        compatibility_constant(np.eye(3), [0], 3.0)


def test_the_cheap_bound_allows_for_rounding():
    # Columns of disjoint support: the bound is the least squared length, which rounding must not exceed.
    rng = np.random.default_rng(5)
    for _ in range(200):
        X = np.zeros((6, 2))
        X[:3, 0], X[3:, 1] = rng.standard_normal(3), rng.standard_normal(3)
        exact = min(sum(Fraction(x) ** 2 for x in column) for column in X.T) / 6
        assert Fraction(restricted_eigenvalue_lower_bound(X, [0], 3.0)) <= exact
