"""`pixel upload`: what is found, what is sent, what is told, and with which exit code."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.cli.exits import DONE, FAILED, LOGIN, NOTHING, UNREACHABLE, USAGE
from pixel_transports.sandbox import Sandbox, SandboxServer, sample_photos
from pixel_transports.sandbox.http import Buffer
from tests.support.cli_runs import JPEG, Place, make_photos, pixel, run

TIFF = b"II*\0"
KEYS = ["file", "name", "id", "status", "reason", "detail", "advice", "size"]


@pytest.fixture
def place(server: SandboxServer) -> Iterator[Place]:
    made = Place.at(server)
    with made.client:
        yield made


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for each in sample_photos():
        shutil.copy(each, folder)
    return folder


# What is found


def test_a_folder_is_searched_with_all_folders_in_it_for_files_of_the_type(place: Place, tmp_path: Path) -> None:
    for name in ("a.jpg", "sub/B.JPEG", "sub/deep/c.png", "notes.txt", "cloud.las", ".hidden.jpg", ".git/d.jpg"):
        (tmp_path / "flight" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "flight" / name).write_bytes(JPEG + name.encode())
    done = place.upload(tmp_path / "flight")
    assert done.exit_code == DONE, done.output
    assert place.names() == ["B.JPEG", "a.jpg", "c.png"]


def test_a_glob_in_quotation_marks_is_expanded(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 12)
    assert place.upload(tmp_path / "*" / "photo_00[0-3].jpg").exit_code == DONE
    assert place.names() == [f"photo_{number:03}.jpg" for number in range(4)]


def test_a_glob_with_two_stars_goes_down_all_folders(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 2)
    assert place.upload(tmp_path / "**" / "*.jpg").exit_code == DONE
    assert len(place.names()) == 2


def test_a_file_whose_name_looks_like_a_glob_is_taken_as_it_is_written(place: Place, tmp_path: Path) -> None:
    odd, other = tmp_path / "a[1].jpg", tmp_path / "a1.jpg"
    odd.write_bytes(JPEG)
    other.write_bytes(JPEG)
    assert place.upload(odd).exit_code == DONE
    assert place.names() == ["a[1].jpg"]


def test_a_file_that_is_named_in_several_ways_is_sent_once(place: Place, tmp_path: Path) -> None:
    (photo,) = make_photos(tmp_path / "flight", 1)
    done = place.upload(photo, photo.parent, photo.parent / "*.jpg")
    assert (done.exit_code, len(done.stdout.splitlines()), len(place.sent())) == (DONE, 1, 1)


def test_what_is_named_is_taken_whatever_its_extension(place: Place, tmp_path: Path) -> None:
    (tmp_path / "photo.dat").write_bytes(JPEG)
    assert place.upload(tmp_path / "photo.dat").exit_code == DONE


def test_json_lines_tell_files_and_their_metadata(place: Place, tmp_path: Path) -> None:
    first, second = make_photos(tmp_path / "flight", 2)
    lines = [
        {"file": str(first), "metadata": {"fields": {"cam_heading": 12.5}, "json_metadata": {"pilot": "Kari"}}},
        {"file": str(second)},
    ]
    done = place.upload("-", stdin="\n\n".join(json.dumps(line) for line in lines) + "\n")
    assert done.exit_code == DONE, done.output
    assert [each.get("cam_heading") for each in place.listed()] == [12.5, None]
    assert place.listed()[0]["json_metadata"] == {"pilot": "Kari"}


def test_point_clouds_and_rasters_are_known_by_the_type_of_their_data_collection(place: Place, tmp_path: Path) -> None:
    (tmp_path / "cloud.laz").write_bytes(b"LASF" + bytes(300))
    (tmp_path / "map.tif").write_bytes(TIFF + bytes(300))
    (tmp_path / "photo.jpg").write_bytes(JPEG)
    assert place.upload(tmp_path, kind="point-cloud").exit_code == DONE
    assert place.names("point-cloud") == ["cloud.laz"]
    assert place.upload(tmp_path / "*.tif", kind="raster").exit_code == DONE
    assert place.names("raster") == ["map.tif"]


# Support files


def test_files_beside_a_raster_go_along_when_they_are_asked_for(place: Place, tmp_path: Path) -> None:
    names = ("a.tif", "a.tfw", "a.prj", "a.tif.aux.xml", "A.ovr", "a.jgw", "b.tfw", "a.txt")
    for name in names:
        (tmp_path / name).write_bytes(TIFF + name.encode())
    done = place.upload("--support-files", tmp_path, kind="raster")
    assert done.exit_code == DONE, done.output
    (stored,) = place.server.sandbox.state.resources["raster"].values()
    assert sorted(stored.support_files) == ["a.prj", "a.tfw", "a.tif.aux.xml"]


def test_without_being_asked_for_support_files_stay_where_they_are(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(TIFF)
    (tmp_path / "a.tfw").write_text("1")
    assert place.upload(tmp_path, kind="raster").exit_code == DONE
    assert len(place.sent()) == 1


def test_a_support_file_that_a_glob_names_too_does_not_go_on_its_own(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(TIFF)
    (tmp_path / "a.tfw").write_text("1")
    done = place.upload("--support-files", tmp_path / "*", kind="raster")
    assert (done.exit_code, place.names("raster"), len(place.sent())) == (DONE, ["a.tif"], 2)


def test_json_lines_name_support_files_of_their_own(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(TIFF)
    (tmp_path / "elsewhere.tfw").write_text("1")
    line = {"file": str(tmp_path / "a.tif"), "support_files": [str(tmp_path / "elsewhere.tfw")]}
    assert place.upload("-", kind="raster", stdin=json.dumps(line)).exit_code == DONE
    assert len(place.sent()) == 2


# Metadata


def test_what_the_camera_wrote_goes_along_with_images(place: Place, samples: Path) -> None:
    assert place.upload(samples).exit_code == DONE
    first = place.listed()[0]
    assert first["location"]["coordinates"] == [5.6021, 58.8642, 118.4]
    assert first["capture_date"].startswith("2024-05-14T10:21:37")
    assert first["focal_length"] == pytest.approx(6.72)


def test_what_the_camera_wrote_stays_here_with_no_exif(place: Place, samples: Path) -> None:
    assert place.upload("--no-exif", samples).exit_code == DONE
    assert place.listed()[0].get("location") is None


def test_metadata_of_one_file_wins_over_that_of_all_and_that_over_the_camera(place: Place, samples: Path) -> None:
    first, second, *_ = sorted(samples.iterdir())
    lines = [{"file": str(first), "metadata": {"fields": {"focal_length": 3}}}, {"file": str(second)}]
    of_all = json.dumps({"fields": {"focal_length": 2, "cam_pitch": -90}})
    done = place.upload("-", "--metadata", of_all, stdin="\n".join(map(json.dumps, lines)))
    assert done.exit_code == DONE, done.output
    assert [each["focal_length"] for each in place.listed()] == [3, 2]
    assert [each["cam_pitch"] for each in place.listed()] == [-90, -90]
    assert place.listed()[0]["location"] is not None


def test_metadata_can_be_in_a_file(place: Place, tmp_path: Path) -> None:
    (photo,) = make_photos(tmp_path / "flight", 1)
    (tmp_path / "all.json").write_text('{"json_metadata": {"drone": "Heidrun"}}')
    assert place.upload(photo, "--metadata", tmp_path / "all.json").exit_code == DONE
    assert place.listed()[0]["json_metadata"] == {"drone": "Heidrun"}


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ('{"capture_date": "2024-05-14"}', "capture_date is not known"),
        ('{"fields": {"heading": 3}}', "heading is not known"),
        ('{"fields": {"cam_heading": "north"}}', "cam_heading"),
        ('{"fields": {"fields_type": "raster"}}', "fields_type is 'raster'"),
        ("{", "is no JSON"),
        ("missing.json", "cannot be read"),
    ],
)
def test_metadata_that_pixel_would_drop_or_refuse_is_wrong_usage(
    place: Place, tmp_path: Path, metadata: str, told: str
) -> None:
    (photo,) = make_photos(tmp_path / "flight", 1)
    done = place.upload(photo, "--metadata", metadata)
    assert done.exit_code == USAGE
    assert told in done.stderr
    assert place.sent() == []


# What is told


def test_stdout_has_a_line_a_file_with_name_id_and_status(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 3)
    done = place.upload(tmp_path / "flight")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows == [[each["name"], str(each["id"]), "uploaded"] for each in place.listed()]


def test_with_json_there_is_an_object_a_line_that_always_has_the_same_keys(place: Place, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(JPEG)
    bad.write_text("this is text")
    done = place.upload("--json", bad, good)
    wrong, well = place.lines(done)
    assert list(wrong) == list(well) == KEYS
    assert well == {
        **dict.fromkeys(KEYS), "file": str(good), "name": "good.jpg", "size": 4, "status": "uploaded",
        "id": place.listed()[0]["id"],
    }  # fmt: skip
    assert (wrong["status"], wrong["id"], wrong["reason"]) == ("failed", None, "failed")
    assert "not a JPEG" in wrong["detail"]
    assert wrong["advice"]


def test_a_failed_file_is_told_on_stderr_with_reason_and_advice(place: Place, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_text("this is text")
    done = place.upload(tmp_path / "bad.jpg")
    assert done.exit_code == FAILED
    assert done.stdout == "bad.jpg\t-\tfailed\n"
    (line,) = [line for line in done.stderr.splitlines() if "bad.jpg" in line]
    assert "not a JPEG, PNG or TIFF image" in line
    assert "The server did not accept it" in line


def test_where_there_is_no_terminal_progress_is_lines_on_stderr_without_a_bar(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 3, size=1000)
    done = place.upload(tmp_path / "flight")
    lines = [line for line in done.stderr.splitlines() if line.startswith("images: ")]
    assert lines[0].startswith("images: 0 of 3 files done, 0 failed, 0 of 3,012 bytes sent")
    assert lines[-1].startswith("images: 3 of 3 files done, 0 failed, 3,012 of 3,012 bytes sent, 0 retries")
    assert "\x1b" not in done.output
    assert "\r" not in done.output


def test_verbose_tells_of_each_file(place: Place, tmp_path: Path) -> None:
    (photo,) = make_photos(tmp_path / "flight", 1)
    done = place.upload("--verbose", photo)
    for word in ("read", "sent", "validated_and_moved"):
        assert f"pixel: {photo}: {word}\n" in done.stderr
        assert word not in done.stdout


@pytest.mark.parametrize("name", ["report.json", "report.csv"])
def test_a_report_holds_every_file_in_json_or_csv(place: Place, tmp_path: Path, name: str) -> None:
    make_photos(tmp_path / "flight", 2)
    (tmp_path / "flight" / "bad.jpg").write_text("text")
    done = place.upload(tmp_path / "flight", "--report", tmp_path / name)
    assert done.exit_code == FAILED
    text = (tmp_path / name).read_text(encoding="utf-8")
    if name.endswith(".csv"):
        rows = list(csv.DictReader(text.splitlines()))
        assert list(rows[0]) == KEYS
        assert [row["status"] for row in rows] == ["failed", "uploaded", "uploaded"]
        return
    report = json.loads(text)
    assert report["counts"] == {"uploaded": 2, "skipped": 0, "failed": 1, "interrupted": 0}
    assert (report["project"], report["type"], report["interrupted"]) == (place.project, "image", False)
    assert [list(each) for each in report["files"]] == [KEYS] * 3


# Exit codes, and going on


def test_what_an_earlier_run_uploaded_is_skipped_and_keeps_its_id(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 2)
    place.upload(tmp_path / "flight")
    (tmp_path / "flight" / "photo_new.jpg").write_bytes(JPEG)
    sent = len(place.sent())
    done = place.upload("--json", tmp_path / "flight")
    assert done.exit_code == DONE
    assert [each["status"] for each in place.lines(done)] == ["skipped", "skipped", "uploaded"]
    assert [each["id"] for each in place.lines(done)] == [each["id"] for each in place.listed()]
    assert len(place.sent()) == sent + 1


def test_where_all_was_uploaded_before_there_is_nothing_to_do(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 2)
    place.upload(tmp_path / "flight")
    done = place.upload(tmp_path / "flight")
    assert (done.exit_code, len(place.sent())) == (NOTHING, 2)
    assert "2 skipped" in done.stderr


def test_with_no_resume_all_is_sent_again_and_nothing_is_written_down(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 2)
    for count in (2, 4):
        assert place.upload("--no-resume", tmp_path / "flight").exit_code == DONE
        assert len(place.sent()) == count
    assert run("journal", "list", "--all").stdout == ""


def test_another_journal_knows_other_files(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 1)
    place.upload(tmp_path / "flight")
    assert place.upload("--journal", tmp_path / "other.sqlite", tmp_path / "flight").exit_code == DONE
    assert (tmp_path / "other.sqlite").exists()


def test_an_empty_folder_is_nothing_to_do(place: Place, tmp_path: Path) -> None:
    done = place.upload(tmp_path)
    assert (done.exit_code, done.stdout) == (NOTHING, "")
    assert "no files were found" in done.stderr


def test_files_that_cannot_be_sent_do_not_keep_the_others_from_it(place: Place, tmp_path: Path) -> None:
    (photo,) = make_photos(tmp_path / "flight", 1)
    (tmp_path / "empty.jpg").touch()
    lines = [{"file": str(each)} for each in (tmp_path / "gone.jpg", tmp_path / "empty.jpg", photo, tmp_path)]
    done = place.upload("--json", "-", stdin="\n".join(map(json.dumps, lines)))
    assert done.exit_code == FAILED
    assert [each["reason"] for each in place.lines(done)] == ["not_found", "empty", None, "not_a_file"]
    assert place.names() == [photo.name]


def test_files_go_in_parts_of_the_size_that_is_asked_for(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 1, size=5000)
    assert place.upload("--part-size", "2kB", "--workers", "2", tmp_path / "flight").exit_code == DONE
    assert len(place.sent()) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--part-size", "much"], "is no number of bytes"),
        (["--workers", "0"], "--workers"),
        (["--type", "raster"], "the data collection is of the type 'image'"),
        (["--no-server"], "goes with --dry-run alone"),
        (["--no-resume", "--journal", "j.sqlite"], "contradict"),
        (["--report", "r.txt"], "has to end in .json or .csv"),
        (["--report", "/does/not/exist/r.csv"], "no such folder"),
        (["does-not-exist.jpg"], "no such file or folder"),
        (["no-*-match.jpg"], "no file has such a name"),
        (["--journal", __file__], "cannot be used"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(
    place: Place, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (photo,) = make_photos(tmp_path / "flight", 1)
    done = place.upload(photo, *arguments)
    assert (done.exit_code, done.stdout, place.sent()) == (USAGE, "", [])
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2 of stdin: is no JSON"),
        ('{"path": "a.jpg"}', 'an object with "file"'),
        ('{"file": "a.jpg", "meta": {}}', "meta is not known"),
        ('{"file": "a.jpg", "support_files": "b"}', "support_files is a list of paths"),
        ('{"file": "a.jpg", "metadata": {"fields": {"x": 1}}}', "x is not known"),
        ('{"file": "first.jpg"}', "given twice"),
    ],
)
def test_a_wrong_json_line_is_wrong_usage_and_named_by_its_number(place: Place, line: str, told: str) -> None:
    done = place.upload("-", stdin=f'{{"file": "first.jpg"}}\n{line}\n')
    assert (done.exit_code, place.sent()) == (USAGE, [])
    assert told in done.stderr


def test_equal_names_are_wrong_usage_and_nothing_is_sent(place: Place, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        make_photos(tmp_path / folder, 1)
    done = place.upload(tmp_path)
    assert (done.exit_code, place.sent()) == (USAGE, [])
    assert "one/photo_000.jpg" in done.stderr
    assert "two/photo_000.jpg" in done.stderr


def test_project_and_collection_are_needed(tmp_path: Path) -> None:
    done = run("upload", str(tmp_path))
    assert done.exit_code == USAGE
    assert "--project and --collection are needed" in done.stderr


def test_a_data_collection_that_does_not_exist_is_told_in_one_message(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 1)
    done = run(
        "upload", str(tmp_path), "--project", str(place.project), "--collection", "999", environment=place.environment
    )
    assert done.exit_code == FAILED
    assert done.stderr.count("404") == 1


class Refusing(Sandbox):
    """A sandbox where nobody may upload."""

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Buffer) -> Response:
        if method == "POST" and "/upload_jobs/" in target:
            return Response(403, Headers([]), b'{"detail": "Your quota is used up"}')
        return super().handle(method, origin, target, headers, content)


def test_what_stops_all_files_is_told_once_and_every_file_has_its_line(tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", 3)
    with SandboxServer(Refusing(job_seconds=0.02)) as server, (place := Place.at(server)).client:
        done = place.upload("--json", tmp_path / "flight")
    assert done.exit_code == FAILED
    assert [(each["status"], each["reason"]) for each in place.lines(done)] == [("failed", "stopped")] * 3
    assert done.stderr.count("Your quota is used up") == 1
    assert "Payload" not in done.stderr


def test_a_refused_login_has_a_code_of_its_own(place: Place, tmp_path: Path) -> None:
    environment = {**place.environment, "PIXEL_PASSWORD": "wrong-secret"}
    done = run(*place.arguments(tmp_path), environment=environment)
    assert done.exit_code == LOGIN
    assert "wrong-secret" not in done.output


def test_no_connection_has_a_code_of_its_own(place: Place, tmp_path: Path) -> None:
    place.server.close()
    assert run(*place.arguments(tmp_path), environment=place.environment).exit_code == UNREACHABLE


def test_a_process_of_its_own_does_all_of_it_with_data_and_messages_apart(place: Place, samples: Path) -> None:
    done = pixel(*place.arguments(samples), environment=place.environment)
    assert done.returncode == DONE, done.stderr
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == place.names()
    assert "Of 6 files: 6 uploaded." in done.stderr


def test_help_documents_exit_codes_output_and_json_lines() -> None:
    told = run("upload", "--help").stdout
    for text in ("Exit codes", "130", "tabs", "status", "skipped", "support_files", "--dry-run"):
        assert text in told
