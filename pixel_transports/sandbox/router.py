"""Finds the handler for a method and a path, as FastAPI does.

Rules kept here:

* The first route that matches path and method is arguments; a path that only other methods have is a 405 with `Allow`.
* A path that exists with, or without, a slash at its end is redirected there (307), with its query.
* A segment that has to be a number and is none is a validation error (422), after the token was checked.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.http import IncomingRequest, http_error

R = TypeVar("R")
Row = tuple[str, str, Callable[..., Any]]
"""A row of the table of routes: method, path after the API's base, and handler."""

_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Route(Generic[R]):
    """One route. A segment like `{project_id}` matches a number, `{job_id:str}` any text."""

    method: str
    segments: tuple[str, ...]
    handler: Callable[..., R]

    def match(self, path: tuple[str, ...]) -> dict[str, str] | None:
        """Return the variable segments by name, or None. `path` has as many segments as the route."""
        segments: dict[str, str] = {}
        for pattern, segment in zip(self.segments, path, strict=True):
            if pattern.startswith("{"):
                if not segment:
                    return None
                segments[pattern[1:-1]] = segment
            elif pattern != segment:
                return None
        return segments


class Router(Generic[R]):
    """A table of routes, in the order in which they match."""

    def __init__(self, routes: Iterable[Route[R]]) -> None:
        self._routes: dict[int, list[Route[R]]] = {}
        for route in routes:
            self._routes.setdefault(len(route.segments), []).append(route)

    def find(self, request: IncomingRequest, path: tuple[str, ...]) -> tuple[Route[R], dict[str, str]]:
        """Return the route for `path` (after the API's base) and its variable segments.

        Raises HttpError: 307, 404 or 405.
        """
        allowed: list[str] = []
        for route in self._routes.get(len(path), ()):
            segments = route.match(path)
            if segments is not None:
                if route.method == request.method:
                    return route, segments
                allowed.append(route.method)
        if allowed:
            raise http_error(405, "Method Not Allowed", {"Allow": ", ".join(sorted(set(allowed)))})
        other = path[:-1] if path and path[-1] == "" else (*path, "")
        if any(route.match(other) is not None for route in self._routes.get(len(other), ())):
            raise _slash_redirect(request)
        raise http_error(404, "Not Found")


def _slash_redirect(request: IncomingRequest) -> Exception:
    path = request.path.removesuffix("/") if request.path.endswith("/") else f"{request.path}/"
    query = f"?{request.raw_query}" if request.raw_query else ""
    error = http_error(307, None)
    error.response = Response(307, Headers({"Location": f"{request.origin}{path}{query}"}), b"")
    return error


def path_arguments(segments: dict[str, str]) -> dict[str, Any]:
    """Return the variable segments as arguments. Raises HttpError (422) if a number is none."""
    arguments: dict[str, Any] = {}
    problems: list[dict[str, Any]] = []
    for name, text in segments.items():
        if name.endswith(":str"):
            arguments[name.removesuffix(":str")] = text
        elif _NUMBER.fullmatch(text):
            arguments[name] = int(text)
        else:
            message = "Input should be a valid integer, unable to parse string as an integer"
            problems.append({"type": "int_parsing", "loc": ["path", name], "msg": message, "input": text})
    if problems:
        raise http_error(422, problems)
    return arguments
