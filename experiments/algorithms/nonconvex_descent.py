r"""What proximal gradient and ADMM promise for nonconvex penalties, as claims with their controls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from experiments.algorithms.instances import Instance, lazy_example
from experiments.algorithms.traces import FloatArray, iterates, states
from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import CertifiedPoint, smallest_slope
from experiments.measure.columns import Column
from experiments.measure.prox_by_enumeration import is_prox
from parlin import Problem
from parlin.solvers import ADMM, ProximalGradient

_LAZY_SIZE = 20


def stationarity(
    cases: Sequence[Instance], lazy_steps: Sequence[float], n_steps: int, n_judged: int
) -> Evidence:
    """The least residual of PG falls like 1/T; that of the lazy method does not fall."""
    inside, outside = Column.empty(), Column.empty()
    lazy = lazy_example(_LAZY_SIZE, target=0.2, strength=0.5)
    start = np.random.default_rng(cases[0].seed).standard_normal(_LAZY_SIZE)
    horizons = np.unique(np.geomspace(1, n_steps, n_judged).astype(int))
    for case in cases:
        step = 0.5 / case.problem.loss.lipschitz
        points = iterates(ProximalGradient(step), case.problem, case.start, n_steps)
        _least_residuals(inside, case.problem, points, horizons)
    for step in lazy_steps:
        points = lazy_iterates(lazy, start, step / lazy.loss.lipschitz, n_steps)
        _least_residuals(outside, lazy, points, horizons)
    return Evidence(
        claim="C6/stationarity",
        statement="On nonconvex problems one of the first T iterates of PG with step 1/(2L) is critical "
        "up to a squared distance of at most 18 L (F(w_0) − F(w_T))/T.",
        source="[PAR] section 3; [ProxQuant] stationarity theorem",
        standing=Standing.MADE_PRECISE,
        remark="The source has inf F and constants that were not available; F(w_T) is sharper than inf F.",
        relation="<=",
        control=Control(
            outside="The lazy method adds its gradients to the latent point.", **outside._asdict()
        ),
        table={"T": horizons},
        **inside._asdict(),
    )


def _least_residuals(column: Column, problem: Problem, points: FloatArray, horizons: FloatArray) -> None:
    residuals = squared_residuals(problem, points)
    objectives = np.minimum.accumulate([problem.objective(w) for w in points])
    for T in horizons:
        best = 1 + int(np.argmin(residuals[1 : T + 1]))
        allowed = 18 * problem.loss.lipschitz * (objectives[0] - objectives[T]) / T
        column.add(residuals[best], allowed, _vouched(problem, points[best], residuals[best]))


def _vouched(problem: Problem, w: FloatArray, squared_residual: float) -> bool:
    """Whether a squared norm fits the largest entry that `parlin.certify` finds, up to rounding."""
    largest = CertifiedPoint(problem, w).residual_over_slope * smallest_slope(problem)
    rounding = float(problem.loss.rounding_floor(w).max())
    norm = float(np.sqrt(squared_residual))
    return largest - rounding <= norm <= np.sqrt(w.size) * (largest + rounding)


def admm(
    cases: Sequence[Instance], rho_factors: Sequence[float], small_factor: float, n_steps: int
) -> Evidence:
    """The augmented Lagrangian descends from ρ >= L on, and rises below."""
    inside, outside, curves = Column.empty(), Column.empty(), []
    for case, factor in product(cases, (*rho_factors, small_factor)):
        rho = factor * case.problem.loss.lipschitz
        trace = augmented_lagrangian(case.problem, case.start, rho, n_steps)
        values = trace.values / case.problem.loss.value_at_zero
        column = outside if factor == small_factor else inside
        column.add(np.diff(values).max(), 0.0, trace.certified)
        if case is cases[0]:
            curves.append({"rho": factor, "y": values})
    return Evidence(
        claim="C6/admm",
        statement="On nonconvex problems the augmented Lagrangian of ADMM never rises as long as ρ >= L.",
        remark="It says that ADMM solves the problem; for nonconvex penalties ρ must not be too small.",
        relation="<=",
        tolerance=1e-12,
        control=Control(outside="ρ = L/20.", **outside._asdict()),
        table={"curves": curves},
        source="[PAR] section 3",
        standing=Standing.MADE_PRECISE,
        **inside._asdict(),
    )


def lazy_iterates(problem: Problem, w0: FloatArray, step: float, n_steps: int) -> FloatArray:
    """The outputs of the lazy method: the gradient is taken at the prox, but added to the latent point."""
    latent, outputs = w0, []
    for _ in range(n_steps + 1):
        outputs.append(problem.prox(latent, 1.0))
        latent = latent - step * problem.loss.gradient(outputs[-1])
    return np.array(outputs)


def squared_residuals(problem: Problem, points: FloatArray) -> FloatArray:
    """``dist(0, ∂F(w))²`` with the Clarke subdifferential, for each row w of `points`."""
    distances = [problem.distance(problem.loss.gradient(w), w) for w in points]
    return np.array([float(distance @ distance) for distance in distances])


class Lagrangian(NamedTuple):
    """The augmented Lagrangian along a run of ADMM, and whether every update meets its definition."""

    values: FloatArray
    certified: bool


def augmented_lagrangian(problem: Problem, w0: FloatArray, rho: float, n_steps: int) -> Lagrangian:
    """``f(x) + Ψ(z) + <u, x − z> + ρ‖x − z‖²/2`` at the start and after each iteration.

    Certified where every z is, by enumeration, the prox of ``x + u/ρ`` from before, and ``∇f(x) = −u``.
    """
    values, sound, argument = [], True, None
    scale = float(np.max(np.abs(problem.loss.gradient_at_zero)))
    for state in states(ADMM(rho), problem, w0, n_steps):
        if argument is not None:
            sound = sound and bool(is_prox(problem.penalty, argument, 1.0 / rho, state.w).all())
        mismatch = np.max(np.abs(problem.loss.gradient(state.x) + state.dual))
        sound = sound and bool(mismatch <= 1e-10 * scale)
        argument = state.x + state.dual / rho
        apart = state.x - state.w
        coupling = float(state.dual @ apart + 0.5 * rho * apart @ apart)
        values.append(problem.loss.value(state.x) + problem.penalty_value(state.w) + coupling)
    return Lagrangian(np.array(values), sound)
