"""Checks of what is sent and what comes back: methods, targets, headers, statuses and bodies of answers."""

import gzip
import zlib

from pixel_core.errors import PixelProtocolError
from pixel_core.messages import Headers, Response
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.table import check, expect, failure, same

_FRAMING = {"host", "content-length", "connection"}
"""What a transport adds to a request."""


@check()
def status_headers_and_body_come_as_they_were_sent(rig: Harness) -> None:
    """An answer has the status, the header fields and the body that the far end gave it, whatever the status."""
    for status in (200, 201, 400, 401, 404, 409, 429, 500, 503):
        body = f'{{"status": {status}}}'.encode() + bytes(range(256))
        rig.far.answers["/a"] = Response(status, Headers({"X-Request-ID": "abc", "ETag": '"1, 2"'}), body)
        answer = rig.send(rig.request(target="/a"))
        same((answer.status, answer.body), (status, body), "status and body")
        same((answer.headers.get("x-request-id"), answer.headers.get("Etag")), ("abc", '"1, 2"'), "headers")


@check()
def every_method_is_sent_as_it_is(rig: Harness) -> None:
    """GET, POST, PUT, PATCH, DELETE, OPTIONS and HEAD arrive as such."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        same(rig.send(rig.request(method)).status, 200, "status")
        same(rig.far.seen[-1].method, method, "method")


@check()
def path_and_query_arrive(rig: Harness) -> None:
    """The target of a request arrives with its query."""
    for target in ("/", "/a/b?x=1&y=%C3%A6+z", "/a%20b?ids=1,2,3", "/a?x=1&x=2"):
        rig.send(rig.request(target=target))
        same(rig.far.seen[-1].target, target, "target")


@check("raw-target")
def escapes_of_a_target_are_left_alone(rig: Harness) -> None:
    """What is escaped in a target stays so and nothing else becomes so: signatures are over every character of it."""
    for target in (
        "/a%2Fb/%c3%a6?sig=a%2Bb%3D&x=~",
        "/a%27b'c(d)*!?x=%27'()*!$,;:@/",
        "/a//b/../c/./d?x=/../",
        "/%7Ea~?X-Amz-Credential=k%2F20250101%2Fs3",
        "/a?x=[1]|{2}^`",
    ):
        rig.send(rig.request(target=target))
        same(rig.far.seen[-1].target, target, "target")


@check()
def header_fields_of_a_request_arrive_in_order(rig: Harness) -> None:
    """Header fields arrive in the order they were given in, with their values as they are; and there are no others but
    Host, Content-Length and Connection.
    """
    given = {
        "X-Second": "2",
        "Authorization": "Bearer a.b-c_d==",
        "X-First": 'a "quoted", b;c=d\te',
        "Accept": "application/json",
        "X-Empty": "",
    }
    rig.send(rig.request("POST", headers=given, body=b"x"))
    seen = rig.far.seen[-1]
    got = [(name.lower(), value) for name, value in seen.fields if name.lower() not in _FRAMING]
    same(got, [(name.lower(), value) for name, value in given.items()], "header fields")
    same(seen.values("Host"), [rig.origin.authority], "Host")
    same(seen.values("Content-Length"), ["1"], "Content-Length")


@check("case")
def names_of_headers_keep_their_case(rig: Harness) -> None:
    """Names of header fields arrive in the case they were given in."""
    rig.send(rig.request(headers={"x-LOWER-and-Upper": "1"}))
    expect("x-LOWER-and-Upper" in [name for name, _ in rig.far.seen[-1].fields], "a name in another case")


@check("duplicates")
def header_fields_with_one_name_stay_apart(rig: Harness) -> None:
    """Fields with the same name arrive one by one and in order, those of a request as those of an answer."""
    pairs = (("X-Same", "1"), ("X-Other", "2"), ("X-Same", "3"))
    rig.far.answers["/a"] = Response(200, Headers(pairs), b"ok")
    answer = rig.send(rig.request(target="/a", headers=pairs))
    same(rig.far.seen[-1].values("X-Same"), ["1", "3"], "fields of the request")
    same([value for name, value in answer.headers if name.lower() == "x-same"], ["1", "3"], "fields of the answer")


@check("latin-1")
def values_of_headers_are_latin_1(rig: Harness) -> None:
    """Values beyond ASCII go as Latin-1, and come so."""
    rig.far.answers["/a"] = Response(200, Headers({"X-Name": "Jæren"}), b"ok")
    answer = rig.send(rig.request(target="/a", headers={"X-Name": "Bømlo"}))
    same(rig.far.seen[-1].values("X-Name"), ["Bømlo"], "the value that was sent")
    same(answer.headers.get("x-name"), "Jæren", "the value that came")


@check("wire")
def nothing_in_a_header_can_bring_another(rig: Harness) -> None:
    """Line breaks and control bytes in names, values, targets and methods are a ValueError, as is what would change how
    a request is framed; and nothing is sent.
    """
    for headers in (
        {"X-A": "a\r\nX-B: c"},
        {"X-A": "a\nX-B: c"},
        {"X-A": "a\x00b"},
        {"X-A\r\nX-B": "c"},
        {"X A": "b"},
        {"Transfer-Encoding": "chunked"},
    ):
        failure(rig, rig.request("POST", headers=headers, body=b"x"), ValueError)
    failure(rig, rig.request(target="/a HTTP/1.1\r\nX-B: c\r\n\r\n"), ValueError)
    failure(rig, rig.request(target="/a b"), ValueError)
    failure(rig, rig.request("GET /x HTTP/1.1\r\n"), ValueError)
    same(rig.far.seen, [], "what was sent")


@check()
def cookies_are_neither_kept_nor_sent(rig: Harness) -> None:
    """What an answer sets as a cookie is not sent with the next request, and a login is sent as it was given."""
    rig.far.answers["/a"] = Response(200, Headers({"Set-Cookie": "session=1; Path=/"}), b"ok")
    for _ in range(2):
        rig.send(rig.request(target="/a", headers={"Authorization": "Bearer t"}))
        same(rig.far.seen[-1].values("Cookie"), [], "cookies")
        same(rig.far.seen[-1].values("Authorization"), ["Bearer t"], "the login")


@check()
def a_redirect_is_an_answer_as_any_other(rig: Harness) -> None:
    """No redirect is followed: the core decides what becomes of it."""
    for status in (301, 302, 303, 307, 308):
        rig.far.answers["/a"] = Response(status, Headers({"Location": f"{rig.origin}/b"}), b"there")
        answer = rig.send(rig.request("POST", "/a", body=b"x"))
        same((answer.status, answer.body), (status, b"there"), "the answer")
        same(answer.headers.get("location"), f"{rig.origin}/b", "Location")
        same(rig.far.seen[-1].target, "/a", "target")


@check()
def answers_without_a_body_have_none(rig: Harness) -> None:
    """HEAD, 204 and 304 have no body, whatever Content-Length says; an empty one is empty. The next answer is whole."""
    rig.far.answers["/head"] = Response(200, Headers({"Content-Length": "5"}), b"12345")
    rig.far.answers["/204"] = Response(204)
    rig.far.answers["/304"] = Response(304, Headers({"ETag": '"1"'}))
    rig.far.answers["/empty"] = Response(200, Headers({"Content-Length": "0"}))
    for method, path, status in (
        ("HEAD", "/head", 200),
        ("GET", "/204", 204),
        ("GET", "/304", 304),
        ("GET", "/empty", 200),
    ):
        answer = rig.send(rig.request(method, path))
        same((answer.status, answer.body), (status, b""), f"{method} {path}")
        same(rig.send(rig.request(target="/")).body, b"ok", f"what comes after {method} {path}")


@check()
def a_large_answer_is_whole(rig: Harness) -> None:
    """Three megabytes come as they are."""
    body = bytes(range(256)) * 12_000
    rig.far.answers["/a"] = Response(200, Headers(), body)
    expect(rig.send(rig.request(target="/a")).body == body, "another body than was sent")


@check("wire")
def an_answer_is_unpacked_once_and_only_if_asked_for(rig: Harness) -> None:
    """gzip and deflate are unpacked where the request accepts them, once; where it does not, the body is as it came."""
    body = b'{"a": "' + b"x" * 50_000 + b'"}'
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        "DEFLATE": raw.compress(body) + raw.flush(),
    }
    for coding, data in packed.items():
        rig.far.answers["/a"] = Response(200, Headers({"Content-Encoding": coding.lower()}), data)
        expect(
            rig.send(rig.request(target="/a", headers={"Accept-Encoding": "gzip, deflate"})).body == body,
            f"{coding} was not unpacked",
        )
        expect(rig.send(rig.request(target="/a")).body == data, f"{coding} was unpacked unasked")
    twice = gzip.compress(packed["gzip"])
    rig.far.answers["/a"] = Response(200, Headers({"Content-Encoding": "gzip"}), twice)
    same(rig.send(rig.request(target="/a", headers={"Accept-Encoding": "gzip"})).body, packed["gzip"], "a file of gzip")


@check("answer-limit")
def an_answer_beyond_the_limit_is_an_error(rig: Harness) -> None:
    """An answer that is larger than the limit is a PixelProtocolError, and so is one that becomes so when it is
    unpacked; the next answer is fine.
    """
    limit = rig.candidate.answer_limit or 0
    accepts = {"Accept-Encoding": "gzip, deflate"}
    rig.far.answers["/fits"] = Response(200, Headers(), bytes(limit))
    rig.far.answers["/large"] = Response(200, Headers(), bytes(limit + 1))
    rig.far.answers["/bomb"] = Response(200, Headers({"Content-Encoding": "gzip"}), gzip.compress(bytes(limit + 1)))
    for path in ("/large", "/bomb"):
        failure(rig, rig.request(target=path, headers=accepts), PixelProtocolError)
        same(len(rig.send(rig.request(target="/fits", headers=accepts)).body), limit, "an answer that fits")


@check("wire")
def a_compressed_answer_that_is_broken_is_an_error(rig: Harness) -> None:
    """What is cut short, or is not compressed as it says, is a PixelProtocolError."""
    for data in (gzip.compress(b"x" * 1000)[:-9], b"no gzip at all"):
        rig.far.answers["/a"] = Response(200, Headers({"Content-Encoding": "gzip"}), data)
        failure(rig, rig.request(target="/a", headers={"Accept-Encoding": "gzip"}), PixelProtocolError)
