"""The reader of bodies: decoding, limits, and completeness. Any bytes in any cuts are in `fuzz.py`."""

import gzip
import tracemalloc
import zlib

import pytest

from pixel_core.errors import PixelProtocolError
from pixel_core.http.decoding import ERROR_BODY, Limits, ResponseReader
from pixel_core.messages import Headers, Origin, Request

DECODING = Headers({"Accept-Encoding": "gzip, deflate"})
TEXT = b'{"name": "a fjord"}' * 300
RAW_DEFLATE = zlib.compressobj(wbits=-15)
ENCODED = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "x-gzip": gzip.compress(TEXT[:5], mtime=0) + gzip.compress(TEXT[5:], mtime=0),
    "deflate": zlib.compress(TEXT),
    "Deflate": RAW_DEFLATE.compress(TEXT) + RAW_DEFLATE.flush(),
}
BOTH = pytest.mark.parametrize("coding", ["gzip", "deflate"])


def decoded(coding: str, *pieces: bytes, limit: int = 10**6, headers: Headers = DECODING) -> bytes:
    fields = [(b"Content-Encoding", coding.encode())]
    request = Request("GET", Origin("http", "pixel.example", 80), "/", headers)
    reader = ResponseReader(request, 200, fields, Limits(body=limit))
    for piece in pieces:
        reader.feed(piece)
    return reader.finish().body


@pytest.mark.parametrize("coding", ENCODED)
def test_an_encoded_body_is_decoded_in_any_cuts(coding: str) -> None:
    assert decoded(coding, ENCODED[coding]) == TEXT
    assert decoded(coding, *(bytes([each]) for each in ENCODED[coding])) == TEXT


@pytest.mark.parametrize(
    ("coding", "body", "headers"),
    [
        ("gzip", ENCODED["gzip"], Headers()),
        *((coding, b"as it is", DECODING) for coding in ("br", "gzip, deflate", "identity", "")),
        ("gzip", b"", DECODING),
    ],
    ids=["unasked", "br", "two", "identity", "none", "empty"],
)
def test_other_bodies_are_not_decoded(coding: str, body: bytes, headers: Headers) -> None:
    assert decoded(coding, body, headers=headers) == body


@BOTH
def test_a_decompression_bomb_is_an_error_and_is_not_decoded_beyond_the_limit(coding: str) -> None:
    zeros = bytes(64 * 1024 * 1024)
    bomb = gzip.compress(zeros) if coding == "gzip" else zlib.compress(zeros)
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(PixelProtocolError, match="larger than the limit of 1000000 bytes"):
            decoded(coding, bomb)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


@BOTH
def test_the_limit_holds_for_the_received_bytes_too(coding: str) -> None:
    empty_blocks = zlib.compress(b"")[:2] + b"\x00\x00\x00\xff\xff" * 2000
    body = empty_blocks if coding == "deflate" else gzip.compress(b"") * 500
    with pytest.raises(PixelProtocolError, match="larger than the limit"):
        decoded(coding, body, limit=1000)


@pytest.mark.parametrize(
    ("coding", "body", "message"),
    [
        ("gzip", b"not encoded at all", "is not encoded"),
        ("gzip", ENCODED["gzip"][:50] + b"\xff" * 50, "answer to GET"),
        ("gzip", ENCODED["gzip"][:-9], "is cut short"),
        ("deflate", ENCODED["deflate"][:-9], "is cut short"),
    ],
)
def test_a_badly_encoded_or_incomplete_body_is_a_protocol_error(coding: str, body: bytes, message: str) -> None:
    with pytest.raises(PixelProtocolError, match=message):
        decoded(coding, body)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_of_the_body_of_an_error_only_the_beginning_is_kept_and_decoded(coding: str) -> None:
    """60 MB of JSON, which are never parsed."""
    bomb = b"[" + b"[]," * 20_000_000
    body = {"gzip": gzip.compress(bomb), "deflate": zlib.compress(bomb), "identity": bomb}[coding]
    request = Request("GET", Origin("http", "pixel.example", 80), "/", DECODING)
    reader = ResponseReader(request, 422, [(b"content-encoding", coding.encode())])
    for start in range(0, len(body), 4096):
        reader.feed(body[start : start + 4096])
    kept = reader.finish().body
    assert ERROR_BODY <= len(kept) < ERROR_BODY + 4096 or kept == bomb[:ERROR_BODY]
