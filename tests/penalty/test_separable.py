"""The penalty of a problem against its definition, one coordinate after the other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parlin import PAR, designs
from parlin.penalty.separable import SeparablePenalty
from tests import laws
from tests.cases import W
from tests.penalty.cases import probes
from tests.random_par import NAMED

INF = np.inf
STEP = 0.4


def weighted(par: PAR, points: np.ndarray) -> tuple[SeparablePenalty, np.ndarray]:
    """The penalty with a weight for each point, two of seven of them zero, and the weights."""
    weights = np.resize([1.0, 0.0, 2.5, 0.3, 1e-3, 0.0, 40.0], points.size)
    return SeparablePenalty(par, points.size, weights), weights


def multiple(par: PAR, weight: float) -> PAR:
    """``weight · ψ`` written down, the sides of a box unchanged."""
    slopes = par.slopes.copy()
    slopes[np.isfinite(slopes)] *= weight
    return PAR(par.levels, slopes)


# -- coordinate by coordinate -----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_value_is_the_sum_over_the_penalised_coordinates(name, par):
    w = np.clip(probes(par), *par.domain)
    penalty, weights = weighted(par, w)
    terms = weights * laws.value_by_definition(par, w)
    assert penalty.value(w) == pytest.approx(math.fsum(terms), rel=1e-13, abs=1e-13)
    outside = w.copy()
    outside[weights == 0] = 1e6  # no box for what is not penalised
    assert penalty.value(outside) == penalty.value(w)


def test_the_value_outside_the_box_of_one_penalised_coordinate_is_infinite():
    penalty = SeparablePenalty(designs.box(-1.0, 1.0), 3, [1.0, 0.0, 2.0])
    assert penalty.value([0.5, 9.0, -1.0]) == 0.0
    assert penalty.value([1.5, 9.0, -1.0]) == INF


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_prox_minimises_with_the_weight_of_each_coordinate(name, par):
    v = probes(par)
    penalty, weights = weighted(par, v)
    before = v.copy()
    x = penalty.prox(v, STEP)
    assert np.array_equal(v, before)
    assert np.array_equal(x[weights == 0], v[weights == 0])
    for weight in np.unique(weights[weights > 0]):
        here = np.flatnonzero(weights == weight)[::3]  # a third is enough: rational arithmetic is slow
        laws.prox_minimises(par, v[here], STEP * weight, x[here])


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_the_distance_is_to_the_slopes_of_each_weighted_penalty(name, par):
    w = np.clip(probes(par), *par.domain)
    penalty, weights = weighted(par, w)
    gradient = np.random.default_rng(8).uniform(-3.0, 3.0, w.size)
    found = penalty.distance(gradient, w)
    for g, x, weight, distance in zip(gradient, w, weights, found, strict=True):
        low, high = multiple(par, weight).subdifferential(x) if weight else (0.0, 0.0)
        assert distance == pytest.approx(max(low + g, -g - high, 0.0), rel=1e-13, abs=1e-14)


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_only_penalised_coordinates_are_on_levels_rounded_and_clipped(name, par):
    w = probes(par)
    penalty, weights = weighted(par, w)
    active = weights > 0
    assert np.array_equal(penalty.on_level(w), np.isin(w, par.levels) & active)
    assert np.array_equal(penalty.clip(w), np.where(active, np.clip(w, *par.domain), w))
    grid = par.quantization_levels
    nearest = grid[np.argmin(np.abs(w[:, None] - grid), axis=1)]
    found = penalty.rounded(w)
    assert np.array_equal(found[~active], w[~active])
    assert np.isin(found[active], grid).all()
    # Half-way between two levels either is the nearest, to a rounding of the point.
    assert np.all((np.abs(found - w) <= np.abs(nearest - w) + laws.EPS * np.abs(w))[active])


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_no_weights_are_weights_of_one(name, par):
    w = probes(par)
    plain, ones = SeparablePenalty(par, w.size), SeparablePenalty(par, w.size, np.ones(w.size))
    inside, gradient = np.clip(w, *par.domain), np.random.default_rng(9).standard_normal(w.size)
    assert plain.value(inside) == pytest.approx(ones.value(inside), rel=1e-13)
    assert np.array_equal(plain.prox(w, STEP), ones.prox(w, STEP))
    assert np.array_equal(plain.distance(gradient, w), ones.distance(gradient, w))
    for name in ("on_level", "clip", "rounded"):
        assert np.array_equal(getattr(plain, name)(w), getattr(ones, name)(w))
    for name in ("penalised", "unpenalised", "n_penalised", "start", "smallest_slopes"):
        assert np.array_equal(getattr(plain, name), getattr(ones, name))


# -- what it knows of itself ------------------------------------------------------------------------


def test_the_penalised_coordinates_are_those_of_positive_weight():
    penalty = SeparablePenalty(W, 4, [0.0, 1.0, 5e-324, 0.0])
    assert penalty.penalised.tolist() == [False, True, True, False]
    assert penalty.unpenalised.tolist() == [0, 3]
    assert penalty.n_penalised == 2


def test_the_start_is_the_minimiser_where_there_is_a_penalty_and_zero_elsewhere():
    assert SeparablePenalty(designs.box(0.5, 2.0), 3, [1.0, 0.0, 2.0]).start.tolist() == [0.5, 0.0, 0.5]
    assert SeparablePenalty(designs.lasso(0.5, 2), 2, [0.0, 1.0]).start.tolist() == [0.0, 0.0]


def test_the_smallest_slopes_are_those_of_each_weight_and_the_least_where_there_is_none():
    par = PAR([-1.0, 0.0, 1.0], [-2.0, 0.0, 0.5, INF])
    assert SeparablePenalty(par, 2).smallest_slopes.tolist() == [0.5, 0.5]
    assert SeparablePenalty(par, 3, [4.0, 0.0, 2.0]).smallest_slopes.tolist() == [2.0, 1.0, 1.0]
    assert SeparablePenalty(par, 2, [0.0, 0.0]).smallest_slopes.tolist() == [0.5, 0.5]
    assert SeparablePenalty(designs.box(-1.0, 1.0), 2).smallest_slopes is None


def test_nothing_about_it_can_be_changed():
    weights = np.array([1.0, 0.0])
    penalty = SeparablePenalty(W, 2, weights)
    weights[:] = 7.0
    assert penalty.weights.tolist() == [1.0, 0.0]
    for name in ("weights", "penalised", "unpenalised", "start", "smallest_slopes"):
        assert not getattr(penalty, name).flags.writeable
    w = np.array([0.25, 0.5])
    for copy in (penalty.clip(w), SeparablePenalty(W, 2).clip(w)):
        assert not np.shares_memory(copy, w)


def test_what_is_no_penalty_and_what_are_no_weights_is_named():
    with pytest.raises(TypeError, match=r"^penalty must be a PAR, but is list$"):
        SeparablePenalty([1.0], 1)
    with pytest.raises(ValueError, match=r"^penalty_weights must have shape \(2,\), not \(3,\)$"):
        SeparablePenalty(W, 2, [1.0, 1.0, 1.0])
    for bad in (-1e-300, math.nan, INF):
        with pytest.raises(ValueError, match=r"^penalty_weights must be finite and nonnegative$"):
            SeparablePenalty(W, 2, [1.0, bad])
