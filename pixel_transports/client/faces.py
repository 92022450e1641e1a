"""`faces`: clients with operations of a library's own.

Rules kept here:

* An operation is written once, in a group of operations. Inside a group, `self` is the pure face: it has the operations
  of the group and those of the library.
* The classes are made once per group, and their clients can be pickled if the group can be imported.
* A type checker knows the operations of the library on all three classes, and those of the group on `pure`. On the two
  clients they are `Any`: "a client that also has the methods of this group" is an intersection of types, which Python's
  type system cannot express for the result of a call. `client.run(client.api...)` is typed, and so is a class
  statement: `class SurveyClient(Survey, PixelClient)` makes the same class as `faces(Survey).blocking`.
"""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pixel_core.api.operation import Resource
from pixel_core.values import value
from pixel_transports.client.asynchronous import PixelClientAsync
from pixel_transports.client.base import Client
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.pickling import rebuild_client, reduce_client

G = TypeVar("G", bound=Resource)

if TYPE_CHECKING:

    class GroupClient(PixelClient):
        """A blocking client that also has the operations of a group."""

        def __getattr__(self, name: str) -> Any: ...

    class GroupClientAsync(PixelClientAsync):
        """An async client that also has the operations of a group."""

        def __getattr__(self, name: str) -> Any: ...


@value
class Faces(Generic[G]):
    """The three classes of a group: `blocking` and `asynchronous` are client classes, `pure` is made of a session."""

    blocking: "type[GroupClient]"
    asynchronous: "type[GroupClientAsync]"
    pure: type[G]


def faces(group: type[G]) -> Faces[G]:
    """Make the clients that have the operations of a group, besides those of the library.

    >>> class Survey(Operations):
    ...     @operation
    ...     def count(self, project_id: int) -> Flow[int]:
    ...         return len((yield from self.list_data_collections(project_id)))
    >>> with faces(Survey).blocking.from_settings(PixelApiSettings()) as client:
    ...     client.count(7)

    Raises TypeError if `group` is no subclass of `Resource`, or is a client.
    """
    if not (isinstance(group, type) and issubclass(group, Resource)) or issubclass(
        group, PixelClient | PixelClientAsync
    ):
        raise TypeError(f"faces takes a group of operations (a subclass of Operations or Resource), not {group!r}")
    known: Faces[G] | None = _made.get(group)
    if known is None:
        blocking = _client(group, PixelClient, "blocking")
        made = Faces(blocking, _client(group, PixelClientAsync, "asynchronous"), blocking.api_class)
        known = _made.setdefault(group, made)
    return known


_made: dict[type[Resource], Faces[Any]] = {}


def _client(group: type[Resource], base: type[Client], face: str) -> Any:
    def reduce(self: Client) -> tuple[Any, ...]:
        arguments = reduce_client(type(self), self.config)[1]
        return _rebuild, (group, face, *arguments[1:])

    namespace = {"__module__": group.__module__, "__doc__": group.__doc__ or base.__doc__, "__reduce__": reduce}
    make: Any = type  # its result is no type for type checkers
    return make(f"{group.__name__}{base.__name__.removeprefix('Pixel')}", (group, base), namespace)


def _rebuild(group: type[Resource], face: str, *state: Any) -> Any:
    kind: type[Client] = getattr(faces(group), face)
    return rebuild_client(kind, *state)
