"""Runs cases on the pure core, with the answers of the table. Listings are run to their last page, or until they have
`take` items.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeAlias

from pixel_core import Flow, Headers, PixelApi, Request, Response, models
from pixel_core.errors import PixelConnectionError
from tests.support.operations.answering import Answerer, sent_of
from tests.support.operations.case import FILES, Case, Sent
from tests.support.operations.reading import Reader
from tests.support.operations.table import all_cases
from tests.support.scripted_api import Outcome, World, body_of

Call: TypeAlias = Callable[[PixelApi], Flow[Any]]

ROOT = "/acme"
_READER = Reader("/files", "https://pixel.test", lambda name: getattr(models, name), dict)


@dataclass
class CoreRun:
    """The requests of a case, the JSON of the answers, and the result or the error."""

    world: World
    answers: list[Any] = field(default_factory=list)
    result: Any = None
    error: Exception | None = None

    @property
    def requests(self) -> list[Request]:
        return self.world.requests

    @property
    def sent(self) -> tuple[Sent, ...]:
        """The requests in the form of `Case.requests`. Bodies for the storage are left out."""
        return tuple(_short(each) for each in self.requests)


def _short(request: Request) -> Sent:
    label = f"{request.method} {request.target.removeprefix(ROOT)}"
    body = body_of(request)
    return label if request.origin.host == "s3.test" or body is None else (label, body)


def call(case: Case, api: PixelApi) -> Any:
    """Call the operation of a case: returns a flow, or the pages of a listing."""
    return getattr(api, case.method)(*_READER.read(list(case.args)), **_READER.read(case.kwargs))


def run_case(case: Case) -> CoreRun:
    """Run a case to its end."""
    answerer = Answerer(case.script, "https://s3.test")

    def server(request: Request) -> Outcome:
        content = request.body if isinstance(request.body, bytes) else b""
        sent = sent_of(request.method, request.target.removeprefix(ROOT), list(request.headers), content)
        answer = answerer.scripted(sent.method, sent.path)
        if answer is None:
            status, value = answerer.answer(sent)
            run.answers.append(value)
            return Response(status, Headers({}), b"" if value is None else json.dumps(value).encode())
        if answer.drop:
            return PixelConnectionError("the peer closed the connection")
        run.answers.append(answer.json)
        text = json.dumps(answer.json) if answer.text is None else answer.text
        content = text.encode() if answer.content is None else answer.content
        return Response(answer.status, Headers(answer.headers), content)

    run = CoreRun(World(server, files={f"/files/{name}": content for name, content in FILES.items()}))
    try:
        started = call(case, run.world.api)
        run.result = _items(case, run.world, started) if case.method.startswith("paginate_") else run.world.run(started)
    except Exception as error:
        run.error = error
    return run


def _items(case: Case, world: World, pages: Any) -> list[Any]:
    items: list[Any] = []
    for flow in pages:
        page = world.run(flow)
        items += page.items
        if page.last or (case.take is not None and len(items) >= case.take):
            break
    return items[: case.take]


@cache
def cases_with_requests() -> list[Case]:
    """Return the cases whose requests the table lists."""
    return [case for case in all_cases() if case.requests is not None]


@dataclass
class Row:
    """A case with one request, taken apart."""

    name: str
    call: Callable[[Any], Any]
    method: str
    target: str
    body: Any


def rows() -> list[Row]:
    """Return the cases that send one request, one for each method, path and set of names in the query and the body."""
    found: dict[Any, Row] = {}
    for case in cases_with_requests():
        if case.requests is None or len(case.requests) != 1 or case.method.startswith(("paginate_", "wait_for_")):
            continue
        (request,) = case.requests
        label, body = request if isinstance(request, tuple) else (request, None)
        method, _, target = label.partition(" ")
        names = tuple(part.partition("=")[0] for part in re.split("[?&]", target))
        row = Row(case.method, partial(call, case), method, ROOT + target, body)
        found.setdefault((case.method, names, str(body and list(body))), row)
    return list(found.values())
