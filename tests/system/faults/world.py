"""What the programs here share: files to upload, a sandbox to upload them to, a child that does, and the truth.

Rules kept here:

* Files are made from the seed, and every one has bytes of its own.
* The sandbox lives in the program, the client in a process of its own, as it does in life.
* What is stored is read from the sandbox's state, once no server job is under way any more.
"""

import hashlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pixel_core.messages import Headers, Origin
from pixel_transports import PixelClient
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer
from tests.support.paths import ROOT

KIB = 1024
FACES = ("blocking", "asyncio", "trio")
JPEG = b"\xff\xd8\xff\xe0"


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made: its name, size and MD5 (hex)."""

    name: str
    size: int
    md5: str


def make_files(
    folder: Path, draw: random.Random, count: int, small: tuple[int, int], large: tuple[int, int], large_share: float
) -> list[Made]:
    """So many files with sizes between the two bounds of `small`, a share of them between those of `large`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        low, high = large if draw.random() < large_share else small
        content = JPEG + draw.randbytes(draw.randint(low, high) - len(JPEG))
        name = f"photo_{number:05}.jpg"
        (folder / name).write_bytes(content)
        made.append(Made(name, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()))
    return made


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox that is served, with a project and a data collection in it."""

    server: SandboxServer
    project_id: int
    collection_id: int

    @property
    def sandbox(self) -> Sandbox:
        return self.server.sandbox

    @property
    def address(self) -> tuple[str, int]:
        found = urlsplit(self.server.url)
        return found.hostname or "", found.port or 0

    def stored(self) -> dict[str, list[tuple[int, str]]]:
        """The images by name: size and MD5 of each one of that name."""
        self._settled()
        objects = self.sandbox.objects
        found: dict[str, list[tuple[int, str]]] = {}
        for image in list(self.sandbox.state.resources_by_collection[self.collection_id].values()):
            stored = objects[image.key]
            found.setdefault(image.file_name, []).append((stored.size, stored.md5))
        return found

    def stored_as(self, name: str) -> list[tuple[int, str]]:
        """Size and MD5 of each image of this name."""
        self._settled()
        objects, images = (
            self.sandbox.objects,
            list(self.sandbox.state.resources_by_collection[self.collection_id].values()),
        )
        found = [objects[image.key] for image in images if image.file_name == name]
        return [(each.size, each.md5) for each in found]

    def unfinished(self) -> int:
        """How many upload jobs were made that came to no end."""
        return sum(job.outcome is None for job in self.sandbox.state.upload_jobs[self.collection_id].values())

    def _settled(self) -> None:
        """Wait until no server job is under way. Any request makes the sandbox look after those that are due."""
        while True:
            self.sandbox.handle("GET", Origin("http", "sandbox.invalid", 80), "/", Headers(), b"")
            if all(job.ended for job in list(self.sandbox.state.jobs.values())):
                return
            time.sleep(0.02)


@contextmanager
def world(sandbox: Sandbox | None = None, **options: Any) -> Iterator[World]:
    """A sandbox, or one with these options. What went wrong inside it is an error at the end."""
    with SandboxServer(Sandbox(**options) if sandbox is None else sandbox) as server:
        settings = PixelApiSettings(**server.sandbox.environment("http://sandbox.invalid"))
        with PixelClient.from_settings(settings, transport=server.sandbox) as client:
            project = client.create_project("Faults", "", SAMPLE_AREA)
            collection = client.create_data_collection(project["id"], "Faults", "", "image")
        yield World(server, int(project["id"]), int(collection["id"]))
    if server.sandbox.failures:
        raise server.sandbox.failures[0]


def child_command(world: World, url: str, folder: Path, face: str, options: Mapping[str, Any]) -> list[str]:
    """The command that uploads a folder through `url`; `options` are those of `tests.system.faults.child`."""
    told = {
        "environment": world.sandbox.environment(url),
        "project": world.project_id,
        "collection": world.collection_id,
        "folder": str(folder),
        "face": face,
        **options,
    }
    return [sys.executable, "-m", "tests.system.faults.child", json.dumps(told)]


def start_child(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def result_of(output: str) -> dict[str, Any]:
    """What the child told at its end. Raises ValueError when it told nothing."""
    lines = output.strip().splitlines()
    if not lines:
        raise ValueError("the child told no result")
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def told_apart(made: Sequence[Made], result: Mapping[str, Any]) -> list[str]:
    """What is wrong with the two lists: every file that was given is in exactly one of them, once."""
    if result["raised"]:
        return [f"the call raised {result['raised']}"]
    uploaded, failed = list(result["uploaded"]), [name for name, _, _ in result["errors"]]
    listed = sorted([*uploaded, *failed])
    if listed == sorted(each.name for each in made):
        return []
    twice = sorted({name for name in listed if listed.count(name) > 1})
    nowhere = sorted({each.name for each in made} - set(listed))
    unknown = sorted(set(listed) - {each.name for each in made})
    return [f"files listed twice: {twice[:5]}, nowhere: {nowhere[:5]}, never given: {unknown[:5]}"]


def stored_as_told(
    made: Sequence[Made], uploaded: Sequence[str], stored: Mapping[str, Sequence[tuple[int, str]]]
) -> list[str]:
    """What is wrong with what is stored: exactly the files told of, each once, with its own bytes."""
    wrong = []
    facts = {each.name: (each.size, each.md5) for each in made}
    missing = sorted(set(uploaded) - set(stored))
    untold = sorted(set(stored) - set(uploaded))
    several = sorted(name for name, images in stored.items() if len(images) > 1)
    others = sorted(name for name, images in stored.items() if any(image != facts.get(name) for image in images))
    if missing:
        wrong.append(f"{len(missing)} files told as uploaded are not stored: {missing[:5]}")
    if untold:
        wrong.append(f"{len(untold)} files are stored and not told as uploaded: {untold[:5]}")
    if several:
        images = sum(len(stored[name]) for name in several)
        wrong.append(f"{len(several)} files are stored more than once ({images} images): {several[:5]}")
    if others:
        wrong.append(f"{len(others)} files are stored with other bytes: {others[:5]}")
    return wrong
