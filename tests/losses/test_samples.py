"""Which samples are accepted: shapes that fit, real and finite entries, rows of positive weight."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from parlin.losses.samples import check_shapes, is_complex, is_finite, positive_rows

X = np.arange(12.0).reshape(4, 3) - 5.0
Y = np.array([3.0, -1.0, 4.0, 1.0])
STORED = {
    "array": np.asarray,
    "list": np.ndarray.tolist,
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
    "coo": sparse.coo_array,
    "csr matrix": sparse.csr_matrix,
}


def dense(A) -> np.ndarray:
    return A.toarray() if sparse.issparse(A) else np.asarray(A)


# -- entries and shapes -----------------------------------------------------------------------------


@pytest.mark.parametrize("store", STORED.values(), ids=STORED)
def test_entries_are_complex_by_type_even_where_no_imaginary_part_is_left(store):
    assert not is_complex(store(X))
    assert is_complex(store(X + 0j))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_one_entry_that_is_not_finite_is_found(store, bad):
    assert is_finite(store(X))
    worse = X.copy()
    worse[2, 1] = bad
    assert not is_finite(store(worse))


@pytest.mark.parametrize(
    ("shape", "targets", "message"),
    [
        ((4,), (4,), r"X must be two-dimensional, but has shape \(4,\); reshape it to \(n, d\)"),
        ((2, 2, 2), (2,), r"X must be two-dimensional, but has shape \(2, 2, 2\)"),
        ((0, 3), (0,), r"X must have at least one row and one column, but has shape \(0, 3\)"),
        ((4, 0), (4,), r"X must have at least one row and one column, but has shape \(4, 0\)"),
        ((4, 3), (3,), r"y must have shape \(4,\), one entry a row of X, but has shape \(3,\)"),
        ((4, 3), (4, 1), r"y must have shape \(4,\), one entry a row of X, but has shape \(4, 1\)"),
        ((4, 3), (), r"y must have shape \(4,\), one entry a row of X, but has shape \(\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shape, targets, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        check_shapes(np.zeros(shape), np.zeros(targets))
    check_shapes(X, Y)


# -- weights ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", STORED.values(), ids=STORED)
def test_rows_of_weight_zero_are_left_out_and_the_others_keep_their_order(store):
    rows, targets, weights = positive_rows(store(X), Y, [0.5, 0.0, 2.0, 0.0])
    assert np.array_equal(dense(rows), X[[0, 2]])
    assert targets.tolist() == [3.0, 4.0]
    assert weights.tolist() == [0.5, 2.0]


def test_several_targets_a_row_leave_with_their_row():
    _, targets, _ = positive_rows(X, np.column_stack((Y, -Y)), [0, 1, 1, 0])
    assert targets.tolist() == [[-1.0, 1.0], [4.0, -4.0]]


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_rows_that_stay_keep_the_order_in_memory(order):
    rows, _, _ = positive_rows(np.asarray(X, order=order), Y, [1, 0, 1, 1])
    assert rows.flags[f"{order}_CONTIGUOUS"]
    assert not rows.flags["F_CONTIGUOUS" if order == "C" else "C_CONTIGUOUS"]


@pytest.mark.parametrize("weights", [None, 2.0, [1, 2, 3, 4]])
def test_nothing_is_copied_where_every_row_stays(weights):
    rows, targets, found = positive_rows(X, Y, weights)
    assert rows is X
    assert targets is Y
    if weights is None:
        assert found is None
    else:
        assert found.dtype == np.float64
        assert np.array_equal(found, np.broadcast_to(weights, 4))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], r"sample_weight must have shape \(4,\), but has shape \(2,\)"),
        ([[1.0]] * 4, r"sample_weight must have shape \(4,\), but has shape \(4, 1\)"),
        ([1.0, -1e-300, 1.0, 1.0], "sample_weight must be finite and nonnegative"),
        ([1.0, np.nan, 1.0, 1.0], "sample_weight must be finite and nonnegative"),
        ([1.0, np.inf, 1.0, 1.0], "sample_weight must be finite and nonnegative"),
        (-1.0, "sample_weight must be finite and nonnegative"),
        ([0.0] * 4, "sample_weight must have a positive entry, but all are zero"),
        (0.0, "sample_weight must have a positive entry, but all are zero"),
    ],
)
def test_weights_that_are_no_weights_are_named(weights, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        positive_rows(X, Y, weights)
