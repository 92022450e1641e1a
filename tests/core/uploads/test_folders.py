"""Folders: which files are found, which names they get, and what `upload_folder` asks for and sends."""

from collections.abc import Sequence
from typing import Any

import pytest

from pixel_core import Flow, JournalEntry, JournalSnapshot, OpenJournal
from pixel_core.journal import JournalState
from pixel_core.models import NameFrom
from pixel_core.uploads.folders import SUFFIXES, FolderWalk, FoundFile, Selection, find_support_files
from pixel_core.uploads.names import assign_names, proposed_name
from tests.support.scripted_api import PixelServer, World, body_of

FLIGHT = [
    "a.jpg", "B.JPG", "notes.txt", "cloud.LAZ", "map.PDF", ".hidden.jpg",
    "day1/a.jpg", "day1/a.JGW", "day1/deep/c.Tiff", "day2/a.jpg", ".git/d.jpg", "thumbs/a.jpg",
]  # fmt: skip


def world_of(names: Sequence[str], **server: Any) -> World:
    return World(PixelServer(**server), files={f"/p/{name}": name.encode() for name in names})


def walk(selection: Selection, with_support_files: bool = False) -> Flow[list[FoundFile]]:
    """All files of a walk, and the number of its folders."""
    found: list[FoundFile] = []
    walk = FolderWalk("/p", selection, with_support_files)
    while (files := (yield from walk.next_files())) is not None:
        found += files
    return found


@pytest.mark.parametrize(
    ("kind", "include", "exclude", "found"),
    [
        ("image", [], [], "B.JPG a.jpg day1/a.jpg day1/deep/c.Tiff day2/a.jpg thumbs/a.jpg"),
        ("raster", [], ["*.jpg"], "map.PDF day1/deep/c.Tiff"),
        ("point_cloud", [], [], "cloud.LAZ"),
        ("image", ["A.*"], ["thumbs"], "a.jpg day1/a.jpg day2/a.jpg"),
        ("image", ["day?/*"], [], "day1/a.jpg day2/a.jpg"),
        ("image", ["day1/**"], [], "day1/a.jpg day1/deep/c.Tiff"),
        ("image", ["**/a.jpg"], ["day[2-9]/*"], "a.jpg day1/a.jpg thumbs/a.jpg"),
        ("image", ["[!ac].*", "*.tif"], [], "B.JPG"),
        ("image", ["b.jp*g", "nothing"], [], "B.JPG"),
    ],
)
def test_a_walk_finds_the_files_of_a_kind_in_the_order_of_folders_and_names_in_upper_or_lower_case(
    kind: str, include: list[str], exclude: list[str], found: str
) -> None:
    files = world_of(FLIGHT).run(walk(Selection(SUFFIXES[kind], tuple(include), tuple(exclude))))
    assert " ".join(each.relative for each in files) == found
    assert [each.path for each in files] == [f"/p/{each.relative}" for each in files]


def test_a_walk_lists_one_folder_at_a_time_and_no_excluded_one() -> None:
    world = world_of(FLIGHT)
    flow = FolderWalk("/p", Selection(SUFFIXES["image"], (), ("thumbs", "day1/deep")))
    listed: list[list[str]] = []
    while (files := world.run(flow.next_files())) is not None:
        listed.append(world.listed.copy())
        assert all(each.path.startswith(world.listed[-1]) for each in files)
    assert listed == [["/p"], ["/p", "/p/day1"], ["/p", "/p/day1", "/p/day2"]]


def test_support_files_have_the_stem_or_the_name_of_their_file_and_a_known_suffix() -> None:
    names = ["a.tif", "a.tfw", "a.prj", "a.tif.aux.xml", "A.ovr", "a.jgw", "b.tfw", "a.txt", "c.JPG", "c.JGW", "c.tfw"]
    assert find_support_files(["a.tif", "b.tif", "c.JPG"], names) == {
        "a.tif": ["a.prj", "a.tfw", "a.tif.aux.xml"], "b.tif": ["b.tfw"], "c.JPG": ["c.JGW"],
    }  # fmt: skip
    (found,) = world_of(FLIGHT).run(walk(Selection(SUFFIXES["image"], ("day1/a.jpg",)), with_support_files=True))
    assert found == FoundFile("/p/day1/a.jpg", "day1/a.jpg", ("/p/day1/a.JGW",))


SAME = ["a.jpg", "day1/a.jpg", "day1/x/a.jpg", "day2/a.jpg"]
NAMES: dict[NameFrom, list[str]] = {
    "path": ["a.jpg", "day1_a.jpg", "day1_x_a.jpg", "day2_a.jpg"],
    "parent": ["p_a.jpg", "day1_a.jpg", "x_a.jpg", "day2_a.jpg"],
    "counter": ["a.jpg", "a-2.jpg", "a-3.jpg", "a-4.jpg"],
}


@pytest.mark.parametrize("rule", NAMES)
def test_a_folder_with_equal_names_goes_up_with_the_names_of_a_rule(rule: NameFrom) -> None:
    world = world_of(SAME)
    images, errors = world.run(world.api.upload_folder(1, 2, "/p", name_from=rule))
    assert ([each["name"] for each in images], errors) == (NAMES[rule], [])


def test_equal_names_without_a_rule_are_a_value_error_that_names_it_before_anything_is_uploaded() -> None:
    world = world_of(SAME)
    error = world.fail(world.api.upload_folder(1, 2, "/p"), ValueError)
    assert "/p/a.jpg and /p/day1/a.jpg" in str(error)
    assert "name_from" in str(error)
    assert world.calls == [("GET", "/acme/projects/1/data_collections/2")]


def test_a_counter_leaves_out_names_that_other_files_have_and_keeps_those_of_the_journal() -> None:
    files = [("/1/a.jpg", "a.jpg"), ("/2/a.jpg", "a.jpg"), ("/2/a-2.jpg", "a-2.jpg"), ("/3/a.jpg", "a.jpg")]
    assert assign_names("counter", files, "") == ["a.jpg", "a-2.jpg", "a-2-2.jpg", "a-3.jpg"]
    kept = {"/3/a.jpg": "a.jpg", "/2/a.jpg": "a-2.jpg"}
    assert assign_names("counter", files, "", kept) == ["a-3.jpg", "a-2.jpg", "a-2-2.jpg", "a.jpg"]
    both_before = {"/1/a.jpg": "a.jpg", "/2/a.jpg": "a.jpg"}
    assert assign_names("counter", files[:2], "", both_before) == ["a.jpg", "a-2.jpg"]
    assert proposed_name("path", "/x/a.jpg", "../x/a.jpg") == "x_a.jpg"


class Remembering(World):
    """A world with a journal."""

    entries: dict[str, JournalEntry] = {}  # noqa: RUF012 - set by the test

    def perform(self, effect: Any) -> Any:
        if isinstance(effect, OpenJournal):
            return self.run(effect.lead(JournalSnapshot(None, self.entries)))
        return super().perform(effect)


def test_a_continued_upload_gives_a_file_that_the_journal_knows_its_name_there() -> None:
    world = Remembering(PixelServer(), files={f"/p/{name}": b"abc" for name in ("a/x.jpg", "b/x.jpg")})
    world.entries = {"/p/b/x.jpg": JournalEntry("/p/b/x.jpg", 3, 0, JournalState.DECLARED, 7, name="x.jpg")}
    images, errors = world.run(world.api.upload_folder(1, 2, "/p", name_from="counter"))
    assert ([each["name"] for each in images], errors) == (["x-2.jpg", "x.jpg"], [])
    world.entries = {"/p/b/x.jpg": JournalEntry("/p/b/x.jpg", 4, 0, JournalState.DECLARED, 7, name="x.jpg")}
    images, _ = world.run(world.api.upload_folder(1, 2, "/p", name_from="counter"))
    assert [each["name"] for each in images] == ["x.jpg", "x-2.jpg"]  # The file in the journal is another one.


def test_metadata_of_photos_are_read_and_those_of_all_files_override_them() -> None:
    world = world_of([f"{number:02}.jpg" for number in range(40)])
    world.metadata = {"/p/07.jpg": {"fields": {"fields_type": "image", "focal_length": 8.0, "cam_pitch": 1.0}}}
    common = {"fields": {"cam_pitch": -90}, "json_metadata": {"pilot": "Kari"}}
    world.run(world.api.upload_folder(1, 2, "/p", common_metadata=common))
    declared = {file["name"]: file.get("metadata") for each in world.requests for file in _declared(each)}
    of_all = {"fields": {"fields_type": "image", "cam_pitch": -90.0}, "json_metadata": {"pilot": "Kari"}}
    assert declared.pop("07.jpg") == {**of_all, "fields": {**of_all["fields"], "focal_length": 8.0}}  # type: ignore[dict-item]
    assert all(each == of_all for each in declared.values())
    assert world.read_for_metadata == sorted(world.files)


def test_support_files_follow_the_name_of_their_file() -> None:
    world = world_of(["day1/a.tif", "day1/a.tfw", "day1/a.tif.aux.xml"], kind="raster", collection_type="DTM")
    world.run(world.api.upload_folder(1, 2, "/p", name_from="parent", support_files=True))
    (file,) = [file for each in world.requests for file in _declared(each)]
    assert file["name"] == "day1_a.tif"
    assert [each["name"] for each in file["support_files"]] == ["day1_a.tfw", "day1_a.tif.aux.xml"]


def _declared(request: Any) -> list[dict[str, Any]]:
    return list(body_of(request)["files"]) if request.method == "POST" and request.path.endswith("jobs/") else []


@pytest.mark.parametrize(
    ("server", "keywords"),
    [({}, {"metadata": None}), ({"kind": "raster", "collection_type": "DTM"}, {})],
    ids=["metadata=None", "rasters"],
)
def test_no_photo_is_read_without_a_use_for_its_metadata(server: dict[str, Any], keywords: dict[str, Any]) -> None:
    world = world_of(["a.jpg", "b.jpg"], **server)
    images, _ = world.run(world.api.upload_folder(1, 2, "/p", **keywords))
    assert (len(images), world.read_for_metadata) == (2, [])


@pytest.mark.parametrize(
    ("path", "keywords", "error", "sends"),
    [
        ("/gone", {}, FileNotFoundError, 0),
        ("/p", {"name_from": "size"}, ValueError, 0),
        ("/p", {"metadata": {"fields": {}}}, ValueError, 0),
        ("/p", {"multipart": True}, ValueError, 0),
        ("/p", {"support_files": True}, ValueError, 1),
        ("/p", {"common_metadata": {"fields": {"capture_date": "yesterday"}}}, ValueError, 1),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_uploaded(
    path: str, keywords: dict[str, Any], error: type[Exception], sends: int
) -> None:
    world = world_of(["a.laz"], kind="point_cloud", collection_type="point_cloud")
    world.fail(world.api.upload_folder(1, 2, path, **keywords), error)
    assert len(world.requests) == sends


def test_a_folder_without_such_files_is_uploaded_without_a_request_and_an_unknown_collection_is_refused() -> None:
    world = world_of(["notes.txt"], collection_type="film")
    assert world.run(world.api.upload_folder(1, 2, "/p")) == ([], [])
    assert world.requests == world.logins == []
    world = world_of(["a.jpg"], collection_type="film")
    assert "unknown type 'film'" in str(world.fail(world.api.upload_folder(1, 2, "/p"), ValueError))
