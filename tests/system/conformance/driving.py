"""Drives a client through cases, one after the other, and prints the outcome of each as a line of JSON.

Only the standard library is imported, directly and indirectly: this also runs in the environment of the reference. A
client that `from_settings` makes is asked who it is: making one sends nothing.
"""

import asyncio
import inspect
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from tests.support.operations.reading import Reader

_LOGIN: dict[str, Any] = {
    "method": "get_plugins",
    "args": [],
    "kwargs": {},
    "take": None,
    "items": False,
    "fresh": False,
}
_ATTRIBUTES = ("job_id", "status", "detail", "status_code", "method", "body", "json_resp_msg")


def plain(value: Any) -> Any:
    """A result as JSON. An error has its classes from its own up to Exception, its message, and its attributes."""
    if isinstance(value, BaseException):
        names = [kind.__name__ for kind in type(value).__mro__ if issubclass(kind, BaseException)]
        held = {name: plain(getattr(value, name)) for name in _ATTRIBUTES if hasattr(value, name)}
        return {"error": names, "message": str(value)[:2000], "holds": held}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def _cases(plan: dict[str, Any], make: Callable[[bool, str], Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The cases, each with its client, once the server knows of it. The first one logs in, and belongs to none."""
    shared = make(plan["async"], plan["url"])
    for number, case in enumerate([_LOGIN, *plan["cases"]], -1):
        client = make(plan["async"], plan["url"]) if case["fresh"] else shared
        notice = urllib.request.Request(f"{plan['url']}/_case/{number}", method="POST")
        urllib.request.urlopen(notice, timeout=30).close()
        yield client, case


def _started(client: Any, case: dict[str, Any], reader: Reader) -> Any:
    method = getattr(client, case["method"], None)
    if method is None:
        raise NotImplementedError(f"there is no method {case['method']}")
    keywords = reader.read(case["kwargs"])
    if case["items"] and "ahead" in inspect.signature(method).parameters:
        keywords = {"ahead": 1, **keywords}  # the reference knows no other way
    result = method(*reader.read(case["args"]), **keywords)
    return result.me() if case["method"] == "from_settings" else result


def _call(client: Any, case: dict[str, Any], reader: Reader) -> Any:
    result = _started(client, case, reader)
    return list(islice(result, case["take"])) if case["items"] else result


async def _call_async(client: Any, case: dict[str, Any], reader: Reader) -> Any:
    result = _started(client, case, reader)
    if not case["items"]:
        return await result
    items: list[Any] = []
    async for item in result:
        items.append(item)
        if len(items) == case["take"]:
            break
    if inspect.isasyncgen(result):
        await result.aclose()
    return items


def drive(
    make: Callable[[bool, str], Any], named: Callable[[str], Any], polygon: Callable[[dict[str, Any]], Any]
) -> None:
    """Read a plan from the standard input and run it. `make` makes a client: async or not, for a server at a URL."""
    plan = json.load(sys.stdin)
    reader = Reader(plan["folder"], plan["url"], named, polygon)

    loop = asyncio.new_event_loop()
    for client, case in _cases(plan, make):
        try:
            if plan["async"]:
                result = loop.run_until_complete(_call_async(client, case, reader))
            else:
                result = _call(client, case, reader)
            outcome = {"result": plain(result)}
        except Exception as error:
            outcome = plain(error)
        print(json.dumps(outcome))
