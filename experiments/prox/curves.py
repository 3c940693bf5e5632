"""Graphs of proximal maps as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.measure.prox_by_enumeration import minimum
from experiments.prox.closed_forms import chords_of_half_square, soft_quantizer
from parlin import designs

# A penalty and the steps drawn.
PENALTIES = {
    "Ridge chords": (designs.ridge(0.5, 3), (0.3, 1.0, 3.0)),
    "Lasso-like": (designs.lasso(0.5, 3, growth=0.5), (0.1, 0.3, 0.6)),
    "Staircase": (designs.staircase(0.5, 3), (0.1, 0.3, 0.7)),
    "Sawtooth": (designs.sawtooth(0.5, 3), (0.05, 0.15, 0.25)),
    "W": (designs.binary(), (0.2, 0.5, 1.0)),
    "Rippled MCP": (designs.rippled_mcp(0.5, 3), (0.1, 0.3, 0.8)),
}
SOFT_TARGETS, SOFT_SLOPES = (-1.0, -0.25, 0.25, 1.0), (1.5, 4.0, 40.0)
_DECIMALS = 5  # finer than a pixel, and short in the file


def penalty_graphs(n_points: int) -> dict[str, Any]:
    """The proximal map of each penalty at its steps; all are odd, so little is shown left of 0."""
    v = np.linspace(-0.4, 1.9, n_points)
    graphs = {
        name: {
            "levels": penalty.quantization_levels,
            "steps": steps,
            "x": [penalty.prox(v, step).round(_DECIMALS) for step in steps],
        }
        for name, (penalty, steps) in PENALTIES.items()
    }
    return {"v": v.round(_DECIMALS), "graphs": graphs}


def soft_quantizer_graph(n_points: int) -> dict[str, Any]:
    """PARQ's map at several slopes ρ, and the prox that it is claimed to be."""
    p, targets = np.linspace(-1.4, 1.4, n_points), np.array(SOFT_TARGETS)
    penalty = chords_of_half_square(targets)
    return {
        "p": p.round(_DECIMALS),
        "levels": targets,
        "slopes": SOFT_SLOPES,
        "map": [soft_quantizer(targets, p, slope).round(_DECIMALS) for slope in SOFT_SLOPES],
        "prox": [minimum(penalty, slope * p, slope - 1).x.round(_DECIMALS) for slope in SOFT_SLOPES],
    }
