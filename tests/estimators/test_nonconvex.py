"""PARNonconvex: certified critical points, several starts, and no claim of more."""

from __future__ import annotations

import numpy as np
import pytest

from parlin import PARNonconvex, designs
from parlin.solvers import FISTA, ProximalGradient
from tests.kkt import Raw

PENALTIES = ("rippled_mcp", "rippled_scad", "mcp", "scad", "sawtooth", "staircase")


def data(n: int = 15, d: int = 30, seed: int = 0):
    rng = np.random.default_rng((56, seed))
    X = rng.standard_normal((n, d))
    w = rng.choice([-1.0, -0.5, 0.5, 1.0], d) * (rng.random(d) < 0.2)
    return X, X @ w + 0.1 * rng.standard_normal(n) + 2.0


def prox_violation(raw: Raw, w: np.ndarray, quantization_levels: np.ndarray) -> bool:
    """Whether a coordinate rests on a level that is no convex kink: no minimiser does."""
    return bool(np.any(np.isin(w, raw.levels) & ~np.isin(w, quantization_levels)))


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("alpha", [0.02, 0.2])
@pytest.mark.parametrize("solver", ["auto", ProximalGradient(), FISTA()], ids=["auto", "PG", "FISTA"])
def test_every_penalty_ends_at_a_critical_point_off_the_concave_kinks(penalty, alpha, solver):
    X, y = data()
    model = PARNonconvex(alpha, penalty=penalty, spacing=0.5, n_levels=4, solver=solver).fit(X, y)
    scaled = model.penalty_.scaled(alpha)
    raw = Raw(X, y, scaled.levels, scaled.slopes, intercept=True)
    assert model.penalty_ == getattr(designs, penalty)(0.5, 4)
    assert model.result_.status.is_success
    assert raw.violation(model.coef_, model.intercept_) <= 1.01e-8
    assert not prox_violation(raw, model.coef_, model.penalty_.quantization_levels)


@pytest.mark.parametrize("penalty", ["mcp", "scad"])
def test_plain_chords_quantize_only_at_zero(penalty):
    # Theory 6, the interpolation trap.
    X, y = data(40, 20)
    model = PARNonconvex(0.05, penalty=penalty, spacing=0.25, n_levels=8).fit(X, y)
    on = model.coef_[model.codes_ >= 0]
    assert on.size > 0
    assert np.all(on == 0.0)
    assert model.penalty_.quantization_levels.tolist() == [0.0]


def test_nonzero_slopes_leave_fewer_than_n_coefficients_off_the_grid():
    X, y = data(12, 80)
    for penalty in ("rippled_mcp", "rippled_scad", "sawtooth"):
        model = PARNonconvex(0.05, penalty=penalty, spacing=0.25, n_levels=8, n_starts=3, random_state=0)
        model.fit(X, y)
        assert np.sum(~np.isin(model.coef_, model.levels_)) <= 11


def test_of_several_starts_the_lowest_certified_objective_is_kept():
    X, y = data()
    one = PARNonconvex(0.1, spacing=0.5, n_levels=4).fit(X, y)
    many = PARNonconvex(0.1, spacing=0.5, n_levels=4, n_starts=6, random_state=0).fit(X, y)
    assert one.objectives_.shape == (1,)
    assert many.objectives_.shape == (6,)
    assert many.objectives_[0] == one.objectives_[0] == one.result_.certificate.objective
    assert many.result_.certificate.objective == many.objectives_.min()
    assert np.ptp(many.objectives_) > 1e-6  # the starts did lead to different points
    scaled = many.penalty_.scaled(0.1)
    raw = Raw(X, y, scaled.levels, scaled.slopes, intercept=True)
    assert raw.objective(many.coef_) == pytest.approx(many.objectives_.min(), rel=1e-12)


def test_several_outputs_have_a_row_of_objectives_each():
    X, y = data()
    Y = np.column_stack((y, -2 * y, y[::-1]))
    model = PARNonconvex(0.1, spacing=0.5, n_levels=4, n_starts=2, random_state=0).fit(X, Y)
    assert model.objectives_.shape == (3, 2)
    kept = [result.certificate.objective for result in model.result_]
    assert kept == model.objectives_.min(axis=1).tolist()
    assert model.coef_.shape == (3, 30)


def test_the_random_state_decides_the_starts():
    X, y = data()
    model = PARNonconvex(0.1, spacing=0.5, n_levels=4, n_starts=4)
    fits = [model.set_params(random_state=state).fit(X, y).objectives_ for state in (0, 0, 1)]
    assert np.array_equal(fits[0], fits[1])
    assert fits[0][0] == fits[2][0]
    assert not np.array_equal(fits[0], fits[2])
    generator = np.random.RandomState(0)
    assert np.array_equal(model.set_params(random_state=generator).fit(X, y).objectives_, fits[0])


def test_it_carries_no_duality_gap_and_nothing_half_made():
    X, y = data()
    model = PARNonconvex(0.1, spacing=0.5, n_levels=4).fit(X, y)
    assert not hasattr(model, "dual_gap_")
    assert not [name for name in vars(model) if name.startswith("_") and name != "_sklearn_output_config"]


def test_without_a_strength_there_is_one_minimiser_from_every_start():
    X, y = data(40, 6)
    model = PARNonconvex(0.0, n_starts=3, random_state=0, tol=1e-11).fit(X, y)
    assert np.ptp(model.objectives_) <= 1e-12
    assert np.allclose(model.coef_, np.linalg.lstsq(X - X.mean(axis=0), y - y.mean())[0], atol=1e-8)


def test_a_signal_on_the_grid_is_found_exactly():
    rng = np.random.default_rng(57)
    X = rng.standard_normal((60, 20))
    w = rng.choice([-1.0, 0.0, 0.5, 1.0], 20)
    model = PARNonconvex(0.1, penalty="sawtooth", spacing=0.5, n_levels=3).fit(X, X @ w + 1.0)
    assert model.coef_.tolist() == w.tolist()
    assert model.intercept_ == pytest.approx(1.0, rel=1e-12)
    assert model.quantization_rate_ == 1.0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"penalty": "lasso"}, "penalty must be one of rippled_mcp, .*but is 'lasso'; .*PARRegressor"),
        ({"penalty": designs.mcp(0.5, 3)}, "penalty must be one of .*PARRegressor"),
        ({"penalty": None}, "penalty must be one of .*but is None"),
        ({"n_starts": 0}, "n_starts must be >= 1, but is 0"),
        ({"n_starts": 1.5}, "n_starts must be a whole number, but is 1.5"),
        ({"random_state": "lucky"}, "'lucky' cannot be used to seed"),
        ({"n_levels": None, "spacing": 0.5}, "n_levels must be a whole number >= 1: the shape"),
        # Giving a spacing as well would not help: the message must not say so.
        ({"n_levels": None}, "n_levels must be a whole number >= 1: the shape"),
    ],
)
def test_wrong_parameters_are_errors_with_a_remedy(parameters, message):
    X, y = data()
    with pytest.raises((TypeError, ValueError), match=message):
        PARNonconvex(0.1, **parameters).fit(X, y)
