"""The set-up of a row of the matrix: a client of one face, the proxy, a sandbox, and the checks after each row."""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any, TypeAlias

from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.errors import PixelError
from pixel_core.models import PixelUploadFile
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA
from tests.system.faults.callers import CANCELLED, PATIENCE, Caller, Method
from tests.system.faults.plans import Place, Plan, no_faults
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

SIZE = 600
"""The size of a file in bytes: small, since each byte of each request is a case."""

RIGHT = "right"


@dataclass(slots=True)
class Played:
    """The result of a case as one word, its duration, and the problems found."""

    result: str
    seconds: float
    wrong: list[str]


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until the condition holds. False if it does not within `seconds`."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


class _Call:
    """A call of a kind (`what`), with a small request body or with `MUCH`. `client` makes it.

    `started` is the call with some options, `outcome` its result as one word, and `wrong` are the problems with the
    server's data; `received` is whether it may have acted on a failed call.
    """

    def __init__(self, bench: "Bench", what: str, much: bool) -> None:
        self.bench, self.what, self.much, self.client = bench, what, much, bench.client

    def again(self) -> list[str]:
        """The problems of the same call without faults, if it may be made again."""
        return []

    def close(self) -> None:
        """Remove what the call needed."""


class ApiCall(_Call):
    """GET reads the project of the bench, POST creates one with a new name."""

    place = Place.API

    def started(self, options: dict[str, Any]) -> Method:
        self.name, note = self.bench.name(), "x" * MUCH if self.much else ""
        if self.what == "GET":
            return self.client.method("get_project", self.bench.here.project_id, options=options)
        return self.client.method("create_project", self.name, note, SAMPLE_AREA, options=options)

    def outcome(self, value: Any) -> str:
        return RIGHT if value["name"] == ("Faults" if self.what == "GET" else self.name) else "another result"

    def wrong(self, result: str, received: bool) -> list[str]:
        projects = list(self.bench.here.sandbox.state.projects.values())
        made = sum(project.name == self.name for project in projects)
        right = self.what == "POST" and result == RIGHT
        most = self.what == "POST" and (received or right)
        return [f"{made} projects were made"] if made > most or (right and not made) else []


class UploadCall(_Call):
    """A file is uploaded, as a form or in parts."""

    place = Place.STORAGE

    def __init__(self, bench: "Bench", what: str, much: bool) -> None:
        super().__init__(bench, what, much)
        content = JPEG + bench.random.randbytes((MUCH if much else SIZE) - len(JPEG))
        self._path = bench.folder / f"{bench.name()}.jpg"
        self._path.write_bytes(content)
        self._facts = len(content), md5(content, usedforsecurity=False).hexdigest()

    def started(self, options: dict[str, Any]) -> Method:
        size = -(-self._facts[0] // 2)
        keywords = {"multipart": True, "multipart_part_size": size} if self.what == "part" else {}
        where = self.bench.here.project_id, self.bench.here.collection_id
        files = [PixelUploadFile(file=self._path)]
        return self.client.method("upload_multiple_images", *where, files, options=options, **keywords)

    def outcome(self, value: Any) -> str:
        images, errors = value
        if not errors and [image["name"] for image in images] == [self._path.name]:
            return RIGHT
        if images or len(errors) != 1 or errors[0].file != str(self._path) or errors[0].status != "not_stored":
            return f"another result: {images}, {errors}"
        return type(errors[0].__cause__).__name__

    def wrong(self, result: str, received: bool) -> list[str]:
        stored = self.bench.here.stored(self._path.name).get(self._path.name, [])
        return [] if stored == [self._facts] * (result == RIGHT) else [f"{result}, and stored is {stored}"]

    def again(self) -> list[str]:
        result = self.outcome(self.client.run(self.started({})))
        return ([] if result == RIGHT else [f"called again: {result}"]) + self.wrong(RIGHT, True)

    def close(self) -> None:
        self._path.unlink()


Call: TypeAlias = ApiCall | UploadCall
CALLS: dict[Place, dict[str, type[Call]]] = {
    Place.API: {"GET": ApiCall, "POST": ApiCall},
    Place.STORAGE: {"form": UploadCall, "part": UploadCall},
}
"""The kinds of call whose exchange with a place has faults."""


class Bench:
    """A client that reaches a sandbox through the proxy."""

    def __init__(self, here: World, proxy: Proxy, face: str, portal: BlockingPortal | None, folder: Path) -> None:
        self.here, self.proxy, self.face, self.folder = here, proxy, face, folder
        self._portal = portal
        self._settings = PixelApiSettings(**here.sandbox.environment(proxy.url))
        self._numbers = iter(range(1_000_000))
        self.random = random.Random(1)
        self.client = Caller(face, self._settings, portal)
        self._tasks = 0
        self.login_bytes = 0
        """The length of the response to a login."""

    def warm_up(self) -> None:
        """Log in, and count the tasks before the first case."""
        self.get_project()
        self._tasks = self.client.tasks()
        self.login_bytes = next(record.answer_bytes for record in self.proxy.records if record.place is Place.LOGIN)

    def get_project(self) -> Any:
        return self.client.run(self.client.method("get_project", self.here.project_id))

    def name(self) -> str:
        return f"number {next(self._numbers):06}"

    def fresh(self) -> "closing[Caller]":
        """Another client of the same face, which has to log in first."""
        return closing(Caller(self.face, self._settings, self._portal))

    def prepared(self, what: str, much: bool = False) -> "closing[Call]":
        return closing({**CALLS[Place.API], **CALLS[Place.STORAGE]}[what](self, what, much))

    def sizes(self, what: str) -> tuple[int, int]:
        """The lengths of request and answer on the wire, of the exchange that has faults."""
        first = len(self.proxy.records)
        with self.prepared(what) as call:
            call.client.run(call.started({}))
            record = next(each for each in self.proxy.records[first:] if each.place is call.place)
        return record.head_bytes + record.length, record.answer_bytes

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
        self.proxy.spoil(no_faults())
        try:
            yield
        finally:
            self.proxy.turn(Door.OPEN)

    def timed(self, call: Call, run: Callable[[], Any]) -> Played:
        """Make a call. Check that the client holds nothing afterwards."""
        client, start = call.client, time.monotonic()
        try:
            value = run()
            result = CANCELLED if value == CANCELLED else call.outcome(value)
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
            if self.get_project()["name"] != "Faults":
                wrong.append("the next call has another result")
        except PixelError as error:
            wrong.append(f"the next call fails: {error}")
        if not eventually(lambda: self.proxy.lines == self.client.counts()[1], 3.0):
            wrong.append(f"{self.proxy.lines} connections, and {self.client.pool}")
        if not eventually(lambda: self.client.tasks() == self._tasks, 3.0):
            wrong.append(f"{self.client.tasks()} tasks, before it were {self._tasks}")
        return wrong


@contextmanager
def bench(face: str) -> Iterator[Bench]:
    with (
        world(job_seconds=0.0) as here,
        Proxy(here.address, no_faults(), buffer_bytes=BUFFER_BYTES) as proxy,
        tempfile.TemporaryDirectory() as folder,
    ):
        with nullcontext() if face == "blocking" else start_blocking_portal(face) as portal:
            made = Bench(here, proxy, face, portal, Path(folder))
            with closing(made.client):
                made.warm_up()
                yield made
