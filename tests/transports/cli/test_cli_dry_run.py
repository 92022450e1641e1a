"""`pixel upload --dry-run`: everything is read, every problem is told, and nothing is sent."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.cli.exits import DONE, FAILED, NOTHING, USAGE
from pixel_transports.sandbox import SandboxServer, sample_photos
from tests.support.cli_runs import INSIDE, OUTSIDE, Place, photo_at, run

KEYS = ["file", "name", "size", "md5", "position", "captured", "problems", "status"]


@pytest.fixture
def place(server: SandboxServer) -> Iterator[Place]:
    made = Place.at(server)
    with made.client:
        yield made


def checked(place: Place, *arguments: object, kind: str = "image", stdin: str = "") -> dict[str, dict[str, Any]]:
    """What a dry run says of each file, by the path that was given; nothing was sent."""
    done = place.upload("--dry-run", "--json", *arguments, kind=kind, stdin=stdin)
    assert place.sent() == []
    assert place.client.get_upload_jobs(place.project, place.collections[kind]) == []
    found = {each["file"]: each for each in place.lines(done)}
    well = all(each["status"] == "ok" for each in found.values())
    assert done.exit_code == (DONE if well else FAILED), done.output
    return found


def codes(found: dict[str, dict[str, Any]], path: Path) -> list[str]:
    return [problem["code"] for problem in found[str(path)]["problems"]]


def test_good_photos_are_well_and_the_exit_code_says_so(place: Place, tmp_path: Path) -> None:
    for each in sample_photos():
        shutil.copy(each, tmp_path)
    found = checked(place, tmp_path)
    assert [each["status"] for each in found.values()] == ["ok"] * 6
    first = found[str(tmp_path / "pixel_0001.jpg")]
    assert list(first) == KEYS
    assert first["position"] == [5.6021, 58.8642, 118.4]
    assert first["captured"] == "2024-05-14T10:21:37"
    assert len(first["md5"]) == 32


def test_a_photo_without_a_position_is_a_problem(place: Place, tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "a.jpg", None)
    assert codes(checked(place, photo), photo) == ["no_position"]


def test_a_photo_at_null_island_is_a_problem(place: Place, tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "a.jpg", (0.0, 0.0))
    assert codes(checked(place, photo), photo) == ["null_island"]


def test_a_photo_outside_the_area_of_the_project_is_a_problem(place: Place, tmp_path: Path) -> None:
    inside, outside = photo_at(tmp_path / "in.jpg", INSIDE), photo_at(tmp_path / "out.jpg", OUTSIDE, colour=1)
    found = checked(place, tmp_path)
    assert (codes(found, inside), codes(found, outside)) == ([], ["outside_project"])
    assert "10.750000, 59.910000" in found[str(outside)]["problems"][0]["detail"]


def test_a_location_that_is_given_counts_instead_of_the_cameras(place: Place, tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "a.jpg", (0.0, 0.0))
    location = {"type": "Point", "coordinates": list(INSIDE)}
    line = {"file": str(photo), "metadata": {"fields": {"location": location}}}
    assert codes(checked(place, "-", stdin=json.dumps(line)), photo) == []


def test_equal_names_are_reported_with_the_other_file(place: Place, tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "a.jpg", tmp_path / "two" / "a.jpg"
    for number, path in enumerate((first, second)):
        path.parent.mkdir()
        photo_at(path, INSIDE, colour=number)
    found = checked(place, tmp_path)
    assert (codes(found, first), codes(found, second)) == ([], ["duplicate_name"])
    assert str(first) in found[str(second)]["problems"][0]["detail"]


def test_equal_contents_are_reported_with_the_other_file(place: Place, tmp_path: Path) -> None:
    first = photo_at(tmp_path / "a.jpg", INSIDE)
    second = Path(shutil.copy(first, tmp_path / "b.jpg"))
    found = checked(place, tmp_path)
    assert (codes(found, first), codes(found, second)) == ([], ["duplicate_content"])
    assert str(first) in found[str(second)]["problems"][0]["detail"]


def test_an_empty_file_is_a_problem(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert codes(checked(place, tmp_path), tmp_path / "a.jpg") == ["empty"]


def test_a_file_that_is_not_there_and_a_folder_in_json_lines_are_problems(place: Place, tmp_path: Path) -> None:
    gone = tmp_path / "gone.jpg"
    found = checked(place, "-", stdin="\n".join(json.dumps({"file": str(each)}) for each in (gone, tmp_path)))
    assert (codes(found, gone), codes(found, tmp_path)) == (["not_found"], ["not_a_file"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_a_problem(place: Place, tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "a.jpg", INSIDE)
    photo.chmod(0)
    assert codes(checked(place, photo), photo) == ["not_read"]


def test_a_file_that_is_no_picture_is_a_problem(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("this is text")
    assert codes(checked(place, tmp_path), tmp_path / "a.jpg") == ["not_a_picture"]


def test_a_photo_whose_end_is_missing_is_a_problem(place: Place, tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "a.jpg", INSIDE)
    photo.write_bytes(photo.read_bytes()[:-40])
    assert codes(checked(place, photo), photo) == ["truncated"]


def test_all_problems_of_a_file_are_told(place: Place, tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "a.jpg", None)
    photo.write_bytes(photo.read_bytes()[:-40])
    again = Path(shutil.copy(photo, tmp_path / "b.jpg"))
    assert codes(checked(place, tmp_path), again) == ["truncated", "no_position", "duplicate_content"]


def test_a_support_file_that_is_missing_is_a_problem_of_its_raster(place: Place, tmp_path: Path) -> None:
    raster = tmp_path / "a.tif"
    raster.write_bytes(b"II*\0")
    line = {"file": str(raster), "support_files": [str(tmp_path / "a.tfw")]}
    found = checked(place, "-", kind="raster", stdin=json.dumps(line))
    assert codes(found, raster) == ["not_found"]
    assert "a.tfw" in found[str(raster)]["problems"][0]["detail"]


@pytest.mark.parametrize(
    ("kind", "name", "start", "expected"),
    [
        ("raster", "a.tif", b"II*\0", []),
        ("raster", "a.tif", b"MM\0+", []),
        ("raster", "a.tif", b"text", ["not_a_raster"]),
        ("point-cloud", "a.laz", b"LASF", []),
        ("point-cloud", "a.las", b"text", ["not_a_point_cloud"]),
    ],
)
def test_rasters_and_point_clouds_are_known_by_their_first_bytes(
    place: Place, tmp_path: Path, kind: str, name: str, start: bytes, expected: list[str]
) -> None:
    (tmp_path / name).write_bytes(start + bytes(40))
    assert codes(checked(place, tmp_path, kind=kind), tmp_path / name) == expected


def test_a_raster_that_is_a_jpeg_is_read_to_its_end(place: Place, tmp_path: Path) -> None:
    raster = photo_at(tmp_path / "a.jpg", None)
    raster.write_bytes(raster.read_bytes()[:-40])
    assert codes(checked(place, raster, kind="raster"), raster) == ["truncated"]


def test_people_get_a_table_on_stdout_and_what_to_do_on_stderr(place: Place, tmp_path: Path) -> None:
    photo_at(tmp_path / "good.jpg", INSIDE)
    photo_at(tmp_path / "lost.jpg", None, colour=1)
    done = place.upload("--dry-run", tmp_path)
    head, good, lost = done.stdout.splitlines()
    assert head.split() == ["FILE", "BYTES", "POSITION", "CAPTURED", "PROBLEMS"]
    assert good.split()[2:] == ["5.60000", "58.90000", "-", "ok"]
    assert "no_position: neither its EXIF nor its metadata says where it is" in lost
    assert "1 are well, 1 are not (no_position: 1). Nothing was sent." in done.stderr
    assert "Give its location" in done.stderr


@pytest.mark.parametrize("name", ["report.json", "report.csv"])
def test_the_report_of_a_dry_run_can_be_written_to_a_file(place: Place, tmp_path: Path, name: str) -> None:
    photo_at(tmp_path / "lost.jpg", None)
    assert place.upload("--dry-run", tmp_path, "--report", tmp_path / name).exit_code == FAILED
    text = (tmp_path / name).read_text(encoding="utf-8")
    if name.endswith(".csv"):
        (row,) = csv.DictReader(text.splitlines())
        assert json.loads(row["problems"])[0]["code"] == "no_position"
    else:
        (each,) = json.loads(text)["files"]
        assert list(each) == KEYS


def test_without_a_server_no_settings_are_needed_and_the_area_is_not_checked(tmp_path: Path) -> None:
    photo_at(tmp_path / "a.jpg", OUTSIDE)
    done = run("upload", "--dry-run", "--no-server", "--type", "image", str(tmp_path))
    assert done.exit_code == DONE, done.output


def test_without_a_server_the_type_has_to_be_said(tmp_path: Path) -> None:
    done = run("upload", "--dry-run", "--no-server", str(tmp_path))
    assert done.exit_code == USAGE
    assert "needs --type" in done.stderr


def test_nothing_to_check_is_nothing_to_do(place: Place, tmp_path: Path) -> None:
    assert place.upload("--dry-run", tmp_path).exit_code == NOTHING


def test_many_files_are_checked_in_the_order_in_which_they_were_given(place: Place, tmp_path: Path) -> None:
    (tmp_path / "flight").mkdir()
    for number in range(60):
        (tmp_path / "flight" / f"{number:02}.jpg").write_bytes(bytes([number]))
    found = checked(place, tmp_path)
    assert [Path(path).name for path in found] == [f"{number:02}.jpg" for number in range(60)]
