r"""At every strength, not only at those of a grid, at most n coordinates are off the levels.

Claims
------
C1/every-strength: on data with a density at most n coordinates are off the levels at every strength between
alpha_min and alpha_max. C1/every-strength-any-design: on real, integer and low-rank designs there is at every
strength a minimiser with at most rank(X) coordinates off the levels. C1/floor-met: on data with a density
and d > n the fraction on the levels falls to 1 - n/d exactly, and no further.

Source
------
[PAR] Theorem 1; theory 3.1, 3.2, 3.4, 3.9 and 10.

Setting
-------
Exact paths of least squares with ridge and lasso chords: normal and autoregressive designs; designs with
entries ±1 and of rank 4; rows of the diabetes data lifted to all cubic monomials, and of the digits, with an
intercept. The minimiser is affine in the strength between knots, so a segment is certified as a whole: in its
middle, a thousandth of its length from either end, and at its knots the gradient must be within 1e-8 of the
smallest slope of criticality. The gradient is affine as well, so what holds there holds all along.

Prediction
----------
`theory.quantization_floor` of the rank of the design (centred with an intercept), at every strength.

Falsified by
------------
A certified segment with more coordinates off the levels than that: `theory.quantization_floor + 0.03`
violates C1/every-strength and C1/every-strength-any-design; a path on data with a density that does not come
down to the floor, or below it: `CertifiedPath.most_free - 1` violates C1/floor-met. Coefficients 1e-12 off
are no evidence: `certified_paths.Path.at + 1e-12` leaves C1/every-strength, C1/every-strength-any-design and
C1/floor-met undecided.

Control
-------
A ridge term in the loss (C1/every-strength); minimisers averaged over equal columns, which are minimisers
too (C1/every-strength-any-design); more rows than columns (C1/floor-met).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.problems.real_data import Study
from experiments.quantization import solver_points as at
from experiments.quantization import thm1_every_alpha_figure
from experiments.quantization.certified_paths import CertifiedPath, follow
from experiments.quantization.duplicated_columns import duplicated_loss
from parlin import LeastSquares
from parlin.datasets import synthetic


@dataclass(frozen=True)
class Config:
    d: int
    n: int
    n_autoregressive: int
    rank: int
    seeds: tuple[int, ...]
    few_seeds: tuple[int, ...]
    studies: tuple[Study, ...]
    tall: tuple[int, int]
    lowest: float  # fraction of alpha_max at which the paths end
    ridge_term: float

    @classmethod
    def full(cls) -> Config:
        return cls(
            d=200,
            n=20,
            n_autoregressive=40,
            rank=4,
            seeds=(0, 1, 2, 3, 4),
            few_seeds=(0, 1),
            studies=(Study("diabetes", 10, few=True, used=2), Study("digits", 40, few=True, used=2)),
            tall=(60, 20),
            lowest=1e-5,
            ridge_term=0.01,
        )

    @classmethod
    def smoke(cls) -> Config:
        return cls(
            d=40,
            n=8,
            n_autoregressive=10,
            rank=3,
            seeds=(0,),
            few_seeds=(0,),
            studies=(Study("digits", 80, few=True, used=1),),
            tall=(30, 10),
            lowest=1e-3,
            ridge_term=0.01,
        )


def run(config: Config) -> tuple[Evidence, ...]:
    n, d, few = config.n, config.d, config.few_seeds
    normal = [*follow("normal", [at.gaussian_loss(n, d, seed) for seed in config.seeds], config.lowest, n)]
    series = [_loss(config.n_autoregressive, d, seed, "ar") for seed in few]
    autoregressive = [*follow("autoregressive", series, config.lowest, config.n_autoregressive)]
    ridge_term = [at.loss_with_ridge_term(n, d, seed, config.ridge_term) for seed in few]
    with_ridge_term = [*follow("ridge term", ridge_term, config.lowest, n)]
    others = [*follow("±1", [at.sign_loss(n, d, seed) for seed in few], config.lowest)]
    low_rank = [_loss(n, d, seed, "low rank", config.rank) for seed in few]
    others += follow(f"rank {config.rank}", low_rank, config.lowest)
    for study in config.studies:
        others += follow(study.data, [*_real(study)], config.lowest)
    equal = [duplicated_loss(n, d, seed) for seed in few]
    averaged = [*follow("equal columns", equal, config.lowest, averaged=True)]
    tall = [at.gaussian_loss(*config.tall, seed) for seed in config.seeds]
    covered = [*follow("more rows than columns", tall, config.lowest, config.tall[0])]
    return (
        _bound_claim(
            [*normal, *autoregressive],
            with_ridge_term,
            outside=f"The loss has a ridge term {config.ridge_term / 2:g}‖w‖² and depends on more than Xw.",
            claim="C1/every-strength",
            statement="On data with a density at most n coordinates are off the levels at every strength.",
            remark="It says every critical point; between knots all are seen here, not those of a grid.",
        ),
        _bound_claim(
            others,
            averaged,
            outside="Minimisers are averaged over equal columns: minimisers too, with dependent columns.",
            claim="C1/every-strength-any-design",
            statement=(
                "On any design there is at every strength a minimiser with at most rank(X) coordinates off "
                "the levels."
            ),
            remark="It says every critical point and n; on designs like these only some are, with the rank.",
        ),
        _floor_claim(normal, covered),
    )


def _loss(n: int, d: int, seed: int, entries: str, rank: int = 1) -> LeastSquares:
    data = synthetic(n, d, seed=seed, entries=entries, n_nonzero=d // 10, rank=rank)
    return LeastSquares(data.X, data.y)


def _real(study: Study) -> Iterator[LeastSquares]:
    X, y = study.rows()
    for train, _ in islice(study.cuts(), study.used):
        yield LeastSquares(X[train], y[train], fit_intercept=True)


def _bound_claim(
    paths: Sequence[CertifiedPath], control: Sequence[CertifiedPath], outside: str, **words: str
) -> Evidence:
    """One point a segment: the most coordinates off the levels on it."""

    def columns(paths: Sequence[CertifiedPath]) -> dict[str, Any]:
        return {
            "measured": np.concatenate([found.segments[0] for found in paths]),
            "bound": np.concatenate([np.full(found.path.n_segments, found.allowed) for found in paths]),
            "certified": np.concatenate([found.segments[1] for found in paths]),
        }

    return Evidence(
        **columns(paths),
        **words,
        source="[PAR] Thm 1",
        standing=Standing.MADE_PRECISE,
        relation="<=",
        control=Control(outside=outside, **columns(control)),
        table={
            "inside": [found.curve() for found in paths],
            "outside": [found.curve() for found in control],
        },
    )


def _floor_claim(paths: Sequence[CertifiedPath], control: Sequence[CertifiedPath]) -> Evidence:
    def columns(paths: Sequence[CertifiedPath]) -> dict[str, Any]:
        return {
            "measured": [found.most_free for found in paths],
            "bound": [found.bound for found in paths],
            "certified": [bool(found.segments[1].all()) for found in paths],
        }

    return Evidence(
        **columns(paths),
        claim="C1/floor-met",
        statement="On data with a density and d > n there are strengths with n coordinates off the levels.",
        source="[PAR] Thm 1",
        standing=Standing.MADE_PRECISE,
        remark="It gives the bound and does not say that every path meets it.",
        relation="==",
        control=Control(outside="There are more rows than columns.", **columns(control)),
        table={"chords": [found.chords for found in paths]},
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm1_every_alpha_figure.draw(evidence, figure)
