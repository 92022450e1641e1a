"""Routes of a mock: how they match requests, and their answers.

A route lists the differences of a call that it does not match, for the error message. A call has only the header fields
that hold no secret, so it shows no token.
"""

import inspect
import json as json_module
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypedDict
from urllib.parse import unquote

from pixel_core.messages import Headers, Response, encode_json
from pixel_transports.testing.secrets import Redactor

LONGEST = 200
"""Characters of a body in an error."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a mock. `path` is relative to the base of the API if it is below it. `query` is a mapping. `json` is
    the decoded body, or None. `params` are the values of the placeholders.
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
    """Marks a missing argument where None is a value."""

    def __repr__(self) -> str:
        return "..."


UNSET = Unset()


class RouteOptions(TypedDict, total=False):
    """Keywords of a route: see `MockTransport.on`."""

    query: Matcher
    json: Any
    status: int
    headers: Mapping[str, str] | None
    times: int | None
    optional: bool


class Route:
    """One route: `method`, `pattern`, matchers and answers. `calls` are the calls that it answered."""

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
            raise TypeError("a mock serves both clients, so its answers are plain functions, not coroutine functions")
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
        conditions = "".join(
            f", {name} {_condition(matcher)}"
            for name, matcher in (("query", self.query), ("json", self.json))
            if matcher is not None and matcher is not UNSET
        )
        return f"{self.method} {_text(self.pattern)}{conditions}"

    def __repr__(self) -> str:
        return f"<Route {self}>"

    @property
    def exhausted(self) -> bool:
        """True if all its answers were used."""
        return self.times is not None and len(self.calls) >= self.times

    @property
    def unused(self) -> str:
        """Describes missing uses; empty if there are none."""
        used = len(self.calls)
        if self.optional or (used and self.times is None) or self.exhausted:
            return ""
        if not used and self.times is None:
            return "expected, and never came"
        return f"expected {_times(self.times or 1)}, came {_times(used)}"

    def params(self, call: Call) -> dict[str, str] | None:
        """The values of the placeholders, or None if the path does not match."""
        for path in (call.path, call.url.partition("?")[0]):
            found = self._compiled.fullmatch(path)
            if found is not None:
                return {name: unquote(text or "") for name, text in found.groupdict().items()}
        return None

    def misses(self, call: Call) -> list[str]:
        """The differences between a call and this route; empty if it matches."""
        why = []
        if self.method not in (call.method, "*"):
            why.append(f"expected the method {self.method}, came {call.method}")
        if self.params(call) is None:
            why.append(f"expected the path {_text(self.pattern)}, came {call.path}")
        # Predicates are called only if method and path match, since they may rely on that.
        if self.query is not None and not (why and callable(self.query)):
            why += self._misses_in_query(self.query, call.query)
        if self.json is not UNSET and not (why and callable(self.json)):
            why += _misses_in_body(self.json, call.json)
        if not why and self.exhausted:
            why.append(f"expected {_times(self.times or 1)}, came once more")
        return why

    @staticmethod
    def _misses_in_query(matcher: "Mapping[str, Any] | Callable[[Any], bool]", query: Mapping[str, Any]) -> list[str]:
        if callable(matcher):
            return [] if matcher(query) else [f"the query {dict(query)!r} is not accepted {_condition(matcher)}"]
        why = []
        for name, expected in matcher.items():
            actual = query.get(name)
            if isinstance(expected, re.Pattern):
                equal = isinstance(actual, str) and expected.fullmatch(actual) is not None
                required = _text(expected)
            else:
                equal = actual is None if expected is None else actual == str(expected)
                required = "none" if expected is None else repr(str(expected))
            if not equal:
                came = "none" if actual is None else repr(actual)
                why.append(f"expected {name} in the query to be {required}, came {came}")
        return why

    def take(self, call: Call) -> Any:
        """Record a call, and return its answer for `answer`."""
        answer = self._answers[len(self.calls)] if len(self._answers) > 1 else self._answers[0]
        self.calls.append(call)
        return answer

    def answer(self, answer: Any, call: Call) -> Response:
        """Make the response of an answer. Raises it if it is an error."""
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


def _times(count: int) -> str:
    return f"{count} time{'s' * (count != 1)}"


def _misses_in_body(expected: Any, actual: Any) -> list[str]:
    """The difference of a body: of two objects, the members that differ. Secrets are hidden."""
    if callable(expected):
        return [] if expected(actual) else [f"the body {_shown(actual)} is not accepted {_condition(expected)}"]
    if expected == actual:
        return []
    if not (isinstance(expected, dict) and isinstance(actual, dict)):
        return [f"expected the body {_shown(expected)}, came {_shown(actual)}"]
    names = [name for name in {**expected, **actual} if expected.get(name, UNSET) != actual.get(name, UNSET)]
    return [
        f"expected {name!r} in the body to be {_member(expected, name)}, came {_member(actual, name)}" for name in names
    ]


def _member(body: dict[str, Any], name: str) -> str:
    return _shown({name: body[name]}, name) if name in body else "missing"


def _shown(value: Any, member: str | None = None) -> str:
    hidden = Redactor().value(value)
    text = (
        "none" if value is None else json_module.dumps(hidden if member is None else hidden[member], ensure_ascii=False)
    )
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _condition(matcher: object) -> str:
    return f"by {getattr(matcher, '__name__', matcher)}()" if callable(matcher) else repr(Redactor().value(matcher))
