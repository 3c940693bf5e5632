"""Multiples of a penalty are, bit for bit, the penalty made from the products."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlin import PAR
from tests import random_par
from tests.random_par import NAMED, SEEDED


@SEEDED
@given(random_par.pars(), st.lists(random_par.powers_of_two, min_size=2, max_size=2))
def test_scaling_twice_is_scaling_by_the_product(par, lams):
    assert par.scaled(lams[0]).scaled(lams[1]) == par.scaled(lams[0] * lams[1])


def _equal_bits(one: PAR, other: PAR) -> bool:
    """Whether two penalties give the same floats, to whatever they are asked."""
    points = np.concatenate((one.levels, one.levels + 0.3, np.linspace(-9.0, 9.0, 23)))
    slopes = np.linspace(-3.0, 3.0, 23)
    with np.errstate(invalid="ignore"):
        answers = [
            (
                *(getattr(par, name)(points) for name in ("value", "codes", "prox")),
                *(*par.subdifferential(points), *par.anchors, par.conjugate(slopes), par.quantization_levels),
                par.fenchel_young(points[:23], slopes),
                np.array([*par.rest, *par.domain, par.shape, par.minimiser()], dtype=object),
            )
            for par in (one, other)
        ]
    parts = [[part.tobytes() if part.dtype != object else part.tolist() for part in a] for a in answers]
    return one == other and hash(one) == hash(other) and parts[0] == parts[1]


@pytest.mark.parametrize("lam", [1e-6, 0.3, 1 / 3, 1e6])
@pytest.mark.parametrize(("name", "par"), NAMED)
def test_a_multiple_is_bit_for_bit_the_penalty_made_from_the_products(name, par, lam):
    slopes = par.slopes.copy()
    slopes[np.isfinite(slopes)] *= lam
    scaled, scratch = par.scaled(lam), PAR.merged(par.levels, slopes)
    assert _equal_bits(scaled, scratch)
    assert _equal_bits(scaled, pickle.loads(pickle.dumps(scaled)))


@SEEDED
@given(random_par.pars(), st.floats(1e-3, 1e3))
def test_a_random_multiple_is_bit_for_bit_the_penalty_made_from_the_products(par, lam):
    slopes = par.slopes.copy()
    slopes[np.isfinite(slopes)] *= lam
    assert _equal_bits(par.scaled(lam), PAR.merged(par.levels, slopes))


def test_a_multiple_whose_slopes_underflow_is_made_anew():
    par = PAR([-1.0, 0.0, 1.0], [-1.0, -1e-320, 1e-320, 1.0])
    assert par.scaled(1e-10) == PAR([-1.0, 1.0], [-1e-10, 0.0, 1e-10])
    tiny = PAR([0.0, 1.0], [-1.0, 5e-324, 1.0])
    assert tiny.scaled(0.1) == PAR([0.0, 1.0], [-0.1, 0.0, 0.1]) and tiny.scaled(0.1).minimiser() == 0.0
