"""The mean error of ridge regression: the formula, its limits, and what sampling gives."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import theory


@pytest.mark.parametrize(("n", "d"), [(6, 15), (30, 8)])
def test_expected_ridge_error_is_the_mean_over_the_noise(n, d):
    rng = np.random.default_rng(n)
    X, truth = rng.standard_normal((n, d)), rng.standard_normal(d)
    noise, alpha = 0.7, 0.3
    eigenvalues, vectors = np.linalg.eigh(X.T @ X / n)
    exact = theory.expected_ridge_error(np.maximum(eigenvalues, 0), vectors.T @ truth, noise, n, alpha)
    # The error is affine in the noise, so bias and covariance give the mean without sampling.
    solve = np.linalg.solve(X.T @ X / n + alpha * np.eye(d), X.T / n)
    bias = solve @ X @ truth - truth
    assert exact == pytest.approx(bias @ bias + noise**2 * np.sum(solve**2), rel=1e-12)
    errors = [
        np.sum((solve @ (X @ truth + noise * rng.standard_normal(n)) - truth) ** 2) for _ in range(4000)
    ]
    assert abs(np.mean(errors) - exact) < 4 * np.std(errors) / np.sqrt(len(errors))


def test_expected_ridge_error_without_noise_is_the_squared_bias():
    assert theory.expected_ridge_error([0.0, 1.0], [3.0, 2.0], 0.0, 5, alpha=1.0) == 9.0 + 1.0


@pytest.mark.parametrize(
    ("eigenvalues", "components", "message"),
    [
        ([1.0, 2.0], [1.0], "vectors of one length"),
        ([[1.0]], [[1.0]], "vectors of one length"),
        ([-1e-9], [1.0], "eigenvalues must be finite and >= 0"),
        ([np.inf], [1.0], "eigenvalues must be finite"),
        ([1.0], [np.nan], "components finite"),
    ],
)
def test_expected_ridge_error_says_what_it_needs(eigenvalues, components, message):
    with pytest.raises(ValueError, match=message):
        theory.expected_ridge_error(eigenvalues, components, 1.0, 5, 1.0)


def test_expected_ridge_error_neither_underflows_nor_overflows():
    assert theory.expected_ridge_error([0.0], [1.0], 0.0, 1, 1e-170) == 1.0
    assert theory.expected_ridge_error([1e200], [2.0], 1.0, 1, 1e200) == pytest.approx(1.0, rel=1e-14)
