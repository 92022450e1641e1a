"""The sandbox as a function: it responds to every request, and lists requests and objects."""

from typing import Any

import pytest

from pixel_core.messages import FileSlice, Origin, Request
from pixel_transports.sandbox import Sandbox
from tests.transports.sandbox.support import JPEG, ORIGIN, Caller, md5


def test_a_body_that_is_no_bytes_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="whose body is bytes, not FileSlice"):
        Sandbox()(Request("PUT", ORIGIN, "/", body=FileSlice("x", 0, 1)))


def test_requests_are_listed_without_secrets() -> None:
    caller = Caller()
    place = caller.place()
    caller.call("GET", "/projects/?limit=1", headers={"X-Request-ID": "abc"})
    job = caller.upload_job(place, JPEG)
    caller.post_form(job["url"], job["upload_fields"], JPEG)
    listed = caller.raw("GET", "/_sandbox/requests")
    records: list[dict[str, Any]] = listed.json()
    assert records[0]["path"].endswith("/token")
    assert records[-1]["path"] == "/storage/pixel-sandbox"
    assert records[3] == {
        "time": "2025-01-01T00:00:00Z",
        "method": "GET",
        "path": "/api/sandbox/projects/",
        "query": "limit=1",
        "status": 200,
        "body_bytes": 0,
        "request_id": "abc",
    }
    assert len(records) == len(caller.sandbox.received) - 1
    assert caller.token is not None
    for secret in (caller.token, "password=", "Signature", job["upload_fields"]["x-amz-signature"]):
        assert secret.encode() not in listed.body


def test_stored_objects_are_listed_and_can_be_read() -> None:
    caller = Caller()
    job = caller.upload(caller.place(), JPEG, "å b.jpg")
    (stored,) = caller.raw("GET", "/_sandbox/objects").json()
    assert stored["image_id"] == job["result"]["resource_id"]
    assert stored["size"] == len(JPEG)
    assert caller.raw("GET", stored["path"]).body == JPEG
    head = caller.raw("HEAD", stored["path"])
    assert (head.body, head.headers["Content-Length"]) == (b"", str(len(JPEG)))
    assert caller.raw("GET", "/_sandbox/objects/other").status == 404
    assert caller.raw("DELETE", "/_sandbox/objects").status == 405


@pytest.mark.parametrize(
    ("fields", "status", "content", "shown"),
    [
        ({"Range": "bytes=0-3"}, 206, JPEG[:4], f"bytes 0-3/{len(JPEG)}"),
        ({"Range": "bytes=5-"}, 206, JPEG[5:], f"bytes 5-{len(JPEG) - 1}/{len(JPEG)}"),
        ({"Range": "bytes=-4"}, 206, JPEG[-4:], f"bytes {len(JPEG) - 4}-{len(JPEG) - 1}/{len(JPEG)}"),
        ({"Range": "bytes=-9999"}, 206, JPEG, f"bytes 0-{len(JPEG) - 1}/{len(JPEG)}"),
        ({"Range": "bytes=3-9999"}, 206, JPEG[3:], f"bytes 3-{len(JPEG) - 1}/{len(JPEG)}"),
        ({"Range": "bytes=9999-"}, 416, b"", f"bytes */{len(JPEG)}"),
        ({"Range": "bytes=-0"}, 416, b"", f"bytes */{len(JPEG)}"),
        ({"Range": "bytes=0-1,3-4"}, 200, JPEG, None),
        ({"Range": "bytes=4-3"}, 200, JPEG, None),
        ({"Range": "bytes=-"}, 200, JPEG, None),
        ({"Range": "lines=0-1"}, 200, JPEG, None),
        ({"Range": "bytes=0-3", "If-Range": '"other"'}, 200, JPEG, None),
    ],
)
@pytest.mark.parametrize("memory_bytes", [0, 10_000], ids=["file", "memory"])
def test_a_stored_object_is_read_as_a_whole_or_in_one_range(
    memory_bytes: int, fields: dict[str, str], status: int, content: bytes, shown: str | None
) -> None:
    caller = Caller(memory_bytes=memory_bytes)
    caller.upload(caller.place(), JPEG)
    path = caller.raw("GET", "/_sandbox/objects").json()[0]["path"]
    response = caller.raw("GET", path, fields)
    assert (response.status, response.body, response.headers.get("Content-Range")) == (status, content, shown)


def test_the_environment_has_user_tenant_and_urls_and_is_on_the_root_page() -> None:
    sandbox = Sandbox(tenant="Town")
    environment = sandbox.environment("http://pixel.test/")
    assert environment == {
        "PIXEL_USERNAME": "demo@example.com",
        "PIXEL_PASSWORD": "demo",
        "PIXEL_TENANT": "Town",
        "PIXEL_API_URL": "http://pixel.test/api/town",
        "PIXEL_AUTH_SERVER_URL": "http://pixel.test/auth",
    }
    text = sandbox(Request("GET", ORIGIN, "/")).body.decode()
    lines = [f"{name}={value}" for name, value in environment.items()]
    assert [each for each in (*lines, "/_sandbox/requests") if each not in text] == []


def test_urls_have_the_origin_of_the_request_also_those_of_unfinished_uploads() -> None:
    caller = Caller()
    place = caller.place()
    jobs, digest = f"{place}/upload_jobs", md5(JPEG)
    attachments = f"/attachments/?resource_type=project&resource_id={place.split('/')[2]}"
    part = {"part_number": 1, "md5": digest, "content_length": len(JPEG)}
    file = {"name": "a.jpg", "md5": digest, "support_files": [{"name": "a.aux", "md5": digest}]}
    caller.ok("POST", f"{jobs}/", {"files": [file]})
    caller.ok("POST", f"{jobs}/multipart", {"files": [{"name": "b.jpg", "parts": [part]}]})
    caller.ok("POST", attachments, {"files": [{"name": "c.pdf", "description": "", "md5": digest}]})
    caller.origin = Origin("https", "::1", 8443)
    bucket = "https://[::1]:8443/storage/pixel-sandbox"
    form, parts = caller.ok("GET", f"{jobs}/")
    (attachment,) = caller.ok("GET", attachments)
    access = attachment["upload_file_params"]
    assert {form["url"], form["support_files"][0]["url"], access["url"]} == {bucket}
    for target, fields in ((form, form["upload_fields"]), (access, access["fields"])):
        assert caller.post_form(target["url"], fields, JPEG).status == 204
    (part,) = parts["upload_parts"]
    assert part["url"].startswith(f"{bucket}/")
    assert caller.put(part["url"], {**part["headers"], "Host": "[::1]:8443"}, JPEG).status == 200


def test_an_exception_is_a_500_and_kept_in_failures() -> None:
    caller = Caller()
    caller.login()
    caller.sandbox.state.projects[1] = 1  # type: ignore[assignment]
    response = caller.call("GET", "/projects/")
    assert (response.status, response.json()) == (500, {"detail": "Internal Server Error"})
    assert isinstance(caller.sandbox.failures[0], AttributeError)
    assert caller.call("GET", "/users/me").status == 200


def test_an_invalid_request_line_is_a_400() -> None:
    sandbox = Sandbox()
    for method, target in (("G\0T", "/"), ("GET", "/\ud800"), ("GÉT", "/api/é?é")):
        assert sandbox(Request(method, ORIGIN, target)).status == 400
    assert len(sandbox(Request("GET", ORIGIN, "/_sandbox/requests")).json()) == 3
