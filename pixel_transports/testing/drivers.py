"""The two drivers with a clock that is turned by hand in place of the time.

Rules kept here:

* Two effects go by the clock: `Clock` reads it, `Sleep` turns it on and comes back at once. All else is as it was.
* `NextDone` waits in real time for work that goes on alongside, since that is real (threads, tasks, files). When nothing
  ended in time, the clock is turned on by as much: who waits for a moment reaches it.
* A sleep is still a moment at which a task can be cancelled, and others can run.
* Limits of exchanges are kept by transports, in their own time: those of sockets are real.
"""

from typing import TYPE_CHECKING, Any

import anyio.lowlevel

from pixel_core.effects import Clock, NextDone, Sleep
from pixel_transports.drivers.asynchronous import AsyncDriver
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.drivers.journal_paths import JournalPath
from pixel_transports.net.transports import AsyncTransport, Transport
from pixel_transports.observability.instrumentation import Listener
from pixel_transports.sandbox import ManualClock
from pixel_transports.testing.clocks import turn, wait

if TYPE_CHECKING:
    from pixel_transports.observability.telemetry import Telemetry


class TimedDriver(BlockingDriver):
    """The blocking driver on a clock that is turned by hand."""

    def __init__(
        self,
        transport: Transport,
        clock: ManualClock,
        listener: Listener | None = None,
        journal: JournalPath | None = None,
        telemetry: "Telemetry | None" = None,
    ) -> None:
        super().__init__(transport, listener, journal, telemetry)
        self.clock = clock
        self._performers[Clock] = lambda effect: clock()
        self._performers[Sleep] = lambda effect: wait(clock, effect.seconds)
        self._performers[NextDone] = self._ended

    def _ended(self, effect: NextDone) -> Any:
        endings = effect.group.ended(effect.timeout)
        if not endings and effect.timeout is not None:
            turn(self.clock, effect.timeout)
        return endings


class AsyncTimedDriver(AsyncDriver):
    """The async driver on a clock that is turned by hand."""

    def __init__(
        self,
        transport: AsyncTransport,
        clock: ManualClock,
        listener: Listener | None = None,
        journal: JournalPath | None = None,
        telemetry: "Telemetry | None" = None,
    ) -> None:
        super().__init__(transport, listener, journal, telemetry)
        self.clock = clock
        self._performers[Clock] = lambda effect: clock()
        self._performers[Sleep] = self._sleep
        self._performers[NextDone] = self._ended

    async def _sleep(self, effect: Sleep) -> None:
        await anyio.lowlevel.checkpoint()
        wait(self.clock, effect.seconds)

    async def _ended(self, effect: NextDone) -> Any:
        endings = await effect.group.ended(effect.timeout)
        if not endings and effect.timeout is not None:
            turn(self.clock, effect.timeout)
        return endings
