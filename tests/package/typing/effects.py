"""The types of what effects return, checked by type checkers: each `assert_type` stands for what a reader infers."""

from typing import Any, assert_type

from pixel_core import effects
from pixel_core.effects import Flow, Gather, Spawn, TaskGroup
from pixel_core.journal import JournalSnapshot
from pixel_core.messages import Request, Response


def size(path: str) -> Flow[int]:
    (facts,) = yield from effects.Stat([path])
    assert_type(facts, effects.FileFacts)
    return facts.size


def exchanges(request: Request) -> Flow[None]:
    assert_type((yield from effects.Exchange(request)), Response)
    assert_type((yield from effects.Clock()), float)
    assert_type((yield from effects.Digest([])), effects.Digested)


def single_flights() -> Flow[None]:
    assert_type((yield from effects.SingleFlight("key", size("a"))), int)


def gathers(collect: bool) -> Flow[None]:
    assert_type((yield from Gather([size("a")], 2)), list[int])
    assert_type((yield from Gather([size("a")], 2, collect=False)), list[int])
    assert_type((yield from Gather([size("a")], 2, collect=True)), list[int | Exception])
    assert_type((yield from Gather([size("a")], 2, collect=collect)), list[int | Exception])


def lead(group: TaskGroup[str, int]) -> Flow[bytes]:
    yield from Spawn(group, "a", size("a"))
    outcomes = yield from effects.NextDone(group, 1.0)
    assert_type(outcomes, list[effects.TaskOutcome[str, int]])
    for key, outcome in outcomes:
        assert_type(key, str)
        assert_type(outcome, int | Exception)
    return b""


def task_groups() -> Flow[None]:
    assert_type((yield from effects.OpenTaskGroup(lead)), bytes)


def journaled(snapshot: JournalSnapshot) -> Flow[list[Any]]:
    yield from effects.Clock()
    return list(snapshot.entries)


def journals() -> Flow[None]:
    assert_type((yield from effects.OpenJournal("there", ["a"], journaled)), list[Any])


def misuses(group: TaskGroup[str, int]) -> Flow[None]:
    """Each line is an error: the ignored codes are what mypy finds, and an ignored line without an error is one."""
    yield from Spawn(group, 1, size("a"))  # type: ignore[misc]
    number: str = yield from effects.SingleFlight("key", size("a"))  # type: ignore[assignment]
    del number
