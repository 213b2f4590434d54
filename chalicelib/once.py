"""What is made when it is first asked for, and then kept: rooms, and the modules that they come from."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any, Final, TypeVar, overload

T = TypeVar("T")

_MAKING: Final = threading.RLock()


class once(cached_property[T]):  # noqa: N801  # it reads as `property` does
    """`functools.cached_property` under a lock, which Python's own has no more since 3.12: threads that ask at the same
    time get the same object. One lock for all, because what is made asks for other things that are made once."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> once[T]: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> once[T] | T:
        if instance is None:
            return self
        with _MAKING:
            return super().__get__(instance, owner)
