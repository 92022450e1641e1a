"""Clients on a clock that is turned by hand: nothing waits, and time is what the clock says."""

import threading
import time
from typing import Any

import anyio
import pytest

from pixel_core.effects import Clock, Flow, Sleep
from pixel_core.models import PixelUploadFile
from pixel_transports.net.transports import AsyncFunctionTransport
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos
from pixel_transports.testing import AsyncTimedDriver, ManualClock, Sandbox, TurnedClock, client
from tests.transports.testing.faces import Face

PHOTOS = sample_photos()[:3]


async def upload(client: Any) -> list[str]:
    project = await client.create_project("P", "", SAMPLE_AREA)
    collection = await client.create_data_collection(project["id"], "C", "", "image")
    files = [PixelUploadFile(file=path) for path in PHOTOS]
    images, errors = await client.upload_multiple_images(project["id"], collection["id"], files)
    assert not errors, errors
    return [image["name"] for image in images]


def test_an_upload_whose_jobs_take_minutes_is_over_at_once(face: Face) -> None:
    clock = TurnedClock()
    sandbox = Sandbox(clock=clock, job_seconds=500, token_seconds=1e6, signature_seconds=1e6)
    began, before = time.monotonic(), clock()
    assert face.run(sandbox, upload, clock=clock) == [path.name for path in PHOTOS]
    assert clock() - before >= 500
    assert sum(clock.waits) >= 500
    assert time.monotonic() - began < 250


def test_a_plain_manual_clock_will_do(face: Face) -> None:
    clock = ManualClock()
    assert face.run(Sandbox(clock=clock), upload, clock=clock) == [path.name for path in PHOTOS]


def test_jobs_of_a_sandbox_on_another_clock_are_waited_for_in_vain(face: Face) -> None:
    clock = TurnedClock()
    with pytest.raises(AssertionError, match="not_confirmed"):
        face.run(Sandbox(clock=ManualClock()), upload, clock=clock)


def test_a_token_ends_when_the_clock_says_so(face: Face) -> None:
    clock = TurnedClock()
    sandbox = Sandbox(clock=clock, token_seconds=300)

    async def session(client: Any) -> None:
        await client.me()
        clock.advance(299)
        await client.me()

    face.run(sandbox, session, clock=clock)
    assert [each.path.rpartition("/")[2] for each in sandbox.received] == ["token", "me", "token", "me"]


@pytest.mark.anyio
async def test_a_sleep_is_a_moment_to_be_cancelled_at() -> None:
    clock = TurnedClock()
    driver = AsyncTimedDriver(AsyncFunctionTransport(Sandbox()), clock)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await driver.run(iter(Sleep(5)))
    assert scope.cancelled_caught
    assert clock.waits == []


def test_no_turn_is_lost_between_threads() -> None:
    clock = TurnedClock(0)

    def turns() -> None:
        for _ in range(1000):
            clock.advance(1)

    threads = [threading.Thread(target=turns) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert clock() == 8000


def test_light_copies_go_by_the_same_clock() -> None:
    clock = TurnedClock()
    made = client(transport=Sandbox(clock=clock), clock=clock)

    def now() -> Flow[float]:
        return (yield from Clock())

    assert made.with_options(retries=0).run(now()) == clock()


def test_listings_on_a_clock_ask_for_no_page_behind_the_last(face: Face) -> None:
    clock = TurnedClock()
    sandbox = Sandbox(clock=clock)

    async def session(client: Any) -> None:
        project = await client.create_project("P", "", SAMPLE_AREA)
        collection = await client.create_data_collection(project["id"], "C", "", "image")
        files = [PixelUploadFile(file=path) for path in PHOTOS]
        await client.upload_multiple_images(project["id"], collection["id"], files)
        before = len(sandbox.received)
        pages = client.paginate_images(project["id"], collection["id"], page_size=2)
        images = [image async for image in pages] if face.async_ else list(await pages)
        assert len(images) == 3
        assert len(sandbox.received) - before == 2

    face.run(sandbox, session, clock=clock)


def test_each_client_is_nobody_elses() -> None:
    sandbox = Sandbox()
    assert client(transport=sandbox) is not client(transport=sandbox)


def test_a_client_writes_no_journal_unless_asked_to(face: Face, tmp_path: Any) -> None:
    clock = TurnedClock()
    face.run(Sandbox(clock=clock), upload, clock=clock, journal=tmp_path / "journal")
    assert (tmp_path / "journal").exists()
    face.run(Sandbox(clock=clock), upload, clock=clock)
    assert [each.name for each in tmp_path.iterdir() if not each.name.startswith("journal")] == []
