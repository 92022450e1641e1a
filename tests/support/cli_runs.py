"""Shared by the tests of the command line: ways to run it, and a project to upload to.

Rules kept here:

* A child process gets none of the machine's settings, except the journal and the profiles of the test.
* Sent files are read from the requests of the sandbox, stored files from its lists.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from PIL import ExifTags, Image, TiffImagePlugin

from pixel_transports import PixelClient
from pixel_transports.cli import cli
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer

COMMAND = (sys.executable, "-W", "error", "-m", "pixel_transports.cli")
COLLECTIONS = {"image": "image", "raster": "RGB", "point-cloud": "point_cloud"}
JPEG = b"\xff\xd8\xff\xe0"
INSIDE, OUTSIDE = (5.6, 58.9), (10.75, 59.91)
"""Positions in and out of the area of the project."""

Rational = TiffImagePlugin.IFDRational


def pixel(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command in its own process, with warnings as errors and an empty stdin."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def clean_environment(more: dict[str, str] | None = None) -> dict[str, str]:
    own = ("PIXEL_JOURNAL", "PIXEL_CONFIG")
    kept = {
        name: value for name, value in os.environ.items() if name in own or not name.startswith(("PIXEL_", "KEYCLOAK_"))
    }
    return {**kept, **(more or {})}


def run(*arguments: str, stdin: str = "", environment: dict[str, str] | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, arguments, input=stdin, env=environment, catch_exceptions=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A project in a sandbox, with a data collection for each type of files."""

    server: SandboxServer
    client: PixelClient
    project: int
    collections: dict[str, int]

    @classmethod
    def at(cls, server: SandboxServer) -> "Place":
        client = PixelClient.from_settings(PixelApiSettings(**server.sandbox.environment(server.url)))
        project = client.create_project("Jæren", "Flights", SAMPLE_AREA)["id"]
        made = {
            kind: client.create_data_collection(project, kind, "", collection_type)["id"]  # type: ignore[arg-type]
            for kind, collection_type in COLLECTIONS.items()
        }
        return cls(server, client, project, made)

    @property
    def environment(self) -> dict[str, str]:
        return self.server.sandbox.environment(self.server.url)

    def arguments(self, *more: object, kind: str = "image") -> list[str]:
        """Return the arguments of an upload to this project."""
        where = ["--project", str(self.project), "--collection", str(self.collections[kind])]
        return ["upload", *map(str, more), *where]

    def upload(self, *more: object, kind: str = "image", stdin: str = "") -> Result:
        return run(*self.arguments(*more, kind=kind), stdin=stdin, environment=self.environment)

    def listed(self, kind: str = "image") -> list[dict[str, Any]]:
        """Return the resources of a kind, by name."""
        method: dict[str, Any] = {
            "image": self.client.get_images,
            "raster": self.client.get_rasters,
            "point-cloud": self.client.get_point_clouds,
        }
        found: Sequence[Any] = method[kind](self.project, self.collections[kind], limit=1000)
        return sorted(found, key=lambda each: str(each["name"]))

    def names(self, kind: str = "image") -> list[str]:
        return [each["name"] for each in self.listed(kind)]

    def sent(self) -> list[str]:
        """Return the path of each request that stored something."""
        received = list(self.server.sandbox.received)
        return [each.path for each in received if each.path.startswith("/storage/") and each.status < 300]

    def lines(self, result: Result) -> list[dict[str, Any]]:
        """Parse JSON lines of stdout."""
        return [json.loads(line) for line in result.stdout.splitlines()]


def make_photos(folder: Path, count: int, size: int = 2000) -> list[Path]:
    """Write files that the sandbox accepts as photos, each with different bytes."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"photo_{number:03}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(JPEG + number.to_bytes(4, "big") * (size // 4))
    return paths


def photo_at(path: Path, position: tuple[float, float] | None, colour: int = 0) -> Path:
    """Write a photo of 64 × 64 pixels with a position in its EXIF, in degrees."""
    photo = Image.effect_noise((64, 64), 20 + colour).convert("RGB")
    exif = photo.getexif()
    if position is not None:
        longitude, latitude = position
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {
                ExifTags.GPS.GPSLatitudeRef: "N",
                ExifTags.GPS.GPSLatitude: (Rational(round(latitude * 10**6), 10**6), Rational(0), Rational(0)),
                ExifTags.GPS.GPSLongitudeRef: "E",
                ExifTags.GPS.GPSLongitude: (Rational(round(longitude * 10**6), 10**6), Rational(0), Rational(0)),
            }
        )
    photo.save(path, exif=exif)
    return path
