"""Stochastic solvers stepped by hand in full batch, one gradient an iteration."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parlin import Problem
from parlin.solvers.stochastic.base import StochasticSolver

FloatArray = NDArray[np.float64]


class Steps(NamedTuple):
    """The coefficients and the latent vectors of a run, shape (n_steps + 1, d) each; the start is first."""

    w: FloatArray
    latent: FloatArray


def stepped(solver: StochasticSolver, problem: Problem, w0: FloatArray, n_steps: int) -> Steps:
    """The run of a solver whose batch is all rows."""
    state = solver.init(problem, w0)
    w, latent = np.empty((2, n_steps + 1, problem.size))
    w[0], latent[0] = state.w, state.latent
    for k in range(1, n_steps + 1):
        state = solver.step(problem, state)
        w[k], latent[k] = state.w, state.latent
    return Steps(w, latent)
