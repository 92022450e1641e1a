"""`run` and `run_async` run a flow with a function that performs effects."""

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pixel_core.effects import Clock, Effect, Flow, Sleep
from pixel_transports.runtime.running import run, run_async
from tests.support.flows import flow_of

Perform = Callable[[Effect[Any]], Any]


def asynchronous(flow: Flow[Any], perform: Perform) -> Any:
    async def performing(effect: Effect[Any]) -> Any:
        await anyio.lowlevel.checkpoint()
        return perform(effect)

    return anyio.run(run_async, flow, performing)


runners = pytest.mark.parametrize("runner", [run, asynchronous])


def fail(effect: Effect[Any]) -> Any:
    raise LookupError(repr(effect))


@runners
def test_results_of_effects_are_sent_into_the_flow_and_its_result_is_returned(runner: Any) -> None:
    times = iter([1.0, 2.0])
    assert runner(flow_of(Clock(), Clock()), lambda effect: next(times)) == 2.0
    assert runner(flow_of(), fail) is None


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
        runner(flow_of(Sleep(1.0)), fail)
    assert "flow_of" in [entry.name for entry in caught.traceback], "the traceback lacks the line of the flow"


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
