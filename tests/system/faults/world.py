"""Shared by the programs of this folder: files to upload, a sandbox, a child process that uploads, and checks.

Rules kept here:

* Files are made from the seed, and each has its own bytes.
* The sandbox runs in the program, the client in a process of its own.
* The stored files are read from the state of the sandbox, once no server job is running.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
class MadeFile:
    name: str
    size: int
    md5: str


def make_files(
    folder: Path, draw: random.Random, count: int, small: tuple[int, int], large: tuple[int, int], large_share: float
) -> list[MadeFile]:
    """Make files with sizes within `small`, and a share of them with sizes within `large`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        low, high = large if draw.random() < large_share else small
        content = JPEG + draw.randbytes(draw.randint(low, high) - len(JPEG))
        name = f"photo_{number:05}.jpg"
        (folder / name).write_bytes(content)
        made.append(MadeFile(name, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()))
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

    def stored(self, name: str | None = None) -> dict[str, list[tuple[int, str]]]:
        """Size and MD5 of each image by name: of all, or of those with this name."""
        self._settled()
        objects = self.sandbox.objects
        found: dict[str, list[tuple[int, str]]] = {}
        for image in list(self.sandbox.state.resources_by_collection[self.collection_id].values()):
            if name in (None, image.file_name):
                stored = objects[image.key]
                found.setdefault(image.file_name, []).append((stored.size, stored.md5))
        return found

    def unfinished(self) -> int:
        return sum(job.outcome is None for job in self.sandbox.state.upload_jobs[self.collection_id].values())

    def _settled(self) -> None:
        """Wait until no server job is running. Any request makes the sandbox process the jobs that are due."""
        while True:
            self.sandbox.handle("GET", Origin("http", "sandbox.invalid", 80), "/", Headers(), b"")
            if all(job.ended for job in list(self.sandbox.state.jobs.values())):
                return
            time.sleep(0.02)


@contextmanager
def world(sandbox: Sandbox | None = None, **options: Any) -> Iterator[World]:
    """This sandbox, or one with these options. Its first failure is raised at the end."""
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
    fields = {
        "environment": world.sandbox.environment(url),
        "project": world.project_id,
        "collection": world.collection_id,
        "folder": str(folder),
        "face": face,
        **options,
    }
    return [sys.executable, "-m", "tests.system.faults.child", json.dumps(fields)]


def start_child(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def wrong_lists(made: Sequence[MadeFile], result: Mapping[str, Any]) -> list[str]:
    """The problems of the two lists: every file is in exactly one of them, once."""
    if result["raised"]:
        return [f"the call raised {result['raised']}"]
    uploaded, failed = list(result["uploaded"]), [name for name, _, _ in result["errors"]]
    listed = sorted([*uploaded, *failed])
    if listed == sorted(each.name for each in made):
        return []
    twice = sorted({name for name in listed if listed.count(name) > 1})
    nowhere = sorted({each.name for each in made} - set(listed))
    unknown = sorted(set(listed) - {each.name for each in made})
    return [f"files listed twice: {twice[:5]}, nowhere: {nowhere[:5]}, unknown: {unknown[:5]}"]


def wrong_objects(
    made: Sequence[MadeFile], uploaded: Sequence[str], stored: Mapping[str, Sequence[tuple[int, str]]]
) -> list[str]:
    """The problems of the stored files: exactly the uploaded ones, each once, with its own bytes."""
    facts = {each.name: (each.size, each.md5) for each in made}
    problems = {
        "reported as uploaded and not stored": set(uploaded) - set(stored),
        "stored and not reported as uploaded": set(stored) - set(uploaded),
        "stored more than once": {name for name, images in stored.items() if len(images) > 1},
        "stored with other bytes": {
            name for name, images in stored.items() if any(image != facts.get(name) for image in images)
        },
    }
    return [f"{len(names)} files are {what}: {sorted(names)[:5]}" for what, names in problems.items() if names]


def wrong_result(
    made: Sequence[MadeFile], output: str, errors: str, stored: Mapping[str, Sequence[tuple[int, str]]]
) -> tuple[list[str], dict[str, Any]]:
    """The problems of a child with this output, and the result that it printed; {} if it printed none."""
    lines = output.strip().splitlines()
    if not lines:
        return [f"the child failed:\n{errors[-4000:]}"], {}
    result: dict[str, Any] = json.loads(lines[-1])
    wrong = wrong_lists(made, result) + wrong_objects(made, result["uploaded"], stored)
    if result["sockets"]:
        wrong.append(f"{result['sockets']} sockets are left open")
    return wrong, result


def parser_of(name: str, description: str) -> argparse.ArgumentParser:
    """The command line of a program of this folder."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.system.faults.{name}", description=description)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--face", choices=FACES, default="blocking")
    return parser


def play(run: Callable[..., Any], chosen: argparse.Namespace) -> int:
    """Run with these options in a temporary folder, and print the outcome. Returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), **vars(chosen))
    print(", ".join(f"{name} {value}" for name, value in vars(chosen).items()))
    print(outcome)
    return 1 if outcome.wrong else 0
