"""Uploads whose files come one after another, on the three faces, against a sandbox on a socket."""

import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pydantic import ValidationError

from pixel_core.errors import PixelCancelledError, PixelLoginError, PixelNotFoundError, PixelValidationError
from pixel_core.models import PixelUploadFile, UploadOutcome
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync
from pixel_transports.client.streams import WAITING
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer

JPEG = b"\xff\xd8\xff"


@dataclass
class Uploads:
    """A data collection of a sandbox, and streams of uploads to it on one face."""

    face: str
    server: SandboxServer
    settings: PixelApiSettings
    journal: Path
    project: int
    collection: int
    outcomes: list[UploadOutcome] = field(default_factory=list)

    def take(self, files: Any, most: float = float("inf"), inside: Callable[[], object] = lambda: None) -> list[str]:
        """Upload files until `most` outcomes are known. Returns the names of the files that were accepted."""
        self.outcomes = []
        if self.face == "blocking":
            with PixelClient.from_settings(self.settings, journal=self.journal) as client:
                with client.upload_files(self.project, self.collection, files) as outcomes:
                    inside()
                    for outcome in outcomes:
                        self.outcomes.append(outcome)
                        if len(self.outcomes) >= most:
                            break
        else:
            anyio.run(self._take, files, most, inside, backend=self.face)
        return [Path(each.file).name for each in self.outcomes if each.resource is not None]

    async def _take(self, files: Any, most: float, inside: Callable[[], object]) -> None:
        async with PixelClientAsync.from_settings(self.settings, journal=self.journal) as client:
            async with client.upload_files(self.project, self.collection, files) as outcomes:
                await anyio.to_thread.run_sync(inside)
                async for outcome in outcomes:
                    self.outcomes.append(outcome)
                    if len(self.outcomes) >= most:
                        break

    @property
    def stored(self) -> Counter[str]:
        """The names of the images in the data collection."""
        return Counter(image.file_name for image in self.server.sandbox.state.resources["image"].values())


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def uploads(
    request: pytest.FixtureRequest, server: SandboxServer, pixel_settings: PixelApiSettings, tmp_path: Path
) -> Uploads:
    with PixelClient.from_settings(pixel_settings) as client:
        project = client.create_project("Project", "", SAMPLE_AREA)["id"]
        collection = client.create_data_collection(project, "Images", "", "image")["id"]
    return Uploads(request.param, server, pixel_settings, tmp_path / "journal.sqlite", project, collection)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def photos(folder: Path, numbers: Iterable[int]) -> Iterator[Path]:
    """Photos that are written as they are asked for."""
    for number in numbers:
        path = folder / f"{number:05}.jpg"
        path.write_bytes(JPEG + number.to_bytes(4, "big"))
        yield path


def test_each_file_has_an_outcome(uploads: Uploads, folder: Path) -> None:
    names = [path.name for path in photos(folder, range(450))]
    assert sorted(uploads.take(sorted(folder.iterdir()))) == names
    assert uploads.stored == Counter(names)
    assert {each.resource["name"] for each in uploads.outcomes if each.resource is not None} == set(names)


def test_files_are_taken_as_they_are_needed_and_the_rest_continues_later(uploads: Uploads, folder: Path) -> None:
    taken = count()
    endless = (path for path in photos(folder, count()) if next(taken) >= 0)
    assert len(uploads.take(endless, most=300)) == 300
    assert next(taken) <= 300 + 2_000
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("pixel-stream")] == []
    files = sorted(folder.iterdir())
    assert len(uploads.take(files)) == len(files)
    assert uploads.stored == Counter(path.name for path in files)


def test_little_is_done_ahead_of_a_user_who_is_behind(uploads: Uploads, folder: Path) -> None:
    taken = count()
    endless = (path for path in photos(folder, count()) if next(taken) >= 0)
    counts: list[int] = []

    def wait() -> None:
        """Wait until nothing has been sent for a while."""
        before = -1
        while before != (now := len(uploads.stored)) or now < WAITING:
            before = now
            threading.Event().wait(1.0)
        counts.append(now)

    uploads.take(endless, most=1, inside=wait)
    assert counts[0] <= WAITING + 2_000


def test_files_may_be_paths_of_any_kind_and_have_equal_names(uploads: Uploads, folder: Path) -> None:
    (first,), (second,) = [list(photos(_made(folder / name), [7])) for name in ("a", "b")]
    assert uploads.take([str(first), second, PixelUploadFile(file=first)]) == ["00007.jpg"] * 2
    assert [each.error.status for each in uploads.outcomes if each.error is not None] == ["in_use"]
    assert uploads.stored == {"00007.jpg": 2}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_file_that_cannot_be_read_or_is_not_accepted_is_an_outcome_with_its_error(
    uploads: Uploads, folder: Path
) -> None:
    first, second = photos(folder, range(2))
    text = folder / "text.jpg"
    text.write_bytes(b"no photo")
    assert sorted(uploads.take([first, folder / "missing.jpg", text, second])) == [first.name, second.name]
    errors = {Path(each.file).name: each.error for each in uploads.outcomes if each.error is not None}
    assert {name: error.status for name, error in errors.items()} == {"missing.jpg": "not_read", "text.jpg": "failed"}
    assert isinstance(errors["missing.jpg"].__cause__, FileNotFoundError)


def test_a_file_that_the_server_refuses_alone_does_not_stop_the_others(uploads: Uploads, folder: Path) -> None:
    wrong, first, wrong_too, last = photos(folder, range(4))

    def files() -> Iterator[Any]:
        for each in (
            PixelUploadFile(file=wrong, name="n" * 300),
            first,
            PixelUploadFile(file=wrong_too, name="n" * 300),
        ):
            yield each
            threading.Event().wait(0.4)  # so that each has a request of its own
        yield last

    assert sorted(uploads.take(files())) == [first.name, last.name]
    causes = [type(each.error.__cause__) for each in uploads.outcomes if each.error is not None]
    assert causes == [PixelValidationError] * 2


def test_an_error_of_the_iterable_is_raised_after_the_outcomes_of_its_files(uploads: Uploads, folder: Path) -> None:
    def files() -> Iterator[Any]:
        yield from photos(folder, range(250))
        raise ZeroDivisionError("no more")

    with pytest.raises(ZeroDivisionError, match="no more"):
        uploads.take(files())
    assert sum(uploads.stored.values()) == len(uploads.outcomes) == 250
    with pytest.raises(ValidationError):
        uploads.take([*sorted(folder.iterdir())[:3], {"fil": "a.jpg"}])
    assert len(uploads.outcomes) == 3


def test_an_error_that_concerns_all_files_is_raised(uploads: Uploads, folder: Path) -> None:
    uploads.collection += 1000
    with pytest.raises(PixelNotFoundError):
        uploads.take(photos(folder, range(3)))
    uploads.settings = uploads.settings.model_copy(update={"PIXEL_USERNAME": "other@example.com"})
    with pytest.raises(PixelLoginError):
        uploads.take(photos(folder, range(3)))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_client_takes_an_async_iterable(uploads: Uploads, folder: Path, backend: str) -> None:
    paths = list(photos(folder, range(250)))

    async def files() -> AsyncIterator[Path]:
        for path in paths:
            await anyio.lowlevel.checkpoint()
            yield path

    uploads.face = backend
    assert len(uploads.take(files())) == 250


def test_wrong_arguments_are_errors_at_once(pixel_settings: PixelApiSettings) -> None:
    with PixelClient.from_settings(pixel_settings) as client:
        with pytest.raises(ValueError, match="multipart_part_size"):
            client.upload_files(1, 2, [], multipart=True)
        with pytest.raises(TypeError, match="not iterable"):
            client.upload_files(1, 2, 7)


@pytest.mark.parametrize("uploads", ["blocking"], indirect=True)
def test_an_event_cancels_a_stream_and_a_listener_has_its_events(uploads: Uploads, folder: Path) -> None:
    cancel, events = threading.Event(), list[Any]()
    with PixelClient.from_settings(uploads.settings, journal=uploads.journal) as client:
        outcomes = client.upload_files(
            uploads.project, uploads.collection, photos(folder, count()), listener=events.append, cancel=cancel
        )
        next(outcomes)
        cancel.set()
        with pytest.raises(PixelCancelledError) as caught:
            list(outcomes)
    assert 1 <= caught.value.done <= caught.value.total
    assert len({event.upload_id for event in events}) == 1


def test_a_stream_that_was_closed_has_ended(pixel_settings: PixelApiSettings) -> None:
    with PixelClient.from_settings(pixel_settings) as client:
        outcomes = client.upload_files(1, 2, [])
        outcomes.close()
        assert list(outcomes) == []


async def test_an_async_stream_needs_its_block(pixel_settings: PixelApiSettings, anyio_backend: str) -> None:
    async with PixelClientAsync.from_settings(pixel_settings) as client:
        with pytest.raises(RuntimeError, match="async with"):
            await anext(client.upload_files(1, 2, []))
