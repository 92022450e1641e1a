"""The checks find what they are for: transports that are spoiled in one way each do not pass."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pixel_core.errors import PixelConnectionError, PixelError, PixelFileChangedError, PixelProtocolError
from pixel_core.messages import Form, Headers, Request, Response, split_url
from pixel_transports import SocketTransport
from pixel_transports.net.files import whole_body
from pixel_transports.testing import checks

Sending = Callable[[Request], Response]
Spoiler = Callable[[Sending, Request], Response]


class Spoiled:
    """Our transport over sockets, with something wrong in how it sends."""

    def __init__(self, spoil: Spoiler) -> None:
        self._inner = SocketTransport()
        self._spoil = spoil

    def send(self, request: Request) -> Response:
        return self._spoil(self._inner.send, request)

    def close(self) -> None:
        self._inner.close()


def with_header(request: Request, name: str, value: str) -> Request:
    return replace(request, headers=Headers((*request.headers, (name, value))))


def adds_a_header(send: Sending, request: Request) -> Response:
    return send(with_header(request, "User-Agent", "python"))


def loses_the_query(send: Sending, request: Request) -> Response:
    return send(replace(request, target=request.path))


def escapes_again(send: Sending, request: Request) -> Response:
    return send(replace(request, target=request.target.replace("'", "%27")))


def follows_redirects(send: Sending, request: Request) -> Response:
    answer = send(request)
    if 300 <= answer.status < 400 and "Location" in answer.headers:
        origin, target = split_url(answer.headers["Location"])
        return send(Request("GET", origin, target))
    return answer


def unpacks_unasked(send: Sending, request: Request) -> Response:
    answer = send(request)
    packed = answer.body.startswith(b"\x1f\x8b")
    return replace(answer, body=gzip.decompress(answer.body)) if packed else answer


def reads_files_whole(send: Sending, request: Request) -> Response:
    if isinstance(request.body, Form):
        request = with_header(request, "Content-Type", request.body.content_type)
    return send(replace(request, body=whole_body(request)))


def shows_the_query(send: Sending, request: Request) -> Response:
    try:
        return send(request)
    except PixelConnectionError as error:
        raise type(error)(f"{error} ({request.url})", sent=error.sent) from None


def shows_it_in_the_cause(send: Sending, request: Request) -> Response:
    try:
        return send(request)
    except PixelConnectionError as error:
        raise error from OSError(request.url)


def takes_a_file_as_it_is(send: Sending, request: Request) -> Response:
    try:
        return send(request)
    except PixelFileChangedError:
        return Response(200, Headers(), b"ok")


def says_all_was_sent(send: Sending, request: Request) -> Response:
    try:
        return send(request)
    except PixelConnectionError as error:
        error.sent = True
        raise


def knows_one_error(send: Sending, request: Request) -> Response:
    try:
        return send(request)
    except PixelError as error:
        raise PixelProtocolError(str(error)) from None


def lets_errors_of_others_out(send: Sending, request: Request) -> Response:
    try:
        return send(request)
    except PixelError as error:
        raise OSError("[Errno 104]") from error


def loses_a_byte(send: Sending, request: Request) -> Response:
    answer = send(request)
    return replace(answer, body=answer.body[:-1]) if len(answer.body) > 1_000_000 else answer


FOUND: list[tuple[Spoiler, str]] = [
    (adds_a_header, "header_fields_of_a_request_arrive_in_order"),
    (loses_the_query, "path_and_query_arrive"),
    (escapes_again, "escapes_of_a_target_are_left_alone"),
    (follows_redirects, "a_redirect_is_an_answer_as_any_other"),
    (unpacks_unasked, "an_answer_is_unpacked_once_and_only_if_asked_for"),
    (reads_files_whole, "a_large_file_is_sent_in_flat_memory"),
    (shows_the_query, "a_refused_connection_is_told_as_not_sent"),
    (shows_it_in_the_cause, "a_peer_that_hangs_up_before_its_answer_is_a_connection_error"),
    (takes_a_file_as_it_is, "a_file_that_became_shorter_is_an_error_of_its_own"),
    (says_all_was_sent, "a_refused_connection_is_told_as_not_sent"),
    (knows_one_error, "silence_is_a_time_out_within_its_limit"),
    (lets_errors_of_others_out, "garbage_is_a_protocol_error"),
    (loses_a_byte, "a_large_answer_is_whole"),
]


@pytest.mark.parametrize(("spoil", "name"), FOUND, ids=[spoil.__name__ for spoil, _ in FOUND])
def test_a_transport_that_is_spoiled_is_found_out(spoil: Spoiler, name: str) -> None:
    (check,) = [each for each in checks.CHECKS if each.name == name]
    with pytest.raises(AssertionError):
        check(lambda: Spoiled(spoil))


def test_the_same_transport_unspoiled_passes_those_checks() -> None:
    for check in checks.CHECKS:
        if check.name in {name for _, name in FOUND}:
            check(lambda: Spoiled(lambda send, request: send(request)))


def test_a_check_that_does_not_apply_does_nothing() -> None:
    def never() -> Any:
        raise AssertionError("it was made")

    (check,) = [each for each in checks.CHECKS if each.name == "a_connection_is_used_again"]
    check(checks.Candidate(never, lacks=["keep-alive"]))
    assert not check.applies_to(checks.Candidate(never, far="asgi"))
    assert check.applies_to(never)


def test_a_transport_whose_closing_is_its_end_is_found_out() -> None:
    class Ended(SocketTransport):
        def close(self) -> None:
            super().close()
            self.ended = True

        def send(self, request: Request) -> Response:
            if getattr(self, "ended", False):
                raise RuntimeError("closed")
            return super().send(request)

    (check,) = [each for each in checks.CHECKS if each.name == "closing_may_be_repeated_and_is_no_end"]
    with pytest.raises(RuntimeError, match="closed"):
        check(Ended)
