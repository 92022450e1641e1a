"""Ears: how a socket is waited for in an event loop, until something arrives.

Rules kept here:

* On trio, and wherever else anyio works, anyio waits. Under asyncio a loop is told of a socket once, and not anew for
  each wait, which is the most that a small answer costs there.
* What arrives is read where the loop tells of it. A socket that has something to say while nobody waits is forgotten by
  the loop until somebody does, so that nothing spins.
* An ear closes its socket: a loop has to forget it before its number can be that of another.
"""

import asyncio
import socket
import weakref
from collections.abc import Callable
from typing import Protocol

import anyio
import anyio.lowlevel


class Ear(Protocol):
    """What waits for one socket."""

    async def hear(self, read: Callable[[], bytes], timeout: float | None) -> bytes:
        """What `read` gives once there is something to be read; `read` may still raise BlockingIOError, and is called
        again then. Raises TimeoutError, and what `read` does.
        """
        ...

    def forget(self) -> None:
        """Have the loop forget the socket, until the next wait. To be called in the loop."""
        ...

    def close(self) -> None:
        """Close the socket. A plain call, from any thread."""
        ...


def ear_for(sock: socket.socket) -> Ear:
    """The ear for a socket in the loop that is running."""
    loop = anyio.lowlevel.current_token().native_token
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return AnyioEar(sock)
    watches = type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader  # not so on Windows, by default
    return AsyncioEar(sock, loop) if watches else AnyioEar(sock)


class AnyioEar:
    """The way of anyio."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def hear(self, read: Callable[[], bytes], timeout: float | None) -> bytes:
        with anyio.fail_after(timeout):
            while True:
                await anyio.wait_readable(self._sock)
                try:
                    return read()
                except BlockingIOError:
                    continue

    def forget(self) -> None:
        """Nothing is known between waits."""

    def close(self) -> None:
        self._sock.close()


class AsyncioEar:
    """The way of asyncio's loops that watch sockets."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._loop = weakref.ref(loop)  # whose end is that of its connections, and not the other way round
        self._number = sock.fileno()
        self._known = False
        self._waiting: tuple[Callable[[], bytes], asyncio.Future[bytes]] | None = None

    async def hear(self, read: Callable[[], bytes], timeout: float | None) -> bytes:
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[bytes] = loop.create_future()
        self._waiting = read, heard
        if not self._known:
            loop.add_reader(self._number, self._tell)
            self._known = True
        late = None if timeout is None else loop.call_later(timeout, _too_late, heard)
        try:
            return await heard
        finally:
            self._waiting = None
            if late is not None:
                late.cancel()

    def _tell(self) -> None:
        """The loop has seen something at the socket."""
        if self._waiting is None or self._waiting[1].done():
            self.forget()
            return
        read, heard = self._waiting
        try:
            heard.set_result(read())
        except BlockingIOError:
            pass
        except Exception as error:
            heard.set_exception(error)

    def forget(self) -> None:
        loop = self._loop()
        if self._known and loop is not None:
            self._known = False
            loop.remove_reader(self._number)

    def close(self) -> None:
        if self._sock.fileno() < 0:  # a forked process has closed its copies, and the loop is the parent's
            return
        loop = self._loop()
        if self._known and loop is not None and not loop.is_closed():
            if loop.is_running() and asyncio._get_running_loop() is not loop:
                try:  # from another thread: once the loop gets to it
                    loop.call_soon_threadsafe(self.close)
                    return
                except RuntimeError:  # it was closed meanwhile
                    pass
            else:
                self.forget()
        self._sock.close()


def _too_late(heard: "asyncio.Future[bytes]") -> None:
    if not heard.done():
        heard.set_exception(TimeoutError())
