"""The evidence of one experiment as a file: written whole or not at all, and compact enough to commit."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from experiments.harness.evidence import Evidence, Verdict, worst


def write_atomically(path: Path, content: bytes) -> None:
    """The file holds `content`, or what it held before, never a part; equal content is not written again."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, because os.replace is atomic only within one file system.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def dump(claims: Sequence[Evidence]) -> bytes:
    """``{"verdict": the worst, "claims": [...]}`` with one claim a line and floats at full precision."""
    verdict = worst(claim.verdict for claim in claims)
    lines = ",\n".join(_compact(claim.to_json()) for claim in claims)
    return f'{{"verdict":{_compact(verdict)},"claims":[\n{lines}\n]}}\n'.encode()


def read(path: Path) -> tuple[Evidence, ...]:
    """The claims that `dump` wrote.

    Raises
    ------
    ValueError
        If the file is not evidence, or its verdicts do not follow from its numbers.
    """
    try:
        return tuple(Evidence.from_json(record) for record in json.loads(path.read_bytes())["claims"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path.name} is not sound evidence: {error}") from error


def publish(path: Path, claims: Sequence[Evidence]) -> None:
    """The file holds these claims; one that differs in provenance alone stays as it is.

    So a run that confirms committed evidence leaves the work tree clean.
    """
    try:
        same = comparable(read(path)) == comparable(claims)
    except (OSError, ValueError):
        same = False
    if not same:
        write_atomically(path, dump(claims))


def comparable(claims: Sequence[Evidence]) -> str:
    """The evidence as one string without its provenance: equal seeds and code give equal strings."""
    return _compact([claim.to_json(provenance=False) for claim in claims])


def recorded_verdicts(path: Path) -> dict[str, Verdict]:
    """Claim -> verdict of the committed version of the file; of the file itself outside version control.

    The commit counts and not the work tree, or a changed verdict would be forgotten by a second run.
    """
    if _git(path.parent, "rev-parse", "--is-inside-work-tree") is None:
        content = path.read_bytes() if path.exists() else None
    else:
        content = _git(path.parent, "show", f"HEAD:./{path.name}")
    if content is None:
        return {}
    return {record["claim"]: Verdict(record["verdict"]) for record in json.loads(content)["claims"]}


def recorded_names(folder: Path) -> list[str]:
    """The experiments with a committed evidence file in the folder; with any, outside version control."""
    if _git(folder, "rev-parse", "--is-inside-work-tree") is None:
        return sorted(file.stem for file in folder.glob("*.json"))
    listed = _git(folder, "ls-tree", "--name-only", "HEAD", "./") or b""
    return sorted(Path(line).stem for line in listed.decode().splitlines() if line.endswith(".json"))


def commit(folder: Path) -> str | None:
    """The commit of the code in `folder`, with "+changes" if it was edited since; None without one."""
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--", "parlin", "experiments")
    return head.decode().strip() + ("+changes" if changes else "")


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None if it fails, is not installed, or the folder does not exist."""
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
