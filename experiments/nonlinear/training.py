r"""Proximal gradient on a nonlinear loss with a piecewise-affine penalty, finished by Newton steps.

Proximal gradient finds out which weights rest on which level; from then on the others solve a smooth
system, on which Newton's method reaches the accuracy that claims about exact quantization need.
What it returns is certified elsewhere (`experiments.nonlinear.squared_error_losses.criticality`).
"""

from __future__ import annotations

import numpy as np

from experiments.nonlinear.squared_error_losses import FloatArray, SquaredErrorLoss
from parlin import PAR

# The step is doubled now and then and halved when refused: few different steps, few tables for the prox.
_STEPS_BEFORE_GROWTH = 10
_NEWTON_STEPS = 12
# A Newton point further than this from critical, relative to the smallest slope, is thrown away.
_ACCURACY = 1e-10


def train(
    loss: SquaredErrorLoss, penalty: PAR, start: FloatArray, max_rounds: int, steps_per_round: int = 100
) -> FloatArray:
    """The weights after rounds of proximal-gradient steps, each followed by an attempt to finish."""
    w, step = start, 1.0
    for _ in range(max_rounds):
        w, step = _proximal_gradient(loss, penalty, w, step, steps_per_round)
        finished = _newton(loss, penalty, w)
        if finished is not None:
            return finished
    return w


def _proximal_gradient(
    loss: SquaredErrorLoss, penalty: PAR, w: FloatArray, step: float, n_steps: int
) -> tuple[FloatArray, float]:
    """`n_steps` steps ``w⁺ = prox(w − γ ∇f(w))`` with γ backtracked, and the last γ."""
    _, gradient = loss.value_and_gradient(w)
    for k in range(n_steps):
        if k % _STEPS_BEFORE_GROWTH == 0:
            step *= 2.0
        while True:
            after = penalty.prox(w - step * gradient, step)
            _, gradient_after = loss.value_and_gradient(after)
            move = after - w
            # Curvature along the move: it does not cancel as a difference of values does.
            if (gradient_after - gradient) @ move * step <= move @ move:
                break
            step *= 0.5
        w, gradient = after, gradient_after
    return w, step


def _newton(loss: SquaredErrorLoss, penalty: PAR, w: FloatArray) -> FloatArray | None:
    """The critical point with the levels and cells of `w` near it; None if Newton does not get there."""
    w = w.copy()
    free = ~penalty.on_level(w)
    cells = np.searchsorted(penalty.levels, w)
    slopes = penalty.slopes[cells[free]]
    smallest = np.abs(penalty.slopes[penalty.slopes != 0]).min()
    for _ in range(_NEWTON_STEPS):
        _, gradient = loss.value_and_gradient(w)
        if np.max(penalty.distance(gradient, w)) <= _ACCURACY * smallest:
            return w
        hessian = loss.hessian(w)[np.ix_(free, free)]
        # The shortest step, because degenerate inputs make the Hessian singular.
        w[free] -= np.linalg.lstsq(hessian, gradient[free] + slopes)[0]
        if np.any(np.searchsorted(penalty.levels, w) != cells):
            return None
    return None
