"""What every experiment must do, checked on whatever files there are."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import evidence_file, experiment, figure_style, ledger
from experiments.harness.evidence import Evidence, Verdict
from experiments.harness.experiment import Experiment
from tests.experiments import sabotage
from tests.experiments.docstrings import HEADINGS, sections

EXPERIMENTS = experiment.find()
FIGURES = experiment.HERE.parent / "figures"
COMMITTED = sorted(FIGURES.glob("evidence/*.json"))
# A second run of every experiment costs as much as the first; these are cheap and draw random data.
REPEATED = ("par_lasso_distance", "par_sec42_one_level", "par_restricted_eigenvalue")

each_experiment = pytest.mark.parametrize("subject", EXPERIMENTS, ids=lambda subject: subject.name)
each_committed_file = pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.stem)


class SmokeRun(NamedTuple):
    """What a small run found, as its file says it, and what it printed."""

    claims: tuple[Evidence, ...]
    printed: str


@cache
def smoke(subject: Experiment) -> SmokeRun:
    """The small run, once for all tests."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        claims = subject.run(smoke=True)
    text = json.dumps([claim.to_json() for claim in claims], allow_nan=False)
    return SmokeRun(tuple(Evidence.from_json(record) for record in json.loads(text)), printed.getvalue())


def digest(claims: Sequence[Evidence]) -> str:
    """A hash of what the claims' file would say, provenance left out."""
    return hashlib.sha256(evidence_file.comparable(claims).encode()).hexdigest()


@each_experiment
def test_docstring_has_its_headings(subject):
    found = sections(subject)
    assert tuple(found) == HEADINGS
    assert all(found.values())


@each_experiment
def test_docstring_names_the_claims_and_the_theory_there_is(subject):
    text = sections(subject)
    for claim in smoke(subject).claims:
        assert re.search(rf"\b{re.escape(claim.claim.split('/')[0])}\b", text["Claims"]), claim.claim
    for name in re.findall(r"theory\.(\w+)", text["Prediction"]):
        assert hasattr(importlib.import_module("parlin.theory"), name), name


@each_experiment
def test_configurations_are_frozen_and_differ(subject):
    small, full = subject.config(smoke=True), subject.config(smoke=False)
    assert type(small).__dataclass_params__.frozen
    assert small != full


@each_experiment
def test_smoke_run_holds(subject):
    for claim in smoke(subject).claims:
        assert claim.verdict is Verdict.HOLDS, f"{claim.claim}: {claim.reason}"


@each_experiment
def test_nothing_is_printed(subject):
    assert smoke(subject).printed == ""


@pytest.mark.parametrize("name", REPEATED)
def test_same_seed_same_evidence(name):
    (subject,) = (subject for subject in EXPERIMENTS if subject.name == name)
    assert digest(subject.run(smoke=True)) == digest(smoke(subject).claims)


@each_experiment
def test_figure_comes_from_the_file_labelled_and_captioned(subject):
    drawn: list[Figure] = []

    def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
        subject.load().plot(evidence, figure)
        drawn.append(figure)

    assert figure_style.render(plot, smoke(subject).claims).startswith(b"\x89PNG")
    (figure,) = drawn
    assert figure.axes
    for axes in figure.axes:
        assert _labelled(axes, "x") and _labelled(axes, "y"), axes.get_title()
    assert figure.get_supxlabel(), "the facts of the run are missing below the figure"


def _labelled(axes: Axes, side: str) -> bool:
    """Whether the axes, or those it shares the scale with, say what that side shows."""
    if not axes.axison or hasattr(axes, "_colorbar"):
        return True
    shared = getattr(axes, f"get_shared_{side}_axes")().get_siblings(axes)
    return any(getattr(sibling, f"get_{side}label")() for sibling in shared)


def test_the_example_for_contributors_is_an_experiment(tmp_path):
    guide = (experiment.HERE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", guide, flags=re.MULTILINE | re.DOTALL)
    solver = """

class Solved:
    def __init__(self, config, seed, repeated):
        self.rate, self.certified = 1 - (config.n + (1 if repeated else -1)) / config.d, True

_solve = Solved
"""
    path = tmp_path / "par_thm1_example.py"
    path.write_text(example + solver, encoding="utf-8")
    subject = Experiment(path, tmp_path)
    assert tuple(sections(subject)) == HEADINGS
    claims = subject.run(smoke=True)
    assert [claim.verdict for claim in claims] == [Verdict.HOLDS]
    changed = sabotage.trials(subject)
    assert not sabotage.unmoved(subject, changed) and not sabotage.never_violated(subject, changed)
    assert figure_style.render(subject.load().plot, claims).startswith(b"\x89PNG")


@each_committed_file
def test_committed_evidence_is_sound_and_holds(file):
    assert file.stem in {subject.name for subject in EXPERIMENTS}, "its experiment is gone"
    assert file.stat().st_size < 1_000_000
    assert (FIGURES / f"{file.stem}.png").exists()
    for claim in evidence_file.read(file):
        assert claim.verdict is Verdict.HOLDS, f"{claim.claim}: {claim.reason}"


@pytest.mark.skipif(not COMMITTED, reason="there is no committed evidence")
@pytest.mark.parametrize("proposal", ledger.PROPOSED)
def test_what_the_source_proposes_is_answered(proposal):
    assert f"| {proposal} | " in ledger.build(FIGURES)


@pytest.mark.skipif(not COMMITTED, reason="there is no committed evidence")
def test_committed_ledger_is_that_of_the_committed_evidence():
    assert (FIGURES / "README.md").read_text(encoding="utf-8") == ledger.build(FIGURES)
