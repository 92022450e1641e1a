"""The blocking driver: performs the effects of flows with sockets and threads.

Rules kept here:

* It decides nothing: each effect has one performer, which can be replaced.
* No event loop. Flows of a task group run on threads, which end before the call that opened the group returns.
* An interrupt (Ctrl-C), or a failure of its lead, cancels the flows of a task group at once, during their I/O.
* An event that cancels a flow ends what its thread waits for in the same way; the flow then gets PixelCancelledError.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pixel_core import effects
from pixel_core.effects import CANCELLED, Effect, Flow
from pixel_core.errors import PixelCancelledError
from pixel_core.journal import JournalSnapshot
from pixel_core.messages import Response
from pixel_transports.drivers.files import digest, file_facts, list_folder
from pixel_transports.drivers.instrumentation import Instrumentation
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.drivers.single_flight import SingleFlights
from pixel_transports.drivers.threads import TaskGroup
from pixel_transports.net.transports import Transport
from pixel_transports.observability.instrumentation import DriverInstrumentation
from pixel_transports.runtime.cancellation import ScopeCancelled, cancelled_by, current_scope, on_cancel
from pixel_transports.runtime.running import run

T = TypeVar("T")


class BlockingDriver:
    """Runs flows over a blocking transport. One object serves any number of threads."""

    def __init__(
        self,
        transport: Transport,
        *,
        instrumentation: Instrumentation | None = None,
        journal: JournalPath | None = None,
        performers: Mapping[type[Effect[Any]], Callable[[Any], Any]] = {},
    ) -> None:
        """`performers` replaces performers, or adds performers for effects of your own: each takes the effect and
        returns its result. Exceptions are thrown into the flow.
        """
        self.transport = transport
        self._instrumentation = instrumentation or DriverInstrumentation()
        self._journal = journal
        self._flights = SingleFlights()
        self._performers: dict[type[Effect[Any]], Callable[[Any], Any]] = {
            effects.Exchange: self._exchange,
            effects.Clock: lambda effect: time.monotonic(),
            effects.Random: lambda effect: int.from_bytes(os.urandom(16), "big"),
            effects.Sleep: self._sleep,
            effects.CallTokenProvider: lambda effect: effect.function(),
            effects.Stat: self._stat,
            effects.Digest: self._digest,
            effects.ListFolder: lambda effect: list_folder(effect.path),
            effects.ReadMetadata: self._read_metadata,
            effects.SingleFlight: self._single_flight,
            effects.Report: lambda effect: self._instrumentation.report(effect.event),
            effects.Listen: self._listen,
            effects.CancelWhen: self._cancel_when,
            effects.OpenTaskGroup: self._open_task_group,
            effects.Spawn: lambda effect: effect.group.spawn(effect.key, effect.flow),
            effects.NextDone: lambda effect: effect.group.next_done(effect.timeout),
            effects.OpenJournal: self._open_journal,
            effects.ClaimFiles: lambda effect: effect.run.claim(effect.paths),
            effects.WriteJournal: lambda effect: effect.run.write(effect.entries, effect.finish),
            effects.NextItems: self._next_items,
            effects.Deliver: lambda effect: effect.receive(effect.results),
            **performers,
        }

    @property
    def supported_effects(self) -> frozenset[type[Effect[Any]]]:
        """The effects that the driver performs."""
        return frozenset(self._performers)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end, in this thread."""
        return run(flow, self._perform)

    def _perform(self, effect: Effect[Any]) -> Any:
        scope = current_scope.get()
        if scope is not None:
            scope.check()
        return self._performers[type(effect)](effect)

    def _exchange(self, effect: effects.Exchange) -> Response:
        if not self._instrumentation.enabled:
            return self.transport.send(effect.request)
        with self._instrumentation.exchange(effect) as record:
            record.response = response = self.transport.send(effect.request)
        return response

    def _read_metadata(self, effect: effects.ReadMetadata) -> list[dict[str, Any] | None]:
        from pixel_transports.drivers.photos import photo_metadata  # late: only uploads of photos use it

        return photo_metadata(effect.paths)

    def _next_items(self, effect: effects.NextItems) -> list[Any]:
        from pixel_transports.drivers.items import next_items  # late: only uploads of an iterable use it

        return next_items(effect.iterator, effect.most)

    def _listen(self, effect: effects.Listen[Any]) -> Any:
        with self._instrumentation.listening(effect.listener):
            return self.run(effect.flow)

    def _cancel_when(self, effect: effects.CancelWhen[Any]) -> Any:
        outer = current_scope.get()

        def perform(inner: Effect[Any]) -> Any:
            try:
                return self._perform(inner)
            except ScopeCancelled:
                if outer is not None and outer.cancelled:
                    raise
                raise PixelCancelledError(CANCELLED) from None

        with cancelled_by(effect.event.is_set):
            return run(effect.flow, perform)

    def _sleep(self, effect: effects.Sleep) -> None:
        scope = current_scope.get()
        (time if scope is None else scope).sleep(effect.seconds)

    def _stat(self, effect: effects.Stat) -> list[effects.FileFacts]:
        scope = current_scope.get()
        if scope is None:
            return file_facts(effect.paths)
        facts: list[effects.FileFacts] = []
        for path in effect.paths:
            scope.check()
            facts += file_facts([path])
        return facts

    def _digest(self, effect: effects.Digest) -> effects.Digested:
        scope = current_scope.get()
        if scope is None:
            return digest(effect.slices, effect.keep, lambda: False)
        digested = digest(effect.slices, effect.keep, lambda: scope.cancelled)
        scope.check()
        return digested

    def _single_flight(self, effect: effects.SingleFlight[Any]) -> Any:
        end = None if effect.timeout is None else time.monotonic() + effect.timeout
        while True:
            waker = threading.Event()
            flight, first = self._flights.join(effect.key, waker.set)
            if first:
                with self._flights.running(effect.key, flight):
                    return flight.end(self.run(effect.flow))
            with on_cancel(waker.set):
                if not waker.wait(None if end is None else max(0.0, end - time.monotonic())):
                    raise TimeoutError
            if flight.ended:
                return flight.outcome()

    def _open_task_group(self, effect: effects.OpenTaskGroup[Any]) -> Any:
        group = TaskGroup(self.run)
        try:
            result = self.run(effect.lead(group))
        finally:
            group.close()
        group.check()
        return result

    def _open_journal(self, effect: effects.OpenJournal[Any]) -> Any:
        from pixel_transports.drivers.journal.run import begin_run  # late: only uploads load SQLite

        run = begin_run(self._journal, effect.destination, effect.paths, effect.with_finished)
        if run is None:
            return self.run(effect.lead(JournalSnapshot()))
        with run:
            return self.run(effect.lead(run.snapshot))
