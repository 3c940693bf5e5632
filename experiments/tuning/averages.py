"""Means over seeds with the half-widths of their limits, as columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.measure.intervals import mean_and_half_width
from experiments.tuning.sweeps import METHODS, Sweep

_NAMES = dict(zip(METHODS, ("PAR-ridge", "rounded ridge", "ridge"), strict=True))


def curves(sweeps: Mapping[int, Sequence[Sweep]]) -> dict[str, Any]:
    """Means over seeds at each fraction of alpha_max with the half-widths of their limits, by rows."""
    columns: dict[str, Any] = {"fraction": next(iter(sweeps.values()))[0].fractions}
    for n, each in sweeps.items():
        measured = {
            f"{kind} of {method}": [found.errors[method][kind] for found in each]
            for method in METHODS
            for kind in ("training", "test", "estimation")
        }
        measured |= {"rate": [found.rate for found in each], "distinct": [found.distinct for found in each]}
        columns[str(n)] = {name: mean_and_half_width(values) for name, values in measured.items()}
        path = each[0].path
        # The lower knot of a segment, and the rate on the whole segment above it.
        columns[str(n)]["one path"] = {
            "fraction": [float(f"{alpha:.5g}") for alpha in path.alphas[1:] / path.alphas[0]],
            "rate": path.quantization_rate(),
        }
        columns[str(n)]["collapsed"] = float(np.mean([np.linalg.norm(found.data.coef) for found in each]))
    return columns


def errors_by_spacing(
    sweeps: Mapping[tuple[int, float], Sequence[Sweep]], least_rate: float
) -> dict[str, Any]:
    """Mean test errors at the best strengths, and the quantization rates there, by rows and spacing."""
    rows = []
    for (n, spacing), each in sweeps.items():
        tuned = {_NAMES[method]: [found.tuned(method) for found in each] for method in METHODS}
        tuned["PAR-ridge, quantized"] = [found.tuned("PAR", least_rate=least_rate) for found in each]
        rates = [found.rate[found.best("PAR")] for found in each]
        rows.append({"n": n, "spacing": spacing, "rate": float(np.mean(rates))})
        rows[-1] |= {name: mean_and_half_width(values) for name, values in tuned.items()}
        rows[-1]["excess_over_cvxpy"] = each[0].excess
    return {name: [row[name] for row in rows] for name in rows[0]}
