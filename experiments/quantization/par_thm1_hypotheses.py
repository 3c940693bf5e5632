r"""What the bound n needs: nonzero slopes, general position, fixed weights; and what holds without them.

Claims
------
C3: "regardless of the specific loss landscape" every critical point has at most n coordinates off the
levels. Each claim keeps or drops one hypothesis of the theorem, or repairs what dropping it breaks.

Source
------
[PAR] abstract and second mechanism.

Setting
-------
Least squares with d > n, normal designs, targets of mean square 1; convex, quasiconvex and nonconvex
penalties; points from FISTA and proximal gradient, accepted by their certificates (relative to the smallest
slope) and, at least once for each convex configuration, against cvxpy.

Prediction
----------
Zero slopes let interpolating fits keep any number of coordinates off the levels; a tilt restores n, and
without interpolation n holds anyhow. The sample (1, 2) and the slopes 1, 2 break it. Purification leads from
any critical point of any design to one with at most rank(X), the objective unchanged. A normal design of
rank r gives r (a fraction of `theory.quantization_floor` on the levels), an intercept n − 1, p unpenalised
columns n − p, K outputs nK; penalty weights may be anything but functions of the data.

Falsified by
------------
One certified point on the wrong side of its bound: tilted slopes,
`hypothesis_cases.zero_slopes(tilted=True)` violates C3/zero-slopes; the sample (1, 2.05),
`hypothesis_cases.two_inputs(second=second + 0.05)` violates C3/two-inputs; one coordinate more off the
levels, `certified_point.CertifiedPoint.n_off_levels + 1` violates C3/low-rank, C3/intercept, C3/outputs and
C3/weights. A certified point with more than n coordinates off the levels that does not interpolate:
`0.9 * critical_points.residual_bound` violates C3/interpolation. A purified point with fewer levels, or
another objective: `certified_point.purify + 1e-13` violates C3/purification and C3/purification-objective.

Control
-------
Each claim has its own: slopes tilted, the sample (1, 2.05), a ±1 factor in the design, every column twice,
no intercept, weights from marginal correlations, the points before purification, the points rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import columns
from experiments.quantization import critical_points as at
from experiments.quantization import hypothesis_cases, thm1_hypotheses_figure
from experiments.quantization.critical_points import CriticalPoint

SOURCE = "[PAR] mechanism 2"
WORDING = 'It says every critical point, "regardless of the specific loss landscape"'


@dataclass(frozen=True)
class Config:
    n: int
    d: int
    seeds: tuple[int, ...]
    scales: tuple[float, ...]
    two_input_seeds: tuple[int, ...]
    n_unpenalised: int = 3
    n_outputs: int = 3
    strength: float = 0.1
    middle_strength: float = 0.03
    weak_strength: float = 0.01
    second_input: float = 2.05

    @classmethod
    def full(cls) -> Config:
        scales = tuple(np.geomspace(0.1, 100.0, 16).tolist())
        return cls(10, 60, (0, 1, 2), scales, two_input_seeds=tuple(range(30)))

    @classmethod
    def smoke(cls) -> Config:
        return cls(5, 20, (0,), (0.1, 1.0, 30.0), two_input_seeds=(0, 1, 2))


def run(config: Config) -> tuple[Evidence, ...]:
    """Evidence on C3, one hypothesis at a time."""
    sizes = (config.n, config.d, config.seeds)
    weak = (*sizes, config.weak_strength)
    cases = hypothesis_cases
    flat, tilted = (cases.zero_slopes(*sizes, config.strength, tilt) for tilt in (False, True))
    inputs = (config.two_input_seeds, config.strength)
    two, apart = cases.two_inputs(2.0, *inputs), cases.two_inputs(config.second_input, *inputs)
    low_rank = cases.low_rank(*sizes, (config.strength, config.middle_strength), signs=False)
    signs = cases.low_rank(*sizes, (config.strength,), signs=True)
    drawn, marginal = (cases.weighted(*sizes, config.strength, by_data) for by_data in (False, True))
    outputs = cases.several_outputs(*weak, config.n_outputs, doubled=False)
    doubled = cases.several_outputs(*sizes, config.middle_strength, config.n_outputs, doubled=True)
    free = cases.unpenalised(*weak, 1, kept=True) + cases.unpenalised(*weak, config.n_unpenalised, kept=True)
    penalised = cases.unpenalised(*weak, 1, kept=False)
    degenerate = cases.degenerate(*sizes, config.strength)
    impure = [*flat, *two, *signs, *marginal, *degenerate, *cases.one_hot(config.seeds, config.weak_strength)]
    return (
        _counts(
            "C3/zero-slopes",
            "If a slope is zero, critical points can have more than n coordinates off the levels.",
            ">=",
            _most_off_level(flat),
            _most_off_level(tilted),
            "The zero slopes are tilted to a tenth; data and starts stay.",
            f"{WORDING}, and asks nothing of the slopes.",
            Standing.REFUTED,
        ),
        _interpolation(config, flat, marginal),
        _counts(
            "C3/two-inputs",
            "One sample (1, 2) and slopes 1, 2 have critical points with both coordinates off the levels.",
            ">=",
            two,
            apart,
            f"The sample is (1, {config.second_input}); targets and starts stay.",
            "It asks for absolutely continuous data; that no two columns are multiples is not enough.",
            w=[point.w for point in two],
            control_w=[point.w for point in apart],
        ),
        *_purification(impure),
        _counts(
            "C3/low-rank",
            "With a normal design of rank r at most r coordinates of a critical point are off the levels.",
            "<=",
            low_rank,
            signs,
            "The factor of the design on the side of the features is ±1.",
            "It bounds by n; the rank of the design is what counts.",
        ),
        _counts(
            "C3/intercept",
            "An intercept lowers the bound to n − 1, and p unpenalised columns lower it to n − p.",
            "<=",
            free,
            penalised,
            "There is no intercept and all columns are penalised: n itself is attained.",
            "It has no unpenalised coordinates.",
        ),
        _counts(
            "C3/outputs",
            "With K outputs at most nK coefficients are off the levels, n for each output.",
            "<=",
            outputs,
            doubled,
            "Every column occurs twice.",
            "It has one output.",
        ),
        _counts(
            "C3/weights",
            "Penalty weights that are fixed before the data leave the bound n as it is.",
            "<=",
            drawn,
            marginal,
            "The weights are the marginal correlations of features and targets.",
            "It has no penalty weights; weights computed from the data can void the bound.",
        ),
    )


def _most_off_level(points: Sequence[CriticalPoint]) -> list[CriticalPoint]:
    """The critical point with the most coordinates off the levels for each name, since one is enough."""
    ordered = sorted(points, key=lambda point: (point.clarke_critical, point.n_off_levels))
    return list({point.labels["name"]: point for point in ordered}.values())


def _counts(
    claim: str,
    statement: str,
    relation: str,
    inside: Sequence[CriticalPoint],
    outside: Sequence[CriticalPoint],
    dropped: str,
    remark: str,
    standing: Standing = Standing.MADE_PRECISE,
    **more: Any,
) -> Evidence:
    """A claim on how many coordinates are off the levels, inside and outside its hypotheses."""
    return Evidence(
        claim=claim,
        statement=statement,
        source=SOURCE,
        standing=standing,
        remark=remark,
        relation=relation,
        control=Control(outside=dropped, **_counted(outside)),
        table=at.table(inside) | {"control": at.table(outside)} | more,
        **_counted(inside),
    )


def _counted(points: Sequence[CriticalPoint]) -> dict[str, Any]:
    """The coordinates off the levels of Clarke-critical points, and the number they are compared with."""
    return columns(points, attrgetter("n_off_levels"), attrgetter("bound"), attrgetter("clarke_critical"))


def _interpolation(
    config: Config, flat: Sequence[CriticalPoint], marginal: Sequence[CriticalPoint]
) -> Evidence:
    seed = config.seeds[0]
    sizes = (config.n, config.d, seed)
    sweep, tilted = (
        hypothesis_cases.scale_sweep(*sizes, config.strength, config.scales, tilt) for tilt in (False, True)
    )

    def residuals(points: Sequence[CriticalPoint]) -> dict[str, list]:
        exceeding = [point for point in points if point.n_off_levels > config.n]
        return columns(exceeding, at.relative_residual, at.residual_bound, attrgetter("clarke_critical"))

    return Evidence(
        claim="C3/interpolation",
        statement="With zero slopes, a fit with more than n coordinates off the levels interpolates.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It does not tell interpolating fits from others.",
        relation="<=",
        control=Control(
            outside="No slope is zero, but the penalty weights are marginal correlations.",
            **residuals(marginal),
        ),
        table={
            "off_level": [point.n_off_levels for point in sweep],
            "off_level_tilted": [point.n_off_levels for point in tilted],
            "certified": [point.clarke_critical for point in sweep],
            "certified_tilted": [point.clarke_critical for point in tilted],
            "largest_interpolated_scale": hypothesis_cases.largest_interpolated_scale(*sizes),
        },
        **residuals([*flat, *sweep]),
    )


def _purification(impure: Sequence[CriticalPoint]) -> tuple[Evidence, Evidence]:
    before = [point.compared_with_rank() for point in impure]
    purified = [point.purified() for point in before]
    rounded = [point.partly_rounded() for point in before]

    def changes(moved: Sequence[CriticalPoint]) -> dict[str, list]:
        pairs = [at.objective_change(*pair) for pair in zip(before, moved, strict=True)]
        measured, bound = (list(column) for column in zip(*pairs, strict=True))
        critical = [point.clarke_critical for point in before]
        return {"measured": measured, "bound": bound, "certified": critical}

    count = _counts(
        "C3/purification",
        "Purification leads from any critical point to one with at most rank(X) coordinates off the levels.",
        "<=",
        purified,
        before,
        "The same points before purification, of designs or slopes that break the bound.",
        "It says every critical point; for a fixed design it is one with the same fit and objective.",
        proof=[point.proof.verdict.name for point in purified],
    )
    objective = Evidence(
        claim="C3/purification-objective",
        statement="Purification changes neither the objective nor the fitted values, beyond rounding.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It does not treat designs for which only some critical points are quantized.",
        relation="<=",
        control=Control(
            outside="As many coordinates are put on levels, but by rounding those nearest to one.",
            **changes(rounded),
        ),
        table={
            "moved": [old.n_off_levels - new.n_off_levels for old, new in zip(before, purified, strict=True)]
        },
        **changes(purified),
    )
    return count, objective


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    """Zero slopes, interpolation, the two inputs, purification, and the bounds that hold."""
    _, interpolation, two, count, objective, *bounds = evidence
    axes = figure_style.panels(figure, 6)
    thm1_hypotheses_figure.sweep(axes[0], interpolation)
    thm1_hypotheses_figure.residuals(axes[1], interpolation)
    thm1_hypotheses_figure.plane(axes[2], two)
    thm1_hypotheses_figure.purification(axes[3], count)
    thm1_hypotheses_figure.changes(axes[4], objective)
    thm1_hypotheses_figure.bounds(axes[5], bounds)
    config = interpolation.config
    facts = {name: config[name] for name in ("n", "d", "seeds")}
    strengths = [config[f"{name}strength"] for name in ("", "middle_", "weak_")]
    figure_style.caption(figure, evidence, **facts, alpha=strengths)
