"""A process forks while threads and event loops run: the child uses its own connections, the parent continues."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import anyio
import pytest

from pixel_core import Request, Response
from pixel_transports import (
    AsyncDriver,
    BlockingDriver,
    PixelApiSettings,
    PixelClient,
    PixelClientAsync,
    SocketTransport,
    get_client,
)
from pixel_transports.client import cache
from pixel_transports.net import tls
from pixel_transports.runtime import forks
from pixel_transports.sandbox import Sandbox, SandboxServer
from tests.support.peers import OK, PATIENCE, Peer, eventually, keep_answering, open_sockets, wait
from tests.transports.runtime.forking import exit_code, fork, needs_fork

pytestmark = needs_fork

EMAIL = "demo@example.com"


def logins(server: SandboxServer) -> int:
    return sum("openid-connect/token" in request.path for request in server.sandbox.received)


def call(client: Any, each: Callable[[], Iterator[object]] = lambda: iter(range(5)), number: int | None = None) -> None:
    """Call a client once for each item; an async one under asyncio and trio, or under the one that `number` selects."""
    if isinstance(client, PixelClient):
        for _ in each():
            assert client.me().get("email") == EMAIL
        return

    async def work() -> None:
        for _ in each():
            assert (await client.me()).get("email") == EMAIL
        await client.transport.aclose()

    backends = ("asyncio", "trio")
    for backend in backends if number is None else (backends[number % 2],):
        anyio.run(work, backend=backend)


drivers: list[Any] = []


def kept_driver(transport: Any, **parts: Any) -> Any:
    """Make a default driver, and keep it."""
    drivers.append((BlockingDriver if hasattr(transport, "close") else AsyncDriver)(transport, **parts))
    return drivers[-1]


@pytest.fixture(params=["blocking", "async"])
def client(request: pytest.FixtureRequest, pixel_settings: PixelApiSettings) -> Iterator[Any]:
    kind = PixelClient if request.param == "blocking" else PixelClientAsync
    client: Any = kind.from_settings(pixel_settings, driver=kept_driver)
    yield client
    if isinstance(client, PixelClient):
        client.close()


def test_children_forked_during_calls_can_call_too(client: Any, server: SandboxServer) -> None:
    """The calls are made by four threads, an async client in an event loop per thread."""
    over, calls = threading.Event(), [0]

    def until_over() -> Iterator[object]:
        while not over.is_set():
            yield None
            calls[0] += 1

    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(call, client, until_over, number) for number in range(4)]
        try:
            eventually(lambda: calls[0] > 16)
            children = [fork(lambda: call(client)) for _ in range(8)]
            assert [exit_code(child) for child in children] == [0] * 8
            before = calls[0]
            eventually(lambda: calls[0] > before + 20)
        finally:
            over.set()
        for run in runs:
            run.result(PATIENCE)
    assert logins(server) <= 4  # one per event loop of the parent, none in children


def test_get_client_returns_the_same_client_in_a_child(server: SandboxServer, pixel_settings: PixelApiSettings) -> None:
    with get_client(settings=pixel_settings) as client:
        call(client)

        def work() -> None:
            assert get_client(settings=pixel_settings) is client
            call(client)

        assert exit_code(fork(work)) == 0
        call(client)
    assert logins(server) == 1


def test_a_child_neither_uses_nor_closes_a_connection_of_the_parent() -> None:
    with Peer([keep_answering()]) as peer:
        transport = SocketTransport()
        assert transport.send(peer.request(target="/parent")).status == 200

        def work() -> None:
            before = open_sockets()
            assert transport.send(peer.request(target="/child")).status == 200
            assert open_sockets() == before + 1
            transport.close()
            assert open_sockets() == before

        assert exit_code(fork(work)) == 0
        assert transport.send(peer.request(target="/parent")).status == 200
        transport.close()
        assert peer.received(0).count(b"GET /parent ") == 2
        assert b"/child" not in peer.received(0)
        assert b"/parent" not in peer.received(1)


def test_a_child_closes_its_copy_of_a_connection_in_use() -> None:
    """So the peer gets EOF as soon as the parent closes it, while the child still runs."""
    gate = threading.Event()
    with Peer([wait(gate), keep_answering(OK)]) as peer, ThreadPoolExecutor(1) as threads:
        transport, before = SocketTransport(), open_sockets()
        run = threads.submit(transport.send, peer.request())
        peer.connection(0)
        reading, writing = os.pipe()

        def work() -> None:
            os.close(writing)
            assert os.read(reading, 1) == b""  # EOF when the parent closes the pipe

        child = fork(work)
        os.close(reading)
        gate.set()
        assert run.result(PATIENCE).status == 200
        transport.close()
        peer.received(0)  # waits for EOF
        os.close(writing)
        assert exit_code(child) == 0
        eventually(lambda: open_sockets() <= before + 1)


def test_locks_held_during_the_fork_do_not_block_the_child(client: Any) -> None:
    call(client)
    driver = drivers[-1]
    owners = (
        [driver._flights, driver.transport._leasing.pool]
        if isinstance(client, PixelClient)
        else [driver._flights, driver.transport._leasings]
    )
    held = [client._life._lock, cache._lock, tls._lock, *(owner._lock for owner in owners)]
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
        call(client)

    try:
        assert exit_code(fork(work)) == 0
    finally:
        over.set()
        thread.join()
    call(client)


def test_a_child_does_not_wait_for_a_login_of_the_parent() -> None:
    sandbox, started, over = Sandbox(), threading.Event(), threading.Event()
    parent = os.getpid()

    def handler(request: Request) -> Response:
        if "/token" in request.path and os.getpid() == parent:
            started.set()
            over.wait(PATIENCE)
        return sandbox(request)

    settings = PixelApiSettings(**sandbox.environment("http://sandbox.invalid"))
    client = PixelClient.from_settings(settings, transport=handler)
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(client.me)
        assert started.wait(PATIENCE)
        child = fork(lambda: call(client))
        code = exit_code(child)
        over.set()
        assert run.result(PATIENCE).get("email") == EMAIL
    assert code == 0


def test_registered_objects_are_garbage_collected(pixel_settings: PixelApiSettings) -> None:
    gc.collect()
    before = len(forks._objects)
    client = PixelClient.from_settings(pixel_settings)
    client.me()
    assert len(forks._objects) > before
    del client
    eventually(lambda: gc.collect() >= 0 and len(forks._objects) <= before)
