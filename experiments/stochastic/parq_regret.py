r"""The regret of AProx is within its bound for gradients that an adversary chooses, and the bound is met.

Claims
------
C19: AProx converges. Its proof rests on a bound of the regret that holds for any gradients and any
comparator (C19/regret), and an adversary comes close to it (C19/regret-sharp).

Source
------
[PARQ], last-iterate convergence of AProx.

Setting
-------
Random convex PARs of two to six levels, every other one with a box, in one to three dimensions; 1, 3 and 8
steps of varied size. Gradients and comparator by hill climbing on the ratio of regret and bound, and drawn
blindly, with entries of at most 4; what climbing makes of them is not limited.

Prediction
----------
`theory.regret_bound`. Nothing is asked of the gradients: they need belong to no function. For every number of
steps the largest ratio of the plays in which half of the entries of the points meet kinks is at least 0.99, a
threshold that is ours.

Falsified by
------------
One certified play with a larger regret: a bound a tenth smaller, `0.9 * theory.regret_bound` violates
C19/regret; points that are a little off, `adversary.Game.points(gradients=1.05 * gradients)` violates
C19/regret. A bound a tenth larger is met nowhere: `1.1 * theory.regret_bound` violates C19/regret-sharp.
Every point of a play is compared with the minimum over levels and cells.

Control
-------
The proximal map has the last step size as its strength, that of proximal stochastic gradient, in place of the
sum of all; gradients and comparators that nobody has sought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.columns import columns
from experiments.stochastic import regret_figure
from experiments.stochastic.adversary import Play, Strengths, climbed, drawn, random_game

SHARP = 0.99


@dataclass(frozen=True)
class Config:
    n_steps: tuple[int, ...]
    seeds: tuple[int, ...]
    generations: int

    @classmethod
    def full(cls) -> Config:
        return cls(n_steps=(1, 3, 8), seeds=tuple(range(20)), generations=200)

    @classmethod
    def smoke(cls) -> Config:
        return cls(n_steps=(1, 3), seeds=tuple(range(6)), generations=50)


def run(config: Config) -> tuple[Evidence, ...]:
    sought = _sought(config, "sums")
    blind = [drawn(play.game, seed) for play, seed in zip(sought, _seeds(config), strict=True)]
    outside = _sought(config, "steps")
    plays = sought + blind
    return (
        Evidence(
            claim="C19/regret",
            statement="The regret of AProx against any point is at most ‖v − u_1‖²/2 + Σ η_t² ‖g_t‖²/2, "
            "whatever the gradients.",
            source="[PARQ] convergence of AProx",
            standing=Standing.MADE_PRECISE,
            remark="It states convergence; this is the step of the proof that asks nothing of gradients.",
            relation="<=",
            tolerance=1e-12,
            **columns(plays, _regret, _bound),
            control=Control(
                outside="The proximal map has the last step size as its strength, not their sum.",
                **columns(outside, _regret, _bound),
            ),
            table={
                "n_steps": [play.game.steps.size for play in plays],
                "sought": [True] * len(sought) + [False] * len(blind),
                "kinks_met": [play.kinks_met for play in plays],
            },
        ),
        Evidence(
            claim="C19/regret-sharp",
            statement=f"For every number of steps tried an adversary brings the regret of AProx to {SHARP:g} "
            "of its bound, with points of which half of the entries meet kinks.",
            source="[PARQ] convergence of AProx",
            standing=Standing.MADE_PRECISE,
            remark="It does not say how sharp its bounds are.",
            relation=">=",
            **columns(_sharpest(sought, config), _ratio, SHARP),
            control=Control(
                outside="Gradients and comparators are drawn blindly.",
                **columns(_sharpest(blind, config), _ratio, SHARP),
            ),
        ),
    )


def _seeds(config: Config) -> list[int]:
    return [seed for _, seed in product(config.n_steps, config.seeds)]


def _sought(config: Config, strengths: Strengths) -> list[Play]:
    return [
        climbed(random_game(seed, n_steps, strengths), seed, config.generations)
        for n_steps, seed in product(config.n_steps, config.seeds)
    ]


def _sharpest(plays: Sequence[Play], config: Config) -> list[Play]:
    """For every number of steps the play of the largest ratio, of those that meet kinks half of the time."""
    found = []
    for n_steps in config.n_steps:
        of = [play for play in plays if play.game.steps.size == n_steps]
        met = [play for play in of if 2 * play.kinks_met >= play.gradients.size]
        if met:
            found.append(max(met, key=_ratio))
    return found


def _regret(play: Play) -> float:
    return play.regret


def _bound(play: Play) -> float:
    return play.bound


def _ratio(play: Play) -> float:
    return play.regret / play.bound


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    regret_figure.draw(evidence, figure)
