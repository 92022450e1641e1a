"""The async driver: performs the effects of flows under asyncio or trio, by way of anyio.

Rules kept here:

* It decides nothing: each effect has one performer.
* The loop is never blocked: files are looked at and hashed in worker threads; what can be had at once is not awaited.
* What runs once runs once for each event loop, so that no loop waits for another.
* Who watches an exchange is found out when it begins; where nobody does, nothing is made for it.
"""

import inspect
import os
import threading
import time
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from pixel_core.effects import (
    CallTokenProvider,
    Clock,
    Digest,
    Digested,
    Effect,
    Exchange,
    Flow,
    NextDone,
    OpenJournal,
    OpenTaskGroup,
    Random,
    Report,
    SingleFlight,
    Sleep,
    Spawn,
    Stat,
    TaskOutcome,
    WriteJournal,
)
from pixel_core.journal import JournalSnapshot
from pixel_core.messages import Response
from pixel_transports.drivers.files import digest, look_at
from pixel_transports.drivers.instrumentation import Instrumentation
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.net.transports import AsyncTransport
from pixel_transports.runtime.per_loop import PerLoop
from pixel_transports.runtime.running import run_async

T = TypeVar("T")


class AsyncDriver:
    """Runs flows over an async transport. One object serves any number of tasks and event loops."""

    def __init__(
        self,
        transport: AsyncTransport,
        *,
        instrumentation: Instrumentation | None = None,
        journal: JournalPath | None = None,
        performers: Mapping[type[Effect[Any]], Callable[[Any], Any]] = {},
    ) -> None:
        """`performers` replaces performers, or adds performers for effects of your own: each takes the effect and
        returns its result, or a coroutine of it. A failure is raised; it is thrown into the flow.
        """
        self.transport = transport
        self._instrumentation = instrumentation
        self._journal = journal
        self._running: PerLoop[dict[Hashable, _Outcome]] = PerLoop(dict, dict.clear)
        self._performers: dict[type[Effect[Any]], Callable[[Any], Any]] = {
            Exchange: self._exchange,
            Clock: lambda effect: time.monotonic(),  # not the loop's: tokens outlive loops
            Random: lambda effect: int.from_bytes(os.urandom(16), "big"),
            Sleep: lambda effect: anyio.sleep(effect.seconds),
            CallTokenProvider: self._ask_token,
            Stat: lambda effect: anyio.to_thread.run_sync(look_at, effect.paths),
            Digest: self._digest,
            SingleFlight: self._once,
            Report: self._report,
            OpenTaskGroup: self._alongside,
            Spawn: lambda effect: effect.group.spawn(effect.key, effect.flow),
            NextDone: lambda effect: effect.group.next_done(effect.timeout),
            OpenJournal: self._journaled,
            WriteJournal: lambda effect: anyio.to_thread.run_sync(effect.run.write, effect.entries),
            **performers,
        }

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end, in this task."""
        return await run_async(flow, self._perform)

    def _perform(self, effect: Effect[Any]) -> Any:
        return self._performers[type(effect)](effect)

    def _exchange(self, effect: Exchange) -> Coroutine[Any, Any, Response]:
        instrumentation = self._instrumentation
        if instrumentation is None or not instrumentation.enabled:
            return self.transport.send(effect.request)
        return self._recorded(effect, instrumentation)

    async def _recorded(self, effect: Exchange, instrumentation: Instrumentation) -> Response:
        with instrumentation.exchange(effect) as record:
            record.response = response = await self.transport.send(effect.request)
        return response

    def _report(self, effect: Report) -> None:
        if self._instrumentation is not None:
            self._instrumentation.report(effect.event)

    async def _ask_token(self, effect: CallTokenProvider) -> Any:
        if inspect.iscoroutinefunction(effect.function):
            return await effect.function()
        answer = await anyio.to_thread.run_sync(effect.function)
        return await answer if inspect.isawaitable(answer) else answer

    async def _digest(self, effect: Digest) -> Digested:
        stop = threading.Event()
        try:
            return await anyio.to_thread.run_sync(
                digest, effect.slices, effect.keep, stop.is_set, abandon_on_cancel=True
            )
        finally:
            stop.set()

    async def _once(self, effect: SingleFlight[Any]) -> Any:
        running = self._running.get()
        until = None if effect.timeout is None else anyio.current_time() + effect.timeout
        while effect.key in running:
            outcome = running[effect.key]
            with anyio.fail_after(None if until is None else until - anyio.current_time()):
                await outcome.done.wait()
            if outcome.error is not None:
                raise outcome.error
            if outcome.finished:
                return outcome.value
            # Whoever ran it was cancelled: the first to wake runs it.
        outcome = running[effect.key] = _Outcome()
        try:
            outcome.value = await self.run(effect.flow)
            outcome.finished = True
            return outcome.value
        except Exception as error:
            outcome.error = error
            raise
        finally:
            del running[effect.key]
            outcome.done.set()

    async def _alongside(self, effect: OpenTaskGroup[Any]) -> Any:
        result: Any = None
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            try:
                result = await self.run(effect.lead(AsyncTaskGroup(self, group)))
            except Exception as error:  # kept here, since the group would wrap it
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return result

    async def _journaled(self, effect: OpenJournal[Any]) -> Any:
        from pixel_transports.drivers.journal.run import begin_run  # here, since only uploads have one

        given = (self._journal, effect.destination, effect.paths, effect.with_finished)
        run = await anyio.to_thread.run_sync(begin_run, *given)
        if run is None:
            return await self.run(effect.lead(JournalSnapshot()))
        try:
            result = await self.run(effect.lead(run.snapshot))
            await anyio.to_thread.run_sync(run.finish)
            return result
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(run.close)


class AsyncTaskGroup:
    """Flows that run alongside a lead, as tasks of a group."""

    def __init__(self, driver: AsyncDriver, group: Any) -> None:  # a TaskGroup of anyio
        self._driver = driver
        self._group = group
        self._endings: list[TaskOutcome[Any, Any]] = []
        self._waker: anyio.Event | None = None

    def spawn(self, key: Any, flow: Flow[Any]) -> None:
        self._group.start_soon(self._work, key, flow)

    async def _work(self, key: Any, flow: Flow[Any]) -> None:
        try:
            outcome = await self._driver.run(flow)
        except Exception as error:
            outcome = error
        self._endings.append((key, outcome))
        if self._waker is not None:
            self._waker.set()

    async def next_done(self, timeout: float | None) -> list[TaskOutcome[Any, Any]]:
        if not self._endings:
            self._waker = anyio.Event()
            with anyio.move_on_after(timeout):
                await self._waker.wait()
            self._waker = None
        endings, self._endings = self._endings, []
        return endings


class _Outcome:
    """What a flow that runs once comes to."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.value: Any = None
        self.error: Exception | None = None
        self.finished = False
