"""Calls that are cancelled by an event end soon, whatever they wait for, and the next run of an upload continues it.

Sockets, files and the journal are real. Requests to the storage are sent to a scripted peer from some number on, which
decides where in a request the event is set.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import anyio
import pytest

from pixel_core.errors import PixelCancelledError, PixelServerError
from pixel_core.events import CallRepeated, FileFinished, JobProgress, UploadProgress
from pixel_core.messages import Request, Response
from pixel_core.models import PixelUploadFile
from pixel_transports import AnyioTransport, PixelClient, PixelClientAsync, SocketTransport
from pixel_transports.client.settings import PixelApiSettings
from tests.support.peers import LARGE, PATIENCE, Peer, Step, eventually, read_head, read_request, read_to_end, send
from tests.system.faults import world as faults
from tests.system.faults.world import JPEG

SOON = 3.0
"""A second, and what a busy machine adds. What is waited for takes longer: `PATIENCE` or more."""

REFUSAL = b"HTTP/1.1 503 Slow Down\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n"


class Stop(threading.Event):
    """An event that knows when it was set."""

    at = float("inf")

    def set(self) -> None:
        self.at = min(self.at, time.monotonic())
        super().set()


class Diverted:
    """Part of a transport: sends what is `diverted`, from the `first`-th of those requests on, to a peer."""

    def __init__(self, peer: Peer | None = None, first: int = 1, diverted: str = "/storage/", **options: int) -> None:
        super().__init__(**options)
        self.peer, self.first, self.diverted = peer, first, diverted
        self.routed = 0

    def route(self, request: Request) -> Request:
        if self.diverted in request.target:
            self.routed += 1
            if self.peer is not None and self.routed >= self.first:
                return replace(request, origin=self.peer.origin)
        return request


class Diverting(Diverted, SocketTransport):
    def send(self, request: Request) -> Response:
        return super().send(self.route(request))


class DivertingAsync(Diverted, AnyioTransport):
    async def send(self, request: Request) -> Response:
        return await super().send(self.route(request))


class Site:
    """A sandbox behind a socket, files, and a journal."""

    def __init__(self, served: faults.World, folder: Path) -> None:
        self.served, self.folder = served, folder
        self.settings = PixelApiSettings(**served.sandbox.environment(served.server.url))
        self.where = (served.project_id, served.collection_id)
        self.options: dict[str, Any] = {"journal": folder / "journal.sqlite", "upload_max_concurrency": 1}

    def files(self, *sizes: int) -> list[PixelUploadFile]:
        made = [PixelUploadFile(file=self.folder / f"photo_{number}.jpg") for number in range(len(sizes))]
        for each, size in zip(made, sizes, strict=True):
            with each.file.open("wb") as file:
                file.write(JPEG + each.file.name.encode())
                file.truncate(size)
        return made

    @contextmanager
    def client(
        self, peer: Peer | None = None, first: int = 1, **options: Any
    ) -> Iterator[tuple[PixelClient, Diverting]]:
        transport = Diverting(peer, first, **options)
        with PixelClient.from_settings(self.settings, transport=transport, **self.options) as client:
            yield client, transport

    def continues(self, files: Sequence[PixelUploadFile], left: int) -> None:
        """The same call sends the `left` last files, and then each file is there once."""
        with self.client() as (client, transport):
            images, errors = client.upload_multiple_images(*self.where, files)
            assert ([each["name"] for each in images], errors) == ([each.file.name for each in files], [])
            assert transport.routed == left
        facts = {each.file.name: each.file.read_bytes() for each in files}
        expected = {name: [(len(content), md5(content).hexdigest())] for name, content in facts.items()}
        assert self.served.stored() == expected


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with faults.world(job_seconds=0.0) as served:
        yield Site(served, tmp_path)


@contextmanager
def cancelled_soon(stop: Stop, done: int = 0, total: int = 0) -> Iterator[None]:
    """The block ends with the error of its cancellation, soon after `stop` was set."""
    with pytest.raises(PixelCancelledError) as caught:
        yield
    assert time.monotonic() - stop.at < SOON
    assert (caught.value.done, caught.value.total) == (done, total)
    assert (f"{done} of {total} files" in str(caught.value)) == bool(total)


WAITS: dict[str, Callable[[Stop], list[Step]]] = {
    "in the midst of a file": lambda stop: [read_head, lambda connection: stop.set(), lambda connection: time.sleep(1)],
    "for the server": lambda stop: [read_request, lambda connection: stop.set(), read_to_end],
    "between retries": lambda stop: [read_request, send(REFUSAL), read_to_end],
}


@pytest.mark.parametrize("option", ["of the upload", "of the client"])
@pytest.mark.parametrize("wait", WAITS)
def test_an_upload_that_waits_is_cancelled_and_the_next_run_continues_it(site: Site, wait: str, option: str) -> None:
    files = site.files(1000, 2000, LARGE if wait == "in the midst of a file" else 3000)
    stop = Stop()

    def listener(event: object) -> None:
        if isinstance(event, CallRepeated):
            stop.set()

    with Peer(WAITS[wait](stop)) as peer, site.client(peer, first=3) as (client, _), cancelled_soon(stop, 0, 3):
        if option == "of the upload":
            client.upload_multiple_images(*site.where, files, cancel=stop, listener=listener)
        else:
            client.with_options(cancel=stop, listener=listener).upload_multiple_images(*site.where, files)
    site.continues(files, left=1)


def test_the_error_has_the_number_of_files_that_were_uploaded_also_by_earlier_calls(site: Site) -> None:
    site.options["skip_uploaded"] = True
    files = site.files(1000, 2000, 3000, LARGE)
    with site.client() as (client, _):
        client.upload_multiple_images(*site.where, files[:1])
    stop, finished = Stop(), []

    def listener(event: object) -> None:
        if isinstance(event, FileFinished):
            finished.append(event.path)
            if len(finished) == 2:
                stop.set()

    with Peer([read_head, lambda connection: stop.wait(PATIENCE)]) as peer, site.client(peer, first=3) as (client, _):
        with cancelled_soon(stop, 3, 4):
            client.upload_multiple_images(*site.where, files, cancel=stop, listener=listener)
    site.continues(files, left=1)


def test_the_upload_of_a_folder_is_cancelled_and_watched_as_one_upload(site: Site) -> None:
    files, stop = site.files(1000, 2000, 3000), Stop()
    events: list[Any] = []
    with Peer(WAITS["for the server"](stop)) as peer, site.client(peer, first=3) as (client, _):
        with cancelled_soon(stop, 0, 3):
            client.upload_folder(*site.where, site.folder, metadata=None, cancel=stop, listener=events.append)
    assert len({event.upload_id for event in events}) == 1
    assert {event.path for event in events if getattr(event, "path", "")} == {str(each.file) for each in files}
    site.continues(files, left=1)


def test_an_upload_that_hashes_a_large_file_is_cancelled(site: Site) -> None:
    files, stop = site.files(1 << 36), Stop()

    def listener(event: object) -> None:
        if isinstance(event, UploadProgress) and event.files.get("hashing"):
            stop.set()

    with site.client() as (client, _), cancelled_soon(stop, 0, 1):
        client.upload_multiple_images(*site.where, files, cancel=stop, listener=listener)


def test_an_upload_whose_files_are_validated_is_cancelled_and_the_next_run_waits_for_them(tmp_path: Path) -> None:
    stop = Stop()

    def listener(event: object) -> None:
        if isinstance(event, JobProgress):
            stop.set()

    with faults.world(job_seconds=2.0) as served:
        site = Site(served, tmp_path)
        files = site.files(1000, 2000)
        with site.client() as (client, _), cancelled_soon(stop, 0, 2):
            client.upload_multiple_images(*site.where, files, cancel=stop, listener=listener)
        site.continues(files, left=0)


def test_a_call_that_waits_for_a_slot_is_cancelled_and_one_that_goes_on_is_not(site: Site) -> None:
    stop, end = Stop(), threading.Event()
    with Peer([read_request, lambda connection: end.wait(PATIENCE), send(REFUSAL)]) as peer:
        with (
            site.client(peer, max_connections=1, diverted="/users/me") as (client, transport),
            ThreadPoolExecutor(2) as pool,
        ):
            client.list_projects()
            # The one connection to the peer is used by a call that goes on, and another call waits for it.
            goes_on = pool.submit(client.with_options(retries=0).me)
            peer.connection(0)
            waits = pool.submit(client.with_options(cancel=stop).me)
            eventually(lambda: "1 waiting" in repr(transport), lambda: "a call to wait for a slot")
            stop.set()
            with cancelled_soon(stop):
                waits.result(PATIENCE)
            assert not goes_on.done()
            end.set()
            assert isinstance(goes_on.exception(PATIENCE), PixelServerError)
            assert [each["id"] for each in client.list_projects()] == [site.where[0]]


def test_a_call_that_waits_for_the_login_of_a_cancelled_one_logs_in_itself(site: Site) -> None:
    stop = Stop()
    with Peer([read_request, read_to_end]) as peer, ThreadPoolExecutor(2) as pool:
        with site.client(peer, diverted="/openid-connect/") as (client, transport):
            first = pool.submit(client.with_options(cancel=stop).me)
            peer.connection(0)
            transport.peer = None
            second = pool.submit(client.me)
            flights: Any = vars(client)["_driver"]._flights._flights
            eventually(lambda: any(each._wake for each in flights.values()), lambda: "the second call to wait")
            stop.set()
            with cancelled_soon(stop):
                first.result(PATIENCE)
            assert second.result(PATIENCE).get("email") == "demo@example.com"


def test_a_listing_is_cancelled_between_its_pages(site: Site) -> None:
    stop = Stop()
    with site.client() as (client, _):
        client.upload_multiple_images(*site.where, site.files(1000, 2000, 3000, 4000))
        items = client.with_options(cancel=stop).paginate_images(*site.where, page_size=1)
        assert next(items)
        stop.set()
        with cancelled_soon(stop):
            list(items)


@pytest.mark.parametrize("option", ["of the upload", "of the client"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_cancels_an_upload_of_the_async_client_too(site: Site, backend: str, option: str) -> None:
    files, stop = site.files(1000, 2000, 3000), Stop()

    async def main(peer: Peer) -> None:
        transport = DivertingAsync(peer, 3)
        async with PixelClientAsync.from_settings(site.settings, transport=transport, **site.options) as client:
            if option == "of the upload":
                await client.upload_multiple_images(*site.where, files, cancel=stop)
            else:
                await client.with_options(cancel=stop).upload_multiple_images(*site.where, files)

    with Peer([read_request, lambda connection: stop.set(), read_to_end]) as peer, cancelled_soon(stop, 0, 3):
        anyio.run(main, peer, backend=backend)
    site.continues(files, left=1)


def test_an_event_that_is_set_before_the_call_lets_nothing_be_sent(site: Site) -> None:
    files, stop = site.files(1000), Stop()
    stop.set()
    with site.client() as (client, _):
        before = len(site.served.sandbox.received)
        with cancelled_soon(stop, 0, 1):
            client.upload_multiple_images(*site.where, files, cancel=stop)
        with cancelled_soon(stop):
            client.with_options(cancel=stop).me()
        assert len(site.served.sandbox.received) == before


@pytest.mark.parametrize("options", [{"cancel": True}, {"listener": 3}], ids=["cancel", "listener"])
def test_what_is_no_event_and_no_listener_is_a_type_error_before_anything_is_sent(site: Site, options: Any) -> None:
    (name,) = options
    with site.client() as (client, _):
        before = len(site.served.sandbox.received)
        with pytest.raises(TypeError, match=f"{name} is a "):
            client.with_options(**options)
        with pytest.raises(TypeError, match=f"{name} is a "):
            client.upload_multiple_images(*site.where, site.files(1000), **options)
        with pytest.raises(TypeError, match="are options of a client"):
            client.api.with_options(**options)
        assert len(site.served.sandbox.received) == before
