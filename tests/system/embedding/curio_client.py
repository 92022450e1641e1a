"""curio, which neither asyncio nor anyio knows of: coroutines perform the effects of a call.

    python -m tests.system.embedding.curio_client http://127.0.0.1:8000

Rules kept here:

* The loop is never blocked: names are looked up in threads.
* A stream is closed by a plain call, so it closes the socket below curio's own.
"""

import secrets
import socket
import sys
import time
from collections.abc import Hashable, Sequence
from select import select
from typing import Any, TypeVar

import curio
from curio.io import Socket as CurioSocket

import pixel_core as pixel
from pixel_transports import run_async

T = TypeVar("T")
AREA = {"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]]}

# curio has no types, and what checkers guess of these two is wrong.
timeout_after: Any = curio.timeout_after
ignore_after: Any = curio.ignore_after


class Stream:
    """A socket under curio, whose own `close` is a coroutine."""

    def __init__(self, address: Any) -> None:
        family, kind, protocol, _, self.address = address
        self.plain = socket.socket(family, kind, protocol)
        self.socket = CurioSocket(self.plain)

    def secure(self, tls: Any) -> None:
        raise NotImplementedError("TLS")

    def close(self) -> None:
        self.plain.close()


class Driver:
    """Runs flows under curio."""

    def __init__(self) -> None:
        self.leasing = pixel.Leasing(pixel.Pool())
        self.running: dict[Hashable, tuple[Any, list[Any]]] = {}

    async def run(self, flow: pixel.Flow[T]) -> T:
        return await run_async(flow, self.perform)

    async def outcome(self, flow: pixel.Flow[Any]) -> Any:
        """The result of a flow, or the Exception that ended it."""
        try:
            return await self.run(flow)
        except Exception as error:
            return error

    def perform(self, effect: pixel.Effect[Any]) -> Any:
        """The result of an effect, or a coroutine that returns it."""
        match effect:
            case pixel.Clock():
                return time.monotonic()
            case pixel.Random():
                return secrets.randbits(128)
            case pixel.Report():
                return None  # there is no listener
            case pixel.Sleep(seconds):
                return _slept(seconds)
            case pixel.Exchange(request):
                return self.run(pixel.exchange(request, self.leasing))
            case pixel.Resolve(host, port):
                return curio.run_in_thread(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
            case pixel.Connect(address):
                return Stream(address)
            case pixel.WaitConnected(streams, timeout):
                return _connected(streams[0], timeout)
            case pixel.IsIdle(stream):
                return not select([stream.socket.fileno()], [], [], 0)[0]
            case pixel.Write(stream, segments, timeout):
                return _written(stream.socket, segments, timeout)
            case pixel.Read(stream, timeout):
                return within(timeout, stream.socket.recv, 65536)
            case pixel.SingleFlight(key, flow):
                return self.once(key, flow)
        raise NotImplementedError(f"{effect!r}: uploads and listings ahead ask for more, see selectors_loop.py")

    async def once(self, key: Hashable, flow: pixel.Flow[Any]) -> Any:
        first = key not in self.running
        done, outcomes = self.running.setdefault(key, (curio.Event(), []))
        if first:
            try:
                outcomes.append(await self.outcome(flow))
            finally:
                del self.running[key]
                await done.set()
        await done.wait()
        if not outcomes:
            return await self.once(key, flow)  # the running flow was cancelled
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]
        return outcomes[0]


async def within(seconds: float | None, function: Any, *args: Any) -> Any:
    try:
        async with timeout_after(seconds):
            return await function(*args)
    except curio.TaskTimeout:  # no OSError, as flows expect it, and no Exception at all
        raise TimeoutError(f"nothing happened within {seconds} seconds") from None


async def _connected(stream: Any, timeout: float | None) -> list[pixel.ConnectResult]:
    try:
        await within(timeout, stream.socket.connect, stream.address)
    except OSError as error:
        return [pixel.ConnectResult(stream, error)]
    return [pixel.ConnectResult(stream, None)]


async def _slept(seconds: float) -> None:
    await curio.sleep(seconds)


async def _written(sock: Any, segments: Sequence[pixel.Segment], timeout: float | None) -> bool:
    try:
        for segment in segments:
            await within(timeout, sock.sendall, segment)  # slices of files are for uploads
    except ConnectionError:
        return False  # the peer hung up; what it said before is still read
    return True


async def main(url: str) -> None:
    account = pixel.Account(f"{url}/auth", "Sandbox", "frontend", "demo@example.com", "demo")
    api, driver = pixel.PixelApi(pixel.Session(f"{url}/api/sandbox", account)), Driver()
    async with curio.TaskGroup() as group:
        for _ in range(8):
            await group.spawn(driver.run, api.me())
    print(f"{len(group.results)} calls at once, as", group.results[0]["email"])
    await driver.run(api.create_project("Curio", "Made under curio", AREA))
    print("projects:", *(each["name"] for each in await driver.run(api.list_projects())))
    driver.leasing.close()


if __name__ == "__main__":
    curio.run(main, sys.argv[1])
