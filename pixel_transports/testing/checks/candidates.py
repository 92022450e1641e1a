"""Candidates: transports to be checked, what they can and cannot do, and how a check calls them.

Rules kept here:

* A candidate says how its transport is made. A transport that needs something open around it is made by a context
  manager, or an async one, which is entered in the event loop of the check.
* A check is no coroutine: it calls blocking transports in its own thread and in others, async ones through a portal
  into an event loop of their own. So one check serves all.
* What a candidate lacks is declared, not found out: a check that does not apply is not run.
"""

import inspect
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.messages import Body, Headers, Origin, Request, Response, Timeouts
from pixel_transports.testing.checks.far import StubServer
from pixel_transports.testing.checks.peers import PATIENCE, Peer

Ability: TypeAlias = Literal[
    "wire",
    "sockets",
    "keep-alive",
    "limits",
    "write-limit",
    "total",
    "early-answer",
    "early-answer-open",
    "case",
    "duplicates",
    "latin-1",
    "raw-target",
    "flat-memory",
]
"""What a transport can do, where not every one can:

* `wire`: requests become bytes: what cannot be sent is refused, and answers are unpacked
* `sockets`: it talks to real peers, so that those can misbehave; `keep-alive`: it uses a connection again
* `limits`: silence ends in a PixelTimeoutError; `write-limit`: so does a peer that takes nothing; `total`: so does one
  that sends a byte at a time
* `early-answer`: an answer before the body is through is the answer, of a peer that hangs up with it;
  `early-answer-open`: also of one that does not
* `case`, `duplicates`, `latin-1`: names of headers keep their case, equal names are kept apart, values go beyond ASCII
* `raw-target`: path and query arrive with the escapes they were given with
* `flat-memory`: a file is never in memory as a whole
"""

_FAR: dict[str, frozenset[str]] = {
    "sockets": frozenset(),
    "function": frozenset(
        [
            *("wire", "sockets", "keep-alive", "limits", "write-limit", "total", "early-answer", "early-answer-open"),
            "flat-memory",
        ]
    ),
    "asgi": frozenset(["sockets", "keep-alive", "write-limit", "early-answer", "early-answer-open", "case"]),
    "wsgi": frozenset(
        [
            *("sockets", "keep-alive", "limits", "write-limit", "total", "early-answer", "early-answer-open"),
            *("case", "duplicates", "raw-target"),
        ]
    ),
}
"""What cannot be, for want of a socket or by the rules of ASGI and WSGI."""


@dataclass(frozen=True)
class Candidate:
    """A transport to be checked.

    `make` gives a transport, or a context manager (plain or async) that does. Where `far` is not `sockets`, it is
    called with what the transport is put over: a function from request to response, an ASGI app or a WSGI app.
    `backend` is the event loop of an async one. `lacks` names what it cannot do. `answer_limit` is how
    many bytes an answer may have; without it, that there is a limit is not checked.
    """

    make: Callable[..., Any]
    far: Literal["sockets", "function", "asgi", "wsgi"] = "sockets"
    backend: Literal["asyncio", "trio"] = "asyncio"
    lacks: Collection[Ability] = ()
    answer_limit: int | None = None

    @classmethod
    def of(cls, subject: "Subject") -> "Candidate":
        """A candidate as it is; a function that makes a transport over sockets becomes one."""
        return subject if isinstance(subject, Candidate) else cls(subject)

    def can(self, ability: str) -> bool:
        """Whether it has an ability; `answer-limit` is that one is known."""
        if ability == "answer-limit":
            return self.answer_limit is not None
        return ability not in self.lacks and ability not in _FAR[self.far]


Subject: TypeAlias = Candidate | Callable[[], Any]
"""What a check takes: a candidate, or a function that makes a transport over sockets."""


class Harness:
    """A candidate's transport at work, and the far end that it talks to."""

    def __init__(
        self,
        candidate: Candidate,
        transport: Any,
        far: StubServer,
        origin: Origin,
        portal: Any,  # a BlockingPortal of anyio, or None
        threads: ThreadPoolExecutor,
        folder: Path,
    ) -> None:
        self.candidate = candidate
        self.transport = transport
        self.far = far
        self.origin = origin
        self._portal = portal
        self._threads = threads
        self._folder = folder

    @property
    def is_async(self) -> bool:
        return self._portal is not None

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Headers | dict[str, str] | tuple[tuple[str, str], ...] = (),
        body: Body = b"",
        to: Origin | None = None,
        **limits: float | None,
    ) -> Request:
        """A request to the far end, or to another. No limit is ever reached but those given."""
        timeouts = Timeouts(**{"connect": PATIENCE, "read": PATIENCE, "write": PATIENCE, "pool": PATIENCE, **limits})
        return Request(method, to or self.origin, target, Headers(headers), body, timeouts)

    def send(self, request: Request) -> Response:
        """Send it and wait. Raises what the transport raises."""
        response: Response = (
            self.transport.send(request) if self._portal is None else self._portal.call(self.transport.send, request)
        )
        return response

    def start(self, request: Request) -> "Future[Response]":
        """Send it and do not wait. For an async transport, cancelling the future cancels the task."""
        if self._portal is None:
            return self._threads.submit(self.transport.send, request)
        future: Future[Response] = self._portal.start_task_soon(self.transport.send, request)
        return future

    def close(self) -> None:
        """Close the transport."""
        if self._portal is None:
            self.transport.close()
        else:
            self._portal.call(self.transport.aclose)

    def file(self, content: bytes, name: str = "photo.jpg") -> Path:
        """A file with this content."""
        path = self._folder / name
        path.write_bytes(content)
        return path


@contextmanager
def opened(candidate: Candidate) -> Iterator[Harness]:
    """A candidate's transport, closed at the end."""
    with ExitStack() as stack:
        far = StubServer()
        origin = Origin("http", "pixel.test", 8080)
        forms = {"sockets": (), "function": (far.handle,), "asgi": (far.asgi,), "wsgi": (far.wsgi,)}
        if candidate.far == "sockets":
            origin = stack.enter_context(Peer(far.serve)).origin
        threads = stack.enter_context(ThreadPoolExecutor(32))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        given = candidate.make(*forms[candidate.far])
        portal: BlockingPortal | None = None
        if hasattr(given, "__aenter__") or inspect.iscoroutinefunction(getattr(given, "send", None)):
            portal = stack.enter_context(start_blocking_portal(candidate.backend))
        if portal is not None and hasattr(given, "__aenter__"):
            given = stack.enter_context(portal.wrap_async_context_manager(given))
        elif hasattr(given, "__enter__"):
            given = stack.enter_context(given)
        rig = Harness(candidate, given, far, origin, portal, threads, folder)
        stack.callback(rig.close)
        yield rig
