"""The flow of one exchange over leased connections, driven by hand with scripted streams."""

import pickle
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
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<Code>"
WRITTEN, CUT_OFF, END = True, False, b""


def request_of(method: str = "GET", body: Body = b"") -> Request:
    return Request(method, ORIGIN, "/a?X-Amz-Signature=5ec2e7", Headers(), body, Timeouts(1, 2, 3, 4))


def used_lease() -> FakeLease:
    """A lease of a connection that has served an exchange before."""
    http = ClientConnection()
    http.start(request_of())
    assert http.receive(OK) is not None
    return FakeLease(used=True, http=http)


def failed(played: Played[Response]) -> PixelConnectionError:
    assert isinstance(played.error, PixelConnectionError)
    return played.error


def test_an_exchange_leases_writes_reads_and_gives_back() -> None:
    lease = FakeLease()
    played = play(exchange(request_of()), lease, WRITTEN, OK[:20], OK[20:])
    assert (played.result.status, played.result.body) == (200, b"ok")
    assert played.kinds == [LeaseConnection, Write, Read, Read]
    assert lease.released == [True]


def test_effects_carry_the_stream_the_origin_and_the_time_limits() -> None:
    lease = FakeLease(stream="this one")
    leasing, writing, reading = play(exchange(request_of()), lease, WRITTEN, OK).asked
    assert isinstance(leasing, LeaseConnection)
    assert (leasing.origin, leasing.timeouts) == (ORIGIN, Timeouts(1, 2, 3, 4))
    assert isinstance(writing, Write)
    assert [writing.stream, writing.timeout] == ["this one", 3]
    assert joined(writing.segments).startswith(b"GET /a?X-Amz-Signature=5ec2e7 HTTP/1.1\r\nHost: pixel.example\r\n")
    assert isinstance(reading, Read)
    assert [reading.stream, reading.timeout] == ["this one", 2]


def test_a_slice_of_a_file_is_written_as_it_is() -> None:
    part = FileSlice("photo.jpg", 5, 100)
    writing = play(exchange(request_of("PUT", part)), FakeLease(), WRITTEN, OK).asked[1]
    assert isinstance(writing, Write)
    assert writing.segments[1] is part


def test_a_kept_connection_serves_another_exchange() -> None:
    lease = used_lease()
    assert play(exchange(request_of("POST", b"{}")), lease, WRITTEN, OK).result.status == 200
    assert lease.released == [True]


@pytest.mark.parametrize(
    "answer",
    [OK.replace(b"200 OK", b"200 OK\r\nConnection: close"), OK.replace(b"1.1", b"1.0"), OK + b"x"],
    ids=["close", "HTTP/1.0", "a stray byte"],
)
def test_a_connection_that_cannot_serve_again_is_given_back_as_such(answer: bytes) -> None:
    lease = FakeLease()
    assert play(exchange(request_of()), lease, WRITTEN, answer).result.body == b"ok"
    assert lease.released == [False]


def test_a_body_until_the_end_is_read_until_the_end() -> None:
    lease = FakeLease()
    assert play(exchange(request_of()), lease, WRITTEN, b"HTTP/1.1 200 OK\r\n\r\na", b"b", END).result.body == b"ab"
    assert lease.released == [False]


def test_an_answer_that_comes_before_the_request_is_through_is_the_answer() -> None:
    """The peer waits for the rest of the body: the connection is not used again."""
    lease = FakeLease()
    played = play(exchange(request_of("PUT", FileSlice("f", 0, 10**9))), lease, CUT_OFF, REFUSED)
    assert (played.result.status, played.result.body) == (403, b"<Code>")
    assert lease.released == [False]


EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


@pytest.mark.parametrize("cuts", [[EARLY_HINTS], [EARLY_HINTS[:9], EARLY_HINTS[9:]], [EARLY_HINTS * 3]])
def test_an_interim_answer_interrupts_the_writing_only_until_it_is_whole(cuts: list[bytes]) -> None:
    """The rest of the body follows, and the connection can be used again."""
    lease = FakeLease()
    played = play(exchange(request_of("PUT", FileSlice("f", 0, 10**9))), lease, CUT_OFF, *cuts, WRITTEN, OK)
    assert played.result.status == 200
    assert played.kinds == [LeaseConnection, Write, *[Read] * len(cuts), Write, Read]
    assert played.asked[-2] == Write(lease.stream, (), 3)
    assert lease.released == [True]


def test_when_the_peer_hangs_up_what_it_said_before_is_still_read() -> None:
    lease = FakeLease()
    played = play(exchange(request_of("PUT", FileSlice("f", 0, 10**9))), lease, CUT_OFF, REFUSED[:10], REFUSED[10:])
    assert played.result.status == 403
    assert lease.released == [False]


def test_a_peer_that_hangs_up_without_a_word_is_a_connection_error() -> None:
    lease = FakeLease()
    error = failed(play(exchange(request_of("PUT", b"x")), lease, CUT_OFF, END))
    assert str(error) == "The connection was closed before any answer to PUT https://pixel.example/a"
    assert error.sent
    assert lease.released == [False]


@pytest.mark.parametrize("last", [END, ConnectionResetError(104, "Connection reset by peer")], ids=["end", "reset"])
def test_an_answer_cut_short_is_a_connection_error_for_every_method(last: Any) -> None:
    """Also on a kept connection: who heard a byte of an answer does not ask again."""
    for method, lease in [("GET", used_lease()), ("POST", used_lease()), ("GET", FakeLease())]:
        error = failed(play(exchange(request_of(method)), lease, WRITTEN, OK[:-1], last))
        assert error.sent
        assert lease.released == [False]


DEATHS = [
    pytest.param([CUT_OFF, END], id="hung up while writing, end"),
    pytest.param([WRITTEN, END], id="end"),
    pytest.param([WRITTEN, ConnectionResetError(104, "Connection reset by peer")], id="reset while reading"),
    pytest.param([CUT_OFF, ConnectionResetError(104, "Connection reset by peer")], id="hung up, reset"),
    pytest.param([BrokenPipeError(32, "Broken pipe")], id="broken pipe"),
]


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_safe_request_that_met_a_dead_kept_connection_is_repeated_on_another(method: str, death: list[Any]) -> None:
    first, second, third = used_lease(), used_lease(), FakeLease()
    answer = OK if method != "HEAD" else OK[:-2]
    played = play(exchange(request_of(method)), first, *death, second, *death, third, WRITTEN, answer)
    assert played.result.status == 200
    assert [first.released, second.released, third.released] == [[False], [False], [True]]


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_any_other_request_that_met_a_dead_kept_connection_is_not(method: str, death: list[Any]) -> None:
    lease = used_lease()
    error = failed(play(exchange(request_of(method)), lease, *death))
    assert error.sent
    assert lease.released == [False]


@pytest.mark.parametrize("death", DEATHS)
def test_a_connection_opened_for_the_request_is_no_excuse_to_repeat_it(death: list[Any]) -> None:
    lease = FakeLease()
    error = failed(play(exchange(request_of()), lease, *death))
    assert error.sent
    assert lease.released == [False]


def test_a_kept_connection_that_answers_nonsense_is_not_an_excuse_either() -> None:
    lease = used_lease()
    played = play(exchange(request_of()), lease, WRITTEN, b"nonsense\r\n\r\n")
    assert isinstance(played.error, PixelProtocolError)
    assert lease.released == [False]


def test_a_connection_that_breaks_names_the_request_without_its_query_and_the_reason() -> None:
    error = failed(play(exchange(request_of()), FakeLease(), WRITTEN, ConnectionResetError(104, "Connection reset")))
    assert str(error) == "GET https://pixel.example/a: the connection broke: Connection reset"


@pytest.mark.parametrize("script", [[TimeoutError("nothing could be sent")], [WRITTEN, TimeoutError("no answer")]])
@pytest.mark.parametrize("used", [False, True])
def test_a_time_out_is_never_repeated_and_names_the_request_without_its_query(script: list[Any], used: bool) -> None:
    lease = used_lease() if used else FakeLease()
    error = failed(play(exchange(request_of()), lease, *script))
    assert isinstance(error, PixelTimeoutError)
    assert isinstance(error, TimeoutError)
    assert str(error) == f"GET https://pixel.example/a: it took too long: {script[-1]}"
    assert error.__cause__ is script[-1]
    assert error.sent
    assert lease.released == [False]


@pytest.mark.parametrize(
    ("trouble", "kind", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), PixelConnectionError, "Connection refused"),
        (OSError(-2, "Name or service not known"), PixelConnectionError, "Name or service not known"),
        (OSError("all attempts failed"), PixelConnectionError, "all attempts failed"),
        (OSError(), PixelConnectionError, "OSError"),
        (
            ssl.SSLCertVerificationError(1, "certificate verify failed"),
            PixelConnectionError,
            "certificate verify failed",
        ),
        (TimeoutError("no connection within 1 seconds"), PixelTimeoutError, "no connection within 1 seconds"),
        (TimeoutError(), PixelTimeoutError, "TimeoutError"),
    ],
)
def test_a_connection_that_cannot_be_made_names_the_origin_and_the_reason(
    trouble: OSError, kind: type[PixelConnectionError], reason: str
) -> None:
    error = failed(play(exchange(request_of()), trouble))
    assert type(error) is kind
    assert str(error) == f"GET https://pixel.example/a: could not connect to https://pixel.example: {reason}"
    assert error.__cause__ is trouble
    assert not error.sent


def test_its_errors_can_be_pickled() -> None:
    for trouble in (OSError(111, "refused"), TimeoutError("late")):
        error = failed(play(exchange(request_of()), trouble))
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.sent) == (type(error), str(error), error.sent)


def test_an_error_of_the_library_passes_as_it_is() -> None:
    error = PixelTimeoutError("the pool is busy")
    assert play(exchange(request_of()), error).error is error
    later = PixelConnectionError("the tunnel broke", sent=True)
    lease = FakeLease()
    assert play(exchange(request_of()), lease, WRITTEN, later).error is later
    assert lease.released == [False]


def test_a_file_that_changed_passes_and_gives_the_connection_back() -> None:
    lease, changed = used_lease(), PixelFileChangedError("photo.jpg became shorter")
    assert play(exchange(request_of("PUT", FileSlice("photo.jpg", 0, 9))), lease, changed).error is changed
    assert lease.released == [False]


def test_a_request_that_cannot_be_sent_is_a_value_error_and_nothing_is_written() -> None:
    lease = FakeLease()
    played = play(exchange(Request("GET", ORIGIN, "/a b")), lease)
    assert isinstance(played.error, ValueError)
    assert played.kinds == [LeaseConnection]
    assert lease.released == [False]


@pytest.mark.parametrize("script", [[], [WRITTEN], [WRITTEN, OK[:10]]], ids=["writing", "reading", "half read"])
def test_a_flow_that_is_closed_half_way_gives_the_connection_back_by_a_plain_call(script: list[Any]) -> None:
    """Closing asks for no effect: a generator that yields while it is closed is a RuntimeError."""
    lease, flow = used_lease(), exchange(request_of())
    play_until(flow, lease, *script)
    flow.close()
    assert lease.released == [False]


def test_a_flow_that_is_closed_while_it_waits_for_a_lease_holds_nothing() -> None:
    flow = exchange(request_of())
    assert isinstance(play_until(flow), LeaseConnection)
    flow.close()


@pytest.mark.parametrize("script", [[], [WRITTEN]], ids=["writing", "reading"])
def test_an_interrupt_gives_the_connection_back_and_passes(script: list[Any]) -> None:
    lease, interrupt = used_lease(), KeyboardInterrupt()
    assert play(exchange(request_of()), lease, *script, interrupt).error is interrupt
    assert lease.released == [False]


# The total limit


def limited(total: float = 10.0, method: str = "GET") -> Request:
    return Request(method, ORIGIN, "/a", Headers(), b"", Timeouts(8, 8, 8, 8, total))


def test_what_is_left_of_the_total_limits_each_step() -> None:
    moments = [100.0, 100.0, 103.0, 104.0, 104.0]
    played = play(
        exchange(limited()), moments[0], moments[1], FakeLease(), moments[2], WRITTEN, moments[3], OK, moments[4]
    )
    lease, write, read = (each for each in played.asked if not isinstance(each, Clock))
    assert isinstance(lease, LeaseConnection)
    assert isinstance(write, Write)
    assert isinstance(read, Read)
    assert lease.timeouts == Timeouts(8, 8, 8, 8, 10)
    assert (write.timeout, write.total) == (7, 7)
    assert read.timeout == 6
    assert played.result.status == 200


def test_a_peer_that_sends_a_byte_a_second_cannot_hold_an_exchange_past_its_total() -> None:
    lease = FakeLease()
    script: list[Any] = [0.0, 0.0, lease, 0.0, WRITTEN]
    for second in range(10):
        script += [float(second), OK[second : second + 1]]
    played = play(exchange(limited()), *script, 10.0)
    assert isinstance(failed(played), PixelTimeoutError)
    assert "no more than 10 seconds" in str(played.error)
    assert lease.released == [False]


def test_no_connection_is_asked_for_when_no_time_is_left() -> None:
    used = used_lease()
    script: list[Any] = [0.0, 0.0, used, 0.0, WRITTEN, 9.0, ConnectionResetError(), 10.5]
    played = play(exchange(limited()), *script)
    assert isinstance(failed(played), PixelTimeoutError)
    assert not failed(played).sent
