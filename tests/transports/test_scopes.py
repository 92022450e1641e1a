"""Scopes: how a thread is stopped in the midst of what it does."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from pixel_transports.scopes import Scope, ScopeCancelled, breakable, current_scope
from tests.transports.peers import PATIENCE, eventually


def test_cancelling_calls_what_is_attached_once() -> None:
    called: list[str] = []
    scope = Scope()
    scope.attach(lambda: called.append("a"))
    scope.attach(lambda: called.append("b"))
    scope.cancel()
    scope.cancel()
    assert sorted(called) == ["a", "b"]


def test_what_was_detached_is_not_called() -> None:
    called: list[str] = []
    scope = Scope()

    def breaker() -> None:
        called.append("called")

    scope.attach(breaker)
    scope.detach(breaker)
    scope.detach(breaker)
    scope.cancel()
    assert called == []


def test_what_is_attached_too_late_is_called_at_once() -> None:
    called: list[str] = []
    scope = Scope()
    scope.cancel()
    scope.attach(lambda: called.append("called"))
    assert called == ["called"]


def test_a_scope_ends_with_the_one_around_it_and_not_the_other_way_round() -> None:
    outer = Scope()
    one, other = Scope(outer), Scope(outer)
    one.cancel()
    assert (one.cancelled, other.cancelled, outer.cancelled) == (True, False, False)
    outer.cancel()
    assert other.cancelled
    assert Scope(outer).cancelled


def test_a_check_raises_only_in_a_cancelled_scope() -> None:
    scope = Scope()
    scope.check()
    scope.cancel()
    with pytest.raises(ScopeCancelled):
        scope.check()


def test_cancelling_wakes_a_sleeper() -> None:
    scope = Scope()
    with ThreadPoolExecutor() as threads:
        asleep = threads.submit(scope.sleep, PATIENCE)
        scope.cancel()
        with pytest.raises(ScopeCancelled):
            asleep.result()


def test_a_sleep_ends_by_itself() -> None:
    Scope().sleep(0.001)


def in_scope(scope: Scope | None, waker: threading.Event) -> str:
    current_scope.set(scope)
    with breakable(waker.set):
        assert waker.wait(PATIENCE)
    return "woken"


def test_a_wait_in_a_cancelled_scope_is_broken_off() -> None:
    scope, waker = Scope(), threading.Event()
    with ThreadPoolExecutor() as threads:
        waits = threads.submit(copy_context().run, in_scope, scope, waker)
        eventually(lambda: "1 in use" in repr(scope))
        scope.cancel()
        with pytest.raises(ScopeCancelled):
            waits.result()
    assert repr(scope) == "<Scope cancelled, 0 in use>"


def test_a_wait_that_fails_because_it_was_broken_off_counts_as_broken_off() -> None:
    scope = Scope()

    def wait() -> None:
        current_scope.set(scope)
        with breakable(lambda: None):
            scope.cancel()
            raise ConnectionResetError

    with pytest.raises(ScopeCancelled):
        copy_context().run(wait)


def test_no_wait_begins_in_a_cancelled_scope() -> None:
    scope = Scope()
    scope.cancel()
    with pytest.raises(ScopeCancelled):
        copy_context().run(in_scope, scope, threading.Event())


@pytest.mark.parametrize("scope", [None, Scope()])
def test_a_wait_that_nobody_breaks_off_ends_as_it_ends(scope: Scope | None) -> None:
    waker = threading.Event()
    waker.set()
    assert copy_context().run(in_scope, scope, waker) == "woken"
    assert scope is None or repr(scope) == "<Scope open, 0 in use>"


def test_a_thread_of_the_program_has_no_scope() -> None:
    assert current_scope.get() is None
