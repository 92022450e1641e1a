"""The set-up of a row of the matrix: a client of one face, the proxy, a sandbox, and the checks after each row."""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import Any, Protocol

from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.errors import PixelError
from pixel_core.models import PixelUploadFile
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA
from tests.system.faults.callers import CANCELLED, PATIENCE, Caller
from tests.system.faults.plans import NoFaults, Place, Plan
from tests.system.faults.proxy import Door, Proxy
from tests.system.faults.world import JPEG, World, world

LIMIT_SECONDS = 0.3
"""The limit of a call in rows about limits. Silences last longer."""

DEADLINE_SECONDS = 8.0
"""The longest time of a call with all its repeats."""

BUFFER_BYTES = 32 * 1024
"""The receive buffer of the proxy: small, so that a large request waits for the proxy to read."""

MUCH = 12 * 1024 * 1024
"""More bytes than the buffers of both sides hold."""

RIGHT = "right"


@dataclass(slots=True)
class Played:
    """The result of a case as one word, its duration, and the problems found."""

    result: str
    seconds: float
    wrong: list[str]


class Case(Protocol):
    """One fault at one place in one call. `what` is the kind of call, `label` the fault."""

    @property
    def what(self) -> str: ...
    @property
    def label(self) -> str: ...
    def play(self, bench: "Bench") -> Played: ...


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until the condition holds. False if it does not within `seconds`."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload, with random content."""

    path: Path
    size: int
    md5: str


class Bench:
    """A client that reaches a sandbox through the proxy."""

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
        """The length of the response to a login."""

    def warm_up(self) -> None:
        """Log in, and count the tasks before the first case."""
        self.client.call("get_project", self.here.project_id)
        self._tasks = self.client.tasks()
        self.login_bytes = next(record.answer_bytes for record in self.proxy.records if record.place is Place.LOGIN)

    def name(self) -> str:
        """A new name."""
        return f"number {next(self._numbers):06}"

    @contextmanager
    def fresh(self) -> Iterator[Caller]:
        """Another client of the same face, which has to log in first."""
        client = Caller(self.face, self._settings, self._portal)
        try:
            yield client
        finally:
            client.close()

    def file(self, size: int) -> File:
        path = self.folder / f"{self.name()}.jpg"
        content = JPEG + self._random.randbytes(size - len(JPEG))
        path.write_bytes(content)
        return File(path, size, md5(content, usedforsecurity=False).hexdigest())

    def upload(self, file: File, parts: int, options: dict[str, Any]) -> "partial[Any]":
        """The call that uploads a file, whole (0) or in so many parts."""
        keywords: dict[str, Any] = {"multipart": True, "multipart_part_size": -(-file.size // parts)} if parts else {}
        files = [PixelUploadFile(file=file.path)]
        where = (self.here.project_id, self.here.collection_id)
        return partial(self.client.call, "upload_multiple_images", *where, files, options=options, **keywords)

    def projects(self, name: str) -> int:
        return sum(project.name == name for project in list(self.here.sandbox.state.projects.values()))

    def stored(self, file: File) -> list[tuple[int, str]]:
        """Size and MD5 of each image of that name."""
        return self.here.stored_as(file.path.name)

    @contextmanager
    def spoilt(self, plan: Plan) -> Iterator[None]:
        """Apply this plan to the exchanges inside the block."""
        self.proxy.spoil(plan)
        try:
            yield
        finally:
            self.proxy.relent()

    @contextmanager
    def behind(self, door: Door) -> Iterator[None]:
        """Drop all connections, and treat new ones in this way inside the block."""
        self.proxy.drop()
        self.proxy.turn(door)
        self.proxy.spoil(NoFaults())
        try:
            yield
        finally:
            self.proxy.turn(Door.OPEN)

    def timed(self, call: Callable[[], str], client: Caller | None = None) -> Played:
        """Make a call that returns its result as one word. Check that the client holds nothing afterwards."""
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
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("pixel-task")]
        if left:
            wrong.append(f"left the threads {left}")
        if seconds > DEADLINE_SECONDS:
            wrong.append(f"it took {seconds:.1f} s")
        return Played(result, seconds, wrong)

    def next_call(self) -> list[str]:
        """The problems of the next call, of the connections and of the tasks that are left."""
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
    """The call for a method: GET reads the project of the bench, POST creates one with this name."""
    if method == "GET":
        return partial(client.call, "get_project", bench.here.project_id, options=options)
    return partial(client.call, "create_project", name, note, SAMPLE_AREA, options=options)


def named(method: str, name: str, value: Any) -> str:
    """The result of a call as one word."""
    if value == CANCELLED:
        return CANCELLED
    return RIGHT if value["name"] == ("Faults" if method == "GET" else name) else "another result"


@contextmanager
def bench(face: str, seed: int = 1) -> Iterator[Bench]:
    """The set-up for one face."""
    with (
        world(job_seconds=0.0) as here,
        Proxy(here.address, NoFaults(), buffer_bytes=BUFFER_BYTES) as proxy,
        tempfile.TemporaryDirectory() as folder,
    ):
        with nullcontext() if face == "blocking" else start_blocking_portal(face) as portal:
            made = Bench(here, proxy, face, portal, Path(folder), seed)
            try:
                made.warm_up()
                yield made
            finally:
                made.client.close()
