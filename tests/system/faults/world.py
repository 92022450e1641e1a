"""Shared by the programs of this folder: files to upload, a sandbox, a child process that uploads, and checks.

The sandbox runs in the program, the client in a process of its own. Each file has its own bytes, from the seed.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from pixel_core.messages import Headers, Origin
from pixel_transports import PixelClient
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer
from tests.support.paths import ROOT

KIB = 1024
FACES = ("blocking", "asyncio", "trio")
JPEG = b"\xff\xd8\xff\xe0"


Facts: TypeAlias = tuple[int, str]
"""Size and MD5 of a file."""


def make_files(
    folder: Path, draw: random.Random, count: int, small: tuple[int, int], large: tuple[int, int], large_share: float
) -> dict[str, Facts]:
    """Make files with sizes within `small`, and a share of them with sizes within `large`. Returns them by name."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for number in range(count):
        low, high = large if draw.random() < large_share else small
        content = JPEG + draw.randbytes(draw.randint(low, high) - len(JPEG))
        name = f"photo_{number:05}.jpg"
        (folder / name).write_bytes(content)
        made[name] = len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()
    return made


@dataclass(frozen=True, slots=True)
class World:
    """A served sandbox, with a project and a data collection in it."""

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

    def stored(self, name: str | None = None) -> dict[str, list[Facts]]:
        """The images by name: all, or those with this name. Waits until no server job is running."""

        def running() -> bool:
            # Any request makes the sandbox process the jobs that are due.
            self.sandbox.handle("GET", Origin("http", "sandbox.invalid", 80), "/", Headers(), b"")
            return not all(job.ended for job in list(self.sandbox.state.jobs.values()))

        while running():
            time.sleep(0.02)
        objects = self.sandbox.objects
        found: dict[str, list[Facts]] = {}
        for image in list(self.sandbox.state.resources_by_collection[self.collection_id].values()):
            if name in (None, image.file_name):
                stored = objects[image.key]
                found.setdefault(image.file_name, []).append((stored.size, stored.md5()))
        return found

    def unfinished(self) -> int:
        return sum(job.outcome is None for job in self.sandbox.state.upload_jobs[self.collection_id].values())


@contextmanager
def world(sandbox: Sandbox | None = None, **options: Any) -> Iterator[World]:
    """This sandbox, or one with these options for parts of any size. Its first failure is raised at the end."""
    with SandboxServer(Sandbox(min_part_bytes=0, **options) if sandbox is None else sandbox) as server:
        settings = PixelApiSettings(**server.sandbox.environment("http://sandbox.invalid"))
        with PixelClient.from_settings(settings, transport=server.sandbox) as client:
            project = client.create_project("Faults", "", SAMPLE_AREA)
            collection = client.create_data_collection(project["id"], "Faults", "", "image")
        yield World(server, int(project["id"]), int(collection["id"]))
    if server.sandbox.failures:
        raise server.sandbox.failures[0]


def start_child(here: World, url: str, folder: Path, face: str, options: Mapping[str, Any]) -> "Popen[str]":
    """Upload a folder through `url`; `options` are those of `tests.system.faults.child`."""
    where = {"project": here.project_id, "collection": here.collection_id, "folder": str(folder), "face": face}
    fields = json.dumps({"environment": here.sandbox.environment(url), **where, **options})
    command = [sys.executable, "-m", "tests.system.faults.child", fields]
    return Popen(command, stdout=PIPE, stderr=PIPE, text=True, cwd=ROOT)


@dataclass(slots=True)
class Outcome:
    """The problems of a run, and its figures by name."""

    wrong: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        figures = [f"{name}: {value}" for name, value in self.figures.items()]
        return "\n".join([*figures, *(f"WRONG: {each}" for each in self.wrong)])

    def judge(self, made: Mapping[str, Facts], output: str, errors: str, stored: Mapping[str, list[Facts]]) -> Any:
        """Note the problems of a child with this output: every file is in exactly one of its two lists, and the
        uploaded ones are stored, each once, with its own bytes. Returns what the child printed.
        """
        if not output:
            self.wrong.append(f"the child failed:\n{errors[-4000:]}")
            return {"uploaded": [], "errors": []}
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        if result["raised"] or result["sockets"]:
            self.wrong.append(f"the call raised {result['raised']} and left {result['sockets']} sockets open")
        uploaded = result["uploaded"]
        listed, names = Counter([*uploaded, *(name for name, _, _ in result["errors"])]), Counter(list(made))
        if listed != names:
            self.wrong.append(f"in no list: {list(names - listed)[:5]}, unknown or twice: {list(listed - names)[:5]}")
        expected = {name: [made[name]] for name in uploaded if name in made}
        for name in sorted({*stored, *expected}):
            if stored.get(name) != expected.get(name):
                self.wrong.append(f"{name}: stored is {stored.get(name)}, to be stored was {expected.get(name)}")
        return result


def play(run: Callable[..., Outcome], **defaults: float) -> int:
    """Run with the options of the command line, and print the outcome. Returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--face", choices=FACES, default="blocking")
    for name, default in {"seed": 1, **defaults}.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    chosen = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), **chosen)
    print(chosen, outcome, sep="\n")
    return 1 if outcome.wrong else 0
