"""Uploads: what is checked beforehand, what goes where, and what becomes of each file."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pixel_core import Effect, FileSlice, Flow, Form, Headers, Options, PixelApi, Request, Response
from pixel_core.api import upload_service
from pixel_core.errors import (
    PixelConnectionError,
    PixelFileChangedError,
    PixelJobTimeoutError,
    PixelProtocolError,
    PixelServerError,
    PixelStorageError,
    PixelUploadJobError,
)
from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_core.models import ImageMetadataFields, MetadataObject, PixelUploadFile
from tests.support.scripted_api import Outcome, PixelServer, World, body_of, json_response

D = "/acme/projects/1/data_collections/2"
Call = Callable[[PixelApi], Flow[Any]]
E = TypeVar("E", bound=Exception)
FILES = {
    "/p/a.jpg": b"hello pixel",
    "/p/b.jpg": b"other",
    "/p/a.wld": b"1 2 3",
    "/p/a.xml": b"<x/>",
    "/p/empty.jpg": b"",
}


def digest(content: bytes) -> str:
    return b64encode(md5(content).digest()).decode()


def stored(world: World) -> list[Request]:
    """The requests that went to the object storage."""
    return [each for each in world.requests if each.origin.host == "s3.test"]


def declared(world: World) -> list[dict[str, Any]]:
    """The files in all requests for upload jobs."""
    requests = [each for each in world.requests if each.method == "POST" and "/upload_jobs/" in each.path]
    return [file for each in requests for file in body_of(each)["files"]]


def made(server: PixelServer | None = None, **options: Any) -> World:
    return World(server or PixelServer(), files=FILES, options=Options(**options))


def upload(world: World, path: str = "/p/a.jpg", part_size: int | None = None, **more: Any) -> Any:
    """Upload one image, in parts if there is a part size."""
    parts: dict[str, Any] = {} if part_size is None else {"multipart": True, "multipart_part_size": part_size}
    return world.run(world.api.upload_image(1, 2, path, **parts, **more))


def refused(world: World, kind: type[E] | tuple[type[E], ...], **more: Any) -> E:
    """The error of an image that cannot be uploaded."""
    return world.fail(world.api.upload_image(1, 2, "/p/a.jpg", **more), kind)


def several(*names: str, **more: Any) -> list[PixelUploadFile]:
    return [PixelUploadFile.model_validate({"file": f"/p/{name}", **more}) for name in names]


# A single file


def test_an_image_is_declared_stored_validated_and_given() -> None:
    world = made()
    assert world.run(world.api.upload_image(1, 2, Path("/p/a.jpg"))) == {"id": 1100, "name": "a.jpg"}
    assert declared(world) == [{"name": "a.jpg", "md5": digest(b"hello pixel")}]
    assert world.calls == [
        ("GET", D),
        ("POST", f"{D}/upload_jobs/"),
        ("POST", "/bucket/a.jpg/100"),
        ("PUT", f"{D}/upload_jobs/100/uploadFinished"),
        ("GET", "/acme/jobs/j1"),
        ("GET", f"{D}/upload_jobs/?ids=100&limit=1"),
        ("GET", f"{D}/images/1100"),
    ]


def test_the_fields_of_the_form_come_first_in_their_order_and_the_file_last() -> None:
    world = made()
    upload(world)
    (request,) = stored(world)
    assert isinstance(request.body, Form)
    assert request.body.fields == (("key", "a.jpg/100"), ("policy", "p"), ("x-amz-signature", "s"))
    assert (request.body.filename, request.body.content) == ("a.jpg", b"hello pixel")
    first, content, last = request.body.segments()
    assert isinstance(first, bytes)
    assert isinstance(last, bytes)
    assert content == b"hello pixel"
    assert first.index(b'name="x-amz-signature"') < first.index(b'name="file"; filename="a.jpg"')
    assert last == f"\r\n--{request.body.boundary}--\r\n".encode()


def test_storage_requests_have_neither_token_nor_request_id_and_their_own_time_limits() -> None:
    world = made()
    upload(world, part_size=4)
    upload(world, support_files=["/p/a.wld"])
    assert len(stored(world)) == 5
    for request in stored(world):
        assert "Authorization" not in request.headers
        assert "X-Request-ID" not in request.headers
        assert request.timeouts == Options().timeout_upload


def test_a_multipart_file_is_declared_by_parts_and_each_is_put_with_exactly_its_headers() -> None:
    world = made()
    upload(world, part_size=4)
    contents = [b"hell", b"o pi", b"xel"]
    assert declared(world) == [
        {
            "name": "a.jpg",
            "parts": [
                {"part_number": number, "md5": digest(content), "content_length": len(content)}
                for number, content in enumerate(contents, 1)
            ],
        }
    ]
    assert ("POST", f"{D}/upload_jobs/multipart") in world.calls
    requests = stored(world)
    assert [each.method for each in requests] == ["PUT"] * 3
    assert [each.target for each in requests] == [f"/bucket/a.jpg/100?partNumber={n}&sig=x" for n in (1, 2, 3)]
    assert [world.sent(each) for each in requests] == contents
    assert [dict(each.headers) for each in requests] == [
        {"Content-MD5": digest(content), "x-amz-part": str(number)} for number, content in enumerate(contents, 1)
    ]


def test_support_files_are_paired_by_name_though_the_server_answers_in_another_order() -> None:
    world = made()
    upload(world, support_files=[Path("/p/a.wld"), "/p/a.xml"])
    assert declared(world) == [
        {
            "name": "a.jpg",
            "md5": digest(b"hello pixel"),
            "support_files": [
                {"name": "a.wld", "md5": digest(b"1 2 3")},
                {"name": "a.xml", "md5": digest(b"<x/>")},
            ],
        }
    ]
    assert {each.target: world.sent(each) for each in stored(world)} == {
        "/bucket/a.jpg/100": b"hello pixel",
        "/bucket/a.wld/of-100": b"1 2 3",
        "/bucket/a.xml/of-100": b"<x/>",
    }


def test_support_files_of_a_multipart_file_are_sent_whole() -> None:
    world = made()
    upload(world, support_files=["/p/a.wld"], part_size=2)
    assert [each.method for each in stored(world)] == ["PUT"] * 6 + ["POST"]
    assert world.sent(stored(world)[-1]) == b"1 2 3"


@pytest.mark.parametrize(
    ("metadata", "sent"),
    [
        ({"fields": {"x": None}, "free": 1}, {"metadata": {"fields": {"x": None}, "free": 1}}),
        (
            MetadataObject(fields=ImageMetadataFields(name="n"), json_metadata={"ok": True}),
            {"metadata": {"fields": {"fields_type": "image", "name": "n"}, "json_metadata": {"ok": True}}},
        ),
        (None, {}),
        ({}, {}),
        (MetadataObject(), {}),
    ],
)
def test_metadata_is_a_dict_that_goes_out_as_it_is_or_a_model_without_none_and_left_out_when_empty(
    metadata: Any, sent: dict[str, Any]
) -> None:
    world = made()
    upload(world, metadata=metadata)
    assert declared(world) == [{"name": "a.jpg", "md5": digest(b"hello pixel"), **sent}]


@pytest.mark.parametrize(
    ("path", "keywords", "declaration"),
    [
        ("/p/empty.jpg", {}, {"md5": digest(b"")}),
        (
            "/p/empty.jpg",
            {"part_size": 4},
            {"parts": [{"part_number": 1, "md5": digest(b""), "content_length": 0}]},
        ),
        ("/p/a.jpg", {"multipart_part_size": 4}, {"md5": digest(b"hello pixel")}),
    ],
    ids=["an empty file", "an empty part", "a part size without multipart"],
)
def test_a_file_is_one_piece(path: str, keywords: dict[str, Any], declaration: dict[str, Any]) -> None:
    world = made()
    upload(world, path, **keywords)
    assert declared(world) == [{"name": path[3:], **declaration}]
    assert [world.sent(each) for each in stored(world)] == [FILES[path]]


def test_progress_is_reported_in_order() -> None:
    world = made()
    upload(world, part_size=4)
    reported = [each for each in world.events if isinstance(each, (FileHashed, FileSent, FileFinished))]
    assert reported == [
        FileHashed("/p/a.jpg", 11),
        FileSent("/p/a.jpg", 11),
        FileFinished("/p/a.jpg", "validated_and_moved"),
    ]


# Errors before anything is sent or created


def test_a_missing_file_is_an_error_before_anything_is_sent() -> None:
    calls: list[Call] = [
        lambda api: api.upload_image(1, 2, "/p/none.jpg"),
        lambda api: api.upload_image(1, 2, "/p/a.jpg", support_files=["/p/none.wld"]),
    ]
    for call in calls:
        world = World(files=FILES)
        assert "/p/none." in str(world.fail(call(world.api), FileNotFoundError))


@pytest.mark.parametrize("size", [None, 0, -1, 1.5, True, "5"])
def test_multipart_without_a_usable_part_size_is_an_error_before_anything_is_sent(size: Any) -> None:
    world = World(files=FILES)
    refused(world, ValueError, multipart=True, multipart_part_size=size)
    files = several("a.jpg")
    world.fail(world.api.upload_multiple_images(1, 2, files, multipart=True, multipart_part_size=size), ValueError)


def test_more_parts_than_the_storage_accepts_are_an_error_before_anything_is_sent() -> None:
    world = World(files={"/p/a.jpg": b"x" * 10_001})
    flow = world.api.upload_image(1, 2, "/p/a.jpg", multipart=True, multipart_part_size=1)
    assert "use a multipart_part_size of 2 or more" in str(world.fail(flow, ValueError))


def test_equal_names_are_an_error_before_anything_is_sent() -> None:
    world = World(files={**FILES, "/q/a.jpg": b"3"})
    files = [*several("a.jpg"), PixelUploadFile.model_validate({"file": "/q/a.jpg"})]
    error = world.fail(world.api.upload_multiple_images(1, 2, files), ValueError)
    assert str(error).startswith("All files must have unique names")
    world.fail(world.api.upload_image(1, 2, "/p/b.jpg", support_files=["/p/a.jpg", "/q/a.jpg"]), ValueError)


# A single file that fails


PARTS = {"multipart": True, "multipart_part_size": 6}
JOB = {"id": 5, "url": "https://s3.test/b", "upload_fields": {}}
STORE = {"url": "https://s3.test/b"}
CREATE, CREATE_PARTS = ("POST", "/upload_jobs/"), ("POST", "/upload_jobs/multipart")
FINISH, POLL, LIST = ("PUT", "/upload_jobs/100/uploadFinished"), ("GET", "/acme/jobs/j1"), ("GET", "/upload_jobs/")


def in_parts(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": 5, "upload_parts": [{"part_number": number, **part} for number, part in enumerate(parts, 1)]}]


@pytest.mark.parametrize(
    ("endpoint", "answer", "field"),
    [
        (CREATE, [{}], "'[0].id'"),
        (CREATE, [{"id": True}], "'[0].id'"),
        (CREATE, [{"id": ""}], "'[0].id'"),
        (CREATE, [{"id": 5}], "'[0].url'"),
        (CREATE, [{"id": 5, "url": 7}], "'[0].url'"),
        (CREATE, [{"id": 5, "url": "/relative"}], "'[0].url'"),
        (CREATE, [{"id": 5, "url": "https://s3.test/b"}], "'[0].upload_fields'"),
        (CREATE, [{**JOB, "upload_fields": {"k": None}}], "'[0].upload_fields.k'"),
        (CREATE, [JOB], "'[0].support_files'"),
        (CREATE, [{**JOB, "support_files": []}], "'[0].support_files'"),
        (CREATE, [{**JOB, "support_files": [{"name": "a.wld"}]}], "'[0].support_files[0].url'"),
        (CREATE, [], "no upload job for a.jpg"),
        (CREATE_PARTS, [{"id": 5, "upload_parts": None}], "'[0].upload_parts'"),
        (CREATE_PARTS, [{"id": 5, "upload_parts": []}], "'[0].upload_parts'"),
        (CREATE_PARTS, in_parts({}, {"part_number": 3}), "'[0].upload_parts'"),
        (CREATE_PARTS, in_parts({}, {"part_number": "2"}), "'[0].upload_parts[1].part_number'"),
        (CREATE_PARTS, in_parts({}, {}), "'[0].upload_parts[0].url'"),
        (CREATE_PARTS, in_parts(STORE, STORE), "'[0].upload_parts[0].headers'"),
        (FINISH, {}, "'job'"),
        (FINISH, {"job": {}}, "'job.job_id'"),
        (POLL, {}, "'completed'"),
        (LIST, [{"id": 100}], "'[0].status'"),
        (LIST, [{"id": 100, "status": "validated_and_moved"}], "'[0].result'"),
        (LIST, [], "upload job 100"),
    ],
)
def test_a_missing_field_is_named_and_nothing_is_stored_without_a_whole_upload_job(
    endpoint: tuple[str, str], answer: Any, field: str
) -> None:
    world = made(PixelServer(fail_on={endpoint: json_response(answer)}))
    options: Any = PARTS if endpoint == CREATE_PARTS else {"support_files": ["/p/a.wld"]}
    error = refused(world, PixelProtocolError, **options)
    assert field in str(error)
    assert f"{endpoint[0]} https://pixel.test" in str(error)
    assert "(request ID: " in str(error)
    assert bool(stored(world)) is (endpoint[0] != "POST")


def test_an_upload_job_that_failed_is_raised_with_its_id_status_detail_and_file() -> None:
    world = made(PixelServer(outcomes={"a.jpg": {"status": "failed", "detail": "no image", "result": None}}))
    error = refused(world, PixelUploadJobError)
    assert (error.job_id, error.status, error.detail, error.file) == (100, "failed", "no image", "/p/a.jpg")
    assert FileFinished("/p/a.jpg", "failed") in world.events


@pytest.mark.parametrize("status", ["lobby", "submitted", "validating", "validated"])
def test_an_upload_that_is_in_validation_when_its_job_is_completed_is_waited_for(status: str) -> None:
    server, statuses = PixelServer(), [status] * 4
    server.outcomes["a.jpg"] = {"status": status}

    def answer(request: Request) -> Outcome:
        if request.target.startswith(f"{D}/upload_jobs/?"):
            server.outcomes["a.jpg"] = {"status": statuses.pop() if statuses else "validated_and_moved"}
        return server(request)

    world = World(answer, files=FILES)
    assert upload(world)["id"] == 1100
    assert statuses == []


def test_an_upload_that_never_ends_is_waited_for_ten_minutes() -> None:
    world = made(PixelServer(outcomes={"a.jpg": {"status": "validating"}}))
    error = refused(world, PixelJobTimeoutError)
    assert "Upload job 100 (/p/a.jpg) is still 'validating' after 600 seconds" in str(error)
    assert world.now == pytest.approx(1000 + upload_service.VALIDATION_SECONDS)


def test_a_failed_job_does_not_matter_by_itself() -> None:
    server = PixelServer(fail_on={POLL: json_response({"completed": True, "status": "failed"})})
    world = made(server)
    assert upload(world)["id"] == 1100


# The object storage


DENIED = "<Error><Code>{}</Code><Message>{}</Message><RequestId>R</RequestId></Error>"


@pytest.mark.parametrize(
    "failure", [Response(503), Response(500), Response(429), PixelConnectionError("reset", sent=True)], ids=str
)
def test_a_storage_request_is_tried_up_to_upload_num_retries_times(failure: Outcome) -> None:
    world = made(PixelServer(refuse={"a.jpg": failure}), upload_num_retries=4)
    error = refused(world, (PixelStorageError, PixelConnectionError))
    assert len(stored(world)) == 4
    assert len(world.sleeps) == 3
    assert "after 4 tries" in str(error)
    assert len({id(each.body) for each in stored(world)}) == 1, "the same body each time"


@pytest.mark.parametrize("status", [301, 307, 400, 403, 404, 411, 501])
def test_a_refusal_of_the_storage_is_not_repeated(status: int) -> None:
    world = made(PixelServer(refuse={"a.jpg": Response(status)}))
    error = refused(world, PixelStorageError)
    assert len(stored(world)) == 1
    assert (error.status_code, error.code, error.expired) == (status, "", False)
    assert "no reason given" in str(error)


@pytest.mark.parametrize(
    ("code", "message", "expired"),
    [
        ("SignatureDoesNotMatch", "m", False),
        ("AccessDenied", "Request has expired", True),
        ("AccessDenied", "Invalid according to Policy: Policy expired.", True),
        ("AccessDenied", "Access Denied", False),
        ("InternalError", "Request has expired", False),
    ],
)
def test_the_error_of_the_storage_has_the_code_of_s3_and_no_signature(code: str, message: str, expired: bool) -> None:
    answer = Response(403, Headers(), DENIED.format(code, message).encode())
    world = made(PixelServer(refuse={"a.jpg": answer}))
    error = refused(world, PixelStorageError, multipart=True, multipart_part_size=100)
    assert (error.code, error.expired) == (code, expired)
    assert error.url == "https://s3.test/bucket/a.jpg/100" or expired
    assert "sig=" not in f"{error} {error.__dict__}"
    assert "The object storage refused PUT https://s3.test/bucket/a.jpg/" in str(error)
    assert ("the signature has expired" in str(error)) is expired


def test_a_file_that_changes_while_it_is_sent_is_no_transport_error() -> None:
    world = made(PixelServer(refuse={"a.jpg": PixelFileChangedError("shorter")}))
    refused(world, PixelFileChangedError)
    assert len(stored(world)) == 1


# Several files


def both(world: World, **options: Any) -> tuple[list[Any], list[PixelUploadJobError]]:
    """Upload a.jpg and b.jpg."""
    done, errors = world.run(world.api.upload_multiple_images(1, 2, several("a.jpg", "b.jpg"), **options))
    return done, errors


def test_images_are_returned_in_the_order_of_the_files() -> None:
    world = made()
    done, errors = world.run(world.api.upload_multiple_images(1, 2, several("b.jpg", "a.jpg")))
    assert [each["name"] for each in done] == ["b.jpg", "a.jpg"]
    assert errors == []
    assert {each.target: world.sent(each) for each in stored(world)} == {
        "/bucket/b.jpg/100": b"other",
        "/bucket/a.jpg/101": b"hello pixel",
    }
    assert world.calls.count(("GET", D)) == 1


def test_files_in_parts_share_one_request_for_jobs() -> None:
    world = made()
    done, _ = both(world, multipart=True, multipart_part_size=8)
    assert len(done) == 2
    assert [world.sent(each) for each in stored(world)] == [b"hello pi", b"xel", b"other"]


def test_metadata_and_support_files_are_those_of_their_file() -> None:
    world = made()
    files = [
        *several("a.jpg", support_files=["/p/a.wld"], metadata={"json_metadata": {"n": 1}}),
        *several("b.jpg", metadata={}),
    ]
    world.run(world.api.upload_multiple_images(1, 2, files))
    first, second = declared(world)
    assert first["metadata"] == {"json_metadata": {"n": 1}}
    assert [each["name"] for each in first["support_files"]] == ["a.wld"]
    assert set(second) == {"name", "md5"}


@pytest.mark.parametrize("backwards", [True, False])
def test_more_than_two_hundred_files_are_declared_in_batches_and_looked_up_fifty_at_a_time(backwards: bool) -> None:
    files = {f"/p/{number:03}.jpg": f"content {number}".encode() for number in range(450)}
    server = PixelServer(backwards=backwards)
    world = World(server, files=files)
    done, errors = world.run(world.api.upload_multiple_images(1, 2, several(*(path[3:] for path in files))))
    assert errors == []
    assert [len(each) for each in server.batches] == [200, 200, 50]
    assert [each["name"] for each in done] == [path[3:] for path in files]
    for request in stored(world):
        assert world.sent(request) == files[f"/p/{request.path.split('/')[2]}"], "each job has its own file"
    looked_up = [each.query.rpartition("&")[2] for each in world.requests if each.path == f"{D}/images/"]
    assert looked_up == ["limit=50"] * 9


FAILURES: dict[str, tuple[dict[str, Any], int | None, str, Any, type[Exception] | None]] = {
    "without an upload job": ({"skip": frozenset({"a.jpg"})}, None, "not_created", ..., PixelProtocolError),
    "refused by the storage": ({"refuse": {"a.jpg": Response(403)}}, 100, "not_stored", ..., PixelStorageError),
    "not accepted": ({"outcomes": {"a.jpg": {"status": "failed", "detail": ["bad"]}}}, 100, "failed", ["bad"], None),
    "in validation": ({"outcomes": {"a.jpg": {"status": "validating"}}}, 100, "validating", None, PixelJobTimeoutError),
    "without a status": ({"outcomes": {"a.jpg": {"status": None}}}, 100, "not_confirmed", ..., PixelProtocolError),
    "without a result": ({"outcomes": {"a.jpg": {"result": None}}}, 100, "not_confirmed", ..., PixelProtocolError),
    "an unknown kind": (
        {"outcomes": {"a.jpg": {"result": {"resource_name": "song"}}}},
        100,
        "not_confirmed",
        ...,
        PixelProtocolError,
    ),
    "not listed": (
        {"unlisted": frozenset({"a.jpg"})},
        100,
        "not_listed",
        "the server finished it as image 1100, and does not list that",
        None,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_of_one_file_is_its_own(name: str) -> None:
    fields, job_id, status, detail, cause = FAILURES[name]
    world = made(PixelServer(**fields))
    done, (error,) = both(world)
    assert [each["name"] for each in done] == ["b.jpg"]
    assert (error.job_id, error.status, error.file) == (job_id, status, "/p/a.jpg")
    assert detail is ... or error.detail == detail
    assert isinstance(error.__cause__, cause) if cause else error.__cause__ is None
    ends = [each for each in world.events if isinstance(each, FileFinished)]
    assert sorted(ends, key=lambda each: each.path) == [
        FileFinished("/p/a.jpg", status),
        FileFinished("/p/b.jpg", "validated_and_moved"),
    ]
    finish = next(each for each in world.requests if each.path.endswith("multiple_uploadFinished"))
    assert (job_id in body_of(finish)["job_ids"]) is (status not in ("not_created", "not_stored"))


def test_files_that_all_fail_before_they_are_stored_are_not_finished() -> None:
    skip, refuse = frozenset({"a.jpg", "b.jpg"}), {"a.jpg": Response(403), "b.jpg": Response(403)}
    for server in (PixelServer(skip=skip), PixelServer(refuse={**refuse})):
        world = made(server)
        done, errors = both(world)
        assert (done, len(errors)) == ([], 2)
        assert not any(each.path.endswith("multiple_uploadFinished") for each in world.requests)


def test_a_file_that_cannot_be_read_fails_alone() -> None:
    class Vanishing(World):
        def read(self, part: FileSlice) -> bytes:
            if part.path == "/p/a.jpg":
                raise PermissionError(13, "Permission denied", part.path)
            return super().read(part)

    server = PixelServer()
    done, (error,) = both(Vanishing(server, files=FILES))
    assert [each["name"] for each in done] == ["b.jpg"]
    assert (error.status, error.file) == ("not_read", "/p/a.jpg")
    assert server.batches == [["b.jpg"]]


@pytest.mark.parametrize(
    ("changes", "failed"), [({"a.jpg": {"url": None}}, "/p/a.jpg"), ({"b.jpg": {"id": 100}}, "/p/b.jpg")]
)
def test_a_wrong_upload_job_is_an_error_of_its_file(changes: dict[str, Any], failed: str) -> None:
    """Without a URL, or with the id of another one."""
    server = PixelServer()

    def answer(request: Request) -> Outcome:
        response = server(request)
        if request.path == f"{D}/upload_jobs/" and request.method == "POST":
            return json_response([{**job, **changes.get(job["name"], {})} for job in server.jobs.values()])
        return response

    done, (error,) = both(World(answer, files=FILES))
    assert len(done) == 1
    assert (error.file, error.status) == (failed, "not_stored")


def test_two_files_that_become_the_same_image_are_both_done() -> None:
    same = {"result": {"resource_name": "image", "resource_id": 1100}}
    done, errors = both(made(PixelServer(outcomes={"b.jpg": same})))
    assert ([each["id"] for each in done], errors) == ([1100, 1100], [])


@pytest.mark.parametrize("endpoint", [CREATE, ("PUT", "/upload_jobs/multiple_uploadFinished")])
@pytest.mark.parametrize("skip", [frozenset[str](), frozenset({"a.jpg"})], ids=["", "a file failed before"])
def test_an_error_that_concerns_all_files_is_raised_while_none_is_uploaded(
    endpoint: tuple[str, str], skip: frozenset[str]
) -> None:
    world = made(PixelServer(skip=skip, fail_on={endpoint: Response(500)}))
    world.fail(world.api.upload_multiple_images(1, 2, several("a.jpg", "b.jpg")), PixelServerError)


@pytest.mark.parametrize(
    ("path", "answer", "status"),
    [
        ("/upload_jobs/", Response(500), "not_confirmed"),
        ("/images/", Response(500), "not_listed"),
        ("/upload_jobs/", json_response([]), "not_listed"),
    ],
)
def test_an_error_after_the_server_has_the_files_is_one_of_each_file(path: str, answer: Outcome, status: str) -> None:
    done, errors = both(made(PixelServer(fail_on={("GET", path): answer})))
    assert done == []
    assert [(each.job_id, each.status) for each in errors] == [(100, status), (101, status)]


def test_upload_jobs_are_read_if_their_group_cannot_be() -> None:
    done, errors = both(made(PixelServer(fail_on={("GET", "/acme/jobs/groups/g1"): Response(500)})))
    assert (len(done), errors) == (2, [])


def test_a_batch_that_fails_after_another_succeeded_is_an_error_of_its_files() -> None:
    files = {f"/p/{number:03}.jpg": b"x" for number in range(201)}
    server = PixelServer()

    def answer(request: Request) -> Outcome:
        if request.path == f"{D}/upload_jobs/" and request.method == "POST" and server.batches:
            return Response(500)
        return server(request)

    world = World(answer, files=files)
    done, errors = world.run(world.api.upload_multiple_images(1, 2, several(*(path[3:] for path in files))))
    assert len(done) == 200
    assert [(each.file, each.status) for each in errors] == [("/p/200.jpg", "not_uploaded")]


# A flow that is left half-way


class Interrupted(World):
    """A world that ends in the midst of an effect, after so many of them."""

    class End(BaseException):
        """The end of the world."""

    def __init__(self, steps: int) -> None:
        super().__init__(PixelServer(), files=FILES)
        self.steps = steps
        self.performed = 0

    def perform(self, effect: Effect[Any]) -> Any:
        self.performed += 1
        if self.performed > self.steps:
            raise Interrupted.End
        return super().perform(effect)

    def interrupts(self, flow: Flow[Any]) -> bool:
        """Whether the flow did not get to its end."""
        try:
            self.run(flow)
        except Interrupted.End:
            return True
        return False


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.upload_image(1, 2, "/p/a.jpg", support_files=["/p/a.wld"]),
        lambda api: api.upload_multiple_images(1, 2, several("a.jpg", "b.jpg")),
    ],
    ids=["one", "several"],
)
def test_an_upload_that_is_closed_at_any_point_asks_for_nothing_more(call: Call) -> None:
    steps = 0
    while (world := Interrupted(steps)).interrupts(call(world.api)):
        assert world.performed == steps + 1
        steps += 1
    assert steps > 40
