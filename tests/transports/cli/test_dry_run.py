"""`pixel upload --dry-run` reads all files, reports every problem, and sends nothing."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.cli.errors import DONE, FAILED, USAGE
from pixel_transports.sandbox import sample_photos
from tests.support.cli_runs import INSIDE, OUTSIDE, Place, photo_at, run
from tests.transports.cli.support import read_report

KEYS = ["file", "name", "size", "md5", "position", "captured", "problems", "status"]


def check(place: Place, *arguments: object, kind: str = "image", stdin: str = "") -> dict[str, dict[str, Any]]:
    """Run a dry run and return its rows by path. Nothing may have been sent."""
    done = place.upload("--dry-run", "--json", *arguments, kind=kind, stdin=stdin)
    assert place.sent() == []
    assert place.client.get_upload_jobs(place.project, place.collections[kind]) == []
    rows = {each["file"]: each for each in place.lines(done)}
    ok = all(each["status"] == "ok" for each in rows.values())
    assert done.exit_code == (DONE if ok else FAILED), done.output
    return rows


def codes(rows: dict[str, dict[str, Any]], path: Path) -> list[str]:
    return [problem["code"] for problem in rows[str(path)]["problems"]]


def detail(rows: dict[str, dict[str, Any]], path: Path) -> str:
    return str(rows[str(path)]["problems"][0]["detail"])


def truncate(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-40])
    return path


def test_good_photos_have_no_problem_and_the_exit_code_is_0(place: Place, tmp_path: Path) -> None:
    for each in sample_photos():
        shutil.copy(each, tmp_path)
    rows = check(place, tmp_path)
    assert [each["status"] for each in rows.values()] == ["ok"] * 6
    first = rows[str(tmp_path / "pixel_0001.jpg")]
    assert list(first) == KEYS
    assert first["position"] == [5.6021, 58.8642, 118.4]
    assert first["captured"] == "2024-05-14T10:21:37"
    assert len(first["md5"]) == 32


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: photo_at(path, None), ["no_position"]),
        (lambda path: photo_at(path, (0.0, 0.0)), ["null_island"]),
        (lambda path: photo_at(path, OUTSIDE), ["outside_project"]),
        (lambda path: path.touch(), ["empty"]),
        (lambda path: path.write_text("this is text"), ["not_a_picture"]),
        (lambda path: truncate(photo_at(path, INSIDE)), ["truncated"]),
        (lambda path: truncate(photo_at(path, None)), ["truncated", "no_position"]),
        pytest.param(
            lambda path: photo_at(path, INSIDE).chmod(0),
            ["not_read"],
            marks=pytest.mark.skipif(
                not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser can read every file"
            ),
        ),
    ],
)
def test_all_problems_of_a_photo_are_reported(
    place: Place, tmp_path: Path, make: Callable[[Path], object], expected: list[str]
) -> None:
    photo = tmp_path / "a.jpg"
    make(photo)
    rows = check(place, tmp_path)
    assert codes(rows, photo) == expected
    if expected == ["outside_project"]:
        assert "10.750000, 59.910000" in detail(rows, photo)


def test_a_given_location_overrides_the_one_in_exif(place: Place, tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "a.jpg", (0.0, 0.0))
    location = {"type": "Point", "coordinates": list(INSIDE)}
    line = {"file": str(photo), "metadata": {"fields": {"location": location}}}
    assert codes(check(place, "-", stdin=json.dumps(line)), photo) == []


def test_equal_names_and_equal_contents_are_reported_with_the_other_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    first = photo_at(tmp_path / "a.jpg", INSIDE)
    copy = Path(shutil.copy(first, tmp_path / "b.jpg"))
    namesake = photo_at(tmp_path / "sub" / "a.jpg", INSIDE, colour=1)
    rows = check(place, tmp_path)
    assert [codes(rows, each) for each in (first, copy, namesake)] == [[], ["duplicate_content"], ["duplicate_name"]]
    assert str(first) in detail(rows, copy)
    assert str(first) in detail(rows, namesake)


def test_a_missing_file_and_a_folder_in_json_lines_are_problems(place: Place, tmp_path: Path) -> None:
    gone = tmp_path / "gone.jpg"
    rows = check(place, "-", stdin="\n".join(json.dumps({"file": str(each)}) for each in (gone, tmp_path)))
    assert (codes(rows, gone), codes(rows, tmp_path)) == (["not_found"], ["not_a_file"])


def test_a_missing_support_file_is_a_problem_of_its_raster(place: Place, tmp_path: Path) -> None:
    raster = tmp_path / "a.tif"
    raster.write_bytes(b"II*\0")
    line = {"file": str(raster), "support_files": [str(tmp_path / "a.tfw")]}
    rows = check(place, "-", kind="raster", stdin=json.dumps(line))
    assert codes(rows, raster) == ["not_found"]
    assert "a.tfw" in detail(rows, raster)


@pytest.mark.parametrize(
    ("kind", "name", "start", "expected"),
    [
        ("raster", "a.tif", b"II*\0", []),
        ("raster", "a.tif", b"MM\0+", []),
        ("raster", "a.tif", b"text", ["not_a_raster"]),
        ("raster", "a.jpg", b"\xff\xd8\xff\xe0", ["not_a_picture"]),
        ("point-cloud", "a.laz", b"LASF", []),
        ("point-cloud", "a.las", b"text", ["not_a_point_cloud"]),
    ],
)
def test_rasters_and_point_clouds_are_checked_by_their_content(
    place: Place, tmp_path: Path, kind: str, name: str, start: bytes, expected: list[str]
) -> None:
    (tmp_path / name).write_bytes(start + bytes(40))
    assert codes(check(place, tmp_path, kind=kind), tmp_path / name) == expected


def test_without_json_there_is_a_table_on_stdout_and_advice_on_stderr(place: Place, tmp_path: Path) -> None:
    photo_at(tmp_path / "good.jpg", INSIDE)
    photo_at(tmp_path / "lost.jpg", None, colour=1)
    done = place.upload("--dry-run", tmp_path)
    head, good, lost = done.stdout.splitlines()
    assert head.split() == ["FILE", "BYTES", "POSITION", "CAPTURED", "PROBLEMS"]
    assert good.split()[2:] == ["5.60000", "58.90000", "-", "ok"]
    assert "no_position: neither its EXIF nor its metadata have a position" in lost
    assert "1 are ok, 1 are not (no_position: 1). Nothing was sent." in done.stderr
    assert "Give its location" in done.stderr


@pytest.mark.parametrize("name", ["report.json", "report.csv"])
def test_a_dry_run_writes_a_report(place: Place, tmp_path: Path, name: str) -> None:
    photo_at(tmp_path / "lost.jpg", None)
    assert place.upload("--dry-run", tmp_path, "--report", tmp_path / name).exit_code == FAILED
    (row,), _ = read_report(tmp_path / name)
    problems = json.loads(row["problems"]) if name.endswith(".csv") else row["problems"]
    assert (list(row), problems[0]["code"]) == (KEYS, "no_position")


def test_without_a_server_the_type_is_required_and_the_area_is_not_checked(tmp_path: Path) -> None:
    photo_at(tmp_path / "a.jpg", OUTSIDE)
    done = run("upload", "--dry-run", "--no-server", "--type", "image", str(tmp_path))
    assert done.exit_code == DONE, done.output
    done = run("upload", "--dry-run", "--no-server", str(tmp_path))
    assert done.exit_code == USAGE
    assert "needs --type" in done.stderr


def test_many_files_are_reported_in_the_order_in_which_they_were_given(place: Place, tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.jpg").write_bytes(bytes([number]))
    assert [Path(path).name for path in check(place, tmp_path)] == [f"{number:02}.jpg" for number in range(40)]
