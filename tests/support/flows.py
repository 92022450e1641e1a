"""Small flows for tests of drivers."""

from typing import Any

from pixel_core.effects import Effect, Flow, Random
from pixel_core.messages import Origin, Request


def get(target: str = "/") -> Request:
    return Request("GET", Origin("http", "pixel.test", 80), target)


def returning(value: Any) -> Flow[Any]:
    yield from Random()
    return value


def raising(error: BaseException) -> Flow[Any]:
    yield from Random()
    raise error


def flow_of(*effects: Effect[Any]) -> Flow[Any]:
    """A flow that performs effects in order, and returns the result of the last."""
    result = None
    for effect in effects:
        result = yield from effect
    return result
