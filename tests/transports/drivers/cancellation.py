"""Storms of requests that are cancelled at random points, on each face, and what is left of them: nothing.

    python -m tests.transports.drivers.cancellation --requests 10000 --face trio

Rules kept here:

* Requests go to a server that never answers, to one that answers now and then, and to one that accepts no connection;
  ten connections an origin are allowed, so most wait for a place, and some are cancelled there, some while they
  connect, some while they read. On the blocking face they run out of time instead.
* Afterwards the pools are empty, three requests to each of the same origins succeed (where a lost place would be
  missed), and no socket, task or thread is left.
"""

import argparse
import asyncio
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from types import TracebackType

import anyio
import anyio.lowlevel
import trio

from pixel_core.errors import PixelConnectionError
from pixel_core.messages import Headers, Origin, Request, Timeouts
from pixel_transports.net.asynchronous import AnyioTransport
from pixel_transports.net.blocking import SocketTransport
from tests.support.peers import OK, PATIENCE, eventually, open_sockets

LIMIT = 10
"""Connections an origin."""

AT_ONCE = 100
"""Requests under way at a time, most of which wait for a place."""

THREADS = 40


class Reluctant:
    """A server that answers this share of the requests, at once or never. It answers all once it is `willing`; one that
    does not accept begins to then.
    """

    def __init__(self, share: float, accepting: bool = True) -> None:
        self.willing = False
        self._random, self._share, self._accepting = Random(1), share, accepting
        self._received: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024 if accepting else 0)
        self._listener.setblocking(False)
        self._waker, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self.origin = Origin("http", "127.0.0.1", self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def request(self, timeouts: Timeouts = Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE)) -> Request:
        return Request("GET", self.origin, "/", Headers(), b"", timeouts)

    def be_willing(self) -> None:
        self.willing = True
        self._waker.send(b"w")

    def __enter__(self) -> "Reluctant":
        self._selector.register(self._wake, selectors.EVENT_READ)
        if self._accepting:
            self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waker.close()
        self._thread.join()
        for sock in (*self._received, self._listener, self._wake):
            sock.close()
        self._selector.close()

    @property
    def connections(self) -> int:
        return len(self._received)

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._listener:
                    self._accept()
                elif sock is self._wake:
                    if not sock.recv(1):
                        return
                    if not self._accepting:
                        self._selector.register(self._listener, selectors.EVENT_READ)
                else:
                    self._receive(sock)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        self._received[sock] = b""
        self._selector.register(sock, selectors.EVENT_READ)

    def _receive(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65536)
            self._received[sock] += data
            if data and self._received[sock].endswith(b"\r\n\r\n"):
                self._received[sock] = b""
                if self.willing or self._random.random() < self._share:
                    sock.send(OK)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(sock)
            del self._received[sock]
            sock.close()


@contextmanager
def servers() -> Iterator[list[Reluctant]]:
    """One that never answers, one that does now and then, one that accepts no connection."""
    with ExitStack() as stack:
        made = [Reluctant(0.0), Reluctant(0.5), Reluctant(0.0, accepting=False)]
        yield [stack.enter_context(each) for each in made]


@dataclass
class Figures:
    """What became of the requests, and how many sockets, tasks and threads there were before and after."""

    face: str
    ended: Counter[str] = field(default_factory=Counter)
    most_waiting: int = 0
    pools: str = ""
    further: int = 0
    before: tuple[int, int, int] = (0, 0, 0)
    after: tuple[int, int, int] = (0, 0, 0)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Nothing is held, and no more is there than before: a thread of another test may have ended meanwhile."""
        more = [after for before, after in zip(self.before, self.after, strict=True) if after > before]
        return " 0 held, " in self.pools and self.pools.endswith(", 0 waiting>>") and not more

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {how}" for how, count in self.ended.most_common())
        return (
            f"{self.face}: {self.ended.total()} requests ({ended}; up to {self.most_waiting} waiting) in "
            f"{self.seconds:.0f} s; then {self.pools}; {self.further} further requests answered; sockets, tasks and "
            f"threads before {self.before}, after {self.after}"
        )


def tasks_alive() -> int:
    """The tasks of the loop that is running."""
    loop = anyio.lowlevel.current_token().native_token
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


async def storm(face: str, requests: int, seed: int = 1) -> Figures:
    """Requests that are cancelled after so many turns of the loop, or so many milliseconds."""
    figures, random = Figures(face), Random(seed)
    with servers() as peers:
        await anyio.getaddrinfo("127.0.0.1", 80)  # what asks for names starts a thread that stays
        transport = AnyioTransport(max_connections=LIMIT)
        figures.before = open_sockets(), tasks_alive(), 0
        places = anyio.Semaphore(AT_ONCE)

        async def give_up(scope: anyio.CancelScope, turns: int, seconds: float) -> None:
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            if seconds:
                await anyio.sleep(seconds)
            scope.cancel()

        async def ask(peer: Reluctant, turns: int, seconds: float) -> None:
            async with places, anyio.create_task_group() as group:
                group.start_soon(give_up, group.cancel_scope, turns, seconds)
                try:
                    await transport.send(peer.request())
                    figures.ended["answered"] += 1
                except anyio.get_cancelled_exc_class():
                    figures.ended["cancelled"] += 1
                    raise
                finally:
                    figures.most_waiting = max(figures.most_waiting, transport_waiting(repr(transport)))
                    group.cancel_scope.cancel()

        started = time.monotonic()
        async with anyio.create_task_group() as group:
            for number in range(requests):
                turns, seconds = random.randrange(30), random.choice((0.0, 0.0, random.uniform(0, 0.03)))
                group.start_soon(ask, peers[number % 3], turns, seconds)
                if number % AT_ONCE == 0:
                    await anyio.lowlevel.checkpoint()
        figures.seconds = time.monotonic() - started
        figures.pools = repr(transport)
        for peer in peers:
            peer.be_willing()
            for _ in range(3):
                figures.further += (await transport.send(peer.request())).body == b"ok"
        await transport.aclose()
        await anyio.to_thread.run_sync(settle, peers, figures.before[0])
        figures.after = open_sockets(), tasks_alive(), 0
    return figures


def transport_waiting(shown: str) -> int:
    """The number of waiting requests, from the repr of a transport."""
    return int(shown.rpartition(" waiting")[0].rpartition(" ")[2] or 0)


def settle(peers: list[Reluctant], sockets: int) -> None:
    """Wait until the servers have seen that their clients are gone."""
    eventually(lambda: not any(peer.connections for peer in peers) and open_sockets() <= sockets)


def storm_of_threads(requests: int, seed: int = 1) -> Figures:
    """Requests whose limits are a few milliseconds, from many threads."""
    figures = Figures("blocking")
    lock = threading.Lock()
    with servers() as peers:
        transport = SocketTransport(max_connections=LIMIT)
        figures.before = open_sockets(), 0, threading.active_count()

        def ask(number: int) -> None:
            random = Random(f"{seed}:{number}")
            connect, read, write, pool = (random.choice((0.001, 0.005, 0.02)) for _ in range(4))
            timeouts = Timeouts(connect, read, write, pool, random.choice((None, 0.002, 0.02)))
            try:
                transport.send(peers[number % 3].request(timeouts))
                how = "answered"
            except PixelConnectionError as error:
                how = type(error).__name__
            with lock:
                figures.ended[how] += 1
                figures.most_waiting = max(figures.most_waiting, transport_waiting(repr(transport)))

        started = time.monotonic()
        with ThreadPoolExecutor(THREADS) as threads:
            for done in [threads.submit(ask, number) for number in range(requests)]:
                done.result()
        figures.seconds = time.monotonic() - started
        figures.pools = repr(transport)
        for peer in peers:
            peer.be_willing()
            for _ in range(3):
                figures.further += transport.send(peer.request()).body == b"ok"
        transport.close()
        settle(peers, figures.before[0])
        figures.after = open_sockets(), 0, threading.active_count()
    return figures


def run(face: str, requests: int, seed: int = 1) -> Figures:
    """A storm on a face, by its name: blocking, asyncio or trio."""
    if face == "blocking":
        return storm_of_threads(requests, seed)
    return anyio.run(storm, face, requests, seed, backend=face)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--face", choices=["blocking", "asyncio", "trio"], action="append")
    arguments = parser.parse_args()
    clean = True
    for face in arguments.face or ["asyncio", "trio", "blocking"]:
        figures = run(face, arguments.requests, arguments.seed)
        print(figures, flush=True)
        clean = clean and figures.clean and figures.further == 9
    raise SystemExit(0 if clean else "something was left, or a further request was not answered")


if __name__ == "__main__":
    main()
