r"""The proximal maps of all piecewise-affine penalties have exact closed forms: soft quantizers.

Claims
------
C5: the prox of a PAR has a closed form for every shape. Convex penalties by Eq. 23, any penalty by one
table, the staircase, the distance to a grid and PARQ's soft quantizer by formulas of their own.

Source
------
[PAR] Eq. 23 and section 3; [PARQ] soft quantizer; [ProxQuant] binary and L1 maps.

Setting
-------
Random penalties of six kinds (convex, with a box, with one box side, quasiconvex, nonconvex, nonconvex in
a box) with up to 12 levels, asymmetric, steps from 0.01 to 10; arguments at random, at every level and at
every threshold. Grids of several spacings; random sets of targets.

Prediction
----------
The closed form attains the minimum that enumeration of all cells finds: excess at most 1e-12 relative to
the terms of the objective. PARQ's map with slope ρ is the prox of ρ − 1 times the chords of x²/2, at ρp.

Falsified by
------------
One argument at which a closed form is above the minimum, by enumeration certified against the definition:
``v − x`` in step times the Clarke interval, and not above `parlin.reference.prox_brute_force`; where the
penalty is convex also not above cvxpy. A step or a slope that is one per cent off is found out:
`PAR.prox(step=1.01 * step)` violates C5/every-shape, `closed_forms.staircase(step=1.01 * step)` violates
C5/staircase, `closed_forms.distance_to(step=1.01 * step)` violates C5/distance,
`closed_forms.soft_quantizer(rho=1.01 * rho)` violates C5/soft-quantizer; and so is a value in the ninth
digit: `closed_forms.convex_thresholds + 1e-9` violates C5/convex.

Control
-------
Eq. 23 applied to slopes that do not increase; the nearest critical point instead of the best one; the
staircase beyond its last level; targets taken to be the whole numbers; the prox taken at p instead of ρp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import excess_over_cvxpy
from experiments.measure.prox_by_enumeration import nearest_critical_point
from experiments.prox import closed_forms, curves, eq23_prox_figure
from experiments.prox.closed_forms import FloatArray
from experiments.prox.random_cases import (
    CONVEX_KINDS,
    OTHER_KINDS,
    Case,
    Errors,
    SoftQuantizer,
    TargetSet,
    draw,
    largest_errors,
)
from parlin import PAR, LeastSquares, Problem, designs


@dataclass(frozen=True)
class Config:
    n_penalties: int  # of each kind, for each seed
    n_arguments: int  # random ones, for each penalty
    n_steps: int
    seeds: tuple[int, ...]
    spacings: tuple[float, ...] = (0.1, 0.5, 3.0)
    max_levels: int = 12
    allowed: float = 1e-12  # error of a closed form
    allowed_over_cvxpy: float = 1e-8
    n_cvxpy: int = 8  # arguments of each comparison with cvxpy
    n_drawn: int = 241  # points of a curve in the figure

    @property
    def n_cases(self) -> int:
        return self.n_penalties * len(self.seeds)

    @classmethod
    def full(cls) -> Config:
        return cls(n_penalties=60, n_arguments=200, n_steps=12, seeds=(0, 1, 2))

    @classmethod
    def smoke(cls) -> Config:
        return cls(n_penalties=5, n_arguments=40, n_steps=4, seeds=(0,))


def run(config: Config) -> tuple[Evidence, ...]:
    trials = draw(config.seeds, config.n_cases, config.max_levels, config.n_arguments)
    return (
        _convex(config, trials.by_kind),
        _every_shape(config, trials.by_kind),
        _staircase(config),
        _distance(config, trials.target_sets),
        _soft_quantizer(config, trials.soft_quantizers),
    )


def _attains(
    config: Config, name: str, inside: Errors, outside: Errors, dropped: str, **words: Any
) -> Evidence:
    """The claim that a closed form attains the minimum; `dropped` is the hypothesis of the control."""
    control = Control(outside=dropped, bound=config.allowed, **outside._asdict())
    points = inside._asdict() | {"bound": config.allowed}
    return Evidence(claim=f"C5/{name}", relation="<=", control=control, **points, **words)


def _convex(config: Config, cases: dict[str, list[Case]]) -> Evidence:
    def thresholds(kinds: Sequence[str]) -> Errors:
        chosen = [case for kind in kinds for case in cases[kind]]
        return largest_errors(chosen, [closed_forms.convex_thresholds(*case) for case in chosen], unique=True)

    inside = thresholds(CONVEX_KINDS)
    richest = {kind: max(cases[kind], key=lambda case: case.penalty.levels.size) for kind in CONVEX_KINDS}
    over_cvxpy = {kind: _excess_over_cvxpy(config, *case) for kind, case in richest.items()}
    agrees = [over_cvxpy[kind] <= config.allowed_over_cvxpy for kind in CONVEX_KINDS for _ in cases[kind]]
    return _attains(
        config,
        "convex",
        inside._replace(certified=np.logical_and(inside.certified, agrees)),
        thresholds(["nonconvex"]),
        dropped="The slopes do not increase.",
        statement="The thresholds of Eq. 23 give the exact prox of every convex penalty, boxed or not.",
        source="[PAR] Eq. 23",
        standing=Standing.AS_STATED,
        table={"excess over cvxpy": over_cvxpy},
    )


def _excess_over_cvxpy(config: Config, penalty: PAR, v: FloatArray, step: float) -> float:
    """How much worse the closed form is than cvxpy's minimum of the same objective, relatively."""
    v = v[-config.n_cvxpy :]
    scale = np.sqrt(v.size)  # turns the mean of squares into their sum
    problem = Problem(LeastSquares(scale * np.eye(v.size), scale * v), penalty.scaled(step))
    return excess_over_cvxpy(problem, closed_forms.convex_thresholds(penalty, v, step))


def _every_shape(config: Config, cases: dict[str, list[Case]]) -> Evidence:
    every = [case for kind in CONVEX_KINDS + OTHER_KINDS for case in cases[kind]]
    local = cases["nonconvex"]
    return _attains(
        config,
        "every-shape",
        largest_errors(every, [case.penalty.prox(case.v, case.step) for case in every]),
        largest_errors(local, [nearest_critical_point(*case) for case in local]),
        dropped="The nearest critical point is taken, without comparing objectives.",
        statement="One sorted table of clipped shifts gives the exact prox of any piecewise-affine penalty.",
        source="[PAR] section 3",
        standing=Standing.MADE_PRECISE,
        remark="It promises a closed form for each of three shapes; one table serves them all.",
        table=curves.penalty_graphs(config.n_drawn),
    )


def _staircase(config: Config) -> Evidence:
    def grid(n_levels: int) -> Errors:
        cases, values = [], []
        for spacing in config.spacings:
            v = spacing * np.linspace(-4.0, 4.0, 8 * config.n_arguments + 1)
            for step in spacing * np.geomspace(0.05, 5.0, config.n_steps):
                cases.append(Case(designs.staircase(spacing, n_levels), v, step))
                values.append(closed_forms.staircase(spacing, v, step))
        return largest_errors(cases, values)

    return _attains(
        config,
        "staircase",
        grid(n_levels=12),
        grid(n_levels=2),
        dropped="The grid ends within the range of the arguments.",
        statement="On a staircase without end the prox traps, shifts and jumps, and is plain rounding of a "
        "shifted argument once the step exceeds the spacing.",
        source="[PAR] section 3, quasiconvex",
        standing=Standing.MADE_PRECISE,
        remark="The closed form needs a grid that does not end within reach; otherwise the table is needed.",
    )


def _distance(config: Config, target_sets: Sequence[TargetSet]) -> Evidence:
    cases = [case for _, case in target_sets]
    informed = [closed_forms.distance_to(targets, case.v, case.step) for targets, case in target_sets]
    blind = [closed_forms.sawtooth_blind_to_levels(case.v, case.step) for case in cases]
    return _attains(
        config,
        "distance",
        largest_errors(cases, informed),
        largest_errors(cases, blind),
        dropped="The targets are taken to be the whole numbers.",
        statement="The prox of the distance to a set of targets soft-thresholds toward the nearest target.",
        source="[ProxQuant] binary and L1 maps",
        standing=Standing.AS_STATED,
    )


def _soft_quantizer(config: Config, soft_quantizers: Sequence[SoftQuantizer]) -> Evidence:
    values, stretched, plain = [], [], []
    for targets, slope, p in soft_quantizers:
        penalty = closed_forms.chords_of_half_square(targets)
        values.append(closed_forms.soft_quantizer(targets, p, slope))
        stretched.append(Case(penalty, slope * p, slope - 1))
        plain.append(Case(penalty, p, slope - 1))
    return _attains(
        config,
        "soft-quantizer",
        largest_errors(stretched, values, unique=True),
        largest_errors(plain, values, unique=True),
        dropped="The prox is taken at p itself, not at ρp.",
        statement="PARQ's soft quantizer of slope ρ, at p, is the prox of (ρ − 1) times the chords of x²/2, "
        "at ρp.",
        source="[PARQ] soft quantizer",
        standing=Standing.MADE_PRECISE,
        remark="It is called the prox of a convex penalty; at unit scale it is none, its slope being ρ > 1.",
        table=curves.soft_quantizer_graph(config.n_drawn),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    eq23_prox_figure.draw(evidence, figure)
