"""The quantization floor: its values, and fits that meet it."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import LeastSquares, Problem, designs, purify, solve, theory
from parlin.datasets import synthetic


@pytest.mark.parametrize(
    ("rank", "n_features", "floor"), [(0, 5, 1.0), (1, 4, 0.75), (4, 4, 0.0), (9, 4, 0.0), (75, 200, 0.625)]
)
def test_quantization_floor_is_the_fraction_left_by_the_rank(rank, n_features, floor):
    assert theory.quantization_floor(rank, n_features) == floor


@pytest.mark.parametrize("entries", ["normal", "sign", "low rank"])
def test_a_purified_fit_meets_the_quantization_floor(entries):
    data = synthetic(8, 40, seed=3, entries=entries)
    problem = Problem(LeastSquares(data.X, data.y), designs.ridge(0.25, 8).scaled(1e-3))
    result = solve(problem, tol=1e-11)
    assert result.status.is_success
    rate = np.mean(problem.on_level(purify(problem, result.w)))
    assert rate >= theory.quantization_floor(int(np.linalg.matrix_rank(data.X)), 40)
