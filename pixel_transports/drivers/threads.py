"""Task groups of the blocking driver: flows that run on threads.

A thread is started for a flow when no other thread of the group is free. All of them end with the group. Closing a
group cancels its flows during their I/O, and waits for its threads. One that is stuck (a file of a network drive that
is gone, a token function that does not return) is left behind after `CLOSE_SECONDS`.
"""

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from pixel_core.effects import Flow, TaskOutcome
from pixel_transports.runtime.cancellation import CancelScope, ScopeCancelled, current_scope, on_cancel

CLOSE_SECONDS = 10.0


class TaskGroup:
    """Flows of a task group, on threads. Only the thread of the lead calls its methods."""

    def __init__(self, run: Callable[[Flow[Any]], Any]) -> None:
        """`run` runs a flow to its end."""
        self._run = run
        self._lock = threading.Lock()
        self._queue: deque[tuple[Any, Flow[Any]]] = deque()
        self._queued = threading.Condition(self._lock)
        self._idle = 0
        self._outcomes: list[TaskOutcome[Any, Any]] = []
        self._done = threading.Event()
        self._failure: BaseException | None = None
        self._closed = False
        self._threads: list[tuple[threading.Thread, threading.Event]] = []
        self._outer = current_scope.get()
        self._scope = CancelScope(self._outer)

    def spawn(self, key: Any, flow: Flow[Any]) -> None:
        """Run a flow, on a free thread or a new one."""
        with self._lock:
            self._queue.append((key, flow))
            if self._idle >= len(self._queue):
                self._queued.notify()
                return
        ended = threading.Event()
        work = contextvars.copy_context().run
        name = f"pixel-task-{len(self._threads)}"
        thread = threading.Thread(target=work, args=(self._work, ended), name=name, daemon=True)
        self._threads.append((thread, ended))
        thread.start()

    def next_done(self, timeout: float | None) -> list[TaskOutcome[Any, Any]]:
        """Wait for an outcome, up to `timeout` seconds, and return those since the last time."""
        with on_cancel(self._done.set):
            self._done.wait(timeout)
        with self._lock:
            self._done.clear()
            outcomes, self._outcomes = self._outcomes, []
        self.check()
        return outcomes

    def check(self) -> None:
        """Raise what ends the program (no Exception), if a flow raised it."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Cancel running flows, drop queued ones, and wait for the threads."""
        self._scope.cancel()
        with self._lock:
            self._closed = True
            self._queue.clear()
            self._queued.notify_all()
        end = time.monotonic() + CLOSE_SECONDS
        for thread, ended in self._threads:
            # Not `join` alone, which takes a running thread for a stopped one once it was interrupted (before Python
            # 3.13). After an interrupt it is unknown whether the last thread was started; if so, it shows at once.
            if ended.wait(1.0 if thread.ident is None else max(0.0, end - time.monotonic())):
                thread.join()
        if self._outer is not None:
            self._outer.remove_callback(self._scope.cancel)

    def _next(self) -> tuple[Any, Flow[Any]] | None:
        with self._lock:
            while not self._queue:
                if self._closed:
                    return None
                self._idle += 1
                try:
                    self._queued.wait()
                finally:
                    self._idle -= 1
            return None if self._closed else self._queue.popleft()

    def _work(self, ended: threading.Event) -> None:
        current_scope.set(self._scope)
        try:
            while (task := self._next()) is not None:
                key, flow = task
                try:
                    outcome = self._run(flow)
                except Exception as error:
                    outcome = error
                del flow, task
                if self._scope.cancelled:
                    return
                with self._lock:
                    self._outcomes.append((key, outcome))
                    self._done.set()
        except ScopeCancelled:
            pass
        except BaseException as error:
            self._failure = self._failure or error
            self._scope.cancel()
            self._done.set()
        finally:
            ended.set()
