"""What our own solves cost: passes over the data, fractions of the time, solves per second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

from benchmarks.instances import FULL, Instance, Size, instances
from parlin import PARLasso, certify, solve
from parlin.solvers import CoordinateDescent

PASSES_GAP = 1e-9


@dataclass(frozen=True)
class Anatomy:
    """Where our time goes in one cell, on its first draw."""

    size: str
    design: str
    penalty: str
    fraction: float
    free: int  # coefficients off the grid
    passes: float  # over the data until the relative gap is at most `PASSES_GAP`
    fixed_seconds: float  # for the problem and one certificate, which no solver can save


def anatomy(instance: Instance) -> Anatomy:
    """The passes of one run with a certificate after every step, and the cost of the parts around it."""
    reached: list[float] = []

    def note(iteration: int, state: object, certificate: object) -> None:
        if certificate.gap <= PASSES_GAP:
            reached.append(state.passes)

    # The residual that ends a run by default may leave a larger gap than this.
    result = solve(instance.problem(), CoordinateDescent(), tol=1e-12, check_passes=1e-9, callback=note)
    fixed = math.inf
    for _ in range(3):
        begin = time.process_time()
        certify(instance.problem(), result.w)
        fixed = min(fixed, time.process_time() - begin)
    free = result.certificate.size - result.certificate.on_level
    return Anatomy(*instance.cell, free, reached[0], fixed)


def rates(seconds: float) -> list[dict]:
    """Solves per second of the processor at the smallest size and strength, one after the other."""
    size = replace(FULL[0], seeds=1, designs=("gaussian",), penalties=("PAR-ridge", "PAR-lasso"))
    rows = []
    for instance in instances(replace(size, fractions=(0.01,))):
        problem, alpha = instance.problem(), instance.fraction * instance.strength_max
        calls: dict[str, Callable[[], object]] = {
            "solve, Problem built each time": lambda i=instance: solve(i.problem()),
            "solve, Problem kept": lambda p=problem: solve(p),
        }
        if instance.penalty_name == "PAR-lasso":
            model = PARLasso(alpha=alpha, spacing=0.1, n_levels=15, fit_intercept=False)
            calls["PARLasso(spacing=0.1).fit"] = lambda m=model, i=instance: m.fit(i.X, i.y)
        rows += [
            {"penalty": instance.penalty_name, "call": name, "per_second": _rate(call, seconds)}
            for name, call in calls.items()
        ]
    return rows


def _rate(call: Callable[[], object], seconds: float) -> float:
    """The best of five rates, each over a fifth of the time."""
    best = 0.0
    for _ in range(5):
        count, begin = 0, time.process_time()
        while (spent := time.process_time() - begin) < seconds / 5:
            call()
            count += 1
        best = max(best, count / spent)
    return best


_ONE = {
    "seeds": 1, "designs": ("gaussian",), "penalties": ("PAR-ridge",), "fractions": (0.1,),
    "working_sets": (100,),
}  # fmt: skip


def scaling_sizes(quick: bool) -> list[tuple[str, Size]]:
    """Shapes that differ in d alone, then shapes that differ in n alone, each with what varies."""
    widths = (1000, 10_000) if quick else (1000, 10_000, 100_000, 1_000_000)
    heights = (100, 1000) if quick else (100, 1000, 10_000, 100_000)
    wide = [("d", Size(100, d, **_ONE)) for d in widths]
    return wide + [("n", Size(n, 500, **_ONE)) for n in heights]


def choice_sizes(quick: bool) -> tuple[Size, ...]:
    """Where our own solvers compete, each to the gap that is asked of the peers."""
    shared = {"seeds": 1, "limit": 1.0 if quick else 4.0}
    dense = {**shared, **_everywhere("gaussian", "AR(0.95)")}
    small = (Size(20, 200, **dense), Size(100, 1000, **dense))
    if quick:
        return small
    sparse = Size(10_000, 100_000, density=1e-3, **shared, **_everywhere("sparse"))
    return (*small, Size(500, 5000, **dense), Size(5000, 500, **dense), sparse)


def _everywhere(*designs: str) -> dict:
    penalties = ("PAR-ridge", "PAR-lasso")
    return {"designs": designs, "penalties": penalties, "slow": tuple(product(designs, penalties))}
