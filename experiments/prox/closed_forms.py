r"""Closed forms of proximal maps as the sources write them.

Nothing here calls the library's prox.  Two of the maps are wrong on purpose: they are rebuilt from the
description of published programs, to be refuted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parlin import PAR

FloatArray = NDArray[np.float64]


def convex_thresholds(penalty: PAR, v: FloatArray, step: float) -> FloatArray:
    """[PAR] Eq. 23 for any levels: each kink traps an interval, between them v moves by the slope."""
    levels, slopes = penalty.levels, penalty.slopes
    x = v - step * slopes[0]
    for level, left, right in zip(levels, slopes[:-1], slopes[1:], strict=True):
        x = np.where(v >= level + step * left, level, x)
        x = np.where(v > level + step * right, v - step * right, x)
    return x


def staircase(spacing: float, v: FloatArray, step: float) -> FloatArray:
    """The prox for slopes 1, 0, 1, 0, … on the half cells of a grid without end."""
    size = np.abs(v)
    if step > spacing:
        return np.sign(v) * spacing * np.maximum(0.0, np.round((size - 0.5 * step) / spacing))
    cell = np.floor(size / spacing)
    rest = size - cell * spacing
    level = cell * spacing
    return np.sign(v) * np.where(
        rest <= step, level, np.where(rest < 0.5 * (spacing + step), size - step, size)
    )


def distance_to(targets: FloatArray, v: FloatArray, step: float) -> FloatArray:
    """The prox of the distance to the targets: soft-thresholding toward the nearest of them."""
    nearest = targets[np.argmin(np.abs(v[:, None] - targets), axis=1)]
    return nearest + _soft_threshold(v - nearest, step)


def distance_penalty(targets: FloatArray) -> PAR:
    """``ψ(x) = min_q |x − q|`` over the increasing targets q, as levels and slopes."""
    levels = np.empty(2 * targets.size - 1)
    levels[::2], levels[1::2] = targets, 0.5 * (targets[1:] + targets[:-1])
    return PAR(levels, np.tile([-1.0, 1.0], targets.size))


def soft_quantizer(targets: FloatArray, p: FloatArray, rho: float) -> FloatArray:
    """PARQ's map: within each cell a line of slope ``rho >= 1`` through the middle, cut at the targets."""
    cell = np.clip(np.searchsorted(targets, p, side="right") - 1, 0, targets.size - 2)
    low, high = targets[cell], targets[cell + 1]
    middle = 0.5 * (low + high)
    return np.clip(middle + rho * (p - middle), low, high)


def chords_of_half_square(targets: FloatArray) -> PAR:
    """The convex PAR that interpolates ``x²/2`` at the targets, with box sides at the outer two."""
    return PAR(targets, np.concatenate(([-np.inf], 0.5 * (targets[1:] + targets[:-1]), [np.inf])))


# -- maps of published programs that are wrong --------------------------------------------------------


def sawtooth_blind_to_levels(v: FloatArray, step: float) -> FloatArray:
    """Soft-thresholding toward the nearest whole number, wherever the sawtooth has its valleys."""
    nearest = np.round(v)
    return nearest + _soft_threshold(v - nearest, step)


def binary_by_sign(v: FloatArray, step: float) -> FloatArray:
    """Soft-thresholding toward the sign of v, where the sign of 0 is 0."""
    return np.sign(v) + _soft_threshold(v - np.sign(v), step)


def _soft_threshold(v: FloatArray, step: float) -> FloatArray:
    return np.sign(v) * np.maximum(np.abs(v) - step, 0.0)
