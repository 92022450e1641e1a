"""Effects: what a flow may ask of the world; and flows: generators that yield effects and return a result.

Rules kept here:

* A flow asks, a driver performs. A flow writes `result = yield from Sleep(1.0)`; this is the only file of the core
  where a bare `yield` stands.
* Effects are values. They hold what the driver needs to know and no way to do it.
* What goes wrong comes in where the flow asked (`flow.throw`), so a flow can catch it, and its own line stands in
  the traceback.
* A flow that is closed (its owner was cancelled) asks for nothing more: its `finally` blocks make plain calls only.
"""

from collections.abc import Generator, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from pixel_core.messages import FileSlice, Origin, Request, Response, Segment, Timeouts

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Effect(Generic[T_co]):
    """Something a flow asks for; `T_co` is what it gets back."""

    __slots__ = ()

    def __iter__(self) -> "Generator[Effect[Any], Any, T_co]":
        result: T_co = yield self
        return result


Flow: TypeAlias = Generator[Effect[Any], Any, T]
"""A pure computation that yields effects and returns `T`."""


@dataclass(frozen=True, slots=True)
class Exchange(Effect[Response]):
    """Perform one HTTP exchange. Raises PixelConnectionError, PixelTimeoutError or PixelProtocolError."""

    request: Request


@dataclass(frozen=True, slots=True)
class Sleep(Effect[None]):
    """Wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Clock(Effect[float]):
    """Read a monotonic clock: seconds since some fixed moment."""


@dataclass(frozen=True, slots=True)
class Random(Effect[int]):
    """Draw 128 random bits from the system."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What `Stat` tells of a file: its size in bytes and when it was last modified, in nanoseconds."""

    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Stat(Effect[FileFacts]):
    """Look at a file without opening it. Raises FileNotFoundError, or another OSError, naming the path."""

    path: str


@dataclass(frozen=True, slots=True)
class Digest(Effect[list[bytes]]):
    """Read slices of files, in order, and give the MD5 digest (16 bytes) of each.

    Raises OSError when a file cannot be read, PixelFileChangedError when it is shorter than the slice says.
    """

    slices: Sequence[FileSlice]


@dataclass(frozen=True, slots=True)
class Together(Effect[list[Any]]):
    """Run flows side by side, at most `limit` of them at once, and give their results in order.

    The first failure cancels the rest and is raised; with `collect`, failures (Exceptions) stand among the results
    instead and nothing is cancelled. `flows` is drawn from as places become free.
    """

    flows: Iterable[Flow[Any]]
    limit: int
    collect: bool = False


@dataclass(frozen=True, slots=True)
class Once(Effect[Any]):
    """Run `flow`, unless one with the same key is running already: then wait for that one's result or failure."""

    key: Hashable
    flow: Flow[Any]


@dataclass(frozen=True, slots=True)
class Report(Effect[None]):
    """Hand an event to whoever listens, if anyone does."""

    event: object


# What `pixel_core.exchanges` asks of those who bring their own streams: the level below `Exchange`.


@dataclass(frozen=True, slots=True)
class Lease(Effect[Any]):
    """Lease a connection to `origin`: an idle one, a new one, or the first that becomes free (`exchanges.Leased`)."""

    origin: Origin
    timeouts: Timeouts


@dataclass(frozen=True, slots=True)
class Write(Effect[bool]):
    """Write segments in order. True when all was written; False when the peer spoke or hung up before that.

    Without segments: go on where the last one stopped.
    """

    stream: Any
    segments: Sequence[Segment] = field(repr=False)
    timeout: float | None


@dataclass(frozen=True, slots=True)
class Read(Effect[bytes]):
    """Read what has arrived, at least one byte; b"" when the peer has closed its side."""

    stream: Any
    timeout: float | None
