"""The check-suite: it passes for every transport that it applies to, and finds transports that are wrong in one way."""

import gzip
import http.client
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import anyio
import pytest

from pixel_core.errors import PixelConnectionError, PixelError, PixelFileChangedError, PixelProtocolError
from pixel_core.messages import Form, Headers, Request, Response, body_segments, split_url
from pixel_transports import SocketTransport
from pixel_transports.net.files import whole_body
from pixel_transports.testing import checks
from tests.support.paths import ROOT
from tests.transports.adapters.candidates import CANDIDATES

Send = Callable[[Request], Response]
Fault = Callable[[Send, Request], Response]


@pytest.mark.parametrize(**checks.cases(**CANDIDATES))
def test_a_transport_passes_every_check(case: Callable[[], None]) -> None:
    case()


class Faulty:
    """A transport over sockets with a fault."""

    def __init__(self, fault: Fault) -> None:
        self._inner = SocketTransport()
        self._fault = fault

    def send(self, request: Request) -> Response:
        return self._fault(self._inner.send, request)

    def close(self) -> None:
        self._inner.close()


def of_error(kind: type[PixelError], change: Callable[[Any, Request], Exception | Response]) -> Fault:
    """The fault of a transport that raises, or returns, something else in place of an error."""

    def fault(send: Send, request: Request) -> Response:
        try:
            return send(request)
        except kind as error:
            outcome = change(error, request)
            if isinstance(outcome, Response):
                return outcome
            raise outcome from outcome.__cause__

    return fault


def with_header(request: Request, name: str, value: str) -> Request:
    return replace(request, headers=Headers((*request.headers, (name, value))))


def whole(request: Request) -> Request:
    if isinstance(request.body, Form):
        request = with_header(request, "Content-Type", request.body.content_type)
    return replace(request, body=whole_body(request))


def follows_redirects(send: Send, request: Request) -> Response:
    response = send(request)
    if 300 <= response.status < 400 and "Location" in response.headers:
        origin, target = split_url(response.headers["Location"])
        return send(Request("GET", origin, target))
    return response


def decodes_unasked(send: Send, request: Request) -> Response:
    response = send(request)
    encoded = response.body.startswith(b"\x1f\x8b")
    return replace(response, body=gzip.decompress(response.body)) if encoded else response


def loses_a_byte(send: Send, request: Request) -> Response:
    response = send(request)
    return replace(response, body=response.body[:-1]) if len(response.body) > 1_000_000 else response


def ignores_early_answers(send: Send, request: Request) -> Response:
    """Send all of a large body before the answer is read; the answer may have come before the connection broke."""
    if sum(map(len, body_segments(request.body))) < 1_000_000:
        return send(request)
    with closing(http.client.HTTPConnection(request.origin.host, request.origin.port)) as connection:
        connection.putrequest(request.method, request.target)
        connection.putheader("Content-Length", "24000000")
        with suppress(ConnectionError):
            connection.endheaders(bytes(24_000_000))
        answer = connection.getresponse()
        return Response(answer.status, Headers(answer.getheaders()), answer.read())


def with_cause(error: PixelError, request: Request) -> PixelError:
    error.__cause__ = OSError(request.url)
    return error


FAULTS: dict[str, tuple[Fault, str]] = {
    "adds a header": (
        lambda send, request: send(with_header(request, "User-Agent", "python")),
        "header_fields_of_a_request_arrive_in_order",
    ),
    "loses the query": (lambda send, request: send(replace(request, target=request.path)), "path_and_query_arrive"),
    "escapes again": (
        lambda send, request: send(replace(request, target=request.target.replace("'", "%27"))),
        "escapes_of_a_target_are_left_alone",
    ),
    "follows redirects": (follows_redirects, "a_redirect_is_not_followed"),
    "decodes unasked": (decodes_unasked, "a_response_is_decoded_once_and_only_if_requested"),
    "reads files whole": (lambda send, request: send(whole(request)), "a_large_file_is_sent_in_flat_memory"),
    "shows the query": (
        of_error(PixelConnectionError, lambda error, request: type(error)(f"{error} ({request.url})", sent=error.sent)),
        "a_refused_connection_is_reported_as_not_sent",
    ),
    "shows it in the cause": (
        of_error(PixelConnectionError, with_cause),
        "a_peer_that_closes_before_its_answer_is_a_connection_error",
    ),
    "ignores that a file changed": (
        of_error(PixelFileChangedError, lambda error, request: Response(200, Headers(), b"ok")),
        "a_file_that_became_shorter_is_an_error_of_its_own",
    ),
    "reports all as sent": (
        of_error(PixelConnectionError, lambda error, request: type(error)(str(error), sent=True)),
        "a_refused_connection_is_reported_as_not_sent",
    ),
    "raises one error": (
        of_error(PixelError, lambda error, request: PixelProtocolError(str(error))),
        "silence_is_a_timeout_within_its_limit",
    ),
    "raises other errors": (of_error(PixelError, lambda error, request: OSError("")), "garbage_is_a_protocol_error"),
    "ignores early answers": (ignores_early_answers, "an_early_answer_of_a_peer_that_stays_is_returned"),
    "loses a byte": (loses_a_byte, "a_large_answer_is_whole"),
}


@pytest.mark.parametrize(("fault", "name"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_by_its_check(fault: Fault, name: str) -> None:
    (check,) = [each for each in checks.CHECKS if each.name == name]
    with pytest.raises(AssertionError):
        check(lambda: Faulty(fault))


def without_total(send: Send, request: Request) -> Response:
    return send(replace(request, timeouts=request.timeouts._replace(total=None)))


def never_returns(send: Send, request: Request) -> Response:
    threading.Event().wait()
    raise AssertionError


class Endless:
    """An async transport that never answers, and does not wait for anything when it is cancelled."""

    async def send(self, request: Request) -> Response:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("make", "backend", "name"),
    [
        (lambda: Faulty(without_total), "asyncio", "a_byte_at_a_time_is_a_timeout_within_the_total_limit"),
        (lambda: Faulty(never_returns), "asyncio", "many_requests_at_once_get_their_own_answers"),
        (Endless, "asyncio", "path_and_query_arrive"),
        (Endless, "trio", "a_request_can_be_cancelled"),
    ],
)
def test_a_check_ends_whatever_a_transport_does(make: Callable[[], Any], backend: Any, name: str) -> None:
    (check,) = [each for each in checks.CHECKS if each.name == name]
    with pytest.raises(AssertionError, match=rf"^{name} did not end within 0\.3 seconds\. Expected: [A-Z].*"):
        check(checks.Candidate(make, backend=backend, seconds=0.3))


def test_no_check_of_an_endless_transport_keeps_the_program_from_ending() -> None:
    code = """
from pixel_transports.testing import checks
from tests.transports.adapters.test_checks import Endless, Faulty, never_returns
for make in (Endless, lambda: Faulty(never_returns)):
    try:
        checks.CHECKS[0](checks.Candidate(make, seconds=0.1))
    except AssertionError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.count("did not end") == 2


def test_a_check_that_does_not_apply_does_nothing() -> None:
    def never() -> Any:
        raise AssertionError("it was made")

    (check,) = [each for each in checks.CHECKS if each.name == "a_connection_is_used_again"]
    check(checks.Candidate(never, lacks=["keep-alive"]))
    assert not check.applies_to(checks.Candidate(never, interface="asgi"))
    assert check.applies_to(never)


def test_a_transport_that_cannot_be_used_after_closing_is_found() -> None:
    def ended(send: Send, request: Request) -> Response:
        raise RuntimeError("closed")

    class Ended(Faulty):
        def close(self) -> None:
            super().close()
            self._fault = ended

    (check,) = [each for each in checks.CHECKS if each.name == "close_can_be_repeated_and_is_not_final"]
    with pytest.raises(RuntimeError, match="closed"):
        check(lambda: Ended(lambda send, request: send(request)))
