"""The division of sorted numbers into intervals: the best one, compiled and in NumPy the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import parlin
from parlin._kernels import levels, levels_numpy

needs_kernels = pytest.mark.skipif(not parlin.compiled, reason="needs the compiled kernels")
KERNELS = [levels_numpy, pytest.param(levels, marks=needs_kernels)]


def running(m: int, seed: int, ties: bool = False):
    """Running weights and sums of m numbers, and what each beginning gains as one interval."""
    rng = np.random.default_rng(seed)
    values = np.sort(rng.integers(-3, 4, m).astype(float) if ties else rng.standard_normal(m))
    s = np.ones(m) if ties else rng.uniform(0.1, 3.0, m)
    weights = np.concatenate(([0.0], np.cumsum(s)))
    sums = np.concatenate(([0.0], np.cumsum(s * values)))
    first = np.concatenate(([0.0], sums[1:] ** 2 / weights[1:]))
    return weights, sums, first


def gain(weights, sums, first, cuts):
    ends = [*cuts[1:], weights.size - 1]
    parts = ((sums[e] - sums[b]) ** 2 / (weights[e] - weights[b]) for b, e in zip(cuts, ends, strict=True))
    return first[cuts[0]] + sum(parts)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_more", [1, 2, 3])
@pytest.mark.parametrize("least", [0, 1])
def test_no_other_division_gains_more(kernel, n_more, least):
    for seed in range(25):
        found = running(4 + seed % 6, seed)
        m = found[0].size - 1
        cuts = kernel.best_cuts(*found, least, n_more)
        assert np.all(np.diff(np.concatenate(([least - 1], cuts, [m]))) > 0)
        best = max(gain(*found, c) for c in itertools.combinations(range(least, m), n_more))
        assert gain(*found, cuts) == pytest.approx(best, rel=1e-14)


@needs_kernels
@pytest.mark.parametrize("m", [1, 2, 3, 17, 1000])
@pytest.mark.parametrize("ties", [False, True])
def test_both_kernels_cut_at_the_same_places(m, ties):
    for n_more in {0, 1, min(2, m - 1), min(7, m - 1), m - 1} & set(range(m)):
        found = running(m, seed=m, ties=ties)
        assert np.array_equal(levels.best_cuts(*found, 1, n_more), levels_numpy.best_cuts(*found, 1, n_more))


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_cannot_be_divided_is_refused(kernel):
    found = running(3, 0)
    for least, n_more in ((1, 3), (0, 4), (-1, 1), (1, -1)):
        with pytest.raises(ValueError, match="3 numbers cannot be divided"):
            kernel.best_cuts(*found, least, n_more)
    with pytest.raises(ValueError, match="one length"):
        kernel.best_cuts(found[0], found[1][:-1], found[2], 1, 1)


@pytest.mark.parametrize("kernel", KERNELS)
def test_weights_that_vanish_next_to_the_others_do_no_harm(kernel):
    s = np.array([1.0, 1e-30, 1.0, 1e-30, 1e-30])
    weights = np.concatenate(([0.0], np.cumsum(s)))
    sums = np.concatenate(([0.0], np.cumsum(s * np.arange(5.0))))
    first = np.concatenate(([0.0], sums[1:] ** 2 / weights[1:]))
    cuts = kernel.best_cuts(weights, sums, first, 1, 3)
    assert np.all(np.diff(np.concatenate(([0], cuts, [5]))) > 0)
