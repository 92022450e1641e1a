"""Hides secrets in what errors show.

Rules kept here:

* A secret is known by its name: that of a field of a body, or of a header that is not in `OPEN_HEADERS`.
* Each secret is replaced by `***`, in any part of a message. Header values shorter than `SHORTEST` are not
  replaced, since they occur in any text.
* Local variables are shown by debuggers and sent off by error trackers. Those that hold a secret are `SecretText` or
  `SecretBytes`, or are deleted before an error is raised.
* Bytes that h11 quotes in an error are removed, since they may be our own request sent back.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from pixel_core.messages import Body, Headers

HIDDEN = "***"

SHORTEST = 8
"""Length, in characters, from which a value is specific enough to be searched for in texts."""

_SECRET_WORDS = (
    "password", "passwd", "passphrase", "secret", "token", "signature", "authorization", "credential", "cookie",
    "apikey", "accesskey", "privatekey", "policy", "session", "stringtosign", "canonicalrequest",
)  # fmt: skip

OPEN_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "content-length", "content-md5", "content-type", "date", "etag", "host",
        "location", "retry-after", "user-agent", "x-request-id",
    }
)  # fmt: skip
"""Names of the header fields that hold no secret, in lower case."""

_ECHOED = ("input", "ctx")
"""Members of FastAPI's error details (422) that repeat the request."""

_ECHO_LENGTH = 200

_QUOTED = re.compile(r":? (?:bytearray\(|b['\"]).*", re.DOTALL)


class SecretText(str):
    """Text whose `repr` does not show it, nor that of its parts: local variables are shown by debuggers, whole or cut,
    and sent off by error trackers.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{HIDDEN}'"

    def __getitem__(self, key: Any) -> "SecretText":
        return SecretText(super().__getitem__(key))


class SecretBytes(bytes):
    """Bytes whose `repr` does not show them, nor that of their parts."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"b'{HIDDEN}'"

    def __getitem__(self, key: Any) -> Any:
        part: Any = super().__getitem__(key)
        return SecretBytes(part) if isinstance(part, bytes) else part


def hide_arguments(arguments: Any, known: Collection[str]) -> None:
    """Replace the secrets among a function's own keywords by text that `repr` does not show: a password, a token, the
    URL of a proxy, header fields, and the text of a keyword that is not known, which may be a misspelt one. A traceback
    of a failure shows these keywords.
    """
    for name, argument in arguments.items():
        if isinstance(argument, str) and (name == "proxy" or name not in known or is_secret(name)):
            arguments[name] = SecretText(argument)
        elif name == "headers" and isinstance(argument, Mapping):
            arguments[name] = {
                key: SecretText(text) if isinstance(text, str) else text for key, text in argument.items()
            }


def is_secret(name: str) -> bool:
    """True if a field, parameter or header with this name holds a secret."""
    plain = "".join(each for each in unquote(name).lower() if each.isascii() and each.isalnum())
    return any(word in plain for word in _SECRET_WORDS)


def header_secrets(headers: Headers) -> list[str]:
    """Return the secret values of a request's header fields, the longest first."""
    values = (value.removeprefix("Bearer ") for name, value in headers if name.lower() not in OPEN_HEADERS)
    return sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True)


def body_secrets(body: Body) -> list[str]:
    """Return the secret values of a JSON body, the longest first."""
    found: set[str] = set()

    def collect(value: Any, secret: bool) -> None:
        if isinstance(value, dict):
            for name, each in value.items():
                collect(each, is_secret(name))
        elif isinstance(value, list):
            for each in value:
                collect(each, secret)
        elif secret and isinstance(value, str) and value:
            found.add(value)

    if isinstance(body, bytes) and body:
        collect(json.loads(body), False)
    return sorted(found, key=len, reverse=True)


def redact(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON, text or bytes with `***` in place of each of the `secrets` (one within another comes after it)."""
    if isinstance(value, dict):
        return {redact(name, secrets): redact(each, secrets) for name, each in value.items()}
    if isinstance(value, list):
        return [redact(each, secrets) for each in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
    elif isinstance(value, bytes):
        for secret in secrets:
            value = value.replace(secret.encode(), HIDDEN.encode())
    return value


def redact_echo(value: Any, secrets: Iterable[str]) -> Any:
    """Redact the JSON of a response to a sensitive request: also the members that repeat the request, and the ends of
    long texts.
    """
    if isinstance(value, dict):
        return {
            redact(name, secrets): redact_echo(each, secrets) for name, each in value.items() if name not in _ECHOED
        }
    if isinstance(value, list):
        return [redact_echo(each, secrets) for each in value]
    shown = redact(value, secrets)
    return shown[:_ECHO_LENGTH] if isinstance(shown, str) else shown


def without_quotes(message: str) -> str:
    """Return an error message of h11 without the received bytes that it quotes."""
    return _QUOTED.sub("", message)
