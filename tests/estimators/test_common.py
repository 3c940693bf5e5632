"""What the four estimators have in common: scikit-learn's contract, and errors that help."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from parlin import (
    PAR,
    LeastSquares,
    PARLasso,
    PARNonconvex,
    PARRegressor,
    PARRidge,
    Problem,
    certify,
    designs,
)
from parlin.solvers import ADMM, FISTA
from tests.kkt import Raw

ESTIMATORS = {
    "PARRidge": PARRidge(alpha=0.1),
    "PARLasso": PARLasso(alpha=0.1),
    "PARNonconvex": PARNonconvex(alpha=0.1, random_state=0),
    "PARRegressor": PARRegressor(alpha=0.1),
}
CONVEX = ("PARRidge", "PARLasso", "PARRegressor")
# The grid of each, given: else it is taken from the data.
GRID = {
    "PARRidge": {"spacing": 0.25, "n_levels": 6},
    "PARLasso": {"spacing": 0.25, "n_levels": 6},
    "PARNonconvex": {"spacing": 0.25, "n_levels": 6},
    "PARRegressor": {"penalty": designs.lasso(0.25, 6)},
}
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)


def on_grid(name: str, **parameters):
    return clone(ESTIMATORS[name]).set_params(**GRID[name], **parameters)


def data(n: int = 20, d: int = 6, outputs: int | None = None, seed: int = 0):
    rng = np.random.default_rng((51, seed))
    X = rng.standard_normal((n, d))
    shape = (d,) if outputs is None else (d, outputs)
    y = X @ rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], shape) + 3.0
    return X, y + 0.3 * rng.standard_normal(y.shape)


def raw_of(model, X, y, **options) -> Raw:
    penalty = model.penalty_.scaled(model.alpha)
    return Raw(X, y, penalty.levels, penalty.slopes, intercept=model.fit_intercept, **options)


# -- scikit-learn -----------------------------------------------------------------------------------


@each_estimator
@pytest.mark.parametrize("defaults", [True, False])
def test_check_estimator_has_no_failure_and_none_that_is_expected(name, defaults):
    model = type(ESTIMATORS[name])() if defaults else ESTIMATORS[name]
    outcomes = check_estimator(model, on_fail=None, on_skip=None, expected_failed_checks=None)
    wrong = {
        o["check_name"]: str(o["exception"]) for o in outcomes if o["status"] not in ("passed", "skipped")
    }
    assert not wrong
    skipped = {o["check_name"] for o in outcomes if o["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}  # needs an environment variable
    assert len(outcomes) >= 50
    expected = estimator_checks_generator(model, mark="xfail")
    assert not any(hasattr(check, "marks") for check in expected)


@each_estimator
def test_a_clone_has_the_parameters_and_nothing_fitted(name):
    X, y = data()
    model = on_grid(name, tol=1e-7, max_iter=777, solver=FISTA(restart=False)).fit(X, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not [attribute for attribute in vars(copy) if attribute.endswith("_")]
    with pytest.raises(NotFittedError):
        copy.predict(X)


@each_estimator
def test_a_pickled_model_predicts_the_same_and_can_be_fitted_again(name):
    X, y = data()
    model = on_grid(name, solver=ADMM()).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.penalty_ == model.penalty_
    assert again.result_.certificate == model.result_.certificate
    assert np.array_equal(again.fit(X, y).coef_, model.coef_)


@each_estimator
def test_a_pipeline_is_the_estimator_on_transformed_data(name):
    X, y = data()
    X = X * np.logspace(-2, 2, 6) + 5.0
    pipeline = make_pipeline(StandardScaler(), on_grid(name)).fit(X, y)
    scaler = StandardScaler().fit(X)
    model = on_grid(name).fit(scaler.transform(X), y)
    assert np.array_equal(pipeline[-1].coef_, model.coef_)
    assert np.array_equal(pipeline.predict(X), model.predict(scaler.transform(X)))


@each_estimator
def test_a_grid_search_tries_strengths_and_solvers_and_refits_the_best(name):
    X, y = data(40)
    search = GridSearchCV(on_grid(name), {"alpha": [0.01, 0.1, 100.0], "solver": ["auto", FISTA()]}, cv=3)
    search.fit(X, y)
    assert search.best_params_["alpha"] < 100.0
    best = clone(search.best_estimator_).fit(X, y)
    assert np.array_equal(search.best_estimator_.coef_, best.coef_)
    assert search.best_score_ > 0.5
    means = cross_val_score(on_grid(name).set_params(**search.best_params_), X, y, cv=3).mean()
    assert search.best_score_ == pytest.approx(means)


@each_estimator
def test_names_of_columns_are_kept_and_checked(name):
    X, y = data()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = on_grid(name).fit(frame, pd.Series(y))
    assert model.feature_names_in_.tolist() == list("abcdef")
    assert model.n_features_in_ == 6
    assert np.allclose(model.coef_, on_grid(name).fit(X, y).coef_, rtol=0, atol=1e-12)
    assert np.allclose(model.predict(frame), on_grid(name).fit(X, y).predict(X), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("bacdef")])
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)


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


# -- wrong parameters and data ----------------------------------------------------------------------

WRONG = [
    ("alpha", -1.0, "alpha must be finite and >= 0, but is -1.0"),
    ("alpha", np.nan, "alpha must be finite and >= 0, but is nan"),
    ("alpha", np.inf, "alpha must be finite and >= 0, but is inf"),
    ("alpha", "1", "alpha must be a real number, but is '1'"),
    ("alpha", None, "alpha must be a real number, but is None"),
    ("alpha", True, "alpha must be a real number, but is True"),
    ("tol", 0.0, "tol must be finite and > 0, but is 0.0"),
    ("tol", -1e-3, "tol must be finite and > 0, but is -0.001"),
    ("tol", None, "tol must be a real number, but is None"),
    ("max_iter", 0, "max_iter must be >= 1, but is 0"),
    ("max_iter", 10.5, "max_iter must be a whole number, but is 10.5"),
    ("solver", "newton", r"solver must be 'auto' or such as parlin.solvers.FISTA\(\), but is 'newton'"),
    ("solver", ADMM(rho=-1.0), "rho must be None or a positive finite number, but is -1.0"),
    ("solver", 42, "solver must be"),
    ("solver", None, "solver must be"),
    ("solver", FISTA, "solver must be"),
    ("fit_intercept", "no", "fit_intercept must be"),
    ("fit_intercept", None, "fit_intercept must be"),
    ("warm_start", "no", "warm_start must be"),
]
ON_A_GRID = [
    ("spacing", 0.0, "spacing must be finite and > 0, but is 0.0; None takes it from the data"),
    ("spacing", -1.0, "spacing must be finite and > 0, but is -1.0"),
    ("spacing", np.inf, "spacing must be finite and > 0, but is inf"),
    ("spacing", "fine", "spacing must be a real number, but is 'fine'"),
    ("n_levels", 0, "n_levels must be >= 1, but is 0"),
    ("n_levels", 2.5, "n_levels must be a whole number, but is 2.5"),
]


@each_estimator
@pytest.mark.parametrize(("parameter", "value", "message"), WRONG)
def test_a_wrong_parameter_is_an_error_that_says_what_is_given_and_needed(name, parameter, value, message):
    X, y = data()
    with pytest.raises((TypeError, ValueError), match=message):
        on_grid(name).set_params(**{parameter: value}).fit(X, y)


@pytest.mark.parametrize("name", ["PARRidge", "PARLasso", "PARNonconvex"])
@pytest.mark.parametrize(("parameter", "value", "message"), ON_A_GRID)
def test_a_wrong_grid_is_an_error_that_says_what_is_given_and_needed(name, parameter, value, message):
    X, y = data()
    with pytest.raises((TypeError, ValueError), match=message):
        on_grid(name).set_params(**{parameter: value}).fit(X, y)


@each_estimator
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X[:, 0], y), "2D array"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (np.where(X > 1, np.nan, X), y), "NaN"),
        (lambda X, y: (np.where(X > 1, np.inf, X), y), "infinity"),
        (lambda X, y: (X, np.where(y > 3, np.nan, y)), "NaN"),
        (lambda X, y: (X[:0], y[:0]), "0 sample"),
        (lambda X, y: (X[:, :0], y), "0 feature"),
        (lambda X, y: (X.astype(complex), y), "[Cc]omplex"),
        (lambda X, y: (X, ["a"] * 20), "convert string to float|dtype"),
    ],
)
def test_wrong_data_get_the_errors_of_scikit_learn(name, change, message):
    X, y = change(*data())
    with pytest.raises(ValueError, match=message):
        on_grid(name).fit(X, y)


@each_estimator
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), "sample_weight"),
        (-np.ones(20), "negative|nonnegative"),
        (np.zeros(20), "zero"),
        (np.full(20, np.nan), "NaN"),
    ],
)
def test_wrong_sample_weights_are_errors_that_say_why(name, weights, message):
    X, y = data()
    with pytest.raises(ValueError, match=message):
        on_grid(name).fit(X, y, sample_weight=weights)


@each_estimator
def test_predicting_with_another_number_of_features_is_an_error(name):
    X, y = data()
    with pytest.raises(ValueError, match=r"X has 5 features, but .* is expecting 6 features"):
        on_grid(name).fit(X, y).predict(X[:, :5])
