"""The design matrix: one linear map, whichever way it is stored, weighted and centred."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

import parlin
from parlin import DesignMatrix, LeastSquares, Problem, designs, solve
from parlin._kernels import columns, columns_numpy
from parlin.solvers import CoordinateDescent
from tests.stored_designs import SPARSE, STORED, WEIGHTS, D, N, close, data, explicit


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("weights", WEIGHTS, ids=["equal", "weighted"])
@pytest.mark.parametrize("centre", [False, True])
def test_every_map_is_the_explicit_matrix_however_it_is_stored(stored, weights, centre):
    X = data()
    A, s = explicit(X, weights, centre)
    design = DesignMatrix(STORED[stored](X), weights, centre=centre)
    rng = np.random.default_rng(2)
    w, u = rng.standard_normal(D), rng.standard_normal(N)
    root = np.sqrt(s)[:, None]

    assert design.shape == (N, D) and design.centre is centre
    assert design.is_sparse == (stored in SPARSE)
    np.testing.assert_allclose(design.weights, s, **close)
    np.testing.assert_allclose(design.matvec(w), A @ w, **close)
    np.testing.assert_allclose(design.rmatvec(u), A.T @ (s * u), **close)
    np.testing.assert_allclose(design.columns(np.array([4, 0, 1])), (root * A)[:, [4, 0, 1]], **close)
    np.testing.assert_allclose(design.columns(slice(None)), root * A, **close)
    np.testing.assert_allclose(design.embed(u), root.ravel() * u, **close)
    np.testing.assert_allclose(design.raw_norms, np.sqrt(s @ X**2), **close)
    np.testing.assert_allclose(design.column_norms, np.sqrt(s @ A**2), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(design.gram(), (root * A).T @ (root * A), **close)
    largest = np.linalg.svd(root * A, compute_uv=False)[0]
    assert design.largest_singular_value == pytest.approx(largest, rel=1e-12)


needs_kernels = pytest.mark.skipif(not parlin.compiled, reason="needs the compiled kernels")


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("weights", WEIGHTS, ids=["equal", "weighted"])
@pytest.mark.parametrize("centre", [False, True])
def test_one_pass_gives_the_adjoint_the_means_and_the_norms(centre, weights, stored, constant):
    X = data() + 3.0
    X[::3, 1], X[:, 0] = 0.0, 0.0
    if constant:
        X[:, 2] = 0.1
    u = np.random.default_rng(2).standard_normal(N)
    A, s = explicit(X, weights, centre)
    design = DesignMatrix(STORED[stored](X), weights, centre=centre)
    np.testing.assert_allclose(design.column_statistics(u), A.T @ (s * u), **close)
    facts = {name: getattr(design, name) for name in ("means", "raw_norms", "column_norms")}
    np.testing.assert_allclose(facts["means"], (s @ X) * centre, **close)
    np.testing.assert_allclose(facts["raw_norms"], np.sqrt(s @ X**2), **close)
    np.testing.assert_allclose(facts["column_norms"], np.sqrt(s @ A**2), rtol=1e-12, atol=1e-12)
    if constant and centre:
        assert facts["means"][2] == 0.1 and facts["column_norms"][2] == 0.0


@pytest.mark.parametrize("n", [1, 3, 4, 7, 8, 12, 15, 16, 20, 27, 28, 31, 45])
def test_one_pass_adds_up_columns_of_any_length(n):
    X, u = np.asfortranarray(np.random.default_rng(n).standard_normal((n, 3))), np.arange(1.0, n + 1)
    design = DesignMatrix(X)
    products = design.column_statistics(u)
    np.testing.assert_array_equal(products, design.rmatvec(u))
    np.testing.assert_allclose(products, X.T @ u / n, **close)
    np.testing.assert_allclose(design.raw_norms, np.linalg.norm(X, axis=0) / np.sqrt(n), rtol=1e-14)


@pytest.mark.parametrize("weights", [None, np.linspace(1.0, 2.0, 100_000)], ids=["equal", "weighted"])
def test_the_norm_of_a_column_that_is_constant_but_for_one_zero(weights):
    x = np.ones((100_000, 1))
    x[5] = 0.0
    weight = 1e-5 if weights is None else weights[5] / weights.sum()
    for stored in (np.asfortranarray, sparse.csc_array):
        design = DesignMatrix(stored(x), weights, centre=True)
        assert design.column_norms[0] ** 2 == pytest.approx(weight * (1 - weight), rel=1e-10)
        design.column_statistics(np.ones(100_000))
        assert design.column_norms[0] ** 2 == pytest.approx(weight * (1 - weight), rel=1e-10)


def test_sparse_entries_that_are_not_next_to_each_other_in_memory():
    X = sparse.csc_array(data())
    X.data = np.repeat(X.data, 2)[::2]
    w = np.arange(1.0, D + 1)
    np.testing.assert_allclose(LeastSquares(X, np.ones(N)).residual(w), 1 - data() @ w, **close)


@needs_kernels
@pytest.mark.parametrize(("index", "column"), [(N, 3), (-1, 0), (2**31 - 1, D - 1)])
def test_entries_outside_the_rows_are_refused(index, column):
    X = sparse.csc_array(data())
    X.indices[X.indptr[column]] = index
    X.has_canonical_format = True
    with pytest.raises(IndexError, match="outside its rows"):
        LeastSquares(X, np.ones(N))
    with pytest.raises(IndexError, match="outside its rows"):
        DesignMatrix(X).rmatvec(np.ones(N))


@needs_kernels
def test_more_entries_than_32_bits_count_are_left_to_loops_that_can(monkeypatch):
    X, u = sparse.csr_array(data()), np.ones(N)
    expected = DesignMatrix(X).rmatvec(u)
    monkeypatch.setattr(columns_numpy, "MOST", X.nnz)
    assert DesignMatrix(X).is_countable and type(columns.columns_of(X)) is not columns_numpy.SparseColumns
    monkeypatch.setattr(columns_numpy, "MOST", X.nnz - 1)
    assert type(columns.columns_of(X)) is columns_numpy.SparseColumns
    design = DesignMatrix(X)
    np.testing.assert_allclose(design.column_statistics(u), expected, **close)
    np.testing.assert_allclose(design.rmatvec(u), expected, **close)
    problem = Problem(LeastSquares(design, u), designs.ridge(0.1, 3))
    assert "32 bits" in CoordinateDescent().unsupported(problem)
    assert solve(problem).status.is_success


def test_what_is_known_of_the_columns_stays_when_it_is_found_again():
    X = data() + 3.0
    for stored in STORED.values():
        for centre in (False, True):
            design = DesignMatrix(stored(X), centre=centre)
            known = design.means, design.raw_norms, design.column_norms
            design.column_statistics(np.ones(N))
            again = design.means, design.raw_norms, design.column_norms
            assert all(a is b for a, b in zip(known, again, strict=True))
            assert (design.column_norms is design.raw_norms) != centre


@pytest.mark.parametrize("stored", STORED)
def test_threads_that_share_a_design_find_the_same_bits(stored):
    X = np.tile(data() + 3.0, (20, 30))
    u = np.random.default_rng(6).standard_normal(X.shape[0])
    names = ("means", "raw_norms", "column_norms", "root_weights", "largest_singular_value")

    def facts(design):
        return [design.rmatvec(u), *(getattr(design, name) for name in names), design.matvec(X[0])]

    expected = facts(DesignMatrix(STORED[stored](X), centre=True))
    for _ in range(5):
        design = DesignMatrix(STORED[stored](X), centre=True)
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(facts, [design] * 8))
        assert all(np.array_equal(a, b) for one in found for a, b in zip(one, expected, strict=True))


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("weights", WEIGHTS, ids=["equal", "weighted"])
@pytest.mark.parametrize("centre", [False, True])
def test_residuals_and_adjoints_are_those_of_the_explicit_matrix(centre, weights, stored, quick, monkeypatch):
    monkeypatch.setattr(columns, "QUICK", 1 << 18 if quick else 0, raising=False)
    design = DesignMatrix(STORED[stored](data()), weights, centre=centre)
    A, s = explicit(data(), weights, centre)
    rng = np.random.default_rng(5)
    target, w, u = rng.standard_normal(N), rng.standard_normal(D), rng.standard_normal(N)
    w[::2] = 0.0
    np.testing.assert_allclose(design.residual(target, w), target - A @ w, **close)
    assert design.half_square(u) == pytest.approx(0.5 * s @ u**2, rel=1e-14)
    np.testing.assert_allclose(design.rmatvec(u), A.T @ (s * u), **close)


@pytest.mark.parametrize("stored", STORED)
def test_the_entries_by_columns_are_those_of_the_matrix_and_no_copy_where_they_are_stored_so(stored):
    design = DesignMatrix(STORED[stored](data()))
    found = design.by_columns
    if design.is_sparse:
        entries, rows, ends = found
        assert rows.dtype == ends.dtype == np.intc
        assert np.shares_memory(entries, design.X.data) == (design.X.format == "csc")
        found = sparse.csc_array((entries, rows, ends), (N, D)).toarray()
    else:
        assert found.flags.f_contiguous
        assert (found is design.X) == (stored == "F")
    np.testing.assert_array_equal(found, data())


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("centre", [False, True])
def test_the_adjoint_is_the_adjoint_in_the_weighted_inner_product(stored, centre):
    rng = np.random.default_rng(4)
    design = DesignMatrix(STORED[stored](data()), rng.uniform(0.1, 1.0, N), centre=centre)
    for _ in range(5):
        w, u = rng.standard_normal(D), rng.standard_normal(N)
        left, right = design.weights @ (design.matvec(w) * u), w @ design.rmatvec(u)
        assert left == pytest.approx(right, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.int32, np.int8, np.uint8, bool])
@pytest.mark.parametrize("stored", ["C", "csr array"])
def test_other_numbers_are_converted_without_change(kind, stored):
    X = (data() > 0).astype(kind) if kind is bool else np.abs(np.round(4 * data())).astype(kind)
    design = DesignMatrix(STORED[stored](X), centre=True)
    converted = DesignMatrix(X.astype(np.float64), centre=True)
    w = np.random.default_rng(5).standard_normal(D)
    assert design.X.dtype == np.float64
    np.testing.assert_allclose(design.matvec(w), converted.matvec(w), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("stored", ["C", "F", "csr array", "csc array"])
def test_float64_data_are_neither_copied_nor_written(stored):
    X = STORED[stored](data())
    before = X.copy()
    design = DesignMatrix(X, np.arange(1.0, N + 1), centre=True)
    w, u = np.ones(D), np.ones(N)
    design.matvec(w), design.rmatvec(u), design.columns(slice(None)), design.gram()
    assert design.column_norms.size and design.raw_norms.size and design.largest_singular_value
    if sparse.issparse(X):
        assert np.shares_memory(design.X.data, X.data)
        assert (X != before).nnz == 0
    else:
        assert np.shares_memory(design.X, X)
        assert np.array_equal(X, before)
    assert w.tolist() == [1.0] * D and u.tolist() == [1.0] * N


def test_the_panel_of_columns_is_fortran_ordered_and_new():
    X = np.asfortranarray(data())
    for design in (DesignMatrix(X), DesignMatrix(sparse.csc_array(X))):
        panel = design.columns(slice(0, 3))
        assert panel.flags.f_contiguous and not np.shares_memory(panel, X)


# -- weights ----------------------------------------------------------------------------------------


def test_only_ratios_of_weights_matter():
    X, w = data(), np.arange(1.0, D + 1)
    a = DesignMatrix(X, np.arange(1.0, N + 1), centre=True)
    b = DesignMatrix(X, 64.0 * np.arange(1.0, N + 1), centre=True)
    assert np.array_equal(a.matvec(w), b.matvec(w))
    assert np.array_equal(a.column_norms, b.column_norms)


@pytest.mark.parametrize("stored", ["C", "csr array"])
def test_whole_weights_are_repetitions(stored):
    X, counts = data(), np.array([1, 3, 2, 1, 1, 4, 1, 2, 5])
    weighted = DesignMatrix(STORED[stored](X), counts, centre=True)
    repeated = DesignMatrix(STORED[stored](np.repeat(X, counts, axis=0)), centre=True)
    np.testing.assert_allclose(weighted.means, repeated.means, **close)
    np.testing.assert_allclose(weighted.column_norms, repeated.column_norms, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(weighted.gram(), repeated.gram(), **close)
    assert weighted.largest_singular_value == pytest.approx(repeated.largest_singular_value, rel=1e-12)


@pytest.mark.parametrize(
    "weights", [[1.0, 0.0], [1.0, -1.0], [1.0, np.nan], [1.0, np.inf], [1.0], [[1.0, 1.0]], 1.0]
)
def test_weights_that_are_not_one_positive_number_a_row_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight must hold 2 positive finite numbers, one a row of X"):
        DesignMatrix(np.ones((2, 3)), weights)


@pytest.mark.parametrize("X", [1.0, [1.0, 2.0], np.zeros((2, 2, 2))])
def test_anything_but_two_dimensions_is_refused(X):
    with pytest.raises(
        ValueError, match=r"X must be two-dimensional, but has shape .*; reshape it to \(n, d\)"
    ):
        DesignMatrix(X)


@pytest.mark.parametrize(
    "store", [np.asfortranarray, np.ascontiguousarray, sparse.csc_array, sparse.csr_array]
)
@pytest.mark.parametrize("count", [0, 1, 40, 400, 900])
def test_columns_that_do_not_count_are_left_out_of_a_large_product(store, count, monkeypatch):
    monkeypatch.setattr(columns_numpy, "_PANEL_ENTRIES", 1000)  # 11 columns at a time
    rng = np.random.default_rng(40)
    X = rng.standard_normal((90, 900)) + 1.0
    w = np.zeros(900)
    w[rng.permutation(900)[:count]] = rng.standard_normal(count)
    for centre in (False, True):
        reference = (X - X.mean(axis=0) if centre else X) @ w
        product = DesignMatrix(store(X), centre=centre).matvec(w)
        np.testing.assert_allclose(product, reference, atol=1e-12 * max(count, 1))


@pytest.mark.parametrize("stored", STORED)
def test_columns_are_named_as_numpy_names_them(stored):
    design = DesignMatrix(STORED[stored](data()))
    whole = design.columns(slice(None))
    mask = np.zeros(D, dtype=bool)
    mask[[0, 2]] = True
    for indices in ([2, 0], np.array([2, 0], dtype=np.int32), mask, np.arange(D)[::2], [-1]):
        np.testing.assert_array_equal(design.columns(indices), whole[:, indices])


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_products_take_any_real_numbers_and_no_other_length(stored, dtype):
    design = DesignMatrix(STORED[stored](data()))
    w = np.zeros(D, dtype=dtype)
    w[1] = 2
    np.testing.assert_allclose(design.matvec(w), 2 * data()[:, 1], **close)
    for wrong in (np.zeros(D - 1), np.zeros(D + 1), np.zeros((D, 1)), 0.0):
        with pytest.raises(ValueError, match=f"w must have shape .{D},., one entry a column, but has"):
            design.matvec(wrong)


def test_huge_weights_are_only_ratios():
    X = data()
    huge = DesignMatrix(X, np.full(N, 1e307))
    np.testing.assert_allclose(huge.weights, 1 / N, rtol=1e-14)
    with pytest.raises(ValueError, match="must not differ by more than float64 can tell from zero"):
        DesignMatrix(X, np.append(np.full(N - 1, 1e300), 1e-300))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
def test_an_empty_matrix_is_refused(shape):
    with pytest.raises(ValueError, match="at least one row and one column"):
        DesignMatrix(np.zeros(shape))
