"""A program with windows: an event loop that knows `after(ms, function)` and `watch(fd, function)`, and nothing else.

    python -m tests.system.embedding.callback_loop http://127.0.0.1:8000

Tk (`after`, `createfilehandler`; see `tk_loop.py`) and Qt (`QTimer.singleShot`, `QSocketNotifier`) have such loops.

Rules kept here:

* No call blocks, and there are no threads: a window stays alive while calls are under way.
* A flow is started with a function that is called with its result, or with the exception that ended it.
"""

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from select import select
from typing import Any, Protocol, TypeAlias, cast

import pixel_core as pixel

AREA = {"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]]}
LOOK_AGAIN = 5  # milliseconds between looks at a socket that connects or is full: the loop only reports readable ones
LATER: Any = object()  # what `perform` gives when the answer comes by a callback
Resume: TypeAlias = Callable[[Any], None]


class CallbackLoop(Protocol):
    """What is asked of a loop. A file is watched until it can be read; None: no longer."""

    def after(self, ms: int, function: Callable[[], None]) -> None: ...
    def watch(self, fd: int, function: Callable[[], None] | None) -> None: ...
    def run(self) -> None: ...
    def quit(self) -> None: ...


class SmallLoop:
    """The smallest of such loops."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.watched: dict[int, Callable[[], None]] = {}
        self.running = True

    def after(self, ms: int, function: Callable[[], None]) -> None:
        self.timers.append((time.monotonic() + ms / 1000, function))

    def watch(self, fd: int, function: Callable[[], None] | None) -> None:
        self.watched.pop(fd, None)
        if function is not None:
            self.watched[fd] = function

    def run(self) -> None:
        while self.running:
            now = time.monotonic()
            due = [each for each in self.timers if each[0] <= now]
            self.timers = [each for each in self.timers if each[0] > now]
            for _, function in due:
                function()
            soon = 0.0 if due else min((moment for moment, _ in self.timers), default=now) - now
            for fd in select(list(self.watched), [], [], max(0.0, soon))[0]:
                if fd in self.watched:
                    self.watched[fd]()

    def quit(self) -> None:
        self.running = False


class Driver:
    """Runs flows in a loop of callbacks."""

    def __init__(self, loop: CallbackLoop) -> None:
        self.loop = loop
        self.leasing = pixel.Leasing(pixel.Pool())
        self.once: dict[Hashable, list[Resume]] = {}

    def start(self, flow: pixel.Flow[Any], ended: Resume) -> None:
        """Run a flow; `ended` is called with its result, or with the Exception that ended it."""

        def resume(answer: Any) -> None:
            try:
                while answer is not LATER:
                    effect = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
                    try:
                        answer = self.perform(effect, resume)
                    except Exception as error:
                        answer = error
                return
            except StopIteration as end:
                outcome = end.value
            except Exception as error:
                outcome = error
            ended(outcome)

        resume(None)

    def perform(self, effect: pixel.Effect[Any], resume: Resume) -> Any:
        """What the flow asked for, or LATER: then `resume` is called with it."""
        match effect:
            case pixel.Clock():
                return time.monotonic()
            case pixel.Random():
                return secrets.randbits(128)
            case pixel.Report():
                return None  # a window could show it
            case pixel.Sleep(seconds):
                self.loop.after(round(seconds * 1000), partial(resume, None))
            case pixel.Exchange(request):
                self.start(pixel.exchange(request, self.leasing), resume)
            case pixel.SingleFlight(key, flow):
                self.once.setdefault(key, []).append(resume)
                if len(self.once[key]) == 1:
                    self.start(flow, partial(self.notify_waiters, key))
            case pixel.Resolve(host, port):
                return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            case pixel.Connect((family, kind, protocol, _, address)):
                new = socket.socket(family, kind, protocol)
                new.setblocking(False)
                new.connect_ex(address)
                return new
            case pixel.WaitConnected(socks, timeout):
                self.when(
                    partial(self.connected, socks),
                    timeout,
                    lambda end: resume([] if isinstance(end, TimeoutError) else end),
                )
            case pixel.IsIdle(sock):
                return not select([sock], [], [], 0)[0]
            case pixel.Write(sock, segments, timeout):
                left = bytearray().join(cast(Sequence[bytes], segments))  # slices of files are for uploads
                self.when(partial(self.written, sock, left), timeout, resume)
            case pixel.Read(sock, timeout):
                self.when(partial(sock.recv, 65536), timeout, resume, sock.fileno())
            case _:
                raise NotImplementedError(f"{effect!r}: uploads and listings ahead ask for more, see selectors_loop.py")
        return LATER

    def notify_waiters(self, key: Hashable, outcome: Any) -> None:
        for resume in self.once.pop(key):
            resume(outcome)

    def when(self, attempt: Callable[[], Any], seconds: float | None, resume: Resume, fd: int | None = None) -> None:
        """Try until it no longer says that it would block: when `fd` can be read, or again and again."""
        over = False

        def look(late: bool = False) -> None:
            nonlocal over
            if over:
                return
            try:
                answer = attempt()
            except BlockingIOError:
                if not late:
                    if fd is None:
                        self.loop.after(LOOK_AGAIN, look)
                    return
                answer = TimeoutError(f"nothing happened within {seconds} seconds")
            except OSError as error:
                answer = error
            over = True
            if fd is not None:
                self.loop.watch(fd, None)
            resume(answer)

        if fd is not None:
            self.loop.watch(fd, look)
        if seconds is not None:
            self.loop.after(round(seconds * 1000), partial(look, True))
        look()

    def connected(self, socks: Sequence[Any]) -> list[pixel.ConnectResult]:
        ready = select([], socks, [], 0)[1]
        if not ready:
            raise BlockingIOError
        errors = [sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for sock in ready]
        return [
            pixel.ConnectResult(sock, OSError(code, os.strerror(code)) if code else None)
            for sock, code in zip(ready, errors, strict=True)
        ]

    def written(self, sock: socket.socket, left: bytearray) -> bool:
        try:
            while left:
                del left[: sock.send(left)]
        except ConnectionError:
            return False  # the peer hung up; what it said before is still read
        return True


def tour(api: pixel.PixelApi) -> pixel.Flow[list[str]]:
    """Flows are combined in a flow, so that only its end needs a callback."""
    yield from api.create_project("Callbacks", "Made from a loop of callbacks", AREA)
    return [each["name"] for each in (yield from api.list_projects())]


def main(url: str, loop: CallbackLoop) -> None:
    account = pixel.Account(f"{url}/auth", "Sandbox", "frontend", "demo@example.com", "demo")
    api, driver = pixel.PixelApi(pixel.Session(f"{url}/api/sandbox", account)), Driver(loop)
    outcomes: list[Any] = []

    def ended(outcome: Any) -> None:
        outcomes.append(outcome)
        if isinstance(outcome, Exception) or len(outcomes) > 8:
            loop.quit()
        elif len(outcomes) == 8:
            print("8 calls at once, as", outcome["email"])
            driver.start(tour(api), ended)

    for _ in range(8):
        driver.start(api.me(), ended)
    loop.run()
    driver.leasing.close()
    if isinstance(outcomes[-1], Exception):
        raise outcomes[-1]
    print("projects:", *outcomes[-1])


if __name__ == "__main__":
    main(sys.argv[1], SmallLoop())
