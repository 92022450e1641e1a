"""Waits until a socket is readable, under asyncio and anyio.

Rules kept here:

* Under trio, and wherever else anyio works, anyio waits. Under asyncio a socket is registered with the loop once, and
  not for each wait: that gains a quarter of an async call.
* Under asyncio the socket is read in the loop's callback. A socket that becomes readable while nothing waits is
  unregistered until the next wait, so that the loop does not spin.
* `close` closes the socket, since a loop has to unregister it before its number can be that of another.
"""

import asyncio
import socket
import weakref
from collections.abc import Callable
from typing import Protocol

import anyio
import anyio.lowlevel


class Readiness(Protocol):
    """Waits for one socket."""

    async def wait_readable(self, read: Callable[[], bytes], timeout: float | None) -> bytes:
        """Call `read` once the socket is readable, and again if it raises BlockingIOError; return its result. Raises
        TimeoutError, and what else `read` raises.
        """
        ...

    def unregister(self) -> None:
        """Unregister the socket from the loop until the next wait. Called in the loop."""
        ...

    def close(self) -> None:
        """Close the socket. Does not wait. Called from any thread."""
        ...


def readiness_of(sock: socket.socket) -> Readiness:
    """Return what waits for this socket in the running loop."""
    loop = anyio.lowlevel.current_token().native_token
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return AnyioReadiness(sock)
    has_readers = type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader  # not so on Windows, by default
    return AsyncioReadiness(sock, loop) if has_readers else AnyioReadiness(sock)


class AnyioReadiness:
    """Waits by anyio."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def wait_readable(self, read: Callable[[], bytes], timeout: float | None) -> bytes:
        with anyio.fail_after(timeout):
            while True:
                await anyio.wait_readable(self._sock)
                try:
                    return read()
                except BlockingIOError:
                    continue

    def unregister(self) -> None:
        """Nothing is registered between waits."""

    def close(self) -> None:
        self._sock.close()


class AsyncioReadiness:
    """Waits by a reader that stays registered with an asyncio loop."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._loop = weakref.ref(loop)  # a connection does not keep its loop alive
        self._number = sock.fileno()
        self._registered = False
        self._waiting: tuple[Callable[[], bytes], asyncio.Future[bytes]] | None = None

    async def wait_readable(self, read: Callable[[], bytes], timeout: float | None) -> bytes:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[bytes] = loop.create_future()
        self._waiting = read, result
        if not self._registered:
            loop.add_reader(self._number, self._on_readable)
            self._registered = True
        timer = None if timeout is None else loop.call_later(timeout, _expire, result)
        try:
            return await result
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    def _on_readable(self) -> None:
        if self._waiting is None or self._waiting[1].done():
            self.unregister()
            return
        read, result = self._waiting
        try:
            result.set_result(read())
        except BlockingIOError:
            pass
        except Exception as error:
            result.set_exception(error)

    def unregister(self) -> None:
        loop = self._loop()
        if self._registered and loop is not None:
            self._registered = False
            loop.remove_reader(self._number)

    def close(self) -> None:
        if self._sock.fileno() < 0:  # a forked process has closed its copies, and the loop is the parent's
            return
        loop = self._loop()
        if self._registered and loop is not None and not loop.is_closed():
            if loop.is_running() and not _runs_here(loop):
                try:  # from another thread: when the loop gets to it
                    loop.call_soon_threadsafe(self.close)
                    return
                except RuntimeError:  # it was closed meanwhile
                    pass
            else:
                self.unregister()
        self._sock.close()


def _expire(result: "asyncio.Future[bytes]") -> None:
    if not result.done():
        result.set_exception(TimeoutError())


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    """True if this thread runs the loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
