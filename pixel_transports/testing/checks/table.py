"""What a check is, and the table that all of them stand in."""

import functools
import traceback
from collections.abc import Callable

from pixel_core.errors import PixelError
from pixel_core.messages import Request
from pixel_transports.testing.checks.candidates import Candidate, Harness, Subject, opened

SECRET = "s3cret"  # noqa: S105 - what no error may show
CREDENTIALS = {"Authorization": f"Bearer {SECRET}"}
TARGET = f"/stored?signature={SECRET}"


class Check:
    """One check: called with a candidate (or a function that makes a transport over sockets) it raises AssertionError
    where that does otherwise than `sentence` says. One that does not apply does nothing.
    """

    def __init__(self, function: Callable[[Harness], None], needs: frozenset[str]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.needs = needs
        """The abilities without which it does not apply."""

    @property
    def name(self) -> str:
        return self._function.__name__

    @property
    def sentence(self) -> str:
        """What it checks."""
        return " ".join((self._function.__doc__ or "").split())

    def __repr__(self) -> str:
        return f"<Check {self.name}>"

    def applies_to(self, subject: Subject) -> bool:
        """Whether the candidate has what this needs."""
        candidate = Candidate.of(subject)
        return all(candidate.can(each) for each in self.needs)

    def __call__(self, subject: Subject) -> None:
        if self.applies_to(subject):
            with opened(Candidate.of(subject)) as rig:
                self._function(rig)


TABLE: list[Check] = []
"""All checks, in the order of their definition."""


def check(*needs: str) -> Callable[[Callable[[Harness], None]], Check]:
    """Make a check of a function, which needs these abilities."""

    def made(function: Callable[[Harness], None]) -> Check:
        made_check = Check(function, frozenset(needs))
        TABLE.append(made_check)
        return made_check

    return made


def expect(holds: object, what: str) -> None:
    """Raises AssertionError, also where Python leaves out `assert`."""
    if not holds:
        raise AssertionError(what)


def same(got: object, wanted: object, what: str) -> None:
    """Raises AssertionError where two things differ."""
    if got != wanted:
        raise AssertionError(f"{what}: {_short(got)}, and not {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}..."


def failure(rig: Harness, request: Request, kind: type[Exception]) -> Exception:
    """Send what has to fail with this kind of error: one line, by the label of the request, without any secret, also in
    what a traceback shows.
    """
    try:
        answer = rig.send(request)
    except kind as error:
        told = str(error)
        shown = "".join(traceback.format_exception(error))
        expect(SECRET not in shown, f"the error shows a secret: {type(error).__name__}")
        if isinstance(error, PixelError) and not told.count("photo.jpg"):
            expect(request.label in told, f"the error does not name {request.label}: {told}")
            expect("\n" not in told, f"the error is no single line: {told}")
        return error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} in place of {kind.__name__}: {error}") from error
    raise AssertionError(f"{answer!r} in place of {kind.__name__}")
