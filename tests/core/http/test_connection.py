"""The client side of one HTTP/1.1 connection: tables of received bytes, in any cuts. Any bytes are in `fuzz.py`."""

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
from pixel_core.messages import Body, Headers, Origin, Request, Response
from tests.support.scripted import joined

ORIGIN = Origin("http", "pixel.example", 80)
END = b""
SMALL = Limits(head=100, body=20)

Expected: TypeAlias = tuple[int, bytes, bool] | type[PixelError] | None
"""Status, body and whether the connection is reusable; the type of the error; None for no outcome yet."""

Outcome: TypeAlias = tuple[int, bytes, bool, list[tuple[str, str]]] | type[PixelError] | None
"""The same with the headers."""


def request_of(method: str = "GET", target: str = "/", headers: Any = (), body: Body = b"") -> Request:
    return Request(method, ORIGIN, target, Headers(headers), body)


def started(request: Request | None = None, limits: Limits = Limits()) -> ClientConnection:
    """A connection that has sent a request."""
    connection = ClientConnection(limits)
    connection.start(request or request_of())
    return connection


def outcome_of(chunks: Iterable[bytes], method: str = "GET", limits: Limits = Limits()) -> Outcome:
    """The first outcome of receiving these pieces of a response."""
    connection = started(request_of(method), limits)
    chunks = iter(chunks)
    try:
        for piece in chunks:
            response = connection.receive(piece)
            if response is not None:
                clean = connection.reusable and not any(True for _ in chunks)
                return response.status, response.body, clean, list(response.headers)
    except PixelError as error:
        assert not connection.reusable
        return type(error)
    return None


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Cut bytes into pieces, none of them empty."""
    marks = {0, len(data)}
    if len(data) > 1:
        marks.update(draw(st.lists(st.integers(1, len(data) - 1), max_size=8)))
    return [data[start:end] for start, end in pairwise(sorted(marks))]


OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Length: "
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 C\r\n\r\n"
BROKEN, INVALID = PixelConnectionError, PixelProtocolError

# Name, method, received bytes, whether the peer then closes, the outcome without headers.
TABLE: list[tuple[str, str, bytes, bool, Expected]] = [
    ("a body by length", "GET", SIZED + b"5\r\n\r\nhello", False, (200, b"hello", True)),
    ("no reason phrase", "GET", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", False, (200, b"", True)),
    ("a folded header", "GET", SIZED + b"0\r\nA: a\r\n b\r\n\r\n", False, (200, b"", True)),
    ("chunks", "GET", CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", False, (200, b"abcde", True)),
    ("chunks with extensions", "GET", CHUNKED + b'1;x;z="1"\r\nx\r\n0;q\r\n\r\n', False, (200, b"x", True)),
    ("chunks with trailers", "GET", CHUNKED + b"1\r\nx\r\n0\r\nDigest: 1\r\nA: b\r\n\r\n", False, (200, b"x", True)),
    (
        "chunks beat a length, and end the connection",
        "GET",
        SIZED + b"9\r\n" + CHUNKED.removeprefix(OK) + b"0\r\n\r\n",
        False,
        (200, b"", False),
    ),
    ("a body until the end", "GET", OK + b"\r\nhello", True, (200, b"hello", False)),
    ("a body until an end that has not come", "GET", OK + b"\r\nhello", False, None),
    ("HTTP/1.0", "GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False, (200, b"ok", False)),
    *(
        (f"HTTP/{version}", "GET", b"HTTP/%b 200 OK\r\nContent-Length: 0\r\n\r\n" % version.encode(), False, INVALID)
        for version in ("0.9", "2.0", "9.9")
    ),
    ("an interim HTTP/2.0", "GET", CONTINUE.replace(b"1.1", b"2.0") + NO_CONTENT, False, INVALID),
    ("connection: close", "GET", SIZED + b"2\r\nConnection: close\r\n\r\nok", False, (200, b"ok", False)),
    ("the answer to HEAD", "HEAD", SIZED + b"500\r\n\r\n", False, (200, b"", True)),
    ("the answer to HEAD, chunked", "HEAD", CHUNKED, False, (200, b"", True)),
    ("204", "DELETE", NO_CONTENT, False, (204, b"", True)),
    ("304", "GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", False, (304, b"", True)),
    ("100 before", "PUT", CONTINUE + SIZED + b"1\r\n\r\nx", False, (200, b"x", True)),
    ("103 before", "GET", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + NO_CONTENT, False, (204, b"", True)),
    ("several 1xx before", "GET", CONTINUE * 3 + b"HTTP/1.1 103 E\r\n\r\n" + NO_CONTENT, False, (204, b"", True)),
    ("1xx alone", "GET", CONTINUE, False, None),
    ("1xx and the end", "GET", CONTINUE, True, BROKEN),
    ("101, which was not asked for", "GET", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", False, INVALID),
    ("an error status", "GET", b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}", False, (500, b"{}", True)),
    ("407, which only a proxy means", "GET", b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", False, (407, b"", True)),
    ("a body by length, cut short", "GET", SIZED + b"5\r\n\r\nhell", True, BROKEN),
    ("chunks, cut short in a chunk", "GET", CHUNKED + b"5\r\nhel", True, BROKEN),
    ("chunks, cut short before the last line", "GET", CHUNKED + b"0\r\n", True, BROKEN),
    ("a head cut short", "GET", OK + b"Content-", True, BROKEN),
    ("an end before anything", "GET", b"", True, BROKEN),
    ("nothing yet", "GET", b"", False, None),
    ("garbage", "GET", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", False, INVALID),
    ("a TLS record", "GET", b"\x15\x03\x01\x00\x02\x02\x46", False, INVALID),
    ("a header without a colon", "GET", OK + b"nonsense\r\n\r\n", False, INVALID),
    ("a space before the colon", "GET", OK + b"A : b\r\n\r\n", False, INVALID),
    ("two lengths", "GET", SIZED + b"1\r\nContent-Length: 2\r\n\r\nxy", False, INVALID),
    ("a length below 0", "GET", SIZED + b"-1\r\n\r\n", False, INVALID),
    ("an unknown transfer coding", "GET", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", False, INVALID),
    ("a chunk size that is none", "GET", CHUNKED + b"xyz\r\n", False, INVALID),
    ("a chunk longer than it says", "GET", CHUNKED + b"1\r\nabc\r\n0\r\n\r\n", False, INVALID),
    ("stray bytes behind", "GET", NO_CONTENT + OK + b"\r\n", False, (204, b"", False)),
    ("one stray byte behind", "GET", SIZED + b"1\r\n\r\nxy", False, (200, b"x", False)),
    ("an end behind", "GET", SIZED + b"1\r\n\r\nx", True, (200, b"x", False)),
]

HEAD_OF_100 = SIZED + b"0\r\nA: " + b"a" * 57 + b"\r\n\r\n"
LINE_OF_100 = b"1;" + b"e" * 96 + b"\r\n"
TRAILERS_OF_100 = b"A: " + b"a" * 93 + b"\r\n\r\n"
TENS = CHUNKED + b"a\r\n0123456789\r\n" * 2
LONG_LINES = (b"1;" + b"e" * 90 + b"\r\nx\r\n") * 10
ONE = CHUNKED + b"1\r\nx\r\n0\r\n"

# Name, received bytes, whether the peer then closes, the outcome.
LIMITS: list[tuple[str, bytes, bool, Expected]] = [
    ("a head at the limit", HEAD_OF_100, False, (200, b"", True)),
    ("a head at the limit, and a stray byte", HEAD_OF_100 + b"x", False, (200, b"", False)),
    ("a head one byte above", HEAD_OF_100.replace(b"A:", b"AB:"), False, INVALID),
    ("a head without an end", OK + b"A: " + b"a" * 1000, False, INVALID),
    ("a status line without an end", b"HTTP/1.1 200 " + b"a" * 1000, False, INVALID),
    ("the limit reached, and the end", OK + b"A: " + b"a" * 80, True, BROKEN),
    ("the limit reached, and no more", OK + b"A: " + b"a" * 80, False, None),
    ("interim answers at the limit", CONTINUE * 4 + NO_CONTENT.replace(b"No", b"n" * 11), False, (204, b"", True)),
    ("interim answers above", CONTINUE * 4 + NO_CONTENT.replace(b"No", b"n" * 12), False, INVALID),
    ("endless interim answers", CONTINUE * 100, False, INVALID),
    ("a body at the limit", SIZED + b"20\r\n\r\n" + b"x" * 20, False, (200, b"x" * 20, True)),
    ("a body one byte above", SIZED + b"21\r\n\r\n" + b"x" * 21, False, INVALID),
    ("a body that says it is above, until it is", SIZED + b"21\r\n\r\n" + b"x" * 20, False, None),
    ("chunks at the limit", TENS + b"0\r\n\r\n", False, (200, b"0123456789" * 2, True)),
    ("chunks above", TENS + b"1\r\nx\r\n0\r\n\r\n", False, INVALID),
    ("a body until the end, above", OK + b"\r\n" + b"x" * 21, True, INVALID),
    ("a chunk's line at the limit", CHUNKED + LINE_OF_100 + b"x\r\n0\r\n\r\n", False, (200, b"x", True)),
    ("a chunk's line one byte above", CHUNKED + LINE_OF_100.replace(b";", b";;") + b"x\r\n0\r\n\r\n", False, INVALID),
    ("a chunk's line without an end", CHUNKED + b"1;" + b"e" * 1000, False, INVALID),
    ("trailers at the limit", ONE + TRAILERS_OF_100, False, (200, b"x", True)),
    ("trailers one byte above", ONE + b"B" + TRAILERS_OF_100, False, INVALID),
    ("endless trailers", CHUNKED + b"0\r\n" + b"A: b\r\n" * 200, False, INVALID),
    ("long lines, each below the limit", CHUNKED + LONG_LINES + b"0\r\n\r\n", False, (200, b"x" * 10, True)),
]
ROWS = [pytest.param(*row, Limits(), id=name) for name, *row in TABLE]
ROWS += [pytest.param("GET", *row, SMALL, id=name) for name, *row in LIMITS]


@pytest.mark.parametrize(("method", "data", "closes", "expected", "limits"), ROWS)
def test_received_bytes_have_this_outcome_in_any_cuts(
    method: str, data: bytes, closes: bool, expected: Expected, limits: Limits
) -> None:
    """The small limits hold to the byte."""
    end = [END] if closes else []

    def check(chunks: list[bytes]) -> None:
        outcome = outcome_of([*chunks, *end], method, limits)
        assert (outcome[:3] if isinstance(outcome, tuple) else outcome) == expected

    @settings(max_examples=20)
    @given(cuts(data))
    def in_random_cuts(chunks: list[bytes]) -> None:
        check(chunks)

    check([data] if data else [])
    check(byte_by_byte(data))
    in_random_cuts()


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        (OK + b"A: " + b"a" * 1000, "has more than 200 bytes of headers"),
        (CHUNKED + b"1;" + b"e" * 1000, "has more than 200 bytes in one line, or in the trailers, of its body"),
        (OK + b"\r\n" + b"x" * 21, "is larger than the limit of 20 bytes"),
        (b"", "is not HTTP/1.1: illegal status line"),
        (OK, "is not HTTP/1.1: illegal header line"),
        (CHUNKED, "is not HTTP/1.1: illegal chunk header"),
        (CHUNKED + b"1\r\nx", "is not HTTP/1.1: malformed chunk footer"),
    ],
)
def test_the_error_for_an_invalid_response_names_its_request_and_shows_no_secret(start: bytes, problem: str) -> None:
    """The peer sends the request back."""
    connection = ClientConnection(Limits(head=200, body=20))
    request = request_of("POST", "/a?sig=s3cr3t", {"Authorization": "Bearer s3cr3t"}, b"password=s3cr3t")
    sent = joined(connection.start(request))
    with pytest.raises(PixelProtocolError) as caught:
        connection.receive(start + sent)
    assert str(caught.value) == f"The answer to POST http://pixel.example/a {problem}"


def test_header_values_are_decoded_in_order() -> None:
    data = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag:  "1" \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX: \xe9\r\n\r\n'
    outcome = outcome_of([data])
    assert isinstance(outcome, tuple)
    assert outcome[3][1:] == [("etag", '"1"'), ("set-cookie", "a"), ("set-cookie", "b"), ("x", "é")]


def test_each_exchange_has_the_whole_of_the_limits() -> None:
    connection = ClientConnection(SMALL)
    for _ in range(20):
        connection.start(request_of())
        assert connection.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b"x" * 15) is not None


@pytest.mark.parametrize(
    "data",
    [
        SIZED + b"1\r\nConnection: close\r\n\r\nx",
        NO_CONTENT + SIZED + b"0\r\n\r\n",
        SIZED + b"2\r\n\r\nx",
    ],
    ids=["closing", "with stray bytes", "not complete"],
)
def test_a_connection_that_is_not_reusable_takes_no_other_request(data: bytes) -> None:
    """Otherwise stray bytes would become the response to the next request."""
    connection = started()
    connection.receive(data)
    with pytest.raises(RuntimeError, match="cannot take another request"):
        connection.start(request_of())


def test_bytes_after_the_end_are_a_protocol_error() -> None:
    connection = started()
    assert connection.receive(b"HTTP/1.1 200 OK\r\n\r\nx") is None
    assert connection.receive(END) is not None
    with pytest.raises(PixelProtocolError):
        connection.receive(b"more")


def test_the_repr_shows_the_states_of_both_sides() -> None:
    assert repr(ClientConnection()) == "<ClientConnection IDLE/IDLE>"
    assert repr(started()) == "<ClientConnection DONE/SEND_RESPONSE>"


HEADERS = st.tuples(st.from_regex(rb"\AX-[A-Za-z0-9-]{1,10}\Z"), st.from_regex(rb"\A([!-~]([ -~]{0,20}[!-~])?)?\Z"))
EXCHANGES = st.tuples(
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.lists(st.sampled_from([100, 102, 103]), max_size=3),
    st.integers(200, 599),
    st.lists(HEADERS, max_size=5),
    st.binary(max_size=300),
    st.booleans(),
)


@given(st.data(), st.lists(EXCHANGES, min_size=1, max_size=4))
def test_a_client_wired_to_an_h11_server_receives_its_responses(
    data: st.DataObject, exchanges: list[tuple[str, list[int], int, list[tuple[bytes, bytes]], bytes, bool]]
) -> None:
    client, server = ClientConnection(), h11.Connection(h11.SERVER)
    for number, (method, interim, status, headers, body, chunked) in enumerate(exchanges):
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
        events: list[Any] = [h11.InformationalResponse(status_code=early, headers=[]) for early in interim]
        events += [h11.Response(status_code=status, headers=[*headers, *framing])]
        events += [h11.Data(data=body), h11.EndOfMessage()] if body else [h11.EndOfMessage()]
        answer = b"".join(server.send(event) for event in events)
        chunks = data.draw(cuts(answer))
        assert [client.receive(piece) for piece in chunks[:-1]] == [None] * (len(chunks) - 1)
        response = client.receive(chunks[-1])
        assert isinstance(response, Response)
        assert (response.status, response.body) == (status, body)
        fields = [(name.lower().encode(), value.encode()) for name, value in response.headers]
        assert fields[: len(headers)] == [(name.lower(), value) for name, value in headers]
        assert client.reusable


def test_a_body_in_very_many_short_chunks_is_refused_early() -> None:
    connection = started()
    connection.receive(CHUNKED)
    with pytest.raises(PixelProtocolError, match="more than 50000 short chunks"):
        connection.receive(b"1\r\nx\r\n" * 50_001)


def test_a_body_in_many_chunks_of_a_usual_length_is_read() -> None:
    response = outcome_of([CHUNKED + b"40\r\n%b\r\n" % (b"x" * 64) * 50_100 + b"0\r\n\r\n"])
    assert isinstance(response, tuple)
    assert len(response[1]) == 64 * 50_100
