"""What is damaged, altered or cannot be written is named; it ends no run before its table."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from experiments.harness import evidence_file, files
from experiments.harness.json_values import digest
from tests.experiments.harness.cases import n_runs, plant, snapshot, verify


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def altered(content: bytes) -> bytes:
    """One measured number, the least bit larger than what was measured."""
    assert content.count(b"[0.5,0.5,0.5]") + content.count(b"[0.5, 0.5, 0.5]") == 1
    return content.replace(b"[0.5,0.5,0.5]", b"[0.5,0.5000001,0.5]").replace(
        b"[0.5, 0.5, 0.5]", b"[0.5, 0.5000001, 0.5]"
    )


DAMAGES = {
    "empty": lambda content: b"",
    "truncated": truncated,
    "no JSON": lambda content: b"as it was",
    "binary": lambda content: bytes(range(256)) * 8,
    "a list": lambda content: b"[1, 2, 3]",
    "a number": lambda content: b"3",
    "null": lambda content: b"null",
    "wrong types": lambda content: re.sub(rb'"claims": ?\[', b'"claims": 7, "x": [', content),
    "wrong schema": lambda content: content.replace(b'"measured"', b'"measurd"'),
    "nested": lambda content: b"[" * 100_000,
    "not a number": lambda content: content.replace(b"0.5", b"NaN"),
    "altered": altered,
    "other words": lambda content: content.replace(b"stay below one", b"stay below two"),
}
EVERY = {f"par_a{k}": damage for k, damage in enumerate([*DAMAGES, "a folder", "a full folder", "a pipe"])}


def inflict(damage: str, path: Path) -> None:
    content = path.read_bytes()
    if damage in DAMAGES:
        assert DAMAGES[damage](content) != content
        path.write_bytes(DAMAGES[damage](content))
        return
    path.unlink()
    if damage == "a pipe":
        os.mkfifo(path)
        return
    path.mkdir()
    if damage == "a full folder":
        (path / "something").touch()


def plant_every(root: Path) -> None:
    """One experiment for each damage, and one more."""
    for k, name in enumerate([*EVERY, "par_z"]):
        plant(root, name, claims=((f"C{k}", 0.5),))
    assert verify(root)[0] == 0


def test_a_damaged_kept_result_is_named_and_run_again(tmp_path):
    plant_every(tmp_path)
    written = snapshot(tmp_path / "figures")
    for name, damage in EVERY.items():
        inflict(damage, tmp_path / ".cache" / "verify" / "full" / f"{name}.json")
    code, shown = verify(tmp_path)
    assert code == 0, shown
    for name, damage in EVERY.items():
        assert f"{name} was run again: .cache/verify/full/{name}.json is damaged" in shown, damage
        assert n_runs(tmp_path, name) == 2
    assert n_runs(tmp_path, "par_z") == 1
    assert snapshot(tmp_path / "figures") == written
    code, shown = verify(tmp_path)
    assert code == 0 and shown.count("reused") == len(EVERY) + 1 and "damaged" not in shown


def test_damaged_evidence_of_other_experiments_comes_after_the_table_and_spares_the_ledger(tmp_path):
    plant_every(tmp_path)
    for name, damage in EVERY.items():
        inflict(damage, tmp_path / "figures" / "evidence" / f"{name}.json")
    (tmp_path / "figures" / "README.md").write_text("as it was", encoding="utf-8")
    code, shown = verify(tmp_path, "par_z")
    assert code == 1 and "1 of 1 claims" in shown
    table, *complaints = shown.split("Evidence is damaged, and the ledger left as it is: ")
    assert "HOLDS" in table and len(complaints) == len(EVERY)
    for (name, damage), complaint in zip(sorted(EVERY.items()), complaints, strict=True):
        assert complaint.startswith(f"figures/evidence/{name}.json: "), damage
        assert f"make verify ONLY={name} makes it again" in complaint
    assert (tmp_path / "figures" / "README.md").read_text(encoding="utf-8") == "as it was"


def test_damaged_evidence_of_its_own_is_named_and_made_again(tmp_path):
    plant_every(tmp_path)
    written = snapshot(tmp_path / "figures")
    for name, damage in EVERY.items():
        inflict(damage, tmp_path / "figures" / "evidence" / f"{name}.json")
    code, shown = verify(tmp_path)
    assert code == 1 and f"{len(EVERY) + 1} of {len(EVERY) + 1} claims" in shown
    for name, damage in EVERY.items():
        assert f"Committed evidence is damaged: figures/evidence/{name}.json" in shown, damage
    (full,) = [name for name, damage in EVERY.items() if damage == "a full folder"]
    assert f"Could not be written: figures/evidence/{full}.json" in shown
    (tmp_path / "figures" / "evidence" / f"{full}.json" / "something").unlink()
    assert verify(tmp_path)[0] == 1  # what it said is still unknown
    assert snapshot(tmp_path / "figures") == written
    assert verify(tmp_path)[0] == 0


def test_evidence_that_is_gone_with_its_experiment_is_to_be_deleted(tmp_path):
    plant(tmp_path, "par_a_b")
    assert verify(tmp_path)[0] == 0
    (tmp_path / "figures" / "evidence" / "par_old.json").write_text("{}", encoding="utf-8")
    code, shown = verify(tmp_path, "par_a_b")
    assert code == 1 and "par_old.json" in shown and "its experiment is gone: delete it" in shown


def test_evidence_of_another_experiment_under_this_name_is_none(tmp_path):
    plant(tmp_path, "par_a_b")
    assert verify(tmp_path)[0] == 0
    path = tmp_path / "figures" / "evidence" / "par_a_b.json"
    path.rename(path.with_name("par_c_d.json"))
    with pytest.raises(ValueError, match="no run of this experiment wrote it"):
        evidence_file.read(path.with_name("par_c_d.json"))


def forge(path: Path) -> None:
    """Alter a number so that the hash finds nothing."""
    record = json.loads(path.read_bytes())
    record["claims"][-1]["measured"][1] = 0.505
    record["sha256"] = digest([path.stem, record["claims"]])
    path.write_text(json.dumps(record), encoding="utf-8")


def test_numbers_that_are_not_the_committed_ones_are_told(tmp_path):
    plant(tmp_path, "par_a_b", claims=(("C1", 0.5), ("C2", 0.5)))
    assert verify(tmp_path)[0] == 0
    forge(tmp_path / "figures" / "evidence" / "par_a_b.json")
    code, shown = verify(tmp_path)
    assert code == 0
    assert (
        "Evidence changed: par_a_b: C2 has other values than the committed evidence: measured at 1 of 3"
        in shown
    )
    assert "(point 1: 0.505 was recorded, 0.5 is found)" in shown and "par_a_b: C1 has" not in shown
    assert "Evidence changed" not in verify(tmp_path)[1]


def test_what_is_committed_counts_and_what_lies_in_the_work_tree_is_told_too(tmp_path):
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=parlin", "-c", "user.email=parlin@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    plant(tmp_path, "par_a_b")
    plant(tmp_path, "par_c_d", claims=(("C2", 0.5),))
    assert verify(tmp_path)[0] == 0
    evidence = tmp_path / "figures" / "evidence"
    git("init")
    git("add", "figures")
    git("commit", "-m", "evidence")
    forge(evidence / "par_a_b.json")
    code, shown = verify(tmp_path)
    assert code == 0 and "C1 has other values than the evidence file, as it was before this run" in shown
    inflict("altered", evidence / "par_a_b.json")
    code, shown = verify(tmp_path)
    assert code == 0 and "Evidence was damaged: figures/evidence/par_a_b.json" in shown
    (evidence / "par_c_d.json").unlink()
    code, shown = verify(tmp_path, "par_a_b")
    assert code == 1 and "figures/evidence/par_c_d.json: it is missing; make verify ONLY=par_c_d" in shown
    forge(evidence / "par_a_b.json")
    git("commit", "-a", "-m", "forged")
    for _ in range(2):  # the second run still tells, although the first has written other numbers
        assert "C1 has other values than the committed evidence" in verify(tmp_path, "par_a_b")[1]


def test_leftovers_of_killed_writers_go_and_files_being_written_stay(tmp_path):
    plant(tmp_path, "par_a_b")
    folders = [
        tmp_path / ".cache" / "verify" / "full",
        tmp_path / "figures",
        tmp_path / "figures" / "evidence",
    ]
    left = [folder / f".par_a_b.json.{pid}.tmp" for folder in folders for pid in (1, os.getpid(), 999_999)]
    for file in left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("half", encoding="utf-8")
    held = folders[0] / ".par_c_d.json.1.tmp"
    with held.open("wb") as writing:
        files._hold(writing.fileno())
        assert verify(tmp_path)[0] == 0
        assert [file for file in tmp_path.rglob("*.tmp")] == [held]
    assert verify(tmp_path)[0] == 0
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        files.write_atomically(tmp_path / "par_a_b.json", b"content")
    assert caught.value.filename == str(tmp_path / "par_a_b.json")


@pytest.mark.parametrize("place", [".cache", "figures"])
def test_a_place_where_nothing_can_be_written_costs_one_line_and_no_result(tmp_path, place):
    plant(tmp_path, "par_a_b")
    plant(tmp_path, "par_c_d", claims=(("C2", 0.5),))
    (tmp_path / place).touch()  # a file in place of the folder stops a superuser, too
    code, shown = verify(tmp_path)
    assert code == 1 and "Traceback" not in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("Could not be written")]
    assert f"{place}/" in line and "par_a_b" in line and "par_c_d" in line
    assert "2 of 2 claims of 2 experiments hold" in shown
    if place == ".cache":
        assert "C2" in (tmp_path / "figures" / "README.md").read_text(encoding="utf-8")
    (tmp_path / place).unlink()
    assert verify(tmp_path)[0] == 0
    assert n_runs(tmp_path, "par_a_b") == (2 if place == ".cache" else 1)
