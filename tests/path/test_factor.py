"""The factor of the free columns against numpy's own solution of the same system."""

import numpy as np
import pytest
from scipy import sparse

import parlin
from parlin import DesignMatrix
from parlin.factor import DEPENDENT, DOUBTFUL, FactoredColumns


@pytest.mark.parametrize("stored", ["dense", "sparse", "centred", "weighted"])
def test_solves_with_the_gram_matrix_after_any_sequence_of_changes(stored):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((12, 30))
    weights = rng.uniform(0.5, 2.0, 12) if stored == "weighted" else np.ones(12)
    design = DesignMatrix(
        sparse.csr_array(X) if stored == "sparse" else X,
        weights if stored == "weighted" else None,
        centre=stored == "centred",
    )
    A = np.sqrt(weights / weights.sum())[:, None] * (X - X.mean(axis=0) if stored == "centred" else X)
    columns, chosen = FactoredColumns(design), []
    for _ in range(200):
        if chosen and (rng.random() < 0.45 or len(chosen) == 10):
            k = int(rng.integers(len(chosen)))
            columns.delete(k)
            del chosen[k]
        else:
            j = int(rng.choice(np.setdiff1d(np.arange(30), chosen)))
            assert columns.append(j)
            chosen.append(j)
        assert columns.index.tolist() == chosen
        b = rng.standard_normal(len(chosen))
        gram = A[:, chosen].T @ A[:, chosen]
        np.testing.assert_allclose(columns.solve(b), np.linalg.solve(gram, b), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(columns.combine(b), A[:, chosen] @ b, atol=1e-12)


def test_finds_dependence_among_many_correlated_columns():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((80, 61))
    for j in range(1, 60):
        X[:, j] = 0.99 * X[:, j - 1] + 0.01 * X[:, j]
    X[:, 60] = X[:, :60] @ rng.standard_normal(60)
    columns = FactoredColumns(DesignMatrix(X))
    assert all(columns.append(j) for j in range(60))
    assert not columns.append(60)


def test_refuses_dependent_columns_and_keeps_what_it_has():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 5))
    X[:, 2] = 2.0 * X[:, 0] - 1e3 * X[:, 1]
    X[:, 3] = 0.0
    X[:, 4] = X[:, 0] + 1e-4 * X[:, 4]  # nearly dependent, but not within rounding
    columns = FactoredColumns(DesignMatrix(X))
    assert not columns.append(3)
    assert columns.append(0)
    assert columns.append(1)
    assert not columns.append(2)
    assert not columns.append(0)
    assert columns.append(4)
    assert columns.index.tolist() == [0, 1, 4]
    b = np.array([1.0, -2.0, 0.5])
    gram = X[:, [0, 1, 4]].T @ X[:, [0, 1, 4]] / 6
    np.testing.assert_allclose(gram @ columns.solve(b), b, atol=1e-6)


@pytest.mark.skipif(not parlin.compiled, reason="needs the compiled kernels")
def test_the_kernel_calls_the_same_columns_dependent():
    from parlin._kernels.descent import descent

    assert (descent.dependent, descent.doubtful) == (DEPENDENT, DOUBTFUL)
