"""Several calls at once, and uploads, over one selector: plain sockets, no threads, and no event loop but this one.

    python -m tests.system.embedding.selectors_loop http://127.0.0.1:8000

Rules kept here:

* A task is a generator that yields what it waits for: a socket, a moment, or other tasks. Flows run inside of such.
* `perform` performs each effect and decides nothing. The HTTP is the core's: `exchange` is a flow too.
* Files are read in the loop, since there are no threads. A program with large ones would have a thread for that.
"""

import os
import secrets
import selectors
import socket
import sys
import time
from collections.abc import Generator, Hashable, Sequence
from dataclasses import dataclass, field
from math import inf
from select import select
from typing import Any, NamedTuple, TypeAlias

import pixel_core as pixel
from pixel_core.models import PixelUploadFile
from pixel_transports import SliceReader, digest, file_facts
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos


class Wait(NamedTuple):
    """What a task waits for; it goes on with whether that came before the moment `until`."""

    sock: socket.socket | None = None
    events: int = 0
    until: float = inf
    tasks: "Sequence[Task]" = ()  # any of them


Steps: TypeAlias = Generator[Wait, Any, Any]


@dataclass(eq=False)
class Task:
    """Steps on their way. `outcome` is their result, or the Exception that ended them."""

    steps: Steps
    over: bool = False
    outcome: Any = None
    joined: "list[tuple[Task, Wait]]" = field(default_factory=list)


class TaskGroup:
    """Flows that run beside a lead, with their keys."""

    def __init__(self, loop: "Loop") -> None:
        self.loop = loop
        self.tasks: list[tuple[Any, Task]] = []

    def spawn(self, key: Any, flow: pixel.Flow[Any]) -> None:
        self.tasks.append((key, self.loop.spawn(self.loop.drive(flow))))

    def next_done(self, timeout: float | None) -> Steps:
        if not any(task.over for _, task in self.tasks):
            yield Wait(until=moment(timeout), tasks=[task for _, task in self.tasks])
        done = [(key, task.outcome) for key, task in self.tasks if task.over]
        self.tasks = [(key, task) for key, task in self.tasks if not task.over]
        return done


class Loop:
    """Runs flows side by side."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.waiting: dict[Task, Wait] = {}
        self.leasing = pixel.Leasing(pixel.Pool())
        self.once: dict[Hashable, Task] = {}

    # The scheduler: nothing in it knows of Pixel

    def run(self, *flows: pixel.Flow[Any]) -> list[Any]:
        """Run flows to their ends, all at once; give their results in order, or raise the first failure."""
        tasks = [self.spawn(self.drive(flow)) for flow in flows]
        while not all(task.over for task in tasks):
            first = min(wait.until for wait in self.waiting.values())
            for key, _ in self.selector.select(None if first == inf else max(0.0, first - time.monotonic())):
                self.step(key.data, True)
            now = time.monotonic()
            for task in [task for task, wait in self.waiting.items() if wait.until <= now]:
                self.step(task, False)
        for task in tasks:
            if isinstance(task.outcome, Exception):
                raise task.outcome
        return [task.outcome for task in tasks]

    def spawn(self, steps: Steps) -> Task:
        task = Task(steps)
        self.step(task, None)
        return task

    def step(self, task: Task, came: bool | None) -> None:
        last = self.waiting.pop(task, None)
        if last is not None and last.sock is not None:
            self.selector.unregister(last.sock)
        try:
            wait = task.steps.send(came)
        except Exception as end:
            task.over, task.outcome = True, end.value if isinstance(end, StopIteration) else end
            for each, joining in task.joined:
                if self.waiting.get(each) is joining:
                    self.step(each, True)
            return
        self.waiting[task] = wait
        if wait.sock is not None:
            self.selector.register(wait.sock, wait.events, task)
        for each in wait.tasks:
            each.joined.append((task, wait))

    def cancel(self, task: Task) -> None:
        last = self.waiting.pop(task, None)
        if last is not None and last.sock is not None:
            self.selector.unregister(last.sock)
        task.over = True
        task.steps.close()

    # The driver: a flow asks, `perform` performs, and what goes wrong is thrown in where the flow asked

    def drive(self, flow: pixel.Flow[Any]) -> Steps:
        answer: Any = None
        error: Exception | None = None
        try:
            while True:
                effect = flow.send(answer) if error is None else flow.throw(error)
                answer = error = None
                try:
                    answer = yield from self.perform(effect)
                except Exception as problem:
                    error = problem
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def perform(self, effect: pixel.Effect[Any]) -> Steps:
        match effect:
            case pixel.Exchange(request):
                return (yield from self.drive(pixel.exchange(request, self.leasing)))
            case pixel.Resolve(host, port):
                return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            case pixel.Connect((family, kind, protocol, _, address)):
                sock = socket.socket(family, kind, protocol)
                sock.setblocking(False)
                sock.connect_ex(address)
                return sock
            case pixel.WaitConnected(socks, timeout):
                sock = socks[-1]  # all of them are ready at once, or this one is the newest
                if not (yield Wait(sock, selectors.EVENT_WRITE, moment(timeout))):
                    return []
                error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                return [pixel.ConnectResult(sock, OSError(error, os.strerror(error)) if error else None)]
            case pixel.IsIdle(sock):
                return not select([sock], [], [], 0)[0]
            case pixel.WaitForSlot(lease, timeout):
                free: list[bool] = []
                lease.notify = lambda: free.append(True)
                until = moment(timeout)
                while not free and time.monotonic() < until:
                    yield Wait(until=min(until, moment(0.01)))
            case pixel.Write(sock, segments, timeout):
                try:
                    for segment in segments:
                        for piece in [segment] if isinstance(segment, bytes) else SliceReader(segment):
                            yield from self.write(sock, memoryview(piece), timeout)
                except ConnectionError:
                    return False  # the peer hung up; what it said before is still read
                return True
            case pixel.Read(sock, timeout):
                while True:
                    try:
                        return sock.recv(65536)
                    except BlockingIOError:
                        yield from self.until(sock, selectors.EVENT_READ, timeout)
            case pixel.Sleep(seconds):
                yield Wait(until=moment(seconds))
            case pixel.Clock():
                return time.monotonic()
            case pixel.Random():
                return secrets.randbits(128)
            case pixel.Report() | pixel.WriteJournal():
                return None  # there is no listener and no journal
            case pixel.CallTokenProvider(function):
                return function()
            case pixel.Stat(paths):
                return file_facts(paths)
            case pixel.Digest(slices, keep):
                return digest(slices, keep, lambda: False)
            case pixel.OpenTaskGroup(lead):
                tasks = TaskGroup(self)
                try:
                    return (yield from self.drive(lead(tasks)))
                finally:
                    for _, task in tasks.tasks:
                        self.cancel(task)
            case pixel.Spawn(group, key, flow):
                group.spawn(key, flow)
            case pixel.NextDone(group, timeout):
                return (yield from group.next_done(timeout))
            case pixel.OpenJournal(lead=lead):
                return (yield from self.drive(lead(pixel.JournalSnapshot())))  # there is no journal
            case pixel.SingleFlight(key, flow):
                running = self.once.get(key)
                if running is None or running.over:
                    running = self.once[key] = self.spawn(self.drive(flow))
                if not running.over:
                    yield Wait(tasks=[running])
                if isinstance(running.outcome, Exception):
                    raise running.outcome
                return running.outcome

    def until(self, sock: socket.socket, events: int, seconds: float | None) -> Steps:
        if not (yield Wait(sock, events, moment(seconds))):
            raise TimeoutError(f"nothing happened within {seconds} seconds")

    def write(self, sock: socket.socket, left: memoryview, seconds: float | None) -> Steps:
        while left:
            try:
                left = left[sock.send(left) :]
            except BlockingIOError:
                yield from self.until(sock, selectors.EVENT_WRITE, seconds)

    def close(self) -> None:
        self.leasing.close()
        self.selector.close()


def moment(seconds: float | None) -> float:
    return inf if seconds is None else time.monotonic() + seconds


def main(url: str) -> None:
    account = pixel.Account(f"{url}/auth", "Sandbox", "frontend", "demo@example.com", "demo")
    api, loop = pixel.PixelApi(pixel.Session(f"{url}/api/sandbox", account)), Loop()
    users = loop.run(*(api.me() for _ in range(8)))
    print(f"{len(users)} calls at once, as", users[0]["email"])
    (project,) = loop.run(api.create_project("Selectors", "Made over one selector", SAMPLE_AREA))
    (collection,) = loop.run(api.create_data_collection(project["id"], "Photos", "Six of them", "image"))
    files = [PixelUploadFile(file=path) for path in sample_photos()]
    ((images, errors),) = loop.run(api.upload_multiple_images(project["id"], collection["id"], files))
    print(f"{len(images)} photos uploaded, {len(errors)} errors")
    (projects,) = loop.run(api.list_projects())
    print("projects:", *(each["name"] for each in projects))
    loop.close()


if __name__ == "__main__":
    main(sys.argv[1])
