"""The two loops that run a flow."""

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pixel_core.effects import Clock, Effect, Flow, Sleep
from pixel_transports.runtime.running import run, run_async

Perform = Callable[[Effect[Any]], Any]


def blocking(flow: Flow[Any], perform: Perform) -> Any:
    return run(flow, perform)


def asynchronous(flow: Flow[Any], perform: Perform) -> Any:
    async def performing(effect: Effect[Any]) -> Any:
        await anyio.lowlevel.checkpoint()
        return perform(effect)

    async def main() -> Any:
        return await run_async(flow, performing)

    return anyio.run(main)


runners = pytest.mark.parametrize("runner", [blocking, asynchronous])


def refuse(effect: Effect[Any]) -> Any:
    raise LookupError(repr(effect))


@runners
def test_what_is_performed_goes_back_in_and_the_result_comes_out(runner: Any) -> None:
    def flow() -> Flow[float]:
        first = yield from Clock()
        second = yield from Clock()
        return first + second

    times = iter([1.0, 2.0])
    assert runner(flow(), lambda effect: next(times)) == 3.0


@runners
def test_a_flow_that_asks_for_nothing_is_run_too(runner: Any) -> None:
    def flow() -> Flow[str]:
        yield from ()
        return "done"

    assert runner(flow(), refuse) == "done"


@runners
def test_a_failure_comes_in_where_the_flow_asked(runner: Any) -> None:
    def flow() -> Flow[str]:
        try:
            yield from Sleep(1.0)
        except LookupError as error:
            return str(error)
        return "not reached"

    assert runner(flow(), refuse) == "Sleep(seconds=1.0)"


@runners
def test_a_failure_that_is_not_caught_shows_the_line_of_the_flow(runner: Any) -> None:
    def asks_for_too_much() -> Flow[None]:
        yield from Sleep(1.0)

    with pytest.raises(LookupError) as caught:
        runner(asks_for_too_much(), refuse)
    assert "asks_for_too_much" in [entry.name for entry in caught.traceback]


@runners
@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_closes_the_flow_which_is_asked_no_more(runner: Any, ending: type[BaseException]) -> None:
    seen: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from Sleep(1.0)
        except Exception:
            seen.append("caught")
        finally:
            seen.append("closed")

    def end(effect: Effect[Any]) -> Any:
        raise ending

    with pytest.raises(ending):
        runner(flow(), end)
    assert seen == ["closed"]


@runners
def test_a_flow_that_raises_is_over(runner: Any) -> None:
    def flow() -> Flow[None]:
        yield from Sleep(1.0)
        raise LookupError("of its own")

    started = flow()
    with pytest.raises(LookupError, match="of its own"):
        runner(started, lambda effect: None)
    assert list(started) == []


@pytest.mark.anyio
async def test_a_cancelled_task_closes_its_flow() -> None:
    seen: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from Sleep(1.0)
        finally:
            seen.append("closed")

    async def perform(effect: Effect[Any]) -> None:
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await run_async(flow(), perform)
    assert scope.cancelled_caught
    assert seen == ["closed"]
