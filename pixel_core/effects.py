"""Effects: what a flow may ask a driver for. Flows: generators that yield effects and return a result.

Rules kept here:

* A flow asks with `result = yield from Sleep(1.0)`. This is the only file of the core with a bare `yield`.
* Effects are values: they hold what a driver needs to know, and nothing that acts.
* A failure is thrown into the flow where it asked (`flow.throw`), so that the flow can catch it.
* A flow that is closed (its owner was cancelled) asks for nothing more: its `finally` blocks make plain calls only.
* The result of an effect has the type of what produces it: of the flow of a single flight, of the lead of a group.
"""

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, TypeVar, overload

from pixel_core.events import UNRELATED, Correlation
from pixel_core.journal import JournalEntry, JournalSnapshot
from pixel_core.messages import FileSlice, Request, Response
from pixel_core.values import value

K = TypeVar("K")
K_contra = TypeVar("K_contra", contravariant=True)
R = TypeVar("R")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class Effect(Generic[T_co]):
    """Something that a flow asks for. `T_co` is the type of the result."""

    __slots__ = ()

    def __iter__(self) -> "Generator[Effect[Any], Any, T_co]":
        result: T_co = yield self
        return result


Flow: TypeAlias = Generator[Effect[Any], Any, T]
"""A pure computation that yields effects and returns `T`."""


@value
class Exchange(Effect[Response]):
    """Perform one HTTP exchange. Raises PixelConnectionError, PixelTimeoutError or PixelProtocolError.

    `correlation` and `resend` are for instrumentation: the call, upload and file that the exchange serves (a login
    serves a call too), and how often the request was sent before.
    """

    request: Request
    correlation: Correlation = field(default=UNRELATED, compare=False)
    resend: int = field(default=0, compare=False)


@value
class Sleep(Effect[None]):
    """Wait for a number of seconds."""

    seconds: float


@value
class Clock(Effect[float]):
    """Read a monotonic clock: seconds since some fixed moment."""


@value
class Random(Effect[int]):
    """Draw 128 random bits from the system."""


@value
class CallTokenProvider(Effect[Any]):
    """Call a function that the user passed in place of a password, and return its result: a token, or a token and its
    life in seconds. The function may block. On an event loop it may be a coroutine function.
    """

    function: Callable[[], Any]


@value
class FileFacts:
    """Size of a file in bytes, and its time of modification in nanoseconds."""

    size: int
    modified: int


@value
class Stat(Effect[list[FileFacts]]):
    """Return the facts of files without opening them. Raises FileNotFoundError or another OSError, with the path, for
    the first file that has none.
    """

    paths: Sequence[str]


@value
class Digested:
    """Result of `Digest`: the MD5 digest (16 bytes) of each slice, the facts of the file after the last byte was read,
    and the bytes with `keep`.
    """

    digests: Sequence[bytes]
    facts: FileFacts
    content: bytes | None = None


@value
class Digest(Effect[Digested]):
    """Read slices of one file, in order. With `keep`, and a single slice, the bytes are returned too. Raises OSError
    when the file cannot be read, PixelFileChangedError when it is shorter than a slice says.
    """

    slices: Sequence[FileSlice]
    keep: bool = False


@value
class FolderListing:
    """The names in a folder, in any order: of its folders, without links to folders, and of everything else."""

    folders: Sequence[str]
    files: Sequence[str]


@value
class ListFolder(Effect[FolderListing]):
    """List a folder. Raises FileNotFoundError or another OSError, with the path."""

    path: str


@value
class ReadMetadata(Effect[list[Any]]):
    """Read the metadata in photos: for each file the body of a MetadataObject, or None without any. Raises
    ModuleNotFoundError if what is needed for that is not installed.
    """

    paths: Sequence[str]


TaskOutcome: TypeAlias = tuple[K, T | Exception]
"""How a flow of a task group ended: its key, and its result or the Exception that it raised."""


class TaskGroup(Protocol[K_contra, T_contra]):
    """Flows that run beside the flow that leads them. A driver makes it; flows pass it to `Spawn` and `NextDone`. Its
    two methods are for performers of those effects. They return what the driver awaits, if it awaits anything.
    """

    def spawn(self, key: K_contra, flow: Flow[T_contra]) -> Any: ...

    def next_done(self, timeout: float | None) -> Any: ...


@value
class OpenTaskGroup(Effect[T]):
    """Run the flow `lead(group)` and return its result. Flows that it spawns in the group run beside it. When the lead
    ends, in any way, those that still run are cancelled.
    """

    lead: Callable[[TaskGroup[Any, Any]], Flow[T]]


@value
class Spawn(Effect[None], Generic[K, T]):
    """Start a flow in a task group, at once. `key` is returned with its outcome."""

    group: TaskGroup[K, T] = field(repr=False)
    key: K
    flow: Flow[T]


@value
class NextDone(Effect[list[TaskOutcome[K, T]]], Generic[K, T]):
    """Wait until a flow of the group has ended, and return the outcomes since the last time: none after `timeout`
    seconds.
    """

    group: TaskGroup[K, T] = field(repr=False)
    timeout: float | None = None


@value
class Gather(Effect[list[T]]):
    """Run flows side by side, at most `limit` at once, and return their results in order. No driver performs this: it
    is made of a task group.

    The first failure cancels the rest and is raised. With `collect`, Exceptions are returned among the results, and
    nothing is cancelled. `flows` is iterated as others end.
    """

    flows: Iterable[Flow[Any]]
    limit: int
    collect: bool = False

    if TYPE_CHECKING:

        @overload
        def __init__(self, flows: Iterable[Flow[T]], limit: int, collect: Literal[False] = False) -> None: ...
        @overload
        def __init__(self: "Gather[R | Exception]", flows: Iterable[Flow[R]], limit: int, collect: bool) -> None: ...
        def __init__(self, flows: Any, limit: int, collect: bool = False) -> None: ...

    def __iter__(self) -> Flow[list[T]]:
        return (yield from OpenTaskGroup(self._lead))

    def _lead(self, group: TaskGroup[int, T]) -> Flow[list[T]]:
        waiting, running = enumerate(self.flows), 0
        results: dict[int, Any] = {}
        while True:
            while running < self.limit and (following := next(waiting, None)) is not None:
                yield from Spawn(group, *following)
                running += 1
            if not running:
                return [results[number] for number in sorted(results)]
            for number, outcome in (yield from NextDone(group)):
                if isinstance(outcome, Exception) and not self.collect:
                    raise outcome
                results[number] = outcome
                running -= 1


@value
class OpenJournal(Effect[T]):
    """Run the flow `lead(snapshot)` as a run of the journal, and return its result.

    No other run takes the same paths to the same destination meanwhile. The files of a run that was not finished
    (`WriteJournal`) are continued by the next run. A driver without a journal runs `lead(JournalSnapshot())`.
    """

    destination: str
    paths: Sequence[str] = field(repr=False)
    lead: Callable[[JournalSnapshot], Flow[T]]
    with_finished: bool = False
    """The snapshot has the files of finished runs, too."""


@value
class ClaimFiles(Effect[JournalSnapshot]):
    """Claim further files for a run of the journal, and return what the journal has of them."""

    run: Any = field(repr=False)
    paths: Sequence[str] = field(repr=False)


@value
class WriteJournal(Effect[None]):
    """Write entries to the journal, all or none of them, before the flow goes on. With `finish`, the run is over for
    good: its files that are done are not continued by the next run.
    """

    run: Any = field(repr=False)
    entries: Sequence[JournalEntry]
    finish: bool = False


@value
class SingleFlight(Effect[T]):
    """Run a flow, unless one with the same key is running: then wait for its result or failure. If that one is
    cancelled, a waiter runs its own flow. Raises TimeoutError after waiting for `timeout` seconds.
    """

    key: Hashable
    flow: Flow[T]
    timeout: float | None = None


class CancelEvent(Protocol):
    """What cancels calls: `threading.Event`, or any other object with `is_set`."""

    def is_set(self) -> bool:
        """True once the call is to be cancelled. Called often, and from other threads than that of the call."""
        ...


CANCELLED = "The call was cancelled. A request that was under way may have taken effect"
"""The message of a cancelled call."""


@value
class CancelWhen(Effect[T]):
    """Run a flow until `event` is set. Then what it waits for is cancelled, and PixelCancelledError is thrown into it,
    within a second; it asks for nothing more.
    """

    event: CancelEvent
    flow: Flow[T]


@value
class Listen(Effect[T]):
    """Run a flow whose events are passed to `listener` too."""

    listener: Callable[[Any], object]
    flow: Flow[T]


def watched(flow: Flow[T], listener: Callable[[Any], object] | None, cancel: CancelEvent | None) -> Flow[T]:
    """Return the flow, with its events passed to `listener`, and cancelled when `cancel` is set. Raises TypeError for
    what is no listener and no event.
    """
    if cancel is not None:
        if not callable(getattr(cancel, "is_set", None)):
            raise TypeError(f"cancel is a threading.Event, or another object with is_set(), got {cancel!r}")
        flow = iter(CancelWhen(cancel, flow))  # inside, so that the error is thrown into the flow itself
    if listener is not None:
        if not callable(listener):
            raise TypeError(f"listener is a function that is called with each event, got {listener!r}")
        flow = iter(Listen(listener, flow))
    return flow


@value
class NextItems(Effect[list[Any]]):
    """Take the next items of an iterator of the user, at least one and at most `most`, without waiting long for
    further ones: none at its end. On an event loop it may be an async iterator. An Exception that the iterator raises
    is the last item.
    """

    iterator: Any = field(repr=False)
    most: int


@value
class Deliver(Effect[None]):
    """Call a function of the user with results, and wait while the user is behind. On an event loop it may be a
    coroutine function.
    """

    receive: Callable[[Sequence[Any]], Any] = field(repr=False)
    results: Sequence[Any] = field(repr=False)


@value
class Report(Effect[None]):
    """Report an event to the driver's instrumentation."""

    event: object
