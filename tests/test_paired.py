"""The paired benchmark: its interval, its verdict, and one run of a checkout against itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.instances import WARM_UP
from benchmarks.paired import ROOT, Comparison, Version, compare, median_interval, report


@pytest.mark.parametrize("n", [8, 9, 20, 21, 40])
def test_the_interval_is_the_narrowest_of_order_statistics_that_covers_the_median(n):
    values = np.random.default_rng(n).permutation(n).astype(float)
    middle, low, high = median_interval(values)
    k = int(low)
    assert middle == np.median(values)
    assert high == n - 1 - k

    def coverage(k: int) -> float:
        return 1 - 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n

    assert coverage(k) >= 0.99 > coverage(k + 1)


def test_too_few_values_give_no_interval():
    with pytest.raises(ValueError, match="7 values"):
        median_interval([1.0] * 7)


def test_a_cell_is_slower_when_its_whole_interval_is_above_the_limit():
    cells = [Comparison("a", 1.1, 1.04, 1.2, 1e-3), Comparison("b", 1 / 1.1, 0.8, 1.5, 1e-3)]
    assert [one.is_slower for one in cells] == [True, False]
    lines = report(cells).splitlines()
    assert lines[1].endswith("a  SLOWER") and lines[2].endswith("b")
    assert lines[-1] == "geometric mean 1.0000 over 2 cells, 1 slower"


def test_a_checkout_is_compared_with_itself_in_processes_that_end():
    started = []

    def version() -> Version:
        started.append(Version(ROOT))
        return started[-1]

    found = compare(version, version, WARM_UP, pairs=4, lives=2)
    assert len(found) == sum(len(s.designs) * len(s.penalties) * len(s.fractions) for s in WARM_UP)
    assert all(0 < one.low <= one.ratio <= one.high < math.inf and one.seconds > 0 for one in found)
    assert len(started) == 4
    assert all(one.has_ended for one in started)
