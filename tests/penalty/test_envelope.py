"""The convex relative of a penalty: convex, on the same domain, with the same minimiser."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from parlin import PAR, designs
from tests import random_par
from tests.cases import W
from tests.random_par import SEEDED


@SEEDED
@given(random_par.pars(shape="convex", bounded_below=True))
def test_the_convex_relative_of_a_convex_penalty_is_itself(par):
    assert par.convex_relative() == par


@SEEDED
@given(random_par.pars(bounded_below=True))
def test_the_convex_relative_is_convex_with_the_same_minimiser_and_steeper_outward(par):
    relative, centre = par.convex_relative(), par.minimiser()
    assert relative.shape == "convex"
    assert relative.domain == par.domain
    assert set(relative.levels) <= set(par.levels)
    low, high = relative.subdifferential(centre)
    assert low <= 0 <= high
    away = np.concatenate((par.levels, par.levels + 0.1, par.levels - 0.1))
    sign = np.sign(away - centre)
    for own, theirs in zip(par.subdifferential(away), relative.subdifferential(away), strict=True):
        assert np.all(np.where(sign > 0, theirs >= own, True))
        assert np.all(np.where(sign < 0, theirs <= own, True))


def test_the_convex_relative_of_a_rippled_penalty_is_the_absolute_value_and_a_little_more():
    for par in (designs.mcp(0.25, 8), designs.scad(0.25, 8)):
        top = par.slopes.max()
        assert par.convex_relative() == PAR([0.0], [-top, top])
    rippled = designs.rippled_mcp(0.25, 8)
    assert rippled.convex_relative() == PAR([0.0], [-rippled.slopes.max(), rippled.slopes.max()])


@SEEDED
@given(random_par.pars())
def test_the_convex_relative_is_convex_on_the_same_domain_even_without_a_minimiser(par):
    relative = par.convex_relative()
    assert relative.shape == "convex" and relative.domain == par.domain


def test_the_convex_relative_without_a_minimiser_never_falls():
    assert PAR([0.0], [1.0, -1.0]).convex_relative() == PAR([], [0.0])
    assert PAR([0.0], [-1.0, -2.0]).convex_relative() == PAR([0.0], [-1.0, 0.0])
    assert PAR([0.0], [2.0, 1.0]).convex_relative() == PAR([0.0], [0.0, 1.0])


def test_the_convex_relative_of_a_w_is_a_valley_at_one_of_its_wells():
    assert W.convex_relative() == PAR([-1.0], [-1.0, 1.0])
