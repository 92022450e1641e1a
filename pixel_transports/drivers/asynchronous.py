"""The async driver: performs the effects of flows under asyncio or trio, by anyio.

Rules kept here:

* It decides nothing: each effect has one performer, which can be replaced.
* The loop is never blocked: files are read and hashed in worker threads. What needs no waiting is not awaited.
* A cancelled task or scope closes its flow, as the loop has it. An event that cancels a flow (`CancelWhen`) cancels a
  scope around the effect that it waits for; the flow then gets PixelCancelledError.
* Single flights belong to an event loop, so that no loop waits for another.
"""

import inspect
import os
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from types import CoroutineType
from typing import Any, TypeVar, cast

import anyio
import anyio.abc
from anyio.to_thread import run_sync

from pixel_core import effects
from pixel_core.effects import CANCELLED, Effect, Flow, TaskOutcome
from pixel_core.errors import PixelCancelledError
from pixel_core.journal import JournalSnapshot
from pixel_core.messages import Response
from pixel_transports.drivers.files import digest, file_facts, list_folder
from pixel_transports.drivers.instrumentation import Instrumentation
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.drivers.single_flight import SingleFlights
from pixel_transports.net.transports import AsyncTransport
from pixel_transports.observability.instrumentation import DriverInstrumentation
from pixel_transports.runtime.cancellation import POLL_SECONDS
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
        returns its result, or a coroutine that returns it. Exceptions are thrown into the flow.
        """
        self.transport = transport
        self._instrumentation = instrumentation or DriverInstrumentation()
        self._journal = journal
        self._flights = PerLoop(SingleFlights, SingleFlights.after_fork)
        self._performers: dict[type[Effect[Any]], Callable[[Any], Any]] = {
            effects.Exchange: self._exchange,
            effects.Clock: lambda effect: time.monotonic(),  # not the loop's: tokens outlive loops
            effects.Random: lambda effect: int.from_bytes(os.urandom(16), "big"),
            effects.Sleep: lambda effect: anyio.sleep(effect.seconds),
            effects.CallTokenProvider: self._call_token_provider,
            effects.Stat: lambda effect: run_sync(file_facts, effect.paths),
            effects.Digest: self._digest,
            effects.ListFolder: lambda effect: run_sync(list_folder, effect.path),
            effects.ReadMetadata: self._read_metadata,
            effects.SingleFlight: self._single_flight,
            effects.Report: lambda effect: self._instrumentation.report(effect.event),
            effects.Listen: self._listen,
            effects.CancelWhen: self._cancel_when,
            effects.OpenTaskGroup: self._open_task_group,
            effects.Spawn: lambda effect: effect.group.spawn(effect.key, effect.flow),
            effects.NextDone: lambda effect: effect.group.next_done(effect.timeout),
            effects.OpenJournal: self._open_journal,
            effects.ClaimFiles: lambda effect: run_sync(effect.run.claim, effect.paths),
            effects.WriteJournal: lambda effect: run_sync(effect.run.write, effect.entries, effect.finish),
            effects.NextItems: self._next_items,
            effects.Deliver: lambda effect: effect.receive(effect.results),
            **performers,
        }

    @property
    def supported_effects(self) -> frozenset[type[Effect[Any]]]:
        """The effects that the driver performs."""
        return frozenset(self._performers)

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end, in this task."""
        return await run_async(flow, self._perform)

    def _perform(self, effect: Effect[Any]) -> Any:
        return self._performers[type(effect)](effect)

    def _exchange(self, effect: effects.Exchange) -> Coroutine[Any, Any, Response]:
        if not self._instrumentation.enabled:
            return self.transport.send(effect.request)
        return self._record_exchange(effect)

    async def _record_exchange(self, effect: effects.Exchange) -> Response:
        with self._instrumentation.exchange(effect) as record:
            record.response = response = await self.transport.send(effect.request)
        return response

    async def _listen(self, effect: effects.Listen[Any]) -> Any:
        with self._instrumentation.listening(effect.listener):
            return await self.run(effect.flow)

    async def _cancel_when(self, effect: effects.CancelWhen[Any]) -> Any:
        scope = anyio.CancelScope()  # around the effect that is being performed

        async def wait_in_scope(coroutine: Coroutine[Any, Any, Any]) -> Any:
            nonlocal scope
            with anyio.CancelScope() as scope:
                return await coroutine
            raise PixelCancelledError(CANCELLED)

        def perform(inner: Effect[Any]) -> Any:
            if effect.event.is_set():
                raise PixelCancelledError(CANCELLED)
            value = self._perform(inner)
            return wait_in_scope(value) if type(value) is CoroutineType else value

        async def watch() -> None:
            while not effect.event.is_set():  # noqa: ASYNC110 - any kind of event
                await anyio.sleep(POLL_SECONDS)
            scope.cancel()

        def lead(tasks: anyio.abc.TaskGroup) -> Coroutine[Any, Any, Any]:
            tasks.start_soon(watch)
            return run_async(effect.flow, perform)

        return await _with_tasks(lead)

    async def _call_token_provider(self, effect: effects.CallTokenProvider) -> Any:
        if inspect.iscoroutinefunction(effect.function):
            return await effect.function()
        answer = await run_sync(effect.function)
        return await answer if inspect.isawaitable(answer) else answer

    def _read_metadata(self, effect: effects.ReadMetadata) -> Coroutine[Any, Any, list[dict[str, Any] | None]]:
        from pixel_transports.drivers.photos import photo_metadata  # late: only uploads of photos use it

        return run_sync(photo_metadata, effect.paths)

    def _next_items(self, effect: effects.NextItems) -> Coroutine[Any, Any, list[Any]]:
        from pixel_transports.drivers.items import next_items, next_items_async  # late: only uploads of an iterable

        if hasattr(effect.iterator, "__anext__"):
            return next_items_async(effect.iterator, effect.most)
        return run_sync(next_items, effect.iterator, effect.most, abandon_on_cancel=True)

    async def _digest(self, effect: effects.Digest) -> effects.Digested:
        stop = threading.Event()
        try:
            return await run_sync(digest, effect.slices, effect.keep, stop.is_set, abandon_on_cancel=True)
        finally:
            stop.set()

    async def _single_flight(self, effect: effects.SingleFlight[Any]) -> Any:
        flights = self._flights.get()
        end = None if effect.timeout is None else anyio.current_time() + effect.timeout
        while True:
            waker = anyio.Event()
            flight, first = flights.join(effect.key, waker.set)
            if first:
                with flights.running(effect.key, flight):
                    return flight.end(await self.run(effect.flow))
            with anyio.fail_after(None if end is None else end - anyio.current_time()):
                await waker.wait()
            if flight.ended:
                return flight.outcome()

    async def _open_task_group(self, effect: effects.OpenTaskGroup[Any]) -> Any:
        return await _with_tasks(lambda tasks: self.run(effect.lead(AsyncTaskGroup(self.run, tasks))))

    async def _open_journal(self, effect: effects.OpenJournal[Any]) -> Any:
        from pixel_transports.drivers.journal.run import begin_run  # late: only uploads load SQLite

        run = await run_sync(begin_run, self._journal, effect.destination, effect.paths, effect.with_finished)
        if run is None:
            return await self.run(effect.lead(JournalSnapshot()))
        try:
            return await self.run(effect.lead(run.snapshot))
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(run.close)


async def _with_tasks(lead: Callable[[anyio.abc.TaskGroup], Coroutine[Any, Any, T]]) -> T:
    """Return the result of `lead`, or raise its Exception. Tasks that it started are cancelled at its end."""
    result: Any = None
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            result = await lead(tasks)
        except Exception as error:  # kept here, since the task group would wrap it
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return cast(T, result)


class AsyncTaskGroup:
    """Flows of a task group, as tasks."""

    def __init__(self, run: Callable[[Flow[Any]], Coroutine[Any, Any, Any]], tasks: anyio.abc.TaskGroup) -> None:
        self._run = run
        self._tasks = tasks
        self._outcomes: list[TaskOutcome[Any, Any]] = []
        self._waker: anyio.Event | None = None

    def spawn(self, key: Any, flow: Flow[Any]) -> None:
        """Run a flow in a new task."""
        self._tasks.start_soon(self._work, key, flow)

    async def _work(self, key: Any, flow: Flow[Any]) -> None:
        try:
            outcome = await self._run(flow)
        except Exception as error:
            outcome = error
        self._outcomes.append((key, outcome))
        if self._waker is not None:
            self._waker.set()

    async def next_done(self, timeout: float | None) -> list[TaskOutcome[Any, Any]]:
        """Wait for an outcome, up to `timeout` seconds, and return those since the last time."""
        if not self._outcomes:
            self._waker = anyio.Event()
            with anyio.move_on_after(timeout):
                await self._waker.wait()
            self._waker = None
        outcomes, self._outcomes = self._outcomes, []
        return outcomes
