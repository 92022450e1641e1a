"""What may stand in a file or a message about an exchange, and what may not.

Rules kept here:

* A secret is known by its name (of a field, a parameter, a header, an element), wherever it stands: then its value is
  hidden, and from then on the same value wherever else it stands, in any of its spellings.
* What is hidden becomes `***`. Names stay, and so do numbers and yes or no.
* Better one too many than one too few: what has to be told apart again is compared with `fits`.
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
    """Whether a request asks for a token."""
    return request.method == "POST" and request.path.endswith("/protocol/openid-connect/token")


def open_headers(headers: Headers) -> Headers:
    """Those header fields that hold no secret: their names are on a list."""
    return Headers([(name, value) for name, value in headers if name.lower() in OPEN_HEADERS])


class Redactor:
    """Hides secrets, and remembers the values of those it has seen."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._spellings: set[str] = set()

    def learn(self, secret: str) -> None:
        """Hide this value wherever it stands, unless it is too short for that."""
        if len(secret) >= SHORTEST and secret not in self._known:
            self._known.add(secret)
            self._spellings |= _spelt(secret)

    def learn_headers(self, headers: Headers, sent: bool = True) -> None:
        """Hide the values of header fields that may be secrets: of those that are sent, all that are not known to be
        none; of others, those whose name says so.
        """
        for name, text in headers:
            if name.lower() not in OPEN_HEADERS if sent else is_secret(name):
                self.learn(text)
                self.learn(text.partition(" ")[2])  # without the scheme

    def value(self, told: Any, secret: bool = False) -> Any:
        """JSON with its secrets hidden; with `secret`, all its texts."""
        if isinstance(told, dict):
            return {name: self.value(each, secret or is_secret(name)) for name, each in told.items()}
        if isinstance(told, list):
            return [self.value(each, secret) for each in told]
        if not isinstance(told, str):
            return told
        if secret and told:
            self.learn(told)
            return HIDDEN
        return self.text(told)

    def text(self, told: str) -> str:
        """A text without the secrets that stand in it by their names: parameters of addresses, elements, members,
        tokens, users of addresses.
        """
        for pattern in (_SCHEME, _TOKEN, _USER):
            told = pattern.sub(self._hidden, told)
        for pattern in (_PARAMETER, _ELEMENT, _MEMBER):
            told = pattern.sub(self._by_name(pattern), told)
        return told

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

    def again(self, told: Any) -> Any:
        """The same with all secrets hidden that are known by now, also in names and in bytes."""
        # The longest first, since one may be a part of another.
        return redact(told, sorted(self._spellings, key=len, reverse=True))


def _spelt(secret: str) -> set[str]:
    """How a secret is written: plainly, in addresses and forms, in JSON, in base64."""
    within = json.dumps(secret)[1:-1]
    packed = base64.b64encode(secret.encode()).decode()
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        within,
        within.replace("\\", "\\\\"),
        packed,
    }


def query_of(query: str) -> dict[str, Any]:
    """A query by its names; a value that is there more than once is a list."""
    found: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in found:
            found[name] = text
        else:
            before = found[name]
            found[name] = [*before, text] if isinstance(before, list) else [before, text]
    return found


def fits(recorded: Any, sent: Any) -> bool:
    """Whether something is what was recorded, where `***` stands for any text."""
    if isinstance(recorded, dict) and isinstance(sent, dict):
        return recorded.keys() == sent.keys() and all(fits(recorded[name], sent[name]) for name in recorded)
    if isinstance(recorded, list) and isinstance(sent, list):
        return len(recorded) == len(sent) and all(map(fits, recorded, sent))
    if isinstance(recorded, str) and isinstance(sent, str) and HIDDEN in recorded:
        pattern = ".*".join(map(re.escape, recorded.split(HIDDEN)))
        return re.fullmatch(pattern, sent, re.DOTALL) is not None
    return type(recorded) is type(sent) and bool(recorded == sent)
