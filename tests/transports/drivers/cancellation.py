"""Storms of requests that are cancelled at random points, on each face, and what is left of them: nothing.

    python -m tests.transports.drivers.cancellation --requests 10000 --face trio

Rules kept here:

* Requests go to a peer that never answers, to one that answers now and then, and to one that accepts no connection.
  They are cancelled while they wait for one of ten connections to each, while they connect, and while they read. On the
  blocking face they run out of time instead.
* Afterwards the pools are empty, and three requests to each of the same origins succeed: a lost slot would be missed.
"""

import argparse
import re
import threading
import time
from asyncio import all_tasks
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anyio
import anyio.lowlevel
import trio

from pixel_core.errors import PixelConnectionError
from pixel_core.messages import Timeouts
from tests.support.peers import OK, Face, Peer, ScriptedConnection, eventually, open_face, open_sockets, read_head

LIMIT = 10
"""Connections an origin."""

AT_ONCE = 100
"""Requests under way at a time, most of which wait for a slot."""

THREADS = 40


class Reluctant(Peer):
    """A peer that answers this share of the requests, at once or never. It answers all once it is `willing`; one that
    does not accept begins to then.
    """

    def __init__(self, share: float, accepting: bool = True) -> None:
        super().__init__([self._answer])
        self.willing = False
        self._random, self._share, self._accepting = Random(1), share, accepting
        if not accepting:
            self._listener.listen(0)

    def __enter__(self) -> "Reluctant":
        super().__enter__()
        return self

    def _accept(self) -> None:
        while not (self._accepting or self.willing or self.stopping.is_set()):
            time.sleep(0.01)
        super()._accept()

    def _answer(self, connection: ScriptedConnection) -> None:
        while True:
            read_head(connection)
            if self.willing or self._random.random() < self._share:
                connection.sock.sendall(OK)


@dataclass
class Figures:
    """What became of the requests, and how many sockets, and tasks or threads, there were before and after."""

    face: str
    ended: Counter[str] = field(default_factory=Counter)
    most_waiting: int = 0
    pools: str = ""
    further: int = 0
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Nothing is held, and no more is there than before: a thread of another test may have ended meanwhile."""
        return " 0 held, " in self.pools and self.pools.endswith(", 0 waiting>>") and no_more(self.before, self.after)

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {how}" for how, count in self.ended.most_common())
        return (
            f"{self.face}: {self.ended.total()} requests ({ended}; up to {self.most_waiting} waiting) in "
            f"{self.seconds:.0f} s; then {self.pools}; {self.further} further requests answered; sockets, and tasks or "
            f"threads, before {self.before}, after {self.after}"
        )

    def note_waiting(self, transport: Any) -> None:
        (waiting,) = re.findall(r"(\d+) waiting", repr(transport)) or ["0"]
        self.most_waiting = max(self.most_waiting, int(waiting))


def no_more(before: tuple[int, int], after: tuple[int, int]) -> bool:
    return all(now <= then for then, now in zip(before, after, strict=True))


def alive(face: Face) -> tuple[int, int]:
    """The open sockets, and the tasks of the event loop, or the threads of the blocking face."""
    if face._portal is None:
        return open_sockets(), threading.active_count()
    tasks: dict[str, Callable[[], int]] = {
        "asyncio": lambda: len(all_tasks()),
        "trio": lambda: trio.lowlevel.current_statistics().tasks_living,
    }
    return open_sockets(), face._portal.call(tasks[face.name])


async def cancel_tasks(figures: Figures, transport: Any, peers: list[Reluctant], requests: int, seed: int) -> None:
    """Requests that are cancelled after so many turns of the loop, or so many milliseconds."""
    slots, random = anyio.Semaphore(AT_ONCE), Random(seed)

    async def give_up(scope: anyio.CancelScope, turns: int, seconds: float) -> None:
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        if seconds:
            await anyio.sleep(seconds)
        scope.cancel()

    async def ask(peer: Reluctant, turns: int, seconds: float) -> None:
        async with slots, anyio.create_task_group() as group:
            group.start_soon(give_up, group.cancel_scope, turns, seconds)
            try:
                await transport.send(peer.request())
                figures.ended["answered"] += 1
            except anyio.get_cancelled_exc_class():
                figures.ended["cancelled"] += 1
                raise
            finally:
                figures.note_waiting(transport)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for number in range(requests):
            turns, seconds = random.randrange(30), random.choice((0.0, 0.0, random.uniform(0, 0.03)))
            group.start_soon(ask, peers[number % 3], turns, seconds)
            if number % AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()


def time_out_threads(figures: Figures, transport: Any, peers: list[Reluctant], requests: int, seed: int) -> None:
    """Requests whose limits are a few milliseconds, from many threads."""

    def ask(number: int) -> str:
        random = Random(f"{seed}:{number}")
        limits: dict[str, Any] = {each: random.choice((0.001, 0.005, 0.02)) for each in Timeouts._fields[:4]}
        try:
            transport.send(peers[number % 3].request(**limits, total=random.choice((None, 0.002, 0.02))))
            return "answered"
        except PixelConnectionError as error:
            return type(error).__name__
        finally:
            figures.note_waiting(transport)

    with ThreadPoolExecutor(THREADS) as threads:
        figures.ended.update(threads.map(ask, range(requests)))


def run(name: str, requests: int, seed: int = 1) -> Figures:
    """A storm on a face, by its name: blocking, asyncio or trio."""
    figures = Figures(name)
    with open_face(name) as face, ExitStack() as stack:
        peers = [stack.enter_context(each) for each in (Reluctant(0), Reluctant(0.5), Reluctant(0, accepting=False))]
        transport = face.open(max_connections=LIMIT).transport
        figures.before, started = alive(face), time.monotonic()
        if face._portal is None:
            time_out_threads(figures, transport, peers, requests, seed)
        else:
            face._portal.call(cancel_tasks, figures, transport, peers, requests, seed)
        figures.seconds, figures.pools = time.monotonic() - started, repr(transport)
        for peer in peers:
            peer.willing = True
            figures.further += sum(face.send(peer.request()).body == b"ok" for _ in range(3))
        face.close()
        with suppress(AssertionError):
            eventually(lambda: no_more(figures.before, alive(face)))
        figures.after = alive(face)
    return figures


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
