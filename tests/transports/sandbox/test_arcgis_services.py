"""ArcGIS services have a list for each type, and start, stop and refresh with the clock."""

from typing import Any

from tests.transports.sandbox.support import Caller

FEATURE = {"feature_service_options": {"image_layer": {"include_fields": ["name"]}}, "gdo_users": ["gdo_reader"]}
IMAGE = {"image_service_options": {"default_service_srid": 25832, "wms_options": {"title": "Map"}}}


def body(caller: Caller, **changes: Any) -> dict[str, Any]:
    collection = int(caller.place().rpartition("/")[2])
    made = {"name": "Photos", "description": "d", "data_collection_ids": [collection, collection], "options": FEATURE}
    return {**made, **changes}


def service(caller: Caller, kind: str = "Feature", **changes: Any) -> str:
    """The path of a new service."""
    made = caller.ok("POST", f"/arcgis_services/{kind}/", body(caller, **changes))
    return f"/arcgis_services/{kind}/{made['id']}"


def state(caller: Caller, path: str) -> str:
    return str(caller.ok("GET", path)["state"])


def test_a_new_service_is_stopped_and_has_the_defaults_of_its_options(caller: Caller) -> None:
    sent = body(caller)
    made = caller.ok("POST", "/arcgis_services/Feature/", sent)
    assert made["data_collection_ids"] == sent["data_collection_ids"][:1]
    assert made["options"]["gdo_users"] == ["gdo_reader"]
    assert made["options"]["feature_service_options"]["image_layer"]["image_processed_type"] == "blurred"
    assert (made["service_type"], made["state"]) == ("Feature", "stopped")
    assert caller.ok("GET", f"/arcgis_services/Feature/{made['id']}") == made


def test_feature_and_image_services_have_separate_lists(caller: Caller) -> None:
    feature, image = service(caller), service(caller, "Image", options=IMAGE, name="Map")
    assert [each["name"] for each in caller.ok("GET", "/arcgis_services/Feature/")] == ["Photos"]
    assert [each["name"] for each in caller.ok("GET", "/arcgis_services/Image/?name=Map&limit=1")] == ["Map"]
    assert caller.ok("GET", f"/arcgis_services/Image/?ids={image.rpartition('/')[2]}&offset=1") == []
    assert caller.status("GET", feature.replace("Feature", "Image")) == 404
    assert caller.error_loc("GET", "/arcgis_services/feature/") == ["path", "service_type"]


def test_a_service_is_updated_and_deleted(caller: Caller) -> None:
    path = service(caller)
    before = caller.ok("GET", path)
    assert caller.ok("PUT", path, {}) == before
    changed = caller.ok("PUT", path, {"name": "New", "options": {"feature_service_options": {"image_layer": {}}}})
    assert (changed["name"], changed["description"], "gdo_users" in changed["options"]) == ("New", "d", False)
    assert caller.status("PUT", path, {"data_collection_ids": [99]}) == 404
    caller.ok("DELETE", path)
    assert caller.status("GET", path) == caller.status("DELETE", path) == 404


def test_a_service_starts_and_stops_with_the_clock(caller: Caller) -> None:
    path = service(caller)
    assert caller.ok("PUT", f"{path}/stop")["job"] is None
    for order, moving, at_last in (("start", "starting", "started"), ("stop", "stopping", "stopped")):
        answer = caller.ok("PUT", f"{path}/{order}")
        assert answer["arcgis_service"]["state"] == moving
        job = answer["job"]["job_id"]
        assert caller.ok("PUT", f"{path}/{order}")["job"]["job_id"] == job
        assert caller.ok("GET", f"/jobs/{job}")["completed"] is False
        caller.clock.advance(3)
        assert caller.ok("GET", f"/jobs/{job}")["status"] == "completed"
        assert state(caller, path) == at_last
        again = caller.ok("PUT", f"{path}/{order}")
        assert (again["job"], again["arcgis_service"]["state"]) == (None, at_last)


def test_a_refresh_is_a_job_of_a_started_service(caller: Caller) -> None:
    path = service(caller)
    assert caller.ok("PUT", f"{path}/refresh?refresh_data=false")["job"] is None
    caller.ok("PUT", f"{path}/start")
    caller.clock.advance(3)
    answer = caller.ok("PUT", f"{path}/refresh?refresh_data=true")
    assert (answer["job"]["completed"], answer["arcgis_service"]["state"]) == (False, "started")
    assert caller.status("PUT", f"{path}/stop") == 409
    caller.clock.advance(3)
    assert caller.ok("GET", f"/jobs/{answer['job']['job_id']}")["completed"] is True
    assert caller.status("PUT", f"{path}/refresh?refresh_data=x") == 422


def test_a_service_that_is_starting_cannot_be_stopped_or_refreshed(caller: Caller) -> None:
    path = service(caller)
    job = caller.ok("PUT", f"{path}/start")["job"]["job_id"]
    assert caller.status("PUT", f"{path}/stop") == caller.status("PUT", f"{path}/refresh") == 409
    caller.ok("DELETE", path)
    ended = caller.ok("GET", f"/jobs/{job}")
    assert (ended["completed"], ended["status"], ended["detail"]) == (True, "failed", "the service was deleted")
    assert caller.status("PUT", f"{path}/start") == 404
