"""Shared by the command line's tests: a sandbox with fixed contents, golden files, and a terminal."""

import csv
import json
import os
import pty
import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import Result

from pixel_transports.cli.errors import DONE
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from tests.support.cli_runs import COMMAND, JPEG, clean_environment, run

GOLDEN = Path(__file__).parent / "golden"
TIFF, LAS = b"II*\0" + bytes(300), b"LASF" + bytes(300)


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox with two projects, and a data collection with files for each type."""

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

    def json(self, *arguments: object, stdin: str = "") -> Any:
        """Run a command that has to succeed with --json, and return its output."""
        result = self.run(*arguments, "--json", stdin=stdin)
        assert result.exit_code == DONE, result.output
        return json.loads(result.stdout)

    def ids(self, *arguments: object) -> list[int]:
        """Run a list command, and return the ids."""
        return [row["id"] for row in self.json(*arguments)]

    def at_terminal(self, *arguments: object, answer: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return at_terminal(*map(str, arguments), answer=answer, environment={**self.environment, **more})

    def options(self, name: str) -> tuple[object, ...]:
        """Return --project and --collection for the data collection `name`."""
        return "--project", self.project, "--collection", getattr(self, name)


def fill(server: SandboxServer, folder: Path) -> World:
    """Fill a sandbox, one request after the other."""
    settings = PixelApiSettings(**server.sandbox.environment(server.url))
    client = PixelClient.from_settings(settings, journal=None)
    project = client.create_project("Jæren", "Flights of May", SAMPLE_AREA, tags=["2024", "drone"])["id"]
    client.create_project("Strange \x1b[31mname [bold]", "Two\nlines", SAMPLE_AREA, project)
    images, rasters, clouds = (
        client.create_data_collection(project, name, "", kind)["id"]  # type: ignore[arg-type]
        for name, kind in (("Photos", "image"), ("Map", "RGB"), ("Cloud", "point_cloud"))
    )
    image = 0
    for number, heading in enumerate((12.5, 270.0, 90.0)):
        path = folder / f"photo_{number}.jpg"
        path.write_bytes(JPEG + bytes([number]) * 100)
        fields: dict[str, Any] = {
            "fields_type": "image",
            "cam_heading": heading,
            "capture_date": f"2024-05-1{number}T10:00:00Z",
            "location": {"type": "Point", "coordinates": [5.6 + number / 10, 58.9]},
        }
        image = client.upload_image(project, images, path, metadata={"fields": fields})["id"]
    (folder / "map.tif").write_bytes(TIFF)
    (folder / "cloud.laz").write_bytes(LAS)
    raster = client.upload_raster(project, rasters, folder / "map.tif")["id"]
    cloud = client.upload_point_cloud(project, clouds, folder / "cloud.laz")["id"]
    return World(server, client, project, images, rasters, clouds, image, raster, cloud)


def at_terminal(
    *arguments: str, answer: str = "", environment: Mapping[str, str] | None = None, stderr: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run the command in its own process with a pseudo-terminal for stdin and stdout, or only for `stderr`."""
    ours, theirs = pty.openpty()
    look = {"TERM": "xterm-256color", "COLUMNS": "140" if stderr else "100", "LINES": "60", "COLORTERM": ""}
    shown = bytearray()

    def read() -> None:
        try:
            while piece := os.read(ours, 65536):
                shown.extend(piece)
        except OSError:
            pass  # Linux ends a terminal with EIO.

    reader = threading.Thread(target=read)
    try:
        with subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL if stderr else theirs,
            stdout=subprocess.PIPE if stderr else theirs,
            stderr=theirs if stderr else subprocess.PIPE,
            env=clean_environment({**look, **(environment or {})}),
        ) as process:
            os.close(theirs)
            if answer:
                os.write(ours, answer.encode())
            reader.start()
            out, err = process.communicate(timeout=60)
        reader.join(60)
    finally:
        os.close(ours)
    terminal = shown.decode().replace("\r\n", "\n")
    texts = (out.decode(), terminal) if stderr else (terminal, err.decode())
    return subprocess.CompletedProcess(process.args, process.returncode, *texts)


def read_report(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of a report as CSV or JSON, and the whole JSON (nothing for CSV)."""
    text = path.read_text(encoding="utf-8")
    report = json.loads(text) if path.suffix == ".json" else {}
    return report["files"] if report else list(csv.DictReader(text.splitlines())), report


def check_golden(name: str, *runs: tuple[str, int, str, str]) -> None:
    """Compare commands, their exit codes, stdout and stderr with the golden file, or rewrite it."""
    text = "\n".join(
        f"$ pixel {command}\n{out}--- stderr\n{err}--- exit code {code}\n" for command, code, out, err in runs
    )
    for pattern, mask in _MASKS.items():
        text = re.sub(pattern, mask, text)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("PIXEL_GOLDEN") == "rewrite":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{file.name} differs; PIXEL_GOLDEN=rewrite rewrites it"


_MASKS = {
    r"127\.0\.0\.1:[0-9]+": "127.0.0.1:PORT",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "UUID",
    r"(version|Python)( +)[0-9]+\.[0-9]+\.[0-9]+": r"\1\2VERSION",
    r"[0-9.]+ [kM]?B/s": "RATE",
    r"\bin [0-9.]+ s\b": "in TIME",
    "\x1b": "<ESC>",
}
