"""What goes on the wire: no argument of any operation can smuggle a request, inject a header or break a form. The bytes
are parsed by parsers that are not ours, and have to be the one request of the table, with the text of its arguments.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from pixel_core import Account, PixelApi, Request, Session
from pixel_core.errors import PixelLoginError
from pixel_core.http.connection import ClientConnection
from pixel_core.messages import FileSlice, Form, Headers, Origin
from pixel_core.models import PixelUploadFile
from pixel_core.session.tokens import Tokens
from tests.support.operations.core import Row, rows
from tests.support.scripted_api import PixelServer, World, body_of, json_response

ROWS = rows()

SMUGGLED = "GET /admin HTTP/1.1\r\nHost: evil.example\r\n\r\n"
BAD = [
    *"\r\n\0\t\x0b\x0c\x1b\x7f\x85\u2028\ud800\udcff\U0001f600å€/.?#&=;,+ \"'\\:@<{[|",
    *("", "\r\n", "//", "/../", "..", "%2e%2e", "%2F", "%0d%0a", "a,b", "x" * 3000, '"; filename="x'),
    *("\r\nX-Injected: yes", "\r\n\r\n" + SMUGGLED, " HTTP/1.1\r\nA: b", "\r\n--boundary--\r\n"),
    *("&injected=yes", "?injected=yes"),
]
HOSTILE = st.one_of(
    st.sampled_from(BAD),
    st.lists(st.one_of(st.sampled_from(BAD), st.text(max_size=4), st.sampled_from("a1-")), max_size=4).map("".join),
    st.text(st.characters(codec=None), max_size=8),
)
OWN = {"host", "authorization", "x-request-id", "accept", "accept-encoding", "content-type", "content-length"}
REFUSED = (ValueError, TypeError)  # UnicodeEncodeError and pydantic's ValidationError are ValueErrors


def sent(request: Request) -> bytes:
    """A request as bytes; what stands for a file is one byte a byte."""
    segments = ClientConnection().start(request)
    return b"".join(bytes(len(each)) if isinstance(each, FileSlice) else each for each in segments)


def received(data: bytes) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """The one request that h11 as a server finds in these bytes: method, target, header fields, body."""
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    server.receive_data(data)
    head, body = server.next_event(), b""
    assert isinstance(head, h11.Request)
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data), event
        body += bytes(event.data)
    assert server.trailing_data == (b"", False), "more than one request"
    fields = [(name.decode(), value.decode("latin-1")) for name, value in head.headers]
    return head.method.decode(), head.target.decode("ascii"), fields, body


class Hostile:
    """The API, with a text in place of the arguments of whatever is called: of all, or of the one with this number."""

    def __init__(self, api: PixelApi, text: str, only: int | None) -> None:
        self._api, self._text, self._only, self._count = api, text, only, -1

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._api, name)

        def call(*args: Any, **named: Any) -> Any:
            return method(*[self._of(each) for each in args], **{key: self._of(each) for key, each in named.items()})

        return call

    def _of(self, value: Any) -> Any:
        if isinstance(value, BaseModel):
            values = {name: self._of(each) for name, each in value.model_dump(exclude_unset=True).items()}
            return type(value).model_validate(values)
        if isinstance(value, dict):
            return {name: self._of(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._of(each) for each in value]
        if value is None or isinstance(value, (bool, float)):
            return value
        self._count += 1
        return self._text if self._only in (None, self._count) else value


def requests_of(row: Row, text: str, only: int | None) -> list[Request]:
    """What the operation of a row asks for with hostile arguments. Raises ValueError or TypeError where it refuses."""
    world = World(lambda _: json_response({"id": 1}))
    api: Any = Hostile(world.api, text, only)
    flow: Any = row.call(api)
    if not hasattr(flow, "send"):
        flow = next(iter(flow))
    world.run(flow)
    return world.requests


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


def check(row: Row, request: Request, text: str) -> None:
    """Hold the bytes of a request to its row."""
    method, target, fields, body = received(sent(request))
    assert method == row.method
    path, _, query = target.partition("?")
    found, expected = path.split("/"), row.target.partition("?")[0].split("/")
    assert len(found) == len(expected), "another path"
    for segment, meant in zip(found, expected, strict=True):
        assert segment not in (".", "..")
        assert unquote(segment, errors="strict") in (unquote(meant), text)
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    # An argument that is empty in one row, and left out there, may stand in another.
    kin = [each for each in ROWS if each.name == row.name]
    expected_queries = [parse_qsl(each.target.partition("?")[2], keep_blank_values=True) for each in kin]
    expected_names = {name for query in expected_queries for name, _ in query}
    assert {name for name, _ in pairs} <= expected_names, "another name in the query"
    assert len(pairs) == len({name for name, _ in pairs})
    names = [name for name, _ in fields]
    assert len(names) == len(set(names))
    assert set(names) <= OWN, "another header"
    assert dict(fields)["host"] == "pixel.test"
    if body:
        assert json.loads(body) == body_of(request)
        assert int(dict(fields)["content-length"]) == len(body)
        assert names_in(json.loads(body)) <= set().union(*(names_in(each.body) for each in kin)), (
            "another name in the body"
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}: {row.method} {row.target}")
@settings(max_examples=15)
@example(text=SMUGGLED, only=None)
@example(text="..", only=None)
@example(text="\udcff", only=None)
@given(text=HOSTILE, only=st.one_of(st.none(), st.integers(0, 9)))
def test_no_argument_of_any_operation_changes_what_request_is_sent(row: Row, text: str, only: int | None) -> None:
    try:
        requests = requests_of(row, text, only)
        data = [sent(request) for request in requests]
    except REFUSED:
        return
    assert len(data) <= 1
    for request in requests:
        check(row, request, text)


@settings(max_examples=300)
@example("GET", "/a\r\nX: y", {}, None)
@example("GET /admin HTTP/1.1\r\n\r\n", "/", {}, None)
@given(
    st.sampled_from(["GET", "POST", "put"]) | HOSTILE,
    HOSTILE.map(lambda text: f"/{text}"),
    st.dictionaries(HOSTILE, HOSTILE, max_size=3),
    st.none() | st.dictionaries(HOSTILE, HOSTILE, max_size=2),
)
def test_a_request_of_ones_own_is_one_request_or_an_error_whatever_its_arguments(
    method: str, path: str, params: dict[str, str], body: Any
) -> None:
    world = World(lambda _: json_response(None))
    try:
        world.run(world.api.request(method, path, params, body))
        data = sent(world.requests[0])
    except REFUSED:
        return
    found, target, _, content = received(data)
    assert (found, target.partition("?")[0]) == (method.upper(), f"/acme{path}")
    assert dict(parse_qsl(target.partition("?")[2], keep_blank_values=True)) == params
    assert (json.loads(content) if content else None) == body


@settings(max_examples=300)
@example({"X-Note": "a\r\nX-Injected: yes"})
@example({"X-Note\r\nX-Injected": "yes"})
@example({"Content-Length": "0"})
@example({"Transfer-Encoding": "chunked"})
@example({"transfer-encoding ": "chunked"})
@example({"Host": "evil.example"})
@example({"Connection": "Upgrade", "Upgrade": "h2c"})
@given(
    st.dictionaries(
        st.sampled_from(["X-Note", "Accept", "Host", "Content-Length", "Content-Type", "Connection", "Expect"])
        | HOSTILE,
        HOSTILE,
        min_size=1,
        max_size=3,
    )
)
def test_no_header_that_is_added_brings_another_or_changes_what_frames_the_request(headers: dict[str, str]) -> None:
    world = World(lambda _: json_response(None))
    try:
        api = world.api.with_options(headers=headers)
        world.run(api.request("POST", "/new", json={}))
        data = sent(world.requests[0])
    except REFUSED:
        return
    method, target, fields, content = received(data)
    assert (method, target, content) == ("POST", "/acme/new", b"{}")
    assert {name for name, _ in fields} <= OWN | {name.lower() for name in headers}
    assert dict(fields)["host"] == "pixel.test"
    assert dict(fields)["content-length"] == "2"
    assert dict(fields)["authorization"] == "Bearer t1"


@given(HOSTILE, HOSTILE)
def test_no_token_that_is_given_injects_a_header(token: str, password: str) -> None:
    account = Account("https://keycloak.test", "Acme", "frontend", password, password)
    try:
        session = Session("https://pixel.test/acme", account, token=token)
    except PixelLoginError:
        assert not token.isascii() or not token.isprintable() or not token or " " in token
        return
    world = World(lambda _: json_response(None))
    world.run(PixelApi(session).me())
    assert dict(received(sent(world.requests[0]))[2])["authorization"] == f"Bearer {token}"


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_user_password_or_tenant_adds_a_field_to_the_login(realm: str, username: str, password: str) -> None:
    try:
        data = sent(Tokens(Account("https://keycloak.test", realm, "frontend", username, password)).grant(0))
    except REFUSED:
        return
    _, target, _, body = received(data)
    assert [unquote(segment) for segment in target.split("/")] == [
        *("", "realms", realm, "protocol", "openid-connect", "token")
    ]
    assert dict(parse_qsl(body.decode(), keep_blank_values=True)) == {
        "client_id": "frontend",
        "username": username,
        "password": password,
        "scope": "openid email profile",
        "grant_type": "password",
    }


def parts_of(content_type: str, body: bytes) -> list[tuple[str | None, str | None, bytes]]:
    """Name, file name and content of each part, as the standard library reads the form."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=compat32).parsebytes(head + body)
    assert message.is_multipart()
    assert not message.defects, message.defects
    found: list[tuple[str | None, str | None, bytes]] = []
    for part in message.get_payload():
        assert not isinstance(part, str)
        assert [name for name, _ in part.items()] in (
            ["Content-Disposition"],
            ["Content-Disposition", "Content-Type"],
        ), "another header"
        name = part.get_param("name", header="Content-Disposition")
        filename = part.get_param("filename", header="Content-Disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((None if name is None else str(name), None if filename is None else str(filename), content))
    return found


NAMES = HOSTILE.filter(lambda text: "\\" not in text)
"""Without the backslash, which some parsers take for an escape and others for itself."""


@settings(max_examples=300)
@example("a\\", "n", "v", "content")
@example('a\\"; name="policy', "n", "v", "content")
@example("x\\\r\nContent-Type: text/html", "n", "v", "content")
@given(HOSTILE, NAMES, HOSTILE, HOSTILE)
def test_no_name_and_no_value_breaks_a_form_however_it_is_written(
    filename: str, name: str, value: str, content: str
) -> None:
    payload = content.encode("utf-8", "surrogatepass")
    form = Form((("key", "k"), (name, value)), filename, payload, "0123456789abcdef")
    try:
        data = sent(Request("POST", Origin("https", "s3.test", 443), "/bucket", Headers(), form))
    except REFUSED:
        return
    _, _, fields, body = received(data)
    assert body.count(b"--0123456789abcdef") == 4
    parts = parts_of(dict(fields)["content-type"], body)
    assert [each[0] is not None for each in parts] == [True] * 3
    assert parts[0] == ("key", None, b"k")
    assert re.sub(rb"\r\n?", b"\n", parts[1][2]) == re.sub(rb"\r\n?", b"\n", value.encode())
    assert parts[2][0] == "file"
    assert body.endswith(b"\r\n\r\n" + payload + b"\r\n--0123456789abcdef--\r\n")


@settings(max_examples=100)
@given(NAMES.filter(lambda text: "/" not in text and text not in ("", ".", "..")))
def test_a_file_of_any_name_is_uploaded_in_a_form_of_its_own_or_refused_before_anything_is_sent(name: str) -> None:
    path = f"/p/{name}"
    world = World(PixelServer(), files={path: b"content"})
    call = world.api.upload_multiple_images(1, 2, [PixelUploadFile(file=Path(path))])
    if any("\ud800" <= character <= "\udfff" for character in name):
        assert repr(path) in str(world.fail(call, ValueError))
        assert world.requests == []
        return
    world.run(call)
    (form,) = [each for each in world.requests if isinstance(each.body, Form)]
    # Where the form goes is the server's word, and not what is tried here.
    _, _, fields, body = received(sent(replace(form, target="/bucket")))
    parts = parts_of(dict(fields)["content-type"], body)
    assert [part for part, _, _ in parts] == ["key", "policy", "Content-MD5", "x-amz-signature", "file"]
