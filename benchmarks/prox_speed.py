"""The proximal map on long arrays, as multiples of `numpy.copyto`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.measure import least_times
from parlin import PAR, designs


def penalties() -> dict[str, PAR]:
    """Uniform grids and general tables, convex and not."""
    rng = np.random.default_rng(0)
    levels = np.sort(rng.uniform(-2.0, 2.0, 31))
    rising = np.sort(rng.uniform(-1.0, 1.0, 32))
    return {
        "uniform grid, 31 levels (ridge chords)": designs.ridge(0.1, 15),
        "uniform grid, 2001 levels (ridge chords)": designs.ridge(0.002, 1000),
        "general table, convex, 31 levels": PAR(levels, rising),
        "general table, convex, 1000 levels": PAR(
            np.sort(rng.uniform(-2.0, 2.0, 1000)), np.sort(rng.uniform(-1.0, 1.0, 1001))
        ),
        "general table, nonconvex, 31 levels": PAR(levels, rng.permutation(rising)),
        "uniform grid, nonconvex (staircase)": designs.staircase(0.1, 15),
        "nonconvex (rippled MCP)": designs.rippled_mcp(0.1, 15),
    }


def prox_ratios(size: int, repeats: int) -> list[dict]:
    """The least times of `PAR.prox` with ``out=`` over that of a copy, taking turns."""
    v = np.random.default_rng(0).standard_normal(size)
    out = np.empty_like(v)
    calls: dict[str, Callable[[], object]] = {"copy": lambda: np.copyto(out, v)}
    for name, penalty in penalties().items():
        penalty.prox(v[:10], 0.5)  # the table of this step is kept
        calls[name] = lambda penalty=penalty: penalty.prox(v, 0.5, out=out)
    least = least_times(calls, repeats)
    copy = least.pop("copy")
    return [{"penalty": name, "size": size, "ratio": seconds / copy} for name, seconds in least.items()]
