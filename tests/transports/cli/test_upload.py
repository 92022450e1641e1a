"""`pixel upload`: which files are found, what is sent and printed, and the exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.cli.errors import DONE, FAILED, NOTHING
from pixel_transports.sandbox import Sandbox, SandboxServer, sample_photos
from pixel_transports.sandbox.incoming import Content
from tests.support.cli_runs import JPEG, Place, make_photos, run
from tests.transports.cli.support import read_report

TIFF = b"II*\0"
KEYS = ["file", "name", "id", "status", "reason", "detail", "advice", "size"]


SAMPLES = sample_photos()[0].parent


def json_lines(*lines: dict[str, Any]) -> str:
    return "\n\n".join(json.dumps(line) for line in lines) + "\n"


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([""], ["B.JPEG", "D.JPG", "a.jpg", "a1.jpg", "a[1].jpg", "c.png"]),
        (["", "--include", "A*", "--exclude", "a?.jpg"], ["a.jpg", "a[1].jpg"]),
        (["", "--exclude", "deep", "--exclude", "*.JPG"], ["B.JPEG"]),
        (["*.jpg", "photo.dat", "--exclude", "a[1]*"], ["a.jpg", "a[1].jpg", "photo.dat"]),
        (["a*.jpg"], ["a.jpg", "a1.jpg", "a[1].jpg"]),
        (["**/[Bc].*"], ["B.JPEG", "c.png"]),
        (["a[1].jpg"], ["a[1].jpg"]),
        (["photo.dat"], ["photo.dat"]),
        (["a.jpg", "../*/a.jpg", "sub", "sub/*.JPEG"], ["B.JPEG", "D.JPG", "a.jpg", "c.png"]),
    ],
    ids=[
        "folder",
        "include and exclude",
        "excluded folder",
        "excluded from a glob",
        "glob",
        "recursive glob",
        "name like a glob",
        "any extension",
        "named several times",
    ],
)
def test_files_folders_and_globs_are_found_once(
    place: Place, tmp_path: Path, paths: list[str], names: list[str]
) -> None:
    files = ("a.jpg", "a1.jpg", "a[1].jpg", "sub/B.JPEG", "sub/deep/c.png", "sub/D.JPG", "photo.dat")
    for name in (*files, "notes.txt", "cloud.las", ".hidden.jpg", ".git/d.jpg"):
        (tmp_path / "flight" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "flight" / name).write_bytes(JPEG + name.encode())
    at = next((number for number, each in enumerate(paths) if each.startswith("--")), len(paths))
    done = place.upload(*(tmp_path / "flight" / path for path in paths[:at]), *paths[at:])
    assert done.exit_code == DONE, done.output
    assert place.names() == names
    assert len(done.stdout.splitlines()) == len(place.sent()) == len(names)


def flights(folder: Path, *names: str) -> Path:
    """Write photos with the names of others, each with different bytes."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG + name.encode())
    return folder


def named(place: Place, *arguments: object) -> dict[str, str]:
    """Upload, and return the names of the files in Pixel by their paths."""
    done = place.upload("--json", *arguments)
    assert done.exit_code == DONE, done.output
    return {"/".join(Path(each["file"]).parts[-2:]): each["name"] for each in place.lines(done)}


@pytest.mark.parametrize(
    ("rule", "paths", "names"),
    [
        ("path", ["."], ["day1_x.jpg", "day2_deep_x.jpg", "day2_x.jpg"]),
        ("path", ["day1", "day2"], ["day1_x.jpg", "day2_deep_x.jpg", "day2_x.jpg"]),
        ("path", ["day2"], ["deep_x.jpg", "x.jpg"]),
        ("path", ["day*/x.jpg"], ["day1_x.jpg", "day2_x.jpg"]),
        ("parent", ["."], ["day1_x.jpg", "day2_x.jpg", "deep_x.jpg"]),
        ("counter", ["."], ["x-2.jpg", "x-3.jpg", "x.jpg"]),
    ],
)
def test_equal_names_go_up_with_names_from_their_folders_or_a_number(
    place: Place, tmp_path: Path, rule: str, paths: list[str], names: list[str]
) -> None:
    folder = flights(tmp_path / "flight", "day1/x.jpg", "day2/x.jpg", "day2/deep/x.jpg")
    found = named(place, "--name-from", rule, *(folder / each for each in paths))
    assert sorted(found.values()) == place.names() == names


def test_an_upload_that_is_continued_gives_the_same_names_also_if_files_came_before_them(
    place: Place, tmp_path: Path
) -> None:
    folder = flights(tmp_path / "flight", "day2/x.jpg", "day3/x.jpg")
    first = named(place, "--name-from", "counter", folder)
    assert first == {"day2/x.jpg": "x.jpg", "day3/x.jpg": "x-2.jpg"}
    assert named(place, "--name-from", "counter", folder) == first
    flights(folder, "day1/x.jpg")
    assert named(place, "--name-from", "counter", folder) == {**first, "day1/x.jpg": "x-3.jpg"}
    assert (place.names(), len(place.sent())) == (["x-2.jpg", "x-3.jpg", "x.jpg"], 3)


def test_a_json_line_can_name_its_file(place: Place, tmp_path: Path) -> None:
    folder = flights(tmp_path, "a.jpg")
    done = place.upload("-", stdin=json_lines({"file": str(folder / "a.jpg"), "name": "b.jpg"}))
    assert (done.exit_code, done.stdout.split("\t")[0], place.names()) == (DONE, "b.jpg", ["b.jpg"])


def test_the_type_of_the_files_is_that_of_the_data_collection(place: Place, tmp_path: Path) -> None:
    (tmp_path / "cloud.laz").write_bytes(b"LASF" + bytes(300))
    (tmp_path / "photo.jpg").write_bytes(JPEG)
    (tmp_path / "map.PDF").write_bytes(b"%PDF-1.7")
    assert place.upload(tmp_path, kind="point-cloud").exit_code == DONE
    assert place.names("point-cloud") == ["cloud.laz"]
    assert place.upload(tmp_path, kind="raster").exit_code == DONE
    assert [each["format"] for each in place.listed("raster")] == ["PDF", "JPEG"]


@pytest.mark.parametrize(
    ("arguments", "line", "support_files"),
    [
        (["--support-files", "."], None, ["a.prj", "a.tfw", "a.tif.aux.xml"]),
        (["--support-files", "a.t[fi]*"], None, ["a.prj", "a.tfw", "a.tif.aux.xml"]),
        (["a.tif"], None, []),
        (["-"], {"support_files": ["b.tfw"]}, ["b.tfw"]),
    ],
    ids=["folder", "glob that names support files too", "without the option", "JSON line"],
)
def test_support_files_go_with_their_raster(
    place: Place, tmp_path: Path, arguments: list[str], line: dict[str, Any] | None, support_files: list[str]
) -> None:
    for name in ("a.tif", "a.tfw", "a.prj", "a.tif.aux.xml", "A.ovr", "a.jgw", "b.tfw", "a.txt"):
        (tmp_path / name).write_bytes(TIFF + name.encode())
    stdin = ""
    if line is not None:
        paths = [str(tmp_path / each) for each in line["support_files"]]
        stdin = json.dumps({"file": str(tmp_path / "a.tif"), "support_files": paths})
    done = place.upload(
        *(each if each.startswith("-") else tmp_path / each for each in arguments), kind="raster", stdin=stdin
    )
    assert done.exit_code == DONE, done.output
    (stored,) = place.server.sandbox.state.resources["raster"].values()
    assert (stored.name, sorted(stored.support_files)) == ("a.tif", support_files)
    assert len(place.sent()) == 1 + len(support_files)


def test_exif_metadata_are_sent_unless_no_exif(place: Place) -> None:
    assert place.upload(SAMPLES).exit_code == DONE
    first = place.listed()[0]
    assert first["location"]["coordinates"] == [5.6021, 58.8642, 118.4]
    assert first["capture_date"].startswith("2024-05-14T10:21:37")
    assert first["focal_length"] == pytest.approx(6.72)
    assert place.upload("--no-exif", "--no-resume", SAMPLES / "pixel_0001.jpg").exit_code == DONE
    assert sum(each.get("location") is None for each in place.listed()) == 1


def test_metadata_of_one_file_override_those_of_all_files_and_those_override_exif(place: Place, tmp_path: Path) -> None:
    first, second, *_ = sample_photos()
    of_one = {"fields": {"focal_length": 3}, "json_metadata": {"pilot": "Kari"}}
    lines = json_lines({"file": str(first), "metadata": of_one}, {"file": str(second)})
    of_all = tmp_path / "all.json"
    of_all.write_text('{"fields": {"focal_length": 2, "cam_pitch": -90}, "json_metadata": {"drone": "Heidrun"}}')
    done = place.upload("-", "--metadata", of_all, stdin=lines)
    assert done.exit_code == DONE, done.output
    images = place.listed()
    assert [(each["focal_length"], each["cam_pitch"]) for each in images] == [(3, -90), (2, -90)]
    assert all(each["location"] for each in images)
    assert [each["json_metadata"] for each in images] == [{"drone": "Heidrun", "pilot": "Kari"}, {"drone": "Heidrun"}]


@pytest.mark.parametrize("name", ["report.json", "report.csv"])
def test_json_lines_and_reports_have_every_file_always_with_the_same_keys(
    place: Place, tmp_path: Path, name: str
) -> None:
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(JPEG)
    bad.write_text("this is text")
    done = place.upload("--json", bad, good, "--report", tmp_path / name)
    failed, uploaded = lines = place.lines(done)
    assert (done.exit_code, list(failed)) == (FAILED, KEYS)
    assert uploaded == {
        **dict.fromkeys(KEYS), "file": str(good), "name": "good.jpg", "size": 4, "status": "uploaded",
        "id": place.listed()[0]["id"],
    }  # fmt: skip
    assert (failed["status"], failed["id"], failed["reason"]) == ("failed", None, "failed")
    assert "not a JPEG" in failed["detail"]
    assert failed["advice"]
    rows, report = read_report(tmp_path / name)
    assert [list(each) for each in rows] == [KEYS] * 2
    assert [row["status"] for row in rows] == ["failed", "uploaded"]
    if report:
        assert rows == lines
        assert report["counts"] == {"uploaded": 1, "skipped": 0, "failed": 1, "interrupted": 0}
        assert (report["project"], report["type"], report["interrupted"]) == (place.project, "image", False)


def test_a_failed_file_is_reported_on_stderr_with_detail_and_advice(place: Place, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_text("this is text")
    done = place.upload(tmp_path / "bad.jpg")
    assert (done.exit_code, done.stdout) == (FAILED, "bad.jpg\t-\tfailed\n")
    (line,) = [line for line in done.stderr.splitlines() if "bad.jpg" in line]
    assert "not a JPEG, PNG or TIFF image" in line
    assert "The server did not accept it" in line


def test_progress_in_a_pipe_is_lines_on_stderr_and_verbose_adds_each_step(place: Place, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "flight", 3, size=1000)
    done = place.upload(tmp_path / "flight", "--verbose")
    lines = [line for line in done.stderr.splitlines() if line.startswith("images: ")]
    assert lines[0].startswith("images: 0 of 3 files done, 0 failed, 0 of 3,012 bytes sent")
    assert lines[-1].startswith("images: 3 of 3 files done, 0 failed, 3,012 of 3,012 bytes sent, 0 retries")
    assert not {"\x1b", "\r"} & set(done.output)
    steps = [f"pixel: {photo}: {step}" for photo in photos for step in ("read", "sent", "validated_and_moved")]
    assert set(steps) <= set(done.stderr.splitlines())
    assert not set(steps) & set(done.stdout.splitlines())


def test_files_of_an_earlier_run_are_skipped_and_keep_their_ids(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 2)
    place.upload(tmp_path / "flight")
    for options, code in (([], DONE), (["--fail-if-nothing"], NOTHING)):
        again = place.upload(tmp_path / "flight", *options)
        assert (again.exit_code, len(place.sent())) == (code, 2)
        assert "2 skipped" in again.stderr
    (tmp_path / "flight" / "photo_new.jpg").write_bytes(JPEG)
    done = place.upload("--json", "--fail-if-nothing", tmp_path / "flight")
    assert done.exit_code == DONE
    assert [each["status"] for each in place.lines(done)] == ["skipped", "skipped", "uploaded"]
    assert [each["id"] for each in place.lines(done)] == [each["id"] for each in place.listed()]
    assert len(place.sent()) == 3


def test_another_journal_or_none_has_other_files_and_sends_all(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 2)
    for count, options in ((2, ["--no-resume"]), (4, ["--no-resume"]), (6, ["--journal", tmp_path / "other.sqlite"])):
        assert place.upload(*options, tmp_path / "flight").exit_code == DONE
        assert len(place.sent()) == count
        assert (tmp_path / "other.sqlite").exists() is (count == 6)
    assert run("journal", "list", "--all").stdout == ""


def test_part_size_sends_files_in_parts_and_warns_of_parts_that_s3_refuses(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 1, size=5000)
    done = place.upload("--part-size", "2kB", "--workers", "2", tmp_path / "flight")
    assert (done.exit_code, len(place.sent())) == (DONE, 3)
    assert "--part-size 2000: S3 refuses a file with parts below 5242880 bytes" in done.stderr
    assert "EntityTooSmall" not in place.upload("--part-size", "5MiB", tmp_path / "flight").stderr


def test_an_upload_without_a_journal_says_so_once_and_how_to_name_one(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = make_photos(tmp_path / "flight", 3)
    monkeypatch.delenv("PIXEL_JOURNAL")
    monkeypatch.setenv("XDG_STATE_HOME", str(photos[0]))  # no folder, so that nothing can be written to it
    done = place.upload(tmp_path / "flight")
    assert (done.exit_code, len(place.sent())) == (DONE, 3)
    (line,) = [line for line in done.stderr.splitlines() if "journal" in line]
    assert all(part in line for part in ("without a journal", "cannot be used", "PIXEL_JOURNAL", "--journal"))


@pytest.mark.parametrize("option", ["--json", "--dry-run"])
def test_an_empty_folder_is_nothing_to_do(place: Place, tmp_path: Path, option: str) -> None:
    done = place.upload(option, tmp_path)
    assert (done.exit_code, done.stdout) == (NOTHING, "")
    assert "no files were found" in done.stderr


def test_files_that_cannot_be_sent_do_not_stop_the_others(place: Place, tmp_path: Path) -> None:
    (photo,) = make_photos(tmp_path / "flight", 1)
    (tmp_path / "empty.jpg").touch()
    paths = (tmp_path / "gone.jpg", tmp_path / "empty.jpg", photo, tmp_path)
    done = place.upload("--json", "-", stdin=json_lines(*({"file": str(each)} for each in paths)))
    assert done.exit_code == FAILED
    assert [each["reason"] for each in place.lines(done)] == ["not_found", "empty", None, "not_a_file"]
    assert place.names() == [photo.name]


class Refusing(Sandbox):
    """A sandbox that refuses uploads."""

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        if method == "POST" and "/upload_jobs/" in target:
            return Response(403, Headers([]), b'{"detail": "Your quota is used up"}')
        return super().handle(method, origin, target, headers, content)


def test_an_error_that_stops_all_files_is_reported_once_and_every_file_has_its_line(tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 3)
    with SandboxServer(Refusing(job_seconds=0.02)) as server, (place := Place.at(server)).client:
        done = place.upload("--json", tmp_path / "flight")
    assert done.exit_code == FAILED
    assert [(each["status"], each["reason"]) for each in place.lines(done)] == [("failed", "stopped")] * 3
    assert done.stderr.count("Your quota is used up") == 1
    assert "Payload" not in done.stderr
