"""Random penalties as levels and slopes: named ones, boxes, many levels, none, and nonconvex ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from parlin import PAR, designs
from tests.fuzz.cases import FloatArray, round_to
from tests.random_par import random_par

Rng = np.random.Generator
Data = tuple[FloatArray, FloatArray]

CONVEX: dict[str, Callable[[Rng, float], PAR]] = {
    "absolute": lambda rng, q: PAR([0.0], [-1.0, 1.0]),
    "lasso": lambda rng, q: designs.lasso(q, int(rng.integers(1, 6)), bounded=rng.random() < 0.2),
    "ridge": lambda rng, q: designs.ridge(q, int(rng.integers(0, 6)), bounded=rng.random() < 0.3),
    "many": lambda rng, q: designs.ridge(q / 20, int(rng.integers(20, 200))),
    "box": lambda rng, q: designs.box(-q * rng.integers(0, 3), q * rng.integers(1, 4)),
    "integers": lambda rng, q: _stretched(
        designs.integers(int(rng.integers(-4, 1)), int(rng.integers(1, 6))), q
    ),
    "none": lambda rng, q: PAR([], [0.0]),
    "one point": lambda rng, q: PAR([q * rng.integers(-2, 3)], [-np.inf, np.inf]),
    "one-sided": lambda rng, q: PAR([0.0], [-np.inf, 1.0]),
    "hinge": lambda rng, q: PAR([q * rng.integers(-1, 2)], [0.0, 1.0]),
    "random": lambda rng, q: random_par(rng, "convex", q, 1.0, 10),
    "boxed": lambda rng, q: random_par(rng, "convex in a box", q, 1.0, 10),
    "half boxed": lambda rng, q: random_par(rng, "convex with one box side", q, 1.0, 10),
    "scales": lambda rng, q: random_par(rng, "levels and slopes of many scales", q, 1.0, 12),
}
NONCONVEX: dict[str, Callable[[Rng, float], PAR]] = {
    "binary": lambda rng, q: designs.binary(-q, q),
    "mcp": lambda rng, q: designs.mcp(q, int(rng.integers(1, 6))),
    "rippled_mcp": lambda rng, q: designs.rippled_mcp(q, int(rng.integers(2, 7))),
    "sawtooth": lambda rng, q: designs.sawtooth(q, int(rng.integers(1, 5))),
    "staircase": lambda rng, q: designs.staircase(q, int(rng.integers(1, 5)), float(rng.choice([0.0, 0.2]))),
    "quasiconvex": lambda rng, q: random_par(rng, "quasiconvex", q, 1.0, 8),
    "nonconvex in a box": lambda rng, q: random_par(rng, "nonconvex in a box", q, 1.0, 8),
}


def _stretched(par: PAR, q: float) -> PAR:
    return PAR(q * par.levels, par.slopes)


def draw_penalty(rng: Rng, size: float, steepness: float, names: tuple[str, ...] | None = None) -> Data:
    """Levels of about `size` and slopes of about `steepness`; bounded below, each level a kink.

    Parameters
    ----------
    rng : Generator
    size, steepness : positive float
    names : tuple of str, optional
        Members of `CONVEX` and `NONCONVEX`; by default any, a convex one three times in four.
    """
    if names is None:
        names = tuple(CONVEX) if rng.random() < 0.75 else tuple(NONCONVEX)
    name = str(rng.choice(names))
    make = CONVEX.get(name) or NONCONVEX[name]
    q = float(round_to(size * 10 ** rng.uniform(-1.5, 0.5), int(rng.integers(1, 4))))
    par = make(rng, q)
    levels, slopes = par.levels.copy(), par.slopes.copy()
    # Designs have slopes like their levels; all are brought to the same steepness.
    finite = np.abs(slopes[np.isfinite(slopes) & (slopes != 0)])
    unit = steepness / np.median(finite) if finite.size else 1.0
    if rng.random() < 0.5:
        unit = float(round_to(unit, 2))
    slopes = np.where(np.isfinite(slopes), slopes * unit, slopes)
    if name == "scales":  # of many scales, but convex
        slopes = np.sort(slopes)
    return _bounded_below(*_kinks_only(levels, slopes))


def _kinks_only(levels: FloatArray, slopes: FloatArray) -> Data:
    kink = slopes[1:] != slopes[:-1]
    return levels[kink], np.concatenate((slopes[:1], slopes[1:][kink]))


def _bounded_below(levels: FloatArray, slopes: FloatArray) -> Data:
    """The penalty with ends that do not fall: all slopes shifted, or the ends turned."""
    if slopes[0] <= 0 <= slopes[-1]:
        return levels, slopes
    if levels.size == 0:
        return levels, np.zeros(1)
    increasing = np.all(slopes[1:] > slopes[:-1])
    if increasing and np.isfinite(slopes).all():
        # An inner slope becomes zero, or a level the minimiser.
        middle = slopes[slopes.size // 2]
        return _kinks_only(levels, slopes - middle)
    if increasing:
        finite = np.isfinite(slopes)
        return _kinks_only(levels, np.where(finite, slopes - slopes[finite][0], slopes))
    slopes[0], slopes[-1] = -abs(slopes[0]), abs(slopes[-1])
    return _kinks_only(levels, slopes)
