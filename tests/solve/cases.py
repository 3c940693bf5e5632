"""All solvers, and random problems for them."""

from __future__ import annotations

import numpy as np
import pytest

import parlin.solvers
from parlin import PAR, Problem
from parlin.solvers import FISTA, ProximalGradient
from tests.kkt import Raw

# Those that reach any tolerance; the others have tests of their own.
DETERMINISTIC = [n for n in parlin.solvers.__all__ if n not in parlin.solvers.stochastic.__all__]
SOLVERS = {name: getattr(parlin.solvers, name)() for name in DETERMINISTIC} | {
    "ProximalGradient-1/L": ProximalGradient("1/L"),
    "FISTA-textbook": FISTA(restart=False),
    "auto": "auto",
}


def supported(name: str, problem: Problem):
    """The solver, or a skip with its own reason why it cannot treat the problem."""
    solver = SOLVERS[name]
    reason = None if solver == "auto" else solver.unsupported(problem)
    if reason is not None:
        pytest.skip(reason)
    return solver


def random_raw(penalty: PAR, n: int, d: int, seed: int, **options) -> Raw:
    rng = np.random.default_rng((seed, n, d))
    X = rng.standard_normal((n, d))
    y = X @ (rng.standard_normal(d) * (rng.random(d) < 0.5)) + 0.5 * rng.standard_normal(n)
    return Raw(X, y, penalty.levels, penalty.slopes, **options)
