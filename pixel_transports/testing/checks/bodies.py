"""Checks of request bodies: bytes, slices of files, forms."""

import hashlib
import tracemalloc

from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import Body, FileSlice, Form, Meter
from pixel_transports.net.files import whole_body
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.table import check, expect, failure, same

CONTENT = bytes(range(251)) * 12_000
LARGE = 48 * 1024 * 1024
FLAT = 12 * 1024 * 1024
"""Memory that a transport may take for a large file, in bytes."""


def _form(content: bytes | FileSlice) -> Form:
    return Form((("key", "a/b"), ("policy", "e30=")), 'a "b" ø.jpg', content, "b0undary")


def _arrives(harness: Harness, method: str, body: Body) -> None:
    """Send a body, and check that it arrives byte for byte with its length."""
    request = harness.request(method, body=body)
    whole = whole_body(request)
    same(harness.send(request).status, 200, "status")
    received = harness.server.received[-1]
    same(received.values("Content-Length"), [str(len(whole))], "Content-Length")
    same(received.values("Transfer-Encoding"), [], "Transfer-Encoding")
    same(received.length, len(whole), "received bytes")
    same(received.digest, hashlib.sha256(whole).hexdigest(), "digest of the received bytes")


@check()
def bytes_arrive_as_they_are(harness: Harness) -> None:
    """A body of bytes, empty or not, arrives byte for byte, with Content-Length and not chunked."""
    for method in ("POST", "PUT", "PATCH"):
        for size in (0, 1, 70_000, len(CONTENT)):
            _arrives(harness, method, CONTENT[:size])
    _arrives(harness, "DELETE", b'{"ids": [1]}')


@check()
def a_slice_of_a_file_arrives_as_it_is(harness: Harness) -> None:
    """The bytes of a slice arrive, and no others; its meter counts all of them."""
    path = str(harness.file(CONTENT))
    for offset, length in ((0, len(CONTENT)), (1000, 2_000_000), (len(CONTENT) - 1, 1), (7, 300_000), (5, 0)):
        meter = Meter()
        _arrives(harness, "PUT", FileSlice(path, offset, length, meter))
        same(meter.bytes, length, "bytes of the meter")


@check()
def a_form_with_a_file_arrives_as_the_object_storage_requires(harness: Harness) -> None:
    """A form arrives byte for byte with its content type and length, its file last and from the offset on."""
    for content in (
        FileSlice(str(harness.file(CONTENT)), 3, 1_000_000),
        FileSlice(str(harness.file(b"", "e")), 0, 0),
        b"bytes",
    ):
        _arrives(harness, "POST", _form(content))
        kind = harness.server.received[-1].values("Content-Type")
        same(kind, ["multipart/form-data; boundary=b0undary"], "Content-Type")


@check()
def one_request_can_be_sent_again(harness: Harness) -> None:
    """A request with a file can be sent twice, and arrives completely both times."""
    request = harness.request("PUT", body=FileSlice(str(harness.file(CONTENT)), 0, len(CONTENT)))
    for _ in range(2):
        harness.send(request)
        same(harness.server.received[-1].length, len(CONTENT), "received bytes")


@check()
def a_file_that_became_shorter_is_an_error_of_its_own(harness: Harness) -> None:
    """A file that ends before its slice, or is missing, causes a PixelFileChangedError with its name; and the transport
    keeps working.
    """
    for left in (CONTENT[:1_000_000], b"", None):
        path = harness.file(CONTENT)
        piece = FileSlice(str(path), 0, len(CONTENT))
        if left is None:
            path.unlink()
        else:
            path.write_bytes(left)
        for method, body in (("PUT", piece), ("POST", _form(piece))):
            error = failure(harness, harness.request(method, body=body), PixelFileChangedError)
            expect(path.name in str(error), f"the error does not name the file: {error}")
        same(harness.send(harness.request()).body, b"ok", "the answer after it")


@check("flat-memory")
def a_large_file_is_sent_in_flat_memory(harness: Harness) -> None:
    """A file of 48 MiB takes no more than 12 MiB of memory, as a body and in a form."""
    piece = harness.sparse_file(LARGE)
    for method, body in (("PUT", piece), ("POST", _form(piece))):
        tracemalloc.start()
        try:
            same(harness.send(harness.request(method, body=body)).status, 200, "status")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        expect(harness.server.received[-1].length >= LARGE, "not all of it came")
        expect(peak < FLAT, f"{peak / 1e6:.0f} MB of memory for a file of {LARGE / 1e6:.0f} MB")
