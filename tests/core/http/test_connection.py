"""The client side of one HTTP/1.1 connection: tables of received bytes, in any cuts; and any bytes at all."""

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
from pixel_core.messages import Body, FileSlice, Headers, Origin, Request, Response
from tests.support.scripted import joined

ORIGIN = Origin("http", "pixel.example", 80)
END = b""
SMALL = Limits(head=100, body=20)

Outcome: TypeAlias = tuple[int, bytes, list[tuple[str, str]], bool] | type[PixelError] | None
"""Status, body, headers and whether the connection is reusable; the type of the error; None for no outcome yet."""


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
                return response.status, response.body, list(response.headers), clean
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


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# Name, method, received bytes, whether the peer then closes, status and body or the error, and whether the connection
# is reusable.
TABLE: list[tuple[str, str, bytes, bool, tuple[int, bytes] | type[PixelError] | None, bool]] = [
    ("a body by length", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", False, (200, b"hello"), True),
    ("no reason phrase", "GET", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", False, (200, b""), True),
    ("a folded header", "GET", b"HTTP/1.1 200\r\nA: a\r\n b\r\nContent-Length: 0\r\n\r\n", False, (200, b""), True),
    ("chunks", "GET", CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", False, (200, b"abcde"), True),
    ("chunks with extensions", "GET", CHUNKED + b'A;x=y;z="1"\r\n0123456789\r\n0;q\r\n\r\n', False,
     (200, b"0123456789"), True),
    ("chunks with trailers", "GET", CHUNKED + b"1\r\nx\r\n0\r\nDigest: 1\r\nA: b\r\n\r\n", False, (200, b"x"), True),
    ("chunks beat a length", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"1\r\nx\r\n0\r\n\r\n", False, (200, b"x"), True),
    ("a body until the end", "GET", b"HTTP/1.1 200 OK\r\n\r\nhello", True, (200, b"hello"), False),
    ("a body until an end that has not come", "GET", b"HTTP/1.1 200 OK\r\n\r\nhello", False, None, False),
    ("HTTP/1.0", "GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False, (200, b"ok"), False),
    ("connection: close", "GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", False,
     (200, b"ok"), False),
    ("the answer to HEAD", "HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", False, (200, b""), True),
    ("the answer to HEAD, chunked", "HEAD", CHUNKED, False, (200, b""), True),
    ("204", "DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", False, (204, b""), True),
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
    ("a body by length, cut short", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", True,
     PixelConnectionError, False),
    ("chunks, cut short in a chunk", "GET", CHUNKED + b"5\r\nhel", True, PixelConnectionError, False),
    ("chunks, cut short before the last line", "GET", CHUNKED + b"0\r\n", True, PixelConnectionError, False),
    ("a head cut short", "GET", b"HTTP/1.1 200 OK\r\nContent-", True, PixelConnectionError, False),
    ("an end before anything", "GET", b"", True, PixelConnectionError, False),
    ("nothing yet", "GET", b"", False, None, False),
    ("garbage", "GET", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", False, PixelProtocolError, False),
    ("a TLS record", "GET", b"\x15\x03\x01\x00\x02\x02\x46", False, PixelProtocolError, False),
    ("a header without a colon", "GET", b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", False, PixelProtocolError, False),
    ("a space before the colon", "GET", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", False, PixelProtocolError, False),
    ("two lengths", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", False,
     PixelProtocolError, False),
    ("a length below 0", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", False, PixelProtocolError, False),
    ("an unknown transfer coding", "GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", False,
     PixelProtocolError, False),
    ("a chunk size that is none", "GET", CHUNKED + b"xyz\r\n", False, PixelProtocolError, False),
    ("a chunk longer than it says", "GET", CHUNKED + b"1\r\nabc\r\n0\r\n\r\n", False, PixelProtocolError, False),
    ("stray bytes behind", "GET", b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", False, (204, b""), False),
    ("one stray byte behind", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", False, (200, b"x"), False),
    ("an end behind", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", True, (200, b"x"), False),
]  # fmt: skip

# Limits: 100 bytes of head, 20 of body.
HEAD_OF_100 = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: " + b"a" * 57 + b"\r\n\r\n"
LINE_OF_100 = b"1;" + b"e" * 96 + b"\r\n"
TRAILERS_OF_100 = b"A: " + b"a" * 93 + b"\r\n\r\n"

# Name, received bytes, whether the peer then closes, status or the error.
LIMITS: list[tuple[str, bytes, bool, int | type[PixelError] | None]] = [
    ("a head at the limit", HEAD_OF_100, False, 200),
    ("a head one byte above", HEAD_OF_100.replace(b"A:", b"AB:"), False, PixelProtocolError),
    ("a head without an end", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 1000, False, PixelProtocolError),
    ("a status line without an end", b"HTTP/1.1 200 " + b"a" * 1000, False, PixelProtocolError),
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


def check_in_any_cuts(data: bytes, closes: bool, expected: object, method: str, limits: Limits) -> None:
    """Receive the bytes whole, byte by byte, and in random cuts; `expected` has as many fields as are compared."""
    end = [END] if closes else []

    def check(chunks: list[bytes]) -> None:
        outcome = outcome_of([*chunks, *end], method, limits)
        if isinstance(outcome, tuple):
            status, body, _, reusable = outcome
            assert expected in (status, ((status, body), reusable))
        else:
            assert outcome == expected

    @settings(max_examples=20)
    @given(cuts(data))
    def in_random_cuts(chunks: list[bytes]) -> None:
        check(chunks)

    check([data] if data else [])
    check(byte_by_byte(data))
    in_random_cuts()


@pytest.mark.parametrize(
    ("method", "data", "closes", "expected", "reusable"), [pytest.param(*row[1:], id=row[0]) for row in TABLE]
)
def test_received_bytes_have_this_outcome_in_any_cuts(
    method: str, data: bytes, closes: bool, expected: tuple[int, bytes] | type[PixelError] | None, reusable: bool
) -> None:
    outcome = (expected, reusable) if isinstance(expected, tuple) else expected
    check_in_any_cuts(data, closes, outcome, method, Limits())


@pytest.mark.parametrize(("data", "closes", "expected"), [pytest.param(*row[1:], id=row[0]) for row in LIMITS])
def test_limits_hold_to_the_byte_in_any_cuts(
    data: bytes, closes: bool, expected: int | type[PixelError] | None
) -> None:
    check_in_any_cuts(data, closes, expected, "GET", SMALL)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEAD_OF_100.replace(b"A:", b"AB:"), "has more than 100 bytes of headers"),
        (CHUNKED + b"1;" + b"e" * 1000, "has more than 100 bytes in one line, or in the trailers, of its body"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 21, "is larger than the limit of 20 bytes"),
        (b"x" * 80 + b"\r\n\r\n", "is not HTTP/1.1: illegal status line"),
    ],
)
def test_an_invalid_response_is_an_error_that_names_its_request_without_the_query(data: bytes, message: str) -> None:
    with pytest.raises(PixelProtocolError) as caught:
        started(request_of("GET", "/a?sig=5ec2e7"), SMALL).receive(data)
    assert str(caught.value) == f"The answer to GET http://pixel.example/a {message}"


def test_a_stray_byte_after_a_full_head_is_noticed() -> None:
    connection = started(limits=SMALL)
    assert connection.receive(HEAD_OF_100 + b"x") is not None
    assert not connection.reusable


def test_header_values_are_decoded_in_order() -> None:
    data = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag:  "1" \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX: \xe9\r\n\r\n'
    outcome = outcome_of([data])
    assert isinstance(outcome, tuple)
    assert outcome[2] == [
        ("content-length", "0"),
        ("etag", '"1"'),
        ("set-cookie", "a"),
        ("set-cookie", "b"),
        ("x", "é"),
    ]


# One exchange after another


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
    """Otherwise stray bytes would become the response to the next request."""
    connection = started()
    connection.receive(data)
    with pytest.raises(RuntimeError, match="cannot take another request"):
        connection.start(request_of())


def test_a_response_may_arrive_before_the_body_is_sent() -> None:
    connection = ClientConnection()
    segments = connection.start(request_of("PUT", "/part", body=FileSlice("f", 0, 10**9)))
    assert len(segments) == 2
    response = connection.receive(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert response is not None
    assert response.status == 403
    assert not connection.reusable


def test_bytes_after_the_end_are_a_protocol_error() -> None:
    connection = started()
    assert connection.receive(b"HTTP/1.1 200 OK\r\n\r\nx") is None
    assert connection.receive(END) is not None
    with pytest.raises(PixelProtocolError):
        connection.receive(b"more")


def test_the_error_of_an_early_end_says_whether_a_response_had_begun() -> None:
    for data, words in ((b"", "before any answer"), (b"HTTP/1.1 2", "in the middle of the answer")):
        connection = started(request_of("GET", "/a?sig=5ec2e7"))
        if data:
            connection.receive(data)
        with pytest.raises(PixelConnectionError, match=f"closed {words} to GET http://pixel.example/a$") as caught:
            connection.receive(END)
        assert caught.value.sent


def test_the_repr_shows_the_states_of_both_sides() -> None:
    assert repr(ClientConnection()) == "<ClientConnection IDLE/IDLE>"
    assert repr(started()) == "<ClientConnection DONE/SEND_RESPONSE>"


# Any bytes

_WORDS = st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.0 200\n", b"HTTP/1.1 204 N\r\n\r\n",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"A: " + b"a" * 60,
    b"3\r\nabc\r\n", b"0\r\n\r\n", b"0\r\n", b"f;" + b"e" * 95, b"x" * 19, b"f" * 20,
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b": ",
])  # fmt: skip
received = st.one_of(
    st.binary(max_size=150), st.lists(st.one_of(_WORDS, st.binary(max_size=3)), max_size=12).map(b"".join)
)
methods = st.sampled_from(["GET", "HEAD", "POST"])


@given(st.data(), received, methods, st.booleans(), st.sampled_from([SMALL, Limits()]))
def test_any_bytes_in_any_cuts_are_one_response_or_a_documented_error(
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
def test_a_client_wired_to_an_h11_server_receives_its_responses(
    data: st.DataObject, exchanges: list[tuple[str, tuple[list[int], int, list[tuple[bytes, bytes]], bytes, bool]]]
) -> None:
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
        fields = [(name.lower().encode(), value.encode()) for name, value in response.headers]
        assert fields[: len(headers)] == [(name.lower(), value) for name, value in headers]
        assert client.reusable


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (b"", "illegal status line"),
        (b"HTTP/1.1 200 OK\r\n", "illegal header line"),
        (CHUNKED, "illegal chunk header"),
        (CHUNKED + b"1\r\nx", "malformed chunk footer"),
    ],
)
def test_the_error_for_an_echoed_request_shows_no_secret(start: bytes, why: str) -> None:
    connection = ClientConnection()
    request = request_of("POST", "/a?X-Amz-Signature=s3cr3t", {"Authorization": "Bearer s3cr3t"}, b"password=s3cr3t")
    sent = joined(connection.start(request))
    with pytest.raises(PixelProtocolError) as caught:
        connection.receive(start + sent)
    assert str(caught.value) == f"The answer to POST http://pixel.example/a is not HTTP/1.1: {why}"
