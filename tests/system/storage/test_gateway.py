"""Uploads into MinIO: what the clients store arrives there, and what it refuses is understood.

Rules kept here:

* What is asserted of the storage is what MinIO answered when it was asked, and stands here in its own words.
* Requests to the storage are made by the client library and judged by MinIO; what arrived is read by other code.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pixel_client import PixelApiSettings, PixelAttachmentUpload, PixelUploadFile

from pixel_core import Account, Form, Headers, Options, Session
from pixel_core.errors import PixelStorageError
from pixel_core.messages import Body, FileSlice, Response
from pixel_core.models import AttachmentResourceType
from pixel_transports import PixelClient, PixelClientAsync
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.net.blocking import SocketTransport
from pixel_transports.sandbox import SAMPLE_AREA
from tests.system.storage.minio import SECONDS, Bucket, BucketError, md5
from tests.system.storage.pixel import BucketPixel
from tests.transports.sandbox.support import JPEG, PNG, TIFF, las

MIB = 1024 * 1024
HARD_NAMES = [
    "plain.jpg",
    "two words.jpg",
    "Jæren på våren.jpg",
    "100% + 1 & 'more' = (a)~!*.jpg",
    "a;b,c?d#e.jpg",
    'say "hi" \\ there.jpg',
    "😀.jpg",
]
"""Names that have to be escaped: in a form, in a URL, or in what is signed."""


class Sender:
    """The library's requests to the storage, sent over sockets, each tried up to three times. Where the MD5 of the
    bytes is `declared` to the library too, it compares that with the ETag of the answer.
    """

    def __init__(self, transport: SocketTransport, folder: Path, bucket: Bucket) -> None:
        account = Account("http://127.0.0.1:9", "nobody", "nobody", "nobody", "nothing")
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
    """A key that no other test has."""
    return f"tests/{request.node.name}/å + b.bin"


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


# What MinIO takes


def test_a_form_is_stored_as_it_is_and_its_etag_is_its_md5(sender: Sender, bucket: Bucket, key: str) -> None:
    content = os.urandom(MIB + 1)
    answer = sender.form(bucket.form(key, md5(content)), content)
    assert (answer.status, answer.headers["ETag"], answer.body) == (204, etag(content), b"")
    assert bucket.read(key) == content


def test_an_empty_file_is_stored_too(sender: Sender, bucket: Bucket, key: str) -> None:
    assert sender.form(bucket.form(key, md5(b"")), b"").headers["ETag"] == etag(b"")
    assert bucket.read(key) == b""


def test_each_part_s_etag_is_its_md5_and_complete_joins_them(sender: Sender, bucket: Bucket, key: str) -> None:
    parts = {1: os.urandom(5 * MIB), 2: os.urandom(5 * MIB), 3: b"the rest"}
    upload_id = bucket.begin(key)
    for number in (3, 1, 2):
        content = parts[number]
        answer = sender.part(bucket.part(key, upload_id, number, md5(content)), content)
        assert (answer.status, answer.headers["ETag"]) == (200, etag(content))
    assert bucket.facts(key) is None
    bucket.complete(key, upload_id, {number: hashlib.md5(content).hexdigest() for number, content in parts.items()})
    assert bucket.read(key) == b"".join(parts.values())


def test_a_part_that_is_sent_again_takes_the_place_of_the_first(sender: Sender, bucket: Bucket, key: str) -> None:
    upload_id = bucket.begin(key)
    for content in (b"first", b"second"):
        sender.part(bucket.part(key, upload_id, 1, md5(content)), content)
    bucket.complete(key, upload_id, {1: hashlib.md5(b"second").hexdigest()})
    assert bucket.read(key) == b"second"


# What MinIO refuses


def test_a_part_that_is_not_what_its_md5_says_is_a_bad_digest(sender: Sender, bucket: Bucket, key: str) -> None:
    target = bucket.part(key, bucket.begin(key), 1, md5(b"what was hashed"))
    with pytest.raises(PixelStorageError) as caught:
        sender.part(target, b"what was sent")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (400, "BadDigest", False)


def test_an_md5_that_is_none_is_an_invalid_digest(sender: Sender, bucket: Bucket, key: str) -> None:
    target = bucket.part(key, bucket.begin(key), 1, "bm90IDE2IGJ5dGVz")
    with pytest.raises(PixelStorageError) as caught:
        sender.part(target, b"x")
    assert (caught.value.status_code, caught.value.code) == (400, "InvalidDigest")


def test_a_form_is_stored_whatever_its_md5_says_and_only_the_etag_tells(
    sender: Sender, bucket: Bucket, key: str
) -> None:
    answer = sender.form(bucket.form(key, md5(b"what was hashed")), b"what was sent")
    assert (answer.status, answer.headers["ETag"]) == (204, etag(b"what was sent"))
    assert bucket.read(key) == b"what was sent"


def test_a_form_that_was_stored_with_other_bytes_is_sent_again_once_and_is_then_an_error(
    sender: Sender, bucket: Bucket, key: str
) -> None:
    declared = md5(b"what was hashed")
    with pytest.raises(PixelStorageError, match="stored other bytes than were sent, after 2 tries") as caught:
        sender.form(bucket.form(key, declared), b"what was sent", declared)
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (204, "", False)


def test_the_etags_of_forms_and_parts_are_what_the_library_expects(sender: Sender, bucket: Bucket, key: str) -> None:
    content = os.urandom(MIB)
    upload_id = bucket.begin(f"{key}2")
    assert sender.form(bucket.form(key, md5(content)), content, md5(content)).status == 204
    assert sender.part(bucket.part(f"{key}2", upload_id, 1, md5(content)), content, md5(content)).status == 200


def test_a_form_whose_time_has_passed_has_expired(sender: Sender, bucket: Bucket, key: str) -> None:
    fields = bucket.form(key, md5(b"x"), time.time() - SECONDS - 1)
    with pytest.raises(PixelStorageError, match="AccessDenied, the signature has expired, after 1 try") as caught:
        sender.form(fields, b"x")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (403, "AccessDenied", True)
    assert bucket.facts(key) is None


def test_the_url_of_a_part_whose_time_has_passed_has_expired(sender: Sender, bucket: Bucket, key: str) -> None:
    target = bucket.part(key, bucket.begin(key), 1, md5(b"x"), time.time() - SECONDS - 1)
    with pytest.raises(PixelStorageError, match="AccessDenied, the signature has expired, after 1 try") as caught:
        sender.part(target, b"x")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (403, "AccessDenied", True)


def test_a_url_of_a_clock_that_is_far_ahead_is_not_valid_yet_and_has_not_expired(
    sender: Sender, bucket: Bucket, key: str
) -> None:
    target = bucket.part(key, bucket.begin(key), 1, md5(b"x"), time.time() + SECONDS)
    with pytest.raises(PixelStorageError) as caught:
        sender.part(target, b"x")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (403, "AccessDenied", False)


def test_a_tampered_form_is_refused_for_good(sender: Sender, bucket: Bucket, key: str) -> None:
    fields = bucket.form(key, md5(b"x"))
    for wrong in ({"x-amz-signature": "0" * 64}, {"policy": bucket.form(f"{key}2", md5(b"x"))["policy"]}):
        with pytest.raises(PixelStorageError, match="after 1 try") as caught:
            sender.form(fields | wrong, b"x")
        assert (caught.value.status_code, caught.value.code) == (403, "SignatureDoesNotMatch")
        assert not caught.value.expired
    assert bucket.facts(key) is None


def test_a_form_for_another_key_than_was_signed_is_refused_for_good(sender: Sender, bucket: Bucket, key: str) -> None:
    fields = bucket.form(key, md5(b"x"))
    with pytest.raises(PixelStorageError, match="after 1 try") as caught:
        sender.form(fields | {"key": "tests/elsewhere"}, b"x")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (403, "AccessDenied", False)
    assert bucket.facts("tests/elsewhere") is None


def test_a_form_with_metadata_that_was_not_signed_is_refused_for_good(sender: Sender, bucket: Bucket, key: str) -> None:
    fields = bucket.form(key, md5(b"x")) | {"x-amz-meta-more": "y"}
    with pytest.raises(PixelStorageError, match="after 1 try") as caught:
        sender.form(fields, b"x")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (403, "AccessDenied", False)


def test_a_tampered_part_is_refused_for_good(sender: Sender, bucket: Bucket, key: str) -> None:
    url, headers = bucket.part(key, bucket.begin(key), 1, md5(b"x"))
    other = {"Content-MD5": md5(b"y")}
    wrong = [(url[:-8] + "00000000", headers), (url.replace("partNumber=1", "partNumber=2"), headers), (url, other)]
    for target in wrong:
        with pytest.raises(PixelStorageError, match="after 1 try") as caught:
            sender.part(target, b"x")
        assert (caught.value.status_code, caught.value.code) == (403, "SignatureDoesNotMatch")
        assert not caught.value.expired


def test_a_part_of_an_upload_that_is_gone_is_no_such_upload(sender: Sender, bucket: Bucket, key: str) -> None:
    upload_id = bucket.begin(key)
    bucket.abort(key, upload_id)
    with pytest.raises(PixelStorageError, match="after 1 try") as caught:
        sender.part(bucket.part(key, upload_id, 1, md5(b"x")), b"x")
    assert (caught.value.status_code, caught.value.code, caught.value.expired) == (404, "NoSuchUpload", False)


def test_a_refusal_that_comes_before_the_body_was_read_is_still_told(sender: Sender, bucket: Bucket, key: str) -> None:
    content = bytes(32 * MIB)
    target = bucket.part(key, bucket.begin(key), 1, md5(content), time.time() - SECONDS - 1)
    with pytest.raises(PixelStorageError, match="after 1 try") as caught:
        sender.part(target, content)
    assert caught.value.expired


def test_parts_that_are_not_there_or_have_another_etag_cannot_be_joined(
    sender: Sender, bucket: Bucket, key: str
) -> None:
    upload_id = bucket.begin(key)
    sender.part(bucket.part(key, upload_id, 1, md5(b"x")), b"x")
    with pytest.raises(BucketError, match="400 InvalidPart"):
        bucket.complete(key, upload_id, {1: hashlib.md5(b"z").hexdigest()})
    with pytest.raises(BucketError, match="404 NoSuchUpload"):  # S3 says InvalidPart here too
        bucket.complete(key, upload_id, {1: hashlib.md5(b"x").hexdigest(), 2: hashlib.md5(b"y").hexdigest()})


# A Pixel that stores there, and both clients


def write(folder: Path, files: dict[str, bytes]) -> list[Path]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def place(client: PixelClient, kind: Any) -> tuple[int, int]:
    project_id = client.create_project("Jæren", "Flights", SAMPLE_AREA)["id"]
    return project_id, client.create_data_collection(project_id, "May", "Morning", kind)["id"]


@pytest.fixture
def client(pixel_settings: PixelApiSettings) -> Iterator[PixelClient]:
    with PixelClient.from_settings(pixel_settings) as open_client:
        yield open_client


def test_an_image_arrives_under_any_name(client: PixelClient, pixel: BucketPixel, tmp_path: Path) -> None:
    here = place(client, "image")
    files = {name: JPEG + name.encode() for name in HARD_NAMES}
    for path in write(tmp_path, files):
        assert client.upload_image(*here, path)["name"] == path.name
    assert pixel.uploaded(here[1]) == files


def test_many_images_arrive_side_by_side(client: PixelClient, pixel: BucketPixel, tmp_path: Path) -> None:
    here = place(client, "image")
    files = {f"{number}.jpg": JPEG + os.urandom(1000 * number) for number in range(40)}
    uploads = [PixelUploadFile(file=path) for path in write(tmp_path, files)]
    images, errors = client.upload_multiple_images(*here, uploads)
    assert not errors
    assert [image["name"] for image in images] == list(files)
    assert pixel.uploaded(here[1]) == files


def test_a_raster_arrives_with_its_support_files(client: PixelClient, pixel: BucketPixel, tmp_path: Path) -> None:
    here = place(client, "raster")
    files = {
        "heights.tif": TIFF,
        "heights.tfw": b"0.5\n0\n0\n-0.5\n",
        "heights å.xml": b"<metadata/>",
        "empty.prj": b"",
    }
    raster, *support = write(tmp_path, files)
    client.upload_raster(*here, raster, support_files=support)
    assert pixel.uploaded(here[1]) == files


def test_a_point_cloud_arrives_in_parts(client: PixelClient, pixel: BucketPixel, tmp_path: Path) -> None:
    here = place(client, "point_cloud")
    files = {name: las() + os.urandom(13 * MIB) for name in ("cloud.las", "100% + 1 & 'more' = (å)~!*.las")}
    for path in write(tmp_path, files):
        cloud = client.upload_point_cloud(*here, path, multipart=True, multipart_part_size=6 * MIB)
        assert cloud["name"] == path.name
    assert pixel.uploaded(here[1]) == files


def test_a_file_that_fits_into_one_part_arrives_as_one(client: PixelClient, pixel: BucketPixel, tmp_path: Path) -> None:
    here = place(client, "image")
    (path,) = write(tmp_path, {"small.png": PNG})
    client.upload_image(*here, path, multipart=True, multipart_part_size=6 * MIB)
    assert pixel.uploaded(here[1]) == {"small.png": PNG}


def declared(client: PixelClient, here: tuple[int, int], more: str, file: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The path of the upload jobs of a data collection, and a new one for this file."""
    path = f"/projects/{here[0]}/data_collections/{here[1]}/upload_jobs/"
    (job,) = client.request("POST", path + more, json={"files": [file]}).json()
    return path, job


def ended(client: PixelClient, path: str, job: dict[str, Any]) -> tuple[str, str]:
    """How an upload job ends once it is said to be finished: its status and the reason."""
    finished = client.request("PUT", f"{path}{job['id']}/uploadFinished").json()
    client.wait_for_job(finished["job"]["job_id"])
    (found,) = client.request("GET", path, {"ids": [job["id"]]}).json()
    return found["status"], found["detail"]


def test_a_form_that_was_stored_with_other_bytes_is_found_when_the_upload_is_finished(
    client: PixelClient, sender: Sender
) -> None:
    path, job = declared(client, place(client, "image"), "", {"name": "a.jpg", "md5": md5(JPEG)})
    assert sender.form(job["upload_fields"], JPEG + b"!").status == 204
    reason = "a.jpg: the MD5 of what was stored differs from the declared one"
    assert ended(client, path, job) == ("failed", reason)


def test_parts_that_lack_one_are_found_when_the_upload_is_finished(client: PixelClient, sender: Sender) -> None:
    parts = [{"part_number": n, "md5": md5(las()), "content_length": len(las())} for n in (1, 2)]
    path, job = declared(client, place(client, "point_cloud"), "multipart", {"name": "a.las", "parts": parts})
    first = job["upload_parts"][0]
    sender.part((first["url"], first["headers"]), las())
    assert ended(client, path, job) == ("failed", "a.las: the parts cannot be joined, NoSuchUpload")


def test_attachments_arrive(client: PixelClient, pixel: BucketPixel, tmp_path: Path) -> None:
    project_id, collection_id = place(client, "image")
    files = {"report å.pdf": b"%PDF", "empty.txt": b""}
    report, empty = write(tmp_path, files)
    given = [PixelAttachmentUpload(file=report, name="Report", description="of May"), empty]
    holders: list[tuple[AttachmentResourceType, int]] = [("project", project_id), ("data_collection", collection_id)]
    for kind, holder_id in holders:
        attached = client.add_attachments(kind, holder_id, given)
        assert [each.get("status") for each in attached] == ["Completed", "Completed"]
        assert pixel.attached(kind, holder_id) == {"Report": b"%PDF", "empty.txt": b""}


@pytest.mark.anyio
async def test_the_async_client_stores_images_rasters_point_clouds_and_attachments_too(
    pixel_settings: PixelApiSettings, pixel: BucketPixel, tmp_path: Path
) -> None:
    images = {name: JPEG + os.urandom(MIB) for name in HARD_NAMES}
    raster = {"heights.tif": TIFF, "heights.tfw": b"0.5\n"}
    cloud = {"cloud å.las": las() + os.urandom(13 * MIB)}
    async with PixelClientAsync.from_settings(pixel_settings) as client:
        project_id = (await client.create_project("Jæren", "Flights", SAMPLE_AREA))["id"]
        places = {}
        for kind in ("image", "raster", "point_cloud"):
            collection = await client.create_data_collection(project_id, kind, "Morning", kind)
            places[kind] = collection["id"]
        uploads = [PixelUploadFile(file=path) for path in write(tmp_path, images)]
        _, errors = await client.upload_multiple_images(project_id, places["image"], uploads)
        assert not errors
        main, support = write(tmp_path, raster)
        await client.upload_raster(project_id, places["raster"], main, support_files=[support])
        (path,) = write(tmp_path, cloud)
        await client.upload_point_cloud(
            project_id, places["point_cloud"], path, multipart=True, multipart_part_size=6 * MIB
        )
        await client.add_attachments("project", project_id, [main])
    assert pixel.uploaded(places["image"]) == images
    assert pixel.uploaded(places["raster"]) == raster
    assert pixel.uploaded(places["point_cloud"]) == cloud
    assert pixel.attached("project", project_id) == {"heights.tif": TIFF}
