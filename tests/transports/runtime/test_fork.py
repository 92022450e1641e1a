"""A process that is forked while threads and loops are at work: the child has its own connections, the parent goes on.

Rules kept here:

* A child ends by itself, or is ended by its own alarm: one that hangs fails the test.
* In a child, as in the parent, whatever is dropped is dropped without a word.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
import trio

from pixel_core import Request, Response
from pixel_transports import (
    PixelApiSettings,
    PixelClient,
    PixelClientAsync,
    SocketTransport,
    get_client,
)
from pixel_transports.client import factory
from pixel_transports.net import tls
from pixel_transports.runtime import forks
from pixel_transports.sandbox import Sandbox, SandboxServer
from tests.support.peers import OK, PATIENCE, Peer, eventually, keep_answering, open_sockets, wait

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

EMAIL = "demo@example.com"


def fork(work: Callable[[], object]) -> int:
    """Do something in a child; gives its process id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)
        complaints: list[Any] = []
        sys.unraisablehook = complaints.append
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            work()
            gc.collect()
        assert not complaints, complaints
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def ended(process: int) -> int:
    """The exit code of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def logins(server: SandboxServer) -> int:
    return sum("openid-connect/token" in request.path for request in server.sandbox.received)


def ask(client: Any, times: int = 5) -> None:
    """Call a client, of either face, and on both event loops."""
    if isinstance(client, PixelClient):
        for _ in range(times):
            assert client.me().get("email") == EMAIL
        return

    async def work() -> None:
        for _ in range(times):
            assert (await client.me()).get("email") == EMAIL
        await client._driver.transport.aclose()

    asyncio.run(work())
    trio.run(work)


@pytest.fixture(params=["blocking", "async"])
def client(request: pytest.FixtureRequest, pixel_settings: PixelApiSettings) -> Iterator[Any]:
    kind = PixelClient if request.param == "blocking" else PixelClientAsync
    client = kind.from_settings(pixel_settings)
    yield client
    if isinstance(client, PixelClient):
        client.close()


class Busy:
    """Threads that call a client, each in a loop of its own where it is async, until the block ends."""

    def __init__(self, client: Any, number: int) -> None:
        self._client = client
        self._over = threading.Event()
        self._threads = ThreadPoolExecutor(number)
        self._number = number
        self.calls = 0

    def _work(self, number: int) -> None:
        if isinstance(self._client, PixelClient):
            while not self._over.is_set():
                assert self._client.me().get("email") == EMAIL
                self.calls += 1
            return

        async def work() -> None:
            while not self._over.is_set():
                assert (await self._client.me()).get("email") == EMAIL
                self.calls += 1
            await self._client._driver.transport.aclose()

        anyio.run(work, backend=("asyncio", "trio")[number % 2])

    def __enter__(self) -> "Busy":
        self._runs = [self._threads.submit(self._work, number) for number in range(self._number)]
        eventually(lambda: self.calls > 4 * self._number)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for run in self._runs:
            run.result(PATIENCE)
        self._threads.shutdown()


def test_children_that_are_forked_while_threads_call_go_on_as_the_parent_does(
    client: Any, server: SandboxServer
) -> None:
    with Busy(client, 4) as busy:
        children = [fork(lambda: ask(client)) for _ in range(8)]
        assert [ended(child) for child in children] == [0] * 8
        calls = busy.calls
        eventually(lambda: busy.calls > calls + 20)
    assert logins(server) <= 4  # each event loop of the parent may log in by itself, no child has to


def test_processes_of_multiprocessing_are_children_like_any_other(client: Any) -> None:
    with Busy(client, 4):
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=ask, args=(client,)) for _ in range(4)]
        for child in children:
            child.start()
        for child in children:
            child.join(30)
        assert [child.exitcode for child in children] == [0] * 4


def test_the_client_of_get_client_is_the_same_in_a_child_and_works_there(
    server: SandboxServer, pixel_settings: PixelApiSettings
) -> None:
    with get_client(settings=pixel_settings) as client:
        ask(client)

        def work() -> None:
            assert get_client(settings=pixel_settings) is client
            ask(client)

        assert ended(fork(work)) == 0
        ask(client)
    assert logins(server) == 1


def test_a_child_neither_uses_nor_ends_a_connection_of_the_parent() -> None:
    with Peer([keep_answering()]) as peer:
        transport = SocketTransport()
        assert transport.send(peer.request(target="/parent")).status == 200

        def work() -> None:
            before = open_sockets()
            assert transport.send(peer.request(target="/child")).status == 200
            assert open_sockets() == before + 1
            transport.close()
            assert open_sockets() == before

        assert ended(fork(work)) == 0
        assert transport.send(peer.request(target="/parent")).status == 200
        transport.close()
        assert peer.received(0).count(b"GET /parent ") == 2
        assert b"/child" not in peer.received(0)
        assert b"/parent" not in peer.received(1)


def test_a_child_keeps_no_copy_of_a_connection_that_a_thread_of_the_parent_uses() -> None:
    """So that its end is seen at once by the peer, however long the child lives."""
    gate = threading.Event()
    with Peer([wait(gate), keep_answering(OK)]) as peer, ThreadPoolExecutor(1) as threads:
        transport, before = SocketTransport(), open_sockets()
        run = threads.submit(transport.send, peer.request())
        peer.talk(0)
        reading, writing = os.pipe()

        def work() -> None:
            os.close(writing)
            assert os.read(reading, 1) == b""  # until the parent is done

        child = fork(work)
        os.close(reading)
        gate.set()
        assert run.result(PATIENCE).status == 200
        transport.close()
        peer.received(0)  # which waits for the end of the connection
        os.close(writing)
        assert ended(child) == 0
        eventually(lambda: open_sockets() <= before + 1)


def test_locks_that_are_held_when_a_child_is_forked_do_not_hold_it(client: Any) -> None:
    ask(client)
    driver = client._driver
    owners = (
        [driver, driver.transport] if isinstance(client, PixelClient) else [driver._running, driver.transport._pools]
    )
    held = [client._life._lock, factory._lock, tls._lock, *(owner._lock for owner in owners)]
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for lock in held:
                stack.enter_context(lock)
            locked.set()
            over.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(PATIENCE)

    def work() -> None:
        tls.shared_context()
        client._life.enter()
        ask(client)

    try:
        assert ended(fork(work)) == 0
    finally:
        over.set()
        thread.join()
    ask(client)


def test_a_login_that_is_under_way_in_the_parent_is_not_waited_for_in_a_child() -> None:
    sandbox, asked, over = Sandbox(), threading.Event(), threading.Event()
    parent = os.getpid()

    def handler(request: Request) -> Response:
        if "/token" in request.path and os.getpid() == parent:
            asked.set()
            over.wait(PATIENCE)
        return sandbox(request)

    settings = PixelApiSettings(**sandbox.environment("http://sandbox.invalid"))
    client = PixelClient.from_settings(settings, transport=handler)
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(client.me)
        assert asked.wait(PATIENCE)
        child = fork(lambda: ask(client))
        code = ended(child)
        over.set()
        assert run.result(PATIENCE).get("email") == EMAIL
    assert code == 0


def test_a_child_of_a_child_works_too(client: Any) -> None:
    ask(client)

    def work() -> None:
        ask(client)
        assert ended(fork(lambda: ask(client))) == 0
        ask(client)

    assert ended(fork(work)) == 0
    ask(client)


def test_a_child_that_closes_the_client_leaves_that_of_the_parent_open(client: Any) -> None:
    ask(client)

    def work() -> None:
        if isinstance(client, PixelClient):
            client.close()
        assert client.closed or isinstance(client, PixelClientAsync)

    assert ended(fork(work)) == 0
    ask(client)


def test_what_is_known_for_forks_does_not_live_longer_for_it(pixel_settings: PixelApiSettings) -> None:
    gc.collect()
    before = len(forks._known)
    client = PixelClient.from_settings(pixel_settings)
    client.me()
    assert len(forks._known) > before
    del client
    eventually(lambda: gc.collect() >= 0 and len(forks._known) <= before)
