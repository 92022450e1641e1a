"""The descriptors `operation` and `listing`, which make a flow a method of the three faces.

Rules kept here:

* An operation is written once, as a generator function. On a blocking client it is a method that returns `T`, on an
  async client a coroutine method, on `PixelApi` a method that returns the flow itself.
* Type checkers see the right one of the three, with names, defaults and types of the arguments; so do `help()` and
  `inspect.signature`.
* A face makes its methods by its `maker`. The core has only the pure face, whose methods are the functions.
"""

from __future__ import annotations  # generic types that are not evaluated at run time

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, get_args, overload

from pixel_core.api.paging import Pages
from pixel_core.effects import Flow
from pixel_core.session.session import Session

P = ParamSpec("P")
T = TypeVar("T")


class Maker(Protocol):
    """Makes the methods of a face from the functions of operations, listings and streaming ones. Hashable."""

    def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]: ...

    def listing(self, function: Callable[..., Pages[Any]]) -> Callable[..., Any]: ...

    def streaming(self, function: Callable[..., Any]) -> Callable[..., Any]: ...

    def result_of(self, kind: str, item: Any) -> Any:
        """The return annotation of a listing or streaming of such items."""


class Face:
    """Base of classes that have operations as methods. `maker` makes them; `api` makes the flows that they run."""

    maker: Maker | None = None
    api: Resource


class BlockingFace(Face):
    """Operations return their result; listings are iterators."""


class AsyncFace(Face):
    """Operations are coroutine methods; listings are async iterators."""


class Resource(Face):
    """Base of groups of operations, and their pure face: the methods return flows of its session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.api: Resource = self


class Definition:
    """Base of `operation`, `listing` and `streaming`: the function, and the methods that were made of it, by maker."""

    kind = "operation"

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__: str = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        self._methods: dict[Maker | None, Callable[..., Any]] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.__qualname__}>"

    def _bind(self, instance: Face | None, owner: type[Face]) -> Any:
        method = self._methods.get(owner.maker) or self._make(owner.maker)
        return method if instance is None else MethodType(method, instance)

    def _make(self, maker: Maker | None) -> Callable[..., Any]:
        # Annotations are evaluated when a method is first used, so the models of other methods are not loaded.
        self.function.__annotations__ = inspect.get_annotations(self.function, eval_str=True)
        self._methods[maker] = method = self.function if maker is None else self._made_by(maker)
        return method

    def _made_by(self, maker: Maker) -> Callable[..., Any]:
        method: Any = getattr(maker, self.kind)(self.function)
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(method, name, getattr(self.function, name))
        signature = inspect.signature(self.function)
        result = get_args(signature.return_annotation)
        # Generator[Effect, Any, result], Pages[item] or Results[item]
        annotation = result[-1] if self.kind == "operation" else maker.result_of(self.kind, result[0])
        method.__signature__ = signature.replace(return_annotation=annotation)
        method.__annotations__ = {**self.function.__annotations__, "return": annotation}
        return cast(Callable[..., Any], method)


class operation(Definition, Generic[P, T]):  # noqa: N801 - a decorator
    """Makes a generator function an operation with three faces.

    >>> class Users(Resource):
    ...     @operation
    ...     def me(self) -> Flow[User]: ...
    """

    def __init__(self, function: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        super().__init__(function)

    @overload
    def __get__(self, instance: None, owner: type[BlockingFace]) -> Callable[Concatenate[Any, P], T]: ...
    @overload
    def __get__(
        self, instance: None, owner: type[AsyncFace]
    ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: None, owner: type[Face]) -> Callable[Concatenate[Any, P], Flow[T]]: ...
    @overload
    def __get__(self, instance: BlockingFace, owner: type[Face]) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: AsyncFace, owner: type[Face]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: Face, owner: type[Face]) -> Callable[P, Flow[T]]: ...
    def __get__(self, instance: Face | None, owner: type[Face]) -> Any:
        return self._bind(instance, owner)


class listing(Definition, Generic[P, T]):  # noqa: N801 - a decorator
    """Makes a function that returns pages a listing with three faces: an iterator of items, an async iterator of items,
    or the pages. The iterators end after the first page that is marked as the last.
    """

    kind = "listing"

    def __init__(self, function: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        super().__init__(function)

    @overload
    def __get__(self, instance: None, owner: type[BlockingFace]) -> Callable[Concatenate[Any, P], Iterator[T]]: ...
    @overload
    def __get__(self, instance: None, owner: type[AsyncFace]) -> Callable[Concatenate[Any, P], AsyncIterator[T]]: ...
    @overload
    def __get__(self, instance: None, owner: type[Face]) -> Callable[Concatenate[Any, P], Pages[T]]: ...
    @overload
    def __get__(self, instance: BlockingFace, owner: type[Face]) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, instance: AsyncFace, owner: type[Face]) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, instance: Face, owner: type[Face]) -> Callable[P, Pages[T]]: ...
    def __get__(self, instance: Face | None, owner: type[Face]) -> Any:
        return self._bind(instance, owner)
