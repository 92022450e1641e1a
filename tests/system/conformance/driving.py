"""Drives a client through cases, one after the other, and prints the outcome of each.

Rules kept here:

* Only the standard library is imported, directly and indirectly: this also runs in the environment of the reference.
* A client that `from_settings` makes is asked who it is: making one sends nothing.
* An outcome is a line of JSON: the result, or the error by the names of its classes and its attributes.
* The server is notified before each case, so that it can assign the requests.
"""

import asyncio
import inspect
import json
import sys
import urllib.request
from collections.abc import Callable, Coroutine
from itertools import islice
from typing import Any

from tests.support.operations.reading import Reader

CASE_SECONDS = 60.0
_ATTRIBUTES = ("job_id", "status", "detail", "status_code", "method", "body", "json_resp_msg")


def plain(value: Any) -> Any:
    """A result as JSON; errors among it, too."""
    if isinstance(value, BaseException):
        return failure(value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def failure(error: BaseException) -> dict[str, Any]:
    """An error as JSON: its classes from its own up to Exception, its message, and its attributes."""
    names = [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, BaseException)]
    held = {name: plain(getattr(error, name)) for name in _ATTRIBUTES if hasattr(error, name)}
    return {"error": names, "message": str(error)[:2000], "holds": held}


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


async def _in_time(call: Coroutine[Any, Any, Any]) -> dict[str, Any]:
    """The outcome of a call. One that does not end is cancelled, which is no TimeoutError of the client."""
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=CASE_SECONDS)
    if not done:
        task.cancel()
        return {"error": ["NoEnd"], "message": f"no outcome in {CASE_SECONDS:g} seconds", "holds": {}}
    error = task.exception()
    return {"result": plain(task.result())} if error is None else failure(error)


def _announce(url: str, number: int) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{url}/_case/{number}", method="POST"), timeout=30).close()


def _print(outcome: dict[str, Any]) -> None:
    print(json.dumps(outcome), flush=True)


def drive_blocking(plan: dict[str, Any], make: Callable[[], Any], reader: Reader) -> None:
    """Run the cases on a blocking client."""
    shared = make()
    _announce(plan["url"], -1)
    shared.get_plugins()
    for number, case in enumerate(plan["cases"]):
        client = make() if case["fresh"] else shared
        _announce(plan["url"], number)
        try:
            outcome: dict[str, Any] = {"result": plain(_call(client, case, reader))}
        except Exception as error:
            outcome = failure(error)
        _print(outcome)


async def _drive_async(plan: dict[str, Any], make: Callable[[], Any], reader: Reader) -> None:
    shared = make()
    _announce(plan["url"], -1)
    await shared.get_plugins()
    for number, case in enumerate(plan["cases"]):
        client = make() if case["fresh"] else shared
        _announce(plan["url"], number)
        _print(await _in_time(_call_async(client, case, reader)))


def drive(
    make: Callable[[bool, str], Any], named: Callable[[str], Any], polygon: Callable[[dict[str, Any]], Any]
) -> None:
    """Read a plan from the standard input and run it. `make` makes a client: async or not, for a server at a URL."""
    plan = json.load(sys.stdin)
    reader = Reader(plan["folder"], plan["url"], named, polygon)

    def client() -> Any:
        return make(plan["async"], plan["url"])

    if plan["async"]:
        asyncio.run(_drive_async(plan, client, reader))
    else:
        drive_blocking(plan, client, reader)
