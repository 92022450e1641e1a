"""Effects: what a flow may ask of the world; and flows: generators that yield effects and return a result.

Rules kept here:

* A flow asks, a driver performs. A flow writes `result = yield from Sleep(1.0)`; this is the only file of the core
  where a bare `yield` stands.
* Effects are values. They hold what the driver needs to know and no way to do it.
* What goes wrong comes in where the flow asked (`flow.throw`), so a flow can catch it, and its own line stands in
  the traceback.
* A flow that is closed (its owner was cancelled) asks for nothing more: its `finally` blocks make plain calls only.
"""

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import field
from typing import Any, Generic, TypeAlias, TypeVar

from pixel_core.journal import JournalEntry, JournalSnapshot
from pixel_core.messages import FileSlice, Request, Response
from pixel_core.values import value

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


@value
class Exchange(Effect[Response]):
    """Perform one HTTP exchange. Raises PixelConnectionError, PixelTimeoutError or PixelProtocolError.

    For those who watch: `request_id` is that of the call which it serves (a login serves one too), or empty; `resend`
    counts how often the request was sent before, for whatever reason.
    """

    request: Request
    request_id: str = field(default="", compare=False)
    resend: int = field(default=0, compare=False)


@value
class Sleep(Effect[None]):
    """Wait for so many seconds."""

    seconds: float


@value
class Clock(Effect[float]):
    """Read a monotonic clock: seconds since some fixed moment."""


@value
class Random(Effect[int]):
    """Draw 128 random bits from the system."""


@value
class CallTokenProvider(Effect[Any]):
    """Call the function that somebody gave in place of a password, and give what it gives: a token, or a token and its
    life in seconds. It may block; on an event loop it may be a coroutine function.
    """

    function: Callable[[], Any]


@value
class FileFacts:
    """What `Stat` tells of a file: its size in bytes and when it was last modified, in nanoseconds."""

    size: int
    modified: int


@value
class Stat(Effect[list[FileFacts]]):
    """Look at files without opening them. Raises FileNotFoundError, or another OSError, for the first that cannot be
    looked at, naming its path.
    """

    paths: Sequence[str]


@value
class Digested:
    """What `Digest` gives: the MD5 digest (16 bytes) of each slice, what the file was like after the last byte was
    read, and the bytes themselves where they were to be kept.
    """

    digests: Sequence[bytes]
    facts: FileFacts
    content: bytes | None = None


@value
class Digest(Effect[Digested]):
    """Read slices of one file, in order; with `keep` (and a single slice) keep the bytes that were read.

    Raises OSError when the file cannot be read, PixelFileChangedError when it is shorter than a slice says.
    """

    slices: Sequence[FileSlice]
    keep: bool = False


@value
class OpenTaskGroup(Effect[Any]):
    """Run the flow `lead(crew)` and give its result. Flows that it starts in the crew run alongside; whichever of them
    is still running when the lead ends, well or not, is cancelled.
    """

    lead: Callable[[Any], Flow[Any]]


TaskOutcome: TypeAlias = tuple[Any, Any]
"""How a flow of a crew ended: its key, and its result or what it raised (an Exception)."""


@value
class Spawn(Effect[None]):
    """Start a flow in a crew, at once: how many run is the lead's business. `key` is given back with its ending."""

    group: Any = field(repr=False)
    key: Any
    flow: Flow[Any]


@value
class NextDone(Effect[list[TaskOutcome]]):
    """Wait until flows of the crew have ended, and give those that have since the last time: none when `timeout`
    seconds pass without an ending.
    """

    group: Any = field(repr=False)
    timeout: float | None = None


@value
class Gather(Effect[list[Any]]):
    """Run flows side by side, at most `limit` of them at once, and give their results in order. No driver performs
    this: it is made of a crew.

    The first failure cancels the rest and is raised; with `collect`, failures (Exceptions) stand among the results
    instead and nothing is cancelled. `flows` is drawn from as places become free.
    """

    flows: Iterable[Flow[Any]]
    limit: int
    collect: bool = False

    def __iter__(self) -> Flow[list[Any]]:
        results: list[Any] = yield from OpenTaskGroup(self._lead)
        return results

    def _lead(self, group: Any) -> Flow[list[Any]]:
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
class OpenJournal(Effect[Any]):
    """Run the flow `lead(recalled)` as a run of the journal: no other run takes the same paths to the same destination
    meanwhile. When the lead returns, what is recorded as done is remembered as finished; the rest, and all of a run
    that is broken off, is taken up by the next. A driver without a journal recalls nothing.
    """

    destination: str
    paths: Sequence[str] = field(repr=False)
    lead: "Callable[[JournalSnapshot], Flow[Any]]"
    with_finished: bool = False
    """Whether files of runs that ended well are recalled too."""


@value
class WriteJournal(Effect[None]):
    """Write entries to the journal, all or none of them, before the flow goes on. One without a state is dropped."""

    run: Any = field(repr=False)
    entries: Sequence[JournalEntry]


@value
class SingleFlight(Effect[Any]):
    """Run `flow`, unless one with the same key is running already: then wait for that one's result or failure."""

    key: Hashable
    flow: Flow[Any]


@value
class Report(Effect[None]):
    """Hand an event to whoever listens, if anyone does."""

    event: object
