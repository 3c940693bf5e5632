"""Runs experiments, keeps what is finished, and says whether every claim holds as committed."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from experiments.harness import evidence_file, experiment, figure_style, files, ledger, report, workers
from experiments.harness.changes import Before
from experiments.harness.evidence import Evidence, Verdict
from experiments.harness.experiment import Experiment
from experiments.harness.json_values import digest
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

    def show(self, file: Path) -> str:
        """The file as seen from the root."""
        return file.relative_to(self.root).as_posix()


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
        0; 1 if a claim does not hold, an experiment fails, a verdict differs from the committed one, evidence
        cannot be read or a file cannot be written, or the compiled kernels are not those of the sources;
        130 if interrupted.

    Raises
    ------
    LookupError
        If a name is unknown.

    Notes
    -----
    The ledger is made of all evidence files. While one of them cannot be read, or one of this run cannot be
    written, it stays as it is.
    """
    paths = OutputPaths(root or folder.parent, smoke)
    console = console or report.default_console()
    known = experiment.find(folder, paths.root)
    chosen = _choose(known, names)
    stale = experiment.stale_builds(paths.root)
    if stale:
        console.print(
            f"{', '.join(map(paths.show, stale))}: not built from the .pyx and .pxd files that are here. "
            "Build again (python setup.py build_ext --inplace), or set PARLIN_PURE=1.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        return 1
    evidence = paths.figures / "evidence"
    files.remove_leftovers(paths.kept, paths.figures, evidence)
    own = [task.name for task in chosen]
    recorded = own if names else evidence_file.recorded_names(evidence)
    # Read before anything is written; a small run has nothing to be compared with.
    before = Before.read([] if smoke else recorded, own, paths.evidence)
    outcomes = []
    try:
        events = workers.run(partial(perform, paths=paths), chosen, max(1, min(jobs, len(chosen))))
        with report.Progress(console, own) as progress, contextlib.closing(events):
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
    files.remove_leftovers(paths.kept, paths.figures, evidence)
    outcomes.sort(key=lambda outcome: outcome.name)
    unwritten = {file: why for outcome in outcomes for file, why in outcome.unwritten.items()}
    unreadable = _unreadable(paths, {task.name for task in known})
    if not unreadable and not any(paths.show(paths.evidence(name)) in unwritten for name in own):
        unwritten |= _write(paths, paths.figures / "README.md", lambda _: ledger.write(paths.figures))
    changes = before.verdicts(outcomes)
    notices = [("Verdict changed", change) for change in changes]
    if not smoke:
        notices += [("Evidence changed", change) for change in before.contents(outcomes)]
    for name, why in (before.altered | before.damaged).items():
        what = "Committed evidence is damaged" if name in before.damaged else "Evidence was damaged"
        notices.append((what, f"{paths.show(paths.evidence(name))}: {why}; nothing is compared with it"))
    notices += [("Evidence is damaged, and the ledger left as it is", why) for why in unreadable]
    book = paths.figures / "README.md"
    report.conclude(console, outcomes, notices, unwritten, book.relative_to(paths.root))
    sound = all(claim.verdict is Verdict.HOLDS for outcome in outcomes for claim in outcome.claims)
    failed = any(outcome.failure for outcome in outcomes)
    return 0 if sound and not (changes or failed or before.damaged or unreadable or unwritten) else 1


def perform(task: Experiment, paths: OutputPaths) -> Outcome:
    """What became of one experiment, run or taken from an earlier run of the same code; never raises."""
    started = time.perf_counter()
    claims, damage, reused, failure, unwritten = (), "", False, "", {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            fingerprint = task.fingerprint(paths.smoke)
            kept = paths.kept / f"{task.name}.json"
            claims, damage = _recall(kept, fingerprint)
            reused = bool(claims)
            if not reused:
                content = _keep(task.run(paths.smoke), fingerprint)
                # Read back, so that the figure comes from what the file says and from nothing else.
                claims = _parse(content, fingerprint)
                unwritten |= _write(paths, kept, partial(_replace, content=content))
            picture = figure_style.render(task.load().plot, claims)
            drawn, written = paths.figures / f"{task.name}.png", paths.evidence(task.name)
            unwritten |= _write(paths, drawn, partial(files.write_atomically, content=picture))
            unwritten |= _write(paths, written, partial(evidence_file.publish, claims=claims))
        except Exception:
            failure = traceback.format_exc()
    notes = tuple(dict.fromkeys(f"{note.category.__name__}: {note.message}" for note in caught))
    damage = f"{paths.show(kept)} {damage}" if damage else ""
    return Outcome(
        task.name, claims, failure, reused, time.perf_counter() - started, notes, damage, unwritten
    )


def _survivor(task: Experiment, result: Outcome | workers.WorkerDied) -> Outcome:
    return Outcome(task.name, failure=str(result)) if isinstance(result, workers.WorkerDied) else result


def _write(paths: OutputPaths, file: Path, writer: Callable[[Path], None]) -> dict[str, str]:
    """Write the file; give its name with the reason if that is impossible, and lose nothing else by it."""
    try:
        writer(file)
    except OSError as error:
        return {paths.show(file): files.why(error)}
    return {}


def _replace(kept: Path, content: bytes) -> None:
    if kept.is_dir() and not kept.is_symlink():
        shutil.rmtree(kept)  # what is kept can be computed again
    files.write_atomically(kept, content)


def _keep(claims: Sequence[Evidence], fingerprint: str) -> bytes:
    record = {"fingerprint": fingerprint, "claims": [claim.to_json() for claim in claims]}
    return json.dumps({"sha256": digest(record)} | record, allow_nan=False).encode()


def _recall(kept: Path, fingerprint: str) -> tuple[tuple[Evidence, ...], str]:
    """The claims of an earlier run with the same fingerprint, if there are any, and what is damaged."""
    try:
        return _parse(files.read(kept), fingerprint), ""
    except FileNotFoundError:
        return (), ""
    except Exception as error:  # a damaged file fails in as many ways as there are
        return (), f"is damaged ({files.why(error)})"


def _parse(content: bytes, fingerprint: str) -> tuple[Evidence, ...]:
    """The claims that `_keep` wrote, none if they are of other code; any error for what it did not write."""
    record = json.loads(content)
    if "sha256" not in record:
        raise ValueError("it holds no hash of its claims")
    if record.pop("sha256") != digest(record):
        raise ValueError("its hash is not that of what it holds, so no run wrote it")
    return tuple(map(Evidence.from_json, record["claims"])) if record["fingerprint"] == fingerprint else ()


def _unreadable(paths: OutputPaths, known: set[str]) -> list[str]:
    """A sentence for each evidence file that cannot be read, or is gone, and what to do about it."""
    folder = paths.figures / "evidence"
    present = {file.stem for file in folder.glob("*.json")}
    found = []
    for name in sorted(present | (known & set(evidence_file.recorded_names(folder)))):
        try:
            evidence_file.read(paths.evidence(name))
        except (OSError, ValueError) as error:
            wrong = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
            again = f"make verify {'SMOKE=1 ' if paths.smoke else ''}ONLY={name} makes it again"
            advice = again if name in known else "its experiment is gone: delete it"
            found.append(f"{paths.show(paths.evidence(name))}: {wrong}; {advice}")
    return found


def _choose(found: Sequence[Experiment], names: Sequence[str]) -> list[Experiment]:
    known = [candidate.name for candidate in found]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LookupError(
            f"no experiment is called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}"
        )
    return [candidate for candidate in found if not names or candidate.name in names]
