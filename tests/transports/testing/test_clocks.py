"""Clients on a manual clock: no wait takes real time."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest

from pixel_core.effects import Clock, Flow, Sleep
from pixel_core.models import PixelUploadFile
from pixel_transports.net.transports import AsyncFunctionTransport
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos
from pixel_transports.testing import AsyncTimedDriver, ManualClock, MockTransport, Sandbox, client
from tests.transports.testing.faces import Face

PHOTOS = sample_photos()[:3]


async def upload(client: Any) -> list[str]:
    project = await client.create_project("P", "", SAMPLE_AREA)
    collection = await client.create_data_collection(project["id"], "C", "", "image")
    files = [PixelUploadFile(file=path) for path in PHOTOS]
    images, errors = await client.upload_multiple_images(project["id"], collection["id"], files)
    assert not errors, errors
    return [image["name"] for image in images]


def test_an_upload_with_slow_jobs_takes_no_real_time(face: Face) -> None:
    clock = ManualClock()
    sandbox = Sandbox(clock=clock, job_seconds=500, token_seconds=1e6, signature_seconds=1e6)
    began, before = time.monotonic(), clock()
    assert face.run(sandbox, upload, clock=clock) == [path.name for path in PHOTOS]
    assert clock() - before >= 500
    assert sum(clock.waits) >= 500
    assert time.monotonic() - began < 250


def test_jobs_of_a_sandbox_on_another_clock_never_end(face: Face) -> None:
    clock = ManualClock()
    with pytest.raises(AssertionError, match="not_confirmed"):
        face.run(Sandbox(clock=ManualClock()), upload, clock=clock)


def test_a_token_expires_by_the_clock(face: Face) -> None:
    clock = ManualClock()
    sandbox = Sandbox(clock=clock, token_seconds=300)

    async def session(client: Any) -> None:
        await client.me()
        clock.advance(299)
        await client.me()

    face.run(sandbox, session, clock=clock)
    assert [each.path.rpartition("/")[2] for each in sandbox.received] == ["token", "me", "token", "me"]


@pytest.mark.anyio
async def test_a_sleep_can_be_cancelled() -> None:
    clock = ManualClock()
    driver = AsyncTimedDriver(AsyncFunctionTransport(Sandbox()), clock=clock)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await driver.run(iter(Sleep(5)))
    assert scope.cancelled_caught
    assert clock.waits == []


def test_threads_can_move_one_clock() -> None:
    clock = ManualClock(0)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(clock.advance, [1] * 8000))
    assert clock() == 8000


def test_a_test_client_is_not_cached_and_its_copies_have_its_clock() -> None:
    clock = ManualClock()
    sandbox = Sandbox(clock=clock)
    made = client(transport=sandbox, clock=clock)
    assert client(transport=sandbox, clock=clock) is not made

    def now() -> Flow[float]:
        return (yield from Clock())

    assert made.with_options(retries=0).run(now()) == clock()


def test_listings_request_no_page_after_the_last(face: Face) -> None:
    async def session(client: Any) -> list[int]:
        pages = client.paginate_images(7, 1, page_size=2)
        return [each["id"] async for each in pages] if face.async_ else [each["id"] for each in await pages]

    with MockTransport() as mock:
        mock.get("/projects/7/data_collections/1/images/", [{"id": 1}, {"id": 2}], [{"id": 3}])
        assert face.run(mock, session, clock=ManualClock()) == [1, 2, 3]


def test_a_test_client_has_no_journal_unless_one_is_named(face: Face, tmp_path: Path) -> None:
    clock = ManualClock()
    face.run(Sandbox(clock=clock), upload, clock=clock)
    assert not Path(os.environ["PIXEL_JOURNAL"]).exists()
    face.run(Sandbox(clock=clock), upload, clock=clock, journal=tmp_path / "journal")
    assert (tmp_path / "journal").exists()
