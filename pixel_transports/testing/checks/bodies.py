"""Checks of what is sent as a body: bytes, slices of files, forms."""

import hashlib
import tracemalloc
from pathlib import Path

from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import Body, FileSlice, Form, Meter
from pixel_transports.net.files import whole_body
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.table import check, expect, failure, same

CONTENT = bytes(range(251)) * 12_000
LARGE = 48 * 1024 * 1024
FLAT = 12 * 1024 * 1024
"""How much memory a transport may take for a large file, in bytes."""


def _form(content: bytes | FileSlice) -> Form:
    return Form((("key", "a/b"), ("policy", "e30=")), 'a "b" ø.jpg', content, "b0undary")


def _arrives(rig: Harness, method: str, body: Body) -> None:
    """Send it, and see that it arrives byte for byte and with its length."""
    request = rig.request(method, body=body)
    whole = whole_body(request)
    same(rig.send(request).status, 200, "status")
    seen = rig.far.seen[-1]
    same(seen.values("Content-Length"), [str(len(whole))], "Content-Length")
    same(seen.values("Transfer-Encoding"), [], "Transfer-Encoding")
    same(seen.length, len(whole), "how many bytes came")
    same(seen.digest, hashlib.sha256(whole).hexdigest(), "the digest of what came")


@check()
def bytes_arrive_as_they_are(rig: Harness) -> None:
    """A body in bytes arrives byte for byte, with its length and never in chunks; an empty one too."""
    for method in ("POST", "PUT", "PATCH"):
        for size in (0, 1, 70_000, len(CONTENT)):
            _arrives(rig, method, CONTENT[:size])
    _arrives(rig, "DELETE", b'{"ids": [1]}')


@check()
def a_slice_of_a_file_arrives_as_it_is(rig: Harness) -> None:
    """The bytes of a file from its offset on arrive, and none besides; its meter tells of all of them."""
    path = str(rig.file(CONTENT))
    for offset, length in ((0, len(CONTENT)), (1000, 2_000_000), (len(CONTENT) - 1, 1), (7, 300_000), (5, 0)):
        meter = Meter()
        _arrives(rig, "PUT", FileSlice(path, offset, length, meter))
        same(meter.bytes, length, "what the meter tells")


@check()
def a_form_with_a_file_arrives_as_the_object_storage_wants_it(rig: Harness) -> None:
    """A form arrives byte for byte with its content type and its length, its file last and from its offset on."""
    for content in (
        FileSlice(str(rig.file(CONTENT)), 3, 1_000_000),
        FileSlice(str(rig.file(b"", "e")), 0, 0),
        b"bytes",
    ):
        _arrives(rig, "POST", _form(content))
        same(rig.far.seen[-1].values("Content-Type"), ["multipart/form-data; boundary=b0undary"], "Content-Type")


@check()
def one_request_can_be_sent_again(rig: Harness) -> None:
    """A request with a file is a value: sent twice, all of it arrives twice."""
    request = rig.request("PUT", body=FileSlice(str(rig.file(CONTENT)), 0, len(CONTENT)))
    for _ in range(2):
        rig.send(request)
        same(rig.far.seen[-1].length, len(CONTENT), "how many bytes came")


@check()
def a_file_that_became_shorter_is_an_error_of_its_own(rig: Harness) -> None:
    """A file that ends before its slice does, or is gone, is a PixelFileChangedError that names it; and the transport
    goes on.
    """
    for left in (CONTENT[:1_000_000], b"", None):
        path = rig.file(CONTENT)
        piece = FileSlice(str(path), 0, len(CONTENT))
        _change(path, left)
        for method, body in (("PUT", piece), ("POST", _form(piece))):
            error = failure(rig, rig.request(method, body=body), PixelFileChangedError)
            expect(path.name in str(error), f"the error does not name the file: {error}")
        same(rig.send(rig.request()).body, b"ok", "the answer after it")


def _change(path: Path, left: bytes | None) -> None:
    if left is None:
        path.unlink()
    else:
        path.write_bytes(left)


@check("flat-memory")
def a_large_file_is_sent_in_flat_memory(rig: Harness) -> None:
    """A file of 48 MiB takes no more than 12 MiB of memory, as a body and in a form."""
    path = rig.file(b"", "large.bin")
    with path.open("wb") as file:
        file.truncate(LARGE)  # which takes no room on disk
    piece = FileSlice(str(path), 0, LARGE)
    for method, body in (("PUT", piece), ("POST", _form(piece))):
        tracemalloc.start()
        try:
            same(rig.send(rig.request(method, body=body)).status, 200, "status")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        expect(rig.far.seen[-1].length >= LARGE, "not all of it came")
        expect(peak < FLAT, f"{peak / 1e6:.0f} MB of memory for a file of {LARGE / 1e6:.0f} MB")
