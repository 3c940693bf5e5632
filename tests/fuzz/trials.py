"""What is done with a problem: who solves it, what is asked of the outcomes, and how a fault is shrunk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tests.fuzz import judge
from tests.fuzz.cases import Case
from tests.fuzz.judge import Finding, Reference
from tests.fuzz.problems import generator, problem_of
from tests.fuzz.runs import SOLVERS, THOROUGH, Run, run_solver, supports

SPARSE_FAILS = "sparse X ends without success where dense X has it"
FAILURES = ("STALLED", "MAX_ITER", "NOT_FINITE")


class Trial(Protocol):
    """What can be tried, made smaller, and written down."""

    def findings(self, subject: str | None = None) -> list[Finding]:
        """All faults; with a subject those of it alone, for less work."""
        ...

    def smaller(self) -> Iterator[Trial]:
        """Trials with less in them."""
        ...

    def snippet(self, finding: Finding) -> str:
        """Python that shows the fault."""
        ...


@dataclass(frozen=True, eq=False)
class SolverTrial:
    """A case, solved by "auto" and some solvers more."""

    kind: str
    case: Case
    solvers: tuple[str, ...]

    def findings(self, subject: str | None = None) -> list[Finding]:
        """All faults of the runs, of the certificate elsewhere, and of purification."""
        case = self.case
        names = self.solvers if subject not in self.solvers else (subject,)
        runs, problem = [], None
        for name in names:
            if problem is not None and not supports(case, name, problem):
                continue
            runs.append(run_solver(case, name, problem))
            problem = runs[-1].problem
            if problem is None:
                return judge.judge_run(self.kind, case, runs[-1], None)
        points = [run.w for run in runs if run.w is not None]
        reference = judge.reference_of(case, points)
        found = [each for run in runs for each in judge.judge_run(self.kind, case, run, reference)]
        found += self._stalls(runs, reference)
        first = runs[0]
        if self.kind == "rank" or subject == "purify" or first.solver != "auto":
            found += [each for run in runs for each in judge.judge_rank(case, run, reference)]
        elif first.success:
            found += judge.judge_rank(case, first, reference)
        if case.has_gap and (subject in (None, "certify")):
            found += self._certificates(first, reference)
        return list(dict.fromkeys(found))

    def _stalls(self, runs: list[Run], reference: Reference) -> list[Finding]:
        """Solvers that give up where the slow and sure one does not."""
        case = self.case
        failed = [run for run in runs if run.solver in THOROUGH and run.status in FAILURES]
        if not failed or not case.is_convex:
            return []
        sure = next((run for run in runs if run.solver == "SemismoothNewton"), None)
        sure = sure or run_solver(case, "SemismoothNewton", runs[0].problem)
        if not sure.success or any(
            each.kind in (judge.ABOVE_BEST, judge.ABOVE_BEST_WITHOUT_GAP, judge.ROUNDING)
            for each in judge.judge_run(self.kind, case, sure, reference)
        ):
            return []
        return [
            Finding(judge.STALLS, run.solver, f"{run.status}, residual {run.residual:.2g}") for run in failed
        ]

    def _certificates(self, run: Run, reference: Reference) -> list[Finding]:
        """The gap at points near and far from the solution."""
        case, found = self.case, []
        rng = generator("certify", case.shape[1])
        if reference.best_point is not None:
            w = reference.best_point
            near = w * (1 + 10.0 ** rng.uniform(-12, -1) * rng.standard_normal(w.size))
            found += judge.judge_certificate(case, run, near, reference)
            dropped = np.where(rng.random(w.size) < 0.3, 0.0, w)
            found += judge.judge_certificate(case, run, dropped, reference)
        return found

    def smaller(self) -> Iterator[SolverTrial]:
        """The same of smaller cases."""
        yield from (replace(self, case=case) for case in self.case.smaller())

    def snippet(self, finding: Finding) -> str:
        """The problem, the call, and the numbers."""
        call = f"r = solve(p, w0=w0, tol={self.case.tol:g})"
        if finding.subject in SOLVERS:
            call = f"r = solve(p, solvers.{finding.subject}(), w0=w0, tol={self.case.tol:g})"
        return f"{self.case.snippet()}\n{call}; print(r, r.w, r.certificate.gap)  # {finding.detail}"


@dataclass(frozen=True, eq=False)
class StorageTrial(SolverTrial):
    """A sparse case whose columns are far from 0, and the same stored densely."""

    def findings(self, subject: str | None = None) -> list[Finding]:
        """Those of the sparse case, and its giving up where the dense one succeeds."""
        found = super().findings(subject)
        if not self.case.is_sparse:
            return found
        dense = replace(self.case, storage="F")
        sparse_run, dense_run = (run_solver(case, "auto") for case in (self.case, dense))
        if not sparse_run.success and dense_run.success:
            found.append(Finding(SPARSE_FAILS, "auto", sparse_run.status))
        return found


def solver_trial(kind: str, seed: int) -> SolverTrial:
    """The trial of a problem of this kind: "auto" and two of the other solvers that can treat it."""
    case = problem_of(kind, seed)
    rng = generator("solvers", seed)
    names = tuple(rng.permutation(sorted(SOLVERS))[:2].tolist())
    if kind == "near-dependent" and "SemismoothNewton" not in names:
        names = (names[0], "SemismoothNewton")
    if kind == "rank" and "CoordinateDescent" not in names:
        names = (names[0], "CoordinateDescent")
    make = StorageTrial if kind == "sparse-mean" else SolverTrial
    return make(kind, case, ("auto", *names))


# -- shrinking ------------------------------------------------------------------------------------

# Processor seconds for one fault.
SHRINKING = 8.0


def shrink(trial: Trial, finding: Finding, seconds: float = SHRINKING) -> tuple[Trial, Finding]:
    """The smallest trial found within the time, and what is wrong with it."""
    end = time.process_time() + seconds
    changed = True
    while changed:
        changed = False
        for smaller in trial.smaller():
            if time.process_time() > end:
                return trial, finding
            kept = _still(smaller, finding)
            if kept is not None:
                trial, finding, changed = smaller, kept, True
                break
    return trial, finding


def _still(trial: Trial, finding: Finding) -> Finding | None:
    """The fault of the same kind and subject, if the trial has it."""
    try:
        found = trial.findings(finding.subject)
    except Exception:  # an array that no problem is made of
        return None
    return next(
        (each for each in found if (each.kind, each.subject) == (finding.kind, finding.subject)), None
    )
