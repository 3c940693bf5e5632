"""Columns far from zero are shifted before anything is computed, dense and sparse alike."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from parlin import LeastSquares, Problem, designs, solve
from parlin.matrix import DesignMatrix
from tests.stored_designs import STORED, WEIGHTS, D, N, data

OFFSETS = np.array([0.0, 0.0, 2.0**30, 0.0, -(2.0**40)])
GIVEN = ("C", "F", "csr array", "csc array", "lil matrix", "entries in two parts", "unsorted indices")


def grained(seed: int = 0) -> np.ndarray:
    """Entries that are multiples of 2⁻¹⁰, so that the sums with the offsets are exact."""
    return np.round(data(seed) * 1024) / 1024


def dense(X) -> np.ndarray:
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def exact_centred(X: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The entries less their weighted mean in rational numbers, rounded once."""
    s = [Fraction(1)] * len(X) if weights is None else [Fraction(w) for w in weights.tolist()]
    centred = np.empty(X.shape)
    for j, column in enumerate(X.T.tolist()):
        mean = sum(w * Fraction(x) for w, x in zip(s, column, strict=True)) / sum(s)
        centred[:, j] = [float(Fraction(x) - mean) for x in column]
    return centred


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("weights", WEIGHTS, ids=["equal", "weighted"])
def test_what_is_computed_with_and_its_offsets_are_the_entries_as_given(weights, stored):
    X = grained() + OFFSETS
    design = DesignMatrix(STORED[stored](X), weights, centre=True)
    assert np.array_equal(dense(design.given), X)
    far = OFFSETS != 0.0
    assert np.array_equal(design.offsets[~far], np.zeros(np.count_nonzero(~far)))
    assert np.array_equal(dense(design.X)[:, ~far], X[:, ~far])
    # A shift by half the offset or less to either side is exact.
    left = [[Fraction(x) - Fraction(o) for x, o in zip(row, design.offsets, strict=True)] for row in X]
    assert np.array_equal(dense(design.X), np.array(left, dtype=np.float64))
    assert np.all(np.abs(design.centres) <= 32.0 * design.column_norms + (design.column_norms == 0) * 3.0)
    np.testing.assert_allclose(design.means, design.weights @ X, rtol=1e-14)


@pytest.mark.parametrize("stored", GIVEN)
@pytest.mark.parametrize("weights", WEIGHTS, ids=["equal", "weighted"])
def test_maps_of_columns_far_from_zero_lose_no_more_than_those_of_columns_near_it(weights, stored):
    X = grained(1) + OFFSETS
    design = DesignMatrix(STORED[stored](X), weights, centre=True)
    A = exact_centred(X, weights)
    rng = np.random.default_rng(3)
    w, u = rng.standard_normal(D), rng.standard_normal(N)
    np.testing.assert_allclose(design.matvec(w), A @ w, rtol=0, atol=1e-13)
    np.testing.assert_allclose(design.residual(u, w), u - A @ w, rtol=0, atol=1e-13)
    np.testing.assert_allclose(design.rmatvec(u), A.T @ (design.weights * u), rtol=0, atol=1e-13)
    np.testing.assert_allclose(design.column_norms, np.sqrt(design.weights @ A**2), rtol=1e-13)
    scaled = np.sqrt(design.weights)[:, None] * A
    np.testing.assert_allclose(design.columns(slice(None)), scaled, rtol=0, atol=1e-13)
    np.testing.assert_allclose(design.gram(), scaled.T @ scaled, rtol=0, atol=1e-13)


@pytest.mark.parametrize("stored", STORED)
def test_columns_near_zero_and_designs_without_centring_stay_as_they_are(stored):
    X = grained()
    near = DesignMatrix(STORED[stored](X + 8.0 * (X != 0)), centre=True)
    assert near.offsets is None and np.array_equal(near.means, near.centres)
    raw = DesignMatrix(STORED[stored](X + OFFSETS))
    assert raw.offsets is None and not raw.centres.any() and not raw.means.any()
    assert np.array_equal(dense(raw.X), X + OFFSETS)


def test_given_data_far_from_zero_are_neither_written_to_nor_changed_afterwards():
    X = grained() + OFFSETS
    for stored in ("C", "F", "csr array", "csc array"):
        given = STORED[stored](X)
        design = DesignMatrix(given, centre=True)
        before = design.matvec(np.ones(D))
        assert np.array_equal(dense(given), X)
        assert np.array_equal(design.matvec(np.ones(D)), before)


@pytest.mark.parametrize("stored", ["C", "F", "csr array", "csc array"])
def test_a_constant_column_far_from_zero_is_exactly_zero(stored):
    X = np.column_stack((grained()[:, :2], np.full(N, 1.1e15), np.full(N, -0.1)))
    design = DesignMatrix(STORED[stored](X), centre=True)
    assert design.column_norms[2:].tolist() == [0.0, 0.0]
    assert design.means[2:].tolist() == [1.1e15, -0.1]
    assert design.rmatvec(np.arange(N) + 0.3)[2] == 0.0


@pytest.mark.parametrize("stored", ["C", "F", "csr array", "csc array"])
@pytest.mark.parametrize("weights", [None, np.array([1.0, 1, 2, 4, 1, 1, 4, 2])], ids=["equal", "weighted"])
def test_offsets_that_are_exact_change_no_bit(weights, stored):
    # Whole numbers, and weights that add up to a power of two: the mean and all differences are exact.
    rng = np.random.default_rng(7)
    X, y = rng.integers(-9, 10, (8, 5)).astype(float), rng.integers(-9, 10, 8).astype(float)
    far, penalty = np.array([1.0, 0, 1, 1, 0]), designs.ridge(0.5, 3).scaled(0.1)
    found = []
    for offset in (2.0**20, 3e8, -(2.0**40), 7e12):
        loss = LeastSquares(STORED[stored](X + offset * far), y + offset, weights, fit_intercept=True)
        found.append((loss.target, dense(loss.design.X), loss.gradient(np.ones(5)), loss.design.column_norms))
        found[-1] += (solve(Problem(loss, penalty), tol=1e-12).w,)
    for others in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], others, strict=True))
    near = LeastSquares(X, y, weights, fit_intercept=True)
    np.testing.assert_allclose(found[0][-1], solve(Problem(near, penalty), tol=1e-12).w, rtol=0, atol=1e-10)


@pytest.mark.parametrize("offset", [2.0**20, 2.0**40, -(2.0**45)])
def test_targets_far_from_zero_give_the_model_of_those_near_it(offset):
    X, w = grained(2), np.linspace(-1.0, 1.0, D)
    y = np.round(1024 * (X @ w + np.cos(np.arange(N)))) / 128  # exact beside the offset
    near, far = (LeastSquares(X, y + o, WEIGHTS[1], fit_intercept=True) for o in (0.0, offset))
    np.testing.assert_allclose(far.target, near.target, rtol=0, atol=1e-13)
    np.testing.assert_allclose(far.rounding_floor(w), near.rounding_floor(w), rtol=0.5)
    penalty = designs.lasso(0.25, 6).scaled(0.01)
    a, b = (solve(Problem(loss, penalty), tol=1e-10) for loss in (near, far))
    assert a.status.is_success and b.status.is_success
    np.testing.assert_allclose(b.w, a.w, rtol=0, atol=1e-8)
    ulp = float(np.spacing(abs(offset)))
    assert far.intercept(b.w) - offset == pytest.approx(near.intercept(a.w), abs=2.0 * ulp)


def test_constant_targets_far_from_zero_are_exactly_zero():
    loss = LeastSquares(grained(), np.full(N, 1.1e17), WEIGHTS[1], fit_intercept=True)
    assert not loss.target.any() and loss.value_at_zero == 0.0 and loss.intercept(np.zeros(D)) == 1.1e17


def test_the_rank_is_one_less_with_centring():
    X = np.random.default_rng(0).standard_normal((4, 9))
    assert [DesignMatrix(X, centre=centre).most_rank for centre in (False, True)] == [4, 3]
    assert [DesignMatrix(X.T, centre=centre).most_rank for centre in (False, True)] == [4, 4]


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("centre", [False, True])
def test_sizes_of_rows_and_columns_are_sums_of_absolute_values(centre, stored):
    X = data(4)
    design = DesignMatrix(STORED[stored](X), WEIGHTS[1], centre=centre)
    rng = np.random.default_rng(5)
    w, u = rng.standard_normal(D), rng.uniform(0.0, 2.0, N)
    sizes = np.abs(X) + np.abs(design.centres)
    np.testing.assert_allclose(design.row_sizes(w), sizes @ np.abs(w), rtol=1e-13)
    np.testing.assert_allclose(design.column_sizes(u), sizes.T @ (design.weights * u), rtol=1e-13)
