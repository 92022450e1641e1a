"""`run` and `run_async` run a flow with a function that performs effects."""

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pixel_core.effects import Clock, Effect, Flow, Sleep
from pixel_transports.runtime.running import run, run_async

Perform = Callable[[Effect[Any]], Any]


def asynchronous(flow: Flow[Any], perform: Perform) -> Any:
    async def performing(effect: Effect[Any]) -> Any:
        await anyio.lowlevel.checkpoint()
        return perform(effect)

    return anyio.run(run_async, flow, performing)


runners = pytest.mark.parametrize("runner", [run, asynchronous])


def fail(effect: Effect[Any]) -> Any:
    raise LookupError(repr(effect))


def sleeping() -> Flow[None]:
    yield from Sleep(1.0)


@runners
def test_results_of_effects_are_sent_into_the_flow_and_its_result_is_returned(runner: Any) -> None:
    def flow() -> Flow[float]:
        first = yield from Clock()
        second = yield from Clock()
        return first + second

    def without_effects() -> Flow[str]:
        yield from ()
        return "done"

    times = iter([1.0, 2.0])
    assert runner(flow(), lambda effect: next(times)) == 3.0
    assert runner(without_effects(), fail) == "done"


@runners
def test_an_error_of_an_effect_is_thrown_into_the_flow(runner: Any) -> None:
    def flow() -> Flow[str]:
        try:
            yield from Sleep(1.0)
        except LookupError as error:
            return str(error)
        return "not reached"

    assert runner(flow(), fail) == "Sleep(seconds=1.0)"
    with pytest.raises(LookupError) as caught:
        runner(sleeping(), fail)
    assert "sleeping" in [entry.name for entry in caught.traceback], "the traceback lacks the line of the flow"


@runners
@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_an_exception_that_ends_the_program_closes_the_flow(runner: Any, ending: type[BaseException]) -> None:
    steps: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from Sleep(1.0)
        except Exception:
            steps.append("caught")
        finally:
            steps.append("closed")

    def end(effect: Effect[Any]) -> Any:
        raise ending

    with pytest.raises(ending):
        runner(flow(), end)
    assert steps == ["closed"]
