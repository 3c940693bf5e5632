"""The README is true: its code runs, and every number in it is one that an experiment measured.

A number is a link to the file of evidence whose title says where in it: ``[0.52](file "C7: tightness")``,
compared at the precision in which it is printed.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.harness import evidence_file
from experiments.harness.evidence import Evidence

ROOT = Path(__file__).parent.parent
WRITTEN = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
LINK = re.compile(
    r'\[(?P<number>[\d.]+)(?P<percent> %)?\]\((?P<file>[\w/]+\.json) "(?P<claim>\S+): (?P<what>[^"]+)"\)'
)
# Numbers that nothing measures: of versions, sources, licences, statements, and of the points of a list.
NAMES = re.compile(r"Python 3\.\d+|arXiv \d{4}\.\d{5}|BSD-3-Clause|theory \d+(\.\d+)?|^\d\. ", re.MULTILINE)
CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`]*`", re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    """The text without code and without names that hold digits."""
    return NAMES.sub("", CODE.sub("", path.read_text(encoding="utf-8")))


def looked_up(claim: Evidence, what: str) -> float:
    """The quantity: of the verdict, of the points, or ``table.<column>[<row>]``."""
    column = re.fullmatch(r"table\.([^[]+)\[(-?\d+)\]", what)
    if column:
        return float(claim.table[column[1]][int(column[2])])
    usable = claim.usable
    quantities = {
        "margin": lambda: claim.margin,
        "tightness": lambda: claim.tightness,
        "points": lambda: usable.sum(),
        "smallest": lambda: claim.measured[usable].min(),
        "largest": lambda: claim.measured[usable].max(),
        "smallest bound": lambda: claim.bound[usable].min(),
        "largest bound": lambda: claim.bound[usable].max(),
        "largest ratio": lambda: (claim.measured / claim.bound)[usable].max(),
        "smallest ratio": lambda: (claim.measured / claim.bound)[usable].min(),
        "largest of the control": lambda: claim.control.measured[claim.control.usable].max(),
        "smallest of the control": lambda: claim.control.measured[claim.control.usable].min(),
        "largest ratio of the control": lambda: np.max(
            (claim.control.measured / claim.control.bound)[claim.control.usable]
        ),
    }
    return float(quantities[what]())


def printed(value: float, like: str) -> str:
    """The value with as many decimals as the text has."""
    decimals = len(like.partition(".")[2])
    return f"{value:.{decimals}f}"


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_linked_number_is_in_the_evidence(path):
    links = list(LINK.finditer(path.read_text(encoding="utf-8")))
    assert links or path.name != "README.md"
    for link in links:
        claims = {claim.claim: claim for claim in evidence_file.read(ROOT / link["file"])}
        value = looked_up(claims[link["claim"]], link["what"]) * (100 if link["percent"] else 1)
        assert printed(value, link["number"]) == link["number"], f"{link[0]} is {value:.6g}"


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_no_number_is_without_its_evidence(path):
    left = LINK.sub("", prose(path))
    left = re.sub(r"\]\([^)]*\)", "]", left)  # addresses
    found = [line.strip() for line in left.splitlines() if re.search(r"\d", line)]
    assert not found, "numbers without evidence:\n" + "\n".join(found)


def test_the_code_of_the_readme_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for block in blocks:
            exec(compile(block, "README.md", "exec"), names)
    assert np.array_equal(names["unpack"](names["packed"]), names["model"].coef_.astype(np.float32))


def test_every_statement_that_is_cited_is_written_down():
    written = set(
        re.findall(r"^\*\*theory ([\w.]+)\*\*", (ROOT / "docs/theory.md").read_text(), re.MULTILINE)
    )
    sources = [path for folder in ("parlin", "experiments") for path in (ROOT / folder).rglob("*.py")]
    cited = {key for path in sources for key in re.findall(r"theory (\d+(?:\.\d+)?[ab]?)", path.read_text())}
    # A whole section, such as theory 4, is written down in its parts.
    missing = {key for key in cited if not any(name == key or name[: len(key)] == key for name in written)}
    assert cited and not missing
