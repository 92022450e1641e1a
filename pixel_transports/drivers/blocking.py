"""The blocking driver: performs the effects of flows with sockets and threads.

Rules kept here:

* It decides nothing: each effect has one performer.
* No event loop. Flows that run alongside others do so on threads of a crew; none outlives the call that started it.
* An interrupt (Ctrl-C) or a failure of a lead cancels the flows of its crew at once, in the midst of their I/O.
* Who watches an exchange is found out when it begins; where nobody does, nothing is made for it.
* A forked process waits for nothing that the parent's threads had begun.
"""

import os
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

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
    WriteJournal,
)
from pixel_core.journal import JournalSnapshot
from pixel_core.messages import Response
from pixel_transports.drivers.files import digest, look_at
from pixel_transports.drivers.instrumentation import Instrumentation
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.drivers.threads import TaskGroup
from pixel_transports.net.transports import Transport
from pixel_transports.runtime.cancellation import current_scope, on_cancel
from pixel_transports.runtime.forks import register_after_fork
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
        returns its result. A failure is raised; it is thrown into the flow.
        """
        self.transport = transport
        self._instrumentation = instrumentation
        self._journal = journal
        self.after_fork()
        register_after_fork(self)
        self._performers: dict[type[Effect[Any]], Callable[[Any], Any]] = {
            Exchange: self._exchange,
            Clock: lambda effect: time.monotonic(),
            Random: lambda effect: int.from_bytes(os.urandom(16), "big"),
            Sleep: self._sleep,
            CallTokenProvider: lambda effect: effect.function(),
            Stat: lambda effect: look_at(effect.paths),
            Digest: self._digest,
            SingleFlight: self._once,
            Report: self._report,
            OpenTaskGroup: self._alongside,
            Spawn: lambda effect: effect.group.spawn(effect.key, effect.flow),
            NextDone: lambda effect: effect.group.next_done(effect.timeout),
            OpenJournal: self._journaled,
            WriteJournal: lambda effect: effect.run.write(effect.entries),
            **performers,
        }

    def after_fork(self) -> None:
        """Nothing runs at first, nor in a forked process."""
        self._lock = threading.Lock()
        self._running: dict[Hashable, _Outcome] = {}

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end, in this thread."""
        return run(flow, self._perform)

    def _perform(self, effect: Effect[Any]) -> Any:
        scope = current_scope.get()
        if scope is not None:
            scope.check()
        return self._performers[type(effect)](effect)

    def _exchange(self, effect: Exchange) -> Response:
        instrumentation = self._instrumentation
        if instrumentation is None or not instrumentation.enabled:
            return self.transport.send(effect.request)
        with instrumentation.exchange(effect) as record:
            record.response = response = self.transport.send(effect.request)
        return response

    def _report(self, effect: Report) -> None:
        if self._instrumentation is not None:
            self._instrumentation.report(effect.event)

    def _sleep(self, effect: Sleep) -> None:
        scope = current_scope.get()
        if scope is None:
            time.sleep(effect.seconds)
        else:
            scope.sleep(effect.seconds)

    def _digest(self, effect: Digest) -> Digested:
        scope = current_scope.get()
        if scope is None:
            return digest(effect.slices, effect.keep, lambda: False)
        digested = digest(effect.slices, effect.keep, lambda: scope.cancelled)
        scope.check()
        return digested

    def _once(self, effect: SingleFlight[Any]) -> Any:
        until = None if effect.timeout is None else time.monotonic() + effect.timeout
        while True:
            waker = threading.Event()
            with self._lock:
                outcome = self._running.setdefault(effect.key, fresh := _Outcome())
                outcome.wakers.append(waker)
            if outcome is fresh:
                return self._first(effect, outcome)
            with on_cancel(waker.set):
                if not waker.wait(None if until is None else max(0.0, until - time.monotonic())):
                    raise TimeoutError
            if outcome.error is None:
                return outcome.value
            if isinstance(outcome.error, Exception):
                raise outcome.error
            # Whoever ran it was interrupted: the next in line runs it.

    def _first(self, effect: SingleFlight[Any], outcome: "_Outcome") -> Any:
        try:
            outcome.value = self.run(effect.flow)
            return outcome.value
        except BaseException as error:
            outcome.error = error
            raise
        finally:
            with self._lock:
                self._running.pop(effect.key, None)  # A forked process knows of none.
            for waker in outcome.wakers:
                waker.set()

    def _alongside(self, effect: OpenTaskGroup[Any]) -> Any:
        group = TaskGroup(self)
        try:
            result = self.run(effect.lead(group))
        finally:
            group.close()
        group.check()
        return result

    def _journaled(self, effect: OpenJournal[Any]) -> Any:
        from pixel_transports.drivers.journal.run import begin_run  # here, since only uploads have one

        run = begin_run(self._journal, effect.destination, effect.paths, effect.with_finished)
        if run is None:
            return self.run(effect.lead(JournalSnapshot()))
        with run:
            result = self.run(effect.lead(run.snapshot))
            run.finish()
            return result


class _Outcome:
    """What a flow that runs once comes to, and whom to wake then."""

    def __init__(self) -> None:
        self.wakers: list[threading.Event] = []
        self.value: Any = None
        self.error: BaseException | None = None
