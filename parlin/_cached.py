"""Attributes that are computed when they are first asked for, without a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):
    """An attribute computed at first need and kept in the instance's ``__dict__``.

    Up to Python 3.11 that of `functools` holds one lock for all instances while it computes: a process
    forked meanwhile inherits it held, and waits for ever.  Here two threads may compute at the same time;
    the value that is kept first is everybody's.
    """

    def __init__(self, func: Callable[[Any], T]) -> None:
        self.func = func
        self.name = func.__name__
        self.__doc__ = func.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Self | T:
        # Without __set__, the instance's own entry comes before this descriptor from the second time on.
        if instance is None:
            return self
        known = instance.__dict__
        if self.name in known:  # kept by another thread since this one looked
            return known[self.name]
        return known.setdefault(self.name, self.func(instance))
