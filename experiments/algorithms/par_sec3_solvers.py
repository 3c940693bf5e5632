r"""Proximal gradient, its accelerated form and ADMM solve PAR problems, at the rates that theory gives.

Claims
------
C6: proximal gradient (PG), accelerated PG (FISTA) and ADMM solve the problem. Made precise: convex
penalties are solved to the optimum, at the rates 1/k and 1/k², linearly in the end whatever the rank of
the design, and the quantized set is found after finitely many steps; for nonconvex penalties the residual
of PG falls like 1/T and ADMM descends as long as ρ >= L.

Source
------
[PAR] section 3; the nonconvex rate is the stationarity theorem of [ProxQuant].

Setting
-------
Least squares on designs that are wide, of rank 4, with correlated columns, or with every column twice;
ridge chords, lasso-like penalties with and without a box, at 0.3, 0.1 and 0.03 of the strength at which
everything is 0; sawtooth, W, rippled MCP and tilted staircase on wide and tall designs. Random starts;
solvers are stepped by hand.

Prediction
----------
With ``D = ‖w_0 − w*‖``: ``F(w_k) − F* <= L D²/(2k)`` for PG, ``<= 2 L D²/(k + 1)²`` for FISTA without
restart. Once levels and cells stay, PG with step 1/L contracts by ``1 − λ/L``, λ the least positive
eigenvalue of H_UU. If ``‖w_k − w*‖`` is below the margins of w*, all later iterates have its levels (steps
up to 1.9/L are tried: the proof needs only that ``I − γH`` is nonexpansive). Nonconvex, step 1/(2L): the
least ``dist(0, ∂F(w_k))²`` up to T is at most ``18 L (F(w_0) − F(w_T))/T``, sharper than with inf F. ADMM
with ``ρ >= L``: the augmented Lagrangian never rises.

Falsified by
------------
One iterate above its bound. F* is replaced by the certified lower bound ``F − gap`` at w*, which is
itself judged by `parlin.certify`; residuals and objectives are computed afresh from the iterates. Where all
is convex, an objective above cvxpy's by more than 1e-8, relatively.

Control
-------
Nonconvex penalties and several starts for the optimum; the step 2.5/L; PG without momentum against the
bound of FISTA; momentum in the linear phase; a target moved until one coordinate is just held at its level;
the lazy prox-gradient method; ``ρ = L/20``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.algorithms import nonconvex_descent, solvers_figure, traces
from experiments.algorithms.instances import (
    Instance,
    convex_instances,
    degenerate,
    nonconvex_instances,
    slowest_direction,
)
from experiments.algorithms.traces import FloatArray, Limit, iterates, limit_from
from experiments.harness import figure_style
from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import CertifiedPoint, is_certified, solve_to_slopes
from experiments.measure.columns import Column
from parlin import Problem
from parlin.certificates.duality_gap import duality_gap
from parlin.solvers import ADMM, FISTA, ProximalGradient

SOURCE = {"source": "[PAR] section 3", "standing": Standing.MADE_PRECISE}
WORDING = "It says that the three methods solve the problem, without saying in what sense."


@dataclass(frozen=True)
class Config:
    seeds: tuple[int, ...]
    designs: tuple[tuple[str, int, int], ...]  # entries, n, d
    fractions: tuple[float, ...]
    n_steps: int
    n_judged: int  # iterations of a run at which a rate is judged
    nonconvex_designs: tuple[tuple[str, int, int], ...] = (("normal", 20, 60), ("normal", 40, 20))
    nonconvex_strengths: tuple[float, ...] = (0.3, 0.03)
    tall_design: tuple[str, int, int] = ("normal", 40, 20)  # for the degenerate minimisers
    n_starts: int = 5
    n_diverging: int = 100  # steps of the run that diverges
    n_lagrangian: int = 200
    identification_steps: tuple[float, ...] = (0.5, 1.0, 1.9)  # in units of 1/L
    rho: tuple[float, ...] = (1.0, 1.5, 4.0)  # in units of L
    small_rho: float = 0.05
    lazy_steps: tuple[float, ...] = (0.1, 0.01)  # in units of 1/L
    over_cvxpy: float = 1e-8

    @classmethod
    def full(cls) -> Config:
        wide, correlated = ("normal", 20, 60), ("ar", 30, 40)
        low_rank, twice = ("low rank", 30, 40), ("duplicated", 20, 60)
        designs = (wide, correlated, low_rank, twice)
        return cls(seeds=(0, 1), designs=designs, fractions=(0.3, 0.1, 0.03), n_steps=2000, n_judged=20)

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            seeds=(0,),
            designs=(("normal", 8, 20), ("duplicated", 8, 20)),
            fractions=(0.1,),
            n_steps=500,
            n_judged=8,
            nonconvex_designs=(("normal", 20, 10),),
            n_starts=3,
            n_lagrangian=40,
        )


class Traced(NamedTuple):
    """A convex problem, a minimiser, and the iterates of PG with step 1/L and of FISTA without restart."""

    case: Instance
    minimiser: Limit
    plain: FloatArray
    fast: FloatArray


def run(config: Config) -> tuple[Evidence, ...]:
    convex = list(convex_instances(config.seeds, config.designs, config.fractions))
    runs = [
        Traced(
            case,
            limit_from(case.problem, solve_to_slopes(case.problem, FISTA()).w),
            iterates(ProximalGradient("1/L"), case.problem, case.start, config.n_steps),
            iterates(FISTA(restart=False), case.problem, case.start, config.n_steps),
        )
        for case in convex
    ]
    nonconvex = list(nonconvex_instances(config.seeds, config.nonconvex_designs, config.nonconvex_strengths))
    return (
        _optimum(config, convex, nonconvex),
        *_rates(config, runs),
        _linear(config, runs),
        _identification(config, runs),
        nonconvex_descent.stationarity(nonconvex, config.lazy_steps, config.n_steps, config.n_judged),
        nonconvex_descent.admm(nonconvex, config.rho, config.small_rho, config.n_lagrangian),
    )


def _optimum(config: Config, convex: Sequence[Instance], nonconvex: Sequence[Instance]) -> Evidence:
    inside, outside, names = Column.empty(), Column.empty(), []
    for case in convex:
        if case.seed != config.seeds[0] or case.strength != config.fractions[0]:
            continue
        for solver in (ProximalGradient(), FISTA(), ADMM()):
            w = solve_to_slopes(case.problem, solver, w0=case.start).w
            found = CertifiedPoint(case.problem, w).compared_with_cvxpy()
            inside.add(found.excess, config.over_cvxpy, found.critical)
            names.append(type(solver).__name__)
    for case in nonconvex:
        if case.seed != config.seeds[0] or case.strength != config.nonconvex_strengths[0]:
            continue
        starts = np.random.default_rng(case.seed).standard_normal((config.n_starts, case.problem.size))
        results = [solve_to_slopes(case.problem, ProximalGradient(), w0=start) for start in starts]
        least = min(result.certificate.objective for result in results)
        for result in results:
            over = (result.certificate.objective - least) / case.problem.loss.value_at_zero
            outside.add(over, config.over_cvxpy, is_certified(case.problem, result.w))
    return Evidence(
        claim="C6/optimum",
        statement="PG, FISTA and ADMM reach the optimum of every convex problem, as cvxpy finds it.",
        remark=WORDING,
        relation="<=",
        control=Control(
            outside="The penalty is not convex; the least of several runs for the optimum.",
            **outside._asdict(),
        ),
        table={"solver": names},
        **SOURCE,
        **inside._asdict(),
    )


def _rates(config: Config, runs: Sequence[Traced]) -> tuple[Evidence, Evidence]:
    plain, fast, diverging, slow = (Column.empty() for _ in range(4))
    k = np.unique(np.geomspace(1, config.n_steps, config.n_judged).astype(int))
    early = k[k <= config.n_diverging]
    for case, limit, points, accelerated in runs:
        problem, lipschitz = case.problem, case.problem.loss.lipschitz
        gap = duality_gap(problem, limit.w)
        least = Least(
            problem.objective(limit.w) - gap, limit.certified and gap <= 1e-10 * problem.loss.value_at_zero
        )
        size = lipschitz * float(np.sum((case.start - limit.w) ** 2))  # L D²
        first, second = size / (2 * k), 2 * size / (k + 1) ** 2
        _above(plain, problem, points[k], least, first)
        _above(slow, problem, points[k], least, second)
        _above(fast, problem, accelerated[k], least, second)
        points = iterates(ProximalGradient(2.5 / lipschitz), problem, case.start, config.n_diverging)
        _above(diverging, problem, points[early], least, first[: early.size])
    words = SOURCE | {"remark": WORDING, "relation": "<="}
    return (
        Evidence(
            claim="C6/pg-rate",
            statement="On convex problems F(w_k) − F* of PG with step 1/L is at most L‖w_0 − w*‖²/(2k).",
            control=Control(outside="The step is 2.5/L.", **diverging._asdict()),
            table={"k": k, "control k": early},
            **plain._asdict() | words,
        ),
        Evidence(
            claim="C6/fista-rate",
            statement="On convex problems F(w_k) − F* of FISTA without restart is at most "
            "2L‖w_0 − w*‖²/(k + 1)².",
            control=Control(outside="The momentum is left out: PG.", **slow._asdict()),
            table={"k": k, "control k": k},
            **fast._asdict() | words,
        ),
    )


class Least(NamedTuple):
    """A lower bound on the optimum, and whether it is certified and sharp."""

    objective: float
    certified: bool


def _above(column: Column, problem: Problem, points: FloatArray, least: Least, bound: FloatArray) -> None:
    for w, allowed in zip(points, bound, strict=True):
        column.add(problem.objective(w) - least.objective, allowed, least.certified)


def _linear(config: Config, runs: Sequence[Traced]) -> Evidence:
    columns, curves = {"PG": Column.empty(), "FISTA": Column.empty()}, {"PG": [], "FISTA": []}
    for case, _, plain, fast in runs:
        for name, points in (("PG", plain), ("FISTA", fast)):
            tail = traces.tail(case.problem, points)
            columns[name].add(tail.rate, tail.predicted, tail.certified)
            if tail.certified and case.seed == config.seeds[0]:
                curves[name].append({"x": tail.time, "y": tail.error})
    return Evidence(
        claim="C6/linear",
        statement="Once levels and cells stay, PG on a convex problem contracts at least as fast as 1 − λ/L, "
        "λ being the least positive eigenvalue of H on the free coordinates, whatever the rank of X.",
        remark=WORDING,
        relation=">=",
        tolerance=1e-6,  # the limit is known to rounding only
        control=Control(outside="Momentum is added: FISTA without restart.", **columns["FISTA"]._asdict()),
        table=curves,
        **SOURCE,
        **columns["PG"]._asdict(),
    )


def _identification(config: Config, runs: Sequence[Traced]) -> Evidence:
    inside, outside = Column.empty(), Column.empty()
    for case, minimiser, plain, _ in runs:
        if case.entries == "duplicated":
            continue  # the twin of a free column is just held, which the control is about
        problem, w = case.problem, minimiser.w
        proved = CertifiedPoint(problem, w).proved
        slope_margin, cell_margin = traces.margins(problem, w)
        for factor in config.identification_steps:
            step = factor / problem.loss.lipschitz
            points = plain
            if factor != 1.0:
                points = iterates(ProximalGradient(step), problem, case.start, config.n_steps)
            radius = min(step * float(slope_margin.min()), cell_margin)
            found, needed = traces.identification(problem, points, w, radius)
            inside.add(found, needed, proved and needed < len(points))
    for case in convex_instances(config.seeds, [config.tall_design], config.fractions):
        w = limit_from(case.problem, solve_to_slopes(case.problem).w).w
        problem, held = degenerate(case.problem, w)
        slope_margin, cell_margin = traces.margins(problem, w)
        step = 1.0 / problem.loss.lipschitz
        radius = min(step * float(np.delete(slope_margin, held).min()), cell_margin)
        sound = is_certified(problem, w)
        for sign in (-1.0, 1.0):
            start = w + sign * slowest_direction(problem, w, held)
            points = iterates(ProximalGradient(step), problem, start, config.n_steps)
            outside.add(*traces.identification(problem, points, w, radius), sound)
    return Evidence(
        claim="C6/identification",
        statement="After the first iterate that is nearer to w* than its margins, all iterates of PG have "
        "exactly the levels of w*.",
        remark=WORDING,
        relation="<=",
        control=Control(
            outside="One quantized coordinate is just held, and left out of the margins.", **outside._asdict()
        ),
        **SOURCE,
        **inside._asdict(),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    claims = {claim.claim: claim for claim in evidence}
    panels = figure_style.panels(figure, len(solvers_figure.PANELS), columns=3)
    for axes, (name, draw) in zip(panels, solvers_figure.PANELS.items(), strict=True):
        draw(axes, claims[name])
    config = evidence[0].config
    figure.suptitle("PG, FISTA and ADMM solve PAR problems at the rates of the theory", x=0.01, ha="left")
    sizes = [f"{n} × {d} {entries}" for entries, n, d in config["designs"]]
    facts = {"n × d": sizes, "alpha/alpha_max": config["fractions"], "seeds": config["seeds"]}
    figure_style.caption(figure, evidence, **facts)
