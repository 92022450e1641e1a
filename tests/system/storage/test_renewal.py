"""Upload jobs that MinIO refuses since they have expired or were aborted: the file gets a new job, and is stored."""

import os
from pathlib import Path

import pytest
from pixel_client import PixelApiSettings, PixelUploadFile

from pixel_transports import PixelClient, PixelClientAsync
from pixel_transports.sandbox import SAMPLE_AREA
from tests.system.storage.pixel import BucketPixel
from tests.transports.sandbox.support import JPEG, las

MIB = 1024 * 1024


def test_an_expired_form_is_replaced_and_the_file_is_stored(
    pixel_settings: PixelApiSettings, pixel: BucketPixel, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    with PixelClient.from_settings(pixel_settings) as client:
        project_id = client.create_project("Jæren", "Flights", SAMPLE_AREA)["id"]
        collection_id = client.create_data_collection(project_id, "May", "Morning", "image")["id"]
        pixel.uploads.stale = 1
        image = client.upload_image(project_id, collection_id, path)
    assert pixel.of_resource("image", image["id"]) == JPEG


@pytest.mark.anyio
async def test_expired_urls_of_parts_are_replaced_and_the_file_is_stored(
    pixel_settings: PixelApiSettings, pixel: BucketPixel, tmp_path: Path
) -> None:
    path, content = tmp_path / "a.las", las() + os.urandom(13 * MIB)
    path.write_bytes(content)
    async with PixelClientAsync.from_settings(pixel_settings) as client:
        project_id = (await client.create_project("Jæren", "Flights", SAMPLE_AREA))["id"]
        collection = await client.create_data_collection(project_id, "May", "Morning", "point_cloud")
        pixel.uploads.stale = 1
        cloud = await client.upload_point_cloud(
            project_id, collection["id"], path, multipart=True, multipart_part_size=6 * MIB
        )
    assert pixel.of_resource("point_cloud", cloud["id"]) == content


def test_an_aborted_upload_in_parts_is_started_again_and_the_file_is_stored(
    pixel_settings: PixelApiSettings, pixel: BucketPixel, tmp_path: Path
) -> None:
    path, content = tmp_path / "a.las", las() + os.urandom(13 * MIB)
    path.write_bytes(content)
    with PixelClient.from_settings(pixel_settings) as client:
        project_id = client.create_project("Jæren", "Flights", SAMPLE_AREA)["id"]
        collection_id = client.create_data_collection(project_id, "May", "Morning", "point_cloud")["id"]
        pixel.uploads.lost = 1
        cloud = client.upload_point_cloud(project_id, collection_id, path, multipart=True, multipart_part_size=6 * MIB)
    assert pixel.of_resource("point_cloud", cloud["id"]) == content
    assert len(pixel.state.upload_jobs[collection_id]) == 2


def test_of_many_files_only_those_with_expired_forms_get_new_ones(
    pixel_settings: PixelApiSettings, pixel: BucketPixel, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(6)]
    for path in paths:
        path.write_bytes(JPEG + path.name.encode())
    with PixelClient.from_settings(pixel_settings) as client:
        project_id = client.create_project("Jæren", "Flights", SAMPLE_AREA)["id"]
        collection_id = client.create_data_collection(project_id, "May", "Morning", "image")["id"]
        pixel.uploads.stale = 2
        images, errors = client.upload_multiple_images(
            project_id, collection_id, [PixelUploadFile(file=path) for path in paths]
        )
    assert not errors
    assert [pixel.of_resource("image", image["id"]) for image in images] == [path.read_bytes() for path in paths]
    assert len(pixel.state.upload_jobs[collection_id]) == len(paths) + 2
