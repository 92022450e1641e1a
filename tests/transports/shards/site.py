"""What the tests of shards share: a sandbox with photos, workers as processes, and the lock file of another machine."""

import json
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.shards import Shard, ShardReport, plan
from tests.support.paths import ROOT
from tests.system.faults.world import World
from tests.transports.shards.serving import Counting, make_photos, truth_of

OTHER_MACHINE = json.dumps({"machine": "another start", "name": "node-7", "process": 1})
WORKER = """
import json, pathlib, pickle, sys
print(json.dumps(pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()).run().as_json()))
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


def start_worker(shard: Shard, folder: Path, name: str) -> "subprocess.Popen[str]":
    """Run a shard in a process of its own."""
    path = folder / name
    path.write_bytes(pickle.dumps(shard))
    command = [sys.executable, "-c", WORKER, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def report_of(process: "subprocess.Popen[str]") -> ShardReport:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return ShardReport.from_json(json.loads(output))


def lock_for_another_machine(shard: Shard, content: str = OTHER_MACHINE) -> Path:
    """Write the lock file that a killed run on another machine leaves behind."""
    shard.journal.parent.mkdir(exist_ok=True)
    path = shard.journal.with_suffix(".machine")
    path.write_text(content)
    return path
