"""The minimum by enumeration is the least value on a fine grid, and only it is called a prox value."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.measure.prox_by_enumeration import deviation, excess, is_prox, minimum, objective
from parlin import PAR, designs

PENALTIES = {
    "ridge": designs.ridge(0.5, 4),
    "W": designs.binary(),
    "staircase": designs.staircase(0.5, 4),
    "box": PAR([-1.0, 0.0, 1.0], [-np.inf, -0.5, 0.5, np.inf]),
}
ARGUMENTS = np.array([-2.3, -0.6, -0.01, 0.2, 0.77, 1.4])
FINE = np.linspace(-6.0, 6.0, 240_001)


def by_hand(penalty: PAR, x: float) -> float:
    """ψ from its slopes alone, 0 at 0."""
    edges = np.concatenate(([-np.inf], penalty.levels, [np.inf]))
    low, high = min(x, 0.0), max(x, 0.0)
    total = 0.0
    for slope, left, right in zip(penalty.slopes, edges[:-1], edges[1:], strict=True):
        length = min(high, right) - max(low, left)
        total += slope * length if length > 0 else 0.0
    return total if x >= 0 else -total


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("step", [0.1, 1.0])
def test_the_minimum_is_the_least_value_on_a_fine_grid(name, step):
    penalty = PENALTIES[name]
    found = minimum(penalty, ARGUMENTS, step)
    assert found.certified.all()
    value = np.array([by_hand(penalty, x) for x in FINE[::40]])
    for v, x in zip(ARGUMENTS, found.x, strict=True):
        ours = 0.5 * (x - v) ** 2 + step * by_hand(penalty, x)
        least = np.min(0.5 * (FINE[::40] - v) ** 2 + step * value)
        assert ours <= least + 1e-12
        assert objective(penalty, np.array([v]), step, np.array([x]))[0] == pytest.approx(ours, abs=1e-12)


def test_a_point_nearby_and_another_local_minimum_are_no_prox_values():
    penalty, v = PENALTIES["W"], np.array([0.2])
    best = minimum(penalty, v, 0.1).x
    assert is_prox(penalty, v, 0.1, best).all()
    assert not is_prox(penalty, v, 0.1, best + 1e-9).any()
    # The other valley's local minimum meets the inclusion v − x ∈ step ∂ψ(x), and is higher.
    assert not is_prox(penalty, np.array([0.3]), 1.0, np.array([-0.7])).any()


def test_errors_are_relative():
    penalty = PENALTIES["ridge"]
    v, step = np.array([0.9]), 0.5
    best = minimum(penalty, v, step).x
    worse = best + 0.1
    values = [0.5 * (x[0] - v[0]) ** 2 + step * by_hand(penalty, x[0]) for x in (worse, best)]
    assert excess(penalty, v, step, worse, best)[0] == pytest.approx((values[0] - values[1]) / sum(values))
    assert excess(penalty, v, step, best, best)[0] == 0.0
    assert deviation(penalty, v, step, worse, best)[0] == pytest.approx(0.1 / (0.9 + abs(0.9 - best[0])))
