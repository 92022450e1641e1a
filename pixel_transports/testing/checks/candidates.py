"""Candidates: transports to be checked, their abilities, and the harness that a check uses.

Rules kept here:

* A candidate makes its transport by a function, or by a plain or async context manager. An async one is entered in the
  event loop of the check.
* Checks are plain functions. They call blocking transports in threads, and async transports through a portal into an
  event loop. All these threads are daemons, so that a transport that never returns does not keep the program.
* Missing abilities are declared. A check that does not apply is not run.
"""

import inspect
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from pixel_core.messages import Body, FileSlice, Headers, Origin, Request, Response, Timeouts
from pixel_transports.testing.checks.peers import PATIENCE, Peer, Script
from pixel_transports.testing.checks.stub import StubServer

Ability: TypeAlias = Literal[
    "wire", "sockets", "keep-alive", "limits", "write-limit", "total", "early-answer", "early-answer-open", "case",
    "duplicates", "latin-1", "raw-target", "flat-memory",
]  # fmt: skip
"""An ability that not every transport has:

* `wire`: requests become bytes: invalid ones are refused, and responses are decoded
* `sockets`: it connects to real peers, which can misbehave; `keep-alive`: it reuses connections
* `limits`: a silent peer causes a PixelTimeoutError; `write-limit`: so does a peer that reads nothing; `total`: so does
  a peer that sends a byte at a time
* `early-answer`: a response before the end of the request body is returned, if the peer closes the connection after
  it; `early-answer-open`: also if the peer keeps it open
* `case`, `duplicates`, `latin-1`: header names keep their case, equal names stay separate, values may be Latin-1
* `raw-target`: path and query arrive with unchanged escapes
* `flat-memory`: a file is never in memory as a whole
"""

_SOCKETS = frozenset({"sockets", "keep-alive", "write-limit", "early-answer", "early-answer-open"})
_MISSING: dict[str, frozenset[str]] = {
    "sockets": frozenset(),
    "function": _SOCKETS | {"wire", "limits", "total", "flat-memory"},
    "asgi": _SOCKETS | {"case"},
    "wsgi": _SOCKETS | {"limits", "total", "case", "duplicates", "raw-target"},
}
"""Abilities that an interface excludes, for lack of a socket or by the rules of ASGI and WSGI."""


@dataclass(frozen=True)
class Candidate:
    """A transport to be checked.

    `make` returns a transport, or a plain or async context manager of one. If `interface` is not `sockets`, `make` is
    called with the function, ASGI app or WSGI app that the transport calls. `backend` is the event loop of an async
    transport. `lacks` names missing abilities. `answer_limit` is the largest accepted response in bytes; without it,
    the limit is not checked. `seconds` replaces the time that each check may take.
    """

    make: Callable[..., Any]
    interface: Literal["sockets", "function", "asgi", "wsgi"] = "sockets"
    backend: Literal["asyncio", "trio"] = "asyncio"
    lacks: Collection[Ability] = ()
    answer_limit: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, subject: "Subject") -> "Candidate":
        """Return a candidate unchanged, and make one of a function that returns a transport over sockets."""
        return subject if isinstance(subject, Candidate) else cls(subject)

    def can(self, ability: str) -> bool:
        """True if it has this ability. It has `answer-limit` if `answer_limit` is set."""
        if ability == "answer-limit":
            return self.answer_limit is not None
        return ability not in self.lacks and ability not in _MISSING[self.interface]


Subject: TypeAlias = Candidate | Callable[[], Any]
"""The argument of a check: a candidate, or a function that returns a transport over sockets."""


@dataclass(eq=False)
class Harness:
    """The transport of a candidate, the server that it connects to, and how a check calls it."""

    candidate: Candidate
    transport: Any
    server: StubServer
    origin: Origin
    _portal: Any  # a BlockingPortal of anyio, or None
    _folder: Path
    _peers: list[Peer]
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

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
        """Make a request to the server, or to another origin. Time limits are long except for `limits`."""
        timeouts = Timeouts(**{"connect": PATIENCE, "read": PATIENCE, "write": PATIENCE, "pool": PATIENCE, **limits})
        return Request(method, to or self.origin, target, Headers(headers), body, timeouts)

    def send(self, request: Request) -> Response:
        """Send a request and return the response. Raises the errors of the transport."""
        response: Response = (
            self.transport.send(request) if self._portal is None else self._portal.call(self.transport.send, request)
        )
        return response

    def start(self, request: Request) -> "Future[Response]":
        """Send a request in a thread or task. For an async transport, cancelling the future cancels the task."""
        if self._portal is None:
            future, thread = in_thread(self.transport.send, request)
            self._threads.append(thread)
            return future
        task: Future[Response] = self._portal.start_task_soon(self.transport.send, request)
        return task

    def peer(self, *scripts: Script) -> Peer:
        """Make a peer that follows these scripts, and that ends when the time of the check is over."""
        self._peers.append(Peer(*scripts))
        return self._peers[-1]

    def join(self) -> None:
        """Wait for the threads of `start`."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """End the peers and the tasks of a check whose time is over. Does not wait."""
        for peer in list(self._peers):
            peer.stop()
        if self._portal is not None:
            with suppress(RuntimeError):  # the event loop has ended
                self._portal.start_task_soon(self._portal.stop, True)

    def close(self) -> None:
        """Close the transport."""
        if self._portal is None:
            self.transport.close()
        else:
            self._portal.call(self.transport.aclose)

    def file(self, content: bytes, name: str = "photo.jpg") -> Path:
        """Write a file, and return its path."""
        path = self._folder / name
        path.write_bytes(content)
        return path

    def sparse_file(self, size: int) -> FileSlice:
        """Make a file of zeros that takes no space, and return a slice with all of it."""
        path = self.file(b"", "large.bin")
        os.truncate(path, size)
        return FileSlice(str(path), 0, size)


T = TypeVar("T")


def in_thread(function: Callable[..., T], *args: Any) -> tuple["Future[T]", threading.Thread]:
    """Call a function in a daemon thread."""
    future: Future[T] = Future()

    def call() -> None:
        try:
            result = function(*args)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return future, thread


@contextmanager
def _event_loop(backend: str) -> Iterator[BlockingPortal]:
    """A portal into an event loop of its own; its tasks are cancelled if the block fails."""
    started: Future[BlockingPortal] = Future()

    async def main() -> None:
        async with BlockingPortal() as portal:
            started.set_result(portal)
            await portal.sleep_until_stopped()

    ended, thread = in_thread(lambda: anyio.run(main, backend=backend))
    ended.add_done_callback(lambda failed: None if started.done() else started.set_exception(failed.exception()))
    portal = started.result()
    failed = True
    try:
        yield portal
        failed = False
    finally:
        with suppress(RuntimeError):  # it was stopped, since the time of the check is over
            portal.call(portal.stop, failed)
        thread.join()


@contextmanager
def opened(candidate: Candidate) -> Iterator[Harness]:
    """Open the transport of a candidate, and close it at the end."""
    with ExitStack() as stack:
        server = StubServer()
        origin = Origin("http", "pixel.test", 8080)
        forms = {"sockets": (), "function": (server.handle,), "asgi": (server.asgi,), "wsgi": (server.wsgi,)}
        peers: list[Peer] = []
        if candidate.interface == "sockets":
            peers.append(stack.enter_context(Peer(server.serve)))
            origin = peers[0].origin
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = candidate.make(*forms[candidate.interface])
        portal: BlockingPortal | None = None
        if hasattr(made, "__aenter__") or inspect.iscoroutinefunction(getattr(made, "send", None)):
            portal = stack.enter_context(_event_loop(candidate.backend))
        if portal is not None and hasattr(made, "__aenter__"):
            made = stack.enter_context(portal.wrap_async_context_manager(made))
        elif hasattr(made, "__enter__"):
            made = stack.enter_context(made)
        harness = Harness(candidate, made, server, origin, portal, folder, peers)
        stack.callback(harness.join)
        stack.callback(harness.close)
        yield harness
