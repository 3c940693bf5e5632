"""What came of the tries of one kind of fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How many tries there were, and a sentence for each that failed.

    Parameters
    ----------
    tries : int
        How often the fault was put in.
    failures : tuple of str
        What went wrong, and in which try.
    note : str, default=""
        How the fault was made, where that depends on the machine, or the worst of what was measured.
    details : tuple of str, default=()
        What was measured, a line each.
    """

    tries: int
    failures: tuple[str, ...]
    note: str = ""
    details: tuple[str, ...] = ()
