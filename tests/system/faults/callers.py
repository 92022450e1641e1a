"""One interface to the clients of each face, from the main thread: calls, and calls that are cancelled.

A call is cancelled as programs do it: by a signal in the main thread on the blocking face, by `Task.cancel` or a cancel
scope on the others.
"""

import asyncio
import re
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, TypeAlias

import anyio
import trio
from anyio.from_thread import BlockingPortal

from pixel_core.events import CallRepeated
from pixel_transports import PixelClient, PixelClientAsync
from pixel_transports.client.settings import PixelApiSettings

PATIENCE = 10.0
"""The limit of a call in rows that are not about limits."""

CANCELLED = "cancelled"

_COUNTS = re.compile(r"(\d+) held, (\d+) idle, (\d+) waiting")


Method: TypeAlias = Callable[[], Any]
"""A call with its arguments; on the async faces it returns a coroutine."""


class Interrupt(BaseException):
    """Raised in the main thread, like KeyboardInterrupt."""


class Caller:
    """A client of one face. `repeating` is called before it repeats a request."""

    def __init__(self, face: str, settings: PixelApiSettings, portal: BlockingPortal | None) -> None:
        self._portal = portal
        self.face = face
        self.repeating: Callable[[], None] = lambda: None
        self.repeats = 0
        kind: Any = PixelClient if portal is None else PixelClientAsync
        self.client: Any = kind.from_settings(settings, journal=None, listener=self._on_event)

    def _on_event(self, event: object) -> None:
        if isinstance(event, CallRepeated):
            self.repeats += 1
            self.repeating()

    def method(self, name: str, *arguments: Any, options: dict[str, Any] | None = None, **keywords: Any) -> Method:
        """A call of the client, for `run` or `begin`."""
        return partial(getattr(self.client.with_options(**options or {}), name), *arguments, **keywords)

    def run(self, method: Method) -> Any:
        return method() if self._portal is None else self._portal.call(method)

    @property
    def ways(self) -> tuple[str, ...]:
        return {"blocking": ("interrupt",), "asyncio": ("task", "scope"), "trio": ("scope",)}[self.face]

    def begin(self, way: str, turns: int | None, method: Method) -> "_Interrupted | _Cancelled":
        """Start a call that will be cancelled: on an event loop, after so many turns, unless that is None."""
        return _Interrupted(method) if self._portal is None else _Cancelled(self._portal, way, turns, method)

    def close(self) -> None:
        self.run(self.client.close if self._portal is None else self.client.aclose)

    def tasks(self) -> int:
        if self.face == "trio":
            return int(self.run(lambda: trio.lowlevel.current_statistics().tasks_living))
        return 0 if self._portal is None else len(self._portal.call(asyncio.all_tasks))

    @property
    def pool(self) -> str:
        return repr(self.client.transport)

    def counts(self) -> tuple[int, int, int]:
        """The numbers of held slots, idle connections and waiters of the pool."""
        held, idle, waiting = _COUNTS.findall(self.pool)[0]
        return int(held), int(idle), int(waiting)


class _Interrupted:
    """A call of the blocking face, in the main thread."""

    def __init__(self, call: Method) -> None:
        self._call = call
        self._inside = False
        self._over = threading.Event()

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._inside:
            self._inside = False
            raise Interrupt

    def _interrupt(self, ready: Callable[[], bool]) -> None:
        main = threading.main_thread().ident or 0
        while not ready():
            if self._over.wait(0.001):
                return
        # A signal just before a wait takes effect after the wait, so it is sent repeatedly.
        while not self._over.wait(0.003):
            if self._inside:
                signal.pthread_kill(main, signal.SIGUSR1)

    def end(self, ready: Callable[[], bool]) -> Any:
        """Cancel it once `ready` returns True. Returns `CANCELLED`, or the result of the call if that came first."""
        before = signal.signal(signal.SIGUSR1, self._raise)
        thread = threading.Thread(target=self._interrupt, args=(ready,), name="interrupts", daemon=True)
        thread.start()
        try:
            self._inside = True
            try:
                return self._call()
            finally:
                self._inside = False
        except Interrupt:
            return CANCELLED
        finally:
            self._over.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)


class _Cancelled:
    """A call of an async face, as a task of the portal's loop."""

    def __init__(self, portal: BlockingPortal, way: str, turns: int | None, method: Method) -> None:
        self._portal = portal
        self._method = method
        self._turns = turns
        self._cancel: Callable[[], object] = lambda: None
        self._begun = threading.Event()
        self._future = portal.start_task_soon(self._as_task if way == "task" else self._in_scope)

    async def _as_task(self) -> Any:
        task = asyncio.ensure_future(self._method())
        self._cancel = task.cancel
        self._begun.set()
        await self._spin()
        try:
            return await task
        except asyncio.CancelledError:
            return CANCELLED

    async def _in_scope(self) -> Any:
        results: list[Any] = []
        failures: list[Exception] = []

        async def attempt() -> None:
            try:
                results.append(await self._method())
            except Exception as error:  # kept here, since the group would wrap it
                failures.append(error)

        async with anyio.create_task_group() as group:
            self._cancel = group.cancel_scope.cancel
            self._begun.set()
            group.start_soon(attempt)
            await self._spin()
        if failures:
            raise failures[0]
        return results[0] if results else CANCELLED

    async def _spin(self) -> None:
        if self._turns is not None:
            for _ in range(self._turns):
                await anyio.lowlevel.checkpoint()
            self._cancel()

    def end(self, ready: Callable[[], bool]) -> Any:
        self._begun.wait(PATIENCE)
        while self._turns is None and not self._future.done() and not ready():
            time.sleep(0.001)
        if self._turns is None and not self._future.done():
            time.sleep(0.003)  # until sent bytes are read
            self._portal.call(self._cancel)
        return self._future.result(PATIENCE)
