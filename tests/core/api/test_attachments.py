"""Attachments: files are matched with the server's attachments, and errors are raised before anything is stored."""

from pathlib import Path
from typing import Any

import pytest

from pixel_core import Form, Options, Request, Response
from pixel_core.errors import PixelNotFoundError, PixelProtocolError, PixelStorageError
from pixel_core.models import PixelAttachmentUpload
from tests.core.uploads.simulated import Simulation
from tests.support.scripted_api import Outcome, World, body_of, json_response

FILES = {"/p/a.txt": b"first", "/p/b.txt": b"second", "/p/c.txt": b"third", "/q/a.txt": b"other"}
STORAGE = "s3.test"


class Attaching:
    """A server that takes attachments. `first` are the answers to its first requests to a host, or with a method;
    `changes` are those of the attachment b.txt.
    """

    def __init__(self, first: dict[str, list[Outcome]] | None = None, **changes: Any) -> None:
        self.first, self.changes = first or {}, changes
        self.names: list[str] = []

    def __call__(self, request: Request) -> Outcome:
        host = request.origin.host
        if left := self.first.get(STORAGE if host == STORAGE else request.method):
            return left.pop(0)
        if host == STORAGE:
            return Response(204)
        if request.method == "POST":
            self.names = [each["name"] for each in body_of(request)["files"]]
            return json_response([self.made(name) for name in reversed(self.names)])
        number = int(request.query.partition("attachment_id=")[2].partition("&")[0])
        return json_response({"id": number, "name": self.names[number], "status": "Completed"})

    def made(self, name: str) -> dict[str, Any]:
        target = {"url": f"https://{STORAGE}/{name}", "fields": {"key": name, "policy": "p"}}
        made = {"id": self.names.index(name), "name": name, "status": "Pending", "upload_file_params": target}
        return {**made, **(self.changes if name == "b.txt" else {})}


def stored(world: World) -> dict[str, bytes]:
    """What went to the object storage, by path."""
    return {each.target: world.sent(each) for each in world.requests if each.origin.host == STORAGE}


def test_files_and_attachments_are_paired_by_name_in_any_order() -> None:
    """The form has the fields of the server in their order, and the attachment's name."""
    world = World(Attaching(), files=FILES)
    renamed = PixelAttachmentUpload(file=Path("/p/a.txt"), name="z")
    world.run(world.api.add_attachments("image", 9, ["/p/b.txt", Path("/p/c.txt"), renamed]))
    assert stored(world) == {"/z": b"first", "/b.txt": b"second", "/c.txt": b"third"}
    (request,) = [each for each in world.requests if each.target == "/z"]
    assert isinstance(request.body, Form)
    assert (request.body.fields, request.body.filename) == ((("key", "z"), ("policy", "p")), "z")
    assert request.timeouts == Options().timeout_upload


def test_attachments_keep_to_the_limit_of_requests_at_a_time() -> None:
    files = {f"/p/{number}.txt": b"x" for number in range(9)}
    world = Simulation(Attaching(), files=files, options=Options(upload_max_concurrency=3))
    world.run(world.api.add_attachments("project", 7, list(files)))
    assert world.most_at_once == 3


@pytest.mark.parametrize(
    "second", ["/q/a.txt", "/p/a.txt", PixelAttachmentUpload(file=Path("/p/b.txt"), name="a.txt")], ids=str
)
def test_equal_names_are_a_value_error_before_anything_also_where_asserts_are_off(second: Any) -> None:
    world = World(files=FILES)
    error = world.fail(world.api.add_attachments("project", 7, ["/p/a.txt", second]), ValueError)
    assert "the names of attachments must differ" in str(error)


def test_a_file_that_cannot_be_read_is_an_error_before_anything_is_sent() -> None:
    class Locked(World):
        def read(self, part: Any) -> bytes:
            raise PermissionError(13, "Permission denied", part.path)

    world = Locked(files=FILES)
    world.fail(world.api.add_attachments("project", 7, ["/p/a.txt"]), PermissionError)


MISSING: list[Any] = [[], [{"name": "a.txt"}], {"a.txt": {}}, None, [{}]]


@pytest.mark.parametrize(
    ("server", "wrong"),
    [
        *((Attaching({"POST": [each]}), "") for each in map(json_response, MISSING)),
        (Attaching(status="Completed"), "'[0].status' that has to be \"Pending\", but is 'Completed'"),
        (Attaching(status=None), "'[0].status'"),
        (Attaching(id=None), "'[0].id'"),
        (Attaching(upload_file_params=None), "'[0].upload_file_params'"),
        (Attaching(upload_file_params={"url": "/b"}), "'[0].upload_file_params.url'"),
        (Attaching(upload_file_params={"url": "https://s3.test/b"}), "'[0].upload_file_params.fields'"),
    ],
)
def test_an_attachment_that_is_missing_or_not_pending_or_lacks_a_field_is_a_protocol_error_and_nothing_is_stored(
    server: Attaching, wrong: str
) -> None:
    world = World(server, files=FILES)
    error = world.fail(world.api.add_attachments("project", 7, ["/p/a.txt", "/p/b.txt"]), PixelProtocolError)
    assert "POST https://pixel.test/acme/attachments/" in str(error)
    assert wrong in str(error)
    assert stored(world) == {}


@pytest.mark.parametrize(
    ("place", "answer", "error", "methods"),
    [
        (STORAGE, Response(403), PixelStorageError, ["POST", "POST"]),
        ("PUT", json_response({}, 404), PixelNotFoundError, ["POST", "POST", "PUT"]),
    ],
    ids=["storage", "confirmation"],
)
def test_a_refusal_is_raised_and_nothing_more_is_sent(
    place: str, answer: Outcome, error: type[Exception], methods: list[str]
) -> None:
    world = World(Attaching({place: [answer]}), files=FILES)
    world.fail(world.api.add_attachments("project", 7, ["/p/a.txt"]), error)
    assert [method for method, _ in world.calls] == methods


def test_a_storage_that_is_busy_for_a_moment_is_tried_again() -> None:
    world = World(Attaching({STORAGE: [Response(503), Response(429)]}), files=FILES)
    assert len(world.run(world.api.add_attachments("project", 7, ["/p/a.txt"]))) == 1
    assert len(world.sleeps) == 2
