"""The contract of scikit-learn, and errors that help."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from parlin.solvers import ADMM, FISTA
from tests.estimators.cases import ESTIMATORS, data, each_estimator, on_grid

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
