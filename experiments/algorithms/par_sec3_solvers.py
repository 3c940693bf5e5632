r"""Proximal gradient, accelerated or not, and ADMM solve convex PAR problems at the rates of theory.

Claims
------
C6: proximal gradient (PG), accelerated PG (FISTA) and ADMM solve the problem. Made precise: convex
penalties are solved to the optimum (C6/optimum), at the rates 1/k (C6/pg-rate) and 1/k² (C6/fista-rate),
linearly in the end whatever the rank of the design (C6/linear), and the quantized set is found after
finitely many steps (C6/identification).

Source
------
[PAR] section 3.

Setting
-------
Least squares on designs that are wide, of rank 4, with correlated columns, or with every column twice;
ridge chords, lasso-like penalties with and without a box, at 0.3, 0.1 and 0.03 of the strength at which
everything is 0. Random starts; solvers are stepped by hand.

Prediction
----------
With ``D = ‖w_0 − w*‖``: ``F(w_k) − F* <= L D²/(2k)`` for PG, ``<= 2 L D²/(k + 1)²`` for FISTA without
restart. Once levels and cells stay, PG with step 1/L contracts by ``1 − λ/L``, λ the least positive
eigenvalue of H_UU. If ``‖w_k − w*‖`` is below the margins of w*, all later iterates have its levels (steps
up to 1.9/L are tried: the proof needs only that ``I − γH`` is nonexpansive).

Falsified by
------------
One iterate above its bound: a quarter of ``L D²``, `0.25 * traced_runs.Traced.size` violates C6/pg-rate and
C6/fista-rate; a contraction that is slower, `1.01 * traces.tail().predicted` violates C6/linear; levels that
are found too late: with ten times the margins, `traces.identification(radius=10 * radius)` violates
C6/identification. F* is replaced by the lower bound ``F − gap`` at w*, a point that `parlin.certify`
certifies; objectives are computed afresh from the iterates. An objective above cvxpy's by more than 1e-8,
relatively: `certified_point.solve_with_cvxpy().objective - 1e-6` violates C6/optimum.

Control
-------
Nonconvex penalties (sawtooth, W, rippled MCP, tilted staircase) and several starts for the optimum; the step
2.5/L; PG without momentum against the bound of FISTA; momentum in the linear phase; a target moved until one
coordinate is just held at its level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.algorithms import sec3_solvers_figure, traces
from experiments.algorithms.instances import (
    Instance,
    convex_instances,
    degenerate,
    nonconvex_instances,
    slowest_direction,
)
from experiments.algorithms.traced_runs import Least, Traced, trace
from experiments.algorithms.traces import FloatArray, iterates, limit_from
from experiments.harness import figure_style
from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import CertifiedPoint, is_certified, solve_to_slopes
from experiments.measure.columns import Column
from parlin import Problem
from parlin.solvers import ADMM, FISTA, ProximalGradient

SOURCE = {"source": "[PAR] section 3", "standing": Standing.MADE_PRECISE}
WORDING = "It says that the three methods solve the problem, without saying in what sense."


@dataclass(frozen=True)
class Config:
    seeds: tuple[int, ...]
    designs: tuple[tuple[str, int, int], ...]  # entries, n, d
    fractions: tuple[float, ...]
    n_steps: int
    n_measured: int  # iterations of a run at which a rate is measured
    nonconvex_designs: tuple[tuple[str, int, int], ...] = (("normal", 20, 60), ("normal", 40, 20))
    nonconvex_strength: float = 0.3
    tall_design: tuple[str, int, int] = ("normal", 40, 20)  # for the degenerate minimisers
    n_starts: int = 5
    n_diverging: int = 100  # steps of the run that diverges
    identification_steps: tuple[float, ...] = (0.5, 1.0, 1.9)  # in units of 1/L
    over_cvxpy: float = 1e-8

    @property
    def measured_at(self) -> NDArray[np.intp]:
        return np.unique(np.geomspace(1, self.n_steps, self.n_measured).astype(int))

    @classmethod
    def full(cls) -> Config:
        wide, correlated = ("normal", 20, 60), ("ar", 30, 40)
        low_rank, twice = ("low rank", 30, 40), ("duplicated", 20, 60)
        designs = (wide, correlated, low_rank, twice)
        return cls(seeds=(0, 1), designs=designs, fractions=(0.3, 0.1, 0.03), n_steps=2000, n_measured=20)

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            seeds=(0,),
            designs=(("normal", 8, 20), ("duplicated", 8, 20)),
            fractions=(0.1,),
            n_steps=500,
            n_measured=8,
            nonconvex_designs=(("normal", 20, 10),),
            n_starts=3,
        )


def run(config: Config) -> tuple[Evidence, ...]:
    convex = list(convex_instances(config.seeds, config.designs, config.fractions))
    runs = [trace(case, config.n_steps) for case in convex]
    return (
        _optimum(config, convex),
        _pg_rate(config, runs),
        _fista_rate(config, runs),
        _linear(config, runs),
        _identification(config, runs),
    )


def _optimum(config: Config, convex: Sequence[Instance]) -> Evidence:
    inside, outside, names = Column.empty(), Column.empty(), []
    for case in convex:
        if case.seed != config.seeds[0] or case.strength != config.fractions[0]:
            continue
        for solver in (ProximalGradient(), FISTA(), ADMM()):
            w = solve_to_slopes(case.problem, solver, w0=case.start).w
            found = CertifiedPoint(case.problem, w).compared_with_cvxpy()
            inside.add(found.excess, config.over_cvxpy, found.critical)
            names.append(type(solver).__name__)
    settings = config.seeds[:1], config.nonconvex_designs, (config.nonconvex_strength,)
    for case in nonconvex_instances(*settings):
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


def _pg_rate(config: Config, runs: Sequence[Traced]) -> Evidence:
    inside, outside, k = Column.empty(), Column.empty(), config.measured_at
    early = k[k <= config.n_diverging]
    for found in runs:
        problem, least, bound = found.case.problem, found.least, found.size / (2 * k)
        _above(inside, problem, found.plain[k], least, bound)
        diverging = ProximalGradient(2.5 / problem.loss.lipschitz)
        points = iterates(diverging, problem, found.case.start, config.n_diverging)
        _above(outside, problem, points[early], least, bound[: early.size])
    return Evidence(
        claim="C6/pg-rate",
        statement="On convex problems F(w_k) − F* of PG with step 1/L is at most L‖w_0 − w*‖²/(2k).",
        remark=WORDING,
        relation="<=",
        control=Control(outside="The step is 2.5/L.", **outside._asdict()),
        table={"k": k, "control k": early},
        **SOURCE,
        **inside._asdict(),
    )


def _fista_rate(config: Config, runs: Sequence[Traced]) -> Evidence:
    inside, outside, k = Column.empty(), Column.empty(), config.measured_at
    for found in runs:
        least, bound = found.least, 2 * found.size / (k + 1) ** 2
        _above(inside, found.case.problem, found.fast[k], least, bound)
        _above(outside, found.case.problem, found.plain[k], least, bound)
    return Evidence(
        claim="C6/fista-rate",
        statement="On convex problems F(w_k) − F* of FISTA without restart is at most "
        "2L‖w_0 − w*‖²/(k + 1)².",
        remark=WORDING,
        relation="<=",
        control=Control(outside="The momentum is left out: PG.", **outside._asdict()),
        table={"k": k, "control k": k},
        **SOURCE,
        **inside._asdict(),
    )


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
            continue  # the duplicate of a free column is just held, which the control is about
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
    panels = figure_style.panels(figure, len(sec3_solvers_figure.PANELS))
    for axes, (name, draw) in zip(panels, sec3_solvers_figure.PANELS.items(), strict=True):
        draw(axes, claims[name])
    config = evidence[0].config
    figure.suptitle("PG and FISTA solve convex PAR problems at the rates of the theory", x=0.01, ha="left")
    sizes = [f"{n} × {d} {entries}" for entries, n, d in config["designs"]]
    facts = {"n × d": sizes, "alpha/alpha_max": config["fractions"], "seeds": config["seeds"]}
    figure_style.caption(figure, evidence, **facts)
