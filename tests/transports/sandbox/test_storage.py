"""The object storage checks requests as S3 does, and has its errors."""

import gc
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixel_core.messages import Response
from pixel_transports.sandbox.multipart import FormError, FormParser, MultipartForm, parse_boundary, parse_form
from pixel_transports.sandbox.objects import ObjectFiles
from tests.support.paths import ROOT
from tests.transports.sandbox.support import JPEG, Caller, form_body, md5

Fields = dict[str, str]


def code(response: Response) -> tuple[int, str]:
    found = re.search(rb"<Code>(\w+)</Code>", response.body)
    assert response.headers["Content-Type"] == "application/xml"
    return response.status, found[1].decode() if found else ""


@pytest.fixture
def caller() -> Caller:
    return Caller(signature_seconds=60)


@pytest.fixture
def job(caller: Caller) -> dict[str, Any]:
    return caller.upload_job(caller.place(), JPEG, "å b+c.jpg")


@pytest.fixture
def part(caller: Caller) -> dict[str, Any]:
    parts = [{"part_number": 1, "md5": md5(JPEG), "content_length": len(JPEG)}]
    body = {"files": [{"name": "å b+c.jpg", "parts": parts}]}
    place: dict[str, Any] = caller.ok("POST", f"{caller.place()}/upload_jobs/multipart", body)[0]["upload_parts"][0]
    return place


def test_a_signed_form_stores_its_file(caller: Caller, job: dict[str, Any]) -> None:
    ignored = {"x-ignore-me": "a field without a condition"}
    response = caller.post_form(job["url"], {**job["upload_fields"], **ignored}, JPEG)
    assert (response.status, response.body) == (204, b"")
    key = job["upload_fields"]["key"]
    stored = caller.sandbox.objects[key]
    assert stored == JPEG
    assert response.headers["ETag"] == f'"{stored.etag}"'
    assert response.headers["Location"].startswith("http://pixel.test/storage/pixel-sandbox/uploads/")


def test_success_action_status_201_gets_xml(caller: Caller) -> None:
    signer = caller.sandbox.signer
    fields = signer.sign_form("k", md5(JPEG), caller.clock(), {"success_action_status": "201"})
    response = caller.post_form(f"http://pixel.test/storage/{signer.bucket}/", fields, JPEG)
    assert response.status == 201
    assert b"<Key>k</Key>" in response.body


@pytest.mark.parametrize(
    ("change", "expected", "message"),
    [
        ({"acl": "public"}, (403, "AccessDenied"), "Invalid according to Policy: Extra input fields: acl"),
        ({"key": "elsewhere"}, (403, "AccessDenied"), "Policy Condition failed"),
        ({"Content-MD5": None}, (403, "AccessDenied"), "Policy Condition failed"),
        ({"x-amz-signature": "0" * 64}, (403, "SignatureDoesNotMatch"), ""),
        ({"policy": "e30="}, (403, "SignatureDoesNotMatch"), ""),
        ({"x-amz-date": "20240101T000000Z"}, (400, "InvalidArgument"), ""),
        ({"x-amz-date": "today"}, (400, "InvalidArgument"), ""),
        ({"x-amz-algorithm": "none"}, (400, "InvalidArgument"), ""),
        ({"x-amz-credential": "other/x"}, (403, "InvalidAccessKeyId"), ""),
        ({"policy": None}, (400, "InvalidArgument"), "Bucket POST must contain a field named"),
        ({"key": None}, (400, "InvalidArgument"), "Bucket POST must contain a field named"),
    ],
)
def test_a_form_that_differs_from_its_policy_is_refused(
    caller: Caller, job: dict[str, Any], change: dict[str, str | None], expected: tuple[int, str], message: str
) -> None:
    fields = {name: value for name, value in {**job["upload_fields"], **change}.items() if value is not None}
    response = caller.post_form(job["url"], fields, JPEG)
    assert code(response) == expected
    assert message in response.body.decode()
    assert not caller.sandbox.objects


def test_a_form_is_valid_until_its_policy_expires_and_for_its_digest_only(caller: Caller, job: dict[str, Any]) -> None:
    assert code(caller.post_form(job["url"], job["upload_fields"], b"other")) == (400, "BadDigest")
    assert not caller.sandbox.objects
    caller.clock.advance(59.9)
    assert caller.post_form(job["url"], job["upload_fields"], JPEG).status == 204
    caller.clock.advance(0.1)
    response = caller.post_form(job["url"], job["upload_fields"], JPEG)
    assert code(response) == (403, "AccessDenied")
    assert b"Invalid according to Policy: Policy expired." in response.body


def test_fields_after_the_file_are_ignored(caller: Caller, job: dict[str, Any]) -> None:
    policy = job["upload_fields"].pop("policy")
    body, content_type = form_body(job["upload_fields"], JPEG)
    late = f'--b0undary\r\nContent-Disposition: form-data; name="policy"\r\n\r\n{policy}\r\n'
    body = body.replace(b"--b0undary--", late.encode() + b"--b0undary--")
    response = caller.raw("POST", "/storage/pixel-sandbox", {"Content-Type": content_type}, body)
    assert code(response) == (400, "InvalidArgument")


FORM = "multipart/form-data"


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"),
    [
        ("POST", "/pixel-sandbox", {"Content-Type": "text/plain"}, b"", (412, "PreconditionFailed")),
        ("POST", "/pixel-sandbox", {"Content-Type": FORM}, b"", (400, "MalformedPOSTRequest")),
        ("POST", "/pixel-sandbox", {"Content-Type": f"{FORM}; boundary=b"}, b"--b", (400, "MalformedPOSTRequest")),
        ("POST", "/pixel-sandbox", {"Content-Type": f"{FORM}; boundary=b"}, b"--b--\r\n", (400, "InvalidArgument")),
        (
            *("POST", "/pixel-sandbox", {"Content-Type": f"{FORM}; boundary=b", "Transfer-Encoding": "chunked"}),
            *(b"--b--\r\n", (411, "MissingContentLength")),
        ),
        ("GET", "/pixel-sandbox/k", {}, b"", (403, "AccessDenied")),
        ("PUT", "/pixel-sandbox/k", {}, b"", (403, "AccessDenied")),
        ("PUT", "/pixel-sandbox/k?X-Amz-Date=x", {}, b"", (400, "AuthorizationQueryParametersError")),
        ("DELETE", "/pixel-sandbox/k", {}, b"", (405, "MethodNotAllowed")),
        ("PUT", "/other/k", {}, b"", (404, "NoSuchBucket")),
        ("PUT", "", {}, b"", (404, "NoSuchBucket")),
    ],
)
def test_malformed_forms_and_other_requests_get_the_errors_of_s3(
    caller: Caller, method: str, path: str, headers: Fields, body: bytes, expected: tuple[int, str]
) -> None:
    assert code(caller.raw(method, f"/storage{path}", headers, body)) == expected


def test_a_signed_part_is_stored_until_it_expires_and_for_its_digest_only(caller: Caller, part: dict[str, Any]) -> None:
    assert code(caller.put(part["url"], part["headers"], JPEG + b"!")) == (400, "BadDigest")
    response = caller.put(part["url"], part["headers"], JPEG)
    assert (response.status, response.headers["ETag"][0]) == (200, '"')
    caller.clock.advance(60)
    response = caller.put(part["url"], part["headers"], JPEG)
    assert code(response) == (403, "AccessDenied")
    assert b"Request has expired" in response.body


def test_a_part_is_refused_when_anything_signed_differs(caller: Caller, part: dict[str, Any]) -> None:
    url = part["url"]
    changes = (("pixel.test", "other.test"), ("partNumber=1", "partNumber=2"), ("/uploads/", "/uploadz/"))
    wrong = [(url.replace(*change), part["headers"]) for change in changes]
    for target, headers in [*wrong, (url + "&more=1", part["headers"]), (url, {}), (url, {"Content-MD5": md5(b"x")})]:
        assert code(caller.put(target, headers, JPEG)) == (403, "SignatureDoesNotMatch"), target


@pytest.mark.parametrize(
    ("upload_id", "number", "headers", "expected"),
    [
        (None, "1", {"content-md5": "x"}, (400, "InvalidDigest")),
        (None, "2", {}, (400, "InvalidArgument")),
        ("x", "1", {}, (404, "NoSuchUpload")),
    ],
    ids=["malformed digest", "part that was not announced", "unknown upload"],
)
def test_a_signed_part_must_be_one_of_those_announced_and_have_a_valid_digest(
    caller: Caller, part: dict[str, Any], upload_id: str | None, number: str, headers: Fields, expected: tuple[int, str]
) -> None:
    ((announced, upload),) = caller.sandbox.state.uploads.items()
    path = f"/storage/pixel-sandbox/{quote(upload.key)}"
    query = {"uploadId": upload_id or announced, "partNumber": number}
    signed = caller.sandbox.signer.sign_query("PUT", path, query, {**headers, "host": "pixel.test"}, caller.clock())
    assert code(caller.raw("PUT", f"{path}?{signed}", headers, JPEG)) == expected


def test_a_form_has_fields_and_a_file() -> None:
    body, content_type = form_body({"a": "1", "B": "två"}, JPEG * 10, 'x"y.jpg')
    form = parse_form(body, parse_boundary(content_type))
    assert form == MultipartForm({"a": "1", "b": "två"}, "x%22y.jpg", JPEG * 10)


BROKEN = [
    b"",
    b"--b",
    b"--b\r\n",
    b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--bad',
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 21_000 + b"\r\n--b--",
    b'--b\r\nContent-Disposition: form-data; name="a"' + b" " * 9_000 + b"\r\n\r\nx\r\n--b--",
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2 + b"--b--",
    b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n1\r\n--bad',
]


@pytest.mark.parametrize("body", BROKEN)
def test_a_broken_form_is_a_form_error(body: bytes) -> None:
    with pytest.raises(FormError):
        parse_form(body, b"b")


NAMED = b'Content-Disposition: form-data; name="file"'
FORM_PIECES = st.sampled_from([b"--b", b"--", b"\r\n", b"\r\n\r\n", b"--b--", NAMED, b"; filename=x", b"x"])


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.lists(FORM_PIECES, max_size=14).map(b"".join)))
def test_any_bytes_in_any_chunks_are_a_form_or_a_form_error(body: bytes) -> None:
    outcomes = []
    for size in (len(body) + 1, 1, 3):
        file = bytearray()
        parser = FormParser(b"b", file.extend)
        try:
            for start in range(0, len(body), size):
                parser.feed(body[start : start + size])
            parser.finish()
            outcomes.append((parser.fields, parser.filename, bytes(file)))
        except FormError:
            outcomes.append(({}, None, b"no form"))
    assert outcomes[1:] == outcomes[:1] * 2


def test_what_was_stored_for_a_failed_a_deleted_or_an_aborted_upload_is_freed(tmp_path: Path) -> None:
    caller = Caller(memory_bytes=0)
    caller.sandbox.state.files = ObjectFiles(tmp_path, 0)
    place = caller.place()

    def files() -> int:
        return len(list(tmp_path.iterdir()))

    caller.ok("DELETE", f"{place}/images/{caller.resource(place)}")
    assert caller.upload(place, b"no picture")["status"] == "failed"
    job = caller.upload_job(place, JPEG)
    for _ in range(3):
        caller.post_form(job["url"], job["upload_fields"], JPEG)
    assert (files(), len(caller.sandbox.objects)) == (1, 1)
    attached = caller.ok(
        "POST", "/attachments/?resource_type=project&resource_id=1", {"files": [{"name": "a", "md5": md5(JPEG)}]}
    )[0]
    access = attached["upload_file_params"]
    caller.post_form(access["url"], access["fields"], JPEG)
    caller.ok("DELETE", f"/attachments/?resource_type=project&resource_id=1&attachment_id={attached['id']}")
    parts = [{"part_number": 1, "md5": md5(JPEG), "content_length": len(JPEG)}]
    part = caller.ok("POST", f"{place}/upload_jobs/multipart", {"files": [{"name": "b.jpg", "parts": parts}]})[0]
    assert caller.put(part["upload_parts"][0]["url"], part["upload_parts"][0]["headers"], JPEG).status == 200
    assert files() == 2
    caller.sandbox.abort_uploads()
    assert (files(), len(caller.sandbox.objects)) == (1, 1)


def test_the_files_of_a_sandbox_that_was_killed_are_removed_by_the_next(tmp_path: Path) -> None:
    code = "import os; from tests.transports.sandbox.support import Caller; c = Caller(memory_bytes=0)\n"
    code += "c.upload(c.place()); {end}"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def run(end: str) -> int:
        command = [sys.executable, "-c", code.format(end=end)]
        return subprocess.run(command, env=environment, cwd=ROOT, check=False, timeout=20).returncode

    assert run("os.kill(os.getpid(), 9)") == -9
    assert len(list(tmp_path.iterdir())) == 1
    assert run(f"assert len(os.listdir({str(tmp_path)!r})) == 1") == 0
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_photos_beyond_the_budget() -> None:
    caller = Caller(memory_bytes=100_000)
    place = caller.place()
    content = JPEG + bytes(50_000)
    for _ in range(3):
        caller.upload(place, content)
    tracemalloc.start()
    try:
        for _ in range(200):
            caller.upload(place, content)
        caller.sandbox._received.clear()  # it has a limit of its own
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] / 200
    finally:
        tracemalloc.stop()
    assert taken < 2_200, "100,000 photos need more than 220 MB"


def test_a_folder_that_cannot_be_written_is_a_503_and_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    caller = Caller()
    caller.sandbox.state.files = ObjectFiles(tmp_path / "file", 0)
    job = caller.upload_job(caller.place(), JPEG)
    assert code(caller.post_form(job["url"], job["upload_fields"], JPEG)) == (503, "ServiceUnavailable")
    assert caplog.messages == ["The storage cannot keep 1278 bytes: File exists"]
