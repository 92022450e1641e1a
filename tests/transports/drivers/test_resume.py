"""Uploads that are broken off and called again: every file is stored once, and what was stored is not sent again.

Rules kept here:

* Sockets, files and the journal are real. The transport breaks an upload off at its n-th request, before it is sent or
  after it was answered, as Ctrl-C does (blocking), a cancelled scope (asyncio, trio), or a cancelled task (task).
* One request to the storage at a time, so that a single one is in flight when an upload is broken off.
"""

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field, replace
from hashlib import md5
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from pixel_core.errors import PixelConnectionError, PixelUploadJobError
from pixel_core.messages import Request, Response
from pixel_core.models import PixelUploadFile
from pixel_transports import AnyioTransport, PixelClient, PixelClientAsync, SocketTransport
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.drivers.journal.listing import Journal
from tests.support.peers import PATIENCE
from tests.system.faults import world as faults
from tests.system.faults.world import JPEG, KIB

PART = 64 * KIB
MOST_REQUESTS = 60

Outcome: TypeAlias = tuple[list[Any], list[PixelUploadJobError]]


@dataclass
class Watch:
    """What is sent: breaks off at the `at`-th request that is no login, or at the first one with `stop` in its target.
    `answered` has the requests whose answer was given to the client: method, path with query, status.
    """

    at: int = 0
    after: bool = False
    stop: str = "nothing"
    before_each: Callable[[Request], None] = lambda request: None
    broke: bool = False
    answered: list[tuple[str, str, int]] = field(default_factory=list)
    _count: int = 0

    def breaks(self, request: Request) -> bool:
        self.before_each(request)
        if self.broke or "/openid-connect/" in request.target:
            return False
        self._count += 1
        self.broke = self._count == self.at or self.stop in request.target
        return self.broke

    def answer(self, request: Request, response: Response) -> Response:
        self.answered.append((request.method, request.target, response.status))
        return response

    def stored(self) -> list[str]:
        """The requests to the storage that were successful."""
        return [target for method, target, status in self.answered if is_storage(target) and status < 300]

    def parts(self) -> list[str]:
        """The parts that were stored: path and number."""
        puts = [target for method, target, status in self.answered if method == "PUT" and is_storage(target)]
        return [re.sub(r"\?.*partNumber=(\d+).*", r" \1", target) for target in puts]


def is_storage(target: str) -> bool:
    return target.startswith("/storage/")


class World:
    """A sandbox behind a socket, a face to call it with, and a journal."""

    def __init__(self, face: str, served: faults.World, folder: Path) -> None:
        self.face, self.served, self.folder = face, served, folder
        self.journal = folder / "journal.sqlite"
        self.settings = PixelApiSettings(**served.sandbox.environment(served.server.url))

    def renew(self) -> None:
        """A new data collection and a new journal."""
        with PixelClient.from_settings(self.settings) as client:
            collection = client.create_data_collection(self.served.project_id, "Flight", "", "image")
        self.served = replace(self.served, collection_id=int(collection["id"]))
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
        where = (self.served.project_id, self.served.collection_id)

        def call(client: Any) -> Any:
            if alone:
                return client.upload_image(*where, files[0].file, **keywords)
            return client.upload_multiple_images(*where, files, **keywords)

        def blocking() -> Any:
            def send(request: Request) -> Response:
                breaks = watch.breaks(request)
                if breaks and not watch.after:
                    raise KeyboardInterrupt
                response = inner.send(request)
                if breaks:
                    raise KeyboardInterrupt
                return watch.answer(request, response)

            with suppress(KeyboardInterrupt), closing(SocketTransport()) as inner:
                with PixelClient.from_settings(self.settings, transport=send, **options) as client:
                    return call(client)

        async def asynchronous(cancel: Callable[[], object]) -> Any:
            async def send(request: Request) -> Response:
                breaks = watch.breaks(request)
                if breaks and not watch.after:
                    cancel()
                    await anyio.sleep(PATIENCE)
                response = await inner.send(request)
                if breaks:
                    cancel()
                    await anyio.sleep(PATIENCE)
                return watch.answer(request, response)

            async with aclosing(AnyioTransport()) as inner:
                async with PixelClientAsync.from_settings(self.settings, transport=send, **options) as client:
                    return await call(client)

        async def in_scope() -> Any:
            with anyio.CancelScope() as scope:
                return await asynchronous(scope.cancel)

        async def in_task() -> Any:
            task: asyncio.Task[Any] = asyncio.create_task(asynchronous(lambda: task.cancel()))
            await asyncio.wait([task])
            return None if task.cancelled() else task.result()

        if self.face == "blocking":
            outcome = blocking()
        else:
            in_loop = in_task if self.face == "task" else in_scope
            outcome = anyio.run(in_loop, backend="trio" if self.face == "trio" else "asyncio")
        return ([outcome], []) if alone and outcome else outcome

    def jobs(self) -> dict[int, Any]:
        return self.served.sandbox.state.upload_jobs[self.served.collection_id]

    def holds(self, files: Sequence[PixelUploadFile], times: int = 1) -> None:
        """Every file is there so many times, with its own bytes."""
        contents = {each.file.name: each.file.read_bytes() for each in files}
        facts = {name: [(len(content), md5(content).hexdigest())] * times for name, content in contents.items()}
        assert self.served.stored() == facts


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with faults.world(job_seconds=0.0) as served:
        yield World(request.param, served, tmp_path)


@pytest.fixture(params=["blocking before", "blocking after", "asyncio after", "trio before", "task after"])
def breaking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, bool]]:
    """A face, and whether a request is answered before the upload is broken off."""
    face, moment = request.param.split()
    with faults.world(job_seconds=0.0) as served:
        yield World(face, served, tmp_path), moment == "after"


@pytest.fixture
def blocking_world(tmp_path: Path) -> Iterator[World]:
    with faults.world(job_seconds=0.0) as served:
        yield World("blocking", served, tmp_path)


def names_of(outcome: Outcome | None) -> list[str]:
    assert outcome is not None, "the upload was broken off"
    images, errors = outcome
    assert errors == []
    assert None not in images
    return [image["name"] for image in images]


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


def test_an_upload_may_be_broken_off_again_and_again(world: World) -> None:
    """Each run gets on by one of the parts that the library chose: 8 MiB at the least."""
    files = world.files(17 * KIB * KIB, 5000)
    sent: list[str] = []
    for part in (2, 3, "none"):
        watch = Watch(stop=f"partNumber={part}&")
        outcome = world.upload(watch, files, multipart_threshold=KIB * KIB)
        sent += watch.parts()
        assert (outcome is None) is watch.broke is (part != "none")
    assert len(names_of(outcome)) == 2
    world.holds(files)
    assert [part.split()[1] for part in sent] == ["1", "2", "3"]


def changed(path: Path) -> None:
    """Replace the bytes of a file by as many others, written later."""
    before = path.stat()
    path.write_bytes(JPEG + os.urandom(before.st_size - len(JPEG)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def lose_objects(world: World) -> None:
    """Delete the stored files, so that their validation fails."""
    for job in world.jobs().values():
        del world.served.sandbox.state.objects[job.main.key]


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
    "the login ended": Change("partNumber=2&", lambda world: world.served.sandbox.revoke_tokens(), 4, 2),
    "the storage dropped the parts": Change(
        "partNumber=3&", lambda world: world.served.sandbox.abort_uploads(), None, 4
    ),
    "jobs of sent parts are not listed": Change("partNumber=2&", lambda world: world.jobs().clear(), 5, 2),
    "jobs of sent files are not listed": Change("uploadFinished", lambda world: world.jobs().clear(), 5, 2),
    "jobs of whole files are not listed": Change(
        "uploadFinished", lambda world: world.jobs().clear(), 0, 2, parts=False, parts_again=False
    ),
    "validation failed": Change("uploadFinished", lose_objects, 0, 4, parts=False, parts_again=False, after=True),
    "there is no journal": Change("partNumber=3&", lambda world: None, 5, 4, options={"journal": None}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_upload_is_continued_after_a_change(blocking_world: World, name: str) -> None:
    world, row = blocking_world, CHANGES[name]
    files = world.files(3 * PART, 2 * PART, supports=1)
    first, second = Watch(stop=row.stop, after=row.after), Watch()
    assert world.upload(first, files, parts=row.parts, **row.options) is None
    row.change(world)
    assert names_of(world.upload(second, files, parts=row.parts_again, **row.options)) == ["photo_0.jpg", "photo_1.jpg"]
    world.holds(files)
    assert row.sends is None or len(second.parts()) == row.sends
    assert row.jobs is None or len(world.jobs()) == row.jobs
    assert world.journal.exists() is not ("journal" in row.options)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_whose_finished_upload_job_is_not_listed_is_confirmed_by_nothing(
    blocking_world: World, is_there: bool
) -> None:
    """A resource of its name may be an older one: its user decides. Without one, it is uploaded again."""
    world = blocking_world
    files = world.files(900)
    assert world.upload(Watch(stop="uploadFinished", after=True), files) is None
    world.served.stored()
    world.jobs().clear()
    if is_there:
        for _ in range(2):
            outcome = world.upload(Watch(), files)
            assert outcome is not None
            assert [error.status for error in outcome[1]] == ["not_confirmed"]
        assert Journal(world.journal).drop(path=files[0].file) == 1
    else:
        with PixelClient.from_settings(world.settings) as client:
            for image in client.get_images(world.served.project_id, world.served.collection_id):
                client.delete_image(world.served.project_id, world.served.collection_id, image["id"])
    assert names_of(world.upload(Watch(), files)) == ["photo_0.jpg"]
    world.holds(files, times=1 + is_there)


def test_a_call_that_is_made_again_after_some_files_failed_sends_only_those(blocking_world: World) -> None:
    world = blocking_world
    files = world.files(900, 900, 900)

    def outage(request: Request) -> None:
        if is_storage(request.target) and isinstance(request.body, bytes) and b'"photo_1.jpg"' in request.body:
            raise PixelConnectionError("the connection broke", sent=True)

    first = Watch()
    first.before_each = outage
    outcome = world.upload(first, files, upload_num_retries=1)
    assert outcome is not None
    assert [error.status for error in outcome[1]] == ["not_stored"]
    second = Watch()
    assert len(names_of(world.upload(second, files))) == 3
    assert len(second.stored()) == 1
    world.holds(files)


@pytest.mark.parametrize("stop", ["multiple_uploadFinished", "/images/"])
def test_a_file_that_changed_after_it_was_sent_is_uploaded_from_its_new_bytes(blocking_world: World, stop: str) -> None:
    """The server may have made an image of the old bytes by then."""
    world = blocking_world
    files = world.files(900)
    assert world.upload(Watch(stop=stop), files) is None
    changed(files[0].file)
    names_of(world.upload(Watch(), files))
    newest = list(world.served.sandbox.state.resources_by_collection[world.served.collection_id].values())[-1]
    assert bytes(world.served.sandbox.objects[newest.key]) == files[0].file.read_bytes()


def test_changed_metadata_is_that_of_the_last_call(blocking_world: World) -> None:
    world = blocking_world
    (file,) = world.files(3 * PART)
    assert world.upload(Watch(stop="partNumber=2&"), [file], parts=True) is None
    other = PixelUploadFile.model_validate({"file": file.file, "metadata": {"json_metadata": {"flight": 7}}})
    outcome = world.upload(Watch(), [other], parts=True)
    assert outcome is not None
    assert outcome[0][0].get("json_metadata") == {"flight": 7}


@pytest.mark.parametrize("stops", [[], ["multiple_uploadFinished"], ["/images/"]])
def test_the_same_call_uploads_again_also_after_a_continued_upload(blocking_world: World, stops: list[str]) -> None:
    files = blocking_world.files(900, 2000)
    for stop in stops:
        assert blocking_world.upload(Watch(stop=stop, after=True), files) is None
    names_of(blocking_world.upload(Watch(), files))
    assert [each.finished for each in Journal(blocking_world.journal).files()] == [True, True]
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
        client.delete_image(world.served.project_id, world.served.collection_id, outcome[0][0]["id"])
    changed(files[1].file)
    (world.folder / "new.jpg").write_bytes(JPEG + b"new")
    again = Watch()
    names = names_of(world.upload(again, [*files, PixelUploadFile(file=world.folder / "new.jpg")], skip_uploaded=True))
    assert names == ["photo_0.jpg", "photo_1.jpg", "photo_2.jpg", "new.jpg"]
    assert len(again.stored()) == 3
    counts = {name: len(found) for name, found in world.served.stored().items()}
    assert counts == {"photo_0.jpg": 1, "photo_1.jpg": 2, "photo_2.jpg": 1, "new.jpg": 1}


def test_of_two_clients_with_the_same_files_each_file_is_done_by_exactly_one(world: World) -> None:
    """The second comes while the first is at work, with a file more."""
    files = world.files(900, 3 * PART, 2000)
    seconds: list[Outcome | None] = []

    def second(request: Request) -> None:
        if is_storage(request.target) and not seconds:
            seconds.append(world.upload(Watch(), files))

    first = World("blocking", world.served, world.folder).upload(Watch(before_each=second), files[:2])
    assert names_of(first) == ["photo_0.jpg", "photo_1.jpg"]
    assert seconds[0] is not None
    images, errors = seconds[0]
    assert [image["name"] for image in images] == ["photo_2.jpg"]
    assert [(Path(error.file or "").name, error.status) for error in errors] == [
        ("photo_0.jpg", "in_use"),
        ("photo_1.jpg", "in_use"),
    ]
    world.holds(files)
