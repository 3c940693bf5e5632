"""Runs experiments, keeps what is finished, and says whether every claim holds as committed."""

from __future__ import annotations

import contextlib
import json
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from experiments.harness import evidence_file, experiment, figure_style, ledger, report, workers
from experiments.harness.evidence import Evidence, Verdict
from experiments.harness.evidence_file import recorded_names, recorded_verdicts
from experiments.harness.experiment import Experiment
from experiments.harness.report import Outcome

INTERRUPTED = 130  # what a shell reports for a program ended by Ctrl-C


@dataclass(frozen=True)
class OutputPaths:
    """Where the results of a run go; a small run has its own folders and never touches ``figures/``."""

    root: Path
    smoke: bool

    @property
    def kept(self) -> Path:
        """Finished results, from which a later run goes on."""
        return self.root / ".cache" / "verify" / ("smoke" if self.smoke else "full")

    @property
    def figures(self) -> Path:
        """Pictures, evidence and ledger."""
        return self.root / ".cache" / "smoke" if self.smoke else self.root / "figures"

    def evidence(self, name: str) -> Path:
        """The evidence file of the experiment with that name."""
        return self.figures / "evidence" / f"{name}.json"


def verify(
    names: Sequence[str] = (),
    *,
    smoke: bool = False,
    jobs: int = 2,
    folder: Path = experiment.HERE,
    root: Path | None = None,
    console: Console | None = None,
) -> int:
    """Run the experiments and return 0 if every claim holds, as it does in the committed evidence.

    Parameters
    ----------
    names : sequence of str, default=()
        Which experiments; all of them if empty.
    smoke : bool, default=False
        Use the small configurations and leave ``figures/`` alone.
    jobs : int, default=2
        How many run at once.
    folder : Path
        Where the experiments are.
    root : Path, optional
        Where ``figures/`` and ``.cache/`` are; the folder above `folder` unless given.
    console : rich.console.Console, optional
        Where progress and verdicts appear.

    Returns
    -------
    int
        0; 1 if a claim does not hold, an experiment fails or a verdict differs from the committed one;
        130 if interrupted.

    Raises
    ------
    LookupError
        If a name is unknown.
    """
    paths = OutputPaths(root or folder.parent, smoke)
    console = console or report.default_console()
    chosen = _choose(experiment.find(folder, paths.root), names)
    # Read before anything is written; a small run has nothing to be compared with.
    recorded = [task.name for task in chosen] if names else recorded_names(paths.figures / "evidence")
    committed = {} if smoke else {name: recorded_verdicts(paths.evidence(name)) for name in recorded}
    outcomes = []
    try:
        events = workers.run(partial(perform, paths=paths), chosen, max(1, min(jobs, len(chosen))))
        with report.Progress(console, [task.name for task in chosen]) as progress, contextlib.closing(events):
            for task, result in events:
                if result is None:
                    progress.started(task.name)
                    continue
                outcomes.append(_survivor(task, result))
                progress.finished(outcomes[-1])
    except KeyboardInterrupt:
        console.print(
            f"Stopped. {len(outcomes)} of {len(chosen)} experiments are finished and kept; "
            "the same command goes on from here."
        )
        return INTERRUPTED
    ledger.write(paths.figures)
    outcomes.sort(key=lambda outcome: outcome.name)
    changes = _changes(outcomes, committed)
    report.conclude(console, outcomes, changes, paths.figures.relative_to(paths.root) / "README.md")
    sound = all(claim.verdict is Verdict.HOLDS for outcome in outcomes for claim in outcome.claims)
    return 0 if sound and not changes and not any(outcome.failure for outcome in outcomes) else 1


def perform(task: Experiment, paths: OutputPaths) -> Outcome:
    """What became of one experiment, run or taken from an earlier run of the same code; never raises."""
    started = time.perf_counter()
    claims, reused, failure = (), False, ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            fingerprint = task.fingerprint(paths.smoke)
            kept = paths.kept / f"{task.name}.json"
            claims = _recall(kept, fingerprint)
            reused = bool(claims)
            if not reused:
                found = task.run(paths.smoke)
                evidence_file.write_atomically(kept, _keep(found, fingerprint))
                # Read back, so that the figure comes from what the file says and from nothing else.
                claims = _recall(kept, fingerprint)
            picture = figure_style.render(task.load().plot, claims)
            evidence_file.write_atomically(paths.figures / f"{task.name}.png", picture)
            evidence_file.publish(paths.evidence(task.name), claims)
        except Exception:
            failure = traceback.format_exc()
    notes = tuple(dict.fromkeys(f"{note.category.__name__}: {note.message}" for note in caught))
    return Outcome(task.name, claims, failure, reused, time.perf_counter() - started, notes)


def _survivor(task: Experiment, result: Outcome | workers.WorkerDied) -> Outcome:
    if isinstance(result, workers.WorkerDied):
        return Outcome(task.name, failure=f"its process ended early, with exit code {result.exit_code}")
    return result


def _keep(claims: Sequence[Evidence], fingerprint: str) -> bytes:
    record = {"fingerprint": fingerprint, "claims": [claim.to_json() for claim in claims]}
    return json.dumps(record, allow_nan=False).encode()


def _recall(kept: Path, fingerprint: str) -> tuple[Evidence, ...]:
    """The claims of an earlier run with the same fingerprint; none if there are none to be had."""
    if not kept.exists():
        return ()
    record = json.loads(kept.read_bytes())
    if record["fingerprint"] != fingerprint:
        return ()
    return tuple(Evidence.from_json(claim) for claim in record["claims"])


def _choose(found: Sequence[Experiment], names: Sequence[str]) -> list[Experiment]:
    known = [candidate.name for candidate in found]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LookupError(
            f"no experiment is called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}"
        )
    return [candidate for candidate in found if not names or candidate.name in names]


def _changes(outcomes: Sequence[Outcome], committed: dict[str, dict[str, Verdict]]) -> list[str]:
    """A sentence for each committed claim whose verdict is another now, or that no experiment makes now.

    A new claim is no change, nor is one that has moved to another experiment. Of an experiment that failed
    nothing is known.
    """
    unknown = {outcome.name for outcome in outcomes if outcome.failure}
    anywhere = {claim.claim: claim.verdict for outcome in outcomes for claim in outcome.claims}
    own = {outcome.name: {claim.claim: claim.verdict for claim in outcome.claims} for outcome in outcomes}
    return [
        f"{name}: {claim} is {verdict} in the committed evidence and {now} now"
        for name, verdicts in sorted(committed.items())
        if name not in unknown
        for claim, verdict in verdicts.items()
        if (now := (anywhere | own.get(name, {})).get(claim, "missing")) != verdict
    ]
