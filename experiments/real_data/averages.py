"""Means over splits with the half-widths of their limits, as columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.measure.intervals import mean_and_half_width
from experiments.real_data.tuned_splits import METHODS, RealSweep, Tuned


def errors_by_rows(fits: Mapping[tuple[str, int, float], Sequence[Tuned]]) -> dict[str, Any]:
    """Means over splits of errors and rates with the half-widths of their limits, and all distances."""
    rows: list[dict[str, Any]] = []
    for (data, n, spacing), each in fits.items():
        rows.append({"data": data, "n": n, "spacing": spacing})
        rows[-1] |= {method: mean_and_half_width([fit.error[method] for fit in each]) for method in METHODS}
        rows[-1]["rate"] = mean_and_half_width([fit.rate for fit in each])
        rows[-1]["alpha"] = [fit.alphas["PAR"] for fit in each]
    return {name: [row[name] for row in rows] for name in rows[0]}


def curves(
    fractions: Sequence[float], swept: Mapping[tuple[str, int], Sequence[RealSweep]]
) -> dict[str, Any]:
    """Means over splits at each fraction of alpha_max."""
    columns = {
        data: {
            "n": n,
            "training": mean_and_half_width([found.training for found in each]),
            "test": mean_and_half_width([found.test for found in each]),
            "rate": mean_and_half_width([found.rate for found in each]),
        }
        for (data, n), each in swept.items()
    }
    return {"fraction": fractions, "curve": columns}
