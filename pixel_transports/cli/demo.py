"""The demonstration: photos from a folder into a sandbox and back, from both faces, over real sockets.

Rules kept here:

* Nothing is taken on trust: what the sandbox lists is compared with the folder by name and count, what it stored with
  the files byte by byte.
* The account goes to `say`; progress goes to `listener`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixel_core.models import Image, PixelUploadFile
from pixel_core.models.results import DataCollection, Project
from pixel_transports.cli.photos import read_metadata
from pixel_transports.client.config import PixelClientKwargs
from pixel_transports.client.factory import get_client
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer

PAGE_SIZE = 4
PART_SIZE = 16 * 1024
"""Small, so that a photo has several parts; S3 itself wants 5 MiB or more."""

SUFFIXES = frozenset({".jpg", ".jpeg"})


@dataclass(slots=True)
class FaceReport:
    """What came of one face's upload."""

    face: str
    how: str
    collection: int
    images: list[Image] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def find_photos(folder: Path) -> list[Path]:
    """The JPEG files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def run_demo(photos: Sequence[Path], say: Callable[[str], object], listener: Callable[[object], object]) -> bool:
    """Start a sandbox, upload the photos with both clients, list them back and compare. Whether all of it matched."""
    files = [PixelUploadFile(file=path, metadata=read_metadata(path)) for path in photos]
    total = sum(path.stat().st_size for path in photos)
    say(f"{len(photos)} photos, {total:,} bytes, {sum(_is_placed(each) for each in files)} with a position")
    with SandboxServer() as server:
        settings = PixelApiSettings(**server.sandbox.environment(server.url))
        say(f"Sandbox at {server.url}, tenant {settings.PIXEL_TENANT}")
        keywords: PixelClientKwargs = {"listener": listener}
        reports = [
            _with_blocking_client(settings, files, keywords),
            asyncio.run(_with_async_client(settings, files, keywords)),
        ]
        for report in reports:
            _compare(report, photos, server.sandbox)
            _tell(report, say)
        say(f"The sandbox answered {len(server.sandbox.received)} requests")
    matched = not any(report.wrong for report in reports)
    say("Everything matched." if matched else "Not everything matched.")
    return matched


def _is_placed(file: PixelUploadFile) -> bool:
    fields = file.metadata.fields if file.metadata else None
    return getattr(fields, "location", None) is not None


def _with_blocking_client(
    settings: PixelApiSettings, files: Sequence[PixelUploadFile], keywords: PixelClientKwargs
) -> FaceReport:
    with get_client(settings=settings, **keywords) as client:
        project: Project = client.create_project("Demonstration", "Made by `pixel demo`", SAMPLE_AREA)
        collection: DataCollection = client.create_data_collection(project["id"], "Blocking", "", "image")
        report = FaceReport("PixelClient", "S3 forms", collection["id"])
        _, errors = client.upload_multiple_images(project["id"], collection["id"], files)
        report.wrong += [str(error) for error in errors]
        for image in client.paginate_images(project["id"], collection["id"], PAGE_SIZE):
            report.images.append(image)
    return report


async def _with_async_client(
    settings: PixelApiSettings, files: Sequence[PixelUploadFile], keywords: PixelClientKwargs
) -> FaceReport:
    async with get_client(True, settings=settings, **keywords) as client:
        project = (await client.list_projects(name="Demonstration"))[0]
        collection = await client.create_data_collection(project["id"], "Async", "", "image")
        report = FaceReport("PixelClientAsync", f"parts of {PART_SIZE // 1024} KiB", collection["id"])
        _, errors = await client.upload_multiple_images(project["id"], collection["id"], files, True, PART_SIZE)
        report.wrong += [str(error) for error in errors]
        async for image in client.paginate_images(project["id"], collection["id"], PAGE_SIZE):
            report.images.append(image)
    return report


def _compare(report: FaceReport, photos: Sequence[Path], sandbox: Sandbox) -> None:
    """Every photo is listed once and nothing else is, and what is stored is what is in the file."""
    listed = sorted(image["name"] for image in report.images)
    if listed != sorted(path.name for path in photos):
        report.wrong.append(f"listed are {listed}")
    by_name = {image["name"]: image for image in report.images}
    for path in photos:
        if path.name in by_name and bytes(sandbox.stored_by_id(by_name[path.name]["id"])) != path.read_bytes():
            report.wrong.append(f"{path.name} is stored with other bytes")


def _tell(report: FaceReport, say: Callable[[str], object]) -> None:
    say(
        f"\n{report.face}: {len(report.images)} images in data collection {report.collection}, "
        f"sent as {report.how}, listed in pages of {PAGE_SIZE}"
    )
    for image in report.images:
        say(f"  {image['id']:>4}  {image['name']:<24} {_placed(image):<34} {image.get('capture_date') or ''}".rstrip())
    for wrong in report.wrong:
        say(f"  WRONG: {wrong}")
    if not report.wrong:
        say("  listed completely, stored byte for byte")


def _placed(image: Image) -> str:
    location = image.get("location")
    if not location:
        return "no position"
    longitude, latitude, *height = location["coordinates"]
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.5f} {north} {abs(longitude):.5f} {east}" + (f", {height[0]:.0f} m" if height else "")
