"""What the rows of the matrix are played on: a client of one face, before the proxy, before a sandbox; what is counted.

Rules kept here:

* All faces are called from the main thread of a program that is no coroutine, the async ones through a portal.
* Whoever gives up a call does as programs do: Ctrl-C (a signal in the main thread) on the blocking face, `Task.cancel`
  or a cancel scope on the others.
* What has to be so at once is looked at once; what threads and the system do on their own is waited for.
"""

import asyncio
import random
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from hashlib import md5
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import anyio
import anyio.lowlevel
import trio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.errors import PixelError
from pixel_core.events import CallRepeated
from pixel_core.models import PixelUploadFile
from pixel_transports.clients import PixelClient, PixelClientAsync
from pixel_transports.sandbox import SAMPLE_AREA
from pixel_transports.settings import PixelApiSettings
from tests.faults.plans import Place, Plan, Quiet
from tests.faults.proxy import Door, Proxy
from tests.faults.world import JPEG, World, world

LIMIT_SECONDS = 0.4
"""How long a call waits where a row is about that; silences are longer."""

PATIENCE = 10.0
"""How long a call waits where a row is about something else, and how long what happens at once may take."""

DEADLINE_SECONDS = 8.0
"""How long a call may take with all its repeats."""

BUFFER_BYTES = 32 * 1024
"""What the system takes for the proxy ahead of what it reads, so that a sender of much has to wait for it."""

MUCH = 12 * 1024 * 1024
"""More than the buffers of both sides hold, in bytes."""

RIGHT = "right"
GIVEN_UP = "given up"

_COUNTS = re.compile(r"(\d+) held, (\d+) idle, (\d+) waiting")


class GivenUp(BaseException):
    """What an interrupt raises in the main thread: no Exception, as KeyboardInterrupt is none."""


@dataclass(slots=True)
class Played:
    """What a case came to: its result in a word, how long it took, and what is wrong."""

    result: str
    seconds: float
    wrong: list[str]


class Case(Protocol):
    """One fault at one place in one call. `what` is called, `told` says what is done to it."""

    @property
    def what(self) -> str: ...
    @property
    def told(self) -> str: ...
    def play(self, bench: "Bench") -> Played: ...


class Caller:
    """A client of one face, called from a program that is no coroutine. `repeating` is called when it will repeat a
    request.
    """

    def __init__(self, face: str, settings: PixelApiSettings, portal: BlockingPortal | None) -> None:
        self._portal = portal
        self.face = face
        self.repeating: Callable[[], None] = lambda: None
        kind: Any = PixelClient if portal is None else PixelClientAsync
        self.client: Any = kind.from_settings(settings, journal=None, listener=self._heard)

    def _heard(self, event: object) -> None:
        if isinstance(event, CallRepeated):
            self.repeating()

    def call(self, name: str, *arguments: Any, options: dict[str, Any] | None = None, **keywords: Any) -> Any:
        """Call a method of the client, with these options for the call."""
        method = partial(getattr(self.client.with_options(**options or {}), name), *arguments, **keywords)
        return method() if self._portal is None else self._portal.call(method)

    @property
    def ways(self) -> tuple[str, ...]:
        """How a call of this face can be given up."""
        return {"blocking": ("interrupt",), "asyncio": ("task", "scope"), "trio": ("scope",)}[self.face]

    def begin(self, way: str, turns: int | None, call: partial[Any]) -> "Attempt":
        """Begin a call (of `call`, which is `self.call` with its arguments) that is going to be given up, on an event
        loop after so many turns of it, unless that is None.
        """
        if self._portal is None:
            return _Interrupted(call)
        options = dict(call.keywords)
        client = self.client.with_options(**options.pop("options", None) or {})
        name, *arguments = call.args
        return _Cancelled(self._portal, way, turns, partial(getattr(client, name), *arguments, **options))

    def close(self) -> None:
        if self._portal is None:
            self.client.close()
        else:
            self._portal.call(self.client.aclose)

    def tasks(self) -> int:
        """How many tasks the event loop has."""
        if self._portal is None:
            return 0
        if self.face == "trio":
            return self._portal.call(lambda: trio.lowlevel.current_statistics().tasks_living)
        return self._portal.call(lambda: len(asyncio.all_tasks()))

    @property
    def pool(self) -> str:
        return repr(self.client._driver.transport)

    def counts(self) -> tuple[int, int, int]:
        """How many places are held, how many connections are idle, how many owners wait for a place."""
        found = _COUNTS.search(self.pool)
        return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


class Attempt(Protocol):
    """A call that is going to be given up."""

    def end(self, ready: Callable[[], bool]) -> Any:
        """Give it up once `ready` says so. Gives `GIVEN_UP`, or what the call gave if that was first, and raises what it
        raised.
        """
        ...


class _Interrupted:
    """A call of the blocking face, in the main thread."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._inside = False
        self._over = threading.Event()

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._inside:
            self._inside = False
            raise GivenUp

    def _give_up(self, ready: Callable[[], bool]) -> None:
        main = threading.main_thread().ident or 0
        while not ready():
            if self._over.wait(0.001):
                return
        # One that comes just before a wait begins is seen only after it: so it is sent until it is heard.
        while not self._over.wait(0.003):
            if self._inside:
                signal.pthread_kill(main, signal.SIGUSR1)

    def end(self, ready: Callable[[], bool]) -> Any:
        before = signal.signal(signal.SIGUSR1, self._raise)
        thread = threading.Thread(target=self._give_up, args=(ready,), name="gives-up", daemon=True)
        thread.start()
        try:
            self._inside = True
            try:
                return self._call()
            finally:
                self._inside = False
        except GivenUp:
            return GIVEN_UP
        finally:
            self._over.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)


class _Cancelled:
    """A call of an async face, as a task of the portal's loop."""

    def __init__(
        self, portal: BlockingPortal, way: str, turns: int | None, method: Callable[[], Coroutine[Any, Any, Any]]
    ) -> None:
        self._portal = portal
        self._method = method
        self._turns = turns
        self._cancel: Callable[[], object] = lambda: None
        self._begun = threading.Event()
        self._future = portal.start_task_soon(self._as_task if way == "task" else self._in_scope)

    async def _as_task(self) -> Any:
        task = asyncio.ensure_future(self._method())
        self._cancel = task.cancel
        self._begun.set()
        await self._spin()
        try:
            return await task
        except asyncio.CancelledError:
            return GIVEN_UP

    async def _in_scope(self) -> Any:
        results: list[Any] = []
        failures: list[Exception] = []

        async def attempt() -> None:
            try:
                results.append(await self._method())
            except Exception as error:  # kept here, since the group would wrap it
                failures.append(error)

        async with anyio.create_task_group() as group:
            self._cancel = group.cancel_scope.cancel
            self._begun.set()
            group.start_soon(attempt)
            await self._spin()
        if failures:
            raise failures[0]
        return results[0] if results else GIVEN_UP

    async def _spin(self) -> None:
        """Give it up after so many turns."""
        if self._turns is not None:
            for _ in range(self._turns):
                await anyio.lowlevel.checkpoint()
            self._cancel()

    def end(self, ready: Callable[[], bool]) -> Any:
        self._begun.wait(PATIENCE)
        while self._turns is None and not self._future.done() and not ready():
            time.sleep(0.001)
        if self._turns is None and not self._future.done():
            time.sleep(0.003)  # for what was sent to be read
            self._portal.call(self._cancel)
        return self._future.result(PATIENCE)


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether this becomes so."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload, in bytes of its own."""

    path: Path
    size: int
    md5: str


class Bench:
    """A client before the proxy before a sandbox."""

    def __init__(
        self, here: World, proxy: Proxy, face: str, portal: BlockingPortal | None, folder: Path, seed: int
    ) -> None:
        self.here, self.proxy, self.face, self.folder = here, proxy, face, folder
        self._portal = portal
        self._settings = PixelApiSettings(**here.sandbox.environment(proxy.url))
        self._numbers = iter(range(1_000_000))
        self._random = random.Random(seed)
        self.client = Caller(face, self._settings, portal)
        self._tasks = 0
        self.login_bytes = 0
        """How long the answer to a login is."""

    def warm_up(self) -> None:
        """Log in, and count what is there before the first case."""
        self.client.call("get_project", self.here.project_id)
        self._tasks = self.client.tasks()
        self.login_bytes = next(seen.answer_bytes for seen in self.proxy.seen if seen.place is Place.LOGIN)

    def name(self) -> str:
        """A name that nothing had before."""
        return f"number {next(self._numbers):06}"

    @contextmanager
    def fresh(self) -> Iterator[Caller]:
        """Another client of the same face, which has to log in first."""
        client = Caller(self.face, self._settings, self._portal)
        try:
            yield client
        finally:
            client.close()

    # What is sent

    def file(self, size: int) -> File:
        path = self.folder / f"{self.name()}.jpg"
        content = JPEG + self._random.randbytes(size - len(JPEG))
        path.write_bytes(content)
        return File(path, size, md5(content, usedforsecurity=False).hexdigest())

    def upload(self, file: File, parts: int, options: dict[str, Any]) -> "partial[Any]":
        """The call that uploads a file, whole (0) or in so many parts."""
        keywords: dict[str, Any] = {"multipart": True, "multipart_part_size": -(-file.size // parts)} if parts else {}
        given = [PixelUploadFile(file=file.path)]
        where = (self.here.project_id, self.here.collection_id)
        return partial(self.client.call, "upload_multiple_images", *where, given, options=options, **keywords)

    # What there is

    def projects(self, name: str) -> int:
        return sum(project.name == name for project in list(self.here.sandbox.state.projects.values()))

    def stored(self, file: File) -> list[tuple[int, str]]:
        """Size and MD5 of each image of that name."""
        return self.here.stored_as(file.path.name)

    @contextmanager
    def spoilt(self, plan: Plan) -> Iterator[None]:
        """Spoil what is sent in here. Nothing is held up any more afterwards, and the door is open."""
        self.proxy.spoil(plan)
        try:
            yield
        finally:
            self.proxy.relent()

    @contextmanager
    def behind(self, door: Door) -> Iterator[None]:
        """No connection is kept, and whoever wants another one is treated in this way."""
        self.proxy.drop()
        self.proxy.turn(door)
        self.proxy.spoil(Quiet())
        try:
            yield
        finally:
            self.proxy.turn(Door.OPEN)

    def timed(self, call: Callable[[], str], client: Caller | None = None) -> Played:
        """Make a call that gives its result in a word, and look whether the client let go of everything."""
        client = client or self.client
        start = time.monotonic()
        try:
            result = call()
        except PixelError as error:
            result = type(error).__name__
        except Exception as error:
            result = f"undocumented {type(error).__name__}: {error}"
        seconds = time.monotonic() - start
        wrong = []
        held, _, waiting = client.counts()
        if held or waiting:
            wrong.append(f"left {client.pool}")
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("pixel-crew")]
        if left:
            wrong.append(f"left the threads {left}")
        if seconds > DEADLINE_SECONDS:
            wrong.append(f"it took {seconds:.1f} s")
        return Played(result, seconds, wrong)

    def next_call(self) -> list[str]:
        """What is wrong with the next call, and with what is left: no connection but the idle ones, and no task."""
        wrong = []
        try:
            if self.client.call("get_project", self.here.project_id)["name"] != "Faults":
                wrong.append("the next call has another result")
        except PixelError as error:
            wrong.append(f"the next call fails: {error}")
        if not eventually(lambda: self.proxy.lines == self.client.counts()[1], 3.0):
            wrong.append(f"{self.proxy.lines} connections, and {self.client.pool}")
        if not eventually(lambda: self.client.tasks() == self._tasks, 3.0):
            wrong.append(f"{self.client.tasks()} tasks, before it were {self._tasks}")
        return wrong


def calling(
    bench: Bench, client: Caller, method: str, name: str, options: dict[str, Any], note: str = ""
) -> "partial[Any]":
    """The call behind a method: it looks at the bench's project, or makes one of this name."""
    if method == "GET":
        return partial(client.call, "get_project", bench.here.project_id, options=options)
    return partial(client.call, "create_project", name, note, SAMPLE_AREA, options=options)


def named(method: str, name: str, value: Any) -> str:
    """What a call gave, in a word."""
    if value == GIVEN_UP:
        return GIVEN_UP
    return RIGHT if value["name"] == ("Faults" if method == "GET" else name) else "another result"


@contextmanager
def bench(face: str, seed: int = 1) -> Iterator[Bench]:
    """All of it, for one face."""
    with (
        world(job_seconds=0.0) as here,
        Proxy(here.address, Quiet(), buffer_bytes=BUFFER_BYTES) as proxy,
        tempfile.TemporaryDirectory() as folder,
    ):
        with nullcontext() if face == "blocking" else start_blocking_portal(face) as portal:
            made = Bench(here, proxy, face, portal, Path(folder), seed)
            try:
                made.warm_up()
                yield made
            finally:
                made.client.close()
