"""Data sets are what they say, and the same every time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

from parlin import datasets

ENTRIES = ("normal", "sign", "integer", "sparse integer", "ar", "low rank")


@pytest.mark.parametrize("entries", ENTRIES)
def test_the_same_arguments_give_the_same_problem_and_another_seed_another(entries):
    first, again = (datasets.synthetic(12, 7, seed=3, entries=entries) for _ in range(2))
    other = datasets.synthetic(12, 7, seed=4, entries=entries)
    assert first.X.shape == (12, 7) and first.y.shape == (12,) and first.coef.shape == (7,)
    assert first.X.dtype == first.y.dtype == np.float64
    assert np.array_equal(first.X, again.X) and np.array_equal(first.y, again.y)
    assert np.array_equal(first.coef, again.coef)
    assert not np.array_equal(first.X, other.X) and not np.array_equal(first.y, other.y)


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("noise", [0.0, 0.3, 2.0])
def test_the_target_is_the_model_plus_noise_of_the_given_size(entries, noise):
    data = datasets.synthetic(4000, 6, seed=1, entries=entries, noise=noise)
    rest = data.y - data.X @ data.coef
    # Four standard deviations of an empirical standard deviation of 4000 normal numbers: 4/√8000.
    assert np.std(rest) == pytest.approx(noise, rel=4 / np.sqrt(8000), abs=1e-12)


def test_entries_are_of_their_kind():
    n, d = 3000, 6

    def entries(kind, **options):
        return datasets.synthetic(n, d, seed=2, entries=kind, **options).X

    assert set(np.unique(entries("sign"))) == {-1.0, 1.0}
    assert set(np.unique(entries("integer"))) == set(np.arange(-3.0, 4.0))
    thin = entries("sparse integer")
    assert set(np.unique(thin)) == set(np.arange(-3.0, 4.0))
    # One in ten is kept, and a seventh of those is 0; five standard deviations.
    fraction = 0.1 * 6 / 7
    assert np.mean(thin != 0) == pytest.approx(fraction, abs=5 * np.sqrt(fraction / (n * d)))
    for kind in ("normal", "ar"):
        X = entries(kind)
        np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=5 / np.sqrt(n))
        np.testing.assert_allclose(X.std(axis=0), 1.0, atol=5 / np.sqrt(2 * n))
    assert np.linalg.matrix_rank(entries("low rank", rank=3)) == 3
    assert np.linalg.matrix_rank(entries("low rank")) == 4


def test_the_autoregressive_design_has_its_correlations():
    X = datasets.synthetic(20_000, 5, seed=5, entries="ar", correlation=0.7).X
    expected = 0.7 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    np.testing.assert_allclose(np.corrcoef(X.T), expected, atol=5 / np.sqrt(20_000))


@pytest.mark.parametrize("n_nonzero", [0, 1, 5, 9])
def test_the_true_coefficients_have_the_given_number_of_nonzeros(n_nonzero):
    assert np.count_nonzero(datasets.synthetic(4, 9, seed=6, n_nonzero=n_nonzero).coef) == n_nonzero


def test_all_true_coefficients_are_nonzero_by_default():
    assert np.count_nonzero(datasets.synthetic(4, 9, seed=6).coef) == 9


def test_unknown_entries_are_refused_with_the_choices():
    with pytest.raises(
        ValueError, match=r"entries must be one of \('normal', .*'low rank'\), but is 'uniform'"
    ):
        datasets.synthetic(3, 3, seed=0, entries="uniform")


def test_the_cubic_diabetes_data_are_all_monomials_standardised():
    data = datasets.diabetes_cubic()
    raw = load_diabetes(scaled=False)
    assert data.X.shape == (442, 285) and len(data.feature_names) == 285 and data.coef is None
    assert np.array_equal(data.y, raw.target / 100)
    np.testing.assert_allclose(data.X.mean(axis=0), 0.0, atol=1e-13)
    np.testing.assert_allclose(data.X.std(axis=0), 1.0, rtol=1e-13)
    # Every monomial by its name, as a product of powers.
    base = dict(zip(raw.feature_names, ((raw.data - raw.data.mean(0)) / raw.data.std(0)).T, strict=True))
    expected = {tuple(c) for k in (1, 2, 3) for c in itertools.combinations_with_replacement(base, k)}
    assert {tuple(name.split("·")) for name in data.feature_names} == expected
    for j in (0, 9, 10, 17, 64, 65, 150, 284):
        column = np.prod([base[name] for name in data.feature_names[j].split("·")], axis=0)
        np.testing.assert_allclose(data.X[:, j], (column - column.mean()) / column.std(), atol=1e-12)


def test_the_cubic_diabetes_data_have_the_rank_and_the_equal_columns_they_are_used_for():
    X = datasets.diabetes_cubic().X
    assert np.linalg.matrix_rank(X) == 274
    correlation = np.abs(np.triu(X.T @ X / 442, 1))
    # Sex has two values, so its square and its cube are affine in it, and so on.
    assert np.count_nonzero(correlation > 1 - 1e-12) == 3


def test_the_digits_are_standardised_without_the_pixels_that_never_change():
    data = datasets.digits()
    images, target = load_digits(return_X_y=True)
    assert data.X.shape == (1797, 61) and data.coef is None
    assert np.array_equal(data.y, target) and data.y.dtype == np.float64
    np.testing.assert_allclose(data.X.mean(axis=0), 0.0, atol=1e-13)
    np.testing.assert_allclose(data.X.std(axis=0), 1.0, rtol=1e-13)
    changing = images[:, np.ptp(images, axis=0) > 0]
    np.testing.assert_allclose(data.X[5], (changing[5] - changing.mean(0)) / changing.std(0), atol=1e-13)
