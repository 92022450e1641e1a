"""`python -m tests.faults.matrix`: every fault, at every byte, on every face, for one small call.

Rules kept here:

* A row spoils one exchange of one call. It ends with the right result, or with the error that the table names, within
  its deadline, and the call after it has the right result.
* What is not safe to repeat is never done twice: the projects that a POST made are counted.
* After every row no place of the pool is held and nobody waits; at the end of a face no socket, no thread and no task
  is left.
* Without repeats (`retries=0`) the table says what a single try comes to; with them what a call comes to.
"""

import argparse
import asyncio
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.errors import PixelError
from pixel_transports.clients import PixelClient, PixelClientAsync
from pixel_transports.sandbox import SAMPLE_AREA
from pixel_transports.settings import PixelApiSettings
from tests.faults.child import open_sockets
from tests.faults.proxy import OUTAGE_SECONDS, Act, Fault, Place, Proxy, Row
from tests.faults.world import FACES, World, world

LIMIT_SECONDS = 0.4
"""How long a call waits in an exchange; silences are longer."""

DEADLINE_SECONDS = 8.0
"""How long a call may take with all its repeats."""

RIGHT = "right"
_BROKEN = frozenset({"PixelConnectionError"})
_LATE = frozenset({"PixelTimeoutError"})
_FAILED = frozenset({"PixelServerError"})
_GARBLED = frozenset({RIGHT, "PixelProtocolError"}) | _BROKEN | _LATE

EXPECTED: dict[Fault, frozenset[str]] = {
    Fault.PASS: frozenset({RIGHT}),
    Fault.REFUSE: _BROKEN,
    Fault.RESET_REQUEST: _BROKEN,
    Fault.HANG_REQUEST: _LATE,
    Fault.EARLY: _FAILED,
    Fault.SAY_500: _FAILED,
    Fault.SAY_503: _FAILED,
    Fault.TOO_MANY: frozenset({"PixelRateLimitError"}),
    Fault.CUT_REQUEST: _BROKEN,
    Fault.RESET_ANSWERED: _BROKEN,
    Fault.GATEWAY: _FAILED,
    Fault.RESET_ANSWER: _BROKEN,
    Fault.TRUNCATE: _BROKEN,
    Fault.HALF_CLOSE: _BROKEN,
    Fault.HANG_ANSWER: _LATE,
    Fault.DUPLICATE: frozenset({RIGHT}),
    Fault.REPEAT: _GARBLED,
    Fault.PAUSE: frozenset({RIGHT}),
    Fault.DRIP: frozenset({RIGHT}),
}
"""What one try ends with, on every face."""

_NOTICED = frozenset(
    {Fault.RESET_REQUEST, Fault.CUT_REQUEST, Fault.RESET_ANSWERED, Fault.RESET_ANSWER, Fault.TRUNCATE, Fault.HALF_CLOSE}
)
"""Where a kept connection breaks before a byte of the answer came, a safe request is sent over another one."""

_UNHEARD = frozenset(
    {
        Fault.REFUSE,
        Fault.RESET_REQUEST,
        Fault.HANG_REQUEST,
        Fault.EARLY,
        Fault.SAY_500,
        Fault.SAY_503,
        Fault.CUT_REQUEST,
    }
)
"""The server did nothing."""

EVERY_BYTE = (Fault.CUT_REQUEST, Fault.RESET_ANSWER, Fault.TRUNCATE, Fault.DUPLICATE, Fault.REPEAT)
_SILENCES = frozenset({Fault.HANG_REQUEST, Fault.HANG_ANSWER, Fault.HALF_CLOSE})
_AT = {Fault.HANG_ANSWER: (0, 1, 40, -1), Fault.HALF_CLOSE: (0, 1, 40, -1)}
"""At which bytes, where one after the other would take too long; -1 is the last."""

_NO_FAULT = Row(Place.API)


def wanted(fault: Fault, method: str, at: int, repeats: bool) -> frozenset[str]:
    """The results that a call may have."""
    found = EXPECTED[fault]
    if method == "GET":
        if repeats and fault is not Fault.REPEAT:
            return frozenset({RIGHT})
        # A reset may overtake the bytes before it.
        if fault in _NOTICED and (at == 0 or fault in (Fault.RESET_REQUEST, Fault.CUT_REQUEST, Fault.RESET_ANSWERED)):
            return frozenset({RIGHT})
        return found | {RIGHT} if fault is Fault.RESET_ANSWER else found
    return frozenset({RIGHT}) if repeats and fault is Fault.TOO_MANY else found


class Caller:
    """A client of one face, called from a program that is no coroutine."""

    def __init__(self, face: str, settings: PixelApiSettings, portal: BlockingPortal | None) -> None:
        self._portal = portal
        self.face = face
        self.client: Any = (PixelClient if portal is None else PixelClientAsync).from_settings(settings)

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the client, with these options for the call."""
        method = getattr(self.client.with_options(**options), name)
        return method(*arguments) if self._portal is None else self._portal.call(method, *arguments)

    def close(self) -> None:
        if self._portal is None:
            self.client.close()
        else:
            self._portal.call(self.client.aclose)

    def tasks(self) -> int:
        """How many tasks the event loop has."""
        if self._portal is None:
            return 0
        if self.face == "trio":
            return self._portal.call(lambda: trio.lowlevel.current_statistics().tasks_living)
        return self._portal.call(lambda: len(asyncio.all_tasks()))

    @property
    def pool(self) -> str:
        return repr(self.client._driver.transport)


@contextmanager
def caller(face: str, settings: PixelApiSettings) -> Iterator[Caller]:
    if face == "blocking":
        yield Caller(face, settings, None)
        return
    with start_blocking_portal(face) as portal:
        yield Caller(face, settings, portal)


@dataclass(frozen=True, slots=True)
class Case:
    """One row for one method."""

    fault: Fault
    method: str
    at: int
    repeats: bool

    @property
    def act(self) -> Act:
        seconds = {Fault.PAUSE: 0.1, Fault.DRIP: 0.3}.get(self.fault, 0.0)
        return Act(self.fault, self.at, 2 * LIMIT_SECONDS if self.fault in _SILENCES else seconds)

    def __str__(self) -> str:
        return f"{self.method}, {self.fault.value} (byte {self.at}){', repeated' if self.repeats else ''}"


def cases(lengths: dict[str, tuple[int, int]], every: int) -> Iterator[Case]:
    """All cases; `lengths` are those of a method's request and answer. Of the bytes, one in `every` is taken."""
    for method, (request, answer) in lengths.items():
        for fault in EXPECTED:
            length = request if fault is Fault.CUT_REQUEST else answer
            places: Iterable[int] = (at % length for at in _AT.get(fault, (0,)))
            if fault in EVERY_BYTE:
                places = sorted({*range(0, length, every), length - 1})
            for at in places:
                yield Case(fault, method, at, repeats=False)
            yield Case(fault, method, length // 2, repeats=True)


@dataclass(slots=True)
class Outcome:
    """What a run came to: how often which result by method and fault, and by face; the longest call; what is wrong."""

    rows: dict[tuple[str, str], dict[str, "Counter[str]"]]
    longest: float
    calls: int
    wrong: list[str]

    def __str__(self) -> str:
        lines = []
        for method, fault in self.rows:
            told: dict[str, list[str]] = {}
            for face, row in self.rows[method, fault].items():
                text = ", ".join(f"{name} {count}" for name, count in sorted(row.items()))
                told.setdefault(text, []).append(face)
            lines += [f"{method:4} | {fault:50} | {', '.join(faces):25} | {text}" for text, faces in told.items()]
        lines.append(f"{self.calls} calls, the longest took {self.longest:.2f} s")
        return "\n".join([*lines, *(f"WRONG: {each}" for each in self.wrong[:50])])


def _made(here: World, name: str) -> int:
    return sum(project.name == name for project in list(here.sandbox.state.projects.values()))


def _run_case(here: World, proxy: Proxy, client: Caller, case: Case, name: str) -> tuple[str, float, list[str]]:
    """Run one case. Gives its result, how long it took, and what is wrong."""
    wrong = []
    options: dict[str, Any] = {"timeout": LIMIT_SECONDS} if case.repeats else {"timeout": LIMIT_SECONDS, "retries": 0}
    call: Callable[..., Any] = partial(client.call, **options)
    proxy.plan = Row(Place.API, case.act)
    start = time.monotonic()
    try:
        if case.method == "GET":
            result = RIGHT if call("get_project", here.project_id)["name"] == "Faults" else "another result"
        else:
            result = RIGHT if call("create_project", name, "", SAMPLE_AREA)["name"] == name else "another result"
    except PixelError as error:
        result = type(error).__name__
    except Exception as error:
        result = f"undocumented {type(error).__name__}: {error}"
    seconds = time.monotonic() - start
    if result not in wanted(case.fault, case.method, case.at, case.repeats):
        wrong.append(f"{case}: {result}")
    if seconds > DEADLINE_SECONDS:
        wrong.append(f"{case}: it took {seconds:.1f} s")
    if " 0 held," not in client.pool or " 0 waiting" not in client.pool:
        wrong.append(f"{case}: left {client.pool}")
    proxy.plan = _NO_FAULT
    if case.fault is Fault.REFUSE:
        time.sleep(2 * OUTAGE_SECONDS)
    if client.call("get_project", here.project_id)["name"] != "Faults":
        wrong.append(f"{case}: the next call has another result")
    made = _made(here, name)
    if made > 1 or (case.method == "POST" and result == RIGHT and made != 1):
        wrong.append(f"{case}: {made} projects were made")
    if made and case.fault in _UNHEARD and not case.repeats:
        wrong.append(f"{case}: a project was made, though the server heard nothing whole")
    return result, seconds, wrong


def _lengths(here: World, proxy: Proxy, client: Caller) -> dict[str, tuple[int, int]]:
    """How long request and answer are on the wire, for each method."""
    client.call("get_project", here.project_id)
    client.call("create_project", "number 00000", "", SAMPLE_AREA)
    seen = {each.method: each for each in proxy.seen if each.place is Place.API}
    return {method: (each.head_bytes + each.length, each.answer_bytes) for method, each in seen.items()}


def _threads() -> int:
    """How many threads there are, but for the ones that trio keeps for a moment to use them again."""
    return sum(not thread.name.startswith("Trio thread") for thread in threading.enumerate())


def run(faces: Iterable[str] = FACES, every: int = 1) -> Outcome:
    """One run; of the bytes, one in `every` is taken."""
    outcome = Outcome({}, 0.0, 0, [])
    for face in faces:
        sockets, threads = open_sockets(), _threads()
        with world() as here, Proxy(here.address, _NO_FAULT) as proxy:
            settings = PixelApiSettings(**here.sandbox.environment(proxy.url))
            with caller(face, settings) as client:
                lengths = _lengths(here, proxy, client)
                tasks = client.tasks()
                for number, case in enumerate(cases(lengths, every), 1):
                    result, seconds, wrong = _run_case(here, proxy, client, case, f"number {number:05}")
                    told = case.fault.value + (", repeated" if case.repeats else "")
                    row = outcome.rows.setdefault((case.method, told), {})
                    row.setdefault(face, Counter())[result] += 1
                    outcome.longest = max(outcome.longest, seconds)
                    outcome.calls += 1
                    outcome.wrong += [f"{face}: {each}" for each in wrong]
                client.close()
                if client.tasks() != tasks:
                    outcome.wrong.append(f"{face}: {client.tasks()} tasks, before it were {tasks}")
        if open_sockets() != sockets:
            outcome.wrong.append(f"{face}: {open_sockets()} sockets, before it were {sockets}")
        if _threads() != threads:
            outcome.wrong.append(f"{face}: {threading.enumerate()}, before it were {threads}")
    return outcome


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description="Every fault on every face.")
    parser.add_argument("--face", choices=FACES, action="append", help="one face only; may be repeated")
    parser.add_argument("--every", type=int, default=1, help="take one of so many bytes (default: every one)")
    chosen = parser.parse_args(arguments)
    # Each failed call is logged; here they are what is looked for.
    logging.disable()
    try:
        outcome = run(chosen.face or FACES, chosen.every)
    finally:
        logging.disable(logging.NOTSET)
    print(outcome)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
