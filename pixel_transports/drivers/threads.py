"""Crews of the blocking driver: flows that run alongside a lead, on threads of their own.

Rules kept here:

* A thread is started when a flow is and no other thread is free; all of them end with the crew.
* Closing a crew cancels what runs in the midst of its I/O, and waits until no thread is left.
"""

import contextvars
import threading
from collections import deque
from typing import Any, Protocol

from pixel_core.effects import Flow, TaskOutcome
from pixel_transports.runtime.cancellation import CancelScope, ScopeCancelled, current_scope, on_cancel


class Runner(Protocol):
    """What runs a flow to its end, in the thread that asks."""

    def run(self, flow: Flow[Any]) -> Any: ...


class TaskGroup:
    """Flows that run alongside a lead. Used by the lead's thread alone."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._tasks: deque[tuple[Any, Flow[Any]]] = deque()
        self._endings: list[TaskOutcome[Any, Any]] = []
        self._failure: BaseException | None = None
        self._work_waits = threading.Condition(self._lock)
        self._waker = threading.Event()
        self._idle = 0
        self._closed = False
        self._workers: list[tuple[threading.Thread, threading.Event]] = []
        self._outer = current_scope.get()
        self._scope = CancelScope(self._outer)

    def spawn(self, key: Any, flow: Flow[Any]) -> None:
        """Run a flow, on a free thread or a new one."""
        with self._lock:
            self._tasks.append((key, flow))
            if self._idle >= len(self._tasks):
                self._work_waits.notify()
                return
        done = threading.Event()
        thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._work, done),
            name=f"pixel-crew-{len(self._workers)}",
            daemon=True,
        )
        self._workers.append((thread, done))
        thread.start()

    def next_done(self, timeout: float | None) -> list[TaskOutcome[Any, Any]]:
        """The endings since the last time, once there is one, or `timeout` seconds have passed."""
        with on_cancel(self._waker.set):
            self._waker.wait(timeout)
        with self._lock:
            self._waker.clear()
            endings, self._endings = self._endings, []
        self.check()
        return endings

    def check(self) -> None:
        """Raise what ended the program in one of the flows (no Exception), if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Cancel what runs, forget what waits, and wait for the threads."""
        self._scope.cancel()
        with self._lock:
            self._closed = True
            self._tasks.clear()
            self._work_waits.notify_all()
        for thread, done in self._workers:
            # Not `join` alone, which takes a running thread for a stopped one once it was interrupted (before Python
            # 3.13). Whether the last one was started is not known after an interrupt; if so, it shows at once.
            if done.wait(1.0 if thread.ident is None else None):
                thread.join()
        if self._outer is not None:
            self._outer.remove_callback(self._scope.cancel)

    def _next(self) -> tuple[Any, Flow[Any]] | None:
        with self._lock:
            while not self._tasks:
                if self._closed:
                    return None
                self._idle += 1
                try:
                    self._work_waits.wait()
                finally:
                    self._idle -= 1
            return None if self._closed else self._tasks.popleft()

    def _work(self, done: threading.Event) -> None:
        current_scope.set(self._scope)
        try:
            while (task := self._next()) is not None:
                key, flow = task
                try:
                    outcome = self._runner.run(flow)
                except Exception as error:
                    outcome = error
                del flow, task
                if self._scope.cancelled:
                    return
                with self._lock:
                    self._endings.append((key, outcome))
                    self._waker.set()
        except ScopeCancelled:
            pass
        except BaseException as error:
            self._failure = self._failure or error
            self._scope.cancel()
            self._waker.set()
        finally:
            done.set()
