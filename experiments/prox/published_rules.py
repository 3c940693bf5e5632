r"""Wordings and published programs about a prox that fail at single points, as claims of their own.

The programs are rebuilt from descriptions of what they return.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.measure import prox_by_enumeration as enumeration
from experiments.prox import closed_forms
from experiments.prox.closed_forms import FloatArray
from parlin import PAR, designs

Rule = Callable[[FloatArray, float], FloatArray]
Pairs = Sequence[tuple[PAR, float]]  # penalties with their steps

# The sawtooth at which the published rule was seen to fail: valleys at 0 and ±2, peaks at ±1 and ±3.
_SAWTOOTH = PAR.even([0.0, 1.0, 2.0, 3.0], [1.0, -1.0, 1.0, -1.0])
_VALLEYS = np.array([-2.0, 0.0, 2.0])
_DESCRIBED_ARGUMENT = 0.8
_N_DRAWN = 201


def blind_sawtooth(steps: Sequence[float], n_arguments: int, tolerance: float) -> Evidence:
    """The sawtooth rule that does not look at the levels is too high by a known amount."""

    def height(v: FloatArray, step: float, x: FloatArray) -> FloatArray:
        return enumeration.objective(_SAWTOOTH, v, step, x)

    def rises(rule: Rule) -> dict[str, list[Any]]:
        measured, bound, certified = [], [], []
        for step in steps:
            # Here the rule returns the peak 1, while the minimum is at v − step on the way to the valley 0.
            v = np.linspace(max(step, 1 - step), 1.0, n_arguments + 2)[1:-1]
            least = enumeration.minimum(_SAWTOOTH, v, step)
            measured.extend(height(v, step, rule(v, step)) - height(v, step, least.x))
            bound.extend(0.5 * (1 - v + step) ** 2)
            certified.extend(least.certified)
        return {"measured": measured, "bound": bound, "certified": certified}

    blind, informed = closed_forms.sawtooth_blind_to_levels, partial(closed_forms.distance_to, _VALLEYS)
    drawn, described = np.linspace(0.0, 2.0, _N_DRAWN), np.array([_DESCRIBED_ARGUMENT])
    returned, least = blind(described, steps[0]), enumeration.minimum(_SAWTOOTH, described, steps[0]).x
    return Evidence(
        claim="C5/blind-sawtooth",
        statement="A sawtooth rule that pulls toward the nearest whole number, wherever the valleys are, "
        "misses the minimum by ½(1 − z + λ)² between the valley 0 and the peak 1.",
        source="program of [PAR]",
        standing=Standing.REFUTED,
        remark="The program takes its rule for the prox. It is rebuilt from a description: 1.0 at z = 0.8.",
        relation="==",
        tolerance=tolerance,
        **rises(blind),
        control=Control(outside="The rule is told where the valleys are.", **rises(informed)),
        table={
            "step": steps[0],
            "described": {
                "v": _DESCRIBED_ARGUMENT,
                "returned": returned[0],
                "its objective": height(described, steps[0], returned)[0],
                "least objective": height(described, steps[0], least)[0],
            },
            "v": drawn.round(5),
            "blind": blind(drawn, steps[0]).round(5),
            "prox": enumeration.minimum(_SAWTOOTH, drawn, steps[0]).x.round(5),
        },
    )


def quiz(
    rising: Pairs, argument: float, steps: Sequence[float], tolerance: float
) -> tuple[Evidence, Evidence]:
    """Where the prox sends an argument between 0 and the level 1: by penalties that rise, and by the W."""
    v = np.array([argument])
    w_shaped = [(designs.binary(), step) for step in steps]

    def answers(pairs: Pairs) -> dict[str, Any]:
        values = [penalty.prox(v, step) for penalty, step in pairs]
        sound = [enumeration.is_prox(pair[0], v, pair[1], x) for pair, x in zip(pairs, values, strict=True)]
        return {"measured": np.concatenate(values), "certified": np.concatenate(sound)}

    def toward_one(pairs: Pairs) -> dict[str, Any]:
        return answers(pairs) | {"bound": [min(argument + step, 1.0) for _, step in pairs]}

    words = {
        "source": "[PAR] quick check question",
        "standing": Standing.MADE_PRECISE,
        "remark": f"It asks whether {argument:g} moves toward 0 or 1; that is not decided by the target 1.",
    }
    return (
        Evidence(
            claim="C16/rising",
            statement=f"An even penalty that rises for x > 0, convex or not, never moves {argument:g} up, "
            "although 1 is one of its levels.",
            relation="<=",
            bound=argument,
            **answers(rising),
            control=Control(
                outside="The penalty falls toward 1: the W.", bound=argument, **answers(w_shaped)
            ),
            **words,
        ),
        Evidence(
            claim="C16/W",
            statement=f"The W moves {argument:g} up toward its level 1, to min({argument:g} + λ, 1).",
            relation="==",
            tolerance=tolerance,
            **toward_one(w_shaped),
            control=Control(outside="The penalty rises for x > 0.", **toward_one(rising)),
            **words,
        ),
    )


def binary_at_zero(steps: Sequence[float], tolerance: float) -> Evidence:
    """The binary prox at the concave kink 0, where the published rule takes 0 for the sign of 0."""
    zero, penalty = np.zeros(1), designs.binary()

    def sizes(rule: Rule) -> dict[str, list[Any]]:
        return {
            "measured": [abs(float(rule(zero, step)[0])) for step in steps],
            "bound": [min(step, 1.0) for step in steps],
            "certified": [bool(enumeration.minimum(penalty, zero, step).certified[0]) for step in steps],
        }

    return Evidence(
        claim="C26",
        statement="At exactly 0 the binary prox is ±min(λ, 1); the published rule gives 0.",
        source="program of [ProxQuant]",
        standing=Standing.REFUTED,
        remark="The program takes its rule for the prox at every argument, the concave kink 0 included.",
        relation="==",
        tolerance=tolerance,
        **sizes(penalty.prox),
        control=Control(
            outside="The published rule, with sign(0) = 0.", **sizes(closed_forms.binary_by_sign)
        ),
    )
