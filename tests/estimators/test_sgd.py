"""PARSGDRegressor: where it converges to, weights, streams, stopping, and the contract of scikit-learn."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from parlin import PAR, PARRegressor, PARSGDRegressor, designs
from parlin.estimators._copies import copies
from parlin.estimators._stochastic import METHODS, SCHEDULED
from parlin.solvers.stochastic import InverseSqrt
from tests.estimators.cases import data

PENALTY = designs.lasso(0.25, 6)
STREAMS = [method for method in METHODS if method not in SCHEDULED]


def model(**parameters) -> PARSGDRegressor:
    """A model that does not ask for convergence."""
    return PARSGDRegressor(
        **{"alpha": 0.1, "penalty": PENALTY, "tol": None, "random_state": 0, "max_iter": 20} | parameters
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("defaults", [True, False])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_check_estimator_has_no_failure_and_none_that_is_expected(method, defaults):
    if defaults:
        subject = PARSGDRegressor(method=method)
    else:
        subject = PARSGDRegressor(
            0.01, penalty=PENALTY, method=method, keep="best", max_iter=30, random_state=3
        )
    outcomes = check_estimator(subject, on_fail=None, on_skip=None, expected_failed_checks=None)
    wrong = {
        o["check_name"]: str(o["exception"]) for o in outcomes if o["status"] not in ("passed", "skipped")
    }
    assert not wrong and len(outcomes) >= 50


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array, sparse.csc_matrix, pd.DataFrame])
def test_in_full_batch_it_finds_the_solution_of_the_regressor(fit_intercept, stored):
    X, y = data(60, 5)
    batch = PARRegressor(0.1, penalty=PENALTY, fit_intercept=fit_intercept).fit(X, y)
    found = model(max_iter=4000, tol=1e-7, fit_intercept=fit_intercept, method="prox_sgd").fit(stored(X), y)
    np.testing.assert_allclose(found.coef_, batch.coef_, atol=1e-5)
    assert found.intercept_ == pytest.approx(batch.intercept_, abs=1e-5)
    assert np.array_equal(found.codes_, batch.codes_)
    assert found.quantization_rate_ == batch.quantization_rate_
    assert found.n_iter_ < 4000 and found.result_.certificate.residual <= 1e-7


def test_small_batches_of_a_falling_step_come_near_it_and_hold_its_levels():
    X, y = data(400, 5)
    batch = PARRegressor(0.1, penalty=PENALTY).fit(X, y)
    found = model(batch_size=8, max_iter=300, learning_rate=InverseSqrt(0.2)).fit(X, y)
    np.testing.assert_allclose(found.coef_, batch.coef_, atol=0.02)
    held = (found.codes_ == batch.codes_)[batch.codes_ >= 0]
    assert held.mean() >= 0.5


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_fixes_the_fit(method):
    X, y = data(100, 5)
    first, second, other = (
        model(method=method, batch_size=8, random_state=seed, max_iter=7).fit(X, y) for seed in (0, 0, 1)
    )
    assert np.array_equal(first.coef_, second.coef_) and first.intercept_ == second.intercept_
    assert first.intercept_ != other.intercept_


# -- streams ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", STREAMS)
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array])
def test_a_pickled_stream_goes_on_bit_for_bit(method, stored):
    X, y = data(600, 5)
    parts = np.array_split(np.arange(600), 12)
    whole = model(method=method, batch_size=16)
    broken = clone(whole)
    for number, rows in enumerate(parts):
        whole.partial_fit(stored(X[rows]), y[rows])
        if number == 5:
            broken = pickle.loads(pickle.dumps(broken))
        broken.partial_fit(stored(X[rows]), y[rows])
    assert np.array_equal(whole.coef_, broken.coef_) and whole.intercept_ == broken.intercept_
    assert whole.t_ == broken.t_ == 12 * 4


def test_a_stream_comes_near_the_solution_on_all_of_it():
    X, y = data(6000, 5)
    batch = PARRegressor(0.1, penalty=PENALTY).fit(X, y)
    stream = model(batch_size=16, learning_rate=InverseSqrt(0.2))
    for rows in np.array_split(np.arange(6000), 60):
        stream.partial_fit(X[rows], y[rows])
    np.testing.assert_allclose(stream.coef_, batch.coef_, atol=0.05)


def test_rows_of_weight_zero_change_nothing_not_even_the_clock():
    X, y = data(60, 5)
    subject = model(batch_size=8).partial_fit(X, y)
    before = pickle.dumps((subject.coef_, subject.intercept_, subject.t_, subject._saved))
    subject.partial_fit(X + 1, y, sample_weight=np.zeros(60))
    assert pickle.dumps((subject.coef_, subject.intercept_, subject.t_, subject._saved)) == before
    fresh = model(batch_size=8).partial_fit(X, y, sample_weight=np.zeros(60))
    assert fresh.t_ == 0 and not fresh.coef_.any() and np.array_equal(fresh.predict(X), np.zeros(60))
    weights = np.repeat([1.0, 0.0], 30)
    some = model(batch_size=8).partial_fit(X, y, sample_weight=weights)
    assert np.array_equal(some.coef_, model(batch_size=8).partial_fit(X[:30], y[:30]).coef_)


def test_a_fit_is_continued_by_a_stream_and_a_stream_is_forgotten_by_a_fit():
    X, y = data(100, 5)
    subject = model(batch_size=16, max_iter=3).fit(X, y)
    batches = subject.t_
    subject.partial_fit(X, y)
    assert subject.t_ == batches + 7 and not hasattr(subject, "result_")
    again = subject.fit(X, y)
    assert again.t_ == batches and np.array_equal(
        again.coef_, model(batch_size=16, max_iter=3).fit(X, y).coef_
    )


@pytest.mark.parametrize("method", SCHEDULED)
def test_a_schedule_has_no_stream(method):
    assert not hasattr(model(method=method), "partial_fit")


def test_the_automatic_step_never_grows_along_a_stream():
    X, y = data(60, 5)
    calm = model(batch_size=8).partial_fit(X, y)
    wild = model(batch_size=8).partial_fit(X, y).partial_fit(10 * X, 10 * y)
    assert wild._saved["step_size"].eta < calm._saved["step_size"].eta
    after = wild.partial_fit(X, y)
    assert after._saved["step_size"].eta == wild._saved["step_size"].eta


# -- weights ----------------------------------------------------------------------------------------


def test_a_weight_is_a_number_of_copies():
    X, y = np.arange(3.0)[:, None], np.arange(3.0)
    found, targets, weights = copies(X, y, np.array([2.0, 0.0, 1.5]))
    assert targets.tolist() == [0.0, 0.0, 2.0, 2.0] and weights.tolist() == [1.0, 1.0, 0.75, 0.75]
    assert found.ravel().tolist() == targets.tolist()
    heavy = copies(X, y, np.array([1e6, 2e6, 3e6]))[2]
    assert heavy.size <= 3 * 17 and heavy.sum() == pytest.approx(6e6)


def test_weights_are_repetitions_in_full_batch():
    X, y = data(40, 5)
    counts = np.random.default_rng(0).integers(0, 4, 40)
    weighted = model(max_iter=50).fit(X, y, sample_weight=counts)
    repeated = model(max_iter=50).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-12)


def test_weights_are_repetitions_in_distribution_in_small_batches():
    X, y = data(30, 3)
    counts = np.random.default_rng(0).integers(0, 4, 30)
    order = np.random.default_rng(1).permutation(counts.sum())
    X_long, y_long = np.repeat(X, counts, axis=0)[order], np.repeat(y, counts)[order]
    options = {
        "batch_size": 4,
        "max_iter": 2,
        "method": "prox_sgd",
        "learning_rate": "constant",
        "eta0": 0.05,
    }
    seeds = range(300)
    weighted = [model(random_state=s, **options).fit(X, y, sample_weight=counts).coef_ for s in seeds]
    repeated = [model(random_state=1000 + s, **options).fit(X_long, y_long).coef_ for s in seeds]
    for a, b in zip(np.transpose(weighted), np.transpose(repeated), strict=True):
        assert stats.ks_2samp(a, b).pvalue > 1e-3
    unweighted = [model(random_state=s, **options).fit(X, y).coef_ for s in seeds]
    pairs = zip(np.transpose(weighted), np.transpose(unweighted), strict=True)
    assert min(stats.ks_2samp(a, b).pvalue for a, b in pairs) < 1e-6


# -- stopping ---------------------------------------------------------------------------------------


def test_an_early_stop_looks_at_rows_that_were_left_out():
    X, y = data(200, 5)
    subject = model(early_stopping=True, tol=1e-3, max_iter=500, n_iter_no_change=3, batch_size=8).fit(X, y)
    assert subject.n_iter_ < 500
    best = clone(subject).set_params(keep="best").fit(X, y)
    assert best.score(X, y) > 0.5 and best.n_iter_ == subject.n_iter_


def test_without_convergence_there_is_a_warning_with_a_remedy_and_none_without_a_tolerance():
    X, y = data(100, 5)
    with pytest.warns(ConvergenceWarning, match=r"did not reach tol = 1\.00e-10 in 3 epochs.*Raise max_iter"):
        model(tol=1e-10, max_iter=3).fit(X, y)
    model(max_iter=3).fit(X, y)


def test_a_callback_and_verbose_see_every_epoch(capsys):
    X, y = data(100, 5)
    seen = []
    subject = model(
        callback=lambda epoch, state, certificate: seen.append(epoch) or epoch == 4, verbose=1
    ).fit(X, y)
    assert seen == [1, 2, 3, 4] and subject.n_iter_ == 4
    assert capsys.readouterr().out.count("epoch ") == 4
    model().fit(X, y)
    assert capsys.readouterr().out == ""


def test_the_best_epoch_is_kept():
    X, y = data(100, 5)
    options = {"method": "straight_through", "batch_size": 8, "learning_rate": "constant", "eta0": 0.3}
    last, best = (model(keep=keep, **options).fit(X, y) for keep in ("last", "best"))
    assert best.result_.certificate.objective < last.result_.certificate.objective


def test_a_warm_start_begins_at_the_last_coefficients():
    X, y = data(100, 5)
    options = {"method": "prox_sgd", "tol": 1e-6, "max_iter": 5000}
    cold = model(**options).fit(X, y)
    warm = clone(cold).set_params(warm_start=True).fit(X, y)
    assert warm.fit(X, y).n_iter_ < cold.n_iter_


def test_diverging_steps_are_an_error_with_a_remedy():
    X, y = data(100, 5)
    options = {"learning_rate": "constant", "eta0": 1e3, "method": "prox_sgd", "max_iter": 1000}
    with pytest.raises(ValueError, match="use learning_rate='auto', a smaller eta0"):
        model(**options).fit(X, y)
    stream = model(**options)
    with pytest.raises(ValueError, match="use learning_rate='auto', a smaller eta0"):
        for _ in range(1000):
            stream.partial_fit(X, y)
    assert np.isfinite(stream.coef_).all()


def test_parameters_can_be_searched():
    X, y = data(80, 4)
    grid = {"alpha": [0.01, 10.0], "method": ["aprox", "prox_quant"]}
    search = GridSearchCV(model(), grid, cv=3, n_jobs=1).fit(X, y)
    assert search.best_params_["alpha"] == 0.01


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"alpha": -1.0}, ValueError, "alpha must be"),
        ({"penalty": "lasso"}, TypeError, "penalty must be a PAR"),
        ({"method": "adam"}, ValueError, "method must be one of aprox"),
        ({"learning_rate": "optimal"}, ValueError, "learning_rate must be a schedule or one of"),
        ({"learning_rate": 0.1}, ValueError, "learning_rate must be a schedule or one of.*eta0"),
        ({"eta0": 0.0}, ValueError, "eta0 must be"),
        ({"power_t": -1.0}, ValueError, "power_t must be"),
        ({"batch_size": 0}, ValueError, "batch_size must be >= 1"),
        ({"max_iter": 0}, ValueError, "max_iter must be >= 1"),
        ({"tol": 0.0}, ValueError, "tol must be"),
        ({"shuffle": "no"}, TypeError, "shuffle must be True or False"),
        ({"average": True, "method": "prox_sgd"}, ValueError, "for method='aprox' alone"),
        ({"keep": "first"}, ValueError, "keep must be"),
        ({"early_stopping": True, "method": "parq"}, ValueError, "cut off the schedule"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction must lie"),
        ({"validation_fraction": 0.0}, ValueError, "validation_fraction must be"),
        ({"callback": 3}, TypeError, "callback must be"),
        ({"verbose": -1}, ValueError, "verbose must be"),
        ({"alpha": 0.0, "method": "parq"}, ValueError, "no penalty for method=.parq. to take levels from"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be >= 1"),
    ],
)
def test_wrong_parameters_are_named(parameters, error, message):
    X, y = data()
    with pytest.raises(error, match=message):
        model(**parameters).fit(X, y)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 4), (3, 1)])
def test_one_row_and_one_column(n, d):
    X, y = data(n, d)
    for method in METHODS:
        assert np.isfinite(model(method=method).fit(X, y).coef_).all()


def test_float32_data_and_a_penalty_without_levels():
    X, y = data(50, 4)
    found = model().fit(X.astype(np.float32), y)
    np.testing.assert_allclose(
        found.coef_, model().fit(X.astype(np.float32).astype(float), y).coef_, atol=1e-12
    )
    flat = model(penalty=PAR([], [0.0])).fit(X, y)
    assert flat.quantization_rate_ == 0.0 and flat.levels_.size == 0


def test_a_stream_takes_parameters_as_they_are_set_and_refuses_those_that_cannot_change():
    X, y = data(60, 5)
    options = {"batch_size": 8, "learning_rate": "constant", "eta0": 0.05}
    slow = model(**options).partial_fit(X, y).set_params(eta0=1e-9).partial_fit(X, y)
    assert slow._saved["step_size"].eta == 1e-9
    for change in ({"fit_intercept": False}, {"method": "prox_sgd"}, {"alpha": 0.5}, {"penalty": None}):
        with pytest.raises(ValueError, match="cannot change along a stream"):
            model(**options).partial_fit(X, y).set_params(**change).partial_fit(X, y)
    with pytest.raises(ValueError, match="average cannot change"):
        model(**options).partial_fit(X, y).set_params(average=True).partial_fit(X, y)


def test_the_seed_counts_in_a_stream_after_a_fit_and_parts_have_orders_of_their_own():
    X, y = data(64, 5)
    fitted = [model(batch_size=8, max_iter=1, random_state=seed).fit(X, y) for seed in (0, 1)]
    assert fitted[0].partial_fit(X, y).intercept_ != fitted[1].partial_fit(X, y).intercept_
    subject, seen = model(batch_size=1, method="prox_sgd"), []
    for _ in range(2):
        subject.partial_fit(X, y)
        seen.append(subject.intercept_)
    assert seen[0] != seen[1]


def test_a_first_part_that_diverges_leaves_no_model():
    X, y = data(60, 5)
    subject = model(learning_rate="constant", eta0=1e200, method="prox_sgd", batch_size=4)
    with pytest.raises(ValueError, match="diverge"):
        subject.partial_fit(X, y)
    assert not hasattr(subject, "coef_")


@pytest.mark.parametrize(("weight", "like"), [(1e308, 16.0), (1e-300, 1.0)])
def test_weights_of_any_size_are_weights(weight, like):
    X, y = data(40, 5)
    expected = model().fit(X, y, np.full(40, like)).coef_
    np.testing.assert_allclose(model().fit(X, y, np.full(40, weight)).coef_, expected, atol=1e-10)


def test_rows_of_weight_zero_are_gone_before_an_early_stop_leaves_rows_out():
    X, y = data(60, 5)
    weights = np.repeat([1.0, 0.0], 30)
    some = model(early_stopping=True).fit(X, y, weights)
    assert np.array_equal(some.coef_, model(early_stopping=True).fit(X[:30], y[:30]).coef_)
    with pytest.raises(ValueError, match="two or more rows of positive weight"):
        model(early_stopping=True).fit(X[:2], y[:2], [1.0, 0.0])


def test_a_callback_that_does_not_stop_leaves_the_warning():
    X, y = data(60, 5)
    with pytest.warns(ConvergenceWarning, match="did not reach"):
        model(tol=1e-12, max_iter=3, callback=lambda *_: None).fit(X, y)
