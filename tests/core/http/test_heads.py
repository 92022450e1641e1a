"""Requests on the wire: exact bytes, refused ones, and the header fields that requests share."""

from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.http.connection import ClientConnection
from pixel_core.http.heads import wire_headers
from pixel_core.http.proxies import Proxy
from pixel_core.messages import Body, FileSlice, Form, Headers, Origin, Request
from tests.support.scripted import joined

ORIGIN = Origin("http", "pixel.example", 80)
HOST = "Host: pixel.example\r\n"


def request_of(method: str = "GET", target: str = "/", headers: Any = (), body: Body = b"") -> Request:
    return Request(method, ORIGIN, target, Headers(headers), body)


ON_THE_WIRE = {
    "GET": (request_of("GET", "/a?b=%20", {"Accept": "*/*"}), f"GET /a?b=%20 HTTP/1.1\r\n{HOST}Accept: */*\r\n\r\n"),
    "a body": (
        request_of("POST", "/p", {"Content-Type": "application/json"}, b'{"name":"\xe4"}'),
        f'POST /p HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{{"name":"ä"}}',
    ),
    "PUT without a body": (request_of("PUT"), f"PUT / HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n"),
    "POST without a body": (request_of("POST"), f"POST / HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n"),
    "DELETE without a body": (request_of("DELETE"), f"DELETE / HTTP/1.1\r\n{HOST}\r\n"),
    "DELETE with a body": (
        request_of("DELETE", body=b"[1]"),
        f"DELETE / HTTP/1.1\r\n{HOST}Content-Length: 3\r\n\r\n[1]",
    ),
    "a port": (Request("GET", Origin("http", "h", 8080), "/"), "GET / HTTP/1.1\r\nHost: h:8080\r\n\r\n"),
    "https": (Request("GET", Origin("https", "h", 443), "/"), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    "IPv6": (Request("GET", Origin("http", "::1", 9000), "/"), "GET / HTTP/1.1\r\nHost: [::1]:9000\r\n\r\n"),
    "its own host, as a signed part may have it": (
        request_of(headers={"host": "pixel.example"}),
        f"GET / HTTP/1.1\r\n{HOST}\r\n",
    ),
    "its own length": (
        request_of("PUT", "/x", {"Content-Length": "2"}, b"ab"),
        f"PUT /x HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\nab",
    ),
    "tab and Latin-1": (request_of(headers={"X": "a\tb é"}), f"GET / HTTP/1.1\r\n{HOST}X: a\tb é\r\n\r\n"),
}


@pytest.mark.parametrize(("request_", "expected"), ON_THE_WIRE.values(), ids=ON_THE_WIRE)
def test_a_request_is_sent_as_these_bytes(request_: Request, expected: str) -> None:
    assert joined(ClientConnection().start(request_)) == expected.encode("latin-1")


def test_a_file_is_sent_as_its_slice_between_bytes() -> None:
    content = FileSlice("photo.jpg", 5, 1000)
    form = Form((("key", "a"),), "photo.jpg", content, "frontier")
    head, middle, tail = ClientConnection().start(request_of("POST", "/bucket", body=form))
    start, _, end = form.segments()
    assert middle is content
    assert tail == end
    assert isinstance(start, bytes)
    assert head == (
        b"POST /bucket HTTP/1.1\r\nHost: pixel.example\r\nContent-Type: multipart/form-data; boundary=frontier\r\n"
        b"Content-Length: %d\r\n\r\n" % (len(start) + 1000 + len(end)) + start
    )
    head, part = ClientConnection().start(request_of("PUT", "/part", {"Content-MD5": "x"}, content))
    assert part is content
    assert head == b"PUT /part HTTP/1.1\r\nHost: pixel.example\r\nContent-MD5: x\r\nContent-Length: 1000\r\n\r\n"


def test_a_large_body_is_not_copied_into_the_head() -> None:
    content = bytes(100_000)
    _, body = ClientConnection().start(request_of("PUT", "/part", body=content))
    assert body is content


def sent_by(connection: ClientConnection, request: Request) -> bytes:
    """Perform an exchange, and return the sent bytes."""
    data = joined(connection.start(request))
    assert connection.receive(b"HTTP/1.1 204 No\r\n\r\n") is not None
    return data


BREAKS = ["\r", "\n", "\r\n", "\0", "\r\nX: y"]
INJECTIONS = [
    *(pytest.param(request_of(f"GET{text}"), id=f"method {text!r}") for text in [*BREAKS, " ", "é"]),
    *(
        pytest.param(request_of("GET", f"/a{text}b"), id=f"target {text!r}")
        for text in [*BREAKS, " ", "\t", "é", "\x7f"]
    ),
    *(pytest.param(request_of(headers={f"A{text}": "b"}), id=f"name {text!r}") for text in [*BREAKS, " ", ":", "é"]),
    *(
        pytest.param(request_of(headers={"A": f"b{text}c"}), id=f"value {text!r}")
        for text in [*BREAKS, "\v", "\x01", "\x1b", "\x7f", "€"]
    ),
    *(pytest.param(request_of(headers={"A": text}), id=f"value {text!r}") for text in [" b", "b ", "b\t"]),
    *(
        pytest.param(request_of(headers={"X-Request-ID": f"b{text}"}), id=f"id {text!r}")
        for text in [*BREAKS, " ", "€"]
    ),
    *(
        pytest.param(Request("GET", Origin("http", f"h{text}i", 80), "/"), id=f"host {text!r}")
        for text in [*BREAKS, " ", "/", "?", "#", "@", "\\", '"', "é"]
    ),
    pytest.param(request_of(""), id="no method"),
    pytest.param(request_of("GET", ""), id="no target"),
    pytest.param(request_of(headers={"": "b"}), id="no name"),
    pytest.param(Request("GET", Origin("http", "", 80), "/"), id="no host"),
    pytest.param(request_of(headers={"Host": "other.example"}), id="another host"),
    pytest.param(request_of("POST", headers={"Transfer-Encoding": "chunked"}, body=b"0\r\n\r\n"), id="another framing"),
    pytest.param(request_of("POST", headers={"Content-Length": "1"}, body=b"12"), id="a wrong length"),
    pytest.param(request_of("GET", headers={"Content-Length": "1"}), id="a length without a body"),
    pytest.param(request_of("GET", headers={"Upgrade": "h2c"}), id="another protocol"),
    pytest.param(request_of("CONNECT", "h:443"), id="a tunnel"),
    pytest.param(request_of("POST", body=Form((), "f", b"", "b\r\nX: y")), id="a boundary that breaks a line"),
    pytest.param(request_of("POST", body=Form((), "\udcff", b"", "b")), id="a file name that is no text"),
]


@pytest.mark.parametrize("request_", INJECTIONS)
def test_a_request_that_could_smuggle_another_is_a_value_error(request_: Request) -> None:
    """Also where the fields before the request id are known."""
    connection = ClientConnection()
    sent_by(connection, request_of(headers={"X-Request-ID": "1"}))
    with_id = replace(request_, headers=Headers((*request_.headers, ("X-Request-ID", "1"))))
    for each in (request_, with_id):
        with pytest.raises(ValueError, match="cannot be sent"):
            ClientConnection().start(each)
    with pytest.raises(ValueError, match="cannot be sent"):
        connection.start(request_)


@given(st.text(max_size=4), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_any_texts_are_sent_as_one_request_or_are_a_value_error(
    method: str, target: str, name: str, value: str, host: str
) -> None:
    """An h11 server reads the sent bytes as that request."""
    request = Request(method, Origin("http", host, 80), f"/{target}", Headers([(name, value)]))
    try:
        data = joined(ClientConnection().start(request))
    except ValueError:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method.decode(), event.target.decode()) == (method, f"/{target}")
    assert (b"host", request.origin.authority.encode()) in event.headers
    assert (name.lower().encode("latin-1"), value.encode("latin-1")) in event.headers
    assert isinstance(server.next_event(), h11.EndOfMessage)
    assert server.trailing_data == (b"", False)


@pytest.mark.parametrize("via", [None, *map(Proxy.from_url, ("http://a:b@proxy.test:3128", "http://proxy.test:3128"))])
def test_shared_header_fields_are_sent_as_any_others(via: Proxy | None) -> None:
    """Requests that differ from the one before them in anything, or in nothing."""
    connection = ClientConnection(via=via)
    shared = [Headers(), Headers([("A", "b")]), Headers([("Accept-Encoding", "gzip"), ("C", "d")])]
    names, origins = ["X-Request-ID", "X-Request-ID", "A"], [ORIGIN, Origin("http", "pixel.example", 8080)]
    rows = list(product(["GET", "DELETE", "POST", "HEAD"], shared, names, ["a", "æ"], [b"", b"{}"], origins))
    for method, fields, name, value, body, origin in Random(1).choices(rows, k=500):
        request = Request(method, origin, "/a?b", Headers((*fields, (name, value))), body)
        head, _, _ = sent_by(connection, request).partition(b"\r\n\r\n")
        expected = wire_headers(request, [body] if body else [])
        if via is not None and via.authorization is not None:
            expected.append(("Proxy-Authorization", via.authorization))
        assert sorted(head.decode("latin-1").split("\r\n")[1:]) == sorted(f"{key}: {text}" for key, text in expected)


def test_a_refused_header_is_named_without_its_value_and_the_connection_stays_usable() -> None:
    connection = ClientConnection()
    with pytest.raises(ValueError, match="Authorization") as caught:
        connection.start(request_of(headers={"Authorization": "Bearer 5ec2e7\n"}))
    assert "5ec2e7" not in str(caught.value)
    assert sent_by(connection, request_of()) == b"GET / HTTP/1.1\r\nHost: pixel.example\r\n\r\n"


def test_a_request_with_connection_close_ends_the_connection() -> None:
    connection = ClientConnection()
    sent_by(connection, request_of(headers={"Connection": "close"}))
    assert not connection.reusable
