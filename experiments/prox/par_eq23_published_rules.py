r"""Published rules for the prox fail where they ignore the levels, the shape of the penalty, or a sign of 0.

Claims
------
C5: the published sawtooth rule, which does not look at the levels, is not a prox (C5/blind-sawtooth).
C16: whether 0.6 moves toward 0 or toward the level 1 depends on the shape of the penalty: one that rises
for x > 0 never moves it up (C16/rising), the W does (C16/W).
C26: at exactly 0 the published binary rule returns 0, which minimises nothing.

Source
------
The programs of [PAR] and [ProxQuant], rebuilt from descriptions of what they return; the quick check
question of [PAR].

Setting
-------
The sawtooth with valleys at 0 and ±2 and peaks at ±1 and ±3, at steps λ from 0.3 to 0.7, for the arguments z
below 1 of which the rule makes 1. Random even penalties that rise for x > 0, convex and not, with 1 among up
to 12 levels, at steps from 0.01 to 10. The W, whose levels are ±1, at steps from 0.05 to 5.

Prediction
----------
Between the valley 0 and the peak 1 the prox of the sawtooth is z − λ; the rule's value 1 has an objective
that is higher by ``½(1 − z + λ)²``. At 0.6 an even penalty that does not fall for x > 0 gives at most 0.6,
the W gives min(0.6 + λ, 1). At 0 the prox of the W is ±min(λ, 1).

Falsified by
------------
One argument at which enumeration, certified against the definition of the prox, finds another excess of the
sawtooth rule: `0.99 * sawtooth_blind_to_levels` violates C5/blind-sawtooth; one penalty that rises for x > 0
and moves 0.6 up: if they fall, `PAR.even(slopes=-1 * slopes)` violates C16/rising; another value of the W at
0.6, or another size at 0: with the level 1.1 in place of 1, `designs.binary(high=1.1)` violates C16/W, and
`0.99 * PAR.prox` violates C26.

Control
-------
The sawtooth rule told where the valleys are, which has no excess; at 0.6 each shape of penalty in the place
of the other one; at 0 the published rule in place of the prox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure.prox_by_enumeration import is_prox, minimum, objective
from experiments.prox import eq23_published_rules_figure
from experiments.prox.closed_forms import (
    FloatArray,
    binary_by_sign,
    distance_to,
    sawtooth_blind_to_levels,
)
from experiments.prox.random_cases import draw
from parlin import PAR, designs

Rule = Callable[[FloatArray, float], FloatArray]
Pairs = Sequence[tuple[PAR, float]]  # penalties with their steps

SAWTOOTH = PAR.even([0.0, 1.0, 2.0, 3.0], [1.0, -1.0, 1.0, -1.0])
VALLEYS = np.array([-2.0, 0.0, 2.0])
DESCRIBED_ARGUMENT = 0.8
N_DRAWN = 201  # points of a curve in the figure


@dataclass(frozen=True)
class Config:
    n_penalties: int  # convex and not, for each seed
    n_arguments: int  # of the sawtooth rule, at each step
    n_steps: int  # of the W
    seeds: tuple[int, ...]
    max_levels: int = 12
    allowed: float = 1e-12  # deviation from a value, relative
    sawtooth_steps: tuple[float, ...] = (0.3, 0.5, 0.7)
    argument: float = 0.6  # of which the source asks where it moves

    @property
    def steps(self) -> list[float]:
        return np.geomspace(0.05, 5.0, self.n_steps).tolist()

    @classmethod
    def full(cls) -> Config:
        return cls(n_penalties=60, n_arguments=200, n_steps=12, seeds=(0, 1, 2))

    @classmethod
    def smoke(cls) -> Config:
        return cls(n_penalties=5, n_arguments=40, n_steps=4, seeds=(0,))


def run(config: Config) -> tuple[Evidence, ...]:
    n_cases = config.n_penalties * len(config.seeds)
    rising = draw(config.seeds, n_cases, config.max_levels, config.n_arguments).rising
    w_shaped = [(designs.binary(), step) for step in config.steps]
    return (
        _blind_sawtooth(config),
        _rising(config, rising, w_shaped),
        _w(config, rising, w_shaped),
        _binary_at_zero(config),
    )


def _blind_sawtooth(config: Config) -> Evidence:
    def excess(rule: Rule) -> dict[str, list[Any]]:
        measured, bound, certified = [], [], []
        for step in config.sawtooth_steps:
            # Here the rule returns the peak 1, while the minimum is at v − step on the way to the valley 0.
            v = np.linspace(max(step, 1 - step), 1.0, config.n_arguments + 2)[1:-1]
            least = minimum(SAWTOOTH, v, step)
            returned = objective(SAWTOOTH, v, step, rule(v, step))
            measured.extend(returned - objective(SAWTOOTH, v, step, least.x))
            bound.extend(0.5 * (1 - v + step) ** 2)
            certified.extend(least.certified)
        return {"measured": measured, "bound": bound, "certified": certified}

    return Evidence(
        claim="C5/blind-sawtooth",
        statement="A sawtooth rule that pulls toward the nearest whole number, wherever the valleys are, "
        "misses the minimum by ½(1 − z + λ)² between the valley 0 and the peak 1.",
        source="program of [PAR]",
        standing=Standing.REFUTED,
        remark="The program takes its rule for the prox. It is rebuilt from a description: 1.0 at z = 0.8.",
        relation="==",
        tolerance=config.allowed,
        **excess(sawtooth_blind_to_levels),
        control=Control(
            outside="The rule is told where the valleys are.", **excess(partial(distance_to, VALLEYS))
        ),
        table=_sawtooth_graphs(config.sawtooth_steps[0]),
    )


def _sawtooth_graphs(step: float) -> dict[str, Any]:
    """The rule and the prox, and what the rule does with the argument that is described."""
    described, drawn = np.array([DESCRIBED_ARGUMENT]), np.linspace(0.0, 2.0, N_DRAWN)
    returned, least = sawtooth_blind_to_levels(described, step), minimum(SAWTOOTH, described, step).x
    return {
        "step": step,
        "described": {
            "v": DESCRIBED_ARGUMENT,
            "returned": returned[0],
            "its objective": objective(SAWTOOTH, described, step, returned)[0],
            "least objective": objective(SAWTOOTH, described, step, least)[0],
        },
        "v": drawn.round(5),
        "blind": sawtooth_blind_to_levels(drawn, step).round(5),
        "prox": minimum(SAWTOOTH, drawn, step).x.round(5),
    }


def _values(config: Config, pairs: Pairs) -> dict[str, Any]:
    """Where each penalty sends the argument that the source asks about."""
    v = np.array([config.argument])
    values = [penalty.prox(v, step) for penalty, step in pairs]
    sound = [is_prox(penalty, v, step, x) for (penalty, step), x in zip(pairs, values, strict=True)]
    return {"measured": np.concatenate(values), "certified": np.concatenate(sound)}


def _question(config: Config) -> dict[str, Any]:
    return {
        "source": "[PAR] quick check question",
        "standing": Standing.MADE_PRECISE,
        "remark": f"It asks whether {config.argument:g} moves toward 0 or 1; that is not decided by the "
        "target 1.",
    }


def _rising(config: Config, rising: Pairs, w_shaped: Pairs) -> Evidence:
    return Evidence(
        claim="C16/rising",
        statement=f"An even penalty that rises for x > 0, convex or not, never moves {config.argument:g} up, "
        "although 1 is one of its levels.",
        relation="<=",
        bound=config.argument,
        **_values(config, rising),
        control=Control(
            outside="The penalty falls toward 1: the W.",
            bound=config.argument,
            **_values(config, w_shaped),
        ),
        table={
            "step": [step for _, step in rising],
            "convex": [bool(np.all(np.diff(penalty.slopes) >= 0)) for penalty, _ in rising],
        },
        **_question(config),
    )


def _w(config: Config, rising: Pairs, w_shaped: Pairs) -> Evidence:
    def toward_one(pairs: Pairs) -> dict[str, Any]:
        return _values(config, pairs) | {"bound": [min(config.argument + step, 1.0) for _, step in pairs]}

    return Evidence(
        claim="C16/W",
        statement=f"The W moves {config.argument:g} up toward its level 1, to "
        f"min({config.argument:g} + λ, 1).",
        relation="==",
        tolerance=config.allowed,
        **toward_one(w_shaped),
        control=Control(outside="The penalty rises for x > 0.", **toward_one(rising)),
        table={"step": config.steps},
        **_question(config),
    )


def _binary_at_zero(config: Config) -> Evidence:
    zero, penalty = np.zeros(1), designs.binary()

    def sizes(rule: Rule) -> dict[str, list[Any]]:
        return {
            "measured": [abs(float(rule(zero, step)[0])) for step in config.steps],
            "bound": [min(step, 1.0) for step in config.steps],
            "certified": [bool(minimum(penalty, zero, step).certified[0]) for step in config.steps],
        }

    return Evidence(
        claim="C26",
        statement="At exactly 0 the binary prox is ±min(λ, 1); the published rule gives 0.",
        source="program of [ProxQuant]",
        standing=Standing.REFUTED,
        remark="The program takes its rule for the prox at every argument, the concave kink 0 included.",
        relation="==",
        tolerance=config.allowed,
        **sizes(penalty.prox),
        control=Control(outside="The published rule, with sign(0) = 0.", **sizes(binary_by_sign)),
        table={"step": config.steps},
    )


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    eq23_published_rules_figure.draw(evidence, figure)
