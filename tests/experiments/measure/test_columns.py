"""Columns hold what is measured of each point, in the order of the points."""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

from experiments.harness.evidence import Control, Evidence, Standing, Verdict
from experiments.measure.columns import Column, columns, labels


class Point(NamedTuple):
    size: float
    limit: float
    certified: bool
    labels: dict


POINTS = [Point(1.0, 2.0, True, {"n": 1}), Point(3.0, 2.5, False, {"n": 2, "d": 5})]


def test_each_column_has_one_entry_for_each_point():
    found = columns(POINTS, attrgetter("size"), attrgetter("limit"))
    assert found == {"measured": [1.0, 3.0], "bound": [2.0, 2.5], "certified": [True, False]}
    assert columns(POINTS, attrgetter("size"), 4.0)["bound"] == 4.0
    swapped = columns(POINTS, attrgetter("size"), 4.0, certified=lambda p: not p.certified)
    assert swapped["certified"] == [False, True]


def test_the_columns_are_those_of_evidence():
    inside, outside = POINTS[:1], [POINTS[1]._replace(certified=True)]
    claim = Evidence(
        claim="C1", statement="Sizes stay below limits.", source="[PAR] Thm 0", standing=Standing.AS_STATED,
        relation="<=", **columns(inside, attrgetter("size"), attrgetter("limit")),
        control=Control(outside="None.", **columns(outside, attrgetter("size"), attrgetter("limit"))),
    )  # fmt: skip
    assert claim.verdict is Verdict.HOLDS


def test_labels_become_columns_and_what_a_point_lacks_is_none():
    assert labels(POINTS) == {"n": [1, 2], "d": [None, 5]}
    assert labels(POINTS, size=attrgetter("size"))["size"] == [1.0, 3.0]
    assert labels([]) == {}


def test_a_column_is_gathered_point_by_point():
    column = Column.empty()
    column.add(1, 2, 1)
    column.add(3.0, 2.5, False)
    assert column._asdict() == {"measured": [1.0, 3.0], "bound": [2.0, 2.5], "certified": [True, False]}
    assert Column.empty().measured == []
