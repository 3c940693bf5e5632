"""Piecewise-affine penalties to try laws on: every design, seeded random ones, and hypothesis strategies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parlin import PAR, designs

FloatArray = NDArray[np.float64]

# The same examples in every run, none remembered from another one, and no clock.
SEEDED = settings(derandomize=True, database=None, deadline=None, max_examples=150)

KINDS = (
    "convex",
    "convex in a box",
    "convex with one box side",
    "quasiconvex",
    "quasiconvex in a box",
    "nonconvex",
    "nonconvex in a box",
    "even nonconvex",
    "levels far from 0",
    "levels and slopes of many scales",
    "no levels",
    "one point",
)

# Every design with a few choices of its parameters; a new design needs a line here.
DESIGNS: dict[str, tuple[PAR, ...]] = {
    "binary": (designs.binary(), designs.binary(-0.5, 2.0)),
    "box": (designs.box(-1.0, 2.0), designs.box(0.5, 3.0)),
    "chords": (
        designs.chords([-1.0, 0.0, 0.25, 3.0]),
        designs.chords([0.1, 0.2, 0.7], bounded=False),
    ),
    "distance": (designs.distance([-1.0, 0.25, 3.0]), designs.distance([0.125, 0.75], slope=0.3)),
    "from_function": (
        designs.from_function(np.cosh, np.linspace(-1.0, 2.0, 13)),
        designs.from_function(np.cos, np.linspace(-4.0, 5.0, 19), bounded=True),
    ),
    "integers": (designs.integers(-2, 5), designs.integers(1, 2), designs.integers(0, 60)),
    "lasso": (
        designs.lasso(0.5, 3),
        designs.lasso(0.1, 40, growth=0.3),
        designs.lasso(0.25, 2, bounded=True),
    ),
    "mcp": (designs.mcp(0.5, 4), designs.mcp(0.25, 6, concavity=1.0)),
    "ridge": (designs.ridge(0.5, 0), designs.ridge(0.1, 40), designs.ridge(0.3, 3, bounded=True)),
    "rippled_mcp": (designs.rippled_mcp(0.5, 4), designs.rippled_mcp(0.25, 30, ripple=0.4)),
    "rippled_scad": (designs.rippled_scad(0.5, 6), designs.rippled_scad(0.25, 20, a=3.0, knee=1.0)),
    "sawtooth": (designs.sawtooth(0.5, 3), designs.sawtooth(0.1, 40)),
    "scad": (designs.scad(0.5, 6), designs.scad(0.25, 12, a=3.0, knee=0.8)),
    "staircase": (designs.staircase(0.5, 3), designs.staircase(0.25, 30, flat=0.2)),
}

NAMED = tuple((f"{name}-{k}", par) for name, pars in DESIGNS.items() for k, par in enumerate(pars))


class Trial(NamedTuple):
    """A penalty, a step, and arguments at which its proximal map is worth a look."""

    kind: str
    par: PAR
    step: float
    v: FloatArray


def trials(count: int, seed: int, max_levels: int = 40, n_arguments: int = 12) -> Iterator[Trial]:
    """Seeded trials, the kinds in turn, with scales of levels and slopes between 1e-6 and 1e6."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        kind = KINDS[number % len(KINDS)]
        scale = 10.0 ** rng.uniform(-6, 6)
        par = random_par(rng, kind, scale, 10.0 ** rng.uniform(-6, 6), max_levels)
        step = random_step(rng, par, scale)
        yield Trial(kind, par, step, telling_arguments(rng, par, step, scale, n_arguments))


def random_par(
    rng: np.random.Generator, kind: str, scale: float = 1.0, steepness: float = 1.0, max_levels: int = 40
) -> PAR:
    """A penalty of the kind, with levels of size `scale` and slopes of size `steepness`."""
    if kind == "no levels":
        return PAR([], [steepness * rng.standard_normal()])
    if kind == "one point":
        return PAR([scale * rng.standard_normal()], [-np.inf, np.inf])
    if kind == "even nonconvex":
        size = int(rng.integers(1, max(max_levels // 2, 2)))
        right = np.concatenate(([0.0], np.cumsum(rng.uniform(0.1, 1.0, size - 1)) * scale))
        return PAR.even(right, steepness * rng.standard_normal(size))
    levels = np.unique(scale * _level_pattern(rng, kind, int(rng.integers(1, max_levels + 1))))
    slopes = steepness * rng.standard_normal(levels.size + 1)
    if kind == "levels and slopes of many scales":
        slopes *= 10.0 ** rng.uniform(-4, 4, slopes.size)
    if kind.startswith("convex"):
        slopes = np.sort(slopes)
    if kind.startswith("quasiconvex"):
        falling = np.arange(slopes.size) < rng.integers(0, slopes.size + 1)
        slopes = np.where(falling, -np.abs(slopes), np.abs(slopes))
    ends = rng.integers(1, 4) if kind.endswith("box side") else 3 if kind.endswith("box") else 0
    if ends & 1:
        slopes[0] = -np.inf
    if ends & 2:
        slopes[-1] = np.inf
    return PAR(levels, slopes)


def _level_pattern(rng: np.random.Generator, kind: str, size: int) -> FloatArray:
    levels = rng.standard_normal(size)
    if rng.random() < 0.5:
        levels = np.round(3 * levels) / 3  # a grid with holes, often with 0 on it
    if kind == "levels far from 0":
        levels = levels + rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(1, 3)
    if kind == "levels and slopes of many scales":
        levels = levels * 10.0 ** rng.uniform(-3, 3, size)
    return levels


def random_step(rng: np.random.Generator, par: PAR, scale: float) -> float:
    """A step that makes step × slope between a hundredth and a hundred times `scale`."""
    steep = np.abs(par.slopes[np.isfinite(par.slopes) & (par.slopes != 0)])
    typical = np.median(steep) if steep.size else 1.0
    return float(scale / typical * 10.0 ** rng.uniform(-2, 2))


def telling_arguments(
    rng: np.random.Generator, par: PAR, step: float, scale: float, count: int
) -> FloatArray:
    """Levels, ends and middles of the intervals they trap, and random points, in increasing order."""
    left, right = step * par.slopes[:-1], step * par.slopes[1:]
    with np.errstate(invalid="ignore"):
        special = np.concatenate(
            (par.levels, par.levels + left, par.levels + right, par.levels + (left + right) / 2)
        )
    special = special[np.isfinite(special)]
    if special.size > count // 2:
        special = rng.choice(special, count // 2, replace=False)
    centre = par.levels.mean() if par.levels.size else 0.0
    return np.sort(np.concatenate((special, centre + 3 * scale * rng.standard_normal(count - special.size))))


# -- hypothesis: small whole numbers over powers of two, so that ties and touching pieces are common -----

quarters = st.integers(-40, 40).map(lambda k: k / 4)
powers_of_two = st.integers(-3, 3).map(lambda k: 2.0**k)
arguments = st.lists(st.integers(-400, 400).map(lambda k: k / 16), min_size=1, max_size=8).map(np.array)


@st.composite
def pars(draw: st.DrawFn, shape: str | None = None, bounded_below: bool = False) -> PAR:
    """Any PAR with few levels; `shape` "convex" or "quasiconvex" asks for one of that class, or smaller."""
    levels = sorted(draw(st.sets(quarters, max_size=6)))
    slopes = draw(st.lists(quarters, min_size=len(levels) + 1, max_size=len(levels) + 1))
    if shape == "convex":
        slopes = sorted(slopes)
    if shape == "quasiconvex":
        turn = draw(st.integers(0, len(slopes)))
        slopes = [-abs(s) if k < turn else abs(s) for k, s in enumerate(slopes)]
    if bounded_below:
        slopes[0], slopes[-1] = -abs(slopes[0]), abs(slopes[-1])
        if len(slopes) == 1:
            slopes = [0.0]
    if levels and draw(st.booleans()):
        slopes[0] = -np.inf
    if levels and draw(st.booleans()):
        slopes[-1] = np.inf
    if shape == "convex" and bounded_below:
        slopes = sorted(slopes)
    return PAR.merged(levels, slopes)
