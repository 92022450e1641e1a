"""A script as users of pixel-client have it: the async client, uploads of all kinds, paging, search."""

import asyncio
import logging
import sys
from pathlib import Path

import httpx
from geojson_pydantic import Polygon
from pixel_client import (
    ImageMetadataFields,
    ImageUpdateInput,
    MetadataObject,
    PixelApiSettings,
    PixelAttachmentUpload,
    PixelClientAsync,
    PixelUploadFile,
)
from pixel_client.models import SearchQuery, SortField
from pixel_client.utils import calculate_md5_base64_from_file, chunks

AREA = Polygon(type="Polygon", coordinates=[[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]])
logging.getLogger("pixel_client").setLevel(logging.ERROR)


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def main() -> None:
    folder = Path(sys.argv[1])
    settings = PixelApiSettings.from_env_file(folder / "pixel.env")
    timeout = httpx.Timeout(30.0, connect=10.0)
    client = PixelClientAsync.from_settings(settings, timeout_pixel=timeout, upload_max_concurrency=4)
    async with client:
        project = await client.create_project("Kyst", "Mai", AREA)
        images, rasters, clouds = [
            (await client.create_data_collection(project["id"], kind, "d", kind))["id"]
            for kind in ("image", "RGB", "point_cloud")
        ]
        files = [
            PixelUploadFile(
                file=write(folder, f"{number:02}.jpg", b"\xff\xd8\xff\xe0 picture %d" % number),
                metadata=MetadataObject(fields=ImageMetadataFields(cam_heading=number * 10.0)),
            )
            for number in range(12)
        ]
        print(calculate_md5_base64_from_file(files[0].file), [len(chunk) for chunk in chunks(files, 5)])
        done, errors = await client.upload_multiple_images(project["id"], images, files)
        print(sorted(image["name"] for image in done), errors)

        one = done[0]
        update = ImageUpdateInput(add_tags=["best"], json_metadata={"drone": "M300", "height": 12.5})
        changed = await client.update_image(project["id"], images, one["id"], update)
        print(changed["tags"], changed["json_metadata"])
        names = [image["name"] async for image in client.paginate_images(project["id"], images, page_size=5)]
        print(len(names), sorted(names)[:2])

        tif = write(folder, "a.tif", b"II*\x00 a raster" * 500_000)
        world = write(folder, "a.tfw", b"1\n0\n0\n-1\n0\n0\n")
        raster = await client.upload_raster(
            project["id"], rasters, tif, support_files=[world], multipart=False, multipart_part_size=None
        )
        las = write(folder, "a.las", b"LASF a point cloud" * 400_000)
        cloud = await client.upload_point_cloud(
            project["id"], clouds, las, multipart=True, multipart_part_size=6 * 1024 * 1024
        )
        print(raster["name"], cloud["name"])

        attached = await client.add_attachments("project", project["id"], [PixelAttachmentUpload(file=tif, name="t")])
        print([each["name"] for each in attached])
        query = SearchQuery(
            on="images",
            filter={"and": [{">=": [{"var": "cam_heading"}, 50]}, {"<": [{"var": "cam_heading"}, 80]}]},
            sort=[SortField(field="cam_heading", direction="desc")],
        )
        found = await client.search(query)
        print(found["count"], [each["cam_heading"] for each in found["results"]])
        both = await asyncio.gather(client.get_project(project["id"]), client.me())
        print(both[0]["name"], "@" in both[1]["email"])


asyncio.run(main())
