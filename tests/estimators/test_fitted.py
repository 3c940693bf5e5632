"""What the fitted models of the certified estimators have in common, also on data at the edge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from parlin import (
    PAR,
    LeastSquares,
    Problem,
    certify,
    designs,
)
from parlin.solvers import ADMM, FISTA
from tests.estimators.cases import ESTIMATORS, data, each_estimator, on_grid
from tests.kkt import Raw

CONVEX = ("PARRidge", "PARLasso", "PARRegressor")


def raw_of(model, X, y, **options) -> Raw:
    penalty = model.penalty_.scaled(model.alpha)
    return Raw(X, y, penalty.levels, penalty.slopes, intercept=model.fit_intercept, **options)


# -- the fitted model -------------------------------------------------------------------------------


@each_estimator
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_fitted_coefficients_are_critical_by_the_definition_with_the_fitted_intercept(
    name, fit_intercept
):
    X, y = data()
    model = on_grid(name, fit_intercept=fit_intercept).fit(X, y)
    raw = raw_of(model, X, y)
    residual = y - X @ model.coef_ - model.intercept_
    assert raw.violation(model.coef_, model.intercept_) <= 1.01e-8
    assert abs(residual.mean()) <= 1e-12 if fit_intercept else model.intercept_ == 0.0
    assert model.result_.certificate.objective == pytest.approx(raw.objective(model.coef_), rel=1e-12)
    assert np.array_equal(model.predict(X), X @ model.coef_ + model.intercept_)


@each_estimator
def test_levels_codes_and_rate_describe_the_coefficients(name):
    X, y = data(12, 30)
    model = on_grid(name).fit(X, y)
    assert np.array_equal(model.levels_, model.penalty_.levels)
    on = model.codes_ >= 0
    assert np.array_equal(on, np.isin(model.coef_, model.levels_))
    assert np.array_equal(model.levels_[model.codes_[on]], model.coef_[on])
    assert model.quantization_rate_ == on.mean() == model.result_.certificate.quantization_rate
    assert on.sum() >= 30 - 11  # n − 1 with an intercept: theory 3.6
    assert model.coef_.dtype == np.float64
    assert isinstance(model.intercept_, float)


@pytest.mark.parametrize("name", CONVEX)
def test_convex_fits_carry_a_duality_gap_of_rounding(name):
    X, y = data()
    assert 0 <= on_grid(name, tol=1e-12).fit(X, y).dual_gap_ <= 1e-9


@each_estimator
def test_a_sample_weight_is_a_number_of_repetitions(name):
    X, y = data()
    times = np.random.default_rng(52).integers(0, 4, 20)
    weighted = on_grid(name, tol=1e-11).fit(X, y, sample_weight=times)
    repeated = on_grid(name, tol=1e-11).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert np.allclose(weighted.coef_, repeated.coef_, atol=1e-9)
    assert np.array_equal(weighted.codes_, repeated.codes_)
    assert weighted.intercept_ == pytest.approx(repeated.intercept_, abs=1e-9)
    scaled = on_grid(name, tol=1e-11).fit(X, y, sample_weight=times * 1e-3)
    assert np.allclose(weighted.coef_, scaled.coef_, atol=1e-9)
    single = on_grid(name).fit(X, y, sample_weight=2.5)
    assert np.allclose(single.coef_, on_grid(name).fit(X, y).coef_, atol=1e-7)


@each_estimator
def test_the_grid_taken_from_the_data_is_the_same_for_weights_and_repetitions(name):
    X, y = data()
    times = np.random.default_rng(53).integers(0, 4, 20)
    model = clone(ESTIMATORS[name]).set_params(tol=1e-11)
    weighted = clone(model).fit(X, y, sample_weight=times)
    repeated = clone(model).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert np.allclose(weighted.levels_, repeated.levels_, rtol=1e-9)
    assert np.allclose(weighted.coef_, repeated.coef_, atol=1e-8)


@each_estimator
@pytest.mark.parametrize(
    "form", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix, sparse.coo_array]
)
def test_sparse_data_give_the_model_of_the_dense_ones(name, form):
    X, y = data(30)
    X[np.abs(X) < 0.8] = 0.0
    dense = on_grid(name, tol=1e-11).fit(X, y)
    model = on_grid(name, tol=1e-11).fit(form(X), y)
    assert np.allclose(model.coef_, dense.coef_, atol=1e-8)
    assert model.intercept_ == pytest.approx(dense.intercept_, abs=1e-8)
    assert np.allclose(model.predict(form(X)), dense.predict(X), atol=1e-8)


@each_estimator
def test_orders_and_precisions_of_the_data_do_not_matter(name):
    X, y = data()
    X, y = X.astype(np.float32), y.astype(np.float32)
    expected = on_grid(name).fit(X.astype(np.float64), y.astype(np.float64)).coef_
    for form in (np.ascontiguousarray, np.asfortranarray, np.ndarray.tolist):
        coef = on_grid(name).fit(form(X), y).coef_
        assert coef.dtype == np.float64
        assert np.allclose(coef, expected, atol=1e-7)


@each_estimator
def test_several_outputs_are_fitted_one_by_one(name):
    X, Y = data(outputs=3)
    model = on_grid(name).fit(X, Y)
    assert model.coef_.shape == model.codes_.shape == (3, 6)
    assert model.intercept_.shape == (3,)
    assert model.predict(X).shape == (20, 3)
    for k in range(3):
        alone = on_grid(name).fit(X, Y[:, k])
        assert np.array_equal(model.coef_[k], alone.coef_)
        assert model.intercept_[k] == alone.intercept_
        assert model.result_[k].certificate == alone.result_.certificate
    assert model.n_iter_ == max(1, *(result.n_iter for result in model.result_))
    if name in CONVEX:
        assert model.dual_gap_ == [result.certificate.gap for result in model.result_]
    column = on_grid(name).fit(X, Y[:, :1])
    assert column.coef_.shape == (1, 6)
    assert column.predict(X).shape == (20, 1)


@each_estimator
def test_several_outputs_share_one_grid_that_covers_the_largest(name):
    X, Y = data(outputs=2)
    Y[:, 1] *= 10.0
    model = clone(ESTIMATORS[name]).fit(X, Y)
    assert model.levels_.ndim == 1
    if name != "PARRegressor":
        assert model.levels_[-1] >= 0.5 * np.abs(model.coef_).max()
        small = clone(ESTIMATORS[name]).fit(X, Y[:, 0])
        assert model.levels_[-1] > 2 * small.levels_[-1]


@each_estimator
def test_a_warm_start_begins_where_the_last_fit_ended(name):
    X, y = data(60, 30)
    cold = on_grid(name, solver=FISTA()).fit(X, y)
    if name in CONVEX:  # the start of a nonconvex fit is a solution nearly
        assert cold.n_iter_ > 5
    again = cold.n_iter_, cold.fit(X, y).n_iter_
    assert again[0] == again[1]
    warm = on_grid(name, solver=FISTA(), warm_start=True).fit(X, y)
    first = warm.coef_.copy()
    assert warm.fit(X, y).n_iter_ == 1
    assert warm.result_.n_iter == 0
    assert np.array_equal(warm.coef_, first)
    # Other data, another number of features or of outputs: a correct fit all the same.
    for X_, y_ in ((X, y + 0.01 * X[:, 0]), (X[:, :4], y), (X, np.column_stack((y, -y)))):
        warm.fit(X_, y_)
        results = warm.result_ if isinstance(warm.result_, list) else [warm.result_]
        assert all(result.status.is_success for result in results)
        assert np.shape(warm.coef_)[-1] == X_.shape[1]


@each_estimator
def test_fitting_again_leaves_nothing_of_the_last_fit(name):
    X, Y = data(outputs=2)
    model = on_grid(name).fit(pd.DataFrame(X, columns=list("abcdef")), Y)
    model.fit(X[:, :3], Y[:, 0])
    fresh = on_grid(name).fit(X[:, :3], Y[:, 0])
    assert {k for k in vars(model) if k.endswith("_")} == {k for k in vars(fresh) if k.endswith("_")}
    assert np.array_equal(model.coef_, fresh.coef_)


@each_estimator
def test_fit_writes_to_nothing_that_it_is_given(name):
    X, y = data()
    s = np.linspace(0.0, 2.0, 20)
    given = X, y, s
    before = [a.copy() for a in given]
    for a in given:
        a.flags.writeable = False
    on_grid(name).fit(X, y, sample_weight=s).predict(X)
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))


@each_estimator
def test_the_certificate_is_that_of_the_coefficients(name):
    X, y = data()
    model = on_grid(name).fit(X, y)
    problem = Problem(LeastSquares(X, y, fit_intercept=True), model.penalty_.scaled(model.alpha))
    assert certify(problem, model.coef_, model.tol) == model.result_.certificate


@pytest.mark.parametrize("name", CONVEX)
def test_the_tolerance_is_that_of_the_residual_and_a_loose_one_ends_earlier(name):
    X, y = data(20, 40)
    fits = [on_grid(name, alpha=0.01, tol=tol, solver=FISTA()).fit(X, y) for tol in (1e-2, 1e-5, 1e-10)]
    for model in fits:
        assert model.result_.certificate.residual <= model.tol
    assert fits[0].n_iter_ < fits[1].n_iter_ < fits[2].n_iter_
    assert fits[0].result_.certificate.residual > 1e-5


@each_estimator
@pytest.mark.parametrize("power", [-20, 20])
def test_units_of_y_scale_the_model_whose_grid_comes_from_the_data(name, power):
    if name == "PARRegressor":
        unit = {"penalty": PAR(2.0**power * designs.lasso(0.25, 6).levels, designs.lasso(0.25, 6).slopes)}
    else:
        unit = {}
    X, y = data()
    model = clone(ESTIMATORS[name]).set_params(tol=1e-11)
    plain = clone(model).set_params(**({"penalty": designs.lasso(0.25, 6)} if unit else {})).fit(X, y)
    # The slopes of ridge chords grow with the spacing; those of the others do not, so alpha does.
    alpha = plain.alpha if name == "PARRidge" else 2.0**power * plain.alpha
    scaled = clone(model).set_params(alpha=alpha, **unit).fit(X, 2.0**power * y)
    assert np.allclose(2.0**-power * scaled.coef_, plain.coef_, rtol=1e-6, atol=1e-8)
    assert 2.0**-power * scaled.intercept_ == pytest.approx(plain.intercept_)


# -- data at the edge -------------------------------------------------------------------------------


@each_estimator
@pytest.mark.parametrize("grid", [True, False])
def test_data_at_the_edge_give_a_certified_model(name, grid):
    X, y = data(8, 4)
    zero = X.copy()
    zero[:, 1] = 0.0
    cases = {
        "zero y": (X, np.zeros(8)),
        "constant y": (X, np.full(8, 0.1)),
        "constant column": (np.where(np.arange(4) == 1, 7.1, X), y),
        "zero column": (zero, y),
        "zero X": (np.zeros((8, 4)), y),
        "duplicated": (np.repeat(X, 3, axis=1), y),
        "one feature": (X[:, :1], y),
        "one sample": (X[:1], y[:1]),
        "whole numbers": (np.round(3 * X).astype(int), np.round(y).astype(int)),
    }
    for label, (A, b) in cases.items():
        for fit_intercept in (False, True):
            model = on_grid(name) if grid else clone(ESTIMATORS[name])
            model.set_params(fit_intercept=fit_intercept).fit(A, b)
            assert model.result_.status.is_success, label
            raw = raw_of(model, A, b)
            assert np.all(
                raw.distances(model.coef_, model.intercept_) <= 1e-7 * (1 + np.abs(A).max() ** 2)
            ), label
            if "y" in label.split() and (fit_intercept or label == "zero y"):
                assert np.all(model.coef_ == 0.0), label
                assert model.intercept_ == b[0], label


@each_estimator
def test_no_strength_is_the_unpenalised_fit(name):
    X, y = data()
    model = on_grid(name, alpha=0.0, tol=1e-11).fit(X, y)
    centred = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean())[0]
    assert np.allclose(model.coef_, centred, atol=1e-8)
    assert model.result_.status.is_success


@each_estimator
def test_a_fit_that_does_not_converge_warns_with_value_tolerance_and_remedy(name):
    X, y = data(20, 40)
    # The start is the solution at a strength that makes all coefficients zero.
    model = on_grid(name, alpha=1e3, solver=ADMM(), warm_start=True).fit(X, y)
    model.set_params(alpha=1e-3, max_iter=1, tol=1e-13)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    (message,) = {str(w.message) for w in caught}
    assert f"{model.result_.certificate.residual:.2e}" in message
    assert "tol = 1.00e-13" in message
    assert "MAX_ITER" in message
    assert "max_iter" in message
    assert "relative to" in message
    assert caught[0].filename == __file__
