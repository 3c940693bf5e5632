"""The prox as a method of the penalty: its arguments, its output array, and the tables it keeps."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from parlin import PAR, designs
from tests.cases import W

INF = np.inf


@pytest.mark.parametrize("step", [0.5, np.full(4, 0.5), np.linspace(0.5, 0.9, 4)])
def test_out_receives_the_result_and_may_be_the_argument_itself(step):
    v = np.array([-3.0, 0.2, 0.9, 2.0])
    expected = W.prox(v, step)
    out = np.full(4, np.nan)
    assert W.prox(v, step, out=out) is out
    assert np.array_equal(out, expected)
    assert np.array_equal(W.prox(v, step, out=v), expected)
    assert np.array_equal(v, expected)


@pytest.mark.parametrize(
    "out",
    [np.zeros(4, dtype=int), np.zeros(4, dtype=np.float32), np.zeros((2, 4)), np.zeros((4, 1)), np.zeros(5)],
)
def test_out_of_another_shape_or_type_is_refused(out):
    with pytest.raises((ValueError, TypeError)):
        W.prox(np.array([-3.2, 0.2, 0.9, 2.3]), 0.5, out=out)


@pytest.mark.parametrize("step", [0.5, np.linspace(0.5, 0.9, 5)])
def test_no_map_writes_into_its_arguments(step):
    v, gradient = np.array([-3.0, 0.0, 0.2, 0.9, 2.0]), np.ones(5)
    v.flags.writeable = gradient.flags.writeable = False
    for par in (W, designs.ridge(0.1, 40), designs.box(-1.0, 1.0)):
        par.prox(v, step), par.value(v), par.subdifferential(v), par.distance(gradient, v), par.conjugate(v)
        par.fenchel_young(v, gradient), par.codes(v), par.nearest_level(v)
    assert not np.shares_memory(designs.box(-9.0, 9.0).prox(v, step), v)


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, INF, [0.5, 0.0], [0.5, np.nan], [INF, 1.0]])
def test_steps_that_are_not_positive_numbers_are_refused(step):
    with pytest.raises(ValueError, match="step must be a positive finite number"):
        W.prox([0.0, 1.0], step)


def test_ties_that_do_not_exist_or_are_not_supported_are_refused():
    with pytest.raises(ValueError, match=r"ties='left' needs one step for all coordinates; use ties='right'"):
        W.prox([0.0, 1.0], [0.5, 0.6], ties="left")
    for step in (0.5, [0.5, 0.6]):
        with pytest.raises(ValueError):
            W.prox([0.0, 1.0], step, ties="middle")


def test_many_different_steps_one_after_the_other_give_what_each_gives_alone():
    par, v = designs.sawtooth(0.5, 3), np.linspace(-2.0, 2.0, 50)
    steps = np.linspace(0.01, 0.9, 40)
    alone = [designs.sawtooth(0.5, 3).prox(v, s) for s in steps]
    for _ in range(2):  # more steps than tables are kept, in both orders
        for s, expected in zip(steps, alone, strict=True):
            assert np.array_equal(par.prox(v, s), expected)
        steps, alone = steps[::-1], alone[::-1]


def test_tables_of_many_steps_are_not_all_kept():
    par = PAR(np.arange(10_000.0), np.cumsum(np.random.default_rng(6).uniform(1, 2, 10_001)))
    v = np.zeros(1)
    tracemalloc.start()
    try:
        for step in np.linspace(0.1, 0.9, 200):
            par.prox(v, step)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10e6  # one table is a third of a megabyte
