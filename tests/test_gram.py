"""Gram matrices, centred norms and singular values of designs, however they are stored."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin import DesignMatrix, matrix
from tests.stored_designs import STORED, D, close, data, explicit


@pytest.mark.parametrize("stored", ["C", "csr array", "csc matrix"])
@pytest.mark.parametrize("weights", [None, np.array([0.5, 2.0, 1.0, 4.0])], ids=["equal", "weighted"])
@pytest.mark.parametrize("centre", [False, True])
def test_a_wide_matrix_has_the_gram_of_its_rows(stored, weights, centre):
    X = data(3, n=4, d=11)
    A, s = explicit(X, weights, centre)
    design = DesignMatrix(STORED[stored](X), weights, centre=centre)
    root = np.sqrt(s)[:, None]
    np.testing.assert_allclose(design.gram(), (root * A) @ (root * A).T, **close)
    largest = np.linalg.svd(root * A, compute_uv=False)[0]
    assert design.largest_singular_value == pytest.approx(largest, rel=1e-12)


@pytest.mark.parametrize("shape", [(9, 5), (4, 11)])
@pytest.mark.parametrize("centre", [False, True])
def test_the_gram_of_a_large_sparse_matrix_is_the_same_without_making_it_dense(shape, centre, monkeypatch):
    X, weights = data(11, *shape), np.random.default_rng(12).uniform(0.2, 3.0, shape[0])
    A, s = explicit(X, weights, centre)
    A = np.sqrt(s)[:, None] * A
    monkeypatch.setattr(matrix, "_DENSE_GRAM", 0)
    for stored in ("csr array", "csc matrix"):
        gram = DesignMatrix(STORED[stored](X), weights, centre=centre).gram()
        np.testing.assert_allclose(gram, A.T @ A if shape[1] <= shape[0] else A @ A.T, **close)


# -- constant columns and large means ---------------------------------------------------------------


@pytest.mark.parametrize("stored", ["C", "F", "csr array", "csc matrix", "explicit zeros"])
@pytest.mark.parametrize("n", [1, 2, 7, 10, 49])
@pytest.mark.parametrize("weighted", [False, True])
def test_constant_columns_are_centred_to_exactly_zero(stored, n, weighted):
    X = data(6, n=n)
    X[:, 1], X[:, 2] = 0.1, -1e6 / 3
    weights = np.random.default_rng(7).uniform(0.1, 1.0, n) if weighted else None
    design = DesignMatrix(STORED[stored](X), weights, centre=True)
    constant = np.array([1, 2, 3])
    assert design.means[constant].tolist() == [0.1, -1e6 / 3, 0.0]
    assert np.all(design.columns(constant) == 0.0)
    assert design.column_norms[constant].tolist() == [0.0, 0.0, 0.0]
    for j in constant:  # alone, so that no other column's rounding is in the sum
        assert np.all(design.matvec(np.eye(D)[j]) == 0.0)


@pytest.mark.parametrize("stored", ["C", "csr array", "csc matrix"])
@pytest.mark.parametrize("n", [3, 10, 49])
def test_the_gram_of_constant_columns_vanishes(stored, n):
    X = data(8, n=n)[:, :3]
    X[:, 1], X[:, 2] = 0.1, -1e3 / 3
    gram = DesignMatrix(STORED[stored](X), centre=True).gram()
    assert gram.shape == (3, 3) and gram[0, 0] > 0
    assert np.all(gram[1:] == 0.0) and np.all(gram[:, 1:] == 0.0)


@pytest.mark.parametrize("stored", ["C", "F", "csr array", "csc matrix"])
@pytest.mark.parametrize("offset", [1e2, 1e4, 1e6])
def test_a_large_mean_does_not_spoil_centred_norms_and_singular_values(stored, offset):
    # Columns of spread 1 around the offset.  What is stored is rounded at offset · 1e-16, so the centred
    # columns are known to about that much; their squares must not lose offset² · 1e-16.
    X = np.random.default_rng(9).standard_normal((30, 3)) + offset
    A, s = explicit(X.astype(np.longdouble), None, True)
    root = np.sqrt(s)[:, None]
    exact = (root * A).astype(np.float64)
    design = DesignMatrix(STORED[stored](X), centre=True)
    tolerance = 1e-14 * offset
    np.testing.assert_allclose(design.column_norms, np.linalg.norm(exact, axis=0), rtol=tolerance)
    largest = np.linalg.svd(exact, compute_uv=False)[0]
    assert design.largest_singular_value == pytest.approx(largest, rel=tolerance)


# -- spectrum ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("shape", [(620, 700), (700, 620)])
def test_the_singular_value_of_a_large_matrix_is_bounded_from_above_and_close(centre, shape):
    rng = np.random.default_rng(10)
    X = sparse.random_array(shape, density=0.02, rng=rng, format="csr")
    weights = rng.uniform(0.5, 2.0, shape[0])
    A, s = explicit(X.toarray(), weights, centre)
    largest = np.linalg.norm(np.sqrt(s)[:, None] * A, 2)
    value = DesignMatrix(X, weights, centre=centre).largest_singular_value
    assert largest * (1 - 1e-14) <= value <= largest * (1 + 1e-6)


def test_matrices_of_one_entry_and_of_zeros_have_their_singular_value():
    assert DesignMatrix([[-3.0]]).largest_singular_value == 3.0
    assert DesignMatrix([[-3.0]], centre=True).largest_singular_value == 0.0
    assert DesignMatrix(np.zeros((4, 2))).largest_singular_value == 0.0
    assert DesignMatrix(sparse.csr_array((4, 2))).largest_singular_value == 0.0
