"""Ridge in closed form solves its normal equations, as scikit-learn's does."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from experiments.measure.ridge import ridge_coefs, ridge_error
from parlin import LeastSquares

ALPHAS = np.array([10.0, 0.3, 1e-3])


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
@pytest.mark.parametrize("intercept", [False, True])
def test_the_normal_equations_hold_and_scikit_learn_agrees(shape, intercept):
    rng = np.random.default_rng(shape)
    X, y = rng.standard_normal(shape) + 1.0, rng.standard_normal(shape[0]) + 2.0
    loss = LeastSquares(X, y, fit_intercept=intercept)
    centred, target = (X - X.mean(axis=0), y - y.mean()) if intercept else (X, y)
    n, d = shape
    for alpha, w in zip(ALPHAS, ridge_coefs(loss, ALPHAS), strict=True):
        expected = np.linalg.solve(centred.T @ centred / n + alpha * np.eye(d), centred.T @ target / n)
        np.testing.assert_allclose(w, expected, rtol=1e-9, atol=1e-12)
        theirs = Ridge(alpha=n * alpha, fit_intercept=intercept).fit(X, y).coef_
        np.testing.assert_allclose(w, theirs, rtol=1e-8, atol=1e-11)
        assert ridge_error(loss, alpha, w) <= 1e-12 / alpha


def test_one_strength_gives_one_row():
    loss = LeastSquares(np.eye(3), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(ridge_coefs(loss, 1.0), [np.array([1.0, 2.0, 3.0]) / 4])


def test_the_error_bounds_the_distance_and_one_flat_direction_attains_it():
    # Without curvature along e_2 the objective has curvature α there, and the bound is the distance.
    loss, alpha = LeastSquares([[2.0, 0.0]], [1.0]), 0.1
    (w,) = ridge_coefs(loss, alpha)
    rng = np.random.default_rng(0)
    for move in rng.standard_normal((20, 2)):
        assert ridge_error(loss, alpha, w + move) >= np.linalg.norm(move)
    assert ridge_error(loss, alpha, w + np.array([0.0, 0.7])) == pytest.approx(0.7)
