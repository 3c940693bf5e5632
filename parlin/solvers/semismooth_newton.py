r"""The proximal point method by semismooth Newton, for convex penalties: NumPy and SciPy only.

A step goes from a centre ``c`` to its proximal point ``w`` (`parlin.solvers.proximal_point`), where the
proximal term has the weight ``1/σ``, and doubles σ.  On the dual this is the augmented Lagrangian
method of Li, Sun and Toh 2018.  The exact proximal point satisfies

    F(w) + Σ_j (w_j − c_j)² / (2 σ_j) <= F(c),                                                    (1)

and an inexact one is accepted if half the sum is left.  A loss that is not quadratic is replaced by its
quadratic model at the centre (proximal Newton, regularised as by Levenberg and Marquardt).  After a
step that is not accepted the centre stays and σ falls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from parlin._threads import one_blas_thread
from parlin.problem import Problem
from parlin.solvers.base import FloatArray, State
from parlin.solvers.proximal_point import QuadraticModel

# Steps in a row without a new least violation.
_MAX_STUCK = 20
# A violation counts as less than another below this fraction of it.
_LESS = 0.99
# Differences of objectives below this, relative to their scale, are rounding.
_ROUNDING = 1e-12
# Stands in for a slack of zero.
_TINY = 1e-300


@dataclass(frozen=True)
class SemismoothNewton:
    r"""The proximal point method with growing steps; the iterate has the least violation so far.

    For convex penalties and any loss with a `local_quadratic`.  A quantized coordinate equals its level
    float for float.  On data in general position the last point usually has the unquantized
    coordinates of the minimiser, at most rank(X).  Nothing ensures it, least of all with duplicate
    columns; then `parlin.purify` does.

    Parameters
    ----------
    first_step : positive float, default=10
        The first ``σ``; the proximal steps are ``σ / ‖X_j‖²``.
    growth : float > 1, default=2
        The factor on ``σ`` after every step whose equations were solved.  If they were not, ``σ`` is
        divided by its square.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import LeastSquares, Problem, designs, solve
    >>> from parlin.solvers import SemismoothNewton
    >>> X = np.random.default_rng(0).standard_normal((5, 20))
    >>> problem = Problem(LeastSquares(X, X[:, 0]), designs.lasso(0.25, 4).scaled(0.01))
    >>> result = solve(problem, SemismoothNewton(), tol=1e-12)
    >>> result.status.name, problem.unquantized(result.w).size <= 5
    ('CONVERGED', True)
    """

    first_step: float = 10.0
    growth: float = 2.0

    check_passes: ClassVar[float] = 10.0

    def unsupported(self, problem: Problem) -> str | None:
        if not (math.isfinite(self.first_step) and self.first_step > 0):
            return f"first_step must be a positive finite number, but is {self.first_step!r}"
        if not (math.isfinite(self.growth) and self.growth > 1):
            return f"growth must be a finite number > 1, but is {self.growth!r}"
        if problem.penalty.shape != "convex":
            return f"proximal points are unique for convex penalties; this one is {problem.penalty.shape}"
        return None

    def init(self, problem: Problem, w0: FloatArray) -> _State:
        # The loss does not see a zero column, so its coordinate is at the penalty's minimiser.
        seen = problem.loss.coordinate_lipschitz > 0
        w = np.where(seen | ~problem.penalised, w0, problem.start())
        with one_blas_thread():
            model = _model(problem, w)
        start = _Point.of(problem, w, np.ones_like(w))
        return _State(w, 2.0, False, math.inf, 0, start, self.first_step, model)

    def step(self, problem: Problem, state: _State) -> _State:
        if state.done:
            return state
        with one_blas_thread():
            return self._step(problem, state)

    def _step(self, problem: Problem, state: _State) -> _State:
        centre, sigma, model = state.centre, state.sigma, state.model
        slack, before = _slack(problem, state.w), model.passes
        w, solved = model.proximal_point(centre.w, sigma, slack / model.factor)
        point, passes = _Point.of(problem, w, slack), 1.5
        move = model.norms * (w - centre.w)
        half = 0.25 * model.factor * float(move @ move) / sigma  # of the sum in (1)
        solved = solved and point.is_below(problem, centre, by=half)
        w = model.free_minimiser(w)
        if w is not None:
            end = _Point.of(problem, w, slack)
            passes += 1.0
            halved = end.violation < 0.5 * min(point.violation, state.violation)
            if halved and end.is_below(problem, centre):
                point, solved = end, True
        passes += state.passes + model.passes - before
        best, violation, stuck = state.w, state.violation, state.stuck + 1
        if solved and point.violation < violation:
            stuck = 0 if point.violation < _LESS * violation else stuck
            best, violation = point.w, point.violation
        if solved:
            centre, sigma = point, sigma * self.growth
            if not problem.loss.quadratic:
                model = _model(problem, point.w)
                passes += 1.0
        else:
            sigma /= self.growth**2
        done = violation <= 1.0 or stuck > _MAX_STUCK
        return _State(best, passes, done, violation, stuck, centre, sigma, model)


class _Point(NamedTuple):
    w: FloatArray
    objective: float
    violation: float  # the largest, in units of the slack

    @classmethod
    def of(cls, problem: Problem, w: FloatArray, slack: FloatArray) -> _Point:
        value, gradient = problem.loss.value_and_gradient(w)
        violation = float(np.max(problem.violation(gradient, w) / slack))
        return cls(w, value + problem.penalty_value(w), violation)

    def is_below(self, problem: Problem, other: _Point, by: float = 0.0) -> bool:
        """Whether the objective is lower than the other one by so much, up to rounding."""
        rounding = _ROUNDING * max(problem.loss.value_at_zero, abs(other.objective))
        return self.objective + by <= other.objective + rounding


@dataclass
class _State(State):
    violation: float  # the largest of w, in units of the slack
    stuck: int  # steps since it fell last
    centre: _Point  # c
    sigma: float
    model: QuadraticModel  # of the problem at the centre


def _model(problem: Problem, centre: FloatArray) -> QuadraticModel:
    factor, quadratic = problem.loss.local_quadratic(centre)
    penalty = problem.penalty.scaled(1.0 / factor)
    return QuadraticModel(Problem(quadratic, penalty, problem.penalty_weights), factor)


def _slack(problem: Problem, w: FloatArray) -> FloatArray:
    """Gradient entries that cannot be told from zero."""
    loss = problem.loss
    return np.maximum(np.maximum(1e-14 * problem.gradient_scale, 0.125 * loss.rounding_floor(w)), _TINY)
