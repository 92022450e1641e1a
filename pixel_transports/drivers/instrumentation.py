"""What a driver reports, and to what: the protocol that instrumentation of a driver implements."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pixel_core.effects import Exchange
from pixel_core.messages import Response


class ExchangeRecord(Protocol):
    """The record of one exchange: the driver stores the response in it."""

    response: Response | None


class Instrumentation(Protocol):
    """Receives the exchanges and events of a driver."""

    @property
    def enabled(self) -> bool:
        """True if exchanges are to be recorded. It is read before each exchange, and may change."""
        ...

    def exchange(self, effect: Exchange) -> AbstractContextManager[ExchangeRecord]:
        """Record one exchange, which is performed inside of the context."""
        ...

    def listening(self, listener: Callable[[Any], object]) -> AbstractContextManager[None]:
        """Pass the events of the context to a listener, too: those of this thread or task, and of what it starts."""
        ...

    def report(self, event: object) -> None:
        """Receive an event (`pixel_core.events`). Raises nothing: a call does not depend on its instrumentation."""
        ...
