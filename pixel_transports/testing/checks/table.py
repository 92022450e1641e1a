"""The class of checks, the table of all checks, and what they assert with.

A check runs in a daemon thread. When its time is over, its peers and tasks are ended, and it fails, also if the
transport never returns.
"""

import contextvars
import functools
import traceback
from collections.abc import Callable

from pixel_core.errors import PixelError
from pixel_core.messages import Request
from pixel_transports.testing.checks.candidates import Candidate, Harness, Subject, in_thread, opened

SECRET = "s3cret"  # noqa: S105 - what no error may show
CREDENTIALS = {"Authorization": f"Bearer {SECRET}"}
TARGET = f"/stored?signature={SECRET}"


class Check:
    """One check. Calling it with a candidate raises AssertionError if the transport does not do what `sentence` says.
    It does nothing if it does not apply.
    """

    def __init__(self, function: Callable[[Harness], None], needs: frozenset[str], seconds: float) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.needs = needs
        """The abilities that it needs."""
        self.seconds = seconds
        """The time that it may take, unless the candidate has a time of its own."""

    @property
    def name(self) -> str:
        return self._function.__name__

    @property
    def sentence(self) -> str:
        """The behaviour that it checks."""
        return " ".join((self._function.__doc__ or "").split())

    def __repr__(self) -> str:
        return f"<Check {self.name}>"

    def applies_to(self, subject: Subject) -> bool:
        """True if the candidate has the abilities that the check needs."""
        candidate = Candidate.parse(subject)
        return all(candidate.can(each) for each in self.needs)

    def __call__(self, subject: Subject) -> None:
        if not self.applies_to(subject):
            return
        candidate = Candidate.parse(subject)
        seconds = self.seconds if candidate.seconds is None else candidate.seconds
        harnesses: list[Harness] = []

        def run() -> None:
            with opened(candidate) as harness:
                harnesses.append(harness)
                self._function(harness)

        ended, thread = in_thread(contextvars.copy_context().run, run)
        thread.join(seconds)
        if thread.is_alive():
            for harness in harnesses:
                harness.stop()
            thread.join(_GRACE)
            raise AssertionError(f"{self.name} did not end within {seconds:g} seconds. Expected: {self.sentence}")
        ended.result()


_GRACE = 1.0
"""Time that a transport has to return after its peers and tasks were ended, in seconds."""


TABLE: list[Check] = []
"""All checks, in the order of their definition."""


def check(*needs: str, seconds: float = 60.0) -> Callable[[Callable[[Harness], None]], Check]:
    """Make a function a check, which needs these abilities, and may take so long."""

    def made(function: Callable[[Harness], None]) -> Check:
        made_check = Check(function, frozenset(needs), seconds)
        TABLE.append(made_check)
        return made_check

    return made


def expect(holds: object, what: str) -> None:
    """Raises AssertionError if `holds` is false, also under `python -O`."""
    if not holds:
        raise AssertionError(what)


def same(actual: object, expected: object, what: str) -> None:
    """Raises AssertionError if two values differ."""
    if actual != expected:
        raise AssertionError(f"{what}: {_short(actual)}, and not {_short(expected)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}..."


def failure(harness: Harness, request: Request, kind: type[Exception]) -> Exception:
    """Send a request that has to fail with this class of error, and return the error. Its message has to be one line
    with the label of the request, and no traceback may show a secret.
    """
    try:
        answer = harness.send(request)
    except kind as error:
        message = str(error)
        shown = "".join(traceback.format_exception(error))
        expect(SECRET not in shown, f"the error shows a secret: {type(error).__name__}")
        if isinstance(error, PixelError) and "photo.jpg" not in message:
            expect(request.label in message, f"the error does not name {request.label}: {message}")
            expect("\n" not in message, f"the error is no single line: {message}")
        return error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} in place of {kind.__name__}: {error}") from error
    raise AssertionError(f"{answer!r} in place of {kind.__name__}")
