"""The two loops that run a flow: ask, perform, answer, until it returns.

Rules kept here:

* What `perform` raises (an Exception) is thrown into the flow, where the flow asked for it.
* What ends the program or the task (KeyboardInterrupt, a cancellation) closes the flow, which then asks for nothing
  more, and goes on its way.
"""

from collections.abc import Callable
from types import CoroutineType
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


async def run_async(flow: Flow[T], perform: Callable[[Effect[Any]], Any]) -> T:
    """Run a flow to its end with a function that performs effects: it gives what the flow asked for, or, where that
    takes a while, a coroutine that comes to it.
    """
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
