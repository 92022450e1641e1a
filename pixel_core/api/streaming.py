"""Results that are known one by one, and the decorator `streaming`, which makes them methods of the three faces.

Rules kept here:

* The flow passes results on with `Deliver`, which waits while the user is behind: nothing is done far ahead.
* On a blocking client the method returns an iterator, on an async client an async context manager of one, on `PixelApi`
  the `Results`, whose `flow` is run with a function that takes the results.
"""

from __future__ import annotations  # generic types that are not evaluated at run time

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from pixel_core.api.operation import AsyncFace, BlockingFace, Definition, Face
from pixel_core.effects import Flow
from pixel_core.values import value

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Receive = Callable[[Sequence[T]], Any]
"""Takes the next results. On an event loop it may be a coroutine function."""


@value
class Results(Generic[T]):
    """Results that are known one by one. `flow(receive)` is the work; it may be made once."""

    flow: Callable[[Receive[T]], Flow[None]]


class BlockingResults(Protocol[T_co]):
    """An iterator of results. `close`, or the end of a `with` block, ends the work early."""

    def __iter__(self) -> Self: ...

    def __next__(self) -> T_co: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None: ...

    def close(self) -> None: ...


class AsyncResults(Protocol[T_co]):
    """An async iterator of results, to be used in its `async with` block, whose end ends the work."""

    def __aiter__(self) -> Self: ...

    def __anext__(self) -> Awaitable[T_co]: ...

    def __aenter__(self) -> Awaitable[Self]: ...

    def __aexit__(self, kind: Any, error: Any, trace: Any, /) -> Awaitable[bool | None]: ...


class streaming(Definition, Generic[P, T]):  # noqa: N801 - a decorator
    """Makes a function that returns `Results` a method of the three faces."""

    kind = "streaming"

    def __init__(self, function: Callable[Concatenate[Any, P], Results[T]]) -> None:
        super().__init__(function)

    @overload
    def __get__(
        self, instance: None, owner: type[BlockingFace]
    ) -> Callable[Concatenate[Any, P], BlockingResults[T]]: ...
    @overload
    def __get__(self, instance: None, owner: type[AsyncFace]) -> Callable[Concatenate[Any, P], AsyncResults[T]]: ...
    @overload
    def __get__(self, instance: None, owner: type[Face]) -> Callable[Concatenate[Any, P], Results[T]]: ...
    @overload
    def __get__(self, instance: BlockingFace, owner: type[Face]) -> Callable[P, BlockingResults[T]]: ...
    @overload
    def __get__(self, instance: AsyncFace, owner: type[Face]) -> Callable[P, AsyncResults[T]]: ...
    @overload
    def __get__(self, instance: Face, owner: type[Face]) -> Callable[P, Results[T]]: ...
    def __get__(self, instance: Face | None, owner: type[Face]) -> Any:
        return self._bind(instance, owner)
