"""`plan` puts every file into exactly one shard, and equal names into different ones; shards pickle small."""

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


def make_plan(files: Sequence[Any], **options: Any) -> list[Shard]:
    return plan(files, 7, 12, folder="/shared", **options)


def paths_of(shards: Sequence[Shard]) -> list[list[str]]:
    return [[file.path for file in shard.files] for shard in shards]


@pytest.mark.parametrize(
    ("count", "options", "sizes"),
    [(2500, {}, [1000, 1000, 500]), (10, {"shards": 3}, [4, 4, 2]), (10, {"shard_files": 5}, [5, 5]), (0, {}, [])],
)
def test_files_are_divided_in_order_by_number_or_size(count: int, options: dict[str, Any], sizes: list[int]) -> None:
    files = [f"/photos/{number}.jpg" for number in range(count)]
    shards = make_plan(files, **options)
    assert [len(shard.files) for shard in shards] == sizes
    assert [*chain(*paths_of(shards))] == files


def test_keys_depend_on_files_their_order_and_the_destination() -> None:
    files = ["/photos/a.jpg", "/photos/b.jpg"]
    (first,), (again,), (turned,) = make_plan(files), make_plan(files), make_plan(files[::-1])
    (elsewhere,) = plan(files, 7, 13, folder="/shared")
    assert first == again
    assert first.key == again.key
    assert len({first.key, turned.key, elsewhere.key}) == 3
    assert first.journal == Path("/shared", f"shard-{first.key}.sqlite")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), unique=True, max_size=60), st.integers(1, 9))
def test_every_file_is_in_one_shard_without_another_of_its_name(files: list[tuple[int, int]], most: int) -> None:
    paths = [f"/{folder}/{name}" for folder, name in files]
    shards = make_plan(paths, shard_files=most)
    assert sorted(chain(*paths_of(shards))) == sorted(paths)
    if len({name for _, name in files}) == len(files):
        assert [len(shard.files) for shard in shards[:-1]] == [most] * (len(shards) - 1)
    for shard in shards:
        assert 1 <= len(shard.files) <= most
        assert len({file.name for file in shard.files}) == len(shard.files)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "film"}, "kind must be one of image, raster, point_cloud, got 'film'"),
        ({"shards": 2, "shard_files": 2}, "not both"),
        ({"shards": 0}, "shards must be at least 1, got 0"),
        ({"shard_files": -1}, "shard_files must be at least 1, got -1"),
        ({"multipart_part_size": 0}, "multipart_part_size must be at least 1 byte, got 0"),
        ({"upload_max_concurrency": 0}, "upload_max_concurrency .* 1, got 0"),
    ],
)
def test_invalid_values_and_duplicate_files_are_a_value_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_plan(["/photos/a.jpg"], **options)
    with pytest.raises(ValueError, match=r"duplicate file: /photos/a.jpg"):
        make_plan(["/photos/a.jpg", "/photos/b.jpg", "/photos/../photos/a.jpg"])


@pytest.mark.parametrize("name", ["journal", "skip_uploaded", "nonsense", "listener"])
def test_options_that_a_shard_cannot_have_are_a_type_error_that_names_them(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        make_plan(["/photos/a.jpg"], **{name: threading.Lock()})


def test_a_shard_of_a_thousand_files_pickles_to_less_than_10_kb() -> None:
    draw = random.Random(1)
    files = [f"/mnt/flights/2024-05-14/{draw.randint(1, 9)}/DJI_{number:06}.jpg" for number in range(1000)]
    (shard,) = make_plan(files, timeout_pixel=3, multipart_part_size=8)
    data = pickle.dumps(shard)
    assert len(data) < 10_000
    rebuilt = pickle.loads(data)
    assert rebuilt == shard
    assert rebuilt.key == shard.key
    assert hash(rebuilt) == hash(shard)


def test_only_a_shard_with_settings_contains_the_password() -> None:
    (without,), (with_them,) = make_plan(["/a.jpg"]), make_plan(["/a.jpg"], settings=SETTINGS)
    assert b"hush-hush" not in pickle.dumps(without)
    assert "hush-hush" not in repr(with_them)
    assert pickle.loads(pickle.dumps(with_them)).settings == SETTINGS


def test_unpickled_shards_share_one_client() -> None:
    shards = make_plan(["/a.jpg", "/b.jpg"], shards=2, settings=SETTINGS, token=a_token)
    first, second = (pickle.loads(pickle.dumps(shard)).client() for shard in shards)
    assert first is second


def a_token() -> str:
    return "token"


def test_support_files_and_metadata_are_kept() -> None:
    metadata = {"fields": {"fields_type": "image", "cam_heading": 90.0}}
    file = {"file": "/a.jpg", "support_files": ["/a.jgw"], "metadata": metadata}
    (shard,) = make_plan([PixelUploadFile.model_validate(file)])
    assert shard.files == (ShardFile("/a.jpg", ("/a.jgw",), metadata),)
    assert pickle.loads(pickle.dumps(shard)) == shard


def test_a_manifest_has_paths_and_json_objects_relative_to_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "photos.txt"
    path.write_text('a.jpg\n\n/elsewhere/b.jpg\r\n{"file": "c.tif", "support_files": ["c.tfw"]}\n with spaces .jpg\n')
    (shard,) = make_plan(list(manifest(path)))
    assert shard.files == (
        ShardFile(str(tmp_path / "a.jpg")),
        ShardFile("/elsewhere/b.jpg"),
        ShardFile(str(tmp_path / "c.tif"), (str(tmp_path / "c.tfw"),)),
        ShardFile(str(tmp_path / " with spaces .jpg")),
    )


@pytest.mark.parametrize("line", ["{", json.dumps({"path": "a.jpg"}), json.dumps({"file": 7})])
def test_an_invalid_line_of_a_manifest_is_a_value_error_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "photos.txt"
    path.write_text(f"a.jpg\n{line}\n")
    with pytest.raises(ValueError, match=r"line 2 of .*photos.txt"):
        list(manifest(path))
