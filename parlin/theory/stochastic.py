"""Bounds for AProx: its regret on any gradients, and the gap of its last iterate on convex problems."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from parlin._arguments import at_least_zero, positive, whole
from parlin._types import FloatArray


def regret_bound(distance: float, step_sizes: ArrayLike, gradient_norms: ArrayLike) -> float:
    r"""The largest regret of AProx against a point, ``D²/2 + Σ_t η_t² ‖g_t‖²/2``.

    Source: theory 8.1.  Bounds ``Σ_t η_t [<g_t, w_t − v> + α (Ψ(w_{t+1}) − Ψ(v))]`` for a convex Ψ, any g_t
    at all and any v in the domain of Ψ, where the start ``w_1 = u_1`` is in it too.

    Parameters
    ----------
    distance : float >= 0
        ``D = ‖u_1 − v‖``.
    step_sizes : array of positive numbers
        ``η_1, …, η_T``.
    gradient_norms : array of numbers >= 0, as many
        ``‖g_1‖, …, ‖g_T‖``.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.regret_bound(2.0, step_sizes=[0.5, 0.5], gradient_norms=[2.0, 2.0])
    3.0
    """
    distance = at_least_zero("distance", distance)
    steps = _steps(step_sizes)
    norms = np.asarray(gradient_norms, dtype=np.float64)
    if norms.shape != steps.shape or not (np.isfinite(norms).all() and (norms >= 0).all()):
        raise ValueError(
            f"gradient_norms must be {steps.size} finite numbers >= 0, but is {gradient_norms!r}"
        )
    return float(0.5 * distance**2 + 0.5 * np.sum((steps * norms) ** 2))


def last_iterate_gap(distance: float, gradient_size: float, step_size: float, n_points: int) -> float:
    r"""The largest expected gap of AProx's T-th point, ``D²/(2 η T) + η Ĝ² (2 + ln T)/2``.

    Source: [PARQ], with the constants of theory 8.2.  Holds for convex f and Ψ, a constant step and
    gradients that are independent and without bias.

    Parameters
    ----------
    distance : float >= 0
        ``D = ‖u_1 − w*‖`` for a minimiser w*.
    gradient_size : float >= 0
        Ĝ: ``E‖g_t + ξ_t‖² <= Ĝ²`` for slopes ξ_t of the penalty at ``w_t``, a box of it left out.
    step_size : float > 0
        η.
    n_points : int >= 1
        T: the point is that after ``T − 1`` steps.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.last_iterate_gap(1.0, gradient_size=2.0, step_size=0.25, n_points=1)
    3.0
    """
    distance = at_least_zero("distance", distance)
    size, step = at_least_zero("gradient_size", gradient_size), positive("step_size", step_size)
    points = whole("n_points", n_points, low=1)
    return distance**2 / (2 * step * points) + 0.5 * step * size**2 * (2 + math.log(points))


def last_iterate_gap_of_steps(distance: float, gradient_size: float, step_sizes: ArrayLike) -> float:
    r"""The same for steps ``η_1 >= … >= η_T`` that do not grow, a little sharper where they are constant.

    Source: theory 8.2: with ``E_k = η_{T−k}² + … + η_T²`` it is
    ``(D² + Ĝ² E_{T−1})/(2 T η_T) + Ĝ²/(2 η_T) Σ_{k=1}^{T−1} E_k/(k (k + 1))``.

    Parameters
    ----------
    distance, gradient_size : float >= 0
        As for `last_iterate_gap`.
    step_sizes : array of positive numbers, none larger than the one before it

    Examples
    --------
    >>> from parlin import theory
    >>> theory.last_iterate_gap_of_steps(1.0, gradient_size=2.0, step_sizes=[0.25, 0.25])
    2.0
    """
    distance, size = at_least_zero("distance", distance), at_least_zero("gradient_size", gradient_size)
    steps = _steps(step_sizes)
    if (np.diff(steps) > 0).any():
        raise ValueError(f"step_sizes must be nonincreasing, but is {step_sizes!r}")
    T = steps.size
    sums = np.cumsum(steps[::-1] ** 2)  # E_0, …, E_{T−1}
    k = np.arange(1.0, T)
    whole_run = (distance**2 + size**2 * sums[-1]) / T
    return float((whole_run + size**2 * np.sum(sums[1:] / (k * (k + 1)))) / (2 * steps[-1]))


def _steps(step_sizes: ArrayLike) -> FloatArray:
    steps = np.asarray(step_sizes, dtype=np.float64)
    if steps.ndim != 1 or not steps.size or not (np.isfinite(steps).all() and (steps > 0).all()):
        raise ValueError(f"step_sizes must be a row of finite numbers > 0, but is {step_sizes!r}")
    return steps
