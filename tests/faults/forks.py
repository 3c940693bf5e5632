"""A process forked beside fitting threads fits too, with the same bits, and none hangs."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable

import numpy as np

from parlin import PARLasso, PARNonconvex, PARRegressor, PARRidge
from tests.faults.outcome import Outcome

NAME = "forks"
TRIES = 200
# Seconds after which a child counts as hanging.
PATIENCE = 20
# Exit codes of a forked process.
_OTHER_BITS, _FAILS = 3, 4


def run(tries: int, seed: int) -> Outcome:
    """Fork so many times beside two threads that fit, and fit in the child."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((60, 300)), rng.standard_normal(60)
    models: list[Callable[[], object]] = [
        lambda: PARRegressor(alpha=0.1),
        lambda: PARRidge(alpha=0.1),
        lambda: PARLasso(alpha=0.1),
        lambda: PARNonconvex(alpha=0.1),
    ]

    def fit(k: int) -> bytes:
        return models[k % len(models)]().fit(X, y).coef_.tobytes()

    expected, through = [fit(k) for k in range(len(models))], threading.Event()

    def loop() -> None:
        k = 0
        while not through.is_set():
            fit(k := k + 1)

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        endings = [_forked(lambda k=k: fit(k) == expected[k % len(models)]) for k in range(tries)]
    finally:
        through.set()
        for thread in threads:
            thread.join()
    failures = tuple(f"try {k}: {_WRONG.get(code, code)}" for k, code in enumerate(endings) if code != 0)
    return Outcome(tries, failures, "beside two threads that fit")


_WRONG = {
    -signal.SIGALRM: f"it hangs for {PATIENCE} s",
    _OTHER_BITS: "the fit has other bits",
    _FAILS: "it fails",
}


def _forked(right: Callable[[], bool]) -> int:
    """The exit code of a forked process: 0 if the answer there is yes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that a fork beside threads is a danger
        child = os.fork()
    if child == 0:
        code = _FAILS
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(PATIENCE)
            code = 0 if right() else _OTHER_BITS
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
