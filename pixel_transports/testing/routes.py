"""Routes of a mock: which requests they are for, and what they answer.

Rules kept here:

* A route tells for each call that is not its own why it is not, so that a near miss can be shown.
* No call shows a token: its header fields are those that hold no secret.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypedDict
from urllib.parse import unquote

from pixel_core.messages import Headers, Response, encode_json


@dataclass(frozen=True, slots=True)
class Call:
    """A request that a mock was given. `path` is that below the base of the API where it lies there; `query` is by
    name; `json` is the decoded body, None where it is none; `params` are what stood in the place of placeholders.
    """

    method: str
    path: str
    query: Mapping[str, Any]
    json: Any = field(repr=False)
    headers: Headers
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    params: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.method} {self.path}{'?' if query else ''}{query}"


Pattern: TypeAlias = "str | re.Pattern[str]"
Matcher: TypeAlias = Mapping[str, Any] | Callable[[Any], bool] | None


class Unset:
    """Says that nothing was given, where None would be something."""

    def __repr__(self) -> str:
        return "..."


UNSET = Unset()


class RouteOptions(TypedDict, total=False):
    """What can be said of a route besides its method, path and answers: see `MockTransport.on`."""

    query: Matcher
    json: Any
    status: int
    headers: Mapping[str, str] | None
    times: int | None
    optional: bool


class Route:
    """One route: `method`, `pattern`, matchers and answers. `calls` are those that it answered."""

    def __init__(
        self,
        method: str,
        pattern: Pattern,
        answers: tuple[Any, ...],
        *,
        query: Matcher = None,
        json: Any = UNSET,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
        optional: bool = False,
    ) -> None:
        if not answers:
            raise ValueError(f"the route {method} {_text(pattern)} has no answer: give JSON, a Response, or an error")
        if any(inspect.iscoroutinefunction(each) for each in answers):
            raise TypeError("a mock serves both faces, so its answers are plain functions and no coroutine functions")
        if times is not None and len(answers) > 1:
            raise ValueError("a route with several answers gives each of them once: leave `times` out")
        if times is not None and times < 1:
            raise ValueError(f"times is a whole number from 1, got {times}")
        self.method: str = method.upper()
        self.pattern = pattern
        self.query = query
        self.json = json
        self.optional = optional
        self.times: int | None = len(answers) if len(answers) > 1 else times
        self.calls: list[Call] = []
        self._answers = list(answers)
        self._status, self._headers = status, Headers({"Content-Type": "application/json", **(headers or {})})
        self._compiled = _compiled(pattern)

    def __str__(self) -> str:
        wants = "".join(
            f", {name} {_wanted(matcher)}"
            for name, matcher in (("query", self.query), ("json", self.json))
            if matcher is not None and matcher is not UNSET
        )
        return f"{self.method} {_text(self.pattern)}{wants}"

    def __repr__(self) -> str:
        return f"<Route {self}>"

    @property
    def exhausted(self) -> bool:
        """Whether all its answers were given."""
        return self.times is not None and len(self.calls) >= self.times

    @property
    def unused(self) -> str:
        """What is wrong with how often it was used; empty when nothing is."""
        used = len(self.calls)
        if self.optional or (used and self.times is None) or self.exhausted:
            return ""
        return "never" if not used else f"{used} of {self.times} times"

    def params(self, call: Call) -> dict[str, str] | None:
        """What stands in the place of the placeholders; None where the path is another."""
        for path in (call.path, call.url.partition("?")[0]):
            found = self._compiled.fullmatch(path)
            if found is not None:
                return {name: unquote(text or "") for name, text in found.groupdict().items()}
        return None

    def misses(self, call: Call) -> list[str]:
        """Why a call is not for this route; nothing where it is."""
        why = []
        if self.method not in (call.method, "*"):
            why.append("another method")
        if self.params(call) is None:
            why.append("another path")
        # Functions are asked about calls of this method and path only: they may rely on what such calls hold.
        if self.query is not None and not (why and callable(self.query)):
            why += self._misses_in_query(self.query, call.query)
        if self.json is not UNSET and not (why and callable(self.json)):
            meant = self.json(call.json) if callable(self.json) else self.json == call.json
            if not meant:
                why.append("another body")
        if not why and self.exhausted:
            why.append(f"all its answers were given ({self.times})")
        return why

    @staticmethod
    def _misses_in_query(matcher: "Mapping[str, Any] | Callable[[Any], bool]", query: Mapping[str, Any]) -> list[str]:
        if callable(matcher):
            return [] if matcher(query) else ["another query"]
        why = []
        for name, wanted in matcher.items():
            got = query.get(name)
            if isinstance(wanted, re.Pattern):
                meant = isinstance(got, str) and wanted.fullmatch(got) is not None
            else:
                meant = got is None if wanted is None else got == str(wanted)
            if not meant:
                why.append(f"{name} in the query is {got!r}")
        return why

    def take(self, call: Call) -> Any:
        """Note the call, and the answer for it, still to be made by `answer`."""
        answer = self._answers[len(self.calls)] if len(self._answers) > 1 else self._answers[0]
        self.calls.append(call)
        return answer

    def answer(self, answer: Any, call: Call) -> Response:
        """The response that an answer means. Raises what is to be raised."""
        if isinstance(answer, type) and issubclass(answer, BaseException):
            raise answer()
        if isinstance(answer, BaseException):
            raise answer.with_traceback(None)
        if callable(answer):
            answer = answer(call)
        if isinstance(answer, Response):
            return answer
        if answer is None and self._status in (204, 304):
            return Response(self._status)
        return Response(self._status, self._headers, encode_json(answer))


def _compiled(pattern: Pattern) -> re.Pattern[str]:
    if isinstance(pattern, re.Pattern):
        return pattern
    if not pattern.startswith(("/", "http://", "https://")):
        raise ValueError(f"a path begins with a slash, or is a whole URL: {pattern!r}")
    text = ""
    for plain, name, rest in re.findall(r"([^{]*)(?:\{(\w+)(:path)?\}|$)", pattern):
        text += re.escape(plain)
        if name:
            text += f"(?P<{name}>{'.+' if rest else '[^/]+'})"
    return re.compile(text)


def _text(pattern: Pattern) -> str:
    return pattern if isinstance(pattern, str) else f"/{pattern.pattern}/"


def _wanted(matcher: object) -> str:
    return f"as {getattr(matcher, '__name__', matcher)}() says" if callable(matcher) else repr(matcher)
