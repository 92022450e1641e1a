"""Hides secrets in recordings and messages.

Rules kept here:

* A secret is recognised by its name: of a field, a parameter, a header, or an element. Its value is hidden there, and
  from then on in all other places, in each of its spellings.
* A hidden value becomes `***`. Names, numbers and booleans are not hidden.
* In doubt a value is hidden. `matches` compares a recording with a request, and `***` with any text.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from pixel_core.messages import Headers, Request
from pixel_core.redaction import HIDDEN, OPEN_HEADERS, SHORTEST, is_secret, redact

_PARAMETER = re.compile(r"(^|[?&;\s\"'])([\w.%\[\]-]+)=([^&\s\"'<>#]+)")
_ELEMENT = re.compile(r"<([\w:.-]+)>([^<>]+)</\1>")
_MEMBER = re.compile(r"([\w.-]+)((?:\\*[\"'])?\s*:\s*\\*[\"'])((?:(?!\\*[\"']).)+)")
_SCHEME = re.compile(r"\b(Bearer|Basic)(\s+)([A-Za-z0-9+/=._~-]{6,})", re.IGNORECASE)
_TOKEN = re.compile(r"()()(eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)")
_USER = re.compile(r"()(://)([^/@\s:]*:[^/@\s]+)(?=@)")


def is_login(request: Request) -> bool:
    """True if a request is for a token."""
    return request.method == "POST" and request.path.endswith("/protocol/openid-connect/token")


def open_headers(headers: Headers) -> Headers:
    """The header fields that hold no secret, by a list of names."""
    return Headers([(name, value) for name, value in headers if name.lower() in OPEN_HEADERS])


class Redactor:
    """Hides secrets, and remembers their values."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._spellings: set[str] = set()

    def learn(self, secret: str) -> None:
        """Hide this value everywhere, unless it is too short."""
        if len(secret) >= SHORTEST and secret not in self._known:
            self._known.add(secret)
            self._spellings |= _spellings_of(secret)

    def learn_headers(self, headers: Headers, sent: bool = True) -> None:
        """Hide the values of headers that may be secrets: of a request, all except those of the list of open names; of
        a response, those with the name of a secret.
        """
        for name, text in headers:
            if name.lower() not in OPEN_HEADERS if sent else is_secret(name):
                self.learn(text)
                self.learn(text.partition(" ")[2])  # without the scheme

    def value(self, value: Any, secret: bool = False) -> Any:
        """JSON with its secrets hidden; with `secret`, with all strings hidden."""
        if isinstance(value, dict):
            return {name: self.value(each, secret or is_secret(name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.value(each, secret) for each in value]
        if not isinstance(value, str):
            return value
        if secret and value:
            self.learn(value)
            return HIDDEN
        return self.text(value)

    def text(self, value: str) -> str:
        """A text with its secrets hidden: tokens, parameters and users of URLs, elements of XML, members of JSON."""
        for pattern in (_SCHEME, _TOKEN, _USER):
            value = pattern.sub(self._hidden, value)
        for pattern in (_PARAMETER, _ELEMENT, _MEMBER):
            value = pattern.sub(self._by_name(pattern), value)
        return value

    def _hidden(self, found: re.Match[str]) -> str:
        self.learn(found[3])
        return f"{found[1]}{found[2]}{HIDDEN}"

    def _by_name(self, pattern: re.Pattern[str]) -> "Callable[[re.Match[str]], str]":
        name, content = {_PARAMETER: (2, 3), _ELEMENT: (1, 2), _MEMBER: (1, 3)}[pattern]

        def hidden(found: re.Match[str]) -> str:
            if not is_secret(found[name]):
                return found[0]
            self.learn(found[content])
            self.learn(unquote(found[content]))
            start, end = found.start(content) - found.start(), found.end(content) - found.start()
            return found[0][:start] + HIDDEN + found[0][end:]

        return hidden

    def again(self, value: Any) -> Any:
        """The same value with all known secrets hidden, also in names and bytes."""
        # The longest first: one may contain another.
        return redact(value, sorted(self._spellings, key=len, reverse=True))


def _spellings_of(secret: str) -> set[str]:
    """The spellings of a secret: plain, in URLs and forms, in JSON, in base64."""
    within = json.dumps(secret)[1:-1]
    in_base64 = base64.b64encode(secret.encode()).decode()
    in_urls = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    return {secret, *in_urls, within, within.replace("\\", "\\\\"), in_base64}


def parse_query(query: str) -> dict[str, Any]:
    """The parameters of a query; a repeated one has a list of values."""
    found: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in found:
            found[name] = text
        else:
            before = found[name]
            found[name] = [*before, text] if isinstance(before, list) else [before, text]
    return found


def matches(recorded: Any, sent: Any) -> bool:
    """True if `sent` equals `recorded`, in which `***` stands for any text."""
    if isinstance(recorded, dict) and isinstance(sent, dict):
        return recorded.keys() == sent.keys() and all(matches(recorded[name], sent[name]) for name in recorded)
    if isinstance(recorded, list) and isinstance(sent, list):
        return len(recorded) == len(sent) and all(map(matches, recorded, sent))
    if isinstance(recorded, str) and isinstance(sent, str) and HIDDEN in recorded:
        pattern = ".*".join(map(re.escape, recorded.split(HIDDEN)))
        return re.fullmatch(pattern, sent, re.DOTALL) is not None
    return type(recorded) is type(sent) and bool(recorded == sent)
