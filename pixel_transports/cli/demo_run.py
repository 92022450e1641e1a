"""The demonstration: uploads photos to a sandbox with both clients, over real sockets, and compares the result.

Rules kept here:

* The names and the number of listed images are compared with the folder, the stored bytes with the files.
* The report goes to `write`, progress events go to `listener`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixel_core.errors import printable
from pixel_core.models import Image, PixelUploadFile
from pixel_core.models.results import DataCollection, Project
from pixel_transports.client.config import PixelClientKwargs
from pixel_transports.client.factory import get_client
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.drivers.photos import read_metadata
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer

PAGE_SIZE = 4
PART_SIZE = 16 * 1024
"""Small, so that a photo has several parts; S3 itself, and a sandbox by default, requires 5 MiB or more."""

SUFFIXES = frozenset({".jpg", ".jpeg"})


@dataclass(slots=True)
class ClientReport:
    """The result of one client's upload."""

    client: str
    method: str
    collection: int
    images: list[Image] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def find_photos(folder: Path) -> list[Path]:
    """Return the JPEG files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def run_demo(photos: Sequence[Path], write: Callable[[str], object], listener: Callable[[object], object]) -> bool:
    """Start a sandbox, upload the photos with both clients, list them and compare. Returns whether all matched."""
    files = [PixelUploadFile(file=path, metadata=read_metadata(path)) for path in photos]
    total = sum(path.stat().st_size for path in photos)
    write(f"{len(photos)} photos, {total:,} bytes, {sum(_has_position(each) for each in files)} with a position")
    with SandboxServer(Sandbox(min_part_bytes=0)) as server:
        settings = PixelApiSettings(**server.sandbox.environment(server.url))
        write(f"Sandbox at {server.url}, tenant {settings.PIXEL_TENANT}")
        keywords: PixelClientKwargs = {"listener": listener}
        reports = [
            _upload_blocking(settings, files, keywords),
            asyncio.run(_upload_async(settings, files, keywords)),
        ]
        for report in reports:
            _compare(report, photos, server.sandbox)
            _write_report(report, write)
        write(f"The sandbox answered {len(server.sandbox.received)} requests")
    matched = not any(report.wrong for report in reports)
    write("Everything matched." if matched else "Not everything matched.")
    return matched


def _has_position(file: PixelUploadFile) -> bool:
    fields = file.metadata.fields if file.metadata else None
    return getattr(fields, "location", None) is not None


def _upload_blocking(
    settings: PixelApiSettings, files: Sequence[PixelUploadFile], keywords: PixelClientKwargs
) -> ClientReport:
    with get_client(settings=settings, **keywords) as client:
        project: Project = client.create_project("Demonstration", "Made by `pixel demo`", SAMPLE_AREA)
        collection: DataCollection = client.create_data_collection(project["id"], "Blocking", "", "image")
        report = ClientReport("PixelClient", "S3 forms", collection["id"])
        _, errors = client.upload_multiple_images(project["id"], collection["id"], files)
        report.wrong += [str(error) for error in errors]
        for image in client.paginate_images(project["id"], collection["id"], PAGE_SIZE):
            report.images.append(image)
    return report


async def _upload_async(
    settings: PixelApiSettings, files: Sequence[PixelUploadFile], keywords: PixelClientKwargs
) -> ClientReport:
    async with get_client(True, settings=settings, **keywords) as client:
        project = (await client.list_projects(name="Demonstration"))[0]
        collection = await client.create_data_collection(project["id"], "Async", "", "image")
        report = ClientReport("PixelClientAsync", f"parts of {PART_SIZE // 1024} KiB", collection["id"])
        _, errors = await client.upload_multiple_images(project["id"], collection["id"], files, True, PART_SIZE)
        report.wrong += [str(error) for error in errors]
        async for image in client.paginate_images(project["id"], collection["id"], PAGE_SIZE):
            report.images.append(image)
    return report


def _compare(report: ClientReport, photos: Sequence[Path], sandbox: Sandbox) -> None:
    """Add to `report.wrong` photos that are missing or extra in the list, or stored with other bytes."""
    names = sorted(image["name"] for image in report.images)
    if names != sorted(path.name for path in photos):
        report.wrong.append(f"listed are {names}")
    by_name = {image["name"]: image for image in report.images}
    for path in photos:
        if path.name in by_name and bytes(sandbox.stored_by_id(by_name[path.name]["id"])) != path.read_bytes():
            report.wrong.append(f"{path.name} is stored with other bytes")


def _write_report(report: ClientReport, write: Callable[[str], object]) -> None:
    write(
        f"\n{report.client}: {len(report.images)} images in data collection {report.collection}, "
        f"sent as {report.method}, listed in pages of {PAGE_SIZE}"
    )
    for image in report.images:
        name = printable(image["name"])
        row = f"  {image['id']:>4}  {name:<24} {_position(image):<34} {image.get('capture_date') or ''}"
        write(row.rstrip())
    for wrong in report.wrong:
        write(f"  WRONG: {printable(wrong)}")
    if not report.wrong:
        write("  listed completely, stored byte for byte")


def _position(image: Image) -> str:
    location = image.get("location")
    if not location:
        return "no position"
    longitude, latitude, *height = location["coordinates"]
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.5f} {north} {abs(longitude):.5f} {east}" + (f", {height[0]:.0f} m" if height else "")
