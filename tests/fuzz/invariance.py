"""The same problem in other words: shifted, scaled, stored, ordered or weighted otherwise."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from tests.fuzz import judge
from tests.fuzz.cases import STORAGES, Case, FloatArray
from tests.fuzz.exact import power
from tests.fuzz.judge import Finding
from tests.fuzz.optimum import difference
from tests.fuzz.problems import problem_of
from tests.fuzz.runs import run_solver

CHANGES = ("shift", "scale", "storage", "columns", "rows", "repetition")
VALUE = "other objective after a change that changes nothing"
SUCCESS = "success depends on a change that changes nothing"
# Multiples of this stay exact when a whole number below 2**30 is added to them.
GRAIN = 2.0**-16
MOST = 64


@dataclass(frozen=True, eq=False)
class InvarianceTrial:
    """A case and a change of it; amounts are drawn from the seed, as many as the longest side may need."""

    kind: str
    case: Case
    change: str
    seed: int

    def findings(self, subject: str | None = None) -> list[Finding]:
        """Objectives that differ, and success on one side alone."""
        if subject not in (None, self.change):
            return []
        other, factor = self.changed()
        runs = [run_solver(case, "auto") for case in (self.case, other)]
        if any(run.error for run in runs):
            return [
                finding
                for case, run in zip((self.case, other), runs, strict=True)
                for finding in judge.judge_run("invariance", case, run, None)
            ]
        if runs[0].success != runs[1].success:
            return [Finding(SUCCESS, self.change, f"{runs[0].status} and {runs[1].status}")]
        if not runs[0].success:
            return []
        references = [
            judge.reference_of(case, [run.w]) for case, run in zip((self.case, other), runs, strict=True)
        ]
        values = [reference.exact.objective(run.w) for reference, run in zip(references, runs, strict=True)]
        if None in values:
            return [Finding(judge.ABOVE_BEST, self.change, "outside the box")]
        apart = abs(difference(values[0], values[1] / factor, references[0].scale))
        if apart > judge.NOISE:
            numbers = f"{runs[0].status} and {runs[1].status}, {apart:.2g} of the scale apart"
            return [Finding(VALUE, self.change, numbers)]
        return []

    def changed(self) -> tuple[Case, Fraction]:
        """The case in other words, and what its objectives are multiplied by."""
        case, rng = self.case, np.random.default_rng((zlib.crc32(self.change.encode()), self.seed))
        n, d = case.shape
        if self.change == "shift":
            size = int(rng.choice([10, 20, 30]))
            amounts = rng.integers(-(2**size), 2**size, MOST).astype(np.float64)
            return replace(case, X=case.X + amounts[:d], y=case.y + amounts[-1]), Fraction(1)
        if self.change == "scale":
            a, b = (int(k) for k in rng.integers(-40, 41, 2))
            levels, slopes = np.ldexp(case.levels, b - a), np.ldexp(case.slopes, a + b)
            X, y = np.ldexp(case.X, a), np.ldexp(case.y, b)
            return replace(case, X=X, y=y, levels=levels, slopes=slopes), power(2 * b)
        if self.change == "storage":
            others = [storage for storage in STORAGES if storage != case.storage]
            return replace(case, storage=str(rng.choice(others))), Fraction(1)
        if self.change == "columns":
            order = np.argsort(rng.random(MOST)[:d])
            weights = None if case.penalty_weights is None else case.penalty_weights[order]
            return replace(case, X=case.X[:, order], penalty_weights=weights), Fraction(1)
        if self.change == "rows":
            order = np.argsort(rng.random(MOST)[:n])
            weights = None if case.sample_weight is None else case.sample_weight[order]
            return replace(case, X=case.X[order], y=case.y[order], sample_weight=weights), Fraction(1)
        times = np.ones(n) if case.sample_weight is None else case.sample_weight
        if np.any(times != np.round(times)):  # numbers made simpler in between
            return case, Fraction(1)
        rows = np.repeat(np.arange(n), times.astype(int))
        return replace(case, X=case.X[rows], y=case.y[rows], sample_weight=None), Fraction(1)

    def smaller(self) -> Iterator[InvarianceTrial]:
        """The same change of smaller cases; those of a shift stay exact."""
        for case in self.case.smaller():
            if self.change != "shift" or case.intercept:
                yield replace(self, case=grained(case) if self.change == "shift" else case)

    def snippet(self, finding: Finding) -> str:
        """Both problems."""
        other, _ = self.changed()
        return (
            f"{self.case.snippet()}\nr = solve(p)\n# {self.change}:\n{other.snippet()}\n"
            f"s = solve(p); print(r, r.w, s, s.w)  # {finding.detail}"
        )


def invariance_trial(seed: int) -> InvarianceTrial:
    """The trial of this seed, each change in turn."""
    change = CHANGES[seed % len(CHANGES)]
    case = replace(problem_of("invariance", seed), w0=None)
    if change == "shift":
        case = grained(replace(case, intercept=True))
    elif change == "repetition":
        rng = np.random.default_rng((zlib.crc32(change.encode()), seed))
        case = replace(case, sample_weight=rng.integers(1, 4, MOST)[: case.shape[0]].astype(np.float64))
    return InvarianceTrial("invariance", case, change, seed)


def grained(case: Case) -> Case:
    """The case with entries to which a whole number can be added without rounding."""
    return replace(case, X=_grained(case.X), y=_grained(case.y))


def _grained(values: FloatArray) -> FloatArray:
    return np.round(values / GRAIN) * GRAIN
