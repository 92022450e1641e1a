"""Scopes: how a thread is stopped in the midst of what it does."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from pixel_transports.runtime.cancellation import CancelScope, ScopeCancelled, current_scope, on_cancel
from tests.support.peers import PATIENCE, eventually


def test_cancelling_calls_what_is_attached_once() -> None:
    called: list[str] = []
    scope = CancelScope()
    scope.add_callback(lambda: called.append("a"))
    scope.add_callback(lambda: called.append("b"))
    scope.cancel()
    scope.cancel()
    assert sorted(called) == ["a", "b"]


def test_what_was_detached_is_not_called() -> None:
    called: list[str] = []
    scope = CancelScope()

    def breaker() -> None:
        called.append("called")

    scope.add_callback(breaker)
    scope.remove_callback(breaker)
    scope.remove_callback(breaker)
    scope.cancel()
    assert called == []


def test_what_is_attached_too_late_is_called_at_once() -> None:
    called: list[str] = []
    scope = CancelScope()
    scope.cancel()
    scope.add_callback(lambda: called.append("called"))
    assert called == ["called"]


def test_a_scope_ends_with_the_one_around_it_and_not_the_other_way_round() -> None:
    outer = CancelScope()
    one, other = CancelScope(outer), CancelScope(outer)
    one.cancel()
    assert (one.cancelled, other.cancelled, outer.cancelled) == (True, False, False)
    outer.cancel()
    assert other.cancelled
    assert CancelScope(outer).cancelled


def test_a_check_raises_only_in_a_cancelled_scope() -> None:
    scope = CancelScope()
    scope.check()
    scope.cancel()
    with pytest.raises(ScopeCancelled):
        scope.check()


def test_cancelling_wakes_a_sleeper() -> None:
    scope = CancelScope()
    with ThreadPoolExecutor() as threads:
        asleep = threads.submit(scope.sleep, PATIENCE)
        scope.cancel()
        with pytest.raises(ScopeCancelled):
            asleep.result()


def test_a_sleep_ends_by_itself() -> None:
    CancelScope().sleep(0.001)


def in_scope(scope: CancelScope | None, waker: threading.Event) -> str:
    current_scope.set(scope)
    with on_cancel(waker.set):
        assert waker.wait(PATIENCE)
    return "woken"


def test_a_wait_in_a_cancelled_scope_is_broken_off() -> None:
    scope, waker = CancelScope(), threading.Event()
    with ThreadPoolExecutor() as threads:
        waits = threads.submit(copy_context().run, in_scope, scope, waker)
        eventually(lambda: "1 in use" in repr(scope))
        scope.cancel()
        with pytest.raises(ScopeCancelled):
            waits.result()
    assert repr(scope) == "<CancelScope cancelled, 0 in use>"


def test_a_wait_that_fails_because_it_was_broken_off_counts_as_broken_off() -> None:
    scope = CancelScope()

    def wait() -> None:
        current_scope.set(scope)
        with on_cancel(lambda: None):
            scope.cancel()
            raise ConnectionResetError

    with pytest.raises(ScopeCancelled):
        copy_context().run(wait)


def test_no_wait_begins_in_a_cancelled_scope() -> None:
    scope = CancelScope()
    scope.cancel()
    with pytest.raises(ScopeCancelled):
        copy_context().run(in_scope, scope, threading.Event())


@pytest.mark.parametrize("scope", [None, CancelScope()])
def test_a_wait_that_nobody_breaks_off_ends_as_it_ends(scope: CancelScope | None) -> None:
    waker = threading.Event()
    waker.set()
    assert copy_context().run(in_scope, scope, waker) == "woken"
    assert scope is None or repr(scope) == "<CancelScope open, 0 in use>"


def test_a_thread_of_the_program_has_no_scope() -> None:
    assert current_scope.get() is None
