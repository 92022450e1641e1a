"""One client object in many threads and event loops, dropped, or open at the end of the program."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import anyio
import pytest
import trio

from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync, get_client
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer
from tests.support.callers import call
from tests.support.peers import eventually, open_sockets
from tests.transports.sandbox.support import TIFF
from tests.transports.testing.faces import FACES


@pytest.fixture(autouse=True)
def nothing_warns() -> Iterator[None]:
    """Dropped objects cause no warnings and no unraisable errors."""
    gc.collect()
    problems: list[object] = []
    before = sys.unraisablehook
    sys.unraisablehook = problems.append
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
            gc.collect()
    finally:
        sys.unraisablehook = before
    assert problems == []


def logins(sandbox: Sandbox) -> int:
    return sum("openid-connect/token" in request.path for request in sandbox.received)


def sockets() -> int:
    """How many sockets are open, once what was dropped has been collected."""
    gc.collect()
    return open_sockets()


def test_eight_threads_share_one_client_and_one_login(server: SandboxServer, pixel_settings: PixelApiSettings) -> None:
    barrier = threading.Barrier(8)

    def work(number: int) -> list[str | None]:
        barrier.wait()
        client = get_client(settings=pixel_settings)
        return [client.me().get("email") for _ in range(25)]

    with ThreadPoolExecutor(8) as threads:
        answers = Counter(email for emails in threads.map(work, range(8)) for email in emails)
    assert answers == {"demo@example.com": 200}
    assert logins(server.sandbox) == 1
    get_client(settings=pixel_settings).close()


def test_one_loop_after_another_works_with_connections_of_its_own(
    server: SandboxServer, pixel_settings: PixelApiSettings
) -> None:
    client, before = get_client(True, pixel_settings), sockets()

    async def work() -> list[str | None]:
        emails: list[str | None] = []

        async def ask() -> None:
            emails.append((await client.me()).get("email"))

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(ask)
        assert sockets() > before
        return emails

    for _ in range(3):
        assert asyncio.run(work()) == ["demo@example.com"] * 5
        eventually(lambda: sockets() <= before)
    assert trio.run(work) == ["demo@example.com"] * 5
    eventually(lambda: sockets() <= before)
    assert logins(server.sandbox) == 1


@pytest.mark.usefixtures("server")
def test_two_loops_may_enter_one_client_at_once_and_the_last_to_leave_closes_it(
    pixel_settings: PixelApiSettings,
) -> None:
    client, before = get_client(True, pixel_settings), sockets()
    barrier = threading.Barrier(2)

    async def work(calls: int) -> None:
        async with client:
            await anyio.to_thread.run_sync(barrier.wait)
            for _ in range(calls):
                await client.me()
            assert not client.closed

    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(asyncio.run, work(10)), threads.submit(trio.run, work, 40)]
        assert [run.result() for run in runs] == [None, None]
    assert client.closed
    eventually(lambda: sockets() <= before)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("left", [True, False], ids=["left", "dropped"])
def test_a_client_that_is_left_or_dropped_closes_its_sockets(
    pixel_settings: PixelApiSettings, face: str, left: bool
) -> None:
    before = sockets()

    async def use(client: PixelClientAsync) -> None:
        async with client if left else nullcontext():
            await client.me()
            assert open_sockets() > before

    async def asynchronous() -> None:
        within_loop = sockets()
        await use(PixelClientAsync.from_settings(pixel_settings))
        with anyio.fail_after(20):
            while sockets() > within_loop:  # noqa: ASYNC110
                await anyio.sleep(0.002)

    def blocking() -> None:
        client = PixelClient.from_settings(pixel_settings)
        with client if left else nullcontext():
            client.me()
            assert open_sockets() > before

    blocking() if face == "blocking" else anyio.run(asynchronous, backend=face)
    eventually(lambda: sockets() <= before)


@pytest.mark.parametrize("days", [-4000, -1, 1, 4000])
@pytest.mark.parametrize("async_", [False, True])
def test_a_server_whose_clock_is_days_off_needs_one_login(async_: bool, days: int) -> None:
    """Times inside tokens are not used, since they are of another clock."""
    sandbox = Sandbox(clock=lambda: time.time() + days * 86400, token_seconds=60.0)
    settings = PixelApiSettings(**sandbox.environment("http://sandbox.invalid"))
    client = get_client(async_, settings, transport=sandbox)
    for _ in range(3):
        assert call(client, "me")["email"] == "demo@example.com"
    assert logins(sandbox) == 1


def run(code: str, *arguments: object, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a program with warnings as errors, in Python's development mode."""
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", code, *map(str, arguments)]
    environment = {**os.environ, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


AT_EXIT = """
import asyncio, logging, sys, trio
from pixel_transports import get_client
logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of slow steps on a busy machine
async def main():
    print((await get_client(True).me())["email"])
print(get_client().me()["email"])
asyncio.run(main())
trio.run(main)
if "inside" in sys.argv:
    async def leave():
        await main()
        sys.exit(0)
    asyncio.run(leave())
"""


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_a_program_that_ends_with_open_clients_prints_nothing(server: SandboxServer, where: str) -> None:
    done = run(AT_EXIT, where, environment=server.sandbox.environment(server.url))
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == {"demo@example.com"}


UPLOAD_AT_EXIT = """
import asyncio, logging, sys, threading
from pixel_client import PixelUploadFile, get_client
from pixel_core.events import FileSent
logging.getLogger("asyncio").setLevel(logging.ERROR)
sent = threading.Event()
listener = lambda event: sent.set() if isinstance(event, FileSent) else None
files = [PixelUploadFile(file=path) for path in sys.argv[3:]]
place = [int(number) for number in sys.argv[2].split(",")]
def blocking():
    get_client(listener=listener).upload_multiple_rasters(*place, files)
def in_a_loop():
    asyncio.run(get_client(True, listener=listener).upload_multiple_rasters(*place, files))
threading.Thread(target=blocking if sys.argv[1] == "blocking" else in_a_loop, daemon=True).start()
assert sent.wait(30)
print("the program ends")
"""


@pytest.mark.parametrize("face", ["blocking", "in a loop"])
def test_a_program_that_ends_while_a_thread_uploads_prints_nothing(face: str, tmp_path: Path) -> None:
    """The jobs of the server take longer than the program runs."""
    files = [tmp_path / f"{number}.tif" for number in range(4)]
    for number, file in enumerate(files):
        file.write_bytes(TIFF + bytes([number]))
    with SandboxServer(Sandbox(job_seconds=600.0)) as server:
        environment = server.sandbox.environment(server.url)
        with PixelClient.from_settings(PixelApiSettings(**environment)) as client:
            project = client.create_project("Project", "", SAMPLE_AREA)["id"]
            collection = client.create_data_collection(project, "Rasters", "", "RGB")["id"]
        done = run(UPLOAD_AT_EXIT, face, f"{project},{collection}", *files, environment=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the program ends\n", "")
