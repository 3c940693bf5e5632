"""A process forked beside fitting threads fits too, with the same bits, and none hangs."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable

import numpy as np

from parlin import PARLasso, PARNonconvex, PARRegressor, PARRidge

TRIES = 200
# Seconds after which a child counts as hanging.
PATIENCE = 20


def run(tries: int, seed: int) -> list[str]:
    """What went wrong in so many forks beside two threads that fit."""
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
    hanging = sum(ending == -signal.SIGALRM for ending in endings)
    others = sum(ending not in (0, -signal.SIGALRM) for ending in endings)
    found = [f"{hanging} of {tries} forked processes hang"] if hanging else []
    return found + ([f"{others} of {tries} forked processes fail or have other bits"] if others else [])


def _forked(right: Callable[[], bool]) -> int:
    """The exit code of a forked process: 0 if the answer there is yes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that a fork beside threads is a danger
        child = os.fork()
    if child == 0:
        code = 4
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(PATIENCE)
            code = 0 if right() else 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
