r"""What changes along a run: step sizes with their sums, and how fast a map turns into rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from scipy.special import digamma, expit

from parlin._arguments import at_least_zero, finite, positive
from parlin._types import FloatArray

Number = TypeVar("Number", float, FloatArray)

# Where the sum of 1/√s, and that of 1/s, is asymptotic to all digits.
_FAR, _LARGE = 30, 1e4


def inverse_slope(fraction: float, steepness: float = 10.0, center: float = 0.5) -> float:
    r"""The inverse slope of [PARQ]'s soft rounding: 1 at the start, 0 at the end, exactly, for every centre.

    A falling sigmoid, shifted and scaled to these ends.

    Parameters
    ----------
    fraction : float
        Of the run that is done; below 0 counts as 0, above 1 as 1.
    steepness : positive float, default=10.0
    center : float in [0, 1], default=0.5
        The fraction about which the slope changes fastest.

    Notes
    -----
    Differs from the source's programs, which scale every sigmoid as if its centre were 0.5: with another one
    their schedule neither begins at 1 nor ends at 0.

    Examples
    --------
    >>> from parlin.solvers.stochastic import inverse_slope
    >>> [inverse_slope(f, center=0.2) for f in (0.0, 1.0)]
    [1.0, 0.0]
    """
    positive("steepness", steepness)
    if not 0.0 <= finite("center", center) <= 1.0:
        raise ValueError(f"center must lie in [0, 1], but is {center!r}")
    fraction = float(fraction)
    if fraction <= 0.0:
        return 1.0
    if fraction >= 1.0:
        return 0.0
    first, value, last = (float(expit(steepness * (center - f))) for f in (0.0, fraction, 1.0))
    # So flat a sigmoid is straight.
    return (value - last) / (first - last) if first > last else 1.0 - fraction


def homotopy(fraction: float, rate: float, freeze: float = 0.85) -> float:
    """The strength of [ProxQuant]: ``rate · fraction``, and inf, which is rounding, from `freeze` on.

    Parameters
    ----------
    fraction : float in [0, 1]
        Of the run that is done.
    rate : nonnegative float
    freeze : float in [0, 1], default=0.85
    """
    at_least_zero("rate", rate)
    if not 0.0 <= finite("freeze", freeze) <= 1.0:
        raise ValueError(f"freeze must lie in [0, 1], but is {freeze!r}")
    return np.inf if fraction >= freeze else rate * fraction


class StepSize(Protocol):
    """The step sizes ``η_t``, t = 1, 2, …, and their sums ``γ_t = η_1 + … + η_t``."""

    def step(self, t: Number) -> Number:
        """``η_t`` for a number or an array of numbers."""
        ...

    def total(self, t: Number) -> Number:
        """``γ_t``, in closed form."""
        ...


@dataclass(frozen=True)
class Constant:
    """``η_t = eta``."""

    eta: float

    def __post_init__(self) -> None:
        positive("eta", self.eta)

    def step(self, t: Number) -> Number:
        """``η_t``."""
        return self.eta + 0.0 * t

    def total(self, t: Number) -> Number:
        """``γ_t``."""
        return self.eta * t


@dataclass(frozen=True)
class InverseSqrt:
    """``η_t = eta / √t``."""

    eta: float

    def __post_init__(self) -> None:
        positive("eta", self.eta)

    def step(self, t: Number) -> Number:
        """``η_t``."""
        return self.eta / np.sqrt(t)

    def total(self, t: Number) -> Number:
        """``γ_t``: summed up to t = 30, then by the Euler-Maclaurin formula, exact to rounding."""
        t = np.asarray(t, dtype=np.float64)
        summed = np.concatenate(([0.0], np.cumsum(1 / np.sqrt(np.arange(1.0, _FAR + 1)))))
        near = summed[np.minimum(t, _FAR).astype(np.intp)]
        far = np.maximum(t, 1.0)
        zeta_half = -1.4603545088095868
        series = 2 * np.sqrt(far) + zeta_half + 0.5 / np.sqrt(far) - far**-1.5 / 24
        series += far**-3.5 / 384 - far**-5.5 / 1024
        sums = self.eta * np.where(t <= _FAR, near, series)
        return sums if sums.ndim else float(sums)


@dataclass(frozen=True)
class InverseTime:
    """``η_t = eta / (t + shift)``."""

    eta: float
    shift: float = 0.0

    def __post_init__(self) -> None:
        positive("eta", self.eta)
        at_least_zero("shift", self.shift)

    def step(self, t: Number) -> Number:
        """``η_t``."""
        return self.eta / (t + self.shift)

    def total(self, t: Number) -> Number:
        """``γ_t``."""
        first = self.shift + 1.0
        if first < _LARGE:
            sums = digamma(t + first) - digamma(first)
        else:  # where digamma is as good as its series, and a difference would cancel
            last = t + first
            sums = np.log1p(t / first) + t / (2 * first * last) * (1 + (first + last) / (6 * first * last))
        return self.eta * sums if np.ndim(sums) else float(self.eta * sums)


@dataclass(frozen=True)
class InversePower:
    """``η_t = eta / t^power``: what scikit-learn calls inverse scaling."""

    eta: float
    power: float = 0.25

    def __post_init__(self) -> None:
        positive("eta", self.eta)
        at_least_zero("power", self.power)

    def step(self, t: Number) -> Number:
        """``η_t``."""
        return self.eta / t**self.power

    def total(self, t: Number) -> Number:
        """``γ_t``, summed term by term."""
        t = np.asarray(t, dtype=np.intp)
        steps = np.concatenate(([0.0], self.step(np.arange(1.0, t.max() + 1.0))))
        sums = np.cumsum(steps, dtype=np.longdouble)[t].astype(np.float64)
        return sums if sums.ndim else float(sums)
