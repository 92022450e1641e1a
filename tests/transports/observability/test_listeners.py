"""Listeners of single calls, beside that of the client, and the ids of uploads in events."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pixel_core import events
from pixel_core.models import PixelUploadFile
from pixel_transports import PixelApiSettings, PixelClient
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from tests.support.callers import client_of

Call = Callable[..., Any]


class Recorded:
    """The events that the listener of a client gets, and a way to call it."""

    def __init__(self, call: Call, events: list[Any]) -> None:
        self.call, self.events = call, events
        project = call("create_project", "Flights", "", SAMPLE_AREA)
        self.where = project["id"], call("create_data_collection", project["id"], "May", "", "image")["id"]

    def upload(self, folder: Path, name: str, **options: Any) -> str:
        """Upload two files; returns the path of the first."""
        paths = [folder / f"{name}_{number}.jpg" for number in range(2)]
        for path in paths:
            path.write_bytes(b"\xff\xd8\xff\xe0" + path.name.encode())
        _, errors = self.call(
            "upload_multiple_images", *self.where, [PixelUploadFile(file=path) for path in paths], **options
        )
        assert errors == []
        return str(paths[0])


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def recorded(request: pytest.FixtureRequest, pixel_settings: PixelApiSettings) -> Iterator[Recorded]:
    received: list[Any] = []
    with client_of(request.param, pixel_settings, listener=received.append) as call:
        yield Recorded(call, received)


def test_each_of_two_uploads_at_once_has_a_listener_and_an_id_of_its_own(recorded: Recorded, tmp_path: Path) -> None:
    own: dict[str, list[Any]] = {"left": [], "right": []}
    recorded.events.clear()
    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(recorded.upload, tmp_path, name, listener=own[name].append) for name in own]
        assert [each.exception() for each in ended] == [None, None]
    ids = {name: {event.upload_id for event in own[name]} for name in own}
    assert [len(each) for each in ids.values()] == [1, 1]
    assert ids["left"].isdisjoint({"", *ids["right"]})
    for name, (upload_id,) in ids.items():
        assert own[name] == [event for event in recorded.events if event.upload_id == upload_id]
        paths = {event.path for event in own[name] if getattr(event, "path", "")}
        assert {Path(path).name for path in paths} == {f"{name}_0.jpg", f"{name}_1.jpg"}
    assert len(recorded.events) == sum(map(len, own.values()))


def test_what_is_about_a_file_has_its_path_and_the_id_of_its_upload_job(
    recorded: Recorded, server: SandboxServer, tmp_path: Path
) -> None:
    path = recorded.upload(tmp_path, "photo")
    jobs = server.sandbox.state.upload_jobs[recorded.where[1]]
    (job_id,) = [number for number, job in jobs.items() if job.name == Path(path).name]
    of_file = [event for event in recorded.events if getattr(event, "path", "") == path]
    assert [(type(event), event.job_id) for event in of_file] == [
        (events.FileHashed, None),
        (events.RequestSent, job_id),
        (events.ResponseReceived, job_id),
        (events.FileSent, job_id),
        (events.FileFinished, job_id),
    ]
    of_storage = [event for event in recorded.events if "/storage/" in getattr(event, "call", "")]
    assert {event.path for event in of_storage} == {path, path.replace("photo_0", "photo_1")}


@pytest.mark.parametrize("name", ["a listener of a copy", "a listener of a copy that fails"])
def test_a_copy_with_a_listener_passes_it_the_events_of_its_calls_only(
    pixel_settings: PixelApiSettings, name: str
) -> None:

    received: list[Any] = []
    own: list[Any] = []

    def listener(event: object) -> None:
        own.append(event)
        if "fails" in name:
            raise ValueError("enough")

    with PixelClient.from_settings(pixel_settings, listener=received.append) as client:
        watched = client.with_options(listener=listener)
        watched.me()
        assert [type(event) for event in own] == [
            *(events.RequestSent, events.ResponseReceived, events.LoginRenewed),
            *(events.RequestSent, events.ResponseReceived),
        ]
        assert {event.upload_id for event in own} == {""}
        assert received == own
        client.me()
        watched.with_options(listener=None).me()
        assert (len(received), len(own)) == (9, 5)


def test_attaching_files_has_an_id_too(recorded: Recorded, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("sunny")
    recorded.events.clear()
    recorded.call("add_attachments", "project", recorded.where[0], [file])
    (upload_id,) = {event.upload_id for event in recorded.events}
    assert upload_id
    assert str(file) in {event.path for event in recorded.events if isinstance(event, events.RequestSent)}
