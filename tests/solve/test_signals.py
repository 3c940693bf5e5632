"""Signals are handled in the midst of a round of coordinate descent, and what comes after is as before."""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

import parlin
from parlin import LeastSquares, Problem, designs, solve
from tests.faults.signals import reference_bits

pytestmark = [
    pytest.mark.skipif(not parlin.compiled, reason="there is no compiled kernel"),
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no such clock"),
]


@pytest.fixture
def long_problem():
    X = np.asfortranarray(np.random.default_rng(3).standard_normal((800, 3000)))
    y = X[:, :20].sum(axis=1) + np.random.default_rng(4).standard_normal(800)
    return Problem(LeastSquares(X, y), designs.ridge(0.05, 40).scaled(1e-4))


def test_a_round_handles_signals_and_ctrl_c_leaves_nothing_behind(long_problem):
    expected, handled = reference_bits(), []

    def handler(number, frame):
        handled.append(time.process_time())
        if len(handled) == 12:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            solve(long_problem, tol=1e-12)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    # Seconds of this process between two looks: rounds take longer and longer.
    assert max(np.diff(handled)) < 0.6
    assert reference_bits() == expected
