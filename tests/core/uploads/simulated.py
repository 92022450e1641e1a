"""A driver in simulated time: flows run side by side, as on threads or in tasks. Time moves only when everything waits;
what happens at one moment happens in the order in which it was begun.
"""

import heapq
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pixel_core import (
    Digest,
    Effect,
    Exchange,
    Flow,
    Form,
    JournalEntry,
    JournalSnapshot,
    NextDone,
    OpenJournal,
    OpenTaskGroup,
    Request,
    SingleFlight,
    Sleep,
    Spawn,
    WriteJournal,
)
from tests.support.scripted_api import TOKEN_TARGET, World


@dataclass(eq=False)
class Signal:
    """Something that tasks wait for."""

    waiting: "list[Task]" = field(default_factory=list)


@dataclass(frozen=True)
class Wait:
    """What a task gives the scheduler: wait for a signal, or so many seconds, whichever is first."""

    signal: Signal | None = None
    seconds: float | None = None


Steps = Generator[Wait, None, Any]


@dataclass(eq=False)
class Task:
    """A flow on its way."""

    steps: Steps
    done: Signal = field(default_factory=Signal)
    over: bool = False
    result: Any = None
    error: Exception | None = None
    wait: int = 0
    """Counts its waits: what wakes it for an older one comes too late."""


@dataclass(eq=False)
class TaskGroup:
    """A task group of a Simulation."""

    world: "Simulation"
    tasks: list[Task] = field(default_factory=list)
    endings: list[Any] = field(default_factory=list)
    news: Signal = field(default_factory=Signal)

    def spawn(self, key: Any, flow: Flow[Any]) -> None:
        self.tasks.append(self.world.spawn(self._work(key, flow)))

    def _work(self, key: Any, flow: Flow[Any]) -> Steps:
        try:
            outcome = yield from self.world.steps(flow)
        except Exception as error:
            outcome = error
        self.endings.append((key, outcome))
        self.world.fire(self.news)

    def next_done(self, timeout: float | None) -> Steps:
        if not self.endings:
            yield Wait(self.news, timeout)
        endings, self.endings = self.endings, []
        return endings


class Simulation(World):
    """A world in which flows run side by side. A line carries `line_rate` bytes a second, shared by all but requests of
    1,500 bytes or less; each reader reads `read_rate` bytes a second; an answer takes `latency` seconds. `most_sending`
    and `sent_at` say how the object storage was used, `most_at_once` how many requests there were, but for logins.
    """

    def __init__(
        self,
        *arguments: Any,
        line_rate: float = float("inf"),
        read_rate: float = float("inf"),
        latency: float = 0.01,
        journal: dict[str, JournalEntry] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self.line_rate, self.read_rate, self.latency = line_rate, read_rate, latency
        self.journal = journal
        self.records: list[tuple[int, list[JournalEntry]]] = []
        """What was written to the journal, after so many requests."""
        self.most_sending = self.most_reading = self.most_at_once = 0
        self.sent_at: list[tuple[float, Request]] = []
        self._sending = self._reading = self._under_way = 0
        self._line_free = self.now
        self._queue: list[tuple[float, int, Task, int]] = []
        self._order = count()

    def run(self, flow: Flow[Any]) -> Any:
        task = self.spawn(self.steps(flow))
        while not task.over:
            if not self._queue:
                raise AssertionError("everything waits, and nothing will happen")
            moment, _, next_one, wait = heapq.heappop(self._queue)
            if next_one.over or next_one.wait != wait:
                continue
            self.now = max(self.now, moment)
            self._step(next_one)
        if task.error is not None:
            raise task.error
        return task.result

    def spawn(self, steps: Steps) -> Task:
        task = Task(steps)
        self._wake(task)
        return task

    def _wake(self, task: Task, seconds: float = 0.0) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), task, task.wait))

    def fire(self, signal: Signal) -> None:
        waiting, signal.waiting = signal.waiting, []
        for task in waiting:
            self._wake(task)

    def _step(self, task: Task) -> None:
        task.wait += 1
        try:
            wait = next(task.steps)
        except StopIteration as end:
            task.over, task.result = True, end.value
        except Exception as error:
            task.over, task.error = True, error
        else:
            if wait.signal is not None:
                wait.signal.waiting.append(task)
            if wait.seconds is not None:
                self._wake(task, wait.seconds)
            return
        self.fire(task.done)

    def _cancel(self, task: Task) -> None:
        if not task.over:
            task.over = True
            task.steps.close()

    def steps(self, flow: Flow[Any]) -> Steps:
        try:
            effect = next(flow)
            while True:
                try:
                    value = yield from self._performed(effect)
                except Exception as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(value)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def _performed(self, effect: Effect[Any]) -> Steps:
        match effect:
            case Exchange(request):
                return (yield from self._exchanged(request))
            case Sleep(seconds):
                self.sleeps.append(seconds)
                yield Wait(seconds=seconds)
                return None
            case Digest(slices, _):
                self._reading += 1
                self.most_reading = max(self.most_reading, self._reading)
                try:
                    yield Wait(seconds=sum(each.length for each in slices) / self.read_rate)
                    return self.perform(effect)
                finally:
                    self._reading -= 1
            case OpenTaskGroup(lead):
                group = TaskGroup(self)
                try:
                    return (yield from self.steps(lead(group)))
                finally:
                    for task in group.tasks:
                        self._cancel(task)
            case Spawn(group, key, flow):
                return group.spawn(key, flow)
            case NextDone(group, timeout):
                return (yield from group.next_done(timeout))
            case SingleFlight(_, flow):
                return (yield from self.steps(flow))
            case OpenJournal(_, paths, lead, _):
                if self.journal is None:
                    return (yield from self.steps(lead(JournalSnapshot())))
                known = {path: self.journal[path] for path in paths if path in self.journal}
                return (yield from self.steps(lead(JournalSnapshot("a run", known))))
            case WriteJournal(_, entries):
                self.records.append((len(self.requests), list(entries)))
                return None
            case _:
                return self.perform(effect)

    def _exchanged(self, request: Request) -> Steps:
        size = len(request.body.content if isinstance(request.body, Form) else request.body)
        storage = request.origin.host == "s3.test"
        if request.target == TOKEN_TARGET:
            yield Wait(seconds=self.latency)
            return self._exchange(request)
        if storage:
            self._sending += 1
            self.most_sending = max(self.most_sending, self._sending)
            self.sent_at.append((self.now, request))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            seconds = self.latency
            if size > 1500:
                self._line_free = max(self.now, self._line_free) + size / self.line_rate
                seconds += self._line_free - self.now
            yield Wait(seconds=seconds)
            return self._exchange(request)
        finally:
            self._under_way -= 1
            if storage:
                self._sending -= 1
