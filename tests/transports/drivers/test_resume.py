"""Uploads that are broken off and called again: every file is stored once, and what was stored is not sent again.

Rules kept here:

* Real sockets, real files and a real journal. Only the transport is wrapped: it breaks an upload off at its n-th
  request, before it is sent or after it was answered, as Ctrl-C does (blocking), a cancelled scope (asyncio, trio), or
  a cancelled task (task: asyncio without a scope, as under `asyncio.timeout`).
* One request to the storage at a time, so that a single one is in flight when an upload is broken off.
* What is on the server is read from its own state.
"""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from pixel_core.errors import PixelUploadJobError
from pixel_core.messages import Headers, Origin, Request, Response
from pixel_core.models import PixelUploadFile
from pixel_transports import AnyioTransport, PixelClient, PixelClientAsync, SocketTransport
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer
from tests.support.peers import PATIENCE, open_sockets
from tests.transports.sandbox.support import JPEG

KIB = 1024
PART = 64 * KIB
MOST_REQUESTS = 60

Outcome: TypeAlias = tuple[list[Any], list[PixelUploadJobError]]


# Transports that break off


@dataclass
class Watch:
    """What is sent: breaks off at the `at`-th request that is no login, or at the first one that `where` picks."""

    at: int = 0
    after: bool = False
    where: Callable[[Request], bool] = lambda request: False
    before_each: Callable[[Request], None] = lambda request: None
    broke: bool = False
    answered: list[tuple[str, str, int]] = field(default_factory=list)
    """Requests whose answer was given to the client: method, path with query, status."""
    _count: int = 0

    def breaks(self, request: Request) -> bool:
        if self.broke or "/openid-connect/" in request.target:
            return False
        self._count += 1
        self.broke = self._count == self.at or self.where(request)
        return self.broke

    def stored(self) -> list[str]:
        """The requests to the storage that were successful."""
        return [target for method, target, status in self.answered if is_storage(target) and status < 300]

    def parts(self) -> list[str]:
        """The parts that were stored: path and number."""
        puts = [target for method, target, status in self.answered if method == "PUT" and is_storage(target)]
        return [f"{target.partition('?')[0]} {number_of(target)}" for target in puts]


def is_storage(target: str) -> bool:
    return target.startswith("/storage/")


def number_of(target: str) -> str:
    return target.partition("partNumber=")[2].partition("&")[0]


class Blocking:
    """A blocking transport that is interrupted."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._inner = SocketTransport()

    def send(self, request: Request) -> Response:
        breaks = self._watch.breaks(request)
        self._watch.before_each(request)
        if breaks and not self._watch.after:
            raise KeyboardInterrupt
        response = self._inner.send(request)
        if breaks:
            raise KeyboardInterrupt
        self._watch.answered.append((request.method, request.target, response.status))
        return response

    def close(self) -> None:
        self._inner.close()


class Async:
    """An async transport whose caller is cancelled."""

    def __init__(self, watch: Watch, cancel: Callable[[], object]) -> None:
        self._watch = watch
        self._cancel = cancel
        self._inner = AnyioTransport()

    async def send(self, request: Request) -> Response:
        breaks = self._watch.breaks(request)
        if breaks and not self._watch.after:
            self._cancel()
            await anyio.sleep(PATIENCE)
        response = await self._inner.send(request)
        if breaks:
            self._cancel()
            await anyio.sleep(PATIENCE)
        self._watch.answered.append((request.method, request.target, response.status))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


# The world


class World:
    """A sandbox behind a socket, a face to call it with, and a journal."""

    def __init__(self, face: str, server: SandboxServer, folder: Path) -> None:
        self.face = face
        self.sandbox = server.sandbox
        self.folder = folder
        self.journal = folder / "journal.sqlite"
        self.settings = PixelApiSettings(**server.sandbox.environment(server.url))
        with PixelClient.from_settings(self.settings) as client:
            self.project: int = client.create_project("Resumed", "", SAMPLE_AREA)["id"]
        self.collection = 0
        self.renew()

    def renew(self) -> None:
        """A new data collection and a new journal."""
        with PixelClient.from_settings(self.settings) as client:
            self.collection = client.create_data_collection(self.project, "Flight", "", "image")["id"]
        self.journal.unlink(missing_ok=True)

    def files(self, *sizes: int, supports: int = 0) -> list[PixelUploadFile]:
        """New files of so many bytes; the first has support files."""
        made = []
        for number, size in enumerate(sizes):
            path = self.folder / f"photo_{number}.jpg"
            path.write_bytes(JPEG + os.urandom(size - len(JPEG)))
            beside = [self.folder / f"photo_{number}.{name}" for name in range(supports if number == 0 else 0)]
            for support in beside:
                support.write_bytes(os.urandom(100))
            made.append(PixelUploadFile(file=path, support_files=beside or None))
        return made

    def upload(self, watch: Watch, files: Sequence[PixelUploadFile], **options: Any) -> Outcome | None:
        """Upload files; None when that was broken off."""
        keywords: Any = {"multipart": True, "multipart_part_size": PART} if options.pop("parts", False) else {}
        alone = options.pop("alone", False)
        options = {"journal": self.journal, "upload_max_concurrency": 1, **options}
        where = (self.project, self.collection)

        def call(client: Any) -> Any:
            if alone:
                return client.upload_image(*where, files[0].file, **keywords)
            return client.upload_multiple_images(*where, files, **keywords)

        async def asynchronous(cancel: Callable[[], object]) -> Any:
            transport = Async(watch, cancel)
            async with PixelClientAsync.from_settings(self.settings, transport=transport, **options) as client:
                return await call(client)

        async def in_scope() -> Any:
            with anyio.CancelScope() as scope:
                return await asynchronous(scope.cancel)
            return None

        async def in_task() -> Any:
            task: asyncio.Task[Any] = asyncio.create_task(asynchronous(lambda: task.cancel()))
            await asyncio.wait([task])
            return None if task.cancelled() else task.result()

        outcome: Any = None
        if self.face == "task":
            outcome = asyncio.run(in_task())
        elif self.face != "blocking":
            outcome = anyio.run(in_scope, backend=self.face)
        else:
            with suppress(KeyboardInterrupt):
                with PixelClient.from_settings(self.settings, transport=Blocking(watch), **options) as client:
                    outcome = call(client)
        return ([outcome], []) if alone and outcome else outcome

    def settled(self) -> None:
        """Any request makes the sandbox look after the jobs that are due."""
        self.sandbox.handle("GET", Origin("http", "sandbox.invalid", 80), "/", Headers(), b"")

    def names(self) -> Counter[str]:
        """The images on the server by file name."""
        self.settled()
        return Counter(each.file_name for each in self.sandbox.state.resources_by_collection[self.collection].values())

    def jobs(self) -> dict[int, Any]:
        return self.sandbox.state.upload_jobs[self.collection]

    def holds(self, files: Sequence[PixelUploadFile], times: int = 1) -> None:
        """Every file is there so many times, with its own bytes."""
        assert self.names() == {each.file.name: times for each in files}
        for image in self.sandbox.state.resources_by_collection[self.collection].values():
            assert bytes(self.sandbox.objects[image.key]) == (self.folder / image.file_name).read_bytes()


@contextmanager
def serving(face: str, folder: Path) -> Iterator[World]:
    sockets, threads = open_sockets(), set(threading.enumerate())
    with SandboxServer(Sandbox(job_seconds=0.0)) as server:
        yield World(face, server, folder)
    assert list(server.sandbox.failures) == []
    assert open_sockets() <= sockets
    assert [each for each in threading.enumerate() if each not in threads and each.name.startswith("pixel")] == []


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with serving(request.param, tmp_path) as here:
        yield here


@pytest.fixture(params=["blocking before", "blocking after", "asyncio after", "trio before", "task after"])
def breaking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, bool]]:
    """A face, and whether a request is answered before the upload is broken off."""
    face, moment = request.param.split()
    with serving(face, tmp_path) as here:
        yield here, moment == "after"


@pytest.fixture
def blocking_world(tmp_path: Path) -> Iterator[World]:
    with serving("blocking", tmp_path) as here:
        yield here


def names_of(outcome: Outcome | None) -> list[str]:
    assert outcome is not None, "the upload was broken off"
    images, errors = outcome
    assert errors == []
    assert None not in images
    return [image["name"] for image in images]


def is_part(number: int) -> Callable[[Request], bool]:
    return lambda request: request.method == "PUT" and f"partNumber={number}&" in request.target


# Broken off anywhere


def broken_anywhere(
    world: World, after: bool, files: Sequence[PixelUploadFile], least: int, **options: Any
) -> Iterator[tuple[Watch, Watch]]:
    """Break an upload off at each of its requests, call it again, and yield what was sent.

    Every file is stored once then, and no signature is left in the journal.
    """
    for number in range(1, MOST_REQUESTS):
        world.renew()
        first, second = Watch(number, after), Watch()
        broken = world.upload(first, files, **options)
        if not first.broke:
            assert number > least, "the upload had fewer requests than its files need"
            return
        assert broken is None
        assert names_of(world.upload(second, files, **options)) == [each.file.name for each in files]
        world.holds(files)
        left = b"".join(path.read_bytes() for path in world.folder.glob("journal.sqlite*"))
        assert b"x-amz" not in left.lower()
        yield first, second
    pytest.fail("the upload has no end")


def test_whole_files_are_stored_once_after_an_interruption_at_any_request(breaking: tuple[World, bool]) -> None:
    """A request in flight may be sent again, and all requests for a file with support files."""
    world, after = breaking
    files = world.files(900, 300 * KIB, supports=1)
    for first, second in broken_anywhere(world, after, files, 7):
        assert len(first.stored()) + len(second.stored()) <= 3 + 2
        assert len(world.jobs()) <= 2 * len(files)


def test_parts_are_not_sent_again_after_an_interruption_at_any_request(breaking: tuple[World, bool]) -> None:
    world, after = breaking
    files = world.files(2 * PART + 5, 2 * PART, supports=1)
    for first, second in broken_anywhere(world, after, files, 9, parts=True):
        assert not set(first.parts()) & set(second.parts()), "a part that was stored was sent again"
        declared = any(target.endswith("/multipart") and status < 300 for _, target, status in first.answered)
        assert len(world.jobs()) <= len(files) * (1 if declared else 2)
        assert len(first.parts()) + len(second.parts()) == 5


@pytest.mark.parametrize("after", [False, True])
def test_one_file_alone_is_stored_once_after_an_interruption_at_any_request(blocking_world: World, after: bool) -> None:
    files = blocking_world.files(2 * PART + 1)
    for first, second in broken_anywhere(blocking_world, after, files, 7, parts=True, alone=True):
        assert not set(first.parts()) & set(second.parts())


def test_files_above_the_threshold_go_on_beside_smaller_ones(world: World) -> None:
    """Parts that the library chose: 8 MiB at the least."""
    files = world.files(17 * KIB * KIB, 5000)
    first, second = Watch(where=is_part(2)), Watch()
    assert world.upload(first, files, multipart_threshold=KIB * KIB) is None
    assert len(names_of(world.upload(second, files, multipart_threshold=KIB * KIB))) == 2
    world.holds(files)
    assert [part.split()[1] for part in first.parts()] == ["1"]
    assert sorted(part.split()[1] for part in second.parts()) == ["2", "3"]


def test_an_upload_may_be_broken_off_again_and_again(world: World) -> None:
    """Each run gets on by one part."""
    files = world.files(6 * PART)
    sent: list[str] = []
    for part in range(2, 7):
        watch = Watch(where=is_part(part))
        assert world.upload(watch, files, parts=True) is None
        sent += watch.parts()
    last = Watch()
    names_of(world.upload(last, files, parts=True))
    world.holds(files)
    assert sorted(int(each.split()[1]) for each in sent + last.parts()) == [1, 2, 3, 4, 5, 6]


# Changes between two calls


def changed(path: Path) -> None:
    """Replace the bytes of a file by as many others, written later."""
    before = path.stat()
    path.write_bytes(JPEG + os.urandom(before.st_size - len(JPEG)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def finish_and_clear(world: World) -> None:
    """Let the server finish the files, and delete their upload jobs."""
    world.settled()
    world.jobs().clear()


def lose_objects(world: World) -> None:
    """Delete the stored files, so that their validation fails."""
    for job in world.jobs().values():
        del world.sandbox.state.objects[job.main.key]


@dataclass
class Change:
    """An upload of a file of three parts with a support file, and one of two parts, that is interrupted at `stop`.

    After `change`, the next call stores `sends` parts, and there are `jobs` upload jobs, where that is certain.
    """

    stop: str
    change: Callable[[World], object]
    sends: int | None = None
    jobs: int | None = None
    parts: bool = True
    parts_again: bool = True
    after: bool = False
    options: dict[str, Any] = field(default_factory=dict)


CHANGES = {
    "a file changed": Change("partNumber=3&", lambda world: changed(world.folder / "photo_0.jpg"), 5),
    "a support file changed": Change("partNumber=2&", lambda world: changed(world.folder / "photo_0.0"), 5),
    "files are not cut any more": Change("partNumber=3&", lambda world: None, 0, 4, parts_again=False),
    "the login ended": Change("partNumber=2&", lambda world: world.sandbox.revoke_tokens(), 4, 2),
    "the storage dropped the parts": Change("partNumber=3&", lambda world: world.sandbox.abort_uploads(), None, 4),
    "jobs of sent parts are not listed": Change("partNumber=2&", lambda world: world.jobs().clear(), 5, 2),
    "jobs of sent files are not listed": Change("uploadFinished", lambda world: world.jobs().clear(), 5, 2),
    "jobs of whole files are not listed": Change(
        "uploadFinished", lambda world: world.jobs().clear(), 0, 2, parts=False, parts_again=False
    ),
    "jobs of finished files are not listed": Change("uploadFinished", finish_and_clear, 0, 0, after=True),
    "validation failed": Change("uploadFinished", lose_objects, 0, 4, parts=False, parts_again=False, after=True),
    "there is no journal": Change("partNumber=3&", lambda world: None, 5, 4, options={"journal": None}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_upload_is_continued_after_a_change(blocking_world: World, name: str) -> None:
    world, row = blocking_world, CHANGES[name]
    files = world.files(3 * PART, 2 * PART, supports=1)
    first, second = Watch(where=lambda request: row.stop in request.target, after=row.after), Watch()
    assert world.upload(first, files, parts=row.parts, **row.options) is None
    row.change(world)
    assert names_of(world.upload(second, files, parts=row.parts_again, **row.options)) == ["photo_0.jpg", "photo_1.jpg"]
    world.holds(files)
    assert row.sends is None or len(second.parts()) == row.sends
    assert row.jobs is None or len(world.jobs()) == row.jobs
    assert world.journal.exists() is not ("journal" in row.options)


@pytest.mark.parametrize("stop", ["multiple_uploadFinished", "/images/"])
def test_a_file_that_changed_after_it_was_sent_is_uploaded_from_its_new_bytes(blocking_world: World, stop: str) -> None:
    """The server may have made an image of the old bytes by then."""
    world = blocking_world
    files = world.files(900)
    assert world.upload(Watch(where=lambda request: stop in request.target), files) is None
    changed(files[0].file)
    names_of(world.upload(Watch(), files))
    newest = list(world.sandbox.state.resources_by_collection[world.collection].values())[-1]
    assert bytes(world.sandbox.objects[newest.key]) == files[0].file.read_bytes()


def test_changed_metadata_is_that_of_the_last_call(blocking_world: World) -> None:
    world = blocking_world
    (file,) = world.files(3 * PART)
    assert world.upload(Watch(where=is_part(2)), [file], parts=True) is None
    other = PixelUploadFile.model_validate({"file": file.file, "metadata": {"json_metadata": {"flight": 7}}})
    outcome = world.upload(Watch(), [other], parts=True)
    assert outcome is not None
    assert outcome[0][0].get("json_metadata") == {"flight": 7}


# The same call after its end


def test_the_same_call_uploads_again(blocking_world: World) -> None:
    files = blocking_world.files(900, 2000)
    names_of(blocking_world.upload(Watch(), files))
    names_of(blocking_world.upload(Watch(), files))
    blocking_world.holds(files, times=2)


def test_with_skip_uploaded_the_same_call_only_reads_and_returns_the_same(world: World) -> None:
    files = world.files(900, 2 * PART)
    done = world.upload(Watch(), files, skip_uploaded=True)
    again = Watch()
    assert world.upload(again, files, skip_uploaded=True) == done
    assert names_of(done) == ["photo_0.jpg", "photo_1.jpg"]
    assert [each for each in again.answered if each[0] != "GET" and "openid" not in each[1]] == []
    world.holds(files)


def test_with_skip_uploaded_new_changed_and_deleted_files_are_sent(blocking_world: World) -> None:
    world = blocking_world
    files = world.files(900, 2000, 3000)
    outcome = world.upload(Watch(), files, skip_uploaded=True)
    assert outcome is not None
    with PixelClient.from_settings(world.settings) as client:
        client.delete_image(world.project, world.collection, outcome[0][0]["id"])
    changed(files[1].file)
    (world.folder / "new.jpg").write_bytes(JPEG + b"new")
    again = Watch()
    names = names_of(world.upload(again, [*files, PixelUploadFile(file=world.folder / "new.jpg")], skip_uploaded=True))
    assert names == ["photo_0.jpg", "photo_1.jpg", "photo_2.jpg", "new.jpg"]
    assert len(again.stored()) == 3
    assert world.names() == {"photo_0.jpg": 1, "photo_1.jpg": 2, "photo_2.jpg": 1, "new.jpg": 1}


@pytest.mark.parametrize("stop", ["multiple_uploadFinished", "/images/"])
def test_a_continued_upload_ends_like_any_other(blocking_world: World, stop: str) -> None:
    """The next call uploads again."""
    world = blocking_world
    files = world.files(900)
    assert world.upload(Watch(where=lambda request: stop in request.target, after=True), files) is None
    names_of(world.upload(Watch(), files))
    assert [each.finished for each in Journal(world.journal).files()] == [True]
    names_of(world.upload(Watch(), files))
    world.holds(files, times=2)


# Two at once


def test_of_two_clients_with_the_same_files_each_file_is_done_by_exactly_one(world: World) -> None:
    """The second comes while the first is at work, in a thread of its own, with a file more."""
    files = world.files(900, 3 * PART, 2000)
    begun, release = threading.Event(), threading.Event()
    outcomes: dict[str, Outcome | None] = {}

    def waits(request: Request) -> None:
        if is_storage(request.target):
            begun.set()
            assert release.wait(PATIENCE)

    first = copy(world)
    first.face = "blocking"
    thread = threading.Thread(target=lambda: outcomes.update(first=first.upload(Watch(before_each=waits), files[:2])))
    thread.start()
    try:
        assert begun.wait(PATIENCE)
        outcomes["second"] = world.upload(Watch(), files)
    finally:
        release.set()
        thread.join()
    assert names_of(outcomes["first"]) == ["photo_0.jpg", "photo_1.jpg"]
    assert outcomes["second"] is not None
    images, errors = outcomes["second"]
    assert [image["name"] for image in images] == ["photo_2.jpg"]
    assert [(Path(error.file or "").name, error.status) for error in errors] == [
        ("photo_0.jpg", "in_use"),
        ("photo_1.jpg", "in_use"),
    ]
    world.holds(files)


def test_two_clients_that_begin_at_once_share_the_files_without_doing_any_twice(world: World) -> None:
    """With skip_uploaded: one that is through before the other begins leaves it nothing to do."""
    files = world.files(*[900] * 8)
    both = threading.Barrier(2)
    outcomes: list[Outcome | None] = []

    def works(order: Sequence[PixelUploadFile]) -> None:
        both.wait(PATIENCE)
        outcomes.append(world.upload(Watch(), order, skip_uploaded=True))

    threads = [threading.Thread(target=works, args=(order,)) for order in (files, files[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [image["id"] for outcome in outcomes if outcome is not None for image in outcome[0]]
    statuses = {error.status for outcome in outcomes if outcome is not None for error in outcome[1]}
    assert len(outcomes) == 2
    assert statuses <= {"in_use"}
    assert len(set(done)) == 8
    world.holds(files)
