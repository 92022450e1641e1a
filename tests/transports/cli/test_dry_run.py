"""`pixel upload --dry-run` reads all files, reports every problem, and sends nothing."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pixel_core.uploads import PartSizing
from pixel_transports.cli.errors import DONE, FAILED
from pixel_transports.cli.file_checks import CheckedFile, Checker
from pixel_transports.cli.file_search import Candidate
from pixel_transports.cli.file_types import FILE_TYPES
from pixel_transports.sandbox import Sandbox, SandboxServer, sample_photos
from tests.support.cli_runs import INSIDE, JPEG, OUTSIDE, Place, make_photos, photo_at, run
from tests.transports.cli.support import at_terminal, read_report

KEYS = ["file", "name", "size", "md5", "position", "captured", "problems", "status"]
AT_INSIDE = {"type": "Point", "coordinates": list(INSIDE)}


def check(place: Place, *arguments: object, kind: str = "image", stdin: str = "") -> dict[str, dict[str, Any]]:
    """Run a dry run and return its rows by path. Nothing may have been sent."""
    done = place.upload("--dry-run", "--json", *arguments, kind=kind, stdin=stdin)
    assert place.sent() == []
    assert place.client.get_upload_jobs(place.project, place.collections[kind]) == []
    rows = {each["file"]: each for each in place.lines(done)}
    ok = all(each["status"] == "ok" for each in rows.values())
    assert done.exit_code == (DONE if ok else FAILED), done.output
    return rows


def codes(row: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in row["problems"]]


def starting_with(start: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(start + bytes(40))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def break_inside(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:60] + bytes(20) + content[80:])


def test_good_photos_have_no_problem_and_the_exit_code_is_0(place: Place) -> None:
    rows = check(place, sample_photos()[0].parent)
    assert [each["status"] for each in rows.values()] == ["ok"] * 6
    first = rows[str(sample_photos()[0])]
    assert list(first) == KEYS
    assert first["position"] == [5.6021, 58.8642, 118.4]
    assert first["captured"] == "2024-05-14T10:21:37"
    assert len(first["md5"]) == 32


UNREADABLE = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser reads every file"
)


@pytest.mark.parametrize(
    ("kind", "name", "make", "expected"),
    [
        ("image", "a.jpg", lambda path: photo_at(path, None), ["no_position"]),
        ("image", "a.jpg", lambda path: photo_at(path, (0.0, 0.0)), ["null_island"]),
        ("image", "a.jpg", lambda path: photo_at(path, OUTSIDE), ["outside_project"]),
        ("image", "a.jpg", lambda path: path.touch(), ["empty"]),
        ("image", "a.jpg", starting_with(b"this is text"), ["not_a_picture"]),
        ("image", "a.jpg", starting_with(b"GIF89a"), ["not_a_picture"]),
        ("image", "a.tif", lambda path: photo_at(path, None), ["no_position"]),
        ("image", "a.jpg", lambda path: truncate(photo_at(path, INSIDE)), ["truncated"]),
        ("image", "a.png", lambda path: truncate(photo_at(path, None)), ["truncated", "no_position"]),
        ("image", "a.jpg", lambda path: truncate(photo_at(path, None)), ["truncated", "no_position"]),
        ("image", "a.png", lambda path: break_inside(photo_at(path, None)), ["broken", "no_position"]),
        pytest.param(*("image", "a.jpg", lambda path: photo_at(path, INSIDE).chmod(0), ["not_read"]), marks=UNREADABLE),
        ("raster", "a.tif", starting_with(b"II*\0"), []),
        ("raster", "a.tif", starting_with(b"MM\0+"), []),
        ("raster", "a.tif", starting_with(b"text"), ["not_a_raster"]),
        ("raster", "a.jpg", starting_with(b"\xff\xd8\xff\xe0"), ["not_a_picture"]),
        ("point-cloud", "a.laz", starting_with(b"LASF"), []),
        ("point-cloud", "a.las", starting_with(b"text"), ["not_a_point_cloud"]),
    ],
)
def test_all_problems_of_a_file_are_reported(
    place: Place, tmp_path: Path, kind: str, name: str, make: Callable[[Path], object], expected: list[str]
) -> None:
    make(tmp_path / name)
    row = check(place, tmp_path, kind=kind)[str(tmp_path / name)]
    assert codes(row) == expected
    if expected == ["outside_project"]:
        assert "10.750000, 59.910000" in row["problems"][0]["detail"]


@pytest.mark.parametrize(
    ("kind", "line", "expected", "detail"),
    [
        ("image", {"file": "gone.jpg"}, ["not_found"], ""),
        ("image", {"file": "."}, ["not_a_file"], ""),
        ("raster", {"file": "a.tif", "support_files": ["a.tfw"]}, ["not_found"], "a.tfw"),
        ("image", {"file": "a.jpg", "metadata": {"fields": {"location": AT_INSIDE}}}, [], ""),
    ],
    ids=["missing", "folder", "missing support file", "a location that overrides the one in EXIF"],
)
def test_json_lines_are_checked_with_their_support_files_and_metadata(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, line: Any, expected: Any, detail: str
) -> None:
    monkeypatch.chdir(tmp_path)
    photo_at(tmp_path / "a.jpg", (0.0, 0.0))
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    (row,) = check(place, "-", kind=kind, stdin=json.dumps(line)).values()
    assert codes(row) == expected
    assert detail in str(row["problems"])


def test_equal_names_and_equal_contents_are_reported_with_the_other_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    first = photo_at(tmp_path / "a.jpg", INSIDE)
    copy = Path(shutil.copy(first, tmp_path / "b.jpg"))
    namesake = photo_at(tmp_path / "sub" / "a.jpg", INSIDE, colour=1)
    rows = check(place, tmp_path)
    assert [codes(row) for row in rows.values()] == [[], ["duplicate_content"], ["duplicate_name"]]
    assert all(str(first) in rows[str(each)]["problems"][0]["detail"] for each in (copy, namesake))


LONG = "d" * 120
AREA_CROSSING = {"type": "LineString", "coordinates": [list(INSIDE), list(OUTSIDE)]}
JPEG_ONE_PART = JPEG + bytes(6 * 2**20)


@dataclass(frozen=True)
class Refused:
    """A file that a server refuses: its content, JSON line and options, and the code of the dry run."""

    code: str
    kind: str = "image"
    name: str = "a.jpg"
    content: bytes | Path = sample_photos()[0]
    line: dict[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    support: tuple[str, ...] = ()


REFUSED = [
    Refused("bad_name", name="a\tb.jpg"),
    Refused("bad_name", name=f"{LONG}/{LONG}/{LONG}.jpg", options=("--name-from", "path")),
    Refused("bad_name", line={"name": "day1/a.jpg"}),
    Refused("bad_metadata", line={"metadata": {"fields": {"name": ""}}}),
    Refused("bad_support_files", "raster", "a.tif", b"II*\0", support=("b\n.tfw",)),
    Refused("bad_parts", content=JPEG_ONE_PART, options=("--part-size", "4MiB")),
    Refused("not_a_picture", content=b"II*\1 no TIFF"),
    Refused("not_a_picture", content=b"%PDF-1.7"),
    Refused("not_a_raster", "raster", "a.tif", b"RIFF1234WAVE"),
    Refused("not_a_point_cloud", "point-cloud", "a.laz", b"LAS"),
    Refused("empty", "raster", "a.pdf", b""),
    Refused("outside_project", line={"metadata": {"fields": {"location": AREA_CROSSING}}}),
    Refused("outside_project", line={"metadata": {"fields": {"location": {"type": "Point", "coordinates": OUTSIDE}}}}),
]


@pytest.fixture
def strict() -> Iterator[Place]:
    """A project in a sandbox with S3's minimum size of parts."""
    with SandboxServer(Sandbox(job_seconds=0.02)) as server, (place := Place.at(server)).client:
        yield place


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.code}-{case.name[:9]}")
def test_what_the_server_refuses_a_dry_run_reports(strict: Place, tmp_path: Path, case: Refused) -> None:
    path = tmp_path / "flight" / case.name
    path.parent.mkdir(parents=True)
    path.write_bytes(case.content.read_bytes() if isinstance(case.content, Path) else case.content)
    supports = [tmp_path / name for name in case.support]
    for each in supports:
        each.write_text("1.0")
    line: dict[str, Any] = {"file": str(path), **case.line, "support_files": [str(each) for each in supports]}
    if case.kind == "point-cloud":
        line.pop("support_files")
    other = make_photos(tmp_path / "flight" / "other", 1)[0]
    lines = f"{json.dumps(line)}\n" + (json.dumps({"file": str(other)}) if case.kind == "image" else "")
    row = check(strict, "-", *case.options, kind=case.kind, stdin=lines)[str(path)]
    assert case.code in codes(row)
    done = strict.upload("--json", "-", *case.options, kind=case.kind, stdin=lines)
    assert done.exit_code == FAILED, done.output
    assert next(each["status"] for each in strict.lines(done) if each["file"] == str(path)) == "failed"


def test_parts_and_support_files_beyond_the_limits_of_the_storage_are_reported(strict: Place, tmp_path: Path) -> None:
    big = tmp_path / "a.tif"
    with big.open("wb") as file:
        file.write(b"II*\0")
        file.truncate(10_001)
    (tmp_path / "a.ovr").touch()
    os.truncate(tmp_path / "a.ovr", 5 * 2**30 + 1)  # It has no blocks, and is not read.
    row = check(strict, big, "--support-files", "--part-size", "1", kind="raster")[str(big)]
    assert codes(row) == ["bad_parts"]
    assert "10000 is the most" in row["problems"][0]["detail"]
    assert codes(check(strict, big, "--support-files", kind="raster")[str(big)]) == ["too_large"]


def test_files_are_checked_side_by_side(tmp_path: Path) -> None:
    meeting = threading.Barrier(2)

    class Meeting(Checker):
        def _check_file(self, candidate: Candidate) -> CheckedFile:
            meeting.wait(60)
            return super()._check_file(candidate)

    paths = [tmp_path / name for name in "abcd"]
    for number, path in enumerate(paths):
        path.write_bytes(b"LASF" + bytes([number]))
    checker = Meeting(FILE_TYPES["point-cloud"], {}, None, PartSizing(2**26))
    checked = checker.check([Candidate(path) for path in paths])
    assert [each.problems for each in checked] == [[]] * 4


def test_a_terminal_gets_a_bar_and_a_pipe_no_line_for_a_short_run(place: Place, tmp_path: Path) -> None:
    for number in range(3):
        photo_at(tmp_path / f"{number}.jpg", INSIDE, colour=number)
    arguments = place.arguments("--dry-run", tmp_path)
    done = at_terminal(*arguments, environment=place.environment, stderr=True)
    assert done.returncode == DONE, done.stderr
    assert "checking" in done.stderr
    assert "3 of 3 files" in done.stderr
    assert "\x1b" not in done.stdout
    assert "checking" not in place.upload("--dry-run", tmp_path).stderr


def test_without_exif_photos_have_no_position_and_are_still_compared_with_the_area(
    place: Place, tmp_path: Path
) -> None:
    for name, position in (("in.jpg", INSIDE), ("out.jpg", OUTSIDE)):
        photo_at(tmp_path / name, position)
    rows = check(place, "--no-exif", tmp_path)
    assert [codes(row) for row in rows.values()] == [["no_position"], ["no_position", "outside_project"]]


def test_a_name_rule_makes_equal_names_differ(place: Place, tmp_path: Path) -> None:
    for number, folder in enumerate(("day1", "day2")):
        (tmp_path / folder).mkdir()
        photo_at(tmp_path / folder / "a.jpg", INSIDE, colour=number)
    for rule, names in (("path", ["day1_a.jpg", "day2_a.jpg"]), ("counter", ["a.jpg", "a-2.jpg"])):
        rows = check(place, tmp_path, "--name-from", rule).values()
        assert [(each["name"], codes(each)) for each in rows] == [(name, []) for name in names]


@pytest.mark.parametrize("name", ["report.json", "report.csv"])
def test_without_json_there_is_a_table_on_stdout_advice_on_stderr_and_a_report(
    place: Place, tmp_path: Path, name: str
) -> None:
    photo_at(tmp_path / "good.jpg", INSIDE)
    photo_at(tmp_path / "lost.jpg", None, colour=1)
    done = place.upload("--dry-run", tmp_path, "--report", tmp_path / name)
    assert done.exit_code == FAILED
    head, good, lost = done.stdout.splitlines()
    assert head.split() == ["FILE", "BYTES", "POSITION", "CAPTURED", "PROBLEMS"]
    assert good.split()[2:] == ["5.60000", "58.90000", "-", "ok"]
    assert "no_position: neither its EXIF nor its metadata have a position" in lost
    assert "1 are ok, 1 are not (no_position: 1). Nothing was sent." in done.stderr
    assert "Give its location" in done.stderr
    (_, row), _ = read_report(tmp_path / name)
    problems = json.loads(row["problems"]) if name.endswith(".csv") else row["problems"]
    assert (list(row), problems[0]["code"]) == (KEYS, "no_position")


def test_without_a_server_the_area_is_not_checked(tmp_path: Path) -> None:
    photo_at(tmp_path / "a.jpg", OUTSIDE)
    done = run("upload", "--dry-run", "--no-server", "--type", "image", str(tmp_path))
    assert done.exit_code == DONE, done.output


def test_many_files_are_reported_in_the_order_in_which_they_were_given(place: Place, tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.jpg").write_bytes(bytes([number]))
    assert [Path(path).name for path in check(place, tmp_path)] == [f"{number:02}.jpg" for number in range(40)]
