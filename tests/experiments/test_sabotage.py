"""Every claim is violated as soon as what its docstring names goes wrong; and how that is found out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from experiments.harness import experiment
from experiments.harness.evidence import Verdict
from experiments.harness.experiment import Experiment
from tests.experiments import sabotage

SUBJECTS = experiment.find()
each_experiment = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
VIOLATED, UNDECIDED = Verdict.VIOLATED, Verdict.UNDECIDED


@cache
def trials(subject: Experiment) -> dict[str, dict[str, Verdict]]:
    """The perturbed runs, once for both tests."""
    return sabotage.trials(subject)


@each_experiment
def test_the_perturbations_change_the_verdicts_as_stated(subject):
    wrong = sabotage.unmoved(subject, trials(subject))
    assert not wrong, "\n".join(wrong)


@each_experiment
def test_every_claim_is_violated_by_some_perturbation(subject):
    assert not sabotage.never_violated(subject, trials(subject))


# -- the statements -----------------------------------------------------------------------------------


def test_statements_are_found_across_lines_and_among_words():
    section = """
    One point with ``|w| > 1``, as `parlin.certify` says: `0.9 * theory.ridge_distance` violates C7,
    C7/sharper and C7/box; a wrong one, `solve().w
    + 0.01` leaves C7 undecided.
    """
    first, second = sabotage.perturbations(section)
    assert first.expression == "0.9 * theory.ridge_distance"
    assert first.expected == {"C7": VIOLATED, "C7/sharper": VIOLATED, "C7/box": VIOLATED}
    assert second.expression == "solve().w + 0.01"
    assert second.expected == {"C7": UNDECIDED}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("One point beyond its bound.", "names no perturbation"),
        ("`0.9 * f` violates C1. See `2 * f`.", "no statement"),
        ("`0.9 * f` breaks C1.", "no statement"),
        ("`0.9 * f` violates the claim.", "no statement"),
        ("`0.9 * f` violates C1 undecided", "leaves C1 undecided"),
        ("`0.9 * f` leaves C1", "leaves C1 undecided"),
        ("`0.9 *` violates C1", "no expression"),
        ("`0.9` violates C1", "must name one function, but names 0"),
        ("`f * g` violates C1", "must name one function, but names 2"),
        ("`f` violates C1", "changes nothing"),
        ("`f()` violates C1", "give changed arguments"),
        ("`f(2)` violates C1", "give changed arguments"),
        ("`f(a=2 * b)` violates C1", "in terms of itself"),
        ("`f().w` violates C1", "changes nothing"),
        ("`f[0] + 1` violates C1", "neither a number nor a function"),
        ("`f % 2` violates C1", "neither a number nor a function"),
        ("`f(a=1)(b=2) + 1` violates C1", "no name of a function"),
        ("`0.9 * f` violates C1, C2, and C3.", "name the claims"),
        ("`0.9 * f` violates C1 or C2.", "name the claims"),
        ("`0.9 * f` violates C1 as does C2.", "name the claims"),
        ("``0.9 * f violates C1``.", "name the claims"),
    ],
)
def test_what_is_no_statement_is_refused(section, message):
    with pytest.raises(ValueError, match=message):
        sabotage.perturbations(section)


# -- the runs, on an experiment made up for it --------------------------------------------------------

TOY = '''r"""A toy.

Falsified by
------------
{falsified_by}
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from experiments.harness.evidence import Control, Evidence
from parlin import theory
from parlin.theory import quantization_floor

FLOORS = {{"held in a dictionary": quantization_floor}}


class Config:
    @classmethod
    def smoke(cls):
        return cls()


def unused():
    return 1.0


class Pair(NamedTuple):
    first: float
    second: float


def pair(first, second=2.0):
    return Pair(first, second)


@dataclass(frozen=True)
class Base:
    number: float

    def method(self):
        return self.number

    @property
    def of_class(self):
        return self.number

    @cached_property
    def cached(self):
        return self.number

    @classmethod
    def made(cls, number):
        return cls(number).number

    @staticmethod
    def static(number):
        return number


class Derived(Base):
    pass


def run(config):
    derived = Derived(1.0)
    numbers = {{
        "C1": 2 * theory.quantization_floor(10, 20),
        "C1/imported": 2 * quantization_floor(10, 20),
        "C1/held": 2 * FLOORS["held in a dictionary"](10, 20),
        "C2": pair(1.0).first,
        "C2/second": pair(0.0, 1.0).second,
        "C3/method": derived.method(),
        "C3/property": derived.of_class,
        "C3/cached": derived.cached,
        "C3/class": Derived.made(1.0),
        "C3/static": Derived.static(1.0),
        "C4": 1.0,
    }}
    control = Control(outside="All.", measured=[2.0], bound=1.0, certified=[True])
    words = {{"statement": "It is 1.", "source": "toy", "standing": "as stated", "relation": "=="}}
    return tuple(
        Evidence(claim=name, measured=[number], bound=1.0, certified=[True], control=control, **words)
        for name, number in numbers.items()
    )
'''


def toy(tmp_path: Path, falsified_by: str = "") -> Experiment:
    path = tmp_path / "theme" / "par_toy.py"
    path.parent.mkdir()
    path.write_text(TOY.format(falsified_by=falsified_by), encoding="utf-8")
    return Experiment(path, tmp_path)


@pytest.mark.parametrize(
    ("expression", "violated"),
    [
        ("0.9 * theory.quantization_floor", {"C1", "C1/imported", "C1/held"}),
        ("quantization_floor + 1e-3", {"C1", "C1/imported", "C1/held"}),
        ("theory.quantization_floor(rank=rank - 1)", {"C1", "C1/imported", "C1/held"}),
        ("theory.quantization_floor(rank=11)", {"C1", "C1/imported", "C1/held"}),
        ("(1 - quantization_floor) / 2", {"C1", "C1/imported", "C1/held"}),
        ("pair().first + 1", {"C2"}),
        ("pair(second=second + 1).second - 1 + 1", {"C2/second"}),
        ("-Derived.method", {"C3/method"}),
        ("2 * Base.of_class", {"C3/property"}),
        ("2 * Derived.of_class", {"C3/property"}),
        ("2 * Base.cached", {"C3/cached"}),
        ("2 * Derived.made", {"C3/class"}),
        ("Derived.made(number=2 * number)", {"C3/class"}),
        ("2 * Base.static", {"C3/static"}),
        ("Base.static(number=0)", {"C3/static"}),
        ("1 * theory.quantization_floor", set()),
    ],
)
def test_the_change_reaches_whoever_holds_the_function(tmp_path, expression, violated):
    subject = toy(tmp_path)
    found = sabotage.verdicts(subject, expression)
    assert {claim for claim, verdict in found.items() if verdict is VIOLATED} == violated
    assert all(claim.verdict is Verdict.HOLDS for claim in subject.load().run(None)), "it is undone"


def test_a_function_that_is_never_called_is_an_error(tmp_path):
    with pytest.raises(AssertionError, match="par_toy never calls unused"):
        sabotage.verdicts(toy(tmp_path), "2 * unused")


@pytest.mark.parametrize("name", ["theory.ridge_length", "nowhere", "Base.nothing", "no_module.f"])
def test_a_function_that_does_not_exist_is_an_error(tmp_path, name):
    with pytest.raises(LookupError, match=f"there is no {name.split('.')[0]}"):
        sabotage.verdicts(toy(tmp_path), f"2 * {name}")


@pytest.mark.parametrize("name", ["theory", "Base", "FLOORS"])
def test_what_is_no_function_is_an_error(tmp_path, name):
    with pytest.raises(LookupError, match="no function"):
        sabotage.verdicts(toy(tmp_path), f"2 * {name}")


def test_an_argument_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(LookupError, match="quantization_floor has no argument rows"):
        sabotage.verdicts(toy(tmp_path), "theory.quantization_floor(rows=2 * rows)")


def test_a_claim_that_cannot_fail_is_named(tmp_path):
    subject = toy(
        tmp_path, "`0.9 * theory.quantization_floor` violates C1 and C4. `2 * pair().first` violates C2."
    )
    found = sabotage.trials(subject)
    assert sabotage.unmoved(subject, found) == [
        "`0.9 * theory.quantization_floor`: C4 is HOLDS, not VIOLATED"
    ]
    assert sabotage.never_violated(subject, found) == {
        *("C1/imported", "C1/held", "C2/second"),
        *("C3/method", "C3/property", "C3/cached", "C3/class", "C3/static"),
    }


def test_a_claim_that_the_experiment_does_not_make_is_named(tmp_path):
    subject = toy(tmp_path, "`0.9 * theory.quantization_floor` violates C9.")
    (complaint,) = sabotage.unmoved(subject, sabotage.trials(subject))
    assert complaint.endswith("C9 is no claim, not VIOLATED")
