"""Attachments are created, stored, completed, moved and deleted."""

from typing import Any

from tests.transports.sandbox.support import Caller, md5

CONTENT = b"a report"


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


def test_files_are_attached_to_projects_data_collections_and_images(caller: Caller) -> None:
    for owner in owners(caller):
        first, second = announce(caller, owner, "b.pdf", "a.pdf")
        assert (first["name"], first["description"], first["status"]) == ("b.pdf", "about b.pdf", "Pending")
        assert store(caller, first) == store(caller, second) == 204
        done = complete(caller, owner, first)
        assert (done["id"], done["status"], done["upload_file_params"]) == (first["id"], "Completed", None)
        for status, expected in (("", [first, second]), ("&status=Pending", [second]), ("&status=Completed", [first])):
            found = caller.ok("GET", f"/attachments/?{owner}{status}")
            assert [each["id"] for each in found] == [each["id"] for each in expected]


def test_an_attachment_is_completed_only_after_its_file_is_stored(caller: Caller) -> None:
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
    owner = owners(caller)[1]
    assert caller.ok("POST", f"/attachments/?{owner}", {"files": []}) == []
    (attachment,) = announce(caller, owner)
    path = f"/attachments/?{owner}&attachment_id={attachment['id']}"
    assert caller.ok("DELETE", path)["id"] == attachment["id"]
    assert caller.ok("GET", f"/attachments/?{owner}") == []
    assert caller.status("DELETE", path) == 404


def test_attachments_are_hidden_with_a_deleted_owner(caller: Caller) -> None:
    project, collection, image = owners(caller)
    announce(caller, image)
    path = f"/projects/{project.rpartition('=')[2]}"
    caller.ok("DELETE", path)
    for owner in (project, collection, image):
        assert caller.status("GET", f"/attachments/?{owner}") == 404
    caller.ok("POST", f"{path}/restore")
    assert len(caller.ok("GET", f"/attachments/?{image}")) == 1
