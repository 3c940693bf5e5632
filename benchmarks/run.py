"""One run: every section measured, as plain numbers and strings."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from threadpoolctl import threadpool_info

from benchmarks import own_costs, paths, ratios
from benchmarks.epochs import epoch_costs
from benchmarks.fresh_process import LAYOUTS, ask
from benchmarks.instances import FULL, QUICK, WARM_UP, Size, instances
from benchmarks.levels import level_costs
from benchmarks.measure import Bench
from benchmarks.methods import METHODS, OURS, SOLVERS, Method
from benchmarks.prox_speed import prox_ratios
from parlin._loop import automatic_solver

_PACKAGES = (
    "parlin", "numpy", "scipy", "scikit-learn", "threadpoolctl", "skglm", "numba", "clarabel", "osqp",
    "kmeans1d", "ckwrap",
)  # fmt: skip


def run(quick: bool, only: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that the report needs, or only those of its sections that have a name of their own."""
    begin = time.perf_counter()
    sections = _sections(quick)
    if only:
        return _plain({name: sections[name]() for name in only})
    results: dict[str, Any] = {
        "environment": _environment(),
        "quick": quick,
        "solver_rule": automatic_solver.__doc__.splitlines()[0],
        "warm_up": _warm_up(),
    }
    results["cells"], results["anatomy"] = _duels(QUICK if quick else FULL)
    for name, measure in sections.items():
        started = time.perf_counter()
        results[name] = measure()
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    results["minutes"] = (time.perf_counter() - begin) / 60
    return _plain(results)


def _sections(quick: bool) -> dict[str, Callable[[], Any]]:
    return {
        "scaling": lambda: _scaling(quick),
        "solvers": lambda: _cells(own_costs.choice_sizes(quick), SOLVERS),
        "path": lambda: paths.path_costs(*((20, 200) if quick else (100, 1000))),
        "memory": lambda: _memory(quick),
        "rates": lambda: own_costs.rates(0.5 if quick else 2.5),
        "prox": lambda: prox_ratios(10**6 if quick else 10**7, repeats=5),
        "epochs": lambda: epoch_costs(quick),
        "levels": lambda: level_costs(quick),
        "first_fit": lambda: [ask("first-fit") for _ in range(3)],
    }


def _environment() -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    threads = {f"{pool['prefix']} {pool['version']}": pool["num_threads"] for pool in threadpool_info()}
    return {
        "python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count(),
        "threads": threads, "versions": versions,
    }  # fmt: skip


def _warm_up() -> dict[str, float]:
    """Seconds of the first calls of every method on tiny problems: compilation, where there is any."""
    seconds: dict[str, float] = {}
    for size in WARM_UP:
        for instance in instances(size):
            for method in METHODS:
                if method.applies(instance) and (instance.with_slow_peers or not method.slow):
                    begin = time.perf_counter()
                    method.bind(instance)(1e-2 if method.settings else 3)
                    spent = time.perf_counter() - begin
                    seconds[method.name] = seconds.get(method.name, 0.0) + spent
    return seconds


def _duels(sizes: Sequence[Size]) -> tuple[list[dict], list[dict]]:
    """All methods on all cells, and the anatomy of our own first draws."""
    bench, measurements, anatomies = Bench(METHODS), [], []
    for size in sizes:
        begin = time.perf_counter()
        for instance in instances(size):
            measurements += map(asdict, bench.measure(instance))
            if instance.seed == 0:
                anatomies.append(asdict(own_costs.anatomy(instance)))
        print(f"{size.name}: {time.perf_counter() - begin:.0f} s", flush=True)
    return ratios.cells(measurements), anatomies


def _cells(sizes: Sequence[Size], methods: Sequence[Method]) -> list[dict]:
    bench = Bench(methods)
    measurements = [asdict(made) for size in sizes for i in instances(size) for made in bench.measure(i)]
    return ratios.cells(measurements)


def _scaling(quick: bool) -> list[dict]:
    methods = [method for method in METHODS if method.name in (OURS, "skglm AndersonCD")]
    records = []
    for varied, size in own_costs.scaling_sizes(quick):
        records += [
            {**record, "varied": varied, "n": size.n, "d": size.d} for record in _cells([size], methods)
        ]
    return records


def _memory(quick: bool) -> list[dict]:
    shapes = {"columns": (1000, 5000 if quick else 50_000), "sparse": (10_000, 100_000)}
    shapes["rows"] = shapes["columns"]
    rows = []
    for name in (OURS, "skglm AndersonCD"):
        for layout in LAYOUTS:
            if name == OURS or layout != "rows":  # skglm wants columns
                n, d = shapes[layout]
                answer = ask("memory", name, layout, n, d, 0.1)
                rows.append({"method": name, "layout": layout, "n": n, "d": d} | answer)
    return rows


def _plain(value: Any) -> Any:
    """Four digits of every number, and None for what is not finite."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value
