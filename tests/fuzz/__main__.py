"""The fuzzer's command: random problems of every kind, faults counted by kind, shrunk and printed.

    python -m tests.fuzz --seconds 60                    every kind in turn, for a minute
    python -m tests.fuzz --problems 10000 --jobs 2       so many problems of all kinds together
    python -m tests.fuzz --kind absurd --seed 7          one kind, other problems

The problems of a run depend on its seed alone, not on the number of processes; with --seconds the time says
how many of them there are.  The exit status is 1 if there is a fault.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.fuzz.estimators import estimator_trial
from tests.fuzz.files import file_trial
from tests.fuzz.invariance import invariance_trial
from tests.fuzz.judge import Finding
from tests.fuzz.runs import describe
from tests.fuzz.trials import Trial, shrink, solver_trial

KINDS = (
    *("ordinary", "large", "absurd", "sparse-mean", "near-dependent", "rank", "invariance"),
    *("estimators", "files"),
)
BROKEN = "the fuzzer itself fails"
BLOCK = 25  # problems of one kind that a process takes at a time
STRIDE = 10_000_000  # between the problems of two seeds
IMPORTS = (
    "import numpy as np, scipy.sparse as sp\nfrom parlin import *\nfrom parlin import solvers\n"
    "from parlin.packed import Packed, pack, unpack"
)


def trial_of(kind: str, seed: int) -> Trial:
    """What is tried for this kind and seed."""
    if kind == "files":
        return file_trial(seed)
    if kind == "estimators":
        return estimator_trial(seed)
    return invariance_trial(seed) if kind == "invariance" else solver_trial(kind, seed)


@dataclass
class Tally:
    """What a run found: counts by kind of fault, and the first few instances of each."""

    problems: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[str, str, str]] = field(
        default_factory=Counter
    )  # kind of fault, subject, of problem
    bad: Counter[str] = field(default_factory=Counter)  # problems with a fault
    first: dict[tuple[str, str], tuple[str, int, Finding]] = field(default_factory=dict)

    def add(self, kind: str, block: list[tuple[int, list[Finding]]], seconds: float) -> None:
        """Count a block of problems of one kind."""
        self.problems[kind] += len(block)
        self.seconds[kind] += seconds
        for seed, found in block:
            self.bad[kind] += bool(found)
            for key in {(each.kind, each.subject) for each in found}:
                self.faults[(*key, kind)] += 1
            for each in found:
                self.first.setdefault((each.kind, each.subject), (kind, seed, each))


def work(task: tuple[str, int, int]) -> tuple[str, list[tuple[int, list[Finding]]], float]:
    """The faults of a block of problems, with the processor seconds it took."""
    kind, first, size = task
    begin = time.process_time()
    block = [(seed, _findings(kind, seed)) for seed in range(first, first + size)]
    return kind, block, time.process_time() - begin


def _findings(kind: str, seed: int) -> list[Finding]:
    try:
        return trial_of(kind, seed).findings()
    except Exception as error:  # one problem that the fuzzer cannot treat does not end a run of thousands
        return [Finding(BROKEN, "fuzzer", describe(error)[0])]


def tasks(kinds: list[str], seed: int, problems: int | None) -> Iterator[tuple[str, int, int]]:
    """Blocks of the kinds in turn, without end or until there are so many problems."""
    start, left = seed * STRIDE, problems
    while left is None or left > 0:
        for kind in kinds:
            size = BLOCK if left is None else min(BLOCK, left)
            if size:
                yield kind, start, size
            left = None if left is None else left - size
        start += BLOCK


def until(end: float, endless: Iterator[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """The tasks that begin before the clock shows `end`."""
    for task in endless:
        if time.monotonic() >= end:
            return
        yield task


def run(kinds: list[str], seed: int, problems: int | None, seconds: float | None, jobs: int) -> Tally:
    """The tally of a run."""
    tally = Tally()
    todo = tasks(kinds, seed, problems)
    if seconds is not None:
        todo = until(time.monotonic() + seconds, todo)
    if jobs == 1:
        for task in todo:
            tally.add(*work(task))
        return tally
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs) as pool:
        # A pool reads its tasks far ahead, so only a few are handed over at a time.
        waiting = []
        for task in todo:
            waiting.append(pool.apply_async(work, (task,)))
            while len(waiting) >= 2 * jobs:
                tally.add(*waiting.pop(0).get())
        for each in waiting:
            tally.add(*each.get())
    return tally


def table(tally: Tally) -> str:
    """Counts of problems and of faults by kind."""
    lines = [f"{'kind of problem':<16}{'problems':>10}{'with faults':>13}{'per second':>12}"]
    for kind, count in tally.problems.items():
        pace = count / max(tally.seconds[kind], 1e-9)
        lines.append(f"{kind:<16}{count:>10}{tally.bad[kind]:>13}{pace:>12.1f}")
    if tally.faults:
        lines.append(f"\n{'count':>6}  fault: solver or function, kind of problem")
    for (fault, subject, kind), count in sorted(
        tally.faults.items(), key=lambda pair: (pair[0][0], -pair[1])
    ):
        lines.append(f"{count:>6}  {fault}: {subject}, {kind}")
    return "\n".join(lines)


def to_json(tally: Tally, seed: int, wall: float) -> dict[str, object]:
    """Counts, seconds and seeds as plain data."""
    return {
        "seed": seed,
        "seconds": round(wall, 1),
        "problems": dict(tally.problems),
        "problems_with_faults": {kind: tally.bad[kind] for kind in tally.problems},
        "processor_seconds": {kind: round(value, 1) for kind, value in tally.seconds.items()},
        "faults": [
            {"fault": fault, "subject": subject, "kind": kind, "count": count}
            for (fault, subject, kind), count in sorted(tally.faults.items())
        ],
        "first": [
            {"fault": each.kind, "subject": each.subject, "kind": kind, "seed": number, "detail": each.detail}
            for kind, number, each in tally.first.values()
        ],
    }


def report(place: tuple[str, int, Finding], seconds: float) -> str:
    """A fault, shrunk, as Python that shows it."""
    kind, seed, finding = place
    trial, finding = shrink(trial_of(kind, seed), finding, seconds)
    finding = finding._replace(detail=" ".join(finding.detail.split()))
    head = f"# {finding.kind}: {finding.subject} ({kind}, seed {seed})"
    return f"{head}\n{trial.snippet(finding)}"


def main(arguments: list[str] | None = None) -> int:
    """Run, print, and say by the exit status whether there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, help="of wall time; 60 unless --problems is given")
    parser.add_argument("--problems", type=int, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, action="append", help="may be given several times")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write counts, seconds and seeds")
    parser.add_argument(
        "--shrink", type=float, default=8.0, metavar="SECONDS", help="for each fault; 0: none"
    )
    options = parser.parse_args(arguments)
    seconds = 60.0 if options.seconds is None and options.problems is None else options.seconds
    begin = time.monotonic()
    tally = run(options.kind or list(KINDS), options.seed, options.problems, seconds, options.jobs)
    wall = time.monotonic() - begin
    print(table(tally), flush=True)
    if options.json:
        options.json.write_text(
            json.dumps(to_json(tally, options.seed, wall), indent=1) + "\n", encoding="utf-8"
        )
    if tally.first and options.shrink > 0:
        print(f"\n{IMPORTS}", flush=True)
        print_report = partial(report, seconds=options.shrink)
        for key in sorted(tally.first):
            print(f"\n{print_report(tally.first[key])}", flush=True)
    return 1 if tally.first else 0


if __name__ == "__main__":
    sys.exit(main())
