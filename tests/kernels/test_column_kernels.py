"""Passes over columns, compiled and in NumPy: one result to rounding, whatever the size and the storage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import parlin
from parlin._kernels import all_finite, columns, columns_numpy, extremes
from tests.stored_designs import D, N, data

close = {"rtol": 1e-13, "atol": 1e-13}
needs_kernels = pytest.mark.skipif(not parlin.compiled, reason="needs the compiled kernels")
BOTH = (columns, columns_numpy)


STORED = {
    "Fortran": np.asfortranarray,
    "C": np.ascontiguousarray,
    "csc": sparse.csc_array,
    "csr": sparse.csr_matrix,
}


@needs_kernels
@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("centre", [True, False])
def test_the_kernel_and_its_numpy_equivalent_agree(stored, uniform, centre, quick, monkeypatch):
    monkeypatch.setattr(columns, "QUICK", 1 << 18 if quick else 0)
    X, rng = STORED[stored](data()), np.random.default_rng(1)
    s = np.full(N, 1 / N) if uniform else rng.dirichlet(np.ones(N))
    u, w, target = rng.standard_normal(N), rng.standard_normal(D), rng.standard_normal(N)
    chosen = np.array([4, 0, 1])
    found = []
    for kernel in BOTH:
        one = kernel.columns_of(X)
        means, raw, norms, products = one.statistics(s, uniform, centre, u)
        assert (norms is raw) != centre
        found.append([
            means, raw, norms, products, one.means(s), one.norms(s, uniform, means), one.product(w),
            one.residual(target, w, means if centre else None), one.adjoint(u), one.half_square(s, u),
            one.panel(chosen, means, np.sqrt(s), centre), one.panel(slice(1, 4), means, np.sqrt(s), centre),
        ])  # fmt: skip
    for compiled, pure in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, pure, **close)


def test_columns_of_equal_entries_have_that_mean_and_norm_zero_float_for_float():
    X = data()
    X[:, 0] = 0.1
    s, u = np.random.default_rng(2).dirichlet(np.ones(N)), np.ones(N)
    for kernel in BOTH:
        for store in STORED.values():
            means, _, norms, _ = kernel.columns_of(store(X)).statistics(s, False, True, u)
            assert means[[0, 1, 3]].tolist() == [0.1, 2.7, 0.0]
            assert norms[[0, 1, 3]].tolist() == [0.0, 0.0, 0.0]


def test_a_sparse_gram_matrix_is_that_of_the_centred_columns():
    rng = np.random.default_rng(3)
    for n, d in ((9, 5), (5, 9)):
        X = rng.standard_normal((n, d)) * (rng.random((n, d)) < 0.6)
        s = rng.dirichlet(np.ones(n))
        for means in (None, s @ X):
            A = np.sqrt(s)[:, None] * (X if means is None else X - means)
            expected = A.T @ A if d <= n else A @ A.T
            found = columns.columns_of(sparse.csr_array(X)).gram(np.sqrt(s), means)
            np.testing.assert_allclose(found, expected, **close)


@pytest.mark.parametrize("v", [[2.0], [1.0, -3.0, 2.0], [np.inf, 0.0], [-np.inf, np.inf]])
def test_extremes_of_a_vector(v):
    v = np.array(v)
    for kernel in BOTH:
        assert kernel.extremes(v) == (v.min(), v.max())
        assert kernel.all_finite(v) == np.isfinite(v).all()
        assert np.isnan(kernel.extremes(np.append(v, np.nan))).all()
        assert not kernel.all_finite(np.append(v, np.nan))
        with pytest.raises(ValueError):
            kernel.extremes(np.empty(0))
    assert (all_finite, extremes) == (columns.all_finite, columns.extremes)


@needs_kernels
def test_the_compiled_loops_refuse_what_does_not_fit():
    X, wrong, u, s = np.asfortranarray(data()), np.ones(N + 1), np.ones(N), np.full(N, 1 / N)
    dense, chosen = columns.DenseColumns(X), np.array([0, 1])
    with pytest.raises(ValueError, match="an entry for each row"):
        dense.statistics(s, True, False, wrong)
    with pytest.raises(ValueError, match="an entry for each chosen column"):
        dense.combination(chosen, np.ones(3))
    with pytest.raises(ValueError, match="one for each row"):
        dense.panel(chosen, np.zeros(D), wrong, False)
    with pytest.raises(ValueError, match="an entry for each row of X, and w one for each column"):
        dense.residual(wrong, np.ones(D), None)
    with pytest.raises(ValueError, match="an entry for each row of X, and w one for each column"):
        dense.residual(u, np.ones(D + 1), None)
    with pytest.raises(ValueError, match="an entry for each row"):
        dense.adjoint(wrong)
    with pytest.raises(ValueError, match="an entry for each weight"):
        dense.half_square(u, wrong)
    for outside in (np.array([0, D]), np.array([0, -1])):
        with pytest.raises(IndexError, match=f"X has {D} columns, and none with the number"):
            dense.combination(outside, np.ones(2))
    thin = columns.SparseColumns(sparse.csc_array(X))
    with pytest.raises(ValueError, match="an entry for each column"):
        thin.product(np.ones(D + 1))
    with pytest.raises(ValueError, match="an entry for each row"):
        thin.statistics(s, True, False, wrong)


@needs_kernels
@pytest.mark.parametrize(("index", "column"), [(N, 3), (-1, 0), (2**31 - 1, D - 1)])
def test_entries_outside_the_rows_are_refused_every_time(index, column):
    X = sparse.csc_array(data())
    X.indices[X.indptr[column]] = index
    thin = columns.SparseColumns(X)
    for _ in range(2):
        with pytest.raises(IndexError, match="outside its rows"):
            thin.adjoint(np.ones(N))
