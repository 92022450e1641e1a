"""Looks for secrets in everything that the library outputs, with a server that quotes requests in its refusals.

Rules kept here:

* Secrets of the tests are marked strings. Secrets of the server (tokens, signatures, policies) are extracted from its
  responses.
* `Output` collects the message, `repr`, traceback, attributes and pickle of errors, and the `repr` of each object of
  the library that can be reached from a client.
"""

import gc
import pickle
import re
import traceback
import types
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import pixel_client as pixel
import pytest
from pixel_client.models import ApiKey, Credentials
from pydantic import SecretStr
from pydantic_core import to_json
from rich.pretty import pretty_repr

from pixel_core.errors import PixelError, PixelMultipleUploadJobError
from pixel_core.messages import Headers, Origin, Response
from pixel_transports.sandbox import Sandbox
from pixel_transports.sandbox.incoming import Content, MemoryBody

PASSWORD = "5ecret-of-the-login"
USER_PASSWORD = "5ecret-of-a-user"
HARVEST_PASSWORD = "5ecret-of-a-harvest"
API_KEY = "5ecret-of-a-key"
TOKEN = "5ecret-of-a-given-token"
PROXY_PASSWORD = "5ecret-of-a-proxy"
KEY_PASSWORD = "5ecret-of-a-private-key"
SETTING = "5ecret-of-a-setting"
HEADER = "5ecret-of-a-header"
SECRETS = [
    PASSWORD,
    USER_PASSWORD,
    HARVEST_PASSWORD,
    API_KEY,
    TOKEN,
    PROXY_PASSWORD,
    KEY_PASSWORD,
    SETTING,
    HEADER,
    b64encode(f"user:{PROXY_PASSWORD}".encode()).decode(),
]

SECRET_KINDS = {
    "access token": re.compile(rb'"access_token":\s*"([^"]{16,})"'),
    "refresh token": re.compile(rb'"refresh_token":\s*"([^"]{16,})"'),
    "signature of an address": re.compile(rb"X-Amz-Signature=([0-9a-f]{16,})"),
    "signature of a form": re.compile(rb'"x-amz-signature":\s*"([^"]{16,})"', re.IGNORECASE),
    "policy of a form": re.compile(rb'"policy":\s*"([^"]{16,})"', re.IGNORECASE),
}

Fault: TypeAlias = Callable[[str, str, Headers, bytes], Response | None]


class QuotingSandbox(Sandbox):
    """A sandbox that answers by `fault` if that returns a response, and that records the secrets it makes."""

    def __init__(self) -> None:
        super().__init__(password=PASSWORD, job_seconds=0.0, min_part_bytes=0)
        self.url = ""
        self.fault: Fault = lambda method, target, headers, content: None
        self.made: dict[str, set[str]] = {kind: set() for kind in SECRET_KINDS}

    def open_body(self, method: str, target: str, headers: Headers) -> MemoryBody:
        return MemoryBody()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        received = bytes(content)
        forced = self.fault(method, target, headers, received)
        response = super().handle(method, origin, target, headers, received) if forced is None else forced
        for kind, pattern in SECRET_KINDS.items():
            self.made[kind] |= {found.decode() for found in pattern.findall(response.body)}
        return response


def quoting(
    status: int, *, path: str = "", method: str = "", times: int = 99, json: bool = True, kept: bytes = b""
) -> Fault:
    """Refuse requests, and quote their target, headers and body. JSON is in the format of FastAPI."""
    left = [times]

    def fault(actual: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if path not in target or method not in actual or not left[0]:
            return None
        left[0] -= 1
        quotes = [target, *(f"{name}: {value}" for name, value in headers), content.decode("latin-1")]
        quoted = "\n".join(quotes)
        if kept:
            return Response(status, Headers({"Content-Type": "application/json"}), kept + quoted.encode())
        if not json:
            return Response(status, Headers({"Content-Type": "text/plain"}), quoted.encode())
        # One item per quote, since an error shows only the beginning of a long text.
        detail = [{"type": "value_error", "loc": ["body"], "msg": f"wrong: {each}", "input": each} for each in quotes]
        return Response(status, Headers({"Content-Type": "application/json"}), to_json({"detail": detail}))

    return fault


class Output:
    """Everything that was output, with its origin."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.errors: list[BaseException] = []
        self._known: set[int] = set()

    def add(self, where: str, text: object) -> None:
        self.texts.append((where, text if isinstance(text, str) else repr(text)))

    def event(self, event: object) -> None:
        self.add(f"the event {type(event).__name__}", event)

    def error(self, error: BaseException) -> None:
        """Add an error and its causes."""
        if id(error) in self._known:
            return
        self._known.add(id(error))
        self.errors.append(error)
        name = type(error).__name__
        self.add(f"the message of {name}", str(error))
        self.add(f"the repr of {name}", repr(error))
        self.add(f"the traceback of {name}", "".join(traceback.format_exception(error)))
        self._locals(error)
        if isinstance(error, PixelError):
            self.add(f"the attributes of {name}", repr((error.args, vars(error))))
            self.add(f"the pickle of {name}", pickle.dumps(error).decode("latin-1"))
        several = error.errors if isinstance(error, PixelMultipleUploadJobError) else []
        for other in (error.__cause__, error.__context__, *several):
            if isinstance(other, BaseException):
                self.error(other)

    def _locals(self, error: BaseException) -> None:
        """Add the local variables of a traceback, as error trackers and `rich` show them. They begin with those of the
        library: frames before it, and those of functions that the test passed, are the caller's.
        """
        within = False
        for frame, line in traceback.walk_tb(error.__traceback__):
            module = frame.f_globals.get("__name__", "")
            within = within or module.startswith(("pixel_core", "pixel_transports"))
            if within and not module.startswith("tests."):
                for name, value in list(frame.f_locals.items()):
                    where = f"the local variable {name} of {module}.{frame.f_code.co_name}, line {line}"
                    self.add(where, shown(value))

    def reachable(self, root: object) -> int:
        """Add the repr of each object of the library that can be reached, and return their number."""
        known: set[int] = set()
        left: list[object] = [root]
        count = 0
        while left:
            found = left.pop()
            if id(found) in known or isinstance(found, (type, types.ModuleType, types.FrameType, str, bytes, int)):
                continue
            known.add(id(found))
            if isinstance(found, types.FunctionType):
                for cell in found.__closure__ or ():
                    with suppress(ValueError):  # an empty cell
                        left.append(cell.cell_contents)
                continue
            module = type(found).__module__
            if module.startswith(("pixel_", "pydantic")):
                count += 1
                self.add(f"the repr of a {type(found).__name__}", repr(found) + str(found))
            elif not (
                isinstance(found, (dict, list, tuple, set, frozenset, types.MethodType))
                or module in ("collections", "weakref")
            ):
                continue
            left += gc.get_referents(found)
        return count

    def check(self, secrets: list[str]) -> None:
        found: dict[str, str] = {}
        for where, text in self.texts:
            for secret in secrets:
                at = text.find(secret)
                if at >= 0:
                    found.setdefault(where, f"...{text[max(0, at - 200) : at + len(secret) + 40]!r}...")
        if found:
            pytest.fail("\n".join(f"{where} shows a secret: {text}" for where, text in found.items()))


def shown(value: object) -> str:
    """A local variable, as `traceback` with `capture_locals`, as error trackers, and as `rich` show it: whole, cut, and
    one level into collections and attributes.
    """
    texts = []
    try:
        parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
        for each in (value, *parts):
            texts += [repr(each), pretty_repr(each, max_length=10, max_string=24), pretty_repr(each)]
            if isinstance(each, str | bytes):
                texts += [repr(each[:2000]), repr(each[:40])]
    except AttributeError:  # an object whose making failed
        pass
    return "\n".join(texts)


def refusing(status: int, error: str) -> Fault:
    """Refuse a login with an OAuth error that quotes the request."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if "/token" not in target:
            return None
        answer = {"error": error, "error_description": f"wrong: {content.decode()}"}
        return Response(status, Headers({"Content-Type": "application/json"}), to_json(answer))

    return fault


def user(password: str = USER_PASSWORD) -> pixel.OIDCUserCreateInput:
    return pixel.OIDCUserCreateInput(
        first_name="A", last_name="B", email="a@example.com", password=SecretStr(password), user_type="viewer"
    )


def harvest(auth: pixel.HarvestAuthInfo) -> pixel.HarvestServiceCreateInput:
    return pixel.HarvestServiceCreateInput(name="H", description="", url="https://example.invalid", auth=auth)


CREDENTIALS = pixel.HarvestAuthInfo(credentials=Credentials(username="user", password=SecretStr(HARVEST_PASSWORD)))
KEY = pixel.HarvestAuthInfo(api_key=ApiKey(api_key=SecretStr(API_KEY)))


def calls_with_secrets(project: int = 1, collection: int = 1) -> list[tuple[str, tuple[Any, ...]]]:
    """Operations with secrets as arguments, or in their headers."""
    return [
        ("me", ()),
        ("create_oidc_user", (user(),)),
        ("update_oidc_user", ("x", pixel.OIDCUserUpdateInput(password=SecretStr(USER_PASSWORD)))),
        ("create_harvest_service", (project, collection, harvest(CREDENTIALS))),
        ("create_harvest_service", (project, collection, harvest(KEY))),
        ("update_harvest_service", (project, collection, 1, pixel.HarvestServiceUpdateInput(auth=KEY))),
    ]
