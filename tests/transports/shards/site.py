"""What the tests of shards share: a sandbox with photos, workers as processes, and other machines as namespaces."""

import json
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.shards import Shard, ShardReport, plan
from pixel_transports.shards.lease import LeaseState, read_state
from tests.support.paths import ROOT
from tests.system.faults.world import World
from tests.transports.shards.serving import Counting, make_photos, truth_of

OTHER_MACHINE = LeaseState(1, 0, 0, "another start,1,1,1,abc,node-7")
WORKER = """
import json, pathlib, pickle, sys
print(json.dumps(pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()).run(**json.loads(sys.argv[2])).as_json()))
"""


class Site:
    """A sandbox, and photos for it in shards."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.settings = PixelApiSettings(**world.sandbox.environment(world.server.url))

    def shards(self, files: int, shards: int | None = 1, journals: str = "journals", **options: Any) -> list[Shard]:
        paths, self.facts = make_photos(self.folder / "photos", files)
        options = {"folder": self.folder / journals, "shards": shards, "settings": self.settings, **options}
        return plan(paths, self.world.project_id, self.world.collection_id, **options)

    @property
    def stores(self) -> int:
        assert isinstance(self.world.sandbox, Counting)
        return self.world.sandbox.stores

    def assert_every_file_once(self) -> None:
        assert Counter(truth_of(self.world)["images"]) == self.facts


def start_worker(shard: Shard, folder: Path, name: str, *before: str, **options: Any) -> "subprocess.Popen[str]":
    """Run a shard in a process of its own, by the command `before`."""
    path = folder / name
    path.write_bytes(pickle.dumps(shard))
    command = [*before, sys.executable, "-c", WORKER, str(path), json.dumps(options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def machine(folder: Path, name: str, shared: Path, journals: Path) -> list[str]:
    """The command of a process on another machine: its host name, its kernel's id and its clocks differ, and only the
    folder that is mounted at `journals` is shared. Skips the test where namespaces are not allowed.
    """
    for each in (shared, journals):
        each.mkdir(exist_ok=True)
    boot = folder / f"boot-{name}"
    boot.write_text(f"{name}\n")
    mounts = f"mount --bind {boot} /proc/sys/kernel/random/boot_id && mount --bind {shared} {journals}"
    script = f'hostname {name} && {mounts} && exec "$@"'
    command = ["unshare", "-rmuT", "--monotonic", str(1000 + len(name) * 1000), "sh", "-c", script, "sh"]
    try:
        done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"needs unshare: {error}")
    if done.returncode:
        pytest.skip(f"namespaces are not allowed: {done.stderr.strip()}")
    return command


def report_of(process: "subprocess.Popen[str]") -> ShardReport:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return ShardReport.from_json(json.loads(output))


def holder_of(shard: Shard) -> str | None:
    """The host name of the holder of the shard's lease."""
    state = read_state(shard.journal.with_suffix(".lease"))
    return None if state is None else state.host


def lease_of_another_machine(shard: Shard) -> Path:
    """Change the lease to that which a killed run on another machine leaves behind."""
    folder = shard.journal.with_suffix(".lease")
    folder.mkdir(parents=True, exist_ok=True)
    for each in folder.iterdir():
        each.unlink()
    path = folder / OTHER_MACHINE.name
    path.touch()
    return path
