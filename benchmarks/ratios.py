"""Ratios of times, from the cells of ``results.json``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

OURS = "parlin"
KEYS = ("size", "design", "penalty", "fraction")


@dataclass(frozen=True)
class Ratio:
    """Their time over ours in one cell: the median over the draws, the least and the greatest."""

    size: str
    design: str
    penalty: str
    fraction: float
    middle: float
    low: float
    high: float
    bound: bool  # their solve was given up: the true ratio is larger
    ours: float  # our seconds, median over the draws
    theirs: float


def cells(measurements: Iterable[dict]) -> list[dict]:
    """One record for each cell and method, with its draws side by side."""
    found: dict[tuple, dict] = {}
    for made in measurements:
        key = (*(made[name] for name in KEYS), made["method"])
        record = found.setdefault(
            key,
            {**{name: made[name] for name in (*KEYS, "method", "variant")}}
            | {"seeds": [], "outcomes": [], "seconds": [], "gaps": [], "settings": []},
        )
        for column, name in (
            ("seeds", "seed"), ("outcomes", "outcome"), ("seconds", "seconds"), ("gaps", "gap"),
            ("settings", "setting"),
        ):  # fmt: skip
            record[column].append(made[name])
    return list(found.values())


def ratios(records: Iterable[dict], method: str, size: str | None = None) -> list[Ratio]:
    """The ratios of a method in the cells where it has a time, draw by draw against ours."""
    records = [record for record in records if size is None or record["size"] == size]
    ours = {
        tuple(record[name] for name in KEYS): dict(zip(record["seeds"], record["seconds"], strict=True))
        for record in records
        if record["method"] == OURS
    }
    found = []
    for record in records:
        if record["method"] != method:
            continue
        key = tuple(record[name] for name in KEYS)
        pairs = [
            (theirs, ours[key][seed])
            for seed, theirs in zip(record["seeds"], record["seconds"], strict=True)
            if theirs is not None and ours[key][seed] is not None
        ]
        if pairs:
            each = [theirs / our for theirs, our in pairs]
            found.append(
                Ratio(
                    *key, median(each), min(each), max(each), "limit" in record["outcomes"],
                    median(our for _, our in pairs), median(theirs for theirs, _ in pairs),
                )
            )  # fmt: skip
    return found


def without_time(records: Iterable[dict], method: str) -> int:
    """How many solves of the method ended at a point that the certificate does not accept."""
    return sum(record["outcomes"].count("wrong") for record in records if record["method"] == method)


def sizes(records: Iterable[dict]) -> list[str]:
    """The sizes in the order of the run."""
    return list(dict.fromkeys(record["size"] for record in records))


def methods(records: Iterable[dict]) -> list[str]:
    """The peers in the order of the run."""
    return list(dict.fromkeys(record["method"] for record in records if record["method"] != OURS))
