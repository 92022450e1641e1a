"""Attachments are announced, stored, completed, moved and deleted."""

from typing import Any

import pytest

from tests.transports.sandbox.support import Caller, md5

CONTENT = b"a report"


@pytest.fixture
def caller() -> Caller:
    return Caller()


def owners(caller: Caller) -> list[str]:
    """Queries that name a project, a data collection and an image."""
    place = caller.place()
    project_id, collection_id = place.split("/")[2::2]
    named = (("project", project_id), ("data_collection", collection_id), ("image", caller.resource(place)))
    return [f"resource_type={kind}&resource_id={key}" for kind, key in named]


def announce(caller: Caller, owner: str, *names: str) -> list[dict[str, Any]]:
    files = [{"name": name, "description": f"about {name}", "md5": md5(CONTENT)} for name in names or ("a.pdf",)]
    made: list[dict[str, Any]] = caller.ok("POST", f"/attachments/?{owner}", {"files": files})
    return made


def complete(caller: Caller, owner: str, attachment: dict[str, Any]) -> Any:
    return caller.ok("PUT", f"/attachments/update?{owner}&attachment_id={attachment['id']}&status=Completed")


def store(caller: Caller, attachment: dict[str, Any], content: bytes = CONTENT) -> int:
    params = attachment["upload_file_params"]
    return caller.post_form(params["url"], params["fields"], content).status


def test_a_file_is_attached_to_whatever_can_have_one(caller: Caller) -> None:
    """Projects, data collections and images take files: announced as pending, stored by their form, completed."""
    for owner in owners(caller):
        first, second = announce(caller, owner, "b.pdf", "a.pdf")
        assert (first["name"], first["description"], first["status"]) == ("b.pdf", "about b.pdf", "Pending")
        assert store(caller, first) == store(caller, second) == 204
        done = complete(caller, owner, first)
        assert (done["id"], done["status"], done["upload_file_params"]) == (first["id"], "Completed", None)
        for status, wanted in (("", [first, second]), ("&status=Pending", [second]), ("&status=Completed", [first])):
            found = caller.ok("GET", f"/attachments/?{owner}{status}")
            assert [each["id"] for each in found] == [each["id"] for each in wanted]


def test_only_what_is_stored_is_completed(caller: Caller) -> None:
    """An attachment is completed only when its bytes are there, the right ones, and stays so."""
    owner = owners(caller)[0]
    (attachment,) = announce(caller, owner)
    update = f"/attachments/update?{owner}&attachment_id={attachment['id']}"
    assert store(caller, attachment, b"other") == 400
    assert caller.status("PUT", f"{update}&status=Completed") == 409
    assert caller.ok("PUT", f"{update}&status=Pending")["status"] == "Pending"
    store(caller, attachment)
    assert complete(caller, owner, attachment) == complete(caller, owner, attachment)
    assert caller.status("PUT", f"{update}&status=Pending") == 409


def test_an_attachment_moves(caller: Caller) -> None:
    """An attachment moves to something else, and is found there only; what does not exist takes none."""
    project, _, image = owners(caller)
    (attachment,) = announce(caller, project)
    move = f"/attachments/move?{project}&attachment_id={attachment['id']}"
    target = "&".join(f"new_{part}" for part in image.split("&"))
    assert caller.status("PUT", f"{move}&new_resource_type=project&new_resource_id=99") == 404
    assert caller.status("PUT", f"{move}&new_resource_type=project") == 422
    assert caller.ok("PUT", f"{move}&{target}")["resource_type"] == "image"
    assert caller.ok("GET", f"/attachments/?{project}") == []
    assert [each["id"] for each in caller.ok("GET", f"/attachments/?{image}")] == [attachment["id"]]
    assert caller.status("PUT", f"{move}&{target}") == 404


def test_an_attachment_is_deleted(caller: Caller) -> None:
    """A deleted attachment is gone."""
    owner = owners(caller)[1]
    (attachment,) = announce(caller, owner)
    path = f"/attachments/?{owner}&attachment_id={attachment['id']}"
    assert caller.ok("DELETE", path)["id"] == attachment["id"]
    assert caller.ok("GET", f"/attachments/?{owner}") == []
    assert caller.status("DELETE", path) == 404


def test_attachments_are_hidden_with_what_they_belong_to(caller: Caller) -> None:
    """Of what is deleted, or lies below, no attachments are told until it is restored."""
    project, collection, image = owners(caller)
    announce(caller, image)
    path = f"/projects/{project.rpartition('=')[2]}"
    caller.ok("DELETE", path)
    for owner in (project, collection, image):
        assert caller.status("GET", f"/attachments/?{owner}") == 404
    caller.ok("POST", f"{path}/restore")
    assert len(caller.ok("GET", f"/attachments/?{image}")) == 1


def test_no_files_are_no_attachments(caller: Caller) -> None:
    """An empty list of files makes nothing."""
    assert caller.ok("POST", f"/attachments/?{owners(caller)[0]}", {"files": []}) == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("resource_type=raster&resource_id=1", 422),
        ("resource_type=project", 422),
        ("resource_id=1", 422),
        ("resource_type=project&resource_id=x", 422),
        ("resource_type=project&resource_id=99", 404),
        ("resource_type=image&resource_id=1", 404),
        ("resource_type=data_collection&resource_id=1", 404),
        ("resource_type=project&resource_id=1&status=Done", 422),
    ],
)
def test_a_wrong_or_unknown_resource_is_told(caller: Caller, query: str, status: int) -> None:
    """What cannot have attachments is a 422, what does not exist a 404."""
    caller.project()
    assert caller.status("GET", f"/attachments/?{query}") == status


@pytest.mark.parametrize("change", [{"md5": "x"}, {"name": ""}, {"name": "a/b"}, {"description": 1}])
def test_a_wrong_file_is_told(caller: Caller, change: dict[str, Any]) -> None:
    """A wrong digest, name or description is a 422."""
    file = {"name": "a", "md5": md5(b""), **change}
    query = f"resource_type=project&resource_id={caller.project()}"
    assert caller.wrong("POST", f"/attachments/?{query}", {"files": [file]}) == ["body", "files", 0, next(iter(change))]
