"""What a penalty says of points: values, subdifferential, distance, codes and rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from parlin import PAR, designs
from tests import laws, random_par
from tests.cases import W
from tests.penalty.cases import probes
from tests.random_par import NAMED, SEEDED

INF = np.inf


# -- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_value_is_the_integral_of_the_slopes(name, par):
    x = probes(par)
    np.testing.assert_allclose(par.value(x), laws.value_by_definition(par, x), rtol=1e-13, atol=1e-13)


@SEEDED
@given(random_par.pars(), random_par.arguments)
def test_the_value_is_the_integral_of_the_slopes_for_any_penalty(par, x):
    # Quarters and sixteenths: every product and sum is exact.
    assert np.array_equal(par.value(x), laws.value_by_definition(par, x))


def test_values_outside_a_box_are_infinite_and_at_its_sides_finite():
    par = PAR([1.0, 2.0], [-INF, 3.0, INF])
    below, above = np.nextafter(1.0, 0.0), np.nextafter(2.0, 3.0)
    assert par.value([0.0, below, 1.0, 2.0, above, 9.0]).tolist() == [INF, INF, 0.0, 3.0, INF, INF]


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (0,), (2, 0, 3)])
def test_every_map_keeps_the_shape_of_its_argument(shape):
    w = np.random.default_rng(1).standard_normal(shape)
    for result in (
        W.value(w),
        W.prox(w, 0.3),
        W.codes(w),
        W.on_level(w),
        W.distance(w, w),
        W.conjugate(w),
        *W.subdifferential(w),
        W.nearest_level(w),
        W.fenchel_young(w, w),
        W.prox(w, np.full(shape, 0.3)) if shape else W.prox(w, 0.3),
    ):
        assert np.shape(result) == shape


# -- subdifferential --------------------------------------------------------------------------------


def test_the_subdifferential_is_clarkes():
    low, high = W.subdifferential([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
    assert low.tolist() == [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0]
    assert high.tolist() == [-1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0]
    low, high = PAR([1.0, 2.0], [-INF, 3.0, INF]).subdifferential([1.0, 1.5, 2.0])
    assert low.tolist() == [-INF, 3.0, 3.0] and high.tolist() == [3.0, 3.0, INF]


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_subdifferential_is_spanned_by_the_slopes_nearby(name, par):
    # Clarke's definition: the hull of the limits of derivatives.
    x, tiny = probes(par), 1e-6
    low, high = par.subdifferential(x)
    with np.errstate(invalid="ignore"):
        ahead = (par.value(x + tiny) - par.value(x)) / tiny
        behind = (par.value(x) - par.value(x - tiny)) / tiny
    inside = np.isfinite(par.value(x))
    np.testing.assert_allclose(low[inside], np.minimum(ahead, behind)[inside], atol=1e-8)
    np.testing.assert_allclose(high[inside], np.maximum(ahead, behind)[inside], atol=1e-8)


@pytest.mark.parametrize(("name", "par"), [(n, p) for n, p in NAMED if p.shape == "convex"])
def test_subgradients_of_convex_designs_support_the_graph(name, par):
    laws.subgradient(par, probes(par), probes(par, seed=1))


@SEEDED
@given(random_par.pars(shape="convex"), random_par.arguments, random_par.arguments)
def test_subgradients_of_convex_penalties_support_the_graph(par, w, u):
    laws.subgradient(par, w, u)


def test_the_distance_is_to_minus_the_gradient():
    par = PAR([0.0], [-1.0, 2.0])
    # At 0 the interval is [−1, 2]: gradients −2..1 are absorbed.
    assert par.distance([-2.0, 1.0, -2.5, 1.5, 0.0], np.zeros(5)).tolist() == [0.0, 0.0, 0.5, 0.5, 0.0]
    assert par.distance([-2.0, 1.0], [1.0, 1.0]).tolist() == [0.0, 3.0]
    boxed = PAR([1.0, 2.0], [-INF, 3.0, INF])
    assert boxed.distance([1e9, -1e9], [1.0, 2.0]).tolist() == [0.0, 0.0]
    assert boxed.distance([-1e9], [1.0]).tolist() == [1e9 - 3.0]
    assert np.all(boxed.distance([0.0, 0.0], [0.0, 3.0]) == INF)


# -- codes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_codes_name_the_level_float_for_float(name, par):
    assert np.array_equal(par.codes(par.levels), np.arange(par.levels.size))
    for neighbour in (np.nextafter(par.levels, -INF), np.nextafter(par.levels, INF)):
        assert np.all(par.codes(neighbour) == -1)
    x = probes(par)
    assert np.array_equal(par.on_level(x), np.isin(x, par.levels))
    on = par.on_level(x)
    assert np.array_equal(par.levels[par.codes(x)[on]], x[on])


def test_codes_without_levels_and_of_what_is_not_finite():
    assert PAR([], [1.0]).codes([0.0, 1.0]).tolist() == [-1, -1]
    assert W.codes([np.nan, INF, -INF, -0.0]).tolist() == [-1, -1, -1, 1]


def test_p2_a_rate_of_quantization_has_no_tolerance():
    # The authors' program counts within 1e-3; here one rounding off a level is off it.
    near = np.concatenate([W.levels + shift for shift in (1e-3, 1e-9, 4e-16, -4e-16, -1e-3)])
    near = near[near != 0.0]
    assert not W.on_level(near).any()
    assert W.on_level(W.levels).all()


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_rounding_goes_to_the_nearest_quantization_level(name, par):
    grid, x = par.quantization_levels, np.random.default_rng(5).uniform(-5, 5, 300)
    assert np.array_equal(par.nearest_level(x), grid[np.argmin(np.abs(x[:, None] - grid), axis=1)])
    assert np.array_equal(par.nearest_level(grid), grid)


def test_rounding_takes_halves_up_and_skips_concave_kinks():
    assert W.nearest_level([0.0, -0.1, 0.1, 7.0, -7.0]).tolist() == [1.0, -1.0, 1.0, 1.0, -1.0]
    assert designs.integers(0, 3).nearest_level([0.5, 1.5, 2.5]).tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="no convex kink, so there is no level to round to"):
        PAR([0.0], [1.0, -1.0]).nearest_level([1.0])


# -- the prox as a method ---------------------------------------------------------------------------


def test_levels_are_found_again_after_the_array_has_changed_and_in_long_arrays():
    par = PAR([-1.0, 0.0, 2.0], [-2.0, -1.0, 1.0, 3.0])
    w = np.array([2.0, 0.5])
    assert par.on_level(w).tolist() == [True, False]
    w[:] = 0.5, -1.0
    assert par.on_level(w).tolist() == [False, True]
    rng = np.random.default_rng(3)
    long = rng.choice([0.0, -0.0, 2.0, -1.0, 0.4, -7.0, np.inf, np.nan], (70, 60))
    for method in (par.value, par.codes, lambda x: par.subdifferential(x)[0], par.on_level):
        with np.errstate(invalid="ignore"):
            whole, parts = method(long), np.array([method(row) for row in long])
        assert np.array_equal(whole, parts, equal_nan=whole.dtype == np.float64)
