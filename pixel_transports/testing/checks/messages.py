"""Checks of messages: methods, targets, headers, statuses and bodies."""

import gzip
import zlib

from pixel_core.errors import PixelProtocolError
from pixel_core.messages import Headers, Response
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.table import check, expect, failure, same

_FRAMING = {"host", "content-length", "connection"}
"""Headers that a transport adds to a request."""


@check()
def status_headers_and_body_are_those_of_the_server(harness: Harness) -> None:
    """A response has the status, headers and body that the server sent, for any status."""
    for status in (200, 201, 400, 401, 404, 409, 429, 500, 503):
        body = f'{{"status": {status}}}'.encode() + bytes(range(256))
        harness.server.answers["/a"] = Response(status, Headers({"X-Request-ID": "abc", "ETag": '"1, 2"'}), body)
        answer = harness.send(harness.request(target="/a"))
        same((answer.status, answer.body), (status, body), "status and body")
        same((answer.headers.get("x-request-id"), answer.headers.get("Etag")), ("abc", '"1, 2"'), "headers")


@check()
def every_method_is_sent_as_it_is(harness: Harness) -> None:
    """GET, POST, PUT, PATCH, DELETE, OPTIONS and HEAD arrive unchanged."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        same(harness.send(harness.request(method)).status, 200, "status")
        same(harness.server.received[-1].method, method, "method")


@check()
def path_and_query_arrive(harness: Harness) -> None:
    """The target of a request arrives with its query."""
    for target in ("/", "/a/b?x=1&y=%C3%A6+z", "/a%20b?ids=1,2,3", "/a?x=1&x=2"):
        harness.send(harness.request(target=target))
        same(harness.server.received[-1].target, target, "target")


@check("raw-target")
def escapes_of_a_target_are_left_alone(harness: Harness) -> None:
    """Escapes in a target are neither added nor removed, since signatures cover every character."""
    for target in (
        "/a%2Fb/%c3%a6?sig=a%2Bb%3D&x=~",
        "/a%27b'c(d)*!?x=%27'()*!$,;:@/",
        "/a//b/../c/./d?x=/../",
        "/%7Ea~?X-Amz-Credential=k%2F20250101%2Fs3",
        "/a?x=[1]|{2}^`",
    ):
        harness.send(harness.request(target=target))
        same(harness.server.received[-1].target, target, "target")


@check()
def header_fields_of_a_request_arrive_in_order(harness: Harness) -> None:
    """Header fields arrive in order with unchanged values; only Host, Content-Length and Connection are added."""
    headers = {
        "X-Second": "2",
        "Authorization": "Bearer a.b-c_d==",
        "X-First": 'a "quoted", b;c=d\te',
        "Accept": "application/json",
        "X-Empty": "",
    }
    harness.send(harness.request("POST", headers=headers, body=b"x"))
    request = harness.server.received[-1]
    actual = [(name.lower(), value) for name, value in request.fields if name.lower() not in _FRAMING]
    same(actual, [(name.lower(), value) for name, value in headers.items()], "header fields")
    same(request.values("Host"), [harness.origin.authority], "Host")
    same(request.values("Content-Length"), ["1"], "Content-Length")


@check("case")
def names_of_headers_keep_their_case(harness: Harness) -> None:
    """Names of header fields keep their case."""
    harness.send(harness.request(headers={"x-LOWER-and-Upper": "1"}))
    expect("x-LOWER-and-Upper" in [name for name, _ in harness.server.received[-1].fields], "a name in another case")


@check("duplicates")
def header_fields_with_one_name_stay_apart(harness: Harness) -> None:
    """Fields with the same name stay separate and in order, in requests and responses."""
    pairs = (("X-Same", "1"), ("X-Other", "2"), ("X-Same", "3"))
    harness.server.answers["/a"] = Response(200, Headers(pairs), b"ok")
    answer = harness.send(harness.request(target="/a", headers=pairs))
    same(harness.server.received[-1].values("X-Same"), ["1", "3"], "fields of the request")
    same([value for name, value in answer.headers if name.lower() == "x-same"], ["1", "3"], "fields of the answer")


@check("latin-1")
def values_of_headers_are_latin_1(harness: Harness) -> None:
    """Values beyond ASCII are sent and received as Latin-1."""
    harness.server.answers["/a"] = Response(200, Headers({"X-Name": "Jæren"}), b"ok")
    answer = harness.send(harness.request(target="/a", headers={"X-Name": "Bømlo"}))
    same(harness.server.received[-1].values("X-Name"), ["Bømlo"], "the sent value")
    same(answer.headers.get("x-name"), "Jæren", "the received value")


@check("wire")
def no_header_can_be_injected(harness: Harness) -> None:
    """Line breaks and control bytes in names, values, targets and methods raise ValueError, and headers that change the
    framing too. Nothing is sent.
    """
    for headers in (
        {"X-A": "a\r\nX-B: c"},
        {"X-A": "a\nX-B: c"},
        {"X-A": "a\x00b"},
        {"X-A\r\nX-B": "c"},
        {"X A": "b"},
        {"Transfer-Encoding": "chunked"},
    ):
        failure(harness, harness.request("POST", headers=headers, body=b"x"), ValueError)
    failure(harness, harness.request(target="/a HTTP/1.1\r\nX-B: c\r\n\r\n"), ValueError)
    failure(harness, harness.request(target="/a b"), ValueError)
    failure(harness, harness.request("GET /x HTTP/1.1\r\n"), ValueError)
    same(harness.server.received, [], "sent requests")


@check()
def cookies_are_neither_kept_nor_sent(harness: Harness) -> None:
    """A cookie of a response is not sent with the next request, and the Authorization header is sent unchanged."""
    harness.server.answers["/a"] = Response(200, Headers({"Set-Cookie": "session=1; Path=/"}), b"ok")
    for _ in range(2):
        harness.send(harness.request(target="/a", headers={"Authorization": "Bearer t"}))
        same(harness.server.received[-1].values("Cookie"), [], "cookies")
        same(harness.server.received[-1].values("Authorization"), ["Bearer t"], "the login")


@check()
def a_redirect_is_not_followed(harness: Harness) -> None:
    """A redirect is returned as a response; the core decides whether to follow it."""
    for status in (301, 302, 303, 307, 308):
        harness.server.answers["/a"] = Response(status, Headers({"Location": f"{harness.origin}/b"}), b"there")
        answer = harness.send(harness.request("POST", "/a", body=b"x"))
        same((answer.status, answer.body), (status, b"there"), "the answer")
        same(answer.headers.get("location"), f"{harness.origin}/b", "Location")
        same(harness.server.received[-1].target, "/a", "target")


@check()
def answers_without_a_body_have_none(harness: Harness) -> None:
    """HEAD, 204 and 304 have no body, with any Content-Length. The next response is complete."""
    harness.server.answers["/head"] = Response(200, Headers({"Content-Length": "5"}), b"12345")
    harness.server.answers["/204"] = Response(204)
    harness.server.answers["/304"] = Response(304, Headers({"ETag": '"1"'}))
    harness.server.answers["/empty"] = Response(200, Headers({"Content-Length": "0"}))
    requests = (("HEAD", "/head", 200), ("GET", "/204", 204), ("GET", "/304", 304), ("GET", "/empty", 200))
    for method, path, status in requests:
        answer = harness.send(harness.request(method, path))
        same((answer.status, answer.body), (status, b""), f"{method} {path}")
        same(harness.send(harness.request(target="/")).body, b"ok", f"the response after {method} {path}")


@check()
def a_large_answer_is_whole(harness: Harness) -> None:
    """A response of three megabytes is complete."""
    body = bytes(range(256)) * 12_000
    harness.server.answers["/a"] = Response(200, Headers(), body)
    expect(harness.send(harness.request(target="/a")).body == body, "another body than was sent")


@check("wire")
def a_response_is_decoded_once_and_only_if_requested(harness: Harness) -> None:
    """gzip and deflate are decoded once if the request accepts them; otherwise the body is returned unchanged."""
    body = b'{"a": "' + b"x" * 50_000 + b'"}'
    raw = zlib.compressobj(wbits=-15)
    encoded = {"gzip": gzip.compress(body), "deflate": zlib.compress(body), "DEFLATE": raw.compress(body) + raw.flush()}
    for coding, data in encoded.items():
        harness.server.answers["/a"] = Response(200, Headers({"Content-Encoding": coding.lower()}), data)
        request = harness.request(target="/a", headers={"Accept-Encoding": "gzip, deflate"})
        expect(harness.send(request).body == body, f"{coding} was not decoded")
        expect(harness.send(harness.request(target="/a")).body == data, f"{coding} was decoded without being accepted")
    twice = gzip.compress(encoded["gzip"])
    harness.server.answers["/a"] = Response(200, Headers({"Content-Encoding": "gzip"}), twice)
    request = harness.request(target="/a", headers={"Accept-Encoding": "gzip"})
    same(harness.send(request).body, encoded["gzip"], "a file of gzip")


@check("answer-limit")
def an_answer_beyond_the_limit_is_an_error(harness: Harness) -> None:
    """A response beyond the limit, before or after decoding, causes a PixelProtocolError; the next one is returned."""
    limit = harness.candidate.answer_limit or 0
    accepts = {"Accept-Encoding": "gzip, deflate"}
    harness.server.answers["/fits"] = Response(200, Headers(), bytes(limit))
    harness.server.answers["/large"] = Response(200, Headers(), bytes(limit + 1))
    bomb = gzip.compress(bytes(limit + 1))
    harness.server.answers["/bomb"] = Response(200, Headers({"Content-Encoding": "gzip"}), bomb)
    for path in ("/large", "/bomb"):
        failure(harness, harness.request(target=path, headers=accepts), PixelProtocolError)
        same(len(harness.send(harness.request(target="/fits", headers=accepts)).body), limit, "an answer that fits")


@check("wire")
def a_compressed_answer_that_is_broken_is_an_error(harness: Harness) -> None:
    """A truncated or invalid encoding causes a PixelProtocolError."""
    for data in (gzip.compress(b"x" * 1000)[:-9], b"no gzip at all"):
        harness.server.answers["/a"] = Response(200, Headers({"Content-Encoding": "gzip"}), data)
        failure(harness, harness.request(target="/a", headers={"Accept-Encoding": "gzip"}), PixelProtocolError)
