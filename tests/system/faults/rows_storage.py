"""Rows of the matrix: a fault in the exchange with the object storage, for a form and for parts.

Rules kept here:

* A file reported as uploaded is stored once with its own bytes; a failed one is not stored.
* Without repeats (`retries=0`), the error of a failed file has the documented error of the exchange as its cause. With
  repeats the file is uploaded.
* An upload that was cancelled, or reached its limit, can be called again, and the file is stored once.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.system.faults.bench import MUCH, RIGHT, Bench, File, Played
from tests.system.faults.callers import CANCELLED
from tests.system.faults.plans import Act, Fault, Place, Row
from tests.system.faults.proxy import OUTAGE_SECONDS
from tests.system.faults.rows_cancelled import HELD_SECONDS, SOON_SECONDS
from tests.system.faults.rows_exchange import EXPECTED, GARBLED, MIDWAY, act_of, is_repeated, limit_of, places
from tests.system.faults.rows_limits import DRIP_SECONDS, in_time, with_total

FORM, PART = "form", "part"
PARTS = {FORM: 0, PART: 2}
SIZE = 600
"""The size of a file in bytes: small, since each byte of each request is a case."""

TOTAL_SECONDS = 0.6

_REFUSED = frozenset({"PixelStorageError"})
_OTHERS = {
    Fault.EARLY: _REFUSED,
    Fault.SAY_500: _REFUSED,
    Fault.SAY_503: _REFUSED,
    Fault.TOO_MANY: _REFUSED,
    Fault.GATEWAY: _REFUSED,
    Fault.SLOW_DOWN: _REFUSED,
    Fault.REQUEST_TIMEOUT: _REFUSED,
    Fault.FLIP: _REFUSED,
    Fault.REPEAT: GARBLED | _REFUSED,
}
STORAGE_EXPECTED = {**EXPECTED, **_OTHERS}
"""The results of one try: the cause of the file's error."""


def outcome_of(file: File, value: Any) -> str:
    """The result of an upload as one word: the cause of the file's error, if it has one."""
    if value == CANCELLED:
        return CANCELLED
    images, errors = value
    if not errors and [image["name"] for image in images] == [file.path.name]:
        return RIGHT
    if images or len(errors) != 1 or errors[0].file != str(file.path) or errors[0].status != "not_stored":
        return f"another result: {images}, {errors}"
    return type(errors[0].__cause__).__name__


def wrong_stored(bench: Bench, file: File, result: str) -> list[str]:
    """The problem with the stored object."""
    stored, expected = bench.stored(file), [(file.size, file.md5)] if result == RIGHT else []
    return [] if stored == expected else [f"{result}, and stored is {stored} of {file.size, file.md5}"]


@dataclass(frozen=True, slots=True)
class StorageCase:
    """One fault at one byte of the form or part, of a small file or one of `MUCH` bytes."""

    what: str
    fault: Fault
    at: int
    repeats: bool
    much: bool = False

    @property
    def label(self) -> str:
        return self.fault.value + (", much" if self.much else "") + (", repeated" if self.repeats else "")

    def __str__(self) -> str:
        return f"{self.what}, {self.label} (byte {self.at})"

    def play(self, bench: Bench) -> Played:
        file, options = bench.file(MUCH if self.much else SIZE), dict[str, Any](timeout=limit_of(self.fault))
        if not self.repeats:
            options["retries"] = 0
        call = bench.upload(file, PARTS[self.what], options)
        with bench.spoilt(Row(Place.STORAGE, act_of(self.fault, self.at))):
            played = bench.timed(lambda: outcome_of(file, call()))
        expected = STORAGE_EXPECTED[self.fault]
        if self.repeats and self.fault is not Fault.REPEAT:
            expected = frozenset({RIGHT})
        if played.result not in expected:
            played.wrong.append(played.result)
        played.wrong += wrong_stored(bench, file, played.result)
        if self.fault is Fault.REFUSE:
            time.sleep(2 * OUTAGE_SECONDS)
        played.wrong += bench.next_call()
        file.path.unlink()
        return played


@dataclass(frozen=True, slots=True)
class BrokenOffCase:
    """The storage delays the exchange until the upload reaches its limit, or is cancelled in a `way`. Then it is called
    again.
    """

    what: str
    act: Act
    way: str | None
    much: bool = False
    repeats: bool = False

    @property
    def label(self) -> str:
        at = "with the request half through" if self.much else "in " + self.act.fault.value
        return (
            f"total limit {at}{', repeated' if self.repeats else ''}"
            if self.way is None
            else f"cancelled ({self.way}) {at}"
        )

    def __str__(self) -> str:
        return f"{self.what}, {self.label} (byte {self.act.at})"

    def play(self, bench: Bench) -> Played:
        file = bench.file(MUCH if self.much else SIZE)
        options: dict[str, Any] = {"timeout": HELD_SECONDS}
        if self.way is None:
            options = {"timeout": with_total(TOTAL_SECONDS), "retries": 8 if self.repeats else 0}
        call = bench.upload(file, PARTS[self.what], options)
        with bench.spoilt(Row(Place.STORAGE, *[self.act] * 10)):
            played = bench.timed(lambda: outcome_of(file, self._ended(bench, call)))
        expected = {"PixelTimeoutError"} if self.way is None else {CANCELLED}
        if self.act.fault is Fault.SAY_503:
            expected = {"PixelTimeoutError", "PixelStorageError"}
        if played.result not in expected:
            played.wrong.append(played.result)
        if self.way is None:
            played.wrong += in_time(played, TOTAL_SECONDS)
        elif played.seconds > SOON_SECONDS:
            played.wrong.append(f"it ended after {played.seconds:.2f} s")
        played.wrong += wrong_stored(bench, file, played.result) + bench.next_call()
        again = outcome_of(file, bench.upload(file, PARTS[self.what], {})())
        played.wrong += [] if again == RIGHT else [f"called again: {again}"]
        played.wrong += wrong_stored(bench, file, RIGHT)
        file.path.unlink()
        return played

    def _ended(self, bench: Bench, call: "partial[Any]") -> Any:
        if self.way is None:
            return call()
        return bench.client.begin(self.way, None, call).end(bench.proxy.held.is_set)


def sizes(bench: Bench) -> dict[str, tuple[int, int]]:
    """How long request and answer are on the wire, for the form and for a part."""
    found = {}
    for kind, parts in PARTS.items():
        first, file = len(bench.proxy.records), bench.file(SIZE)
        bench.upload(file, parts, {})()
        record = next(each for each in bench.proxy.records[first:] if each.place is Place.STORAGE)
        found[kind] = (record.head_bytes + record.length, record.answer_bytes)
    return found


def cases(bench: Bench, every: int) -> Iterator[StorageCase]:
    """All cases of faults, with one in `every` bytes."""
    few = every > 1
    for kind, (what, (request, answer)) in enumerate(sizes(bench).items()):
        for number, fault in enumerate(STORAGE_EXPECTED):
            for at in places(fault, request, answer, every):
                yield StorageCase(what, fault, at, repeats=False)
            if is_repeated(bench.face, kind, number, every):
                length = request if fault is Fault.CUT_REQUEST else answer
                for at in (length // 2,) if few else (0, length // 2, length - 1):
                    yield StorageCase(what, fault, at, repeats=True)
        for fault in MIDWAY:
            for repeats in (False,) if few else (False, True):
                yield StorageCase(what, fault, MUCH // 8, repeats, much=True)


def broken_off(bench: Bench, every: int) -> Iterator[BrokenOffCase]:
    """All cases of limits and cancellation, with one in `every` bytes of an answer."""
    for what, (_, answer) in sizes(bench).items():
        yield BrokenOffCase(what, Act(Fault.SLOW_TAKE, seconds=0.05), None, much=True)
        for at in (0, answer // 2) if every == 1 else (answer // 3,):
            yield BrokenOffCase(what, Act(Fault.TRICKLE, at, DRIP_SECONDS / (answer - at)), None)
        for act in (Act(Fault.SAY_503), Act(Fault.TRICKLE, 0, DRIP_SECONDS / answer)):
            yield BrokenOffCase(what, act, None, repeats=True)
        for way in bench.client.ways:
            yield BrokenOffCase(what, Act(Fault.HANG_REQUEST, MUCH // 8, HELD_SECONDS), way, much=True)
            yield BrokenOffCase(what, Act(Fault.HANG_REQUEST, 100, HELD_SECONDS), way)
            for at in sorted({*range(0, answer, every), answer - 1}):
                yield BrokenOffCase(what, Act(Fault.HANG_ANSWER, at, HELD_SECONDS), way)
