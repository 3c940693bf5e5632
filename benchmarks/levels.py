"""Optimal levels against the packages that find them exactly, and against k-means and Lloyd's algorithm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans

from benchmarks.measure import least_times
from parlin.quantizers import lloyd_levels, optimal_levels, rounding_error

_TEXT = """\
Normal values, not sorted. Seconds of ours, and theirs divided by ours. *Excess* is the squared rounding error
over the least one, less 1: kmeans1d and ckwrap are exact as well; scikit-learn's KMeans (one start) and
Lloyd's algorithm from quantiles are not.
"""


_PEERS = ("kmeans1d", "ckwrap", "kmeans", "lloyd")


def level_costs(quick: bool) -> list[dict]:
    """Times and excesses by the number of values and of levels."""
    # Needed for the measurement alone, not for the report.
    import ckwrap
    import kmeans1d

    cells = [(1000, 16), (10_000, 4), (10_000, 16), (100_000, 4), (100_000, 16), (1_000_000, 16)]
    records = []
    for size, count in cells[:3] if quick else cells:
        values = np.random.default_rng(size).standard_normal(size)
        start = np.quantile(values, (np.arange(count) + 0.5) / count)
        calls = {
            "ours": lambda v=values, k=count: optimal_levels(v, k),
            "lloyd": lambda v=values, s=start: lloyd_levels(v, s),
        }
        if size <= 100_000:
            calls["kmeans1d"] = lambda v=values, k=count: np.array(kmeans1d.cluster(v, k).centroids)
            calls["ckwrap"] = lambda v=values, k=count: np.array(ckwrap.ckmeans(v, k).centers)
            calls["kmeans"] = lambda v=values, k=count: _kmeans(v, k)
        least = rounding_error(values, calls["ours"]())
        excess = {name: rounding_error(values, np.sort(call())) / least - 1 for name, call in calls.items()}
        for name in ("kmeans1d", "ckwrap"):
            if name in excess and abs(excess[name]) > 1e-9:
                raise RuntimeError(f"{name} and parlin disagree on {size} values and {count} levels")
        seconds = least_times(calls, repeats=3 if size >= 100_000 else 7)
        ours = seconds.pop("ours")
        ratios = {name: spent / ours for name, spent in seconds.items()}
        records.append({"values": size, "levels": count, "seconds": ours, "ratios": ratios, "excess": excess})
    return records


def _kmeans(values: np.ndarray, count: int) -> np.ndarray:
    found = KMeans(count, n_init=1, random_state=0).fit(values[:, None])
    return found.cluster_centers_.ravel()


def level_section(records: list[dict], table: Callable[..., str], number: Callable[[float], str]) -> str:
    """The section of the report."""
    rows = []
    for row in records:
        times = [number(row["ratios"][name]) if name in row["ratios"] else "–" for name in _PEERS]
        excesses = [f"{row['excess'][name]:.1%}" if name in row["excess"] else "–" for name in _PEERS[2:]]
        rows.append([f"{row['values']:,}", row["levels"], number(row["seconds"]), *times, *excesses])
    head = [
        "values",
        "levels",
        "ours, s",
        "kmeans1d",
        "ckwrap",
        "KMeans",
        "Lloyd",
        "KMeans, excess",
        "Lloyd, excess",
    ]
    return table(head, rows) + "\n" + _TEXT
