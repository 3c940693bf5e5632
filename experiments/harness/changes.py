"""What a run finds other than the evidence says that was there before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.harness import evidence_file
from experiments.harness.evidence import Evidence
from experiments.harness.report import Outcome

Claims = Mapping[str, tuple[Evidence, ...]]

# They follow from the rest.
_DERIVED = ("verdict", "reason")


@dataclass(frozen=True)
class Before:
    """The evidence as it was before a run wrote any.

    Parameters
    ----------
    committed, found : mapping
        Experiment -> its claims, as committed and in the work tree.
    damaged, altered : mapping of str to str
        Experiment -> what is wrong with its committed file, and with that in the work tree.
    """

    committed: Claims
    damaged: Mapping[str, str]
    found: Claims
    altered: Mapping[str, str]

    @classmethod
    def read(cls, committed: Sequence[str], chosen: Sequence[str], place: Callable[[str], Path]) -> Before:
        """What is committed of some experiments, and what the files of those say that are to be run."""
        return cls(
            *_read(committed, place, evidence_file.recorded), *_read(chosen, place, evidence_file.read)
        )

    def verdicts(self, outcomes: Sequence[Outcome]) -> list[str]:
        """A sentence for each committed claim whose verdict is another now, or that no experiment makes now.

        A new claim is no change, nor is one that has moved to another experiment. Of an experiment that
        failed nothing is known.
        """
        unknown = {outcome.name for outcome in outcomes if outcome.failure}
        anywhere = {claim.claim: claim.verdict for outcome in outcomes for claim in outcome.claims}
        own = {outcome.name: {claim.claim: claim.verdict for claim in outcome.claims} for outcome in outcomes}
        return [
            f"{name}: {claim.claim} is {claim.verdict} in the committed evidence and {now} now"
            for name, claims in sorted(self.committed.items())
            if name not in unknown
            for claim in claims
            if (now := (anywhere | own.get(name, {})).get(claim.claim, "missing")) != claim.verdict
        ]

    def contents(self, outcomes: Sequence[Outcome]) -> list[str]:
        """A sentence for each claim that says something else now than it did, but for its verdict."""
        return [
            sentence
            for outcome in outcomes
            for sentence in (
                _differences(outcome, self.committed, "the committed evidence")
                or _differences(outcome, self.found, "the evidence file, as it was before this run,")
            )
        ]


def _read(
    names: Sequence[str], place: Callable[[str], Path], reader: Callable[[Path], tuple[Evidence, ...]]
) -> tuple[Claims, Mapping[str, str]]:
    claims, complaints = {}, {}
    for name in names:
        try:
            claims[name] = reader(place(name))
        except FileNotFoundError:
            continue
        except ValueError as error:
            complaints[name] = str(error)
    return claims, complaints


def _differences(outcome: Outcome, before: Claims, where: str) -> list[str]:
    old = {claim.claim: claim for claim in before.get(outcome.name, ())}
    return [
        f"{outcome.name}: {claim.claim} has other values than {where}: {'; '.join(changed)}"
        for claim in outcome.claims
        if claim.claim in old and (changed := _changed(_fields(old[claim.claim]), _fields(claim)))
    ]


def _fields(claim: Evidence) -> dict[str, Any]:
    record = claim.to_json(provenance=False)
    control = {f"control {key}": value for key, value in record.pop("control").items()}
    return {key: value for key, value in (record | control).items() if key not in _DERIVED}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}{_example(old[key], value) if isinstance(value, list) else ''}"
        for key, value in new.items()
        if value != old[key]
    ]


def _example(old: list[Any], new: list[Any]) -> str:
    if len(old) != len(new):
        return f" ({len(old)} points were recorded, {len(new)} are there now)"
    places = [k for k, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
    first = places[0]
    example = f"point {first}: {old[first]} was recorded, {new[first]} is found"
    return f" at {len(places)} of {len(new)} points ({example})"
