"""The two loops that run a flow: ask, perform, answer, until it returns.

Rules kept here:

* What `perform` raises (an Exception) is thrown into the flow, where the flow asked for it.
* What ends the program or the task (KeyboardInterrupt, a cancellation) closes the flow, which then asks for nothing
  more, and goes on its way.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pixel_core.effects import Effect, Flow

T = TypeVar("T")


def run(flow: Flow[T], perform: Callable[[Effect[Any]], Any]) -> T:
    """Run a flow to its end with a function that performs effects."""
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


async def run_async(flow: Flow[T], perform: Callable[[Effect[Any]], Awaitable[Any]]) -> T:
    """Run a flow to its end with a coroutine function that performs effects."""
    try:
        effect = next(flow)
        while True:
            try:
                value = await perform(effect)
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(value)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()
