"""Upload jobs that MinIO refuses since they have expired or were aborted: the file gets a new job, and is stored."""

import os
from pathlib import Path

import pytest
from pixel_client import PixelUploadFile

from tests.system.storage.conftest import MIB, Call, place, write
from tests.system.storage.pixel import BucketPixel
from tests.transports.sandbox.support import JPEG, las


@pytest.mark.parametrize(
    ("kind", "refusal", "parts"),
    [
        ("image", "stale", {}),
        ("point_cloud", "stale", {"multipart": True, "multipart_part_size": 6 * MIB}),
        ("point_cloud", "lost", {"multipart": True, "multipart_part_size": 6 * MIB}),
    ],
    ids=["expired form", "expired parts", "aborted upload in parts"],
)
def test_a_refused_upload_job_is_replaced_and_the_file_is_stored(
    call: Call, pixel: BucketPixel, tmp_path: Path, kind: str, refusal: str, parts: dict[str, int]
) -> None:
    content = las() + os.urandom(13 * MIB) if parts else JPEG
    (path,) = write(tmp_path, {"a.las" if parts else "a.jpg": content})
    here = place(call, kind)
    setattr(pixel.uploads, refusal, 1)
    found = call(f"upload_{kind}", *here, path, **parts)
    assert pixel.of_resource(kind, found["id"]) == content
    assert refusal != "lost" or len(pixel.state.upload_jobs[here[1]]) == 2


def test_of_many_files_only_those_with_expired_forms_get_new_ones(
    call: Call, pixel: BucketPixel, tmp_path: Path
) -> None:
    paths = write(tmp_path, {name: JPEG + name.encode() for name in map("{}.jpg".format, range(6))})
    here = place(call, "image")
    pixel.uploads.stale = 2
    images, errors = call("upload_multiple_images", *here, [PixelUploadFile(file=path) for path in paths])
    assert not errors
    assert [pixel.of_resource("image", image["id"]) for image in images] == [path.read_bytes() for path in paths]
    assert len(pixel.state.upload_jobs[here[1]]) == len(paths) + 2
