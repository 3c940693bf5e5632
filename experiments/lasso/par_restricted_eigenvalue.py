r"""Perfectly correlated features destroy the restricted eigenvalue only where one of them is in the support.

Claims
------
C17: whether the restricted eigenvalue condition holds under perfectly correlated features depends on where
they are. It fails if a column of the support S is duplicated (C17/support) and holds as before if both equal
columns are off S (C17/outside). Cheap lower bounds are valid (C17/bounds) but 0 where rows are fewer than
columns (C17/vacuous); random directions are no certificate: they over-estimate the constant, and by more the
more columns there are (C17/sampling). With equal columns in S there is a whole segment of minimisers
(C17/segment) and no estimator has a bounded error (C17/unidentified); the fitted values stay within the
bound of the design with the two columns merged (C17/prediction).

Source
------
[PAR] section 4.2 and its quiz on the condition; theory 5.1.

Setting
-------
Gaussian designs, columns with ‖X_j‖² = n, S the first s columns, c_0 = 3, H = X'X/n. κ is the least
z'Hz/‖z‖² and φ² the least s z'Hz/‖z_S‖_1² over the cone ‖z_{S^c}‖_1 <= c_0 ‖z_S‖_1. φ² is exact: the least
of 2^(s-1) convex programs; it is evidence if the proved lower bound is within 1e-8 of the attained value.
PAR-Lasso on n = 60, d = 12, s = 3, with slopes 1 + 0.05 k on a grid of spacing 0.5, is evidence if its
gradient is within 1e-8 of the smallest slope of criticality.

Prediction
----------
With equal columns i in S and j, z = e_i - e_j is in the cone as c_0 >= 1, and Xz = 0. Those off S can be
merged without leaving the cone. φ²/(s (1 + c_0²)) <= κ <= φ², so both are positive or neither is. PAR-Lasso
on equal columns is PAR on the merged design with penalty 2ψ(c/2): minimisers split c in any way within one
cell of the grid, over a length of √2 times the distance from c to the nearest even multiple of the spacing,
and `theory.lasso_prediction_distance` holds with the merged φ². Coefficients w* ± t (e_i - e_j) give the
same data, so an estimator is √2 t off one of them.

Falsified by
------------
A positive least ratio with a duplicated column in S, or a constant that equal columns off S change: with
columns that differ, `gaussian(equal='none')` violates C17/support and C17/outside.
`2 * reference.restricted_eigenvalue_lower_bound` violates C17/bounds,
`reference.restricted_eigenvalue_lower_bound + 0.01` violates C17/vacuous,
`0.95 * cone_constants.sampled().compatibility` violates C17/sampling, `0.9 * DuplicatedFit.predicted_length`
violates C17/segment, `0.9 * DuplicatedFit.error` violates C17/unidentified,
`0.7 * theory.lasso_prediction_distance` violates C17/prediction.

Control
-------
Equal columns off S (C17/support); a duplicated column of S (C17/outside); the least of random directions
taken as the bound (C17/bounds); five times as many rows as columns (C17/vacuous); orthogonal columns, where
the constant is 1 at any d and drawing nearly finds it (C17/sampling); columns that are nearly equal
(C17/segment) or unrelated (C17/unidentified); a strength at which the noise is too large (C17/prediction).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.lasso import equal_columns, restricted_eigenvalue_figure
from experiments.lasso.cone_constants import CERTAIN, Case, EqualPair, case, gaussian, mean_excess, orthogonal
from experiments.lasso.equal_columns import DuplicatedFit, Setting, duplicated_fit
from experiments.measure.certified_point import TOLERANCE
from experiments.measure.columns import columns

ASKED = "It asks whether the condition holds under perfect correlation; {}"
made_precise = partial(Evidence, source="[PAR] quiz on section 4.2", standing=Standing.MADE_PRECISE)


@dataclass(frozen=True)
class Config:
    cone: float = 3.0
    size: int = 3
    equal_shapes: tuple[tuple[int, int], ...] = ((20, 8), (20, 14), (60, 20))  # rows, columns
    bound_rows: tuple[int, ...] = (14, 16, 18, 20, 30, 60, 120, 200)
    bound_columns: int = 20
    sampling_rows: int = 20
    sampling_columns: tuple[int, ...] = (8, 12, 16, 20)
    draws: tuple[int, ...] = (100, 1000, 10_000)
    fit: tuple[int, int, int, float] = (60, 12, 3, 0.1)  # rows, columns, size of S, noise
    shifts: tuple[float, ...] = (1.0, 4.0, 16.0)
    weak: float = 0.01
    few_seeds: tuple[int, ...] = tuple(range(10))
    seeds: tuple[int, ...] = tuple(range(50))

    @classmethod
    def full(cls) -> Config:
        return cls()

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            size=2,
            equal_shapes=((20, 8),),
            bound_rows=(12, 100),
            bound_columns=14,
            sampling_rows=12,
            sampling_columns=(4, 12),
            draws=(100, 1000),
            fit=(40, 8, 3, 0.1),
            shifts=(1.0, 16.0),
            few_seeds=(0, 1),
            seeds=tuple(range(8)),
        )


def run(config: Config) -> tuple[Evidence, ...]:
    setting = Setting(*config.fit)
    fits = [duplicated_fit(setting, seed, compare=seed == config.seeds[0]) for seed in config.seeds]
    return (
        *_equal_columns(config),
        *_bounds(config),
        _sampling(config),
        _segment(config, setting, fits),
        _unidentified(config, setting),
        _prediction(config, setting, fits),
    )


def _equal_columns(config: Config) -> tuple[Evidence, Evidence]:
    def cases(equal: EqualPair) -> list[Case]:
        return [
            case(gaussian(n, d, config.size, seed, equal), config.size, config.cone, seed)
            for n, d in config.equal_shapes
            for seed in config.few_seeds
        ]

    inside, across, outside = cases("inside"), cases("across"), cases("outside")
    merged = [case(found.X[:, :-1], config.size, config.cone, found.seed) for found in outside]

    def eigenvalue(found: Sequence[Case]) -> dict[str, Any]:
        ratios = [one.least_pair_ratio for one in found]
        # The convex programs have to agree with the direction that is known.
        agree = [one.certified and (r > 0) == one.holds for one, r in zip(found, ratios, strict=True)]
        return {"measured": ratios, "bound": 0.0, "certified": agree}

    def kept(found: Sequence[Case]) -> dict[str, Any]:
        return {
            "measured": [one.eigenvalue_floor for one in found],
            "bound": [other.eigenvalue_floor for other in merged],
            "certified": [one.certified and other.holds for one, other in zip(found, merged, strict=True)],
        }

    groups = {"inside": inside, "across": across, "outside": outside, "merged": merged}
    fails = made_precise(
        claim="C17/support",
        statement="If a column of the support is duplicated, inside it or outside, κ is exactly 0.",
        remark=ASKED.format("it does not where a column of the support is duplicated."),
        relation="<=",
        **eigenvalue([*inside, *across]),
        control=Control(outside="Both equal columns are off the support.", **eigenvalue(outside)),
        table={name: [one.constant.value for one in found] for name, found in groups.items()},
    )
    holds = made_precise(
        claim="C17/outside",
        statement="If two equal columns are off the support, φ² and the floor on κ are as with one of them.",
        remark=ASKED.format("it does where both are off the support, if it does with one of them."),
        relation=">=",
        tolerance=CERTAIN,
        **kept(outside),
        control=Control(outside="A column of the support is duplicated outside.", **kept(across)),
        table={"cheap_bound": [one.cheap_bound for one in outside]},
    )
    return fails, holds


def _bounds(config: Config) -> tuple[Evidence, Evidence]:
    d, size, kinds = config.bound_columns, config.size, product(config.bound_rows, config.few_seeds)
    cases = [case(gaussian(n, d, size, seed), size, config.cone, seed) for n, seed in kinds]
    drawn = [found.sampled(config.draws) for found in cases]
    constants = [found.constant.value for found in cases]
    certified = [found.certified for found in cases]

    def cheap(found: Sequence[Case]) -> dict[str, Any]:
        return columns(found, attrgetter("cheap_bound"), 0.0, certified=attrgetter("holds"))

    valid = made_precise(
        claim="C17/bounds",
        statement="The cheap lower bounds on κ are never above a ratio that some direction of the cone has.",
        remark=ASKED.format("it names no way to check it."),
        relation="<=",
        measured=[found.cheap_bound for found in cases],
        bound=[min(value, s.eigenvalue) for value, s in zip(constants, drawn, strict=True)],
        certified=certified,
        control=Control(
            outside="The least ratio of random directions is taken for a lower bound on φ².",
            measured=[float(s.compatibility[-1]) for s in drawn],
            bound=constants,
            certified=certified,
        ),
        table={"rows": [found.X.shape[0] for found in cases], "constant": constants},
    )
    wide = [found for found in cases if found.X.shape[0] < d]
    tall = [found for found in cases if found.X.shape[0] >= 5 * d]
    vacuous = made_precise(
        claim="C17/vacuous",
        statement="With fewer rows than columns the cheap bounds are 0 also where the condition holds.",
        remark=ASKED.format("it names no way to check it."),
        relation="<=",
        **cheap([found for found in wide if found.holds]),
        control=Control(outside="At least five times as many rows as columns.", **cheap(tall)),
        table={"holds": [found.holds for found in wide], "rows": [found.X.shape[0] for found in wide]},
    )
    return valid, vacuous


def _sampling(config: Config) -> Evidence:
    def excesses(design: Callable[[int, int, int, int], np.ndarray]) -> tuple[dict[str, Any], list[Any]]:
        """Each number of columns against the one before it, the first one against no excess at all."""
        n, size = config.sampling_rows, config.size
        rows = [
            mean_excess(
                [case(design(n, d, size, seed), size, config.cone, seed) for seed in config.seeds],
                config.draws,
            )
            for d in config.sampling_columns
        ]
        points = {
            "measured": [float(row["low"][-1]) for row in rows],
            "bound": [1.0, *(float(row["high"][-1]) for row in rows[:-1])],
            "certified": [row["known_fraction"] > 0.5 for row in rows],
        }
        return points, rows

    inside, rows = excesses(gaussian)
    outside, orthogonal_rows = excesses(orthogonal)
    return made_precise(
        claim="C17/sampling",
        statement="The least ratio of random directions over-estimates φ² on average, and by more the more "
        "columns there are.",
        remark=ASKED.format("drawing directions cannot answer it."),
        relation=">=",
        **inside,
        control=Control(outside="The columns are orthogonal.", **outside),
        table={name: [row[name] for row in rows] for name in rows[0]}
        | {f"orthogonal_{name}": [row[name] for row in orthogonal_rows] for name in rows[0]},
    )


def _segment(config: Config, setting: Setting, fits: Sequence[DuplicatedFit]) -> Evidence:
    near = [duplicated_fit(setting, seed, "nearly equal") for seed in config.few_seeds]
    return made_precise(
        claim="C17/segment",
        statement="With equal columns in the support PAR-Lasso has a segment of minimisers, √2 times as long "
        "as the distance of their coefficients' sum to the nearest even multiple of the spacing.",
        remark=ASKED.format("where it fails the solution need not be unique."),
        relation="==",
        tolerance=TOLERANCE,
        **equal_columns.segment_lengths(fits),
        control=Control(outside="The two columns are nearly equal.", **equal_columns.segment_lengths(near)),
        table={"excess_over_cvxpy": [fit.excess for fit in fits]},
    )


def _unidentified(config: Config, setting: Setting) -> Evidence:
    equal, rounded = equal_columns.largest_errors(setting, config.shifts, config.few_seeds, "equal")
    unrelated, _ = equal_columns.largest_errors(setting, config.shifts, config.few_seeds, "unrelated")
    return made_precise(
        claim="C17/unidentified",
        statement="With equal columns in the support nothing bounds the error: of two truths with the same "
        "data one is at least √2 t from PAR-Lasso, for any t.",
        remark=ASKED.format("where it fails no estimator can make up for it."),
        relation=">=",
        tolerance=TOLERANCE,
        **equal,
        control=Control(outside="The two columns have nothing in common.", **unrelated),
        table={
            "shift": [shift for shift in config.shifts for _ in config.few_seeds],
            "rounded_lasso": rounded,
        },
    )


def _prediction(config: Config, setting: Setting, fits: Sequence[DuplicatedFit]) -> Evidence:
    weak = [duplicated_fit(setting, seed, strength=config.weak) for seed in config.few_seeds]
    return made_precise(
        claim="C17/prediction",
        statement="With equal columns in the support the fitted values stay within the bound of the design "
        "in which they are one column.",
        remark=ASKED.format("the fitted values do not need it in the design as given."),
        relation="<=",
        **equal_columns.prediction_errors(fits, within_event=True),
        control=Control(
            outside="The strength is so small that the noise is larger than theory allows.",
            **equal_columns.prediction_errors(weak, within_event=False),
        ),
        table={"rounded_lasso": [fit.prediction_error(fit.rounded_lasso) for fit in fits]},
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    restricted_eigenvalue_figure.draw(evidence, figure)
