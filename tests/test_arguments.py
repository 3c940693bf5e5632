"""Checked numbers: what is accepted comes back as a plain number, and what is not is named."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest

from parlin._arguments import at_least_zero, finite, flag, positive, whole

REAL = {"finite": finite, "positive": positive, "at_least_zero": at_least_zero}


@pytest.mark.parametrize("check", REAL.values(), ids=REAL)
@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2.0), np.int8(2), np.array(2.0), np.array(2), Fraction(2)]
)
def test_every_kind_of_real_number_comes_back_as_a_float(check, value):
    found = check("step", value)
    assert type(found) is float
    assert found == 2.0


@pytest.mark.parametrize("check", REAL.values(), ids=REAL)
@pytest.mark.parametrize("value", ["2", None, True, np.True_, 2j, [2.0], np.array([2.0]), np.array(True)])
def test_what_is_no_real_number_is_a_type_error_that_names_it(check, value):
    with pytest.raises(TypeError, match=r"^step must be a real number, but is "):
        check("step", value)


@pytest.mark.parametrize(
    ("name", "accepted", "refused", "demand"),
    [
        ("finite", [-1.0, -0.0, 5e-324], [math.inf, -math.inf, math.nan], "finite"),
        ("positive", [5e-324, 1e308], [0.0, -0.0, -5e-324, math.inf, math.nan], "finite and > 0"),
        ("at_least_zero", [0.0, -0.0, 5e-324], [-5e-324, math.inf, -math.inf, math.nan], "finite and >= 0"),
    ],
)
def test_each_range_ends_where_its_name_says(name, accepted, refused, demand):
    for value in accepted:
        assert REAL[name]("step", value) == value
    for value in refused:
        message = re.escape(f"step must be {demand}, but is {value!r}")
        with pytest.raises(ValueError, match=f"^{message}$"):
            REAL[name]("step", value)
        with pytest.raises(ValueError, match=f"^{message}; halve it$"):
            REAL[name]("step", value, "halve it")


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_comes_back_as_an_int(value):
    found = whole("count", value, 3)
    assert type(found) is int
    assert found == 3


@pytest.mark.parametrize("value", [3.0, np.float64(3.0), "3", None, True, np.True_, Fraction(3), np.array(3)])
def test_what_is_no_whole_number_is_a_type_error_that_names_it(value):
    with pytest.raises(TypeError, match=r"^count must be a whole number, but is "):
        whole("count", value, 0)


def test_a_whole_number_below_the_least_is_a_value_error_with_the_remedy():
    with pytest.raises(ValueError, match=r"^count must be >= 3, but is 2$"):
        whole("count", 2, 3)
    with pytest.raises(ValueError, match=r"^count must be >= 3, but is -1; it counts levels$"):
        whole("count", -1, 3, "it counts levels")


def test_a_flag_is_true_or_false_and_nothing_that_counts_as_either():
    for value in (True, np.True_):
        assert flag("bounded", value) is True
    for value in (False, np.False_):
        assert flag("bounded", value) is False
    for value in (0, 1, None, "yes", []):
        with pytest.raises(TypeError, match=r"^bounded must be True or False, but is "):
            flag("bounded", value)
