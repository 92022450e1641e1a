"""Small flows, to see what a driver does with them."""

from typing import Any

from pixel_core.effects import Effect, Flow, Random
from pixel_core.messages import Origin, Request


def get(target: str = "/") -> Request:
    return Request("GET", Origin("http", "pixel.test", 80), target)


def giving(value: Any) -> Flow[Any]:
    yield from Random()
    return value


def failing(error: BaseException) -> Flow[Any]:
    yield from Random()
    raise error


def asking(*effects: Effect[Any]) -> Flow[Any]:
    """A flow that asks for effects in order and returns what the last gave."""
    result = None
    for effect in effects:
        result = yield from effect
    return result
