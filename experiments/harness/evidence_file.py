"""The evidence of one experiment as a file: compact enough to commit, with a hash of what a run wrote."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from experiments.harness import files
from experiments.harness.evidence import Evidence, worst
from experiments.harness.json_values import compact, digest


def dump(name: str, claims: Sequence[Evidence]) -> bytes:
    """The name, the worst verdict, the hash and the claims, one a line, with floats at full precision."""
    records = [claim.to_json() for claim in claims]
    head = {
        "experiment": name,
        "verdict": worst(claim.verdict for claim in claims),
        "sha256": digest([name, records]),
    }
    lines = ",\n".join(map(compact, records))
    return f'{compact(head)[:-1]},"claims":[\n{lines}\n]}}\n'.encode()


def parse(name: str, content: bytes) -> tuple[Evidence, ...]:
    """The claims that `dump` wrote of the experiment with that name.

    Raises
    ------
    ValueError
        If it is not evidence, or not what a run wrote, or its verdicts do not follow from its numbers.
    """
    try:
        record = json.loads(content)
        if "sha256" not in record:
            raise ValueError("it holds no hash of its claims")
        if record["sha256"] != digest([name, record["claims"]]):
            raise ValueError("its hash is not that of its claims, so no run of this experiment wrote it")
        claims = tuple(map(Evidence.from_json, record["claims"]))
        if not claims or record["verdict"] != worst(claim.verdict for claim in claims):
            raise ValueError(f"its verdict {record['verdict']!r} is not the worst of its claims")
    except Exception as error:  # what is not evidence fails in as many ways as there are
        raise ValueError(f"{name}.json is not sound evidence: {files.why(error)}") from error
    return claims


def read(path: Path) -> tuple[Evidence, ...]:
    """The claims in the file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it cannot be read, or `parse` refuses what it holds.
    """
    try:
        content = files.read(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {files.why(error)}") from error
    return parse(path.stem, content)


def publish(path: Path, claims: Sequence[Evidence]) -> None:
    """The file holds these claims; one that differs in provenance alone stays as it is.

    So a run that confirms committed evidence leaves the work tree clean.
    """
    try:
        same = comparable(read(path)) == comparable(claims)
    except (OSError, ValueError):
        same = False
    if not same:
        files.write_atomically(path, dump(path.stem, claims))


def comparable(claims: Sequence[Evidence]) -> str:
    """The evidence as one string without its provenance: equal seeds and code give equal strings."""
    return compact([claim.to_json(provenance=False) for claim in claims])


def recorded(path: Path) -> tuple[Evidence, ...]:
    """The claims of the committed version of the file; of the file itself outside version control.

    The commit counts and not the work tree, or a changed verdict would be forgotten by a second run.

    Raises
    ------
    ValueError
        As `read`.
    """
    if _git(path.parent, "rev-parse", "--is-inside-work-tree") is None:
        try:
            return read(path)
        except FileNotFoundError:
            return ()
    content = _git(path.parent, "show", f"HEAD:./{path.name}")
    return () if content is None else parse(path.stem, content)


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
