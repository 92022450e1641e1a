"""Messages: URLs, headers, time limits, forms, requests; and no secret in any `repr`."""

from dataclasses import dataclass
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core import messages
from pixel_core.effects import Exchange
from pixel_core.http.effects import Write

ORIGIN = messages.Origin("https", "s3.example", 443)


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "target"),
    [
        ("http://h", "http", "h", 80, "/"),
        ("https://h/", "https", "h", 443, "/"),
        ("HTTPS://Example.ORG/Path", "https", "example.org", 443, "/Path"),
        ("http://h:8080/a/b?x=1&y=%20", "http", "h", 8080, "/a/b?x=1&y=%20"),
        ("http://h?x=1", "http", "h", 80, "/?x=1"),
        ("http://h/a?x#fragment", "http", "h", 80, "/a?x"),
        ("http://[::1]:9000/a", "http", "::1", 9000, "/a"),
        ("https://[2001:DB8::1]/", "https", "2001:db8::1", 443, "/"),
        ("https://faß.example/", "https", "xn--fa-hia.example", 443, "/"),
        ("https://BÜCHER.Example./", "https", "xn--bcher-kva.example.", 443, "/"),
        ("https://例え.テスト/", "https", "xn--r8jz45g.xn--zckzah", 443, "/"),
        ("http://h/a;b=c", "http", "h", 80, "/a;b=c"),
        ("http://h//double", "http", "h", 80, "//double"),
    ],
)
def test_a_url_splits_into_origin_and_target(url: str, scheme: str, host: str, port: int, target: str) -> None:
    assert messages.split_url(url) == (messages.Origin(scheme, host, port), target)


@pytest.mark.parametrize(
    "url",
    [
        *("", "h", "/path", "//h/path", "ftp://h/", "http://", "http:///path", "http://:80/", "file:///etc/passwd"),
        *("http://h:port/", "http://h:99999/", "http://[::1/", "mailto:a@b.example"),
        *("ftp://h/a?X-Amz-Signature=5ec2e7", "https://5ec2e7:5ec2e7@h/"),
    ],
)
def test_an_invalid_url_is_a_value_error_that_shows_no_secret(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        messages.split_url(url)
    assert "5ec2e7" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://h/a?b=c", "http://h/a?", "http://h/a#b", "http://h/a b", "http://h/a\tb", " http://h", "http://h/é"]
)
def test_the_address_of_a_server_has_no_query_and_nothing_that_a_url_cannot_hold(url: str) -> None:
    with pytest.raises(ValueError, match="address of a server"):
        messages.split_base_url(url)


def test_a_byte_order_mark_is_no_part_of_json() -> None:
    assert messages.Response(200, body=b"\xef\xbb\xbf[1]").json() == [1]


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_a_value_error(text: str) -> None:
    for url in (text, f"http://{text}", f"http://h/{text}"):
        try:
            origin, target = messages.split_url(url)
        except ValueError:
            continue
        assert target.startswith("/")
        assert origin.host


@pytest.mark.parametrize(
    "url", ["http://h", "https://h", "http://h:443", "https://h:80", "http://[::1]", "http://[::1]:8080"]
)
def test_an_origin_is_shown_with_its_port_unless_that_is_the_default(url: str) -> None:
    origin, _ = messages.split_url(url)
    assert (str(origin), origin.authority) == (url, url.partition("//")[2])


def test_headers_are_looked_up_and_compared_without_regard_to_case() -> None:
    pairs = [("ETag", '"1"'), ("b", "2"), ("etag", "3")]
    headers = messages.Headers(pairs)
    assert headers["etag"] == headers["ETAG"] == headers.get("eTag") == '"1"'
    assert "ETAG" in headers
    assert list(headers) == pairs
    assert len(headers) == 3
    assert headers == messages.Headers(headers) == messages.Headers([("etag", '"1"'), ("B", "2"), ("ETag", "3")])
    assert messages.Headers({"a": "1"}) == messages.Headers([("A", "1")]) != messages.Headers({"a": "2"})
    assert messages.Headers({"a": "1"}) != {"a": "1"}


def test_a_missing_header_is_none_or_the_default_or_a_key_error() -> None:
    headers = messages.Headers({"a": "1"})
    assert headers.get("b") is None
    assert headers.get("b", 7) == 7
    assert "b" not in headers
    assert 7 not in headers
    with pytest.raises(KeyError):
        headers["b"]


@dataclass
class HttpxLike:
    """The shape of `httpx.Timeout`."""

    connect: Any = 1
    read: Any = 2.5
    write: Any = None
    pool: Any = 4


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, messages.Timeouts(3, 3, 3, 3)),
        (0.5, messages.Timeouts(0.5, 0.5, 0.5, 0.5)),
        (None, messages.Timeouts(None, None, None, None)),
        (messages.Timeouts(1, 2, 3, 4), messages.Timeouts(1, 2, 3, 4)),
        (messages.Timeouts(1, None), messages.Timeouts(1, None, 15.0, 10.0)),
        (HttpxLike(), messages.Timeouts(1, 2.5, None, 4)),
        (float("inf"), messages.Timeouts(*[float("inf")] * 4)),
    ],
)
def test_timeouts_are_parsed_from_seconds_none_and_objects_with_the_attributes(
    value: object, expected: messages.Timeouts
) -> None:
    assert messages.Timeouts.parse(value) == expected


INVALID: list[object] = ["3", True, (1, 2, 3, 4), {"connect": 1}, object(), HttpxLike(read="2"), HttpxLike(read=False)]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        *((each, TypeError) for each in INVALID),
        *((each, ValueError) for each in (0, -1, float("nan"), HttpxLike(pool=0.0))),
    ],
)
def test_invalid_timeouts_are_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        messages.Timeouts.parse(value)


def test_a_form_has_its_fields_in_order_and_the_file_last() -> None:
    form = messages.Form((("key", "a b"), ("policy", "x\r\ny")), "photo.jpg", b"\0\xff", "frontier")
    assert b"".join(segment for segment in form.segments() if isinstance(segment, bytes)) == (
        b'--frontier\r\nContent-Disposition: form-data; name="key"\r\n\r\na b\r\n'
        b'--frontier\r\nContent-Disposition: form-data; name="policy"\r\n\r\nx\r\ny\r\n'
        b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n"
        b"\0\xff"
        b"\r\n--frontier--\r\n"
    )
    assert form.content_type == "multipart/form-data; boundary=frontier"
    content = messages.FileSlice("photo.jpg", 10, 20)
    assert messages.Form((), "photo.jpg", content, "b").segments()[1] is content


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ('a"b', b"a%22b"),
        ("a\r\nb", b"a%0D%0Ab"),
        ('"; name="key"\r\n\r\nevil', b"%22; name=%22key%22%0D%0A%0D%0Aevil"),
        ("ä €.jpg", "ä €.jpg".encode()),
        ("back\\slash", b"back\\slash"),
    ],
)
def test_names_are_escaped_in_their_quotes(name: str, escaped: bytes) -> None:
    head = messages.Form(((name, "v"),), name, b"", "b").segments()[0]
    assert isinstance(head, bytes)
    assert b'name="' + escaped + b'"\r\n' in head
    assert b'filename="' + escaped + b'"\r\n' in head
    assert head.count(b"\r\n") == 8


def test_an_empty_body_has_no_segments() -> None:
    assert messages.body_segments(b"") == []
    assert messages.body_segments(messages.FileSlice("f", 0, 0)) == []
    assert messages.body_segments(b"x") == [b"x"]


def test_a_request_has_path_query_url_and_a_label_without_the_query() -> None:
    request = messages.Request("PUT", ORIGIN, "/bucket/key?X-Amz-Signature=5ec2e7&b=?")
    assert request.path == "/bucket/key"
    assert request.query == "X-Amz-Signature=5ec2e7&b=?"
    assert request.url == "https://s3.example/bucket/key?X-Amz-Signature=5ec2e7&b=?"
    assert request.label == "PUT https://s3.example/bucket/key"


def test_no_repr_shows_a_query_a_header_or_a_body() -> None:
    secret = "5ec2e7"
    headers = messages.Headers({"Authorization": f"Bearer {secret}"})
    form = messages.Form((("policy", secret), ("x-amz-signature", secret)), "photo.jpg", secret.encode(), "b")
    request = messages.Request("POST", ORIGIN, f"/?sig={secret}", headers, form)
    response = messages.Response(200, headers, secret.encode())
    write = Write(ANY, [secret.encode()], 1.0)
    for shown in (headers, form, request, response, Exchange(request), write):
        assert secret not in repr(shown)
        assert secret not in str(shown)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"{", b"[" * 100_000])
def test_a_body_that_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        messages.Response(200, body=body).json()


def test_a_deadline_leaves_the_remaining_seconds_of_each_limit() -> None:
    deadline = messages.Deadline.from_total(messages.Timeouts(1, None, 20, total=10), now=100.0)
    assert deadline.remaining(104.0) == messages.Timeouts(1, 6, 6, 6, 6)
    with pytest.raises(TimeoutError, match="total limit of 10 seconds"):
        deadline.remaining(110.0)
