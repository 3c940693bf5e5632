"""Checked numbers: every argument of the library that must be a number is checked, and named, by these."""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np


def whole(name: str, value: object, low: int, remedy: str = "") -> int:
    """`value` as an int of at least `low`.

    Raises
    ------
    TypeError
        If it is no whole number.
    ValueError
        If it is smaller; `remedy` ends the message.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, but is {value!r}")
    if value < low:
        raise ValueError(_sentence(f"{name} must be >= {low}, but is {value!r}", remedy))
    return int(value)


def finite(name: str, value: object, remedy: str = "") -> float:
    """`value` as a finite float; a TypeError if it is no real number, a ValueError if it is not finite."""
    number = _real(name, value)
    if not math.isfinite(number):
        raise ValueError(_sentence(f"{name} must be finite, but is {value!r}", remedy))
    return number


def positive(name: str, value: object, remedy: str = "") -> float:
    """`value` as a finite float > 0; errors as for `finite`."""
    number = _real(name, value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(_sentence(f"{name} must be finite and > 0, but is {value!r}", remedy))
    return number


def at_least_zero(name: str, value: object, remedy: str = "") -> float:
    """`value` as a finite float >= 0; errors as for `finite`."""
    number = _real(name, value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(_sentence(f"{name} must be finite and >= 0, but is {value!r}", remedy))
    return number


def flag(name: str, value: object) -> bool:
    """`value` as a bool; a TypeError unless it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, but is {value!r}")
    return bool(value)


def _sentence(fault: str, remedy: str) -> str:
    return f"{fault}; {remedy}" if remedy else fault


def _real(name: str, value: object) -> float:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, but is {value!r}")
    return float(value)
