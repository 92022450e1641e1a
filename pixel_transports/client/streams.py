"""Results one by one, for the methods that `streaming` makes: an iterator, and an async iterator.

Rules kept here:

* The work begins with the first `next`, or with the `async with` block. It runs in a thread of its own, or a task.
* At most `WAITING` results wait for the user: then the work waits.
* Ending early (`close`, the end of the block, an iterator that is no longer used) cancels the work.
"""

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pixel_transports.runtime.cancellation import CancelScope, ScopeCancelled, current_scope, on_cancel

if TYPE_CHECKING:
    import anyio
    import anyio.abc

T = TypeVar("T")

WAITING = 1_000
"""The most results that wait for their user."""


class _Channel(Generic[T]):
    """Results on their way from the thread that works to the one that iterates."""

    def __init__(self) -> None:
        self.scope = CancelScope(current_scope.get())
        self._changed = threading.Condition()
        self._results: deque[T] = deque()
        self._ended = False
        self._error: BaseException | None = None

    def put(self, results: Sequence[T]) -> None:
        """Add results; wait while there are too many."""
        with on_cancel(self._wake), self._changed:
            while len(self._results) >= WAITING and not self.scope.cancelled:
                self._changed.wait()
            self._results.extend(results)
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def work(self, run: Callable[[Callable[[Sequence[T]], None]], object]) -> None:
        """Do the work, in the thread that calls this."""
        current_scope.set(self.scope)
        error: BaseException | None = None
        try:
            run(self.put)
        except ScopeCancelled:
            pass
        except BaseException as raised:
            error = raised
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """No results follow; `error` is why."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def get(self) -> T:
        """Return the next result. Raises StopIteration at the end, or the error that ended the work, once."""
        with self._changed:
            while not self._results and not self._ended:
                self._changed.wait()
            if self._results:
                self._changed.notify_all()
                return self._results.popleft()
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration


class ResultStream(Generic[T]):
    """An iterator of results, and a context manager that ends the work. One thread at a time iterates."""

    def __init__(self, run: Callable[[Callable[[Sequence[T]], None]], object]) -> None:
        """`run` does the work, and passes results to its argument."""
        self._run = run
        self._channel: _Channel[T] = _Channel()
        self._thread: threading.Thread | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        self._start()
        return self._channel.get()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        if self._thread is None and not self._channel.scope.cancelled:
            work = contextvars.copy_context().run
            self._thread = threading.Thread(
                target=work, args=(self._channel.work, self._run), name="pixel-stream", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Cancel the work, and wait for its end. Can be called again."""
        self._channel.scope.cancel()
        if self._thread is None:
            self._channel.end()
        else:
            self._thread.join()

    def __del__(self) -> None:
        self._channel.scope.cancel()


class AsyncResultStream(Generic[T]):
    """An async iterator of results, to be used in its `async with` block."""

    def __init__(self, run: Callable[[Callable[[Sequence[T]], Any]], Coroutine[Any, Any, Any]]) -> None:
        """`run` does the work, and passes results to its argument, a coroutine function."""
        self._run = run
        self._tasks: anyio.abc.TaskGroup | None = None
        self._results: deque[T] = deque()
        self._ended = False
        self._error: Exception | None = None

    async def __aenter__(self) -> Self:
        import anyio

        self._changed: anyio.Event = anyio.Event()
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._work)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._tasks is None:
            return None
        self._tasks.cancel_scope.cancel()
        if isinstance(error, Exception):  # a task group would wrap it
            await self._tasks.__aexit__(None, None, None)
            return None
        return await self._tasks.__aexit__(kind, error, trace)

    async def _work(self) -> None:
        try:
            await self._run(self._put)
        except Exception as error:  # raised by `__anext__`, since a task group would wrap it
            self._error = error
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        import anyio

        self._changed.set()
        self._changed = anyio.Event()

    async def _put(self, results: Sequence[T]) -> None:
        while len(self._results) >= WAITING:
            await self._changed.wait()
        self._results.extend(results)
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """Return the next result. Raises the error that ended the work, once. Raises RuntimeError outside the block."""
        if self._tasks is None:
            raise RuntimeError(
                "the results are for an `async with` block: async with client.upload_files(...) as outcomes"
            )
        while not self._results and not self._ended:
            await self._changed.wait()
        if self._results:
            self._wake()
            return self._results.popleft()
        error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopAsyncIteration
