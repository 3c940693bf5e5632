r"""A model with one sample and a strict local minimum off all levels, proved in rational arithmetic.

With the penalty ``α|w_j|`` and inputs ``a > 0`` the candidate is ``w = (α/r)1 − a``, where r is the positive
root of ``e(r) = dα²/(2r²) − ‖a‖²/2 − y − r``.  If all ``w_j < 0``, the residual is r, the gradient ``α1``
balances the slopes −α exactly, and the Hessian ``(α/r)²11' + rI`` is positive definite.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from experiments.nonlinear.squared_error_losses import FloatArray, SquaredErrorLoss

# The root is enclosed to this relative accuracy, coarse against the 1e-16 of the float that it surrounds.
_HALF_WIDTH = Fraction(1, 10**12)


class CurvedUnit(SquaredErrorLoss):
    r"""One sample, and one unit with the output ``a'w + c ‖w‖²/2``.

    Parameters
    ----------
    inputs : array of shape (d,)
        The input a.
    target : float
    square_weight : float, default=1
        The factor c; with 0 the model is linear.
    """

    def __init__(self, inputs: FloatArray, target: float, square_weight: float = 1.0) -> None:
        self.inputs, self.target, self.square_weight = inputs, target, square_weight

    def residual(self, w: FloatArray) -> FloatArray:
        return np.array([self.inputs @ w + 0.5 * self.square_weight * (w @ w) - self.target])

    def jacobian(self, w: FloatArray) -> FloatArray:
        return (self.inputs + self.square_weight * w)[None, :]

    def curvature(self, w: FloatArray, multipliers: FloatArray) -> FloatArray:
        return multipliers[0] * self.square_weight * np.eye(w.size)

    def value_and_gradient(self, w: FloatArray) -> tuple[float, FloatArray]:
        (residual,) = self.residual(w)
        return 0.5 * residual**2, residual * (self.inputs + self.square_weight * w)


@dataclass(frozen=True)
class Minimum:
    """The candidate, and what is proved about it.

    Attributes
    ----------
    w : ndarray of shape (d,)
        In floating point.
    smallest_eigenvalue : float
        The residual r, which is the Hessian's smallest eigenvalue.
    n_negative : int
        How many weights are proved to be below the level 0.
    proved : bool
        Whether r is enclosed.
    """

    w: FloatArray
    smallest_eigenvalue: float
    n_negative: int
    proved: bool


def prove_minimum(inputs: FloatArray, target: float, alpha: float) -> Minimum:
    """What rational arithmetic proves about the candidate for these data.

    Notes
    -----
    ``e`` falls in r, so a sign change encloses its only root; ``α/r − a_j`` falls as well, so its sign at
    the lower end of the enclosure decides.
    """
    a, y, strength = [Fraction(entry) for entry in inputs.tolist()], Fraction(target), Fraction(alpha)
    constant = sum(entry * entry for entry in a) / 2 + y

    def excess(r: Fraction) -> Fraction:
        return len(a) * strength**2 / (2 * r * r) - constant - r

    roots = np.roots([1.0, float(constant), 0.0, -0.5 * len(a) * alpha**2])
    r = float(roots.real.max())
    low, high = Fraction(r) * (1 - _HALF_WIDTH), Fraction(r) * (1 + _HALF_WIDTH)
    proved = low > 0 and excess(low) > 0 > excess(high)
    return Minimum(alpha / r - inputs, r, sum(strength / low < entry for entry in a), proved)


def margin_of_all(
    n_inputs: int, input_range: tuple[float, float], target_range: tuple[float, float], alpha: float
) -> Fraction:
    """A lower bound of ``e(α/min a_j)`` over all data in the ranges: above 0 it proves every ``w_j < 0``.

    Notes
    -----
    ``e`` falls in r, so ``e(ρ) > 0`` puts the root above ``ρ = α/min a_j``, and then ``α/r < a_j``.
    """
    (low, high), largest_target = map(Fraction, input_range), Fraction(target_range[1])
    return n_inputs * (low**2 - high**2) / 2 - largest_target - Fraction(alpha) / low
