"""Uploads: what is checked beforehand, what goes where, and what becomes of each file, of every kind."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pixel_core import Effect, FileSlice, Flow, Form, Headers, Options, PixelApi, Request, Response
from pixel_core.api import upload_service
from pixel_core.errors import (
    PixelConnectionError,
    PixelError,
    PixelFileChangedError,
    PixelJobTimeoutError,
    PixelProtocolError,
    PixelStorageError,
    PixelUploadJobError,
)
from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_core.models import ImageMetadataFields, MetadataObject, PixelUploadFile, RasterMetadataFields
from tests.support.scripted_api import Outcome, PixelServer, World, body_of, json_response

D = "/acme/projects/1/data_collections/2"
Call = Callable[[PixelApi], Flow[Any]]
FILES = {
    "/p/a.jpg": b"hello pixel",
    "/p/b.jpg": b"other",
    "/p/a.wld": b"1 2 3",
    "/p/a.xml": b"<x/>",
    "/p/empty.jpg": b"",
    "/p/large.jpg": b"x" * 10_001,
    "/q/a.jpg": b"3",
}
TAKES = {"image": {"image"}, "raster": {"raster", "RGB", "DTM", "DSM"}, "point_cloud": {"point_cloud"}}
NAMES = {"image": "an image", "raster": "a raster", "point_cloud": "a point cloud"}
KINDS = pytest.mark.parametrize("kind", TAKES)


def digest(content: bytes) -> str:
    return b64encode(md5(content).digest()).decode()


def stored(world: World) -> list[Request]:
    """The requests that went to the object storage."""
    return [each for each in world.requests if each.origin.host == "s3.test"]


def declared(world: World) -> list[dict[str, Any]]:
    """The files in all requests for upload jobs."""
    requests = [each for each in world.requests if each.method == "POST" and "/upload_jobs/" in each.path]
    return [file for each in requests for file in body_of(each)["files"]]


def made(kind: str = "image", options: Options = Options(), **server: Any) -> World:
    """A world whose server has these fields."""
    fields = {"kind": kind, "collection_type": min(TAKES[kind]), **server}
    return World(PixelServer(**fields), files=FILES, options=options)


def several(*paths: str, **more: Any) -> list[PixelUploadFile]:
    return [PixelUploadFile.model_validate({"file": f"/p/{path}", **more}) for path in paths]


BOTH = several("a.jpg", "b.jpg")


def one(api: PixelApi, kind: str = "image", path: Any = "/p/a.jpg", **more: Any) -> Flow[Any]:
    """The upload of one file."""
    flow: Flow[Any] = getattr(api, f"upload_{kind}")(1, 2, path, **more)
    return flow


def many(api: PixelApi, files: list[PixelUploadFile] = BOTH, kind: str = "image", **more: Any) -> Flow[Any]:
    """The upload of several files."""
    flow: Flow[Any] = getattr(api, f"upload_multiple_{kind}s")(1, 2, files, **more)
    return flow


def parts(size: Any) -> dict[str, Any]:
    return {"multipart": True, "multipart_part_size": size}


# What goes where


@KINDS
def test_files_become_resources_of_their_kind_in_the_order_of_the_files(kind: str) -> None:
    world = made(kind)
    assert world.run(one(world.api, kind, Path("/p/a.jpg"))) == {"id": 1100, "name": "a.jpg"}
    assert world.calls[-1] == ("GET", f"{D}/{kind}s/1100")
    done, errors = world.run(many(world.api, BOTH[::-1], kind))
    assert ([each["name"] for each in done], errors) == (["b.jpg", "a.jpg"], [])
    assert world.calls[-1][1].startswith(f"{D}/{kind}s/?ids=")


def test_a_form_has_the_fields_of_the_server_in_their_order_and_the_file() -> None:
    world = made()
    world.run(one(world.api))
    (request,) = stored(world)
    assert isinstance(request.body, Form)
    assert request.body.fields == (
        ("key", "a.jpg/100"),
        ("policy", "p"),
        ("Content-MD5", digest(b"hello pixel")),
        ("x-amz-signature", "s"),
    )
    assert (request.body.filename, request.body.content) == ("a.jpg", b"hello pixel")
    assert (list(request.headers), request.timeouts) == ([], Options().timeout_upload)


@KINDS
def test_a_multipart_file_is_declared_by_parts_and_each_is_put_with_exactly_its_headers(kind: str) -> None:
    world = made(kind)
    world.run(one(world.api, kind, **parts(4)))
    contents = [b"hell", b"o pi", b"xel"]
    declarations = [
        {"part_number": number, "md5": digest(content), "content_length": len(content)}
        for number, content in enumerate(contents, 1)
    ]
    assert declared(world) == [{"name": "a.jpg", "parts": declarations}]
    assert ("POST", f"{D}/upload_jobs/multipart") in world.calls
    requests = stored(world)
    assert [(each.method, each.target) for each in requests] == [
        ("PUT", f"/bucket/a.jpg/100?partNumber={n}&sig=x") for n in (1, 2, 3)
    ]
    assert [world.sent(each) for each in requests] == contents
    assert [dict(each.headers) for each in requests] == [
        {"Content-MD5": digest(content), "x-amz-part": str(number)} for number, content in enumerate(contents, 1)
    ]
    assert {each.timeouts for each in requests} == {Options().timeout_upload}


@KINDS
def test_files_in_parts_share_one_request_for_jobs(kind: str) -> None:
    world = made(kind)
    world.run(many(world.api, kind=kind, **parts(8)))
    assert [world.sent(each) for each in stored(world)] == [b"hello pi", b"xel", b"other"]
    assert sum(method == "POST" and "upload_jobs" in target for method, target in world.calls) == 1


@pytest.mark.parametrize("sizes", [{}, parts(2)], ids=["whole", "in parts"])
@pytest.mark.parametrize("kind", ["image", "raster"])
def test_support_files_are_sent_whole_and_paired_by_name_though_the_server_answers_in_another_order(
    kind: str, sizes: dict[str, Any]
) -> None:
    world = made(kind)
    world.run(one(world.api, kind, support_files=[Path("/p/a.wld"), "/p/a.xml"], **sizes))
    assert declared(world)[0]["support_files"] == [
        {"name": "a.wld", "md5": digest(b"1 2 3")},
        {"name": "a.xml", "md5": digest(b"<x/>")},
    ]
    assert [(each.method, each.target, world.sent(each)) for each in stored(world)[-2:]] == [
        ("POST", "/bucket/a.wld/of-100", b"1 2 3"),
        ("POST", "/bucket/a.xml/of-100", b"<x/>"),
    ]


@KINDS
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
    kind: str, metadata: Any, sent: dict[str, Any]
) -> None:
    world = made(kind)
    world.run(one(world.api, kind, metadata=metadata))
    assert declared(world) == [{"name": "a.jpg", "md5": digest(b"hello pixel"), **sent}]


METADATA = {"free": 1}
SUPPORT = ["/p/a.wld"]
MODEL = MetadataObject(fields=RasterMetadataFields(name="n"))
SENT_METADATA = {"metadata": METADATA}
SENT_MODEL = {"metadata": {"fields": {"fields_type": "raster", "name": "n"}}}
SENT_SUPPORT = {"support_files": [{"name": "a.wld", "md5": digest(b"1 2 3")}]}


@pytest.mark.parametrize(
    ("arguments", "keywords", "sent"),
    [
        ((METADATA, SUPPORT), {}, SENT_METADATA | SENT_SUPPORT),
        ((SUPPORT, METADATA), {}, SENT_METADATA | SENT_SUPPORT),
        (((Path("/p/a.wld"),), METADATA), {}, SENT_METADATA | SENT_SUPPORT),
        ((), {"metadata": METADATA, "support_files": SUPPORT}, SENT_METADATA | SENT_SUPPORT),
        ((), {"support_files": METADATA, "metadata": SUPPORT}, SENT_METADATA | SENT_SUPPORT),
        ((MODEL,), {}, SENT_MODEL),
        ((None, MODEL), {}, SENT_MODEL),
        (([], MODEL), {}, SENT_MODEL),
        ((SUPPORT,), {}, SENT_SUPPORT),
        ((None, SUPPORT), {}, SENT_SUPPORT),
        ((SUPPORT, {}), {}, SENT_SUPPORT),
        (({}, []), {}, {}),
        (([], {}), {}, {}),
        ((None, None), {}, {}),
    ],
)
def test_metadata_and_support_files_of_a_raster_may_come_in_both_orders_and_each_may_be_left_out(
    arguments: tuple[Any, ...], keywords: dict[str, Any], sent: dict[str, Any]
) -> None:
    world = made("raster")
    world.run(world.api.upload_raster(1, 2, "/p/a.jpg", *arguments, **keywords))
    assert declared(world) == [{"name": "a.jpg", "md5": digest(b"hello pixel"), **sent}]


@pytest.mark.parametrize(
    ("path", "keywords", "declaration"),
    [
        ("/p/empty.jpg", {}, {"md5": digest(b"")}),
        ("/p/empty.jpg", parts(4), {"parts": [{"part_number": 1, "md5": digest(b""), "content_length": 0}]}),
        ("/p/a.jpg", {"multipart_part_size": 4}, {"md5": digest(b"hello pixel")}),
    ],
    ids=["an empty file", "an empty part", "a part size without multipart"],
)
def test_a_file_is_one_piece(path: str, keywords: dict[str, Any], declaration: dict[str, Any]) -> None:
    world = made()
    world.run(one(world.api, path=path, **keywords))
    assert declared(world) == [{"name": path[3:], **declaration}]
    assert [world.sent(each) for each in stored(world)] == [FILES[path]]


def test_progress_is_reported_in_order() -> None:
    world = made()
    world.run(one(world.api, **parts(4)))
    reported = [each for each in world.events if isinstance(each, (FileHashed, FileSent, FileFinished))]
    (upload_id,) = {each.upload_id for each in reported}
    assert reported == [
        FileHashed("/p/a.jpg", 11, upload_id),
        FileSent("/p/a.jpg", 11, upload_id, 100),
        FileFinished("/p/a.jpg", "validated_and_moved", upload_id, 100),
    ]


# Errors before anything is sent or created


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda api: one(api, path="/p/none.jpg"), FileNotFoundError, "/p/none.jpg"),
        (lambda api: one(api, support_files=["/p/none.wld"]), FileNotFoundError, "/p/none.wld"),
        (lambda api: api.upload_raster(1, 2, "/p/a.jpg", ["/p/none.wld"], None), FileNotFoundError, "/p/none.wld"),
        (lambda api: many(api, several("a.jpg", "none.jpg")), FileNotFoundError, "/p/none.jpg"),
        (lambda api: many(api, several("a.jpg", support_files=["/p/none.wld"])), FileNotFoundError, "/p/none.wld"),
        (lambda api: many(api, several("a.jpg", "../q/a.jpg")), ValueError, "All files must have unique names"),
        (lambda api: one(api, support_files=["/p/a.jpg", "/q/a.jpg"]), ValueError, "must have different names"),
        (lambda api: one(api, path="/p/large.jpg", **parts(1)), ValueError, "use a multipart_part_size of 2 or more"),
        (lambda api: api.upload_raster(1, 2, "/p/a.jpg", SUPPORT, SUPPORT), TypeError, "metadata is a mapping"),
        (lambda api: api.upload_raster(1, 2, "/p/a.jpg", METADATA, METADATA), TypeError, "metadata is a mapping"),
        (lambda api: api.upload_raster(1, 2, "/p/a.jpg", MODEL, METADATA), TypeError, "metadata is a mapping"),
    ],
)
def test_wrong_arguments_are_errors_before_anything_is_sent(call: Call, error: type[Exception], message: str) -> None:
    world = World(files=FILES)
    assert message in str(world.fail(call(world.api), error))


@pytest.mark.parametrize("size", [None, 0, -1, 1.5, True, "5"])
@KINDS
def test_multipart_without_a_usable_part_size_is_an_error_before_anything_is_sent(kind: str, size: Any) -> None:
    world = World(files=FILES)
    world.fail(one(world.api, kind, **parts(size)), ValueError)
    world.fail(many(world.api, kind=kind, **parts(size)), ValueError)


@KINDS
def test_no_files_of_any_kind_are_two_empty_lists_and_no_request(kind: str) -> None:
    world = World()
    assert world.run(many(world.api, [], kind)) == ([], [])
    assert world.requests == world.logins == []


@KINDS
@pytest.mark.parametrize("found", ["image", "raster", "RGB", "DTM", "DSM", "point_cloud"])
def test_a_collection_takes_what_it_is_for_and_all_else_is_a_value_error_before_anything_is_created(
    kind: str, found: str
) -> None:
    for call in (one, many):
        world = made(kind, collection_type=found)
        if found in TAKES[kind]:
            assert world.run(call(world.api, kind=kind))
            continue
        error = world.fail(call(world.api, kind=kind), ValueError)
        assert str(error).startswith(f"Data collection is not {NAMES[kind]} data collection")
        assert found in str(error)
        assert world.calls == [("GET", D)]


# A single file that fails


JOB = {"id": 5, "url": "https://s3.test/b", "upload_fields": {}}
STORE = {"url": "https://s3.test/b"}
CREATE, CREATE_PARTS = ("POST", "/upload_jobs/"), ("POST", "/upload_jobs/multipart")
UNREACHABLE = PixelConnectionError("no connection", sent=False)
FINISH_MANY = ("PUT", "/upload_jobs/multiple_uploadFinished")
FINISH, POLL, LIST = ("PUT", "/upload_jobs/100/uploadFinished"), ("GET", "/acme/jobs/j1"), ("GET", "/upload_jobs/")


def in_parts(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": 5, "upload_parts": [{"part_number": number, **part} for number, part in enumerate(parts, 1)]}]


@pytest.mark.parametrize(
    ("endpoint", "answer", "field"),
    [
        (CREATE, [{}], "'[0].id'"),
        (CREATE, [{"id": 5}], "'[0].url'"),
        (CREATE, [{"id": 5, "url": "/relative"}], "'[0].url'"),
        (CREATE, [{"id": 5, "url": "https://s3.test/b"}], "'[0].upload_fields'"),
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
    ],
)
def test_a_missing_field_is_named_and_nothing_is_stored_without_a_whole_upload_job(
    endpoint: tuple[str, str], answer: Any, field: str
) -> None:
    world = made(fail_on={endpoint: json_response(answer)})
    options: Any = parts(6) if endpoint == CREATE_PARTS else {"support_files": ["/p/a.wld"]}
    error = world.fail(one(world.api, **options), PixelProtocolError)
    assert field in str(error)
    assert f"{endpoint[0]} https://pixel.test" in str(error)
    assert "(request ID: " in str(error)
    assert bool(stored(world)) is (endpoint[0] != "POST")


@KINDS
def test_a_file_of_any_kind_that_is_not_accepted_is_an_upload_job_error(kind: str) -> None:
    world = made(kind, outcomes={"a.jpg": {"status": "failed", "detail": "no image", "result": None}})
    error = world.fail(one(world.api, kind), PixelUploadJobError)
    assert (error.job_id, error.status, error.detail, error.file) == (100, "failed", "no image", "/p/a.jpg")


@pytest.mark.parametrize("status", ["lobby", "submitted", "validating", "validated"])
def test_an_upload_that_is_in_validation_when_its_job_is_completed_is_waited_for(status: str) -> None:
    server, statuses = PixelServer(), [status] * 4
    server.outcomes["a.jpg"] = {"status": status}

    def answer(request: Request) -> Outcome:
        if request.target.startswith(f"{D}/upload_jobs/?"):
            server.outcomes["a.jpg"] = {"status": statuses.pop() if statuses else "validated_and_moved"}
        return server(request)

    world = World(answer, files=FILES)
    assert world.run(one(world.api))["id"] == 1100
    assert statuses == []


def test_an_upload_that_never_ends_is_waited_for_ten_minutes() -> None:
    world = made(outcomes={"a.jpg": {"status": "validating"}})
    error = world.fail(one(world.api), PixelJobTimeoutError)
    assert "Upload job 100 (/p/a.jpg) is still 'validating' after 600 seconds" in str(error)
    assert world.now == pytest.approx(1000 + upload_service.VALIDATION_SECONDS)


# The object storage


@pytest.mark.parametrize(
    "failure", [Response(503), Response(500), Response(429), PixelConnectionError("reset", sent=True)], ids=str
)
def test_a_storage_request_is_tried_up_to_upload_num_retries_times(failure: Outcome) -> None:
    world = made(refuse={"a.jpg": failure}, options=Options(upload_num_retries=4))
    error = world.fail(one(world.api), (PixelStorageError, PixelConnectionError))
    assert len(stored(world)) == 4
    assert len(world.sleeps) == 3
    assert "after 4 tries" in str(error)
    assert len({id(each.body) for each in stored(world)}) == 1, "the same body each time"


def denied(code: str, message: str) -> Response:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>R</RequestId></Error>"
    return Response(403, Headers(), error.encode())


@pytest.mark.parametrize(
    ("answer", "code", "expired", "requests"),
    [
        *((Response(status), "", False, 1) for status in (301, 307, 400, 403, 404, 411, 501)),
        (denied("SignatureDoesNotMatch", "m"), "SignatureDoesNotMatch", False, 1),
        (denied("AccessDenied", "Request has expired"), "AccessDenied", True, 11),
        (denied("AccessDenied", "Invalid according to Policy: Policy expired."), "AccessDenied", True, 11),
        (denied("AccessDenied", "Access Denied"), "AccessDenied", False, 1),
        (denied("InternalError", "Request has expired"), "InternalError", False, Options().upload_num_retries),
    ],
)
def test_a_refusal_of_the_storage_has_the_code_of_s3_and_no_signature(
    answer: Response, code: str, expired: bool, requests: int
) -> None:
    world = made(refuse={"a.jpg": answer})
    error = world.fail(one(world.api, **parts(100)), PixelStorageError)
    assert (error.status_code, error.code, error.expired) == (answer.status, code, expired)
    assert len(stored(world)) == requests
    assert error.url == "https://s3.test/bucket/a.jpg/100" or expired
    assert "sig=" not in f"{error} {error.__dict__}"
    assert "The object storage refused PUT https://s3.test/bucket/a.jpg/" in str(error)
    assert ("the signature has expired" in str(error)) is expired
    assert ("no reason given" in str(error)) is (not code)


def test_a_file_that_changes_while_it_is_sent_is_no_transport_error() -> None:
    world = made(refuse={"a.jpg": PixelFileChangedError("shorter")})
    world.fail(one(world.api), PixelFileChangedError)
    assert len(stored(world)) == 1


# Several files


def test_metadata_and_support_files_are_those_of_their_file() -> None:
    world = made()
    files = [
        *several("a.jpg", support_files=["/p/a.wld"], metadata={"json_metadata": {"n": 1}}),
        *several("b.jpg", metadata={}),
    ]
    world.run(many(world.api, files))
    first, second = declared(world)
    assert first["metadata"] == {"json_metadata": {"n": 1}}
    assert [each["name"] for each in first["support_files"]] == ["a.wld"]
    assert set(second) == {"name", "md5"}


@pytest.mark.parametrize("backwards", [True, False])
def test_more_than_two_hundred_files_are_declared_in_batches_and_looked_up_fifty_at_a_time(backwards: bool) -> None:
    files = {f"/p/{number:03}.jpg": f"content {number}".encode() for number in range(450)}
    server = PixelServer(backwards=backwards)
    world = World(server, files=files)
    done, errors = world.run(many(world.api, several(*(path[3:] for path in files))))
    assert errors == []
    assert [len(each) for each in server.batches] == [200, 200, 50]
    assert [each["name"] for each in done] == [path[3:] for path in files]
    for request in stored(world):
        assert world.sent(request) == files[f"/p/{request.path.split('/')[2]}"], "each job has its own file"
    looked_up = [each.query.rpartition("&")[2] for each in world.requests if each.path == f"{D}/images/"]
    assert looked_up == ["limit=50"] * 9


NOT_LISTED = "the server finished it as image 1100, and does not list that"
FAILURES: dict[str, tuple[dict[str, Any], str, Any, type[Exception] | None]] = {
    "without an upload job": ({"skip": frozenset({"a.jpg"})}, "not_created", ..., PixelProtocolError),
    "refused by the storage": ({"refuse": {"a.jpg": Response(403)}}, "not_stored", ..., PixelStorageError),
    "not listed": ({"unlisted": frozenset({"a.jpg"})}, "not_listed", NOT_LISTED, None),
}
OUTCOMES: dict[str, tuple[dict[str, Any], str, Any, type[Exception] | None]] = {
    "not accepted": ({"status": "failed", "detail": ["bad"]}, "failed", ["bad"], None),
    "in validation": ({"status": "validating"}, "validating", None, PixelJobTimeoutError),
    "without a status": ({"status": None}, "not_confirmed", ..., PixelProtocolError),
    "without a result": ({"result": None}, "not_confirmed", ..., PixelProtocolError),
    "an unknown kind": ({"result": {"resource_name": "song"}}, "not_confirmed", ..., PixelProtocolError),
}
FAILURES |= {
    name: ({"outcomes": {"a.jpg": outcome}}, status, detail, cause)
    for name, (outcome, status, detail, cause) in OUTCOMES.items()
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_of_one_file_is_its_own(name: str) -> None:
    fields, status, detail, cause = FAILURES[name]
    job_id = None if status == "not_created" else 100
    world = made(**fields)
    done, (error,) = world.run(many(world.api))
    assert [each["name"] for each in done] == ["b.jpg"]
    assert (error.job_id, error.status, error.file) == (job_id, status, "/p/a.jpg")
    assert detail is ... or error.detail == detail
    assert isinstance(error.__cause__, cause) if cause else error.__cause__ is None
    ends = [each for each in world.events if isinstance(each, FileFinished)]
    assert {each.path: each.status for each in ends} == {"/p/a.jpg": status, "/p/b.jpg": "validated_and_moved"}
    finish = next(each for each in world.requests if each.path.endswith("multiple_uploadFinished"))
    assert (job_id in body_of(finish)["job_ids"]) is (status not in ("not_created", "not_stored"))


def test_files_that_all_fail_before_they_are_stored_are_not_finished() -> None:
    skip, refuse = frozenset({"a.jpg", "b.jpg"}), {"a.jpg": Response(403), "b.jpg": Response(403)}
    for world in (made(skip=skip), made(refuse=refuse)):
        done, errors = world.run(many(world.api))
        assert (done, len(errors)) == ([], 2)
        assert not any(each.path.endswith("multiple_uploadFinished") for each in world.requests)


def test_a_file_that_cannot_be_read_fails_alone() -> None:
    class Vanishing(World):
        def read(self, part: FileSlice) -> bytes:
            if part.path == "/p/a.jpg":
                raise PermissionError(13, "Permission denied", part.path)
            return super().read(part)

    server = PixelServer()
    world = Vanishing(server, files=FILES)
    done, (error,) = world.run(many(world.api))
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

    world = World(answer, files=FILES)
    done, (error,) = world.run(many(world.api))
    assert len(done) == 1
    assert (error.file, error.status) == (failed, "not_stored")


def test_two_files_that_become_the_same_image_are_both_done() -> None:
    world = made(outcomes={"b.jpg": {"result": {"resource_name": "image", "resource_id": 1100}}})
    done, errors = world.run(many(world.api))
    assert ([each["id"] for each in done], errors) == ([1100, 1100], [])


@pytest.mark.parametrize(
    ("endpoint", "answer"), [(CREATE, Response(500)), (FINISH_MANY, Response(403)), (FINISH_MANY, UNREACHABLE)]
)
@pytest.mark.parametrize("skip", [frozenset[str](), frozenset({"a.jpg"})], ids=["", "a file failed before"])
def test_an_error_that_concerns_all_files_is_raised_while_the_server_was_not_asked_to_finish_any(
    endpoint: tuple[str, str], answer: Outcome, skip: frozenset[str]
) -> None:
    world = made(skip=skip, fail_on={endpoint: answer})
    error = world.fail(many(world.api), PixelError)
    assert ("8 tries" in str(error)) is (answer != Response(403))


@pytest.mark.parametrize(
    ("endpoint", "answer", "status"),
    [
        (FINISH_MANY, Response(500), "not_confirmed"),
        (("GET", "/upload_jobs/"), Response(500), "not_confirmed"),
        (("GET", "/images/"), Response(500), "not_listed"),
        (("GET", "/upload_jobs/"), json_response([]), "not_listed"),
    ],
)
def test_an_error_after_the_server_was_asked_to_finish_files_is_one_of_each_file(
    endpoint: tuple[str, str], answer: Outcome, status: str
) -> None:
    world = made(fail_on={endpoint: answer})
    done, errors = world.run(many(world.api))
    assert done == []
    assert [(each.job_id, each.status) for each in errors] == [(100, status), (101, status)]


def test_upload_jobs_are_read_if_their_group_cannot_be() -> None:
    world = made(fail_on={("GET", "/acme/jobs/groups/g1"): Response(500)})
    done, errors = world.run(many(world.api))
    assert (len(done), errors) == (2, [])


class End(BaseException):
    """The end of the world."""


class Interrupted(World):
    """A world that ends in the midst of an effect, after so many of them."""

    most = performed = 0

    def perform(self, effect: Effect[Any]) -> Any:
        self.performed += 1
        if self.performed > self.most:
            raise End
        return super().perform(effect)


@pytest.mark.parametrize("call", [lambda api: one(api, support_files=SUPPORT), many], ids=["one", "several"])
def test_an_upload_that_is_closed_at_any_point_asks_for_nothing_more(call: Call) -> None:
    most = 0
    for most in count():
        world = Interrupted(PixelServer(), files=FILES)
        world.most = most
        try:
            world.run(call(world.api))
            break
        except End:
            assert world.performed == most + 1
    assert most > 40
