r"""One BLAS thread around loops of small operations, where waking others costs more than it saves.

BLAS's number of threads usually belongs to the process.  So users are counted: the first one in sets the
number to one, and the last one out restores it, but not where somebody else has set another one since.
Where BLAS runs on OpenMP each thread has a number of its own, and restores it itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from threadpoolctl import LibController, ThreadpoolController

Limited = list[tuple[LibController, int]]  # libraries that were limited, with their numbers before


class _Libraries(NamedTuple):
    of_process: list[LibController]  # one number of threads for the whole process
    of_threads: list[LibController]  # every thread has a number of its own


@cache
def _libraries() -> _Libraries:
    # Looking the libraries up takes milliseconds, asking for their threads a microsecond.
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return _Libraries(
        [library for library in found if not _is_of_threads(library)],
        [library for library in found if _is_of_threads(library)],
    )


def _is_of_threads(library: LibController) -> bool:
    """Whether `library.set_num_threads` sets the number of the calling thread alone."""
    return hasattr(library, "clear_controlling_thread") and library.threading_layer == "openmp"


def _set(library: LibController, number: int) -> bool:
    """Set the number of threads; False if the library refuses, since another thread has control of it."""
    library.set_num_threads(number)
    # threadpoolctl >= 3.8 lets one thread alone set numbers until it gives up control.
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release()
    return library.num_threads == number


def _limit(libraries: list[LibController], pending: Limited) -> Limited:
    """Set all numbers to one, and give those before; `pending` are those that could not be restored."""
    limited = [(library, number) for library, number in pending if library.num_threads == 1]
    numbers = [(library, library.num_threads) for library in libraries]
    return limited + [(library, n) for library, n in numbers if n != 1 and _set(library, 1)]


def _restore(limited: Limited) -> Limited:
    """Restore the numbers, but not where somebody has set another one since; what another thread forbids."""
    return [
        (library, number)
        for library, number in limited
        if library.num_threads == 1 and not _set(library, number)
    ]


class _Own(threading.local):
    """How often the calling thread is inside, and what it limited for itself."""

    count = 0
    limited: Limited = []  # noqa: RUF012 (replaced, never changed)


class _Users:
    """How often all threads together are inside, and what the first one limited."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.limited: Limited = []
        self.own = _Own()

    def enter(self) -> None:
        libraries = _libraries()
        if self.own.count == 0:
            self.own.limited = _limit(libraries.of_threads, self.own.limited)
        self.own.count += 1
        with self.lock:
            if self.count == 0:
                self.limited = _limit(libraries.of_process, self.limited)
            self.count += 1

    def leave(self) -> None:
        with self.lock:
            self.count -= 1
            if self.count == 0:
                self.limited = _restore(self.limited)
        self.own.count -= 1
        if self.own.count == 0:
            self.own.limited = _restore(self.own.limited)

    def forked(self) -> None:
        """In a forked process only the calling thread is left, and the lock may have been held."""
        self.lock = threading.Lock()
        self.count = self.own.count


_users = _Users()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_users.forked)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """A context in which BLAS runs on one thread; the old number returns when nobody is inside any more.

    Any number of threads may be inside at once, and a thread more than once.  Another library that
    limits threads at the same time keeps its number where it differs from one; where it asked for one
    as well, the two cannot be told apart.
    """
    _users.enter()
    try:
        yield
    finally:
        _users.leave()
