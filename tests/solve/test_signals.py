"""Signals are handled in the midst of a call of the kernel, and what comes after Ctrl-C is as before."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import parlin
from parlin import LeastSquares, Problem, designs, solvers
from tests.faults.signals import reference_bits

pytestmark = [
    pytest.mark.skipif(not parlin.compiled, reason="there is no compiled kernel"),
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no such clock"),
]
# So many signals are handled in one call, then the next one ends it: more than could be around it.
HANDLED = 5


class Watched:
    """A kernel whose calls are counted, and the signals that are handled during the last one."""

    def __init__(self, kernel):
        self.kernel, self.calls, self.handled = kernel, 0, 0

    def follow(self, *arguments):
        self.calls, self.handled = self.calls + 1, 0
        return self.kernel.follow(*arguments)

    def handler(self, number, frame):
        # The compiled code has no frame: that of its caller counts.
        self.handled += frame.f_code is Watched.follow.__code__
        if self.handled > HANDLED:
            raise KeyboardInterrupt


@pytest.fixture
def long_problem():
    X = np.asfortranarray(np.random.default_rng(3).standard_normal((800, 3000)))
    y = X[:, :20].sum(axis=1) + np.random.default_rng(4).standard_normal(800)
    return Problem(LeastSquares(X, y), designs.ridge(0.05, 40).scaled(1e-4))


def test_one_call_of_the_kernel_handles_many_signals_and_ctrl_c_leaves_nothing_behind(long_problem):
    expected, solver = reference_bits(), solvers.CoordinateDescent()
    state = solver.init(long_problem, long_problem.start())
    watched = state.kernel = Watched(state.kernel)
    before = signal.signal(signal.SIGALRM, watched.handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(KeyboardInterrupt):
            solver.step(long_problem, state)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert watched.calls == 1
    assert reference_bits() == expected
