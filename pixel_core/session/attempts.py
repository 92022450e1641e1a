"""The tries of one request: sending, waiting before the next try, and the error of the last one.

Rules kept here:

* All that is repeated goes through here: calls of the API, storage requests, logins, and the end of an upload.
* A total limit covers all tries and the waits between them. A wait that would pass it is not begun.
* A successful first try costs one effect, its exchange.
"""

from copy import copy
from dataclasses import replace

from pixel_core.effects import Clock, Exchange, Flow, Random, Report, Sleep
from pixel_core.errors import PixelConnectionError, PixelTimeoutError
from pixel_core.events import UNRELATED, CallRepeated, Correlation
from pixel_core.messages import Deadline, Request, Response
from pixel_core.session.retries import RetryPolicy

_CLOCK, _RANDOM = Clock(), Random()


class Attempts:
    """Counts the tries of one request (`number`, from 1) and its exchanges, redirects included. A request that several
    calls make, one after another, has one count.
    """

    __slots__ = ("_correlation", "_deadline", "_sends", "number", "policy")

    def __init__(
        self, policy: RetryPolicy, correlation: Correlation = UNRELATED, deadline: Deadline | None = None
    ) -> None:
        self.policy: RetryPolicy = policy
        self.begin(correlation, deadline)
        self.number: int = 1

    def begin(self, correlation: Correlation, deadline: Deadline | None) -> None:
        """Start a call, with its own request id and deadline. The tries are counted on."""
        self._correlation = correlation
        self._deadline = deadline
        self._sends = 0

    def send(self, request: Request) -> Flow[Response | PixelConnectionError]:
        """Perform one exchange, and return its response or its failure. Raises PixelTimeoutError when no time is left
        for it.
        """
        if self._deadline is not None:
            now = yield from _CLOCK
            try:
                request = replace(request, timeouts=self._deadline.remaining(now))
            except TimeoutError as error:
                raise PixelTimeoutError(f"{request.label}: {error}", sent=False) from None
        resend = self._sends
        self._sends += 1
        try:
            return (yield from Exchange(request, self._correlation, resend))
        except PixelConnectionError as error:
            if self._deadline is not None:  # the exchange knows only what was left of the total limit
                error.args = (str(error).replace(Deadline(request.timeouts, 0.0).reason, self._deadline.reason),)
            return error

    def repeat(
        self, label: str, method: str, outcome: Response | PixelConnectionError, again: bool | None = None
    ) -> Flow[bool]:
        """Report that the request is repeated, and wait for its next try. Returns False at once if there is none.
        `again` takes the place of the policy's table.
        """
        if again is False or (again is None and isinstance(outcome, Response) and outcome.status < 400):
            return False
        delay = self.policy.delay(method, self.number, outcome, (yield from _RANDOM), again)
        if delay is None:
            return False
        if self._deadline is not None and (yield from _CLOCK) + delay >= self._deadline.at:
            return False
        of, reason = self._correlation, reason_of(outcome)
        yield from Report(
            CallRepeated(label, of.request_id, reason, self.number, delay, of.upload_id, of.path, of.job_id)
        )
        yield from Sleep(delay)
        self.number += 1
        return True

    def failure(self, error: PixelConnectionError, request_id: str = "") -> PixelConnectionError:
        """Return the error of the last try, with the number of tries and the request id in its message."""
        details = [f"after {self.number} tries"] if self.number > 1 else []
        if request_id:
            details.append(f"request ID: {request_id}")
        if not details:
            return error
        detailed = copy(error)
        detailed.args = (f"{error} ({', '.join(details)})",)
        detailed.__cause__ = error
        return detailed


def reason_of(outcome: Response | PixelConnectionError) -> str:
    """Return why a try failed, without secrets."""
    return f"status {outcome.status}" if isinstance(outcome, Response) else str(outcome)
