r"""On nonconvex PAR problems proximal gradient becomes critical like 1/T, and ADMM descends from ρ = L on.

Claims
------
C6: proximal gradient (PG) and ADMM solve the problem. Made precise for penalties that are not convex: one of
the first T iterates of PG is critical up to a squared distance that falls like 1/T (C6/stationarity), and the
augmented Lagrangian of ADMM never rises as long as ρ >= L (C6/admm).

Source
------
[PAR] section 3; the rate is the stationarity theorem of [ProxQuant].

Setting
-------
Least squares on normal designs, wide and tall; sawtooth, W, rippled MCP and tilted staircase, at strengths
0.3 and 0.03. Random starts; solvers are stepped by hand. PG has the step 1/(2L), ADMM ρ = L, 1.5 L and 4 L.

Prediction
----------
The least ``dist(0, ∂F(w_k))²`` up to T, with the Clarke subdifferential, is at most
`theory.proximal_gradient_residual`, ``4 L (F(w_0) − F(w_T))/T``, sharper than with inf F. At ``ρ >= L`` the
augmented Lagrangian ``f(x) + Ψ(z) + <u, x − z> + ρ‖x − z‖²/2`` never rises.

Falsified by
------------
One T at which no iterate is within the bound: `0.15 * theory.proximal_gradient_residual`
violates C6/stationarity; or one iteration of ADMM that raises the augmented Lagrangian:
`_augmented_lagrangian(rho=0.05 * rho)` violates C6/admm. Residuals and objectives are computed afresh from
the iterates. A point is evidence if its residual fits the largest entry that `parlin.certify` finds; a run
of ADMM if every z is, by enumeration, a prox value and every gradient of f the negative of the dual
variable.

Control
-------
The lazy prox-gradient method, which takes the gradient at the prox but adds it to the latent point, on
``Σ_j (w_j − 0.2)²/2`` with the W; ``ρ = L/20``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.algorithms import sec3_nonconvex_descent_figure
from experiments.algorithms.instances import Instance, lazy_example, nonconvex_instances
from experiments.algorithms.traces import FloatArray, iterates, states
from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import CertifiedPoint, smallest_slope
from experiments.measure.columns import Column
from experiments.measure.prox_by_enumeration import is_prox
from parlin import Problem, theory
from parlin.solvers import ADMM, ProximalGradient


@dataclass(frozen=True)
class Config:
    seeds: tuple[int, ...]
    designs: tuple[tuple[str, int, int], ...]  # entries, n, d
    n_steps: int  # of proximal gradient
    n_horizons: int
    n_lagrangian: int  # iterations of ADMM
    strengths: tuple[float, ...] = (0.3, 0.03)
    rho: tuple[float, ...] = (1.0, 1.5, 4.0)  # in units of L
    small_rho: float = 0.05
    lazy_size: int = 20  # coefficients of the lazy method's problem
    lazy_steps: tuple[float, ...] = (0.1, 0.01)  # in units of 1/L

    @classmethod
    def full(cls) -> Config:
        return cls(
            seeds=(0, 1),
            designs=(("normal", 20, 60), ("normal", 40, 20)),
            n_steps=2000,
            n_horizons=20,
            n_lagrangian=200,
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(seeds=(0,), designs=(("normal", 20, 10),), n_steps=500, n_horizons=8, n_lagrangian=40)


def run(config: Config) -> tuple[Evidence, ...]:
    cases = list(nonconvex_instances(config.seeds, config.designs, config.strengths))
    return _stationarity(config, cases), _admm(config, cases)


def _stationarity(config: Config, cases: Sequence[Instance]) -> Evidence:
    inside, outside = Column.empty(), Column.empty()
    horizons = np.unique(np.geomspace(1, config.n_steps, config.n_horizons).astype(int))
    for case in cases:
        step = 0.5 / case.problem.loss.lipschitz
        points = iterates(ProximalGradient(step), case.problem, case.start, config.n_steps)
        _least_residuals(inside, case.problem, points, horizons)
    lazy = lazy_example(config.lazy_size, target=0.2, strength=0.5)
    start = np.random.default_rng(config.seeds[0]).standard_normal(config.lazy_size)
    for step in config.lazy_steps:
        points = _lazy_iterates(lazy, start, step / lazy.loss.lipschitz, config.n_steps)
        _least_residuals(outside, lazy, points, horizons)
    return Evidence(
        claim="C6/stationarity",
        statement="On nonconvex problems one of the first T iterates of PG with step 1/(2L) is critical "
        "up to a squared distance of at most 4 L (F(w_0) − F(w_T))/T.",
        source="[PAR] section 3; [ProxQuant] stationarity theorem",
        standing=Standing.MADE_PRECISE,
        remark="The source has inf F and constants that are not at hand; F(w_T) is sharper than inf F.",
        relation="<=",
        control=Control(
            outside="The lazy method adds its gradients to the latent point.", **outside._asdict()
        ),
        table={"T": horizons},
        **inside._asdict(),
    )


def _least_residuals(column: Column, problem: Problem, points: FloatArray, horizons: FloatArray) -> None:
    residuals = _squared_residuals(problem, points)
    objectives = np.minimum.accumulate([problem.objective(w) for w in points])
    for T in horizons:
        best = 1 + int(np.argmin(residuals[1 : T + 1]))
        L, descent = problem.loss.lipschitz, max(objectives[0] - objectives[T], 0.0)
        allowed = theory.proximal_gradient_residual(descent, 0.5 / L, int(T), lipschitz=L)
        column.add(residuals[best], allowed, _fits_certificate(problem, points[best], residuals[best]))


def _squared_residuals(problem: Problem, points: FloatArray) -> FloatArray:
    """``dist(0, ∂F(w))²`` with the Clarke subdifferential, for each row w of `points`."""
    distances = [problem.distance(problem.loss.gradient(w), w) for w in points]
    return np.array([float(distance @ distance) for distance in distances])


def _fits_certificate(problem: Problem, w: FloatArray, squared_residual: float) -> bool:
    """Whether a squared norm fits the largest entry that `parlin.certify` finds, up to rounding."""
    largest = CertifiedPoint(problem, w).residual_over_slope * smallest_slope(problem)
    rounding = float(problem.loss.rounding_floor(w).max())
    norm = float(np.sqrt(squared_residual))
    return largest - rounding <= norm <= np.sqrt(w.size) * (largest + rounding)


def _lazy_iterates(problem: Problem, w0: FloatArray, step: float, n_steps: int) -> FloatArray:
    """The outputs of the lazy method: the gradient is taken at the prox, but added to the latent point."""
    latent, outputs = w0, []
    for _ in range(n_steps + 1):
        outputs.append(problem.prox(latent, 1.0))
        latent = latent - step * problem.loss.gradient(outputs[-1])
    return np.array(outputs)


def _admm(config: Config, cases: Sequence[Instance]) -> Evidence:
    inside, outside, curves = Column.empty(), Column.empty(), []
    for case, factor in product(cases, (*config.rho, config.small_rho)):
        rho = factor * case.problem.loss.lipschitz
        found = _augmented_lagrangian(case.problem, case.start, rho, config.n_lagrangian)
        values = found.values / case.problem.loss.value_at_zero
        column = outside if factor == config.small_rho else inside
        column.add(np.diff(values).max(), 0.0, found.certified)
        if case is cases[0]:
            curves.append({"rho": factor, "y": values})
    return Evidence(
        claim="C6/admm",
        statement="On nonconvex problems the augmented Lagrangian of ADMM never rises as long as ρ >= L.",
        source="[PAR] section 3",
        standing=Standing.MADE_PRECISE,
        remark="It says that ADMM solves the problem; for nonconvex penalties ρ must not be too small.",
        relation="<=",
        tolerance=1e-12,
        control=Control(outside="ρ = L/20.", **outside._asdict()),
        table={"curves": curves},
        **inside._asdict(),
    )


class Lagrangian(NamedTuple):
    """The augmented Lagrangian along a run of ADMM, and whether every update meets its definition."""

    values: FloatArray
    certified: bool


def _augmented_lagrangian(problem: Problem, w0: FloatArray, rho: float, n_steps: int) -> Lagrangian:
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


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    sec3_nonconvex_descent_figure.draw(evidence, figure)
