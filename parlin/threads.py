r"""One BLAS thread around loops of small operations, where waking others costs more than it saves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import LibController, ThreadpoolController


@cache
def _blas() -> list[LibController]:
    # Looking the libraries up takes milliseconds, asking for their threads a microsecond.
    return ThreadpoolController().select(user_api="blas").lib_controllers


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """A context in which BLAS runs on one thread; the old number returns at its end."""
    before = [(library, library.num_threads) for library in _blas()]
    several = [(library, number) for library, number in before if number != 1]
    try:
        for library, _ in several:
            library.set_num_threads(1)
        yield
    finally:
        for library, number in several:
            library.set_num_threads(number)
