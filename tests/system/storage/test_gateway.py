"""Uploads into MinIO: files arrive unchanged, refusals are the right errors, refused jobs are replaced."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pixel_client import PixelUploadFile

from pixel_core import Account, Form, Headers, Options, Session
from pixel_core.errors import PixelStorageError
from pixel_core.messages import Body, FileSlice, Response
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.net.blocking import SocketTransport
from tests.system.storage.conftest import MIB, Call, place, write
from tests.system.storage.minio import SECONDS, Bucket
from tests.system.storage.pixel import BucketPixel
from tests.transports.sandbox.support import JPEG, TIFF, las, md5

HARD_NAMES = ["plain.jpg", "two words.jpg", "Jæren på våren.jpg", "100% + 1 & 'more' = (a)~!*.jpg", "a;b,c?d#e.jpg"]
HARD_NAMES += ['say "hi" \\ there.jpg', "😀.jpg"]
"""Names that need escaping in a form, in a URL, or in a signature."""


class Sender:
    """Sends the library's requests to the storage, each up to three times. With `declared`, the library compares this
    MD5 with the ETag of the answer.
    """

    def __init__(self, transport: SocketTransport, folder: Path, bucket: Bucket) -> None:
        account = Account("http://127.0.0.1:9", "realm", "client", "user", "password")
        self._session = Session("http://127.0.0.1:9", account, Options(upload_num_retries=3))
        self._driver = BlockingDriver(transport)
        self._folder = folder
        self._bucket = bucket

    def form(self, fields: dict[str, str], content: bytes, declared: str | None = None) -> Response:
        path = self._folder / "whole.bin"
        path.write_bytes(content)
        file = FileSlice(str(path), 0, len(content))
        form = Form(tuple(fields.items()), path.name, file, "b" * 32)
        return self._send("POST", self._bucket.url, form, {}, declared)

    def part(self, target: tuple[str, dict[str, str]], content: bytes, declared: str | None = None) -> Response:
        url, headers = target
        return self._send("PUT", url, content, headers, declared)

    def _send(self, method: str, url: str, body: Body, headers: dict[str, str], declared: str | None) -> Response:
        return self._driver.run(self._session.store(method, url, body, Headers(headers), md5=declared))


@pytest.fixture
def sender(tmp_path: Path, bucket: Bucket) -> Iterator[Sender]:
    transport = SocketTransport()
    yield Sender(transport, tmp_path, bucket)
    transport.close()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"tests/{request.node.name}/å + b.bin"


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def test_forms_and_parts_are_stored_and_their_etag_is_their_md5(sender: Sender, bucket: Bucket, key: str) -> None:
    for content in (os.urandom(MIB + 1), b""):
        answer = sender.form(bucket.form(key, md5(content)), content, md5(content))
        assert (answer.status, answer.headers["ETag"], answer.body) == (204, etag(content), b"")
        assert bucket.read(key) == content
    parts = {1: os.urandom(5 * MIB), 2: os.urandom(5 * MIB), 3: b"the rest"}
    upload_id = bucket.begin(f"{key}2")
    for number in (3, 1, 2, 1):  # a part that is sent again replaces the first
        content = parts[number]
        answer = sender.part(bucket.part(f"{key}2", upload_id, number, md5(content)), content, md5(content))
        assert (answer.status, answer.headers["ETag"]) == (200, etag(content))
    assert not bucket.exists(f"{key}2")
    bucket.complete(f"{key}2", upload_id, {number: hashlib.md5(part).hexdigest() for number, part in parts.items()})
    assert bucket.read(f"{key}2") == b"".join(parts.values())


def test_a_form_is_stored_with_any_md5_and_the_library_compares_the_etag(
    sender: Sender, bucket: Bucket, key: str
) -> None:
    declared = md5(b"declared")
    assert sender.form(bucket.form(key, declared), b"sent").headers["ETag"] == etag(b"sent")
    with pytest.raises(PixelStorageError, match="after 2 tries") as caught:
        sender.form(bucket.form(key, declared), b"sent", declared)
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (204, "", False)


X = md5(b"x")
PAST = -SECONDS - 1
DENIED, TAMPERED = (403, "AccessDenied", False), (403, "SignatureDoesNotMatch", False)
EXPIRED = (403, "AccessDenied", True)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (lambda bucket, key: bucket.form(key, X, time.time() + PAST), EXPIRED),
        (lambda bucket, key: {"x-amz-signature": "0" * 64}, TAMPERED),
        (lambda bucket, key: {"key": "tests/elsewhere"}, DENIED),
    ],
    ids=["expired", "signature", "key"],
)
def test_a_form_that_is_refused_is_an_error_and_is_not_repeated(
    sender: Sender, bucket: Bucket, key: str, changes: Callable[[Bucket, str], dict[str, str]], refusal: Any
) -> None:
    with pytest.raises(PixelStorageError, match="after 1 try") as caught:
        sender.form({**bucket.form(key, X), **changes(bucket, key)}, b"x")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == refusal
    assert not bucket.exists(key)
    assert not bucket.exists("tests/elsewhere")


def signed(bucket: Bucket, key: str, digest: str = X, after: float = 0.0) -> tuple[str, dict[str, str]]:
    """The URL and the headers of a part, signed so many seconds from now."""
    return bucket.part(key, bucket.begin(key), 1, digest, time.time() + after)


def of_aborted_upload(bucket: Bucket, key: str) -> tuple[str, dict[str, str]]:
    upload_id = bucket.begin(key)
    bucket.abort(key, upload_id)
    return bucket.part(key, upload_id, 1, X)


@pytest.mark.parametrize(
    ("target", "content", "refusal"),
    [
        (lambda bucket, key: signed(bucket, key, md5(b"y")), b"x", (400, "BadDigest", False)),
        (lambda bucket, key: signed(bucket, key, "bm90IDE2IGJ5dGVz"), b"x", (400, "InvalidDigest", False)),
        (lambda bucket, key: signed(bucket, key, after=PAST), b"x", EXPIRED),
        (lambda bucket, key: signed(bucket, key, after=PAST), bytes(32 * MIB), EXPIRED),  # before the body is read
        (lambda bucket, key: (signed(bucket, key)[0][:-8] + "00000000", {"Content-MD5": X}), b"x", TAMPERED),
        (of_aborted_upload, b"x", (404, "NoSuchUpload", False)),
    ],
    ids=["digest", "no digest", "expired", "expired, large", "signature", "aborted"],
)
def test_a_part_that_is_refused_is_an_error_with_the_code_of_the_storage(
    sender: Sender, bucket: Bucket, key: str, target: Callable[[Bucket, str], Any], content: bytes, refusal: Any
) -> None:
    with pytest.raises(PixelStorageError) as caught:
        sender.part(target(bucket, key), content)
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == refusal
    if refusal[0] != 400:
        assert "after 1 try" in str(caught.value)


def test_an_image_arrives_under_any_name(call: Call, pixel: BucketPixel, tmp_path: Path) -> None:
    here = place(call, "image")
    files = {name: JPEG + name.encode() for name in HARD_NAMES}
    for path in write(tmp_path, files):
        assert call("upload_image", *here, path)["name"] == path.name
    assert pixel.uploaded(here[1]) == files


def test_a_raster_arrives_with_its_support_files(call: Call, pixel: BucketPixel, tmp_path: Path) -> None:
    here = place(call, "raster")
    support = {"heights.tfw": b"0.5\n0\n0\n-0.5\n", "heights å.xml": b"<metadata/>", "empty.prj": b""}
    files = {"heights.tif": TIFF, **support}
    raster, *others = write(tmp_path, files)
    call("upload_raster", *here, raster, support_files=others)
    assert pixel.uploaded(here[1]) == files


@pytest.mark.parametrize(("more", "name"), [(13 * MIB, "cloud.las"), (0, "100% + 1 & 'more' = (å)~!*.las")])
def test_a_point_cloud_arrives_in_parts_or_in_one(
    call: Call, pixel: BucketPixel, tmp_path: Path, more: int, name: str
) -> None:
    here = place(call, "point_cloud")
    files = {name: las() + os.urandom(more)}
    (path,) = write(tmp_path, files)
    cloud = call("upload_point_cloud", *here, path, multipart=True, multipart_part_size=6 * MIB)
    assert cloud["name"] == name
    assert pixel.uploaded(here[1]) == files


@pytest.mark.parametrize(
    ("kind", "refusal", "parts"),
    [
        ("image", "stale", {}),
        ("point_cloud", "stale", {"multipart": True, "multipart_part_size": 6 * MIB}),
        ("point_cloud", "lost", {"multipart": True, "multipart_part_size": 6 * MIB}),
    ],
    ids=["expired form", "expired parts", "aborted upload in parts"],
)
def test_a_refused_upload_job_is_replaced_and_the_file_is_stored(
    call: Call, pixel: BucketPixel, tmp_path: Path, kind: str, refusal: str, parts: dict[str, int]
) -> None:
    content = las() + os.urandom(13 * MIB) if parts else JPEG
    (path,) = write(tmp_path, {"a.las" if parts else "a.jpg": content})
    here = place(call, kind)
    setattr(pixel.uploads, refusal, 1)
    found = call(f"upload_{kind}", *here, path, **parts)
    assert pixel.of_resource(kind, found["id"]) == content
    assert refusal != "lost" or len(pixel.state.upload_jobs[here[1]]) == 2


def test_of_many_files_only_those_with_expired_forms_get_new_ones(
    call: Call, pixel: BucketPixel, tmp_path: Path
) -> None:
    paths = write(tmp_path, {name: JPEG + name.encode() for name in map("{}.jpg".format, range(20))})
    here = place(call, "image")
    pixel.uploads.stale = 2
    images, errors = call("upload_multiple_images", *here, [PixelUploadFile(file=path) for path in paths])
    assert not errors
    assert [pixel.of_resource("image", image["id"]) for image in images] == [path.read_bytes() for path in paths]
    assert len(pixel.state.upload_jobs[here[1]]) == len(paths) + 2
