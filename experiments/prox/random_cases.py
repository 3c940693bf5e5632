r"""Trials of proximal maps: random penalties of every kind, arguments that tell, errors of the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.measure.prox_by_enumeration import FloatArray, deviation, excess, minimum
from experiments.prox.closed_forms import distance_penalty
from parlin import PAR

CONVEX_KINDS = ("convex", "box", "one box side")
OTHER_KINDS = ("quasiconvex", "nonconvex", "nonconvex in a box")


class Case(NamedTuple):
    """A penalty, arguments and a step."""

    penalty: PAR
    v: FloatArray
    step: float


class Errors(NamedTuple):
    """The largest error of a map in each case, and whether the minimum it is compared with is certified."""

    measured: list[float]
    certified: list[bool]


def largest_errors(cases: Sequence[Case], values: Sequence[FloatArray], unique: bool = False) -> Errors:
    """Errors of a map's values: in the objective, or in x where the minimiser is unique."""
    error = deviation if unique else excess
    measured, certified = [], []
    for case, x in zip(cases, values, strict=True):
        least = minimum(*case)
        measured.append(float(error(*case, x, least.x).max()))
        certified.append(bool(least.certified.all()))
    return Errors(measured, certified)


class TargetSet(NamedTuple):
    """Increasing targets, and the distance to them as a penalty with arguments and a step."""

    targets: FloatArray
    case: Case


class SoftQuantizer(NamedTuple):
    """Increasing targets, the slope of PARQ's map between them, and its arguments."""

    targets: FloatArray
    slope: float
    p: FloatArray


class Trials(NamedTuple):
    """All that is drawn at random, from one generator."""

    by_kind: dict[str, list[Case]]
    rising: list[tuple[PAR, float]]  # even penalties that rise for x > 0, the convex ones first; steps
    target_sets: list[TargetSet]
    soft_quantizers: list[SoftQuantizer]


def draw(seeds: Sequence[int], n_cases: int, max_levels: int, n_arguments: int) -> Trials:
    """`n_cases` of every sort; the same for the same arguments, whichever of them are used."""
    rng = np.random.default_rng(seeds)
    by_kind = {
        kind: random_cases(rng, kind, n_cases, max_levels, n_arguments) for kind in CONVEX_KINDS + OTHER_KINDS
    }
    rising = [
        (even_penalty_with_level_one(rng, convex, max_levels), random_step(rng))
        for convex in (True, False)
        for _ in range(n_cases)
    ]
    target_sets = [_target_set(rng, max_levels, n_arguments) for _ in range(n_cases)]
    soft_quantizers = [_soft_quantizer(rng, max_levels, n_arguments) for _ in range(n_cases)]
    return Trials(by_kind, rising, target_sets, soft_quantizers)


def _target_set(rng: np.random.Generator, max_levels: int, n_arguments: int) -> TargetSet:
    targets = np.sort(rng.normal(scale=2.0, size=rng.integers(1, max_levels)))
    penalty, step = distance_penalty(targets), random_step(rng)
    return TargetSet(targets, Case(penalty, telling_arguments(rng, penalty, step, n_arguments), step))


def _soft_quantizer(rng: np.random.Generator, max_levels: int, n_arguments: int) -> SoftQuantizer:
    targets = np.sort(rng.normal(size=rng.integers(2, max_levels)))
    slope = 1 + random_step(rng)
    return SoftQuantizer(targets, slope, np.concatenate((targets, 2 * rng.normal(size=n_arguments))))


def random_cases(
    rng: np.random.Generator, kind: str, count: int, max_levels: int, n_arguments: int
) -> list[Case]:
    """Cases of one kind with steps between 0.01 and 10."""
    cases = []
    for _ in range(count):
        penalty, step = random_penalty(rng, kind, max_levels), random_step(rng)
        cases.append(Case(penalty, telling_arguments(rng, penalty, step, n_arguments), step))
    return cases


def random_step(rng: np.random.Generator) -> float:
    """A step between 0.01 and 10, uniform in its logarithm."""
    return float(10 ** rng.uniform(-2, 1))


def random_penalty(rng: np.random.Generator, kind: str, max_levels: int) -> PAR:
    """An asymmetric penalty of the given kind with at most `max_levels` levels; some have none at all."""
    boxed = "box" in kind
    n_levels = int(rng.integers(1 if boxed else 0, max_levels + 1))
    levels = np.sort(rng.normal(scale=2.0, size=n_levels))
    slopes = rng.normal(scale=1.5, size=n_levels + 1)
    if kind in CONVEX_KINDS:
        slopes = np.sort(slopes)
    if kind == "quasiconvex":
        falling = np.arange(slopes.size) < rng.integers(0, slopes.size + 1)
        slopes = np.where(falling, -np.abs(slopes), np.abs(slopes))
    if boxed:
        slopes[0] = -np.inf
        if kind != "one box side":
            slopes[-1] = np.inf
    return PAR(levels, slopes)


def even_penalty_with_level_one(rng: np.random.Generator, convex: bool, max_levels: int) -> PAR:
    """An even penalty, rising for x > 0, with 1 among its levels."""
    levels = np.append(rng.uniform(0.0, 2.0, size=rng.integers(0, max_levels)), 1.0)
    slopes = rng.exponential(size=levels.size + 1)
    return PAR.even(np.append(0.0, np.sort(levels)), np.sort(slopes) if convex else slopes)


def telling_arguments(rng: np.random.Generator, penalty: PAR, step: float, n_random: int) -> FloatArray:
    """Every level, the ends and the middle of the interval that it traps, and random points around."""
    levels = penalty.levels
    left, right = (levels + step * slopes for slopes in (penalty.slopes[:-1], penalty.slopes[1:]))
    trapped = np.isfinite(left) & np.isfinite(right)
    middle = 0.5 * (left[trapped] + right[trapped])
    special = np.concatenate((levels, left[np.isfinite(left)], right[np.isfinite(right)], middle))
    reach = 1.0 + np.max(np.abs(special), initial=1.0)
    return np.concatenate((special, rng.uniform(-reach, reach, size=n_random)))
