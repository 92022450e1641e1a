"""What the tests of the commands share: a sandbox that always holds the same, golden files, and a terminal.

Rules kept here:

* The sandbox's time stands still, and ids are given in the order of the requests: each run shows the same.
* A golden file holds the command, what it wrote and its exit code. Ports and request ids are names in it.
* `PIXEL_GOLDEN=rewrite python -m pytest tests/transports/cli` writes the golden files anew; look at the difference
  before it is kept.
"""

import os
import pty
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import Result

from pixel_transports import PixelClient
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, ManualClock, Sandbox, SandboxServer
from tests.support.cli_runs import COMMAND, JPEG, clean_environment, run

GOLDEN = Path(__file__).parent / "golden"
TIFF, LAS = b"II*\0" + bytes(300), b"LASF" + bytes(300)


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox with two projects, a data collection of each kind, and something in each."""

    server: SandboxServer
    client: PixelClient
    project: int
    images: int
    rasters: int
    clouds: int
    image: int
    raster: int
    cloud: int

    @property
    def environment(self) -> dict[str, str]:
        return self.server.sandbox.environment(self.server.url)

    def run(self, *arguments: object, stdin: str = "") -> Result:
        return run(*map(str, arguments), stdin=stdin, environment=self.environment)

    def at_terminal(self, *arguments: object, answer: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return at_terminal(*map(str, arguments), answer=answer, environment={**self.environment, **more})

    def of(self, name: str) -> tuple[object, ...]:
        """The options that lead to the data collection of a command."""
        return "--project", self.project, "--collection", getattr(self, name)


def quiet_sandbox() -> Sandbox:
    """A sandbox whose time stands still."""
    return Sandbox(clock=ManualClock(), job_seconds=0)


def made_at(server: SandboxServer, folder: Path) -> World:
    """Fill a sandbox, one request after the other."""
    settings = PixelApiSettings(**server.sandbox.environment(server.url))
    client = PixelClient.from_settings(settings, journal=None)
    project = client.create_project("Jæren", "Flights of May", SAMPLE_AREA, tags=["2024", "drone"])["id"]
    client.create_project("Strange \x1b[31mname [bold]", "Two\nlines", SAMPLE_AREA, project)
    ids = [
        client.create_data_collection(project, name, "", kind)["id"]  # type: ignore[arg-type]
        for name, kind in (("Photos", "image"), ("Map", "RGB"), ("Cloud", "point_cloud"))
    ]
    images, rasters, clouds = ids
    made = []
    for number, heading in enumerate((12.5, 270.0, 90.0)):
        path = folder / f"photo_{number}.jpg"
        path.write_bytes(JPEG + bytes([number]) * 100)
        fields: dict[str, Any] = {
            "fields_type": "image",
            "cam_heading": heading,
            "capture_date": f"2024-05-1{number}T10:00:00Z",
            "location": {"type": "Point", "coordinates": [5.6 + number / 10, 58.9]},
        }
        made.append(client.upload_image(project, images, path, metadata={"fields": fields}))
    (folder / "map.tif").write_bytes(TIFF)
    (folder / "cloud.laz").write_bytes(LAS)
    raster = client.upload_raster(project, rasters, folder / "map.tif")
    cloud = client.upload_point_cloud(project, clouds, folder / "cloud.laz")
    return World(server, client, project, images, rasters, clouds, made[-1]["id"], raster["id"], cloud["id"])


def at_terminal(
    *arguments: str, answer: str = "", environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own with a pseudo-terminal of 100 columns for stdin and stdout."""
    ours, theirs = pty.openpty()
    look = {"TERM": "xterm-256color", "COLUMNS": "100", "COLORTERM": ""}
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=clean_environment({**look, **(environment or {})}),
    ) as process:
        os.close(theirs)
        if answer:
            os.write(ours, answer.encode())
        pieces = []
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:
            pass  # the other end is closed: that is how a terminal of Linux ends
        finally:
            os.close(ours)
        assert process.stderr is not None
        told = process.stderr.read().decode()
    text = b"".join(pieces).decode().replace("\r\n", "\n")
    return subprocess.CompletedProcess(process.args, process.returncode, text, told)


def check_golden(name: str, command: str, code: int, out: str, told: str) -> None:
    """Compare with the golden file, or write it where that is asked for."""
    text = _settled(f"$ pixel {command}\n{out}--- stderr\n{told}--- exit code {code}\n")
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("PIXEL_GOLDEN") == "rewrite":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{file.name} differs; PIXEL_GOLDEN=rewrite writes it anew"


def _settled(text: str) -> str:
    text = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:PORT", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return text.replace("\x1b", "<ESC>")
