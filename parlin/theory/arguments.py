"""Arguments of bounds: checked, named, and rejected outside the domain."""

from __future__ import annotations

import math
from numbers import Integral, Real


def whole(name: str, value: object, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, but is {value!r}")
    if value < low:
        raise ValueError(f"{name} must be >= {low}, but is {value!r}")
    return int(value)


def finite(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, but is {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, but is {value!r}")
    return float(value)


def positive(name: str, value: object) -> float:
    number = finite(name, value)
    if not number > 0:
        raise ValueError(f"{name} must be > 0, but is {value!r}")
    return number


def at_least_zero(name: str, value: object) -> float:
    number = finite(name, value)
    if number < 0:
        raise ValueError(f"{name} must be >= 0, but is {value!r}")
    return number
