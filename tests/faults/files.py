"""Kept results and evidence files, damaged or altered at random, in a copy of the project."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.harness.json_values import digest
from tests.faults import copies
from tests.faults.copies import FIRST, SECOND
from tests.faults.outcome import Outcome

NAME = "files"
TRIES = 100


def run(tries: int, seed: int) -> Outcome:
    """Damage one file after a run, in each of so many tries, and run one experiment again."""
    draw = random.Random(seed)
    failures, counts = [], dict.fromkeys(PLACES, 0)
    with copies.copy() as root, copies.folder() as sound:
        for arguments in ((FIRST,), (FIRST, SECOND, "--smoke")):
            code, shown = copies.verify(root, *arguments)
            if code != 0:
                return Outcome(0, (f"without any fault: {shown}",))
        for name in FOLDERS:
            shutil.copytree(root / name, sound / name)
        for attempt in range(tries):
            for name in FOLDERS:
                shutil.rmtree(root / name)
                shutil.copytree(sound / name, root / name)
            place, damage = draw.choice(list(PLACES)), draw.choice(list(DAMAGES))
            DAMAGES[damage](root / PLACES[place], draw)
            counts[place] += 1
            problem = _problem(root, sound, place)
            if problem:
                failures.append(f"try {attempt}, {place}, {damage}: {problem}")
    return Outcome(
        tries, tuple(failures), ", ".join(f"{count} of {place}" for place, count in counts.items())
    )


def _problem(root: Path, sound: Path, place: str) -> str:
    """What is wrong with a run of one experiment after the damage."""
    name, small = PLACES[place], "smoke" in PLACES[place]
    code, shown = copies.verify(root, FIRST, *(["--smoke"] if small else []))
    # What is committed and damaged can be compared with nothing, so the verdicts may have changed.
    bad = "another" in place or "committed" in place
    problem = copies.wrong(code, shown, (FIRST,), codes=(1,) if bad else (0,))
    if problem:
        return problem
    if name not in shown:
        return f"the file is not named: {shown}"
    if f"{FIRST}: HOLDS" not in shown:
        return "the verdict is lost"
    ledger = ".cache/smoke/README.md" if small else "figures/README.md"
    if (root / ledger).read_bytes() != (sound / ledger).read_bytes():
        return "the ledger is another one"
    if "another" not in place and not _same(root / name, sound / name):
        return "the file is not whole again"
    return ""


FOLDERS = (".cache", "figures")
PLACES = {
    "kept": f".cache/verify/full/{FIRST}.json",
    "kept and small": f".cache/verify/smoke/{FIRST}.json",
    "committed": f"figures/evidence/{FIRST}.json",
    "committed of another": f"figures/evidence/{SECOND}.json",
    "small": f".cache/smoke/evidence/{FIRST}.json",
    "small of another": f".cache/smoke/evidence/{SECOND}.json",
}


def _same(path: Path, other: Path) -> bool:
    """Whether the claims are the same, although the run that made them may be told from the other one."""
    records = [json.loads(file.read_bytes())["claims"] for file in (path, other)]
    for claims in records:
        for claim in claims:
            del claim["provenance"]
    return records[0] == records[1]


def _write(change: Callable[[bytes, random.Random], bytes]) -> Callable[[Path, random.Random], None]:
    def damage(path: Path, draw: random.Random) -> None:
        content = path.read_bytes()
        changed = change(content, draw)
        assert changed != content
        path.write_bytes(changed)

    return damage


def _flip(content: bytes, draw: random.Random) -> bytes:
    """Another digit in place of one: the file stays JSON, its words or numbers do not."""
    places = [k for k in range(len(content)) if content[k : k + 1].isdigit()]
    place = draw.choice(places)
    digit = draw.choice([d for d in b"123456789" if d != content[place]])
    return content[:place] + bytes([digit]) + content[place + 1 :]


def _drop_a_byte(content: bytes, draw: random.Random) -> bytes:
    """One byte less; not one without which the file says the same, as a space between two numbers."""
    while True:
        place = draw.randrange(1, len(content) - 3)
        changed = content[:place] + content[place + 1 :]
        try:
            if json.loads(changed) != json.loads(content):
                return changed
        except ValueError:
            return changed


def _edit(change: Callable[[dict[str, Any], random.Random], None]) -> Callable[[Path, random.Random], None]:
    def edit(content: bytes, draw: random.Random) -> bytes:
        record = json.loads(content)
        change(record, draw)
        return json.dumps(record).encode()

    return _write(edit)


def _scale(record: dict[str, Any], draw: random.Random) -> None:
    claim = draw.choice(record["claims"])
    values = claim[draw.choice(("measured", "bound"))]
    place = draw.randrange(len(values))
    values[place] = (values[place] or 1.0) * 1.0000001


def _drop_a_claim(record: dict[str, Any], draw: random.Random) -> None:
    del record["claims"][draw.randrange(len(record["claims"]))]


def _drop_a_key(record: dict[str, Any], draw: random.Random) -> None:
    where = draw.choice([record, draw.choice(record["claims"])])
    del where[draw.choice([key for key in where if key != "provenance"])]


def _other_type(record: dict[str, Any], draw: random.Random) -> None:
    where = draw.choice([record, draw.choice(record["claims"])])
    where[draw.choice(list(where))] = draw.choice([None, 7, "seven", [], {}, [[1]], True])


def _certify(record: dict[str, Any], draw: random.Random) -> None:
    claim = draw.choice(record["claims"])
    claim["certified"][0] = 1 - claim["certified"][0]


def _rename(record: dict[str, Any], draw: random.Random) -> None:
    """Claims of another experiment, soundly hashed for that one."""
    record["claims"][0]["claim"] += "x"
    record["sha256"] = digest(["another", record["claims"]])


def _folder(path: Path, draw: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, draw: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _nowhere(path: Path, draw: random.Random) -> None:
    path.unlink()
    path.symlink_to(path)


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "empty": _write(lambda content, draw: b""),
    "truncated": _write(lambda content, draw: content[: draw.randrange(1, len(content) - 2)]),
    "binary": _write(lambda content, draw: draw.randbytes(1000)),
    "zeros": _write(lambda content, draw: bytes(len(content))),
    "no JSON": _write(lambda content, draw: b"<<<<<<< HEAD\n" + content),
    "other JSON": _write(
        lambda content, draw: draw.choice([b"null", b"[]", b"{}", b"3", b'"x"', b"[" * 99_999])
    ),
    "a byte gone": _write(_drop_a_byte),
    "a digit": _write(_flip),
    "a number": _edit(_scale),
    "a claim gone": _edit(_drop_a_claim),
    "a key gone": _edit(_drop_a_key),
    "another type": _edit(_other_type),
    "certified": _edit(_certify),
    "of another experiment": _edit(_rename),
    "a folder": _folder,
    "a pipe": _pipe,
    "a link in a circle": _nowhere,
}
