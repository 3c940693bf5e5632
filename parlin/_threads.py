r"""One BLAS thread around loops of small operations, where waking others costs more than it saves.

BLAS's number of threads usually belongs to the process.  So users are counted: the first one in sets the
number to one, and the last one out restores it, but not where somebody else has set another one since.
Where BLAS runs on OpenMP each thread has a number of its own, and restores it itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, wraps
from typing import NamedTuple, ParamSpec, TypeVar

from threadpoolctl import LibController, ThreadpoolController

# BLAS takes one thread by itself for products with designs of no more entries.
FEW_ENTRIES = 1 << 13
# A design of more entries is left to as many threads as BLAS has.
MANY_ENTRIES = 1 << 24

P = ParamSpec("P")
R = TypeVar("R")
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


def _to_limit(libraries: list[LibController], pending: Limited) -> Limited:
    """The numbers to be restored later; `pending` are those that could not be restored before."""
    kept = [(library, number) for library, number in pending if library.num_threads == 1]
    numbers = [(library, library.num_threads) for library in libraries]
    return kept + [(library, number) for library, number in numbers if number != 1]


def _limit(limited: Limited) -> Limited:
    """Set all numbers to one; without those that another thread forbids to set."""
    return [(library, n) for library, n in limited if library.num_threads == 1 or _set(library, 1)]


def _restore(limited: Limited) -> Limited:
    """Restore the numbers, but not where somebody has set another one since; what another thread forbids."""
    return [
        (library, number)
        for library, number in limited
        if library.num_threads == 1 and not _set(library, number)
    ]


class _Own(threading.local):
    """What the calling thread limited for itself."""

    limited: Limited = []  # noqa: RUF012 (replaced, never changed)


class _Users:
    """How often each thread is inside, and what the first one limited.

    What is limited is written down before it is, so that neither an interrupted call nor a fork loses it.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside: dict[int, int] = {}
        self.limited: Limited = []
        self.own = _Own()

    @property
    def own_count(self) -> int:
        """How often the calling thread is inside."""
        return self.inside.get(threading.get_ident(), 0)

    def enter(self) -> None:
        libraries, own, count = _libraries(), self.own, self.own_count
        if count == 0:
            own.limited = _to_limit(libraries.of_threads, own.limited)
            own.limited = _limit(own.limited)
        with self.lock:
            if not self.inside:
                self.limited = _to_limit(libraries.of_process, self.limited)
                self.limited = _limit(self.limited)
            self.inside[threading.get_ident()] = count + 1

    def leave(self) -> None:
        count = self.own_count - 1
        with self.lock:
            if count:
                self.inside[threading.get_ident()] = count
            else:
                self.inside.pop(threading.get_ident())
            if not self.inside:
                self.limited = _restore(self.limited)
        if not count:
            self.own.limited = _restore(self.own.limited)

    def forked(self) -> None:
        """In a forked process only the calling thread is left, and the lock may have been held."""
        self.lock = threading.Lock()
        count = self.own_count
        self.inside = {threading.get_ident(): count} if count else {}
        if not count:
            self.limited = _restore(self.limited)


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
    before = _users.own_count
    try:
        _users.enter()
        yield
    finally:
        if _users.own_count > before:  # not where a signal came first
            _users.leave()


def steady_blas(entries: int) -> AbstractContextManager[None]:
    """`one_blas_thread` for a design of so many stored entries, unless they are many.

    A sum that BLAS splits among its threads has other last bits than that of one thread, and another fit
    may limit the threads of the process at any time.  Inside, results depend on neither.  Products with
    very large designs keep the threads, which they gain from; with very small ones BLAS takes one by itself.
    """
    free = not FEW_ENTRIES < entries <= MANY_ENTRIES or _users.own_count > 0  # inside already
    return nullcontext() if free else one_blas_thread()


def steady(entries: Callable[..., int]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function that runs in `steady_blas`, for as many entries as `entries` finds in its arguments."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def steadied(*args: P.args, **kwargs: P.kwargs) -> R:
            some = entries(*args, **kwargs)
            if some <= FEW_ENTRIES:
                return function(*args, **kwargs)
            with steady_blas(some):
                return function(*args, **kwargs)

        return steadied

    return decorate
