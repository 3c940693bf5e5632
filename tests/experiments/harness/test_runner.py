"""Finished experiments survive whatever happens, and the exit code says what a reader must know."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.harness import evidence_file, experiment, runner
from experiments.harness.evidence import Control, Evidence, Standing, Verdict
from experiments.harness.json_values import digest
from experiments.harness.runner import OutputPaths
from tests.experiments.harness.cases import n_runs, plant, snapshot, verify

ROOT = experiment.HERE.parent


def test_a_run_writes_everything_and_the_next_one_reuses_it(tmp_path):
    plant(tmp_path, "par_a_b", claims=(("C1", 0.5), ("C2/part", 1.0)))
    code, shown = verify(tmp_path)
    assert code == 0, shown
    assert "par_a_b runs" in shown and "C2/part" in shown and "2 of 2 claims" in shown
    assert max(map(len, shown.splitlines())) <= 100
    written = snapshot(tmp_path / "figures")
    assert sorted(written) == ["README.md", "evidence/par_a_b.json", "par_a_b.png"]
    (claim, _) = evidence_file.read(tmp_path / "figures" / "evidence" / "par_a_b.json")
    assert claim.config == {"n_points": 3}
    assert claim.provenance["commit"] is None and "numpy" in claim.provenance

    code, shown = verify(tmp_path)
    assert code == 0 and "reused" in shown
    assert n_runs(tmp_path, "par_a_b") == 1
    assert snapshot(tmp_path / "figures") == written


def test_changed_code_runs_again(tmp_path):
    plant(tmp_path, "par_a_b")
    (subject,) = experiment.find(tmp_path / "trials")
    first = subject.fingerprint(smoke=False)
    assert subject.fingerprint(smoke=False) == first
    assert subject.fingerprint(smoke=True) != first
    subject.path.write_text(subject.path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert subject.fingerprint(smoke=False) != first


def test_one_that_fails_does_not_stop_the_others(tmp_path):
    plant(tmp_path, "par_a_dies", body="os._exit(3)")
    plant(tmp_path, "par_a_killed", body="os.kill(os.getpid(), 9)")
    plant(tmp_path, "par_b_raises", body="raise RuntimeError('no such matrix')")
    plant(tmp_path, "par_c_warns", body="warnings.warn('slow', RuntimeWarning)")
    code, shown = verify(tmp_path)
    assert code == 1
    assert "par_a_dies: ERROR" in shown and "exit code 3" in shown
    assert "par_a_killed: ERROR" in shown and "killed by SIGKILL" in shown
    assert "par_b_raises: ERROR" in shown and "RuntimeError: no such matrix" in shown
    assert "par_c_warns: HOLDS" in shown and "RuntimeWarning: slow" in shown
    assert sorted(snapshot(tmp_path / "figures" / "evidence")) == ["par_c_warns.json"]


def test_a_claim_that_does_not_hold_and_a_verdict_that_changes_are_failures(tmp_path):
    plant(tmp_path, "par_a_b", claims=(("C1", 0.5), ("C2", 1.5), ("C3", 0.5)))
    code, shown = verify(tmp_path)
    assert code == 1
    assert "C2 VIOLATED: measured <= bound fails" in shown and "Verdict changed" not in shown

    plant(tmp_path, "par_a_b", claims=(("C1", 0.5), ("C2", 0.5), ("C4", 0.5)))
    code, shown = verify(tmp_path)
    assert code == 1
    assert "par_a_b: C2 is VIOLATED in the committed evidence and HOLDS now" in shown
    assert "par_a_b: C3 is HOLDS in the committed evidence and missing now" in shown
    assert "C4 is" not in shown


def test_the_committed_verdict_counts_not_the_one_on_disk(tmp_path):
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=parlin", "-c", "user.email=parlin@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def verdicts() -> list[Verdict]:
        return [claim.verdict for claim in evidence_file.recorded(path)]

    outside = Control(outside="Nothing holds here.", measured=[2.0], bound=1.0, certified=[True])
    one = Evidence(
        claim="C1", statement="It stays below one.", source="[PAR] Thm 0", standing=Standing.AS_STATED,
        relation="<=", measured=[0.5], bound=1.0, certified=[True], control=outside,
    )  # fmt: skip
    path = tmp_path / "par_a_b.json"
    evidence_file.publish(path, [one])
    assert verdicts() == [Verdict.HOLDS]
    git("init")
    assert verdicts() == []
    git("add", ".")
    git("commit", "-m", "evidence")
    evidence_file.publish(path, [dataclasses.replace(one, measured=[1.5])])
    assert verdicts() == [Verdict.HOLDS]
    assert len(evidence_file.commit(tmp_path)) == 40
    (tmp_path / "parlin").mkdir()
    (tmp_path / "parlin" / "prox.py").touch()
    assert evidence_file.commit(tmp_path).endswith("+changes")


def test_a_small_run_leaves_the_figures_alone(tmp_path):
    plant(tmp_path, "par_a_b")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "README.md").write_text("as committed", encoding="utf-8")
    code, _ = verify(tmp_path, smoke=True)
    assert code == 0
    assert snapshot(tmp_path / "figures") == {"README.md": b"as committed"}
    small = tmp_path / ".cache" / "smoke"
    assert sorted(snapshot(small)) == ["README.md", "evidence/par_a_b.json", "par_a_b.png"]
    (claim,) = evidence_file.read(small / "evidence" / "par_a_b.json")
    assert claim.config == {"n_points": 2}


def test_a_subset_keeps_the_other_rows_of_the_ledger(tmp_path):
    plant(tmp_path, "par_a_b", claims=(("C1", 0.5),))
    plant(tmp_path, "parq_c_d", claims=(("C2", 0.5),))
    assert verify(tmp_path, jobs=2)[0] == 0
    plant(tmp_path, "par_a_b", claims=(("C3", 0.5),))
    assert "C1 is HOLDS in the committed evidence and missing now" in verify(tmp_path, "par_a_b")[1]
    text = (tmp_path / "figures" / "README.md").read_text(encoding="utf-8")
    assert "| C2 |" in text and "| C3 |" in text and "| C1 |" not in text
    assert n_runs(tmp_path, "parq_c_d") == 1


def test_a_claim_whose_experiment_is_gone_is_missing_unless_another_one_makes_it(tmp_path):
    plant(tmp_path, "par_a_b", claims=(("C1", 0.5), ("C2", 0.5)))
    plant(tmp_path, "par_c_d", claims=(("C3", 0.5), ("C4", 0.5)))
    assert verify(tmp_path)[0] == 0
    (tmp_path / "trials" / "theme" / "par_a_b.py").unlink()
    plant(tmp_path, "par_c_d", claims=(("C3", 0.5),))
    plant(tmp_path, "par_e_f", claims=(("C1", 0.5), ("C4", 1.5)))
    code, shown = verify(tmp_path)
    assert code == 1
    assert "par_a_b: C2 is HOLDS in the committed evidence and missing now" in shown
    assert "par_c_d: C4 is HOLDS in the committed evidence and VIOLATED now" in shown
    assert "C1 is HOLDS" not in shown and "C3 is HOLDS" not in shown


def test_a_figure_module_that_changes_draws_again_and_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)  # where its processes look for it too
    plant(tmp_path, "par_a_b")
    experiment_file, drawing = (tmp_path / "trials" / "theme" / f"{n}.py" for n in ("par_a_b", "b_figure"))
    head, _ = experiment_file.read_text(encoding="utf-8").split("def plot(")
    style, drawn = "from experiments.harness import figure_style\n", "import trials.theme.b_figure\n"
    head = head.replace(style, drawn)
    experiment_file.write_text(head + "plot = trials.theme.b_figure.plot\n", encoding="utf-8")
    pictures = []
    for color in ("red", "blue"):
        drawing.write_text(
            f"def plot(evidence, figure):\n    figure.subplots().plot([0, 1], color={color!r})\n",
            encoding="utf-8",
        )
        shutil.rmtree(drawing.parent / "__pycache__", ignore_errors=True)
        code, shown = verify(tmp_path)
        assert code == 0, shown
        pictures.append((tmp_path / "figures" / "par_a_b.png").read_bytes())
    assert pictures[0] != pictures[1]
    assert n_runs(tmp_path, "par_a_b") == 1 and "reused" in shown


def test_no_experiments_is_an_empty_table_not_an_error(tmp_path):
    code, shown = verify(tmp_path)
    assert code == 0 and "0 of 0 claims" in shown
    assert "C29" in (tmp_path / "figures" / "README.md").read_text(encoding="utf-8")


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    plant(tmp_path, "par_a_b")
    with pytest.raises(LookupError, match="no experiment is called par_c_d; there are: par_a_b"):
        verify(tmp_path, "par_c_d")


def test_an_experiment_must_give_claims_with_different_ids(tmp_path):
    plant(tmp_path, "par_a_b", claims=(("C1", 0.5), ("C1", 0.6)))
    (subject,) = experiment.find(tmp_path / "trials")
    outcome = runner.perform(subject, OutputPaths(tmp_path, smoke=True))
    assert outcome.word == "ERROR"
    assert "different ids, got ['C1', 'C1']" in outcome.failure


@pytest.mark.parametrize(
    ("how", "exit_code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, runner.INTERRUPTED)]
)
def test_a_killed_run_loses_nothing_finished_and_leaves_nothing_behind(tmp_path, how, exit_code):
    slow = "\n    ".join(
        (
            "for _ in range(600):",
            "    with HERE.with_suffix('.beats').open('a') as beats: beats.write('x')",
            "    time.sleep(0.05)",
        )
    )
    plant(tmp_path, "par_a_fast")
    plant(tmp_path, "par_b_slow", body=slow)
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from experiments.harness.runner import verify
        sys.exit(verify(jobs=2, folder=Path({str(tmp_path / "trials")!r})))
        """
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.DEVNULL,
        # A shell's background jobs are born deaf to Ctrl-C, and so would be the tests and this child.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    beats = tmp_path / "trials" / "theme" / "par_b_slow.beats"
    evidence = tmp_path / "figures" / "evidence" / "par_a_fast.json"
    try:
        assert _soon(lambda: evidence.exists() and beats.exists())
    finally:
        run.send_signal(how)
        assert run.wait() == exit_code
    assert _soon(lambda: _still(beats)), "a process outlived the run that started it"

    plant(tmp_path, "par_b_slow")
    code, shown = verify(tmp_path)
    assert code == 0, shown
    assert n_runs(tmp_path, "par_a_fast") == 1
    assert n_runs(tmp_path, "par_b_slow") == 2
    assert not list(tmp_path.rglob("*.tmp"))


def _soon(condition) -> bool:
    """Whether it comes true within a minute; only a broken runner needs that long."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _still(file: Path) -> bool:
    """Whether the file has stopped growing."""
    size = file.stat().st_size
    time.sleep(0.5)
    return file.stat().st_size == size


def test_a_result_of_other_code_is_not_reused(tmp_path):
    plant(tmp_path, "par_a_b")
    (subject,) = experiment.find(tmp_path / "trials")
    paths = OutputPaths(tmp_path, smoke=True)
    assert runner.perform(subject, paths).word == "HOLDS"
    kept = paths.kept / "par_a_b.json"
    record = {"fingerprint": "of other code", "claims": []}
    kept.write_text(json.dumps({"sha256": digest(record)} | record), encoding="utf-8")
    outcome = runner.perform(subject, paths)
    assert outcome.word == "HOLDS" and not outcome.reused and not outcome.damage
    assert runner.perform(subject, paths).reused


def test_less_than_one_process_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["experiments", "--jobs", "0"])
    with pytest.raises(SystemExit):
        main()
    assert "--jobs must be at least 1, but is 0" in capsys.readouterr().err


def test_where_nothing_can_be_shown_one_line_says_why(monkeypatch, capsys):
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("sys.argv", ["experiments"])
    monkeypatch.setattr("experiments.__main__.verify", full)
    assert main() == 1
    assert capsys.readouterr().err == (
        "python -m experiments: No space left on device; what is finished is kept\n"
    )
