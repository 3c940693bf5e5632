r"""At a critical point at most n coordinates are off the levels, for every strength and every shape.

Claims
------
C1: at most n coordinates of a critical point are off the levels (C1/grid, over n/d, shapes, strengths); at
d = 200, n = 20 rational arithmetic finds an exact critical point next to every run (C1/proved). C4: the
strength need not be large. C13: at d = 200, n = 20 the quantization rate is at least 90 % wherever a run is
certified, but need not be by iteration 1000 (C13/iteration-1000). C14: coordinates equal levels exactly.

Source
------
[PAR] abstract, section 2.2 and Theorem 1, first proposed experiment and first check; theory 3.1 and 3.9.

Setting
-------
Least squares on normal designs, d = 200, n from 5 to 150; ridge and lasso chords (convex), a tilted
staircase (quasiconvex), sawtooth and rippled MCP (nonconvex), no slope zero; strengths from 0.9 to 0.001
of alpha_max, at n = 20 down to 0.00001; proximal gradient, FISTA and ADMM, also from random starts. A
point is evidence if its gradient is within 1e-8 of the smallest slope of criticality.

Prediction
----------
With nonzero slopes, almost surely and at once for all strengths and critical points: at most n coordinates
off the levels, a fraction of at least 1 - n/d on them, with equality at weak strengths. No number of
iterations serves every strength, since the flat parts of the proximal map shrink with it.

Falsified by
------------
One coordinate more off the levels, `certified_point.CertifiedPoint.n_off_levels + 1` violates C1/grid and
C4, and two per cent of them, `certified_point.CertifiedPoint.rate - 0.02` violates C13. A point next to which
there is no exact one: `exact_certificate(w=w + 1e-9)` violates C1/proved. An iterate whose quantization rate
is 1 - n/d already: five times as many iterations, `at.solve_at(max_iter=5 * max_iter)` violates
C13/iteration-1000. Levels that are met only nearly: `PAR.nearest_level + 1e-12` violates C14, and
`certified_point.solve_to_slopes().w + 1e-12` leaves C1/grid, C1/proved, C4, C13 and C14 undecided.

Control
-------
Entries and slopes ±1 (C1/grid); every column twice (C1/proved, C13); a ridge term in the loss (C4); the
certified limits of the same runs (C13/iteration-1000); a convex penalty with a flat cell (C14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.certified_point import TOLERANCE
from experiments.measure.columns import columns
from experiments.quantization import solver_points as at
from experiments.quantization import thm1_quantization_bound_figure
from experiments.quantization.duplicated_columns import duplicated_loss
from parlin import PAR, LeastSquares
from parlin.solvers import FISTA, ProximalGradient


@dataclass(frozen=True)
class Config:
    d: int = 200
    n: int = 20
    n_grid: tuple[int, ...] = (5, 20, 50, 100, 150)
    seeds: tuple[int, ...] = (0, 1)
    strengths: tuple[float, ...] = (0.9, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
    weaker_strengths: tuple[float, ...] = (1e-4, 1e-5)
    solver_strengths: tuple[float, ...] = (0.9, 0.1, 0.01)
    trace_strengths: tuple[float, ...] = (0.01, 0.1, 1e-3, 1e-4)
    iterations: int = 1000
    iteration_strength: float = 1e-4
    ridge_term: float = 0.5
    max_iter: int = 4000
    patience: int = 25_000  # iterations where the strength is weak

    @classmethod
    def full(cls) -> Config:
        return cls()

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            d=100,
            n=10,
            n_grid=(5, 10),
            seeds=(0,),
            strengths=(0.1, 0.01),
            weaker_strengths=(1e-3,),
            solver_strengths=(0.1,),
            trace_strengths=(0.01, 0.1),
            iteration_strength=3e-4,
            max_iter=2000,
            patience=10_000,
        )


def run(config: Config) -> tuple[Evidence, ...]:
    descents = {n: [*_descents(config, n, at.gaussian_loss)] for n in config.n_grid}
    seed, options = config.seeds[0], (config.solver_strengths, config.max_iter, config.seeds[0])
    flagship = [*at.by_every_solver(at.gaussian_loss(config.n, config.d, seed), *options)]
    duplicated = [*at.by_every_solver(duplicated_loss(config.n, config.d, seed), *options)]
    every_flagship = descents[config.n] + flagship
    return (
        _grid_claim(config, [point for points in descents.values() for point in points]),
        _proof_claim(every_flagship, duplicated),
        _strength_claim(config, descents[config.n]),
        _rate_claim(config, flagship, duplicated),
        _iteration_claim(config),
        _equality_claim(config, every_flagship),
    )


def _descents(config: Config, n: int, design: Callable[[int, int, int], LeastSquares]) -> Iterator[at.Point]:
    strengths, max_iter = config.strengths, config.max_iter
    if n == config.n:
        strengths, max_iter = strengths + config.weaker_strengths, config.patience
    for seed, (name, penalty) in product(config.seeds, at.PENALTIES.items()):
        loss = design(n, config.d, seed)
        for point in at.descend(loss, penalty, strengths, max_iter, n=n, seed=seed, shape=name):
            first = seed == config.seeds[0] and point.labels["strength"] == config.solver_strengths[-1]
            yield point.compared_with_cvxpy() if first and penalty.shape == "convex" else point


def _evidence(
    points: Sequence[at.Point],
    measure: Callable[[at.Point], float],
    bound: Callable[[at.Point], float] | float,
    control: Sequence[at.Point],
    outside: str,
    control_measure: Callable[[at.Point], float] | None = None,
    table: Mapping[str, Any] | None = None,
    **words: Any,
) -> Evidence:
    """A claim on Clarke-critical points and its control, measured alike unless the control has its own."""
    at_points = partial(columns, bound=bound, certified=attrgetter("clarke_critical"))
    return Evidence(
        **at_points(points, measure),
        control=Control(outside=outside, **at_points(control, control_measure or measure)),
        table={"inside": at.table(points), "outside": at.table(control), **(table or {})},
        **words,
    )


def _grid_claim(config: Config, points: list[at.Point]) -> Evidence:
    discrete = []
    for n, seed, strength in product(config.n_grid, config.seeds, config.solver_strengths):
        start = np.random.default_rng([seed, 2]).standard_normal(config.d)  # not the stream that drew X
        options = {"solver": ProximalGradient(), "start": start, "max_iter": config.max_iter, "n": n}
        loss = at.sign_loss(n, config.d, seed)
        discrete.append(at.solve_at(loss, at.PENALTIES["sawtooth"], strength, **options))
    return _evidence(
        points,
        attrgetter("n_off_levels"),
        lambda point: point.labels["n"],
        control=discrete,
        outside="X has entries ±1 and the slopes are ±1: a row of X can itself be a pattern of slopes.",
        claim="C1/grid",
        statement="At most n coordinates of a critical point are off the levels, for any shape and strength.",
        source="[PAR] Thm 1",
        standing=Standing.MADE_PRECISE,
        remark=(
            "It says every critical point. Needed as well: no slope is zero, the law of X has a density, and "
            "the loss depends on w through Xw alone (no ridge term)."
        ),
        relation="<=",
    )


def _proof_claim(points: list[at.Point], duplicated: list[at.Point]) -> Evidence:
    return _evidence(
        points,
        lambda point: float(point.proved),
        1.0,
        control=duplicated,
        outside="Every column occurs twice, so that the columns off the levels can be dependent.",
        claim="C1/proved",
        statement=(
            "Next to every point found there is, by rational arithmetic, an exact critical point with the "
            "same coordinates on the levels and independent columns off them, hence at most n of those."
        ),
        source="[PAR] Thm 1",
        standing=Standing.MADE_PRECISE,
        remark="It is about exact critical points, which runs in floating point only come near to.",
        relation="==",
        table={"proved_slack": [point.proved_margin for point in points], "tolerance": TOLERANCE},
    )


def _strength_claim(config: Config, points: list[at.Point]) -> Evidence:
    with_ridge_term = partial(at.loss_with_ridge_term, ridge=config.ridge_term)
    return _evidence(
        points,
        attrgetter("n_off_levels"),
        config.n,
        control=[*_descents(config, config.n, with_ridge_term)],
        outside=f"The loss has a ridge term {config.ridge_term / 2:g}‖w‖² and depends on more than Xw.",
        claim="C4",
        statement="At most n coordinates are off the levels however weak the strength is.",
        source="[PAR] mechanism 1, core assumption",
        standing=Standing.REFUTED,
        remark=(
            "It assumes a strength large enough to pull the coefficients to the levels. The strength sets "
            "which coordinates are quantized; the bound needs it large only with a ridge term in the loss."
        ),
        relation="<=",
    )


def _rate_claim(config: Config, points: list[at.Point], duplicated: list[at.Point]) -> Evidence:
    strength, *others = config.trace_strengths
    runs = [(strength, solver) for solver in at.SOLVERS] + [(other, FISTA()) for other in others]
    shown = (at.gaussian_loss(config.n, config.d, config.seeds[0]), at.PENALTIES["ridge chords"])
    return _evidence(
        points,
        lambda point: point.rate,
        (config.d - config.n) / config.d,
        control=duplicated,
        outside="Every column occurs twice, so that the law of X has no density.",
        claim="C13",
        statement=(
            f"With d = {config.d} and n = {config.n} at least {1 - config.n / config.d:.0%} of the "
            "coordinates are quantized wherever a run of any solver is certified."
        ),
        source="[PAR] experiment 1; next check 1",
        standing=Standing.MADE_PRECISE,
        remark="It asks for this along the iterations; it holds at critical points.",
        relation=">=",
        table={"traces": [at.trace(*shown, *run, config.patience) for run in runs]},
    )


def _iteration_claim(config: Config) -> Evidence:
    """Every run is stopped at the fixed iteration, looked at, and continued by FISTA to a certificate."""
    limits = []
    for seed, solver in product(config.seeds, at.SOLVERS):
        loss = at.gaussian_loss(config.n, config.d, seed)
        problem = (loss, at.PENALTIES["ridge chords"], config.iteration_strength)
        early = at.solve_at(*problem, solver=solver, max_iter=config.iterations)
        labels = {"seed": seed, "stopped": early.labels["solver"], "early_rate": early.rate}
        options = {"start": early.w, "max_iter": config.patience}
        limits.append(at.solve_at(*problem, solver=FISTA(), **options, **labels))
    return _evidence(
        limits,
        lambda point: point.labels["early_rate"],
        (config.d - config.n - 1) / config.d,
        control=limits,
        control_measure=lambda point: point.rate,
        outside="The same runs are continued until they are certified, instead of stopped at an iteration.",
        claim=f"C13/iteration-{config.iterations}",
        statement=(
            f"At iteration {config.iterations} fewer than 1 - n/d of the coordinates can be quantized, for "
            "proximal gradient, FISTA and ADMM alike, although the same runs end with that fraction or more."
        ),
        source="[PAR] experiment 1; next check 1",
        standing=Standing.REFUTED,
        remark="It sets iteration 1000; no number of iterations serves every strength.",
        relation="<=",
    )


def _equality_claim(config: Config, points: list[at.Point]) -> Evidence:
    convex = [point for point in points if point.problem.penalty.shape == "convex"]
    flat, options = [], {"solver": FISTA(), "max_iter": config.max_iter}
    for seed, strength in product(config.seeds, config.solver_strengths):
        loss = at.gaussian_loss(config.n, config.d, seed)
        top = float(np.abs(loss.gradient_at_zero).max())
        flat.append(at.solve_at(loss, PAR([-1.0, 1.0], [-1.0, 0.0, 1.0]), strength, top=top, **options))
    shown = {point.labels["shape"]: point for point in convex if point.certified}
    shown["flat cell (control)"] = flat[-1]
    return _evidence(
        convex,
        lambda point: point.distances()[config.d - config.n - 1],
        0.0,
        control=flat,
        outside="The convex penalty has a cell of slope zero, between its levels -1 and 1.",
        claim="C14",
        statement="With a convex penalty the d - n coordinates nearest to levels equal them exactly.",
        source="[PAR] design trade-offs",
        standing=Standing.MADE_PRECISE,
        remark="It says that values cluster near the targets; only the proximal map is soft.",
        relation="==",
        table={"distances": {name: point.distances() for name, point in shown.items()}},
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm1_quantization_bound_figure.draw(evidence, figure)
