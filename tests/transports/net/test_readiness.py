"""How event loops are told of sockets: what arrives is read once, nothing spins, and what is closed is forgotten."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from pixel_transports.net.readiness import AsyncioEar, Ear, ear_for
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
async def test_what_arrives_is_heard_each_time(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = ear_for(ours)
    for word in (b"one", b"two", b"three"):
        theirs.send(word)
        assert await ear.hear(reader(ours), 10.0) == word
    theirs.close()
    assert await ear.hear(reader(ours), 10.0) == b""
    ear.close()
    assert ours.fileno() == -1


@pytest.mark.anyio
async def test_silence_is_a_time_out_and_what_comes_later_is_heard(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = ear_for(ours)
    with pytest.raises(TimeoutError):
        await ear.hear(reader(ours), 0.01)
    theirs.send(b"late")
    assert await ear.hear(reader(ours), None) == b"late"
    ear.close()


@pytest.mark.anyio
async def test_a_reader_that_finds_nothing_is_asked_again(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = ear_for(ours)
    asked = []

    def read() -> bytes:
        asked.append(True)
        if len(asked) == 1:
            raise BlockingIOError
        return ours.recv(100)

    theirs.send(b"x")
    assert await ear.hear(read, 10.0) == b"x"
    assert len(asked) == 2
    ear.close()


@pytest.mark.anyio
async def test_what_a_reader_raises_is_raised(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = ear_for(ours)

    def read() -> bytes:
        raise ConnectionResetError(104, "reset")

    theirs.send(b"x")
    with pytest.raises(ConnectionResetError):
        await ear.hear(read, 10.0)
    ear.close()


@pytest.mark.anyio
async def test_who_is_cancelled_hears_nothing_and_the_next_does(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = ear_for(ours)
    with anyio.move_on_after(0.01) as scope:
        await ear.hear(reader(ours), None)
    assert scope.cancelled_caught
    theirs.send(b"next")
    assert await ear.hear(reader(ours), 10.0) == b"next"
    ear.close()


def known_to(loop: Any) -> int:
    """How many sockets an asyncio loop watches, but for its own."""
    return len(loop._selector.get_map()) - 1


async def asyncio_ear(sock: socket.socket) -> Ear:
    ear = ear_for(sock)
    assert isinstance(ear, AsyncioEar)
    with pytest.raises(TimeoutError):
        await ear.hear(reader(sock), 0.001)
    assert known_to(asyncio.get_running_loop()) == 1
    return ear


def test_a_socket_that_speaks_while_nobody_waits_is_watched_no_longer(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair

    async def main() -> None:
        ear = await asyncio_ear(ours)
        theirs.send(b"unasked")
        await asyncio.sleep(0.01)
        assert known_to(asyncio.get_running_loop()) == 0
        assert await ear.hear(reader(ours), 10.0) == b"unasked"
        ear.close()
        assert known_to(asyncio.get_running_loop()) == 0

    asyncio.run(main())


def test_a_socket_that_another_thread_closes_is_forgotten_by_its_loop_first(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair

    async def main() -> None:
        ear = await asyncio_ear(ours)
        closing = threading.Thread(target=ear.close)
        closing.start()
        await asyncio.to_thread(closing.join)
        await asyncio.to_thread(eventually, lambda: ours.fileno() == -1)
        assert known_to(asyncio.get_running_loop()) == 0
        theirs.setblocking(False)
        assert theirs.recv(1) == b""

    asyncio.run(main())


def test_a_socket_outlives_its_loop_and_can_be_closed(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    stopped: Ear
    with asyncio.Runner() as runner:
        stopped = runner.run(asyncio_ear(ours))
    stopped.close()
    assert ours.fileno() == -1


def test_a_socket_of_a_loop_that_stands_still_is_closed_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    with asyncio.Runner() as runner:
        ear = runner.run(asyncio_ear(ours))
        ear.close()
        assert ours.fileno() == -1
        assert known_to(runner.get_loop()) == 0


def test_a_loop_that_watches_no_sockets_leaves_that_to_anyio(pair: tuple[socket.socket, socket.socket]) -> None:
    class Proactor(asyncio.SelectorEventLoop):
        add_reader = asyncio.AbstractEventLoop.add_reader

    async def main() -> None:
        assert not isinstance(ear_for(pair[0]), AsyncioEar)

    with asyncio.Runner(loop_factory=Proactor) as runner:
        runner.run(main())
