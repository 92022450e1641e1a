"""What the tests of shards share: photos and a sandbox, workers as processes, and what another machine leaves."""

import json
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.shards import Shard, plan
from pixel_transports.shards.reports import ShardReport
from tests.support.paths import ROOT
from tests.system.faults.world import World
from tests.transports.shards.serving import Counting, make_photos, truth_of

ELSEWHERE = json.dumps({"machine": "another start", "name": "node-7", "process": 1})


class Place:
    """A sandbox, and photos for it in shards."""

    def __init__(self, here: World, folder: Path) -> None:
        self.here = here
        self.folder = folder
        self.settings = PixelApiSettings(**here.sandbox.environment(here.server.url))

    def shards(self, files: int, shards: int | None = 1, journals: str = "journals", **options: Any) -> list[Shard]:
        paths, self.facts = make_photos(self.folder / "photos", files)
        where = (self.here.project_id, self.here.collection_id)
        options = {"folder": self.folder / journals, "shards": shards, "settings": self.settings, **options}
        return plan(paths, *where, **options)

    @property
    def stores(self) -> int:
        assert isinstance(self.here.sandbox, Counting)
        return self.here.sandbox.stores

    def holds_every_file_once(self) -> None:
        assert Counter(truth_of(self.here)["images"]) == self.facts


def started(shard: Shard, folder: Path, name: str) -> "subprocess.Popen[str]":
    """A process that runs a shard."""
    path = folder / name
    path.write_bytes(pickle.dumps(shard))
    command = [sys.executable, "-m", "tests.transports.shards.worker", str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def report_of(process: "subprocess.Popen[str]") -> ShardReport:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return ShardReport.of_json(json.loads(output))


def left_by_another_machine(shard: Shard) -> None:
    shard.journal.parent.mkdir(exist_ok=True)
    shard.journal.with_suffix(".machine").write_text(ELSEWHERE)
