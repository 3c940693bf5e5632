"""The penalties and problems that many tests share."""

from __future__ import annotations

from parlin import PAR, LeastSquares, Problem
from tests.kkt import Raw

LASSO = PAR([0.0], [-1.0, 1.0])
W = PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0])
# Convex, asymmetric, and named by their minimisers.
VALLEY_AT_MINUS_ONE = PAR([-1.0, 0.5, 2.0], [-2.0, 0.3, 1.0, 4.0])
VALLEY_AT_A_TENTH = PAR([-0.7, 0.1, 0.9], [-1.3, -0.4, 0.2, 2.1])
VALLEY_AT_A_QUARTER = PAR([-1.5, 0.25, 2.0], [-2.0, -0.5, 0.75, 3.0])


def build(raw: Raw) -> Problem:
    """The problem with the arrays of `raw`."""
    loss = LeastSquares(raw.X, raw.y, raw.sample_weight, raw.intercept)
    return Problem(loss, PAR(raw.levels, raw.slopes), raw.penalty_weights)
