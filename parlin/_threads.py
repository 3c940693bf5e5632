r"""One BLAS thread around loops of small operations, where waking others costs more than it saves.

BLAS's number of threads belongs to the process.  So whoever is inside is counted: the first one in sets
the number to one, the last one out restores it, and only where nobody else has changed it since.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import LibController, ThreadpoolController


@cache
def _blas() -> list[LibController]:
    # Looking the libraries up takes milliseconds, asking for their threads a microsecond.
    return ThreadpoolController().select(user_api="blas").lib_controllers


class _Users:
    """How many threads are inside, and the numbers to restore when the last one leaves."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.limited: list[tuple[LibController, int]] = []  # the libraries and their numbers before
        self.own = threading.local()  # how often the calling thread is inside

    def enter(self) -> None:
        libraries = _blas()
        with self.lock:
            if self.count == 0:
                numbers = [(library, library.num_threads) for library in libraries]
                self.limited = [(library, number) for library, number in numbers if number != 1]
                for library, _ in self.limited:
                    library.set_num_threads(1)
            self.count += 1
            self.own.count = getattr(self.own, "count", 0) + 1

    def leave(self) -> None:
        with self.lock:
            self.own.count -= 1
            self.count -= 1
            if self.count == 0:
                for library, number in self.limited:
                    # Another number than ours is somebody else's wish.
                    if library.num_threads == 1:
                        library.set_num_threads(number)
                self.limited = []

    def forked(self) -> None:
        """In a forked process only the calling thread is left, and the lock may have been held."""
        self.lock = threading.Lock()
        self.count = getattr(self.own, "count", 0)


_users = _Users()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_users.forked)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """A context in which BLAS runs on one thread; when nobody is inside, the old number returns.

    Any number of threads may be inside at once, and a thread more than once.  Another library that
    limits threads at the same time keeps its number where it differs from one; where it asked for one
    as well, the two cannot be told apart.
    """
    _users.enter()
    try:
        yield
    finally:
        _users.leave()
