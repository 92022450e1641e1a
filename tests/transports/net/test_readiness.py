"""Waiting for sockets in event loops: bytes are read once, no loop spins, and a closed socket is unregistered."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from pixel_transports.net.readiness import AsyncioReadiness, Readiness, readiness_of
from tests.support.peers import eventually


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def reader(sock: socket.socket) -> Any:
    return lambda: sock.recv(100)


@pytest.mark.anyio
async def test_bytes_are_read_each_time_they_arrive(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    readiness = readiness_of(ours)
    for word in (b"one", b"two", b"three"):
        theirs.send(word)
        assert await readiness.wait_readable(reader(ours), 10.0) == word
    theirs.close()
    assert await readiness.wait_readable(reader(ours), 10.0) == b""
    readiness.close()
    assert ours.fileno() == -1


@pytest.mark.anyio
async def test_silence_is_a_timeout_and_later_bytes_are_read(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    readiness = readiness_of(ours)
    with pytest.raises(TimeoutError):
        await readiness.wait_readable(reader(ours), 0.01)
    theirs.send(b"late")
    assert await readiness.wait_readable(reader(ours), None) == b"late"
    readiness.close()


@pytest.mark.anyio
async def test_a_read_that_would_block_is_repeated(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    readiness = readiness_of(ours)
    calls = []

    def read() -> bytes:
        calls.append(True)
        if len(calls) == 1:
            raise BlockingIOError
        return ours.recv(100)

    theirs.send(b"x")
    assert await readiness.wait_readable(read, 10.0) == b"x"
    assert len(calls) == 2
    readiness.close()


@pytest.mark.anyio
async def test_an_error_of_the_read_is_raised(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    readiness = readiness_of(ours)

    def read() -> bytes:
        raise ConnectionResetError(104, "reset")

    theirs.send(b"x")
    with pytest.raises(ConnectionResetError):
        await readiness.wait_readable(read, 10.0)
    readiness.close()


@pytest.mark.anyio
async def test_a_cancelled_wait_leaves_the_bytes_to_the_next(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    readiness = readiness_of(ours)
    with anyio.move_on_after(0.01) as scope:
        await readiness.wait_readable(reader(ours), None)
    assert scope.cancelled_caught
    theirs.send(b"next")
    assert await readiness.wait_readable(reader(ours), 10.0) == b"next"
    readiness.close()


def registered_with(loop: Any) -> int:
    """The number of sockets registered with an asyncio loop, without its own."""
    return len(loop._selector.get_map()) - 1


async def asyncio_readiness(sock: socket.socket) -> Readiness:
    readiness = readiness_of(sock)
    assert isinstance(readiness, AsyncioReadiness)
    with pytest.raises(TimeoutError):
        await readiness.wait_readable(reader(sock), 0.001)
    assert registered_with(asyncio.get_running_loop()) == 1
    return readiness


def test_a_socket_that_becomes_readable_while_nothing_waits_is_unregistered(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair

    async def main() -> None:
        readiness = await asyncio_readiness(ours)
        theirs.send(b"uncalls")
        await asyncio.sleep(0.01)
        assert registered_with(asyncio.get_running_loop()) == 0
        assert await readiness.wait_readable(reader(ours), 10.0) == b"uncalls"
        readiness.close()
        assert registered_with(asyncio.get_running_loop()) == 0

    asyncio.run(main())


def test_a_socket_that_another_thread_closes_is_unregistered_first(
    pair: tuple[socket.socket, socket.socket],
) -> None:
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


def test_a_socket_can_be_closed_after_its_loop(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    stopped: Readiness
    with asyncio.Runner() as runner:
        stopped = runner.run(asyncio_readiness(ours))
    stopped.close()
    assert ours.fileno() == -1


def test_a_socket_of_a_loop_that_does_not_run_is_closed_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    with asyncio.Runner() as runner:
        readiness = runner.run(asyncio_readiness(ours))
        readiness.close()
        assert ours.fileno() == -1
        assert registered_with(runner.get_loop()) == 0


def test_a_loop_without_readers_waits_by_anyio(pair: tuple[socket.socket, socket.socket]) -> None:
    class Proactor(asyncio.SelectorEventLoop):
        add_reader = asyncio.AbstractEventLoop.add_reader

    async def main() -> None:
        assert not isinstance(readiness_of(pair[0]), AsyncioReadiness)

    with asyncio.Runner(loop_factory=Proactor) as runner:
        runner.run(main())
