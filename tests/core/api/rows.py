"""What the tables of operations are made of: a row is one request, a story is several."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pixel_core import Flow, PixelApi
from tests.support.scripted_api import Expected

ROOT = "/acme/projects"
P = f"{ROOT}/7"
D = f"{P}/data_collections/8"

Call = Callable[[PixelApi], Flow[Any]]


@dataclass
class Row:
    """An operation, how it is called, and the one request that has to come of it."""

    name: str
    call: Call
    method: str
    target: str
    body: Any = None


@dataclass
class Story:
    """An operation that makes several requests: all of them, with their answers, and the result."""

    name: str
    call: Call
    script: list[Expected]
    result: Any
