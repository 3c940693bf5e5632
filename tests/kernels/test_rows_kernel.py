"""Stochastic steps over rows: compiled and in NumPy the same, and both what a loop in plain Python does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import sparse

import parlin
from parlin import PAR, designs
from parlin._kernels import rows as chosen
from parlin._kernels import rows_numpy
from parlin.solvers.stochastic.maps import Blend, ProximalMap, SoftRounding

N, D = 40, 13
needs_kernels = pytest.mark.skipif(not parlin.compiled, reason="needs the compiled kernels")
KERNELS = [rows_numpy, pytest.param(chosen, marks=needs_kernels)]
WEIGHTS = np.random.default_rng(3).uniform(0.5, 2.0, D) * (np.arange(D) % 4 > 0)
LEVELS = np.array([-1.0, -0.25, 0.5, 2.0])
# Maps with the amounts that they are given in turn.
MAPS = {
    "lasso": (ProximalMap(designs.lasso(0.25, 4)), (0.0, 0.1, 0.3)),
    "a box": (ProximalMap(designs.ridge(0.25, 4, bounded=True)), (0.0, 0.1, 3.0)),
    "many levels": (ProximalMap(designs.lasso(0.01, 60)), (0.0, 0.1, 0.3)),
    "one point": (ProximalMap(PAR([0.5], [-np.inf, np.inf])), (0.1, 0.2)),
    "no level": (ProximalMap(PAR([], [0.5])), (0.1, 0.2)),
    "sawtooth": (ProximalMap(designs.sawtooth(0.5, 4)), (0.1, 0.3)),
    "weighted": (ProximalMap(designs.lasso(0.25, 4), WEIGHTS), (0.1, 0.3)),
    "weighted sawtooth": (ProximalMap(designs.sawtooth(0.5, 4), WEIGHTS), (0.1, 0.3)),
    "soft": (SoftRounding(LEVELS), (1.0, 1.7, 30.0, np.inf)),
    "soft weighted": (SoftRounding(LEVELS, WEIGHTS), (1.0, 2.0, np.inf)),
    "one soft level": (SoftRounding(LEVELS[:1]), (1.0, np.inf)),
    "blend": (Blend(LEVELS), (0.0, 0.3, 1.0)),
    "blend weighted": (Blend(LEVELS, WEIGHTS), (0.0, 0.3, 1.0)),
}
each_map = pytest.mark.parametrize("name", MAPS)


def problem(seed: int, is_sparse: bool):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, D)) * (rng.random((N, D)) < 0.4)
    X[5] = 0.0  # a row without entries
    y, s = rng.standard_normal(N), rng.uniform(0.5, 1.5, N) / N
    if not is_sparse:
        return X, X, y, s
    csr = sparse.csr_array(X)
    return X, (csr.data, csr.indices.astype(np.intc), csr.indptr.astype(np.intc)), y, s


def batches(seed: int, count: int, contiguous: bool):
    """Begins, ends, rates and picked rows."""
    rng = np.random.default_rng(seed)
    if contiguous:
        begins = rng.integers(0, N, count)
        ends = np.minimum(begins + rng.integers(0, 9, count), N)
        return begins.astype(np.intc), ends.astype(np.intc), rng.uniform(0.1, 2.0, count), None
    bounds = np.concatenate(([0], np.cumsum(rng.integers(0, 9, count)))).astype(np.intc)
    picked = rng.integers(0, N, bounds[-1]).astype(np.intc)
    return bounds[:-1].copy(), bounds[1:].copy(), rng.uniform(0.1, 2.0, count), picked


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("contiguous", [False, True])
@each_map
def test_a_run_is_its_definition(kernel, is_sparse, eager, name, contiguous):
    mapping, amounts = MAPS[name]
    X, stored, y, s = problem(0, is_sparse)
    begins, ends, rates, picked = batches(1, 12, contiguous)
    amounts = np.resize(amounts, 12)
    v = np.random.default_rng(2).standard_normal(D)
    expected, total = v.copy(), np.zeros(D)
    for b in range(12):
        w = expected if eager else mapping.apply(expected, amounts[b])
        total += w
        rows = range(begins[b], ends[b]) if contiguous else picked[begins[b] : ends[b]]
        expected = expected + rates[b] * sum((s[i] * (y[i] - X[i] @ w) * X[i] for i in rows), np.zeros(D))
        if eager:
            expected = mapping.apply(expected, amounts[b])
    run = kernel.Rows(stored, D, y, s, mapping)
    if eager:
        run.eager(begins, ends, rates, amounts, v, picked)
    else:
        u = v.copy()
        sums = np.zeros(D)
        run.lazy(begins, ends, rates, amounts, u, sums, picked)
        np.testing.assert_allclose(sums, total, rtol=1e-11, atol=1e-11)
        run.lazy(begins, ends, rates, amounts, v, picked=picked)
        np.testing.assert_allclose(u, v, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(v, expected, rtol=1e-11, atol=1e-11)


@needs_kernels
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("contiguous", [False, True])
@each_map
def test_sparse_rows_give_the_same_floats_in_both_kernels(eager, name, contiguous):
    mapping, amounts = MAPS[name]
    _, stored, y, s = problem(4, True)
    begins, ends, rates, picked = batches(5, 60, contiguous)
    amounts = np.resize(amounts, 60)
    found = []
    for kernel in (rows_numpy, chosen):
        v = np.random.default_rng(6).standard_normal(D)
        run = kernel.Rows(stored, D, y, s, mapping)
        (run.eager if eager else run.lazy)(begins, ends, rates, amounts, v, picked=picked)
        found.append(v)
    assert np.array_equal(*found)


@needs_kernels
@each_map
@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
def test_both_kernels_map_alike(name, size):
    mapping, amounts = MAPS[name]
    v = np.random.default_rng(7).standard_normal(size) * 2
    v[: min(size, 4)] = [0.125, -0.625, np.nan, 0.0][: min(size, 4)]
    if mapping.weights is not None:
        mapping = dataclasses.replace(mapping, weights=np.resize(WEIGHTS, size))
    run = chosen.Rows(np.zeros((1, size)), size, np.zeros(1), np.ones(1), mapping)
    for amount in amounts:
        expected = mapping.apply(v, amount)
        np.testing.assert_array_equal(run.mapped(v, amount), expected)


@needs_kernels
def test_rows_and_batches_outside_the_data_are_refused():
    _, stored, y, s = problem(0, True)
    mapping = MAPS["lasso"][0]
    run = chosen.Rows(stored, D, y, s, mapping)
    ones = np.ones(1)
    zero, one, few = (np.array([k], dtype=np.intc) for k in (0, 1, 2))
    for begins, ends, picked in (
        (zero, one, np.array([N])), (zero, one, np.array([-1])), (zero, few, zero), (-one, one, None),
        (one, zero, None), (zero, np.array([N + 1]), None),
    ):  # fmt: skip
        picked = None if picked is None else picked.astype(np.intc)
        with pytest.raises(IndexError):
            run.lazy(begins, ends.astype(np.intc), ones, ones, np.zeros(D), picked=picked)
    for rates, v in ((np.ones(2), np.zeros(D)), (ones, np.zeros(D + 1))):
        with pytest.raises(ValueError, match="there must be a rate"):
            run.eager(zero, one, rates, ones, v)
    data, indices, indptr = stored
    for broken in (
        (data, indices + 10_000, indptr),
        (data, indices, indptr[:-1]),
        (data[:-1], indices, indptr),
    ):
        with pytest.raises(IndexError, match="outside its rows and columns"):
            chosen.Rows(broken, D, y, s, mapping)
    with pytest.raises(ValueError, match="a row for each target"):
        chosen.Rows(np.zeros((3, D)), D, y, s, mapping)
    with pytest.raises(ValueError, match="a weight for each target"):
        chosen.Rows(stored, D, y, s[:-1], mapping)
    with pytest.raises(ValueError, match="a penalty weight for each column"):
        chosen.Rows(stored, D, y, s, ProximalMap(designs.lasso(0.5, 1), WEIGHTS[:-1]))
