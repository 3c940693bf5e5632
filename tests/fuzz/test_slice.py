"""A fixed slice of the fuzzer finds nothing: the same problems of every kind in every run.

Where no duality gap exists a run's word is about the gradient and moves of the free coordinates, and about
nothing else (theory 11.5): points that other moves improve are counted and listed, but are no failures.
"""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import IMPORTS, KINDS, report, run, table
from tests.fuzz.judge import ABOVE_BEST_WITHOUT_GAP

# About half a minute of one core together.
PROBLEMS = {
    **{"ordinary": 250, "large": 250, "absurd": 250, "sparse-mean": 120, "near-dependent": 150},
    **{"rank": 250, "invariance": 300, "estimators": 150, "files": 1000},
}
# For each fault that is found, so that a failure is read at once.
SHRINK_SECONDS = 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_no_problem_of_the_slice_has_a_fault(kind):
    tally = run([kind], 0, PROBLEMS[kind], None, 1)
    assert tally.problems[kind] == PROBLEMS[kind]
    shown = [report(place, SHRINK_SECONDS) for place in list(tally.first.values())[:3]]
    if any(fault[0] != ABOVE_BEST_WITHOUT_GAP for fault in tally.faults):
        pytest.fail("\n\n".join((table(tally), IMPORTS, *shown)), pytrace=False)
