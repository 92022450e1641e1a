"""The client's HTTP/1.1 machine: tables of bytes, run whole, byte by byte and in random cuts; and fuzzed invariants."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, TypeAlias

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixel_core.errors import PixelConnectionError, PixelError, PixelProtocolError
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import Limits
from pixel_core.http.heads import wire_headers
from pixel_core.http.proxies import Proxy
from pixel_core.messages import Body, FileSlice, Form, Headers, Origin, Request, Response, Segment
from tests.support.scripted import joined

ORIGIN = Origin("http", "pixel.example", 80)
END = b""
SMALL = Limits(head=100, body=20)

Outcome: TypeAlias = tuple[int, bytes, list[tuple[str, str]], bool] | type[PixelError] | None
"""Status, body, headers and whether the connection is reusable; the type of the error; None for no outcome yet."""


def request_of(method: str = "GET", target: str = "/", headers: Any = (), body: Body = b"") -> Request:
    return Request(method, ORIGIN, target, Headers(headers), body)


def outcome_of(chunks: Iterable[bytes], method: str = "GET", limits: Limits = Limits()) -> Outcome:
    """What a connection makes of pieces of an answer: it is no longer asked after its first outcome."""
    connection = ClientConnection(limits)
    connection.start(request_of(method))
    chunks = iter(chunks)
    try:
        for piece in chunks:
            response = connection.receive(piece)
            if response is not None:
                clean = connection.reusable and not any(True for _ in chunks)
                return response.status, response.body, list(response.headers), clean
    except PixelError as error:
        assert not connection.reusable
        return type(error)
    return None


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in other pieces, none of them empty."""
    marks = {0, len(data)}
    if len(data) > 1:
        marks.update(draw(st.lists(st.integers(1, len(data) - 1), max_size=8)))
    return [data[start:end] for start, end in pairwise(sorted(marks))]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# What it is, the request's method, the bytes, whether the peer then closes, the status and body or the error, and
# whether the connection is reusable.
TABLE: list[tuple[str, str, bytes, bool, tuple[int, bytes] | type[PixelError] | None, bool]] = [
    ("a body by length", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", False, (200, b"hello"), True),
    ("an empty body by length", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False, (200, b""), True),
    ("no reason phrase", "GET", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", False, (200, b""), True),
    ("bare line feeds", "GET", b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", False, (200, b"x"), True),
    ("equal lengths twice", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx", False, (200, b"x"), True),
    ("chunks", "GET", CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", False, (200, b"abcde"), True),
    ("no chunks at all", "GET", CHUNKED + b"0\r\n\r\n", False, (200, b""), True),
    ("chunks with extensions", "GET", CHUNKED + b'A;x=y;z="1"\r\n0123456789\r\n0;q\r\n\r\n', False,
     (200, b"0123456789"), True),
    ("chunks with trailers", "GET", CHUNKED + b"1\r\nx\r\n0\r\nDigest: 1\r\nA: b\r\n\r\n", False, (200, b"x"), True),
    ("chunks beat a length", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"1\r\nx\r\n0\r\n\r\n", False, (200, b"x"), True),
    ("a body until the end", "GET", b"HTTP/1.1 200 OK\r\n\r\nhello", True, (200, b"hello"), False),
    ("an empty body until the end", "GET", b"HTTP/1.1 200 OK\r\n\r\n", True, (200, b""), False),
    ("a body until an end that has not come", "GET", b"HTTP/1.1 200 OK\r\n\r\nhello", False, None, False),
    ("HTTP/1.0", "GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False, (200, b"ok"), False),
    ("HTTP/1.0 until the end", "GET", b"HTTP/1.0 200 OK\r\n\r\nok", True, (200, b"ok"), False),
    ("connection: close", "GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", False,
     (200, b"ok"), False),
    ("keep-alive", "GET", b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", False,
     (200, b"ok"), True),
    ("the answer to HEAD", "HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", False, (200, b""), True),
    ("the answer to HEAD, chunked", "HEAD", CHUNKED, False, (200, b""), True),
    ("204", "DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", False, (204, b""), True),
    ("204 with a length", "POST", b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", False, (204, b""), True),
    ("304", "GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", False, (304, b""), True),
    ("100 before", "PUT", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", False,
     (200, b"x"), True),
    ("103 before", "GET", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 N\r\nContent-Length: 1\r\n\r\nx",
     False, (404, b"x"), True),
    ("several 1xx before", "GET", b"HTTP/1.1 100 C\r\n\r\n" * 3 + b"HTTP/1.1 103 E\r\n\r\n" + b"HTTP/1.1 204 N\r\n\r\n",
     False, (204, b""), True),
    ("1xx alone", "GET", b"HTTP/1.1 100 Continue\r\n\r\n", False, None, False),
    ("1xx and the end", "GET", b"HTTP/1.1 100 Continue\r\n\r\n", True, PixelConnectionError, False),
    ("101, which was not asked for", "GET", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", False, PixelProtocolError,
     False),
    ("an error status", "GET", b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}", False, (500, b"{}"), True),
    ("a status of no class", "GET", b"HTTP/1.1 799 ?\r\nContent-Length: 0\r\n\r\n", False, (799, b""), True),
    ("a body by length, cut short", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", True,
     PixelConnectionError, False),
    ("chunks, cut short in a chunk", "GET", CHUNKED + b"5\r\nhel", True, PixelConnectionError, False),
    ("chunks, cut short between chunks", "GET", CHUNKED + b"5\r\nhello\r\n", True, PixelConnectionError, False),
    ("chunks, cut short before the last line", "GET", CHUNKED + b"0\r\n", True, PixelConnectionError, False),
    ("a head cut short", "GET", b"HTTP/1.1 200 OK\r\nContent-", True, PixelConnectionError, False),
    ("an end before anything", "GET", b"", True, PixelConnectionError, False),
    ("nothing yet", "GET", b"", False, None, False),
    ("garbage", "GET", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", False, PixelProtocolError, False),
    ("a TLS record", "GET", b"\x15\x03\x01\x00\x02\x02\x46", False, PixelProtocolError, False),
    ("another protocol's version", "GET", b"HTTP/two 200 OK\r\n\r\n", False, PixelProtocolError, False),
    ("an empty line first", "GET", b"\r\nHTTP/1.1 200 OK\r\n\r\n", False, PixelProtocolError, False),
    ("a status that is no number", "GET", b"HTTP/1.1 2x0 OK\r\n\r\n", False, PixelProtocolError, False),
    ("a status below 100", "GET", b"HTTP/1.1 099 OK\r\n\r\n", False, PixelProtocolError, False),
    ("a header without a colon", "GET", b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", False, PixelProtocolError, False),
    ("a space before the colon", "GET", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", False, PixelProtocolError, False),
    ("NUL in a header", "GET", b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", False, PixelProtocolError, False),
    ("a continuation line first", "GET", b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", False, PixelProtocolError, False),
    ("two lengths", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", False,
     PixelProtocolError, False),
    ("a length below 0", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", False, PixelProtocolError, False),
    ("a length of too many digits", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", False,
     PixelProtocolError, False),
    ("an unknown transfer coding", "GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", False,
     PixelProtocolError, False),
    ("a chunk size that is none", "GET", CHUNKED + b"xyz\r\n", False, PixelProtocolError, False),
    ("a chunk size below 0", "GET", CHUNKED + b"-1\r\n", False, PixelProtocolError, False),
    ("a chunk longer than it says", "GET", CHUNKED + b"1\r\nabc\r\n0\r\n\r\n", False, PixelProtocolError, False),
    ("a chunk size of too many digits", "GET", CHUNKED + b"f" * 30 + b"\r\n", False, PixelProtocolError, False),
    ("stray bytes behind", "GET", b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", False, (204, b""), False),
    ("one stray byte behind", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", False, (200, b"x"), False),
    ("an end behind", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", True, (200, b"x"), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "data", "closes", "expected", "reusable"),
    [pytest.param(*row[1:], id=row[0]) for row in TABLE],
)
def test_bytes_give_this_outcome_however_they_are_cut(
    method: str, data: bytes, closes: bool, expected: tuple[int, bytes] | type[PixelError] | None, reusable: bool
) -> None:
    end = [END] if closes else []

    @settings(max_examples=25)
    @given(cuts(data))
    def in_random_cuts(chunks: list[bytes]) -> None:
        assert summary(outcome_of([*chunks, *end], method)) == wanted

    def summary(outcome: Outcome) -> object:
        return (outcome[:2], outcome[3]) if isinstance(outcome, tuple) else outcome

    wanted = (expected, reusable) if isinstance(expected, tuple) else expected
    assert summary(outcome_of([data, *end] if data else end, method)) == wanted
    assert summary(outcome_of([*byte_by_byte(data), *end], method)) == wanted
    in_random_cuts()


# Limits: 100 bytes of head, 20 of body.
HEAD_OF_100 = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: " + b"a" * 57 + b"\r\n\r\n"
LINE_OF_100 = b"1;" + b"e" * 96 + b"\r\n"
TRAILERS_OF_100 = b"A: " + b"a" * 93 + b"\r\n\r\n"

LIMITS: list[tuple[str, bytes, bool, int | type[PixelError] | None]] = [
    ("a head at the limit", HEAD_OF_100, False, 200),
    ("a head one byte above", HEAD_OF_100.replace(b"A:", b"AB:"), False, PixelProtocolError),
    ("a head without an end", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 1000, False, PixelProtocolError),
    ("a status line without an end", b"HTTP/1.1 200 " + b"a" * 1000, False, PixelProtocolError),
    ("many headers", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50 + b"\r\n", False, PixelProtocolError),
    ("the limit reached, and the end", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 80, True, PixelConnectionError),
    ("the limit reached, and no more", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 80, False, None),
    ("interim answers at the limit", b"HTTP/1.1 100 C\r\n\r\n" * 4 + b"HTTP/1.1 204 " + b"n" * 11 + b"\r\n\r\n", False,
     204),
    ("interim answers above", b"HTTP/1.1 100 C\r\n\r\n" * 4 + b"HTTP/1.1 204 " + b"n" * 12 + b"\r\n\r\n", False,
     PixelProtocolError),
    ("endless interim answers", b"HTTP/1.1 100 C\r\n\r\n" * 100, False, PixelProtocolError),
    ("a body at the limit", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20, False, 200),
    ("a body one byte above", b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n" + b"x" * 21, False, PixelProtocolError),
    ("a body that says it is above, until it is", b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n" + b"x" * 20, False,
     None),
    ("chunks at the limit", CHUNKED + b"a\r\n0123456789\r\n" * 2 + b"0\r\n\r\n", False, 200),
    ("chunks above", CHUNKED + b"a\r\n0123456789\r\n" * 2 + b"1\r\nx\r\n0\r\n\r\n", False, PixelProtocolError),
    ("a body until the end at the limit", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20, True, 200),
    ("a body until the end, above", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 21, True, PixelProtocolError),
    ("a chunk's line at the limit", CHUNKED + LINE_OF_100 + b"x\r\n0\r\n\r\n", False, 200),
    ("a chunk's line one byte above", CHUNKED + LINE_OF_100.replace(b";", b";;") + b"x\r\n0\r\n\r\n", False,
     PixelProtocolError),
    ("a chunk's line without an end", CHUNKED + b"1;" + b"e" * 1000, False, PixelProtocolError),
    ("trailers at the limit", CHUNKED + b"1\r\nx\r\n0\r\n" + TRAILERS_OF_100, False, 200),
    ("trailers one byte above", CHUNKED + b"1\r\nx\r\n0\r\n" + b"B" + TRAILERS_OF_100, False, PixelProtocolError),
    ("endless trailers", CHUNKED + b"0\r\n" + b"A: b\r\n" * 200, False, PixelProtocolError),
    ("long lines, each below the limit", CHUNKED + (b"1;" + b"e" * 90 + b"\r\nx\r\n") * 10 + b"0\r\n\r\n", False, 200),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "closes", "expected"),
    [pytest.param(*row[1:], id=row[0]) for row in LIMITS],
)
def test_limits_are_kept_to_the_byte_however_the_bytes_are_cut(
    data: bytes, closes: bool, expected: int | type[PixelError] | None
) -> None:
    end = [END] if closes else []

    @settings(max_examples=25)
    @given(cuts(data))
    def in_random_cuts(chunks: list[bytes]) -> None:
        assert status(outcome_of([*chunks, *end], limits=SMALL)) == expected

    def status(outcome: Outcome) -> object:
        return outcome[0] if isinstance(outcome, tuple) else outcome

    assert status(outcome_of([data, *end], limits=SMALL)) == expected
    assert status(outcome_of([*byte_by_byte(data), *end], limits=SMALL)) == expected
    in_random_cuts()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (HEAD_OF_100.replace(b"A:", b"AB:"), "has more than 100 bytes of headers"),
        (CHUNKED + b"1;" + b"e" * 1000, "has more than 100 bytes in one line, or in the trailers, of its body"),
        (
            CHUNKED + b"0\r\n" + b"A: b\r\n" * 200,
            "has more than 100 bytes in one line, or in the trailers, of its body",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 21, "is larger than the limit of 20 bytes"),
    ],
)
def test_an_answer_above_a_limit_is_told_so(data: bytes, words: str) -> None:
    connection = ClientConnection(SMALL)
    connection.start(request_of("GET", "/a?sig=5ec2e7"))
    with pytest.raises(PixelProtocolError) as caught:
        connection.receive(data)
    assert str(caught.value) == f"The answer to GET http://pixel.example/a {words}"


def test_a_stray_byte_behind_a_full_head_is_seen_too() -> None:
    connection = ClientConnection(SMALL)
    connection.start(request_of())
    assert connection.receive(HEAD_OF_100 + b"x") is not None
    assert not connection.reusable


def test_the_headers_of_an_answer_come_out_as_they_are() -> None:
    data = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag:  "1" \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX: \xe9\r\n\r\n'
    outcome = outcome_of([data])
    assert isinstance(outcome, tuple)
    assert Headers(outcome[2])["ETAG"] == '"1"'
    assert [value for name, value in outcome[2] if name.lower() == "set-cookie"] == ["a", "b"]
    assert Headers(outcome[2])["x"] == "é"


# What goes out.


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(
            request_of("GET", "/a?b=%20", {"Accept": "*/*"}),
            b"GET /a?b=%20 HTTP/1.1\r\nHost: pixel.example\r\nAccept: */*\r\n\r\n",
            id="GET",
        ),
        pytest.param(
            request_of("POST", "/projects/", {"Content-Type": "application/json"}, '{"name":"ä"}'.encode()),
            b"POST /projects/ HTTP/1.1\r\nHost: pixel.example\r\nContent-Type: application/json\r\n"
            b'Content-Length: 13\r\n\r\n{"name":"\xc3\xa4"}',
            id="POST of JSON",
        ),
        pytest.param(
            request_of("PUT", "/x"),
            b"PUT /x HTTP/1.1\r\nHost: pixel.example\r\nContent-Length: 0\r\n\r\n",
            id="PUT without a body",
        ),
        pytest.param(
            request_of("POST", "/x"),
            b"POST /x HTTP/1.1\r\nHost: pixel.example\r\nContent-Length: 0\r\n\r\n",
            id="POST without a body",
        ),
        pytest.param(
            request_of("DELETE", "/x"), b"DELETE /x HTTP/1.1\r\nHost: pixel.example\r\n\r\n", id="DELETE without a body"
        ),
        pytest.param(
            request_of("DELETE", "/x", body=b"[1]"),
            b"DELETE /x HTTP/1.1\r\nHost: pixel.example\r\nContent-Length: 3\r\n\r\n[1]",
            id="DELETE with a body",
        ),
        pytest.param(
            Request("GET", Origin("http", "h", 8080), "/"), b"GET / HTTP/1.1\r\nHost: h:8080\r\n\r\n", id="a port"
        ),
        pytest.param(
            request_of(headers={"host": "pixel.example"}),
            b"GET / HTTP/1.1\r\nHost: pixel.example\r\n\r\n",
            id="its own host once more, as a signed part may name it",
        ),
        pytest.param(Request("GET", Origin("https", "h", 443), "/"), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", id="https"),
        pytest.param(
            Request("GET", Origin("http", "::1", 9000), "/"), b"GET / HTTP/1.1\r\nHost: [::1]:9000\r\n\r\n", id="IPv6"
        ),
        pytest.param(
            request_of("PUT", "/x", {"Content-Length": "2"}, b"ab"),
            b"PUT /x HTTP/1.1\r\nHost: pixel.example\r\nContent-Length: 2\r\n\r\nab",
            id="its own true length, once",
        ),
        pytest.param(
            request_of("GET", "/", {"X": "a\tb é"}),
            b"GET / HTTP/1.1\r\nHost: pixel.example\r\nX: a\tb \xe9\r\n\r\n",
            id="tab and Latin-1 inside a value",
        ),
    ],
)
def test_a_request_goes_out_byte_for_byte(request_: Request, expected: bytes) -> None:
    assert joined(ClientConnection().start(request_)) == expected


def test_a_form_goes_out_as_bytes_the_slice_of_its_file_and_bytes() -> None:
    content = FileSlice("photo.jpg", 5, 1000)
    form = Form((("key", "a"),), "photo.jpg", content, "frontier")
    head, middle, tail = ClientConnection().start(request_of("POST", "/bucket", body=form))
    fields = (
        b'--frontier\r\nContent-Disposition: form-data; name="key"\r\n\r\na\r\n'
        b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n"
    )
    assert tail == b"\r\n--frontier--\r\n"
    assert middle is content
    assert (
        head
        == (
            b"POST /bucket HTTP/1.1\r\nHost: pixel.example\r\nContent-Type: multipart/form-data; boundary=frontier\r\n"
            b"Content-Length: %d\r\n\r\n" % (len(fields) + 1000 + len(tail))
        )
        + fields
    )


def test_a_slice_of_a_file_goes_out_after_the_head() -> None:
    content = FileSlice("photo.jpg", 5, 1000)
    head: Segment
    head, body = ClientConnection().start(request_of("PUT", "/part", {"Content-MD5": "x"}, content))
    assert body is content
    assert head == b"PUT /part HTTP/1.1\r\nHost: pixel.example\r\nContent-MD5: x\r\nContent-Length: 1000\r\n\r\n"


def test_a_large_body_is_not_copied_into_the_head() -> None:
    content = bytes(100_000)
    segments = ClientConnection().start(request_of("PUT", "/part", body=content))
    assert segments[1] is content
    assert len(segments) == 2


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
def test_what_could_smuggle_a_request_is_a_value_error_before_a_byte_is_made(request_: Request) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        ClientConnection().start(request_)


@given(st.text(max_size=4), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_any_texts_make_one_request_or_a_value_error(
    method: str, target: str, name: str, value: str, host: str
) -> None:
    """What goes out is understood by h11's server as exactly the request that was meant."""
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


def sent_by(connection: ClientConnection, request: Request) -> bytes:
    """What goes on the wire; the exchange is over afterwards."""
    data = joined(connection.start(request))
    assert connection.receive(b"HTTP/1.1 204 No\r\n\r\n") is not None
    return data


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "DELETE", "POST", "HEAD"]),
            st.sampled_from([Headers(), Headers([("A", "b")]), Headers([("Accept-Encoding", "gzip"), ("C", "d")])]),
            st.sampled_from(["X-Request-ID", "A", "Content-Type"]),
            st.text("abc-\u00e6", min_size=1, max_size=4),
            st.sampled_from([b"", b"{}"]),
            st.sampled_from([ORIGIN, Origin("http", "pixel.example", 8080)]),
        ),
        max_size=6,
    ),
    st.sampled_from([None, Proxy.from_url("http://a:b@proxy.test:3128"), Proxy.from_url("http://proxy.test:3128")]),
)
def test_fields_that_requests_share_go_out_as_if_they_shared_none(
    rows: list[tuple[str, Headers, str, str, bytes, Origin]], via: Proxy | None
) -> None:
    connection = ClientConnection(via=via)
    for method, shared, name, value, body, origin in rows:
        request = Request(method, origin, "/a?b", Headers((*shared, (name, value))), body)
        head, _, _ = sent_by(connection, request).partition(b"\r\n\r\n")
        fields = wire_headers(request, [body] if body else [])
        if via is not None and via.authorization is not None:
            fields.append(("Proxy-Authorization", via.authorization))
        assert sorted(head.decode("latin-1").split("\r\n")[1:]) == sorted(f"{key}: {text}" for key, text in fields)


@given(st.text(max_size=6), st.text(max_size=6))
def test_no_request_id_can_bring_another_field_or_request(target: str, value: str) -> None:
    connection = ClientConnection()
    shared = Headers([("A", "b")])
    sent_by(connection, Request("GET", ORIGIN, "/", Headers((*shared, ("X-Request-ID", "1")))))
    request = Request("GET", ORIGIN, f"/{target}", Headers((*shared, ("X-Request-ID", value))))
    try:
        expected = joined(ClientConnection().start(request))
    except ValueError:
        with pytest.raises(ValueError):
            connection.start(request)
    else:
        assert sent_by(connection, request) == expected


def test_an_answer_is_unpacked_for_the_request_that_asked_for_it() -> None:
    """Also where another one, which did not, went over the same connection in between."""
    packed = gzip.compress(b"text", mtime=0)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
    connection = ClientConnection()
    asking = Headers([("Accept-Encoding", "gzip")])
    for headers, body in [(asking, b"text"), (Headers(), packed), (asking, b"text")]:
        connection.start(Request("GET", ORIGIN, "/", Headers((*headers, ("X-Request-ID", "1")))))
        response = connection.receive(answer)
        assert response is not None
        assert response.body == body


def test_a_refused_header_is_named_and_its_value_not_shown() -> None:
    with pytest.raises(ValueError) as caught:
        ClientConnection().start(request_of(headers={"Authorization": "Bearer 5ec2e7\n"}))
    assert "Authorization" in str(caught.value)
    assert "5ec2e7" not in str(caught.value)


def test_a_connection_serves_after_it_refused_a_request() -> None:
    connection = ClientConnection()
    with pytest.raises(ValueError):
        connection.start(request_of(headers={"A": "\n"}))
    connection.start(request_of())
    response = connection.receive(b"HTTP/1.1 204 No\r\n\r\n")
    assert response is not None
    assert response.status == 204


def test_the_headers_on_the_wire_are_told_to_whoever_asks() -> None:
    form = Form((), "f", b"x", "b")
    assert wire_headers(request_of("POST", headers={"A": "b"}, body=form), form.segments()) == [
        ("Host", "pixel.example"),
        ("A", "b"),
        ("Content-Type", "multipart/form-data; boundary=b"),
        ("Content-Length", str(sum(map(len, form.segments())))),
    ]


# One exchange after another.


def test_several_exchanges_on_one_connection() -> None:
    connection = ClientConnection()
    answers = {
        "GET": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HEAD": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
        "POST": CHUNKED + b"1\r\ny\r\n0\r\n\r\n",
        "DELETE": b"HTTP/1.1 204 No\r\n\r\n",
    }
    for method, data in [*answers.items(), *answers.items()]:
        connection.start(request_of(method))
        assert not connection.response_started
        assert not connection.reusable
        assert connection.receive(data) is not None
        assert connection.response_started
        assert connection.reusable


def test_each_exchange_has_the_whole_of_the_limits() -> None:
    connection = ClientConnection(SMALL)
    for _ in range(20):
        connection.start(request_of())
        assert connection.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b"x" * 15) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
        b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx",
    ],
    ids=["closing", "with stray bytes", "not complete"],
)
def test_a_connection_that_is_not_reusable_takes_no_other_request(data: bytes) -> None:
    """Else the stray bytes of one answer would be taken for the answer to the next request."""
    connection = ClientConnection()
    connection.start(request_of())
    connection.receive(data)
    with pytest.raises(RuntimeError, match="cannot take another request"):
        connection.start(request_of())


def test_a_request_that_says_close_ends_the_connection() -> None:
    connection = ClientConnection()
    connection.start(request_of(headers={"Connection": "close"}))
    assert connection.receive(b"HTTP/1.1 204 No\r\n\r\n") is not None
    assert not connection.reusable


def test_an_answer_is_taken_before_the_body_is_through() -> None:
    """The machine does not know how far the driver came; who stopped sending does not use the connection again."""
    connection = ClientConnection()
    segments = connection.start(request_of("PUT", "/part", body=FileSlice("f", 0, 10**9)))
    assert len(segments) == 2
    response = connection.receive(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert response is not None
    assert response.status == 403
    assert not connection.reusable


def test_bytes_after_the_end_are_a_protocol_error() -> None:
    connection = ClientConnection()
    connection.start(request_of())
    assert connection.receive(b"HTTP/1.1 200 OK\r\n\r\nx") is None
    assert connection.receive(END) is not None
    with pytest.raises(PixelProtocolError):
        connection.receive(b"more")


def test_an_end_says_whether_the_answer_had_begun_and_to_what_without_the_query() -> None:
    for data, words in ((b"", "before any answer"), (b"HTTP/1.1 2", "in the middle of the answer")):
        connection = ClientConnection()
        connection.start(request_of("GET", "/a?sig=5ec2e7"))
        if data:
            connection.receive(data)
        with pytest.raises(PixelConnectionError, match=f"closed {words} to GET http://pixel.example/a$") as caught:
            connection.receive(END)
        assert caught.value.sent


def test_an_error_shows_no_more_than_the_beginning_of_nonsense() -> None:
    connection = ClientConnection()
    connection.start(request_of("GET", "/a?sig=5ec2e7"))
    with pytest.raises(
        PixelProtocolError, match=r"The answer to GET http://pixel\.example/a is not HTTP/1\.1"
    ) as caught:
        connection.receive(b"x" * 10_000 + b"\r\n\r\n")
    assert len(str(caught.value)) < 400


def test_its_repr_shows_the_states_of_both_sides() -> None:
    connection = ClientConnection()
    assert repr(connection) == "<ClientConnection IDLE/IDLE>"
    connection.start(request_of())
    assert repr(connection) == "<ClientConnection DONE/SEND_RESPONSE>"


# Any bytes at all.

_WORDS = st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.0 200\n", b"HTTP/1.1 204 N\r\n\r\n",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"A: " + b"a" * 60,
    b"3\r\nabc\r\n", b"0\r\n\r\n", b"0\r\n", b"f;" + b"e" * 95, b"x" * 19, b"f" * 20,
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b": ",
])  # fmt: skip
answers = st.one_of(
    st.binary(max_size=150), st.lists(st.one_of(_WORDS, st.binary(max_size=3)), max_size=12).map(b"".join)
)
methods = st.sampled_from(["GET", "HEAD", "POST"])


@given(st.data(), answers, methods, st.booleans(), st.sampled_from([SMALL, Limits()]))
def test_any_bytes_in_any_cuts_give_one_outcome_a_response_or_a_documented_error(
    data: st.DataObject, answer: bytes, method: str, closes: bool, limits: Limits
) -> None:
    end = [END] if closes else []
    whole = outcome_of([answer, *end] if answer else end, method, limits)
    assert outcome_of([*byte_by_byte(answer), *end], method, limits) == whole
    assert outcome_of([*data.draw(cuts(answer)), *end], method, limits) == whole
    if closes:
        assert whole is not None
    if not isinstance(whole, tuple):
        assert whole in (None, PixelProtocolError, PixelConnectionError)


@st.composite
def server_answers(draw: st.DrawFn) -> tuple[list[int], int, list[tuple[bytes, bytes]], bytes, bool]:
    """Interim statuses, status, headers, body, and whether the body is chunked."""
    names = st.from_regex(rb"\AX-[A-Za-z0-9-]{1,10}\Z")
    values = st.from_regex(rb"\A([!-~]([ -~]{0,20}[!-~])?)?\Z")
    return (
        draw(st.lists(st.sampled_from([100, 102, 103]), max_size=3)),
        draw(st.integers(200, 599)),
        draw(st.lists(st.tuples(names, values), max_size=5)),
        draw(st.binary(max_size=300)),
        draw(st.booleans()),
    )


@given(st.data(), st.lists(st.tuples(methods, server_answers()), min_size=1, max_size=4))
def test_a_client_wired_to_a_server_hears_what_the_server_says(
    data: st.DataObject, exchanges: list[tuple[str, tuple[list[int], int, list[tuple[bytes, bytes]], bytes, bool]]]
) -> None:
    """Two machines wired to each other: h11's server, and ours; one exchange after another."""
    client, server = ClientConnection(), h11.Connection(h11.SERVER)
    for number, (method, (interim, status, headers, body, chunked)) in enumerate(exchanges):
        if number:
            server.start_next_cycle()
        sent = b"" if method != "POST" else b"{}"
        server.receive_data(joined(client.start(request_of(method, f"/{number}", body=sent))))
        received = b""
        while not isinstance(event := server.next_event(), h11.EndOfMessage):
            assert isinstance(event, (h11.Request, h11.Data))
            received += event.data if isinstance(event, h11.Data) else b""
        assert received == sent
        if method == "HEAD" or status in (204, 304):
            body = b""
        framing = [] if chunked else [(b"Content-Length", b"%d" % len(body))]
        answer = b"".join(
            server.send(h11.InformationalResponse(status_code=early, headers=[])) for early in interim
        ) + server.send(h11.Response(status_code=status, headers=[*headers, *framing]))
        if body:
            answer += server.send(h11.Data(data=body))
        answer += server.send(h11.EndOfMessage())
        chunks = data.draw(cuts(answer))
        assert [client.receive(piece) for piece in chunks[:-1]] == [None] * (len(chunks) - 1)
        response = client.receive(chunks[-1])
        assert isinstance(response, Response)
        assert (response.status, response.body) == (status, body)
        told = [(name.lower().encode(), value.encode()) for name, value in response.headers]
        assert told[: len(headers)] == [(name.lower(), value) for name, value in headers]
        assert client.reusable


# Compressed answers

TEXT = b'{"name": "a fjord"}' * 300
RAW_DEFLATE = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "x-gzip": gzip.compress(TEXT[:5], mtime=0) + gzip.compress(TEXT[5:], mtime=0),
    "deflate": zlib.compress(TEXT),
    "Deflate": RAW_DEFLATE.compress(TEXT) + RAW_DEFLATE.flush(),
}


def packed(coding: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def unpacked(data: bytes, chunks: Iterable[bytes] | None = None, limits: Limits = Limits(), asked: bool = True) -> Any:
    connection = ClientConnection(limits)
    connection.start(request_of(headers={"Accept-Encoding": "gzip, deflate"} if asked else ()))
    for piece in [data] if chunks is None else chunks:
        response = connection.receive(piece)
        if response is not None:
            return response.body
    return None


@pytest.mark.parametrize("coding", PACKED)
def test_a_compressed_answer_is_unpacked_however_it_is_cut(coding: str) -> None:
    data = packed(coding, PACKED[coding])
    assert unpacked(data) == TEXT
    assert unpacked(data, byte_by_byte(data)) == TEXT


def test_a_compressed_answer_that_nobody_asked_for_is_left_as_it_is() -> None:
    assert unpacked(packed("gzip", PACKED["gzip"]), asked=False) == PACKED["gzip"]


@pytest.mark.parametrize("coding", ["br", "gzip, deflate", "identity", ""])
def test_another_coding_is_left_as_it_is(coding: str) -> None:
    assert unpacked(packed(coding, b"as it is")) == b"as it is"


def test_an_empty_answer_may_call_itself_compressed() -> None:
    assert unpacked(packed("gzip", b"")) == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_an_error_and_is_never_unpacked_beyond_the_limit(coding: str) -> None:
    zeros = bytes(64 * 1024 * 1024)
    bomb = gzip.compress(zeros) if coding == "gzip" else zlib.compress(zeros)
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(PixelProtocolError, match="larger than the limit of 1000000 bytes"):
            unpacked(packed(coding, bomb), limits=Limits(body=1_000_000))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("body", [b"not packed at all", PACKED["gzip"][:50] + b"\xff" * 50], ids=["text", "damaged"])
def test_what_is_not_compressed_as_it_says_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(PixelProtocolError, match="compressed"):
        unpacked(packed("gzip", body))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_answer_that_is_cut_short_is_a_protocol_error(coding: str) -> None:
    with pytest.raises(PixelProtocolError, match="cut short"):
        unpacked(packed(coding, PACKED[coding][:-9]))


@given(st.sampled_from(["gzip", "deflate"]), st.binary(max_size=200), st.data())
def test_any_bytes_in_a_compressed_body_give_an_answer_or_a_protocol_error(
    coding: str, body: bytes, data: st.DataObject
) -> None:
    whole = packed(coding, body)
    outcomes = []
    for chunks in ([whole], data.draw(cuts(whole))):
        try:
            outcomes.append(unpacked(whole, chunks))
        except PixelProtocolError as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_answer_that_becomes_nothing_has_a_limit_too(coding: str) -> None:
    empty_blocks = zlib.compress(b"")[:2] + b"\x00\x00\x00\xff\xff" * 2000
    body = empty_blocks if coding == "deflate" else gzip.compress(b"") * 500
    with pytest.raises(PixelProtocolError, match="larger than the limit"):
        unpacked(packed(coding, body), limits=Limits(body=1000))


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (b"", "illegal status line"),
        (b"HTTP/1.1 200 OK\r\n", "illegal header line"),
        (CHUNKED, "illegal chunk header"),
        (CHUNKED + b"1\r\nx", "malformed chunk footer"),
    ],
)
def test_a_peer_that_sends_the_request_back_makes_no_error_that_shows_its_secrets(start: bytes, why: str) -> None:
    """A port that echoes is no server, but what it says must not get into a log."""
    connection = ClientConnection()
    request = request_of("POST", "/a?X-Amz-Signature=s3cr3t", {"Authorization": "Bearer s3cr3t"}, b"password=s3cr3t")
    sent = joined(connection.start(request))
    with pytest.raises(PixelProtocolError) as caught:
        connection.receive(start + sent)
    assert str(caught.value) == f"The answer to POST http://pixel.example/a is not HTTP/1.1: {why}"
