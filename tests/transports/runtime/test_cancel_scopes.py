"""Cancel scopes stop a thread that waits."""

import threading
from contextvars import copy_context
from functools import partial

import pytest

from pixel_transports.runtime.cancellation import CancelScope, ScopeCancelled, current_scope, on_cancel
from tests.support.peers import PATIENCE


def test_cancelling_calls_each_callback_once_and_none_that_was_removed() -> None:
    calls: list[str] = []
    scope, removed = CancelScope(), partial(calls.append, "removed")
    for callback in (partial(calls.append, "a"), partial(calls.append, "b"), removed):
        scope.add_callback(callback)
    scope.remove_callback(removed)
    scope.remove_callback(removed)
    scope.cancel()
    scope.cancel()
    assert sorted(calls) == ["a", "b"]
    scope.add_callback(partial(calls.append, "at once"))
    assert calls[2:] == ["at once"]


def test_an_outer_scope_cancels_inner_scopes_and_not_the_reverse() -> None:
    outer = CancelScope()
    one, other = CancelScope(outer), CancelScope(outer)
    one.cancel()
    assert (one.cancelled, other.cancelled, outer.cancelled) == (True, False, False)
    outer.cancel()
    assert other.cancelled
    assert CancelScope(outer).cancelled


def wait_in(scope: CancelScope | None, event: threading.Event) -> str:
    current_scope.set(scope)
    with on_cancel(event.set):
        assert event.wait(PATIENCE)
    return "done"


def test_an_error_that_cancelling_caused_becomes_scope_cancelled() -> None:
    scope = CancelScope()

    def wait() -> None:
        current_scope.set(scope)
        with on_cancel(lambda: None):
            scope.cancel()
            raise ConnectionResetError

    with pytest.raises(ScopeCancelled):
        copy_context().run(wait)


def test_a_check_fails_and_no_wait_begins_in_a_cancelled_scope() -> None:
    scope = CancelScope()
    scope.check()
    scope.cancel()
    with pytest.raises(ScopeCancelled):
        scope.check()
    with pytest.raises(ScopeCancelled):
        copy_context().run(wait_in, scope, threading.Event())


@pytest.mark.parametrize("scope", [None, CancelScope()])
def test_a_wait_that_is_not_cancelled_ends_normally(scope: CancelScope | None) -> None:
    event = threading.Event()
    event.set()
    assert copy_context().run(wait_in, scope, event) == "done"
    assert scope is None or repr(scope) == "<CancelScope open, 0 callbacks>"
