"""The flow of one exchange: its effects, its failures, and how it gives its connection back."""

import ssl
from typing import Any

import pytest

from pixel_core.effects import Clock
from pixel_core.errors import PixelConnectionError, PixelFileChangedError, PixelProtocolError, PixelTimeoutError
from pixel_core.http.connection import ClientConnection
from pixel_core.http.effects import Read, Write
from pixel_core.messages import Body, FileSlice, Headers, Origin, Request, Response, Timeouts
from tests.support.scripted import FakeLease, LeaseConnection, Played, exchange, joined, play, play_until

ORIGIN = Origin("https", "pixel.example", 443)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<Code>"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
WRITTEN, CUT_OFF, END = True, False, b""
LARGE = FileSlice("photo.jpg", 0, 10**9)
RESET = ConnectionResetError(104, "Connection reset by peer")


def request_of(method: str = "GET", body: Body = b"", total: float | None = None) -> Request:
    return Request(method, ORIGIN, "/a?X-Amz-Signature=5ec2e7", Headers(), body, Timeouts(1, 2, 3, 4, total))


def lease_of(used: bool) -> FakeLease:
    """A lease of a connection that has served an exchange before, or has not."""
    http = ClientConnection()
    if used:
        http.start(request_of())
        assert http.receive(OK) is not None
    return FakeLease(used=used, http=http)


def failed(played: Played[Response]) -> PixelConnectionError:
    assert isinstance(played.error, PixelConnectionError)
    return played.error


def test_effects_have_the_stream_the_origin_and_the_time_limits() -> None:
    lease = FakeLease(stream="this one")
    played = play(exchange(request_of("PUT", LARGE)), lease, WRITTEN, OK[:20], OK[20:])
    assert (played.result.status, played.result.body) == (200, b"ok")
    assert played.kinds == [LeaseConnection, Write, Read, Read]
    leasing, writing, reading, _ = played.effects
    assert isinstance(leasing, LeaseConnection)
    assert (leasing.origin, leasing.timeouts) == (ORIGIN, Timeouts(1, 2, 3, 4))
    assert isinstance(writing, Write)
    assert (writing.stream, writing.timeout, writing.segments[1]) == ("this one", 3, LARGE)
    assert joined(writing.segments[:1]).startswith(b"PUT /a?X-Amz-Signature=5ec2e7 HTTP/1.1\r\nHost: pixel.example\r\n")
    assert reading == Read("this one", 2)
    assert lease.released == [True]


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize(
    ("script", "body", "reusable"),
    [
        pytest.param([WRITTEN, OK], b"ok", True, id="complete"),
        pytest.param([WRITTEN, OK.replace(b"OK", b"OK\r\nConnection: close")], b"ok", False, id="Connection: close"),
        pytest.param([WRITTEN, OK.replace(b"1.1", b"1.0")], b"ok", False, id="HTTP/1.0"),
        pytest.param([WRITTEN, OK + b"x"], b"ok", False, id="a stray byte"),
        pytest.param([WRITTEN, b"HTTP/1.1 200 OK\r\n\r\na", b"b", END], b"ab", False, id="up to the end"),
        pytest.param([CUT_OFF, FORBIDDEN], b"<Code>", False, id="before the request is sent"),
        pytest.param([CUT_OFF, FORBIDDEN[:10], FORBIDDEN[10:]], b"<Code>", False, id="before the peer closed"),
    ],
)
def test_a_response_is_returned_and_the_connection_kept_if_it_can_serve_again(
    script: list[Any], body: bytes, reusable: bool, used: bool
) -> None:
    lease = lease_of(used)
    assert play(exchange(request_of("PUT", LARGE)), lease, *script).result.body == body
    assert lease.released == [reusable]


@pytest.mark.parametrize("cuts", [[EARLY_HINTS], [EARLY_HINTS[:9], EARLY_HINTS[9:]], [EARLY_HINTS * 3]])
def test_sending_goes_on_after_an_interim_response(cuts: list[bytes]) -> None:
    lease = FakeLease()
    played = play(exchange(request_of("PUT", LARGE)), lease, CUT_OFF, *cuts, WRITTEN, OK)
    assert played.result.status == 200
    assert played.kinds == [LeaseConnection, Write, *[Read] * len(cuts), Write, Read]
    assert played.effects[-2] == Write(lease.stream, (), 3)
    assert lease.released == [True]


CLOSED: dict[str, list[Any]] = {
    "end while writing": [CUT_OFF, END],
    "end": [WRITTEN, END],
    "reset while reading": [WRITTEN, RESET],
    "reset while writing": [CUT_OFF, RESET],
    "broken pipe": [BrokenPipeError(32, "Broken pipe")],
}
LATER = [[WRITTEN, OK[:1], END], [WRITTEN, OK[:-1], RESET], [TimeoutError("nothing sent")]]
"""After a byte of a response, or a time limit."""


@pytest.mark.parametrize("closed", CLOSED.values(), ids=CLOSED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_safe_request_on_a_kept_connection_that_was_closed_is_repeated(method: str, closed: list[Any]) -> None:
    leases = [lease_of(True), lease_of(True), FakeLease()]
    response = OK if method != "HEAD" else OK[:-2]
    played = play(exchange(request_of(method)), leases[0], *closed, leases[1], *closed, leases[2], WRITTEN, response)
    assert played.result.status == 200
    assert [lease.released for lease in leases] == [[False], [False], [True]]


@pytest.mark.parametrize(
    ("method", "used", "failures"),
    [
        *((method, True, [*CLOSED.values(), *LATER]) for method in ("POST", "PUT", "PATCH", "DELETE")),
        *((method, False, [*CLOSED.values(), *LATER]) for method in ("GET", "POST")),
        ("GET", True, LATER),
    ],
)
def test_another_request_or_one_on_a_new_connection_or_after_a_byte_of_a_response_is_not_repeated(
    method: str, used: bool, failures: list[list[Any]]
) -> None:
    for failure in failures:
        lease = lease_of(used)
        assert failed(play(exchange(request_of(method)), lease, *failure)).sent
        assert lease.released == [False]


GET = "GET https://pixel.example/a"
CONNECTING = f"{GET}: could not connect to https://pixel.example: "
CLOSED_EARLY = "The connection was closed {} answer to " + GET
BROKEN, LATE = PixelConnectionError, PixelTimeoutError


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ([FakeLease(), WRITTEN, END], BROKEN, CLOSED_EARLY.format("before any")),
        ([FakeLease(), WRITTEN, b"H", END], BROKEN, CLOSED_EARLY.format("in the middle of the")),
        ([FakeLease(), WRITTEN, RESET], BROKEN, f"{GET}: the connection broke: Connection reset by peer"),
        ([FakeLease(), TimeoutError("late")], LATE, f"{GET}: it took too long: late"),
        ([FakeLease(), WRITTEN, TimeoutError("late")], LATE, f"{GET}: it took too long: late"),
        ([ConnectionRefusedError(111, "refused")], BROKEN, f"{CONNECTING}refused"),
        ([OSError("all attempts failed")], BROKEN, f"{CONNECTING}all attempts failed"),
        ([OSError()], BROKEN, f"{CONNECTING}OSError"),
        ([ssl.SSLCertVerificationError(1, "verify failed")], BROKEN, f"{CONNECTING}verify failed"),
        ([TimeoutError("no connection")], LATE, f"{CONNECTING}no connection"),
    ],
)
def test_a_failure_has_the_request_without_its_query_and_the_reason(
    script: list[Any], kind: type[PixelConnectionError], message: str
) -> None:
    error = failed(play(exchange(request_of()), *script))
    assert (type(error), str(error), error.sent) == (kind, message, len(script) > 1)
    assert error.__cause__ is (script[-1] or None)


@pytest.mark.parametrize(
    "error",
    [
        PixelTimeoutError("the pool is busy"),
        PixelConnectionError("the tunnel broke", sent=True),
        PixelFileChangedError("photo.jpg became shorter"),
        KeyboardInterrupt(),
    ],
)
def test_other_errors_pass_unchanged_at_each_effect_and_the_connection_is_not_kept(error: BaseException) -> None:
    for script in ([], [WRITTEN], [WRITTEN, OK[:10]]):
        lease = FakeLease()
        assert play(exchange(request_of()), lease, *script, error).error is error
        assert lease.released == [False]
    assert play(exchange(request_of()), error).error is error


@pytest.mark.parametrize(
    ("request_", "script", "kind", "effects"),
    [
        (request_of(), [WRITTEN, b"nonsense\r\n\r\n"], PixelProtocolError, [LeaseConnection, Write, Read]),
        (Request("GET", ORIGIN, "/a b"), [], ValueError, [LeaseConnection]),
    ],
    ids=["not HTTP", "a request that cannot be sent"],
)
def test_what_is_no_http_ends_the_exchange_also_on_a_kept_connection(
    request_: Request, script: list[Any], kind: type[Exception], effects: list[Any]
) -> None:
    lease = lease_of(True)
    played = play(exchange(request_), lease, *script)
    assert isinstance(played.error, kind)
    assert played.kinds == effects
    assert lease.released == [False]


@pytest.mark.parametrize("script", [[], [WRITTEN], [WRITTEN, OK[:10]]], ids=["writing", "reading", "half read"])
def test_a_flow_that_is_closed_gives_the_connection_back_by_a_plain_call(script: list[Any]) -> None:
    """A generator that yields while it is closed is a RuntimeError."""
    lease, flow = lease_of(True), exchange(request_of())
    play_until(flow, lease, *script)
    flow.close()
    assert lease.released == [False]


def test_the_rest_of_the_total_limits_each_step() -> None:
    played = play(exchange(request_of(total=3.5)), 100.0, 100.0, FakeLease(), 101.0, WRITTEN, 102.0, OK, 102.0)
    leasing, writing, reading = (each for each in played.effects if not isinstance(each, Clock))
    assert isinstance(leasing, LeaseConnection)
    assert leasing.timeouts == Timeouts(1, 2, 3, 3.5, 3.5)
    assert isinstance(writing, Write)
    assert (writing.timeout, writing.total) == (2.5, 2.5)
    assert isinstance(reading, Read)
    assert reading.timeout == 1.5
    assert played.result.status == 200


def test_a_peer_that_sends_a_byte_a_second_cannot_hold_an_exchange_past_its_total() -> None:
    lease = FakeLease()
    script: list[Any] = [0.0, 0.0, lease, 0.0, WRITTEN]
    for second in range(10):
        script += [float(second), OK[second : second + 1]]
    error = failed(play(exchange(request_of(total=10.0)), *script, 10.0, 10.0))
    assert isinstance(error, PixelTimeoutError)
    assert "total limit of 10 seconds" in str(error)
    assert lease.released == [False]


def test_no_connection_is_leased_when_no_time_is_left() -> None:
    script: list[Any] = [0.0, 0.0, lease_of(True), 0.0, WRITTEN, 9.0, ConnectionResetError(), 10.5, 10.5]
    error = failed(play(exchange(request_of(total=10.0)), *script))
    assert isinstance(error, PixelTimeoutError)
    assert not error.sent
