r"""The spacing of the grid does not bound how far PAR-Lasso is from the Lasso; other quantities do.

Claims
------
C9: on two nearly equal columns the distance stays above √2 while the spacing q and the slope error go
to 0. What is true instead: the fitted values are close if the slopes are (C9/prediction); both
estimates are close to the truth where the noise is small (C9/both-errors); with |x| + x²/2 in place of
|x| the distance is at most √d q/2 (C9/strongly-convex).

Source
------
[PAR] mechanism 3 (PAR-Lasso); theory 4.3 and 5.2.

Setting
-------
Two columns with correlation 1 - α η/4, slopes 1 + η k on the grid kq, η = q times a growth per unit
(`experiments.lasso.counterpart`); the Lasso is unique there. Random sparse regressions with fewer rows
than columns and with more, three penalties, the Lasso at the same strength. Chords of |x| + x²/2, which
have the slopes 1 + (k + 1/2) q, and the elastic net. A point is evidence if its gradient is within
1e-8 of the smallest slope of criticality, likewise that of the counterpart, and if cvxpy finds nothing
better where it was asked.

Prediction
----------
Along (1, -1) the loss of the two columns is nearly flat, so the least difference of slopes decides: the Lasso
has (T, 0), PAR-Lasso (1, 1), with T just above 2. For slopes within ε of those of |x|: ‖X(w -
w_Lasso)‖²/n <= α ε ‖w - w_Lasso‖_1 (`theory.swapped_prediction_distance`), with equality for one
coefficient inside a cell. On the event of theory 5 the distance is at most the sum of two
`theory.lasso_distance`. `theory.strongly_convex_distance` holds whatever the design. (Even one
coefficient with curvature h is α ε/h from the Lasso, which has no q in it.)

Falsified by
------------
Certified solutions no further apart than √2: slopes that grow half as fast as the columns are made for,
`designs.lasso(growth=0.5 * growth)` violates C9; a certified fit beyond one of the three bounds:
`0.9 * theory.swapped_prediction_distance` violates C9/prediction, a fiftieth, `0.02 * theory.lasso_distance`
violates C9/both-errors, `0.25 * theory.strongly_convex_distance` violates C9/strongly-convex. Points that
are no solutions are no evidence: `certified_point.solve_to_slopes().w + 0.01` leaves C9, C9/prediction,
C9/both-errors and C9/strongly-convex undecided.

Control
-------
The same data with orthogonal columns; the Lasso rounded to the grid, which has no slope that agrees
with the gradient; the Lasso's chords on nearly equal columns, held to the bound that a strongly
convex penalty would have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.lasso import lasso_distance_figure
from experiments.lasso.counterpart import (
    FitPair,
    distances,
    elastic_net_bound,
    elastic_net_pair,
    lasso_pair,
    one_coefficient,
    two_columns,
)
from experiments.measure.certified_point import TOLERANCE
from experiments.measure.sparse_fit import LASSO, random_fits, table
from experiments.problems.sparse_regression import Design, Sample, gaussian_noise, sparse_truth, standardised
from parlin import theory

# Gradients may be off by this fraction of the smallest slope, and then errors by as much of their bounds.
at_most = partial(
    Evidence,
    source="[PAR] mechanism 3",
    standing=Standing.MADE_PRECISE,
    relation="<=",
    tolerance=TOLERANCE,
)
WORDING = "It says that the distance to the Lasso solution is bounded by q"
ROUNDED = "The Lasso rounded to the grid."


@dataclass(frozen=True)
class Config:
    spacings: tuple[float, ...]  # with the two columns
    growths: tuple[float, ...]  # of the slopes, per unit of the coefficient
    pair_alpha: float
    designs: tuple[Design, ...]
    sizes: tuple[int, ...]
    noises: tuple[float, ...]
    seeds: tuple[int, ...]
    net_spacings: tuple[float, ...]
    net_alphas: tuple[float, ...]

    @classmethod
    def full(cls) -> Config:
        return cls(
            spacings=(1.0, 0.5, 0.1, 0.02),
            growths=(0.1, 0.01, 0.001),
            pair_alpha=0.25,
            designs=((50, 100, "normal"), (50, 100, "ar"), (200, 50, "normal"), (200, 50, "ar")),
            sizes=(2, 8),
            noises=(0.01, 0.5),
            seeds=tuple(range(6)),
            net_spacings=(1.0, 0.5, 0.1),
            net_alphas=(0.02, 0.1, 0.5),
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            spacings=(1.0, 0.5),
            growths=(0.1, 0.01),
            pair_alpha=0.25,
            designs=((15, 30, "ar"), (60, 20, "normal")),
            sizes=(2,),
            noises=(0.001,),
            seeds=(0, 1),
            net_spacings=(1.0, 0.5),
            net_alphas=(0.1,),
        )


def run(config: Config) -> tuple[Evidence, ...]:
    settings = list(product(config.spacings, config.growths, (config.pair_alpha,)))
    nearly_equal = [lasso_pair(two_columns(*setting)) for setting in settings]
    orthogonal = [lasso_pair(two_columns(*setting, orthogonal=True)) for setting in settings]
    fits = random_fits(config.designs, config.sizes, config.noises, config.seeds)
    random = [lasso_pair(found) for found in fits]
    single = [lasso_pair(one_coefficient(*setting)) for setting in settings]
    return (
        _two_columns(nearly_equal, orthogonal),
        _prediction([*random, *nearly_equal, *single], random),
        _both_errors(random),
        _strongly_convex(config, nearly_equal),
    )


def _two_columns(nearly_equal: Sequence[FitPair], orthogonal: Sequence[FitPair]) -> Evidence:
    return Evidence(
        claim="C9",
        statement="On two nearly equal columns PAR-Lasso and the Lasso are √2 apart, however small q is.",
        source="[PAR] mechanism 3",
        standing=Standing.REFUTED,
        remark=f"{WORDING}; the distance does not even go to 0 with q and with the slope error.",
        relation=">=",
        measured=[found.proved_distance for found in nearly_equal],
        bound=math.sqrt(2.0),
        certified=[found.certified for found in nearly_equal],
        control=Control(
            outside="The columns are orthogonal.",
            measured=[found.proved_distance for found in orthogonal],
            bound=math.sqrt(2.0),
            certified=[found.certified for found in orthogonal],
        ),
        table=table([found.fit for found in nearly_equal]) | distances(nearly_equal),
    )


def _prediction(inside: Sequence[FitPair], random: Sequence[FitPair]) -> Evidence:
    def bound(found: FitPair) -> float:
        return theory.swapped_prediction_distance(found.fit.alpha, found.slope_error, found.l1_distance)

    rounded = [found.rounding() for found in random]
    return at_most(
        claim="C9/prediction",
        statement="If slopes are within ε of the Lasso's, the fits are at most √(α ε ‖w - w_Lasso‖₁) apart.",
        remark=f"{WORDING}; this is what the slopes say of the fitted values.",
        measured=[found.prediction_distance for found in inside],
        bound=[bound(found) for found in inside],
        certified=[found.certified for found in inside],
        control=Control(
            outside=ROUNDED,
            measured=[found.prediction_distance for found in rounded],
            bound=[bound(found) for found in rounded],
            certified=[found.certified_as_rounded for found in rounded],
        ),
        table=distances(inside),
    )


def _both_errors(random: Sequence[FitPair]) -> Evidence:
    inside, bounds = [], []
    for found in random:
        # The slopes at 0 differ, and so do the events.
        both = (found.fit, replace(found.fit, penalty=LASSO))
        if found.fit.least_curvature > 0 and all(f.on_event for f in both):
            inside.append(found)
            bounds.append(sum(f.bound(theory.lasso_distance, f.least_curvature) for f in both))
    rounded = [found.rounding() for found in inside]
    return at_most(
        claim="C9/both-errors",
        statement="If the noise is small, PAR-Lasso and the Lasso differ by the sum of their bounds at most.",
        remark=f"{WORDING}; both are close to the truth, which bounds the distance without q.",
        measured=[found.distance for found in inside],
        bound=bounds,
        certified=[found.certified for found in inside],
        control=Control(
            outside=ROUNDED,
            measured=[found.distance for found in rounded],
            bound=bounds,
            certified=[found.certified_as_rounded for found in rounded],
        ),
        table=distances(inside),
    )


def _strongly_convex(config: Config, nearly_equal: Sequence[FitPair]) -> Evidence:
    nets = []
    settings = list(product(config.net_spacings, config.net_alphas))
    for spacing, alpha in settings:
        for n, d, entries in config.designs:
            seed, size, deviation = config.seeds[0], config.sizes[-1], config.noises[-1]
            sample = Sample(
                standardised(n, d, entries, seed),
                sparse_truth(d, size, seed),
                gaussian_noise(n, deviation, seed),
            )
            nets.append(elastic_net_pair(sample, alpha, spacing, design=f"{n} × {d} {entries}"))
        columns = two_columns(spacing, config.growths[0], config.pair_alpha).sample
        nets.append(elastic_net_pair(columns, alpha, spacing, design="nearly equal columns"))

    def pretended(found: FitPair) -> float:
        size, error = found.fit.w.size, found.slope_error
        return theory.strongly_convex_distance(size, error, found.fit.alpha, 1.0, found.least_eigenvalue)

    return at_most(
        claim="C9/strongly-convex",
        statement="Chords of |x| + x²/2 stay within α/(α + μ) √d q/2 of the elastic net on every design.",
        remark=f"{WORDING}; q bounds it where the penalty is strongly convex, with the factor √d/2.",
        measured=[found.distance for found in nets],
        bound=[elastic_net_bound(found) for found in nets],
        certified=[found.certified for found in nets],
        control=Control(
            outside="The chords of |x| on nearly equal columns, with the bound of a strongly convex penalty.",
            measured=[found.distance for found in nearly_equal],
            bound=[pretended(found) for found in nearly_equal],
            certified=[found.certified for found in nearly_equal],
        ),
        table=table([found.fit for found in nets]) | distances(nets),
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    lasso_distance_figure.draw(evidence, figure)
