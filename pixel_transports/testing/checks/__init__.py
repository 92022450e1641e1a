"""A suite of checks for transports of any make: whether one does what the clients rely on.

    for check in checks.CHECKS:
        check(make_transport)

Under pytest, each check of each candidate as a test of its own:

    @pytest.mark.parametrize(**checks.cases(mine=make_transport, other=checks.Candidate(make, lacks=["total"])))
    def test_my_transport(case):
        case()

Rules kept here:

* A check is a sentence: what it says holds, or it raises AssertionError. It needs no test framework.
* The suite brings its own peers, on loopback, and leaves nothing behind: no thread, no socket, no file.
* What a transport cannot do it declares (`Candidate.lacks`); checks that need it do not apply.
* It takes seconds: peers are scripted, and hardly anything is waited for.
"""

import functools
from collections.abc import Callable
from typing import Any, TypedDict

from pixel_transports.testing.checks import bodies, life, messages, trouble  # noqa: F401 - they fill the table
from pixel_transports.testing.checks.candidates import Ability, Candidate, Harness, Subject
from pixel_transports.testing.checks.far import StubServer
from pixel_transports.testing.checks.table import TABLE, Check

CHECKS: tuple[Check, ...] = tuple(TABLE)
"""All checks. Each is called with a `Candidate`, or with a function that makes a transport over sockets."""


class Cases(TypedDict):
    """The keywords of `pytest.mark.parametrize`."""

    argnames: str
    argvalues: list[Any]
    ids: list[str]


def applicable(subject: Subject) -> list[Check]:
    """The checks that apply to a candidate."""
    return [check for check in CHECKS if check.applies_to(subject)]


def cases(**subjects: Subject) -> Cases:
    """Each check that applies to each candidate, as a parameter `case`: a function without arguments that runs it."""
    found: list[tuple[str, Callable[[], None]]] = [
        (f"{name}-{check.name}", functools.partial(check, subject))
        for name, subject in subjects.items()
        for check in applicable(subject)
    ]
    return {"argnames": "case", "argvalues": [case for _, case in found], "ids": [name for name, _ in found]}


__all__ = [
    "CHECKS",
    "Ability",
    "Candidate",
    "Cases",
    "Check",
    "Harness",
    "StubServer",
    "Subject",
    "applicable",
    "cases",
]
