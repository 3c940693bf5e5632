"""The strength from which on 0 is a critical point: by bisection over floats, by a formula in rationals."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint
from experiments.measure.ridge import ridge_coefs
from parlin import PAR, LeastSquares, Problem, Proof, exact_certificate, solve

FloatArray = NDArray[np.float64]


def zero_is_critical(loss: LeastSquares, penalty: PAR, alpha: float) -> bool:
    """Whether 0 is a critical point at this strength, proved or refuted in rational arithmetic.

    Raises
    ------
    ArithmeticError
        If the proof could not be carried out.
    """
    found = exact_certificate(Problem(loss, penalty.scaled(alpha)), np.zeros(loss.size))
    if found.verdict is Proof.UNDECIDED:
        raise ArithmeticError(found.reason)
    return found.verdict is Proof.PROVED


def least_strength(loss: LeastSquares, penalty: PAR, low: float, high: float) -> float:
    """The first float at which 0 is critical; nan unless it is not at `low` and is at `high`."""
    if zero_is_critical(loss, penalty, low) or not zero_is_critical(loss, penalty, high):
        return math.nan
    # Positive floats are ordered as their bits are, read as whole numbers.
    first, last = _place(low), _place(high)
    while last - first > 1:
        middle = (first + last) // 2
        if zero_is_critical(loss, penalty, _float(middle)):
            last = middle
        else:
            first = middle
    return _float(last)


def even_formula(X: FloatArray, y: FloatArray, penalty: PAR, fit_intercept: bool = False) -> float:
    """``‖X'y‖_∞ / (n a_0)``, rounded once, a_0 the slope after 0; with an intercept the data are centred."""
    targets = [Fraction(value) for value in y.tolist()]
    mean = sum(targets) / len(targets) if fit_intercept else Fraction(0)
    targets = [value - mean for value in targets]
    largest = max(
        abs(sum(Fraction(entry) * target for entry, target in zip(column, targets, strict=True)))
        for column in X.T.tolist()
    )
    return float(largest / (len(targets) * Fraction(float(penalty.subdifferential(0.0)[1]))))


@dataclass(frozen=True)
class AboveAlphaMax:
    """A point at a multiple of alpha_max: how many coefficients are not 0, and what it gains over 0."""

    nonzeros: int
    gain: float  # relative to the objective at 0
    certified: bool


def above_alpha_max(loss: LeastSquares, penalty: PAR, multiple: float) -> AboveAlphaMax:
    """Where the solver ends from ridge regression with almost no penalty."""
    problem = Problem(loss, penalty)
    problem = Problem(loss, penalty.scaled(multiple * problem.strength_max()))
    found = CertifiedPoint(problem, solve(problem, w0=ridge_coefs(loss, 1e-3)[0]).w)
    gain = 1 - found.objective / loss.value_at_zero
    return AboveAlphaMax(int(np.count_nonzero(found.w)), gain, found.certified)


def _place(value: float) -> int:
    return int.from_bytes(struct.pack(">d", value), "big")


def _float(place: int) -> float:
    return float(struct.unpack(">d", place.to_bytes(8, "big"))[0])
