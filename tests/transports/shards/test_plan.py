"""Plans: every file is in exactly one shard, equal names are apart, and a shard is a small value."""

import json
import pickle
import random
import threading
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.models import PixelUploadFile
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import Sandbox
from pixel_transports.shards import Shard, ShardFile, manifest, plan

SETTINGS = PixelApiSettings(**{**Sandbox().environment("http://sandbox.invalid"), "PIXEL_PASSWORD": "hush-hush"})


def cut(files: Sequence[Any], **options: Any) -> list[Shard]:
    return plan(files, 7, 12, folder="/shared", **options)


def paths_of(shards: Sequence[Shard]) -> list[list[str]]:
    return [[file.path for file in shard.files] for shard in shards]


def test_files_are_cut_in_their_order_and_every_file_is_in_one_shard() -> None:
    files = [f"/photos/{number}.jpg" for number in range(2500)]
    shards = cut(files)
    assert [len(shard.files) for shard in shards] == [1000, 1000, 500]
    assert [*chain(*paths_of(shards))] == files


def test_a_number_of_shards_can_be_asked_for() -> None:
    files = [f"/photos/{number}.jpg" for number in range(10)]
    assert [len(shard.files) for shard in cut(files, shards=3)] == [4, 4, 2]
    assert [len(shard.files) for shard in cut(files, shard_files=5)] == [5, 5]
    assert cut([]) == []


def test_the_same_files_give_the_same_keys_and_others_do_not() -> None:
    files = ["/photos/a.jpg", "/photos/b.jpg"]
    (first,), (again,), (turned,) = cut(files), cut(files), cut(files[::-1])
    (elsewhere,) = plan(files, 7, 13, folder="/shared")
    assert first == again
    assert first.key == again.key
    assert len({first.key, turned.key, elsewhere.key}) == 3
    assert first.journal == Path("/shared", f"shard-{first.key}.sqlite")


def test_files_of_equal_names_are_in_different_shards_that_are_full_all_the_same() -> None:
    files = [f"/flights/{flight}/DJI_{photo:04}.jpg" for photo in range(100) for flight in range(3)]
    shards = cut(files, shard_files=50)
    assert [len(shard.files) for shard in shards] == [50] * 6
    for shard in shards:
        assert len({file.name for file in shard.files}) == len(shard.files)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), unique=True, max_size=60), st.integers(1, 9))
def test_whatever_the_names_every_file_is_in_one_shard_without_another_of_its_name(
    files: list[tuple[int, int]], most: int
) -> None:
    paths = [f"/{folder}/{name}" for folder, name in files]
    shards = cut(paths, shard_files=most)
    assert sorted(chain(*paths_of(shards))) == sorted(paths)
    for shard in shards:
        assert 1 <= len(shard.files) <= most
        assert len({file.name for file in shard.files}) == len(shard.files)


def test_a_file_that_is_given_twice_is_a_value_error_whatever_way_it_is_written() -> None:
    with pytest.raises(ValueError, match=r"/photos/a.jpg is given twice"):
        cut(["/photos/a.jpg", "/photos/b.jpg", "/photos/../photos/a.jpg"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "film"}, "kind is one of image, raster, point_cloud, got 'film'"),
        ({"shards": 2, "shard_files": 2}, "not both"),
        ({"shards": 0}, "shards is a number from 1, got 0"),
        ({"shard_files": -1}, "shard_files is a number from 1, got -1"),
        ({"multipart_part_size": 0}, "multipart_part_size is a number of bytes from 1, got 0"),
        ({"upload_max_concurrency": 0}, "upload_max_concurrency is a whole number from 1, got 0"),
    ],
)
def test_wrong_values_are_a_value_error_before_anything_runs(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cut(["/photos/a.jpg"], **options)


@pytest.mark.parametrize("name", ["journal", "skip_uploaded", "nonsense", "listener"])
def test_keywords_that_a_shard_cannot_take_along_are_a_type_error_that_names_them(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        cut(["/photos/a.jpg"], **{name: threading.Lock()})


def test_a_shard_is_a_small_value_that_pickles() -> None:
    draw = random.Random(1)
    files = [f"/mnt/flights/2024-05-14/{draw.randint(1, 9)}/DJI_{number:06}.jpg" for number in range(1000)]
    (shard,) = cut(files, timeout_pixel=3, multipart_part_size=8)
    data = pickle.dumps(shard)
    assert len(data) < 10_000
    woken = pickle.loads(data)
    assert woken == shard
    assert woken.key == shard.key
    assert hash(woken) == hash(shard)


def test_a_shard_holds_the_password_only_where_it_was_given_settings() -> None:
    (without,), (with_them,) = cut(["/a.jpg"]), cut(["/a.jpg"], settings=SETTINGS)
    assert b"hush-hush" not in pickle.dumps(without)
    assert "hush-hush" not in repr(with_them)
    assert pickle.loads(pickle.dumps(with_them)).settings == SETTINGS


def test_shards_that_travelled_apart_share_one_client() -> None:
    shards = cut(["/a.jpg", "/b.jpg"], shards=2, settings=SETTINGS, token=a_token)
    first, second = (pickle.loads(pickle.dumps(shard)).client() for shard in shards)
    assert first is second


def a_token() -> str:
    return "token"


def test_support_files_and_metadata_go_along() -> None:
    given = PixelUploadFile.model_validate(
        {
            "file": "/a.jpg",
            "support_files": ["/a.jgw"],
            "metadata": {"fields": {"fields_type": "image", "cam_heading": 90.0}},
        }
    )
    (shard,) = cut([given])
    assert shard.files == (ShardFile("/a.jpg", ("/a.jgw",), {"fields": {"fields_type": "image", "cam_heading": 90.0}}),)
    assert pickle.loads(pickle.dumps(shard)) == shard


def test_a_list_of_files_has_paths_and_json_objects_that_begin_at_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "photos.txt"
    path.write_text(
        'a.jpg\n\n/elsewhere/b.jpg\r\n{"file": "c.tif", "support_files": ["c.tfw"]}\n name with spaces .jpg\n'
    )
    (shard,) = cut(list(manifest(path)))
    assert shard.files == (
        ShardFile(str(tmp_path / "a.jpg")),
        ShardFile("/elsewhere/b.jpg"),
        ShardFile(str(tmp_path / "c.tif"), (str(tmp_path / "c.tfw"),)),
        ShardFile(str(tmp_path / " name with spaces .jpg")),
    )


@pytest.mark.parametrize("line", ["{", json.dumps({"path": "a.jpg"}), json.dumps({"file": 7})])
def test_a_line_that_cannot_be_understood_is_a_value_error_that_says_where(tmp_path: Path, line: str) -> None:
    path = tmp_path / "photos.txt"
    path.write_text(f"a.jpg\n{line}\n")
    with pytest.raises(ValueError, match=r"line 2 of .*photos.txt"):
        list(manifest(path))
