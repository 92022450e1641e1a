"""Checks for transports: whether a transport does what the clients rely on.

    for check in checks.CHECKS:
        check(make_transport)

Under pytest, each check of each candidate as a test of its own:

    @pytest.mark.parametrize(**checks.cases(mine=make_transport, other=checks.Candidate(make, lacks=["total"])))
    def test_my_transport(case):
        case()

Rules kept here:

* A check raises AssertionError if the behaviour in its docstring does not hold. It needs no test framework.
* The checks start their own peers on loopback, and leave no thread, socket or file.
* A transport declares missing abilities (`Candidate.lacks`); checks that need them do not apply.
* All checks together take seconds.
"""

import functools
from collections.abc import Callable
from typing import Any, TypedDict

from pixel_transports.testing.checks import bodies, failures, lifecycle, messages  # noqa: F401 - fill the table
from pixel_transports.testing.checks.candidates import Ability, Candidate, Harness, Subject
from pixel_transports.testing.checks.stub import StubServer
from pixel_transports.testing.checks.table import TABLE, Check

CHECKS: tuple[Check, ...] = tuple(TABLE)
"""All checks. Each is called with a `Candidate`, or with a function that returns a transport over sockets."""


class Cases(TypedDict):
    """The keywords of `pytest.mark.parametrize`."""

    argnames: str
    argvalues: list[Any]
    ids: list[str]


def applicable(subject: Subject) -> list[Check]:
    """The checks that apply to a candidate."""
    return [check for check in CHECKS if check.applies_to(subject)]


def cases(**subjects: Subject) -> Cases:
    """Arguments of `pytest.mark.parametrize`: each applicable check of each candidate as `case`, a function to call."""
    found: list[tuple[str, Callable[[], None]]] = [
        (f"{name}-{check.name}", functools.partial(check, subject))
        for name, subject in subjects.items()
        for check in applicable(subject)
    ]
    return {"argnames": "case", "argvalues": [case for _, case in found], "ids": [name for name, _ in found]}


__all__ = [
    "CHECKS", "Ability", "Candidate", "Cases", "Check", "Harness", "StubServer", "Subject", "applicable", "cases",
]  # fmt: skip
