r"""One BLAS thread around loops of small operations, where waking others costs more than it saves."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    # Looking the libraries up takes milliseconds, setting their threads microseconds.
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager:
    """A context in which BLAS runs on one thread; the old number returns at its end."""
    return _controller().limit(limits=1, user_api="blas")
