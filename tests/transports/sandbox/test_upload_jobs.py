"""Upload jobs advance with the clock, and end with a resource or a reason."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.sandbox import SAMPLE_AREA, ManualClock, Sandbox, sample_photos
from pixel_transports.sandbox.objects import StoredObject
from tests.transports.sandbox.support import JPEG, Caller, md5

MIB = 1024**2


def multipart_job(caller: Caller, place: str, parts: list[bytes]) -> dict[str, Any]:
    described = [{"part_number": n, "md5": md5(part), "content_length": len(part)} for n, part in enumerate(parts, 1)]
    body = {"files": [{"name": "a.jpg", "parts": described}]}
    job: dict[str, Any] = caller.ok("POST", f"{place}/upload_jobs/multipart", body)[0]
    return job


def send_part(caller: Caller, job: dict[str, Any], number: int, content: bytes) -> int:
    part = job["upload_parts"][number - 1]
    return caller.put(part["url"], part["headers"], content).status


def end(caller: Caller, place: str, job: dict[str, Any]) -> dict[str, Any]:
    caller.ok("PUT", f"{place}/upload_jobs/{job['id']}/uploadFinished")
    caller.clock.advance(3)
    return caller.read_upload_job(place, job["id"])


def test_an_upload_job_moves_on_with_the_clock(caller: Caller) -> None:
    place = caller.place()
    job = caller.upload_job(place, JPEG)
    assert (job["status"], job["detail"], job["result"], job["upload_parts"]) == ("lobby", None, None, [])
    caller.post_form(job["url"], job["upload_fields"], JPEG)
    caller.clock.advance(5)
    assert caller.read_upload_job(place, job["id"])["status"] == "lobby"
    answer = caller.ok("PUT", f"{place}/upload_jobs/{job['id']}/uploadFinished")
    states = []
    for _ in range(4):
        ours, servers = caller.read_upload_job(place, job["id"]), caller.ok("GET", f"/jobs/{answer['job']['job_id']}")
        states.append((ours["status"], servers["status"], servers["completed"]))
        caller.clock.advance(1)
    assert states == [
        ("submitted", "submitted", False),
        ("validating", "in_progress", False),
        ("validated", "in_progress", False),
        ("validated_and_moved", "completed", True),
    ]


def test_an_upload_job_may_end_after_its_server_job() -> None:
    caller = Caller(job_seconds=1, lag_seconds=1)
    place = caller.place()
    job = caller.upload(place)
    assert (job["status"], job["result"]) == ("validated", None)
    caller.clock.advance(1)
    assert caller.read_upload_job(place, job["id"])["status"] == "validated_and_moved"


def test_metadata_of_the_upload_become_those_of_the_image(caller: Caller) -> None:
    place = caller.place()
    metadata = {
        "fields": {"fields_type": "image", "capture_date": "2024-05-14T10:21:37Z", "cam_pitch": -90, "name": "North"},
        "json_metadata": {"weather": "wind", "flag": True},
    }
    image = caller.ok("GET", f"{place}/images/{caller.resource(place, metadata=metadata)}")
    assert (image["name"], image["capture_date"], image["cam_pitch"]) == ("North", "2024-05-14T10:21:37Z", -90.0)
    assert image["json_metadata"] == {"weather": "wind", "flag": True}
    assert image["size"] == len(JPEG)


def test_an_upload_whose_file_is_gone_fails_and_others_do_not(tmp_path: Path) -> None:
    caller = Caller(data=tmp_path)
    place = caller.place()
    jobs = [caller.upload_job(place, JPEG, name) for name in ("a.jpg", "b.jpg")]
    for job in jobs:
        caller.post_form(job["url"], job["upload_fields"], JPEG)
        caller.ok("PUT", f"{place}/upload_jobs/{job['id']}/uploadFinished")
    (tmp_path / "objects" / "1").unlink()
    caller.clock.advance(3)
    ended = [caller.read_upload_job(place, job["id"]) for job in jobs]
    assert [job["status"] for job in ended] == ["failed", "validated_and_moved"]
    assert ended[0]["detail"] == "a.jpg: what was stored cannot be read: No such file or directory"
    caller.sandbox.close()


def test_a_repeated_upload_finished_returns_the_same_job(caller: Caller) -> None:
    place = caller.place()
    path = f"{place}/upload_jobs/{caller.upload(place)['id']}/uploadFinished"
    first = caller.ok("PUT", path)["job"]["job_id"]
    caller.clock.advance(9)
    assert caller.ok("PUT", path)["job"]["job_id"] == first
    assert len(caller.ok("GET", f"{place}/images/")) == 1


def test_several_uploads_are_finished_as_a_group(caller: Caller) -> None:
    place = caller.place()
    body = {"files": [{"name": name, "md5": md5(JPEG)} for name in ("a.jpg", "b.jpg")]}
    jobs = caller.ok("POST", f"{place}/upload_jobs/", body)
    caller.post_form(jobs[0]["url"], jobs[0]["upload_fields"], JPEG)
    ids = {"job_ids": [job["id"] for job in jobs]}
    answer = caller.ok("PUT", f"{place}/upload_jobs/multiple_uploadFinished", ids)
    assert [job["status"] for job in answer["upload_jobs"]] == ["submitted"] * 2
    group_id = answer["group_job"]["group_id"]
    assert caller.ok("GET", f"/jobs/groups/{group_id}")["completed"] is False
    caller.clock.advance(3)
    group = caller.ok("GET", f"/jobs/groups/{group_id}")
    assert group == {"group_id": group_id, "completed": True, "total_jobs": 2, "success_count": 1, "failed_count": 1}
    again = caller.ok("PUT", f"{place}/upload_jobs/multiple_uploadFinished", ids)
    assert again["group_job"] == group
    listed = caller.ok("GET", f"{place}/upload_jobs/?ids={jobs[0]['id']},{jobs[1]['id']}&limit=2")
    assert [job["status"] for job in listed] == ["validated_and_moved", "failed"]
    assert len(caller.ok("GET", f"{place}/upload_jobs/?offset=1&limit=5")) == 1


def test_an_invalid_upload_fails_with_a_reason(caller: Caller) -> None:
    place = caller.place()
    assert end(caller, place, caller.upload_job(place, JPEG))["detail"] == "a.jpg: nothing was stored"
    swapped = caller.upload_job(place, JPEG)
    caller.sandbox.state.objects[swapped["upload_fields"]["key"]] = StoredObject([JPEG + b"!"])
    job = end(caller, place, swapped)
    assert (job["status"], job["result"]) == ("failed", None)
    assert job["detail"] == "a.jpg: the MD5 of what was stored differs from the declared one"


def at(longitude: float, latitude: float, kind: str = "Point") -> dict[str, Any]:
    return {"fields": {"fields_type": "image", "location": {"type": kind, "coordinates": [longitude, latitude]}}}


PHOTO = sample_photos()[0].read_bytes()
ELSEWHERE = {"type": "Polygon", "coordinates": [[[10, 60], [11, 60], [11, 61], [10, 61], [10, 60]]]}


@pytest.mark.parametrize(
    ("area", "content", "metadata", "taken"),
    [
        (SAMPLE_AREA, JPEG, at(5.6, 58.9), True),
        (SAMPLE_AREA, JPEG, at(5.5, 58.9), True),
        (SAMPLE_AREA, JPEG, at(5.49, 58.9), False),
        (SAMPLE_AREA, JPEG, at(58.9, 5.6), False),
        (SAMPLE_AREA, JPEG, None, True),
        (SAMPLE_AREA, PHOTO, None, True),
        (ELSEWHERE, PHOTO, None, False),
        (ELSEWHERE, PHOTO, at(10.5, 60.5), True),
        (SAMPLE_AREA, PHOTO, at(10.5, 60.5), False),
        (SAMPLE_AREA, JPEG, at(10.5, 60.5, "Nowhere"), True),
        (ELSEWHERE, PHOTO, at(10.5, 60.5, "Nowhere"), False),
    ],
)
def test_an_image_with_a_position_has_to_be_within_its_project(
    caller: Caller, area: Any, content: bytes, metadata: Any, taken: bool
) -> None:
    project = caller.project(area_of_interest=area)
    place = f"/projects/{project}/data_collections/{caller.collection(project)}"
    job = caller.upload(place, content, metadata=metadata)
    outside = "a.jpg: its position is outside the area of interest of its project"
    assert (job["status"], job["detail"]) == (("validated_and_moved", None) if taken else ("failed", outside))
    assert len(caller.ok("GET", f"{place}/images/")) == taken


def test_an_exif_position_is_found_across_parts_and_only_images_have_one(caller: Caller) -> None:
    project = caller.project(area_of_interest=ELSEWHERE)
    place = f"/projects/{project}/data_collections/{caller.collection(project)}"
    parts = [PHOTO[start : start + 100] for start in range(0, 900, 100)] + [PHOTO[900:]]
    job = multipart_job(caller, place, parts)
    for number, part in enumerate(parts, 1):
        send_part(caller, job, number, part)
    assert "outside the area" in end(caller, place, job)["detail"]
    rasters = f"/projects/{project}/data_collections/{caller.collection(project, 'RGB')}"
    assert caller.upload(rasters, PHOTO)["status"] == "validated_and_moved"


def test_support_files_are_stored_beside_their_file(caller: Caller) -> None:
    place = caller.place("raster")
    support = [{"name": "a.tfw", "md5": md5(b"1.0")}]
    assert caller.upload(place, b"II*\0", "a.tif", support_files=support)["detail"] == "a.tfw: nothing was stored"
    job = caller.upload_job(place, b"II*\0", "a.tif", support_files=support)
    caller.post_form(job["url"], job["upload_fields"], b"II*\0")
    (beside,) = job["support_files"]
    assert caller.post_form(beside["url"], beside["upload_fields"], b"1.0").status == 204
    raster_id = end(caller, place, job)["result"]["resource_id"]
    assert caller.ok("GET", f"{place}/rasters/{raster_id}")["support_files"] == ["a.tfw"]


def test_parts_become_one_object(caller: Caller) -> None:
    place = caller.place()
    parts = [JPEG[:2], JPEG[2:9], JPEG[9:]]
    job = multipart_job(caller, place, parts)
    assert (job["url"], job["upload_fields"]) == (None, {})
    for number in (3, 1, 2):
        assert send_part(caller, job, number, parts[number - 1]) == 200
    image_id = end(caller, place, job)["result"]["resource_id"]
    stored = caller.sandbox.stored_by_id(image_id)
    assert stored == JPEG
    assert b"".join(stored.chunks(4)) == JPEG
    assert len(stored.pieces) == 3
    md5s = b"".join(hashlib.md5(part).digest() for part in parts)
    assert caller.ok("GET", f"{place}/images/{image_id}")["md5"] == f"{hashlib.md5(md5s).hexdigest()}-3" == stored.etag
    assert send_part(caller, job, 1, parts[0]) == 404, "the upload is complete"
    aborted = multipart_job(caller, place, parts)
    assert send_part(caller, aborted, 1, parts[0]) == 200
    caller.sandbox.abort_uploads()
    assert send_part(caller, aborted, 1, parts[0]) == 404


@pytest.mark.parametrize(
    ("sizes", "sent", "detail"),
    [
        ([4, 4], 1, "a.jpg: nothing was stored for part 2"),
        ([5 * MIB - 1, 5 * MIB], 2, "a.jpg: EntityTooSmall: part 1 has 5242879 bytes"),
        ([5 * MIB, 4, 4], 3, "a.jpg: EntityTooSmall: part 2 has 4 bytes"),
        ([5 * MIB, 4], 2, None),
        ([4], 1, None),
    ],
)
def test_a_missing_or_too_small_part_fails_the_job(sizes: list[int], sent: int, detail: str | None) -> None:
    caller = Caller(Sandbox(job_seconds=0, clock=(clock := ManualClock())), clock=clock)
    place = caller.place()
    contents = [JPEG[:4] + bytes(size - 4) for size in sizes]
    job = multipart_job(caller, place, contents)
    for number in range(sent):
        send_part(caller, job, number + 1, contents[number])
    found = end(caller, place, job)["detail"]
    assert found == detail or (detail and found.startswith(detail))


def test_unknown_jobs_are_not_found(caller: Caller) -> None:
    place, other = caller.place(), caller.place()
    job = caller.upload_job(place, JPEG)
    assert caller.call("GET", "/jobs/x").status == 404
    assert caller.call("GET", "/jobs/groups/x").status == 404
    assert caller.call("PUT", f"{other}/upload_jobs/{job['id']}/uploadFinished").status == 404
    many = b'{"job_ids": [%d]}' % job["id"]
    assert caller.call("PUT", f"{other}/upload_jobs/multiple_uploadFinished", many).status == 404
    assert caller.call("PUT", f"{place}/upload_jobs/multiple_uploadFinished", b'{"job_ids": []}').status == 422
