"""What a run shows: a live line for each experiment, and one table of verdicts at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rich import box, progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments.harness.evidence import Evidence, Verdict, worst
from experiments.harness.ledger import NOT_VERIFIABLE

ERROR = "ERROR"
WIDTH = 100
_SHOWN = 6  # so many files does a line name

_COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.UNDECIDED: "yellow",
    Verdict.VIOLATED: "bold red",
    ERROR: "bold red",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one experiment.

    Parameters
    ----------
    name : str
        The experiment.
    claims : tuple of Evidence
        What it found; may be there although drawing failed afterwards.
    failure : str
        The traceback, empty if all went well.
    reused : bool
        True if an earlier run of the same code had found it.
    seconds : float
        How long it took this time.
    warnings : tuple of str
        What Python warned of meanwhile.
    damage : str
        What was wrong with the kept result, which was therefore computed again; empty if it was sound.
    unwritten : mapping of str to str
        File -> why it could not be written.
    """

    name: str
    claims: tuple[Evidence, ...] = ()
    failure: str = ""
    reused: bool = False
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    damage: str = ""
    unwritten: Mapping[str, str] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """The worst verdict of its claims, or ERROR."""
        return ERROR if self.failure else str(worst(claim.verdict for claim in self.claims))


class Progress:
    """A line for each experiment that changes in place; where output is not a terminal, a line an event."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._live = progress.Progress(
            progress.SpinnerColumn(finished_text=" "),
            progress.TextColumn("{task.description}"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[state]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks = {
            name: self._live.add_task(name, total=1, start=False, state="[dim]waits") for name in names
        }

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, name: str) -> None:
        """Show that the experiment is running."""
        self._live.start_task(self._tasks[name])
        self._live.update(self._tasks[name], state="running")
        self._say(f"{name} runs")

    def finished(self, outcome: Outcome) -> None:
        """Show what became of the experiment."""
        how = "reused, nothing it depends on has changed" if outcome.reused else f"{outcome.seconds:.1f} s"
        state = f"[{_COLOURS[outcome.word]}]{outcome.word}[/] ({how})"
        self._live.update(self._tasks[outcome.name], completed=1, state=state)
        self._say(f"{outcome.name}: {outcome.word} ({how})")

    def _say(self, line: str) -> None:
        if self._live.disable:
            self._console.print(line, highlight=False, markup=False)


def default_console() -> Console:
    """A console of at most 100 columns, and of just that many where output is not a terminal."""
    console = Console()
    return Console(width=min(console.width, WIDTH) if console.is_terminal else WIDTH)


def conclude(
    console: Console,
    outcomes: Sequence[Outcome],
    notices: Sequence[tuple[str, str]],
    unwritten: Mapping[str, str],
    book: Path,
) -> None:
    """Print the table of verdicts, then whatever needs attention: notices are pairs of what and why."""
    if outcomes:
        console.print(_table(outcomes))
    for outcome in outcomes:
        for warning in outcome.warnings:
            _complain(console, f"{outcome.name} warned", warning)
        for claim in outcome.claims:
            if claim.verdict is not Verdict.HOLDS:
                _complain(console, f"{outcome.name}: {claim.claim} {claim.verdict}", claim.reason)
        if outcome.failure:
            _complain(console, f"{outcome.name} failed", outcome.failure)
        if outcome.damage:
            _complain(console, f"{outcome.name} was run again", outcome.damage)
    for what, why in notices:
        _complain(console, what, why)
    # A full disk concerns every file of a run: one line names them.
    by_reason = defaultdict(list)
    for file, why in unwritten.items():
        by_reason[why].append(file)
    parts = []
    for why, those in by_reason.items():
        more = f" and {len(those) - _SHOWN} more" if len(those) > _SHOWN else ""
        parts.append(f"{', '.join(those[:_SHOWN])}{more} ({why})")
    if parts:
        _complain(console, "Could not be written", "; ".join(parts))
    n_claims = sum(len(outcome.claims) for outcome in outcomes)
    n_holding = sum(claim.verdict is Verdict.HOLDS for outcome in outcomes for claim in outcome.claims)
    aside = ", ".join(entry.claim for entry in NOT_VERIFIABLE)
    console.print(
        f"{n_holding} of {n_claims} claims of {len(outcomes)} experiments hold; "
        f"not verifiable here: {aside}. Ledger: {book.as_posix()}",
        highlight=False,
    )


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("experiment / claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("standing", no_wrap=True)
    for heading in ("margin", "tightness", "certified"):
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        failed = Text(ERROR, _COLOURS[ERROR]) if outcome.failure else ""
        table.add_row(Text(outcome.name, "bold"), failed)
        for claim in outcome.claims:
            table.add_row(
                f"  {claim.claim}",
                Text(claim.verdict.value, _COLOURS[claim.verdict]),
                claim.standing.value,
                _number(claim.margin),
                "loose" if claim.loose else _number(claim.tightness),
                f"{int(claim.certified.sum())}/{claim.certified.size}",
            )
    return table


def _complain(console: Console, what: str, why: str) -> None:
    console.print(Text.assemble((what, "bold"), ": ", why.rstrip()), soft_wrap=True)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
