"""The verdict follows from the certified numbers and the control, and survives the file."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from experiments.harness import evidence_file, files, ledger
from experiments.harness.evidence import Control, Evidence, Standing, Verdict, worst
from experiments.harness.json_values import plain


def claim(**changes: Any) -> Evidence:
    """Evidence that holds: 1 and 3 against 4, with a control at 5."""
    fields = {
        "claim": "C1",
        "statement": "At most n coordinates are off the levels.",
        "source": "[PAR] Thm 1",
        "standing": Standing.MADE_PRECISE,
        "relation": "<=",
        "measured": [1.0, 3.0],
        "bound": 4.0,
        "certified": [True, True],
        "control": control([5.0]),
    }
    return Evidence(**fields | changes)


def control(measured: list[float], bound: float = 4.0, certified: bool = True) -> Control:
    return Control(
        outside="Columns are repeated.", measured=measured, bound=bound, certified=[certified] * len(measured)
    )


def through_json(evidence: Evidence) -> Evidence:
    return Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False)))


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({}, Verdict.HOLDS, "2 of 2"),
        ({"measured": [1.0, 4.5]}, Verdict.VIOLATED, "point 1: 4.5 against 4"),
        ({"relation": ">=", "control": control([3.0])}, Verdict.VIOLATED, "fails at 2 of 2"),
        ({"relation": ">=", "measured": [4.0, 9.0], "control": control([3.0])}, Verdict.HOLDS, ""),
        ({"relation": "==", "measured": [4.0, 4.0]}, Verdict.HOLDS, ""),
        ({"relation": "==", "measured": [4.0, 3.0]}, Verdict.VIOLATED, "point 1"),
        # only certified points are evidence, for or against
        ({"measured": [1.0, 9.0], "certified": [True, False]}, Verdict.HOLDS, "1 of 2"),
        ({"certified": [False, False]}, Verdict.UNDECIDED, "only 0 of 2"),
        ({"measured": [1.0] * 3, "certified": [True, False, False]}, Verdict.UNDECIDED, "only 1 of 3"),
        ({"measured": [9.0, 1.0, 1.0], "certified": [True, False, False]}, Verdict.VIOLATED, ""),
        ({"measured": [], "certified": []}, Verdict.UNDECIDED, "only 0 of 0"),
        # numbers that are not finite decide nothing where they are certified, and hide no violation
        ({"measured": [1.0, np.nan]}, Verdict.UNDECIDED, "1 certified points are not finite"),
        ({"measured": [1.0, np.inf]}, Verdict.UNDECIDED, "not finite"),
        ({"measured": [9.0, np.nan]}, Verdict.VIOLATED, "point 0"),
        ({"measured": [1.0, np.nan], "certified": [True, False]}, Verdict.HOLDS, ""),
        # a control that cannot fail shows nothing
        ({"control": control([2.0])}, Verdict.UNDECIDED, "the control does not break"),
        ({"control": control([5.0], certified=False)}, Verdict.UNDECIDED, "0 certified points"),
        ({"control": control([])}, Verdict.UNDECIDED, "the control"),
        ({"control": control([np.nan])}, Verdict.UNDECIDED, "the control"),
        # one tolerance for the claim and its control, relative to the bound of the point
        ({"measured": [1.0, 4.4], "tolerance": 0.125}, Verdict.HOLDS, ""),
        ({"measured": [1.0, 4.6], "tolerance": 0.125}, Verdict.VIOLATED, ""),
        ({"tolerance": 0.5, "control": control([5.0])}, Verdict.UNDECIDED, "the control"),
        ({"measured": [-4.4, -5.0], "bound": -4.0}, Verdict.HOLDS, ""),
        ({"measured": [1e-9, 0.0], "bound": 0.0, "tolerance": 1e-8}, Verdict.HOLDS, ""),
        ({"measured": [1e-7, 0.0], "bound": 0.0, "tolerance": 1e-8}, Verdict.VIOLATED, ""),
        # a large bound lends no slack to a small one
        ({"measured": [1e6, 2e-3], "bound": [1e6, 1e-3], "tolerance": 1e-6}, Verdict.VIOLATED, "point 1"),
    ],
)
def test_verdict(changes, verdict, reason):
    evidence = claim(**changes)
    assert evidence.verdict is verdict, evidence.reason
    assert reason in evidence.reason
    assert through_json(evidence).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "margin", "tightness"),
    [
        ({}, 0.25, 0.75),
        ({"measured": [1.0, 5.0]}, -0.25, 1.25),
        ({"relation": ">=", "measured": [8.0, 5.0]}, 0.25, 0.8),
        ({"relation": "==", "measured": [4.0, 5.0]}, -0.25, None),
        ({"measured": [0.0, 0.0], "bound": 0.0}, 0.0, 1.0),
        ({"measured": [-1.0, -2.0]}, 1.25, 0.0),
        ({"measured": [-5.0, -6.0], "bound": -4.0}, 0.25, None),
        ({"measured": [1.0, 99.0], "certified": [True, False]}, 0.75, 0.25),
        ({"certified": [False, False]}, None, None),
    ],
)
def test_margin_and_tightness(changes, margin, tightness):
    evidence = claim(**changes)
    assert evidence.margin == margin
    assert evidence.tightness == tightness


def test_loose_is_a_factor_of_more_than_thirty():
    assert claim(measured=[1.0, 3.0], bound=91.0).loose
    assert not claim(measured=[1.0, 3.0], bound=89.0).loose
    assert not claim(relation="==").loose


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claim": "C1 flagship"}, "without spaces"),
        ({"claim": ""}, "claim must be a text"),
        ({"statement": " "}, "statement must be a text"),
        ({"relation": "<"}, "relation must be one of"),
        ({"tolerance": -1e-9}, "tolerance must be finite and at least 0"),
        ({"tolerance": np.inf}, "tolerance must be finite"),
        ({"standing": Standing.NOT_VERIFIABLE}, "row of the ledger"),
        ({"standing": "true"}, "not a valid Standing"),
        ({"certified": [1, 1]}, "certified must be booleans"),
        ({"certified": [True]}, "of one length"),
        ({"measured": 1.0, "certified": True}, "one-dimensional"),
    ],
)
def test_what_is_not_evidence_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        claim(**changes)


def test_a_control_says_what_it_drops():
    with pytest.raises(ValueError, match="outside must be a text"):
        dataclasses.replace(control([5.0]), outside="")


def test_evidence_cannot_be_changed_and_does_not_share_its_arrays():
    measured = np.array([1.0, 3.0])
    evidence = claim(measured=measured)
    measured[0] = 9.0
    assert evidence.measured[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        evidence.measured[0] = 9.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        evidence.tolerance = 1.0


def test_json_keeps_every_bit_and_needs_no_numpy():
    evidence = claim(
        measured=[0.1 + 0.2, 1 / 3],
        table={"alpha": np.array([0.1, np.nan]), "k": np.arange(2), "name": ("a", "b"), "q": np.float64(0.3)},
        config={"seeds": range(2)},
        provenance={"commit": None},
    )
    copy = through_json(evidence)
    assert copy.measured.tobytes() == evidence.measured.tobytes()
    assert copy.table == {"alpha": [0.1, None], "k": [0, 1], "name": ["a", "b"], "q": 0.3}
    assert copy.config == {"seeds": [0, 1]}
    assert copy.to_json() == evidence.to_json()
    assert "provenance" not in evidence.to_json(provenance=False)


def test_what_json_cannot_say_is_refused():
    with pytest.raises(TypeError, match="got set"):
        plain({"levels": {1, 2}})


def test_a_record_that_contradicts_its_numbers_is_refused():
    record = claim(measured=[1.0, 9.0]).to_json() | {"verdict": "HOLDS"}
    with pytest.raises(ValueError, match="C1 is recorded as HOLDS, but its numbers say VIOLATED"):
        Evidence.from_json(record)


def test_worst_is_the_gravest():
    assert worst([Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNDECIDED]) is Verdict.VIOLATED
    assert worst([Verdict.UNDECIDED, Verdict.HOLDS]) is Verdict.UNDECIDED
    assert worst([]) is None


def test_the_file_is_compact_whole_and_names_the_worst(tmp_path):
    path = tmp_path / "evidence" / "par_a_b.json"
    claims = (claim(), claim(claim="C2", measured=[1.0, 9.0]))
    evidence_file.publish(path, claims)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["verdict"] == "VIOLATED"
    assert len(text.splitlines()) == len(claims) + 2
    assert evidence_file.comparable(evidence_file.read(path)) == evidence_file.comparable(claims)
    assert [file.name for file in path.parent.iterdir()] == ["par_a_b.json"]


def test_provenance_alone_does_not_change_the_file(tmp_path):
    path = tmp_path / "par_a_b.json"
    evidence_file.publish(path, [claim(provenance={"commit": "first"})])
    evidence_file.publish(path, [claim(provenance={"commit": "second"})])
    assert evidence_file.read(path)[0].provenance == {"commit": "first"}
    evidence_file.publish(path, [claim(measured=[1.0, 2.0], provenance={"commit": "third"})])
    assert evidence_file.read(path)[0].provenance == {"commit": "third"}


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "par_a_b.json"
    files.write_atomically(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "par_a_b.json"
    path.write_text('{"claims": [{}]}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"par_a_b\.json is not sound evidence"):
        evidence_file.read(path)


def test_the_ledger_says_which_claims_answer_a_proposal(tmp_path):
    claims = [
        claim(claim="C10", source="[PAR] Thm 1; next check 2"),
        claim(claim="C2", source="[PAR] next check 2"),
        claim(claim="C3", source="[PAR] next check 21"),
    ]
    evidence_file.publish(tmp_path / "evidence" / "par_a_b.json", claims)
    text = ledger.build(tmp_path)
    assert "| next check 2 | The error against the spacing of the grid. | C2, C10 |" in text
    assert "next check 3" not in text


def test_the_ledger_has_a_row_for_each_claim_in_order(tmp_path):
    claims = [
        claim(claim="C10", statement="|w| stays small.", remark="It says always."),
        claim(claim="C2", bound=400.0, control=control([500.0], 400.0)),
    ]
    evidence_file.publish(tmp_path / "evidence" / "par_a_b.json", claims)
    ledger.write(tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    ids = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.startswith("| C")]
    assert ids == ["C2", "C10", "C18", "C29"]
    assert r"\|w\| stays small." in text
    assert "(loose)" in text
    assert "Control: Columns are repeated. Source: It says always." in text
    assert text.count("not verifiable here") == 3  # the legend and two rows
