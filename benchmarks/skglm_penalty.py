"""A piecewise-affine penalty for skglm: what a user of that library has to write to solve our problems.

skglm compiles the class; it may use no parlin object.  Needs the [bench] extra.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int64
from skglm.penalties.base import BasePenalty
from skglm.utils.jit_compilation import compiled_clone

from parlin import PAR


class PiecewiseAffine(BasePenalty):
    """Convex and piecewise affine, with level 0 at index `centre`, where most coefficients rest."""

    def __init__(self, levels, slopes, centre):
        self.levels = levels
        self.slopes = slopes
        self.centre = centre

    def get_spec(self):
        return (("levels", float64[:]), ("slopes", float64[:]), ("centre", int64))

    def params_to_dict(self):
        return dict(levels=self.levels, slopes=self.slopes, centre=self.centre)

    def value(self, w):
        total = 0.0
        for x in w:
            k = self.centre
            if x > 0.0:
                while k + 1 < self.levels.size and self.levels[k + 1] < x:
                    total += self.slopes[k + 1] * (self.levels[k + 1] - self.levels[k])
                    k += 1
                total += self.slopes[k + 1] * (x - self.levels[k])
            elif x < 0.0:
                while k >= 1 and self.levels[k - 1] > x:
                    total += self.slopes[k] * (self.levels[k - 1] - self.levels[k])
                    k -= 1
                total += self.slopes[k] * (x - self.levels[k])
        return total

    def prox_1d(self, value, stepsize, j):
        k = self.centre
        # the common case first: the coefficient stays at zero
        if stepsize * self.slopes[k] <= value <= stepsize * self.slopes[k + 1]:
            return self.levels[k]
        low, high = 0, self.levels.size
        while low < high:
            middle = (low + high) // 2
            if self.levels[middle] + stepsize * self.slopes[middle + 1] < value:
                low = middle + 1
            else:
                high = middle
        if low < self.levels.size and value >= self.levels[low] + stepsize * self.slopes[low]:
            return self.levels[low]
        return value - stepsize * self.slopes[low]

    def subdiff_distance(self, w, grad, ws):
        distance = np.zeros_like(grad)
        for i, j in enumerate(ws):
            x, descent = w[j], -grad[i]
            low = self.centre
            if x != 0.0:
                low, high = 0, self.levels.size
                while low < high:
                    middle = (low + high) // 2
                    if self.levels[middle] < x:
                        low = middle + 1
                    else:
                        high = middle
            if low < self.levels.size and self.levels[low] == x:
                outside = max(self.slopes[low] - descent, descent - self.slopes[low + 1])
                distance[i] = max(outside, 0.0)
            else:
                distance[i] = abs(descent - self.slopes[low])
        return distance

    def is_penalized(self, n_features):
        return np.ones(n_features, dtype=np.bool_)

    def generalized_support(self, w):
        # Not "off the levels": AndersonCD's extrapolated point is zero outside the working set, which
        # must therefore hold every nonzero coefficient, or the answers are wrong.
        return w != 0


def compiled(penalty: PAR) -> PiecewiseAffine:
    """The penalty in skglm's compiled form; only the first call of a process compiles."""
    centre = int(np.flatnonzero(penalty.levels == 0.0)[0])
    return compiled_clone(PiecewiseAffine(penalty.levels.copy(), penalty.slopes.copy(), centre))
