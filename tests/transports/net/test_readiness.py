"""Waiting for sockets in event loops: bytes are read once, no loop spins, and a closed socket is unregistered."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import anyio
import pytest

from pixel_transports.net.readiness import AsyncioReadiness, Readiness, readiness_of
from tests.support.peers import eventually

Pair: TypeAlias = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def reader(sock: socket.socket) -> Callable[[], bytes]:
    return lambda: sock.recv(100)


@pytest.mark.anyio
async def test_bytes_are_read_when_they_arrive_also_after_a_time_out_and_a_cancelled_wait(pair: Pair) -> None:
    ours, theirs = pair
    readiness = readiness_of(ours)
    for word in (b"one", b"two"):
        theirs.send(word)
        assert await readiness.wait_readable(reader(ours), 10.0) == word
    with pytest.raises(TimeoutError):
        await readiness.wait_readable(reader(ours), 0.01)
    with anyio.move_on_after(0.01) as scope:
        await readiness.wait_readable(reader(ours), None)
    assert scope.cancelled_caught
    theirs.send(b"three")
    assert await readiness.wait_readable(reader(ours), None) == b"three"
    theirs.close()
    assert await readiness.wait_readable(reader(ours), 10.0) == b""
    readiness.close()
    assert ours.fileno() == -1


@pytest.mark.anyio
async def test_a_read_that_would_block_is_repeated_and_another_error_is_raised(pair: Pair) -> None:
    ours, theirs = pair
    readiness = readiness_of(ours)
    errors = [BlockingIOError(), ConnectionResetError(104, "reset")]

    def read() -> bytes:
        raise errors.pop(0)

    theirs.send(b"x")
    with pytest.raises(ConnectionResetError):
        await readiness.wait_readable(read, 10.0)
    assert not errors
    readiness.close()


def registered_with(loop: Any) -> int:
    """The number of sockets registered with an asyncio loop, without its own."""
    return len(loop._selector.get_map()) - 1


async def asyncio_readiness(sock: socket.socket) -> Readiness:
    """The readiness of a socket that is registered with the running loop."""
    readiness = readiness_of(sock)
    assert isinstance(readiness, AsyncioReadiness)
    with pytest.raises(TimeoutError):
        await readiness.wait_readable(reader(sock), 0.001)
    assert registered_with(asyncio.get_running_loop()) == 1
    return readiness


def test_a_socket_that_becomes_readable_while_nothing_waits_is_unregistered(pair: Pair) -> None:
    ours, theirs = pair

    async def main() -> None:
        readiness = await asyncio_readiness(ours)
        theirs.send(b"early")
        await asyncio.sleep(0.01)
        assert registered_with(asyncio.get_running_loop()) == 0
        assert await readiness.wait_readable(reader(ours), 10.0) == b"early"
        readiness.close()
        assert registered_with(asyncio.get_running_loop()) == 0

    asyncio.run(main())


def test_a_socket_that_another_thread_closes_is_unregistered_first(pair: Pair) -> None:
    ours, theirs = pair

    async def main() -> None:
        readiness = await asyncio_readiness(ours)
        closing = threading.Thread(target=readiness.close)
        closing.start()
        await asyncio.to_thread(closing.join)
        await asyncio.to_thread(eventually, lambda: ours.fileno() == -1)
        assert registered_with(asyncio.get_running_loop()) == 0
        theirs.setblocking(False)
        assert theirs.recv(1) == b""

    asyncio.run(main())


@pytest.mark.parametrize("ended", [True, False])
def test_a_socket_of_a_loop_that_has_ended_or_does_not_run_is_closed_at_once(pair: Pair, ended: bool) -> None:
    ours, _ = pair
    with asyncio.Runner() as runner:
        readiness = runner.run(asyncio_readiness(ours))
        if not ended:
            readiness.close()
            assert ours.fileno() == -1
            assert registered_with(runner.get_loop()) == 0
    readiness.close()
    assert ours.fileno() == -1


def test_a_loop_without_readers_waits_by_anyio(pair: Pair) -> None:
    class Proactor(asyncio.SelectorEventLoop):
        add_reader = asyncio.AbstractEventLoop.add_reader

    async def main() -> None:
        assert not isinstance(readiness_of(pair[0]), AsyncioReadiness)

    with asyncio.Runner(loop_factory=Proactor) as runner:
        runner.run(main())
