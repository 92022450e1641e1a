"""Runs a flow: perform each effect that it yields and send the result back, until the flow returns.

An Exception that `perform` raises is thrown into the flow, at the effect that failed. Other exceptions
(KeyboardInterrupt, cancellation) close the flow, which yields no further effects, and are raised.
"""

from collections.abc import Callable
from types import CoroutineType
from typing import Any, TypeVar

from pixel_core.effects import Effect, Flow

T = TypeVar("T")


def run(flow: Flow[T], perform: Callable[[Effect[Any]], Any]) -> T:
    """Run a flow and return its result. `perform` takes an effect and returns its result."""
    try:
        effect = next(flow)
        while True:
            try:
                value = perform(effect)
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(value)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()


async def run_async(flow: Flow[T], perform: Callable[[Effect[Any]], Any]) -> T:
    """Run a flow and return its result. `perform` takes an effect and returns its result, or a coroutine for it."""
    try:
        effect = next(flow)
        while True:
            try:
                value = perform(effect)
                if type(value) is CoroutineType:
                    value = await value
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(value)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()
