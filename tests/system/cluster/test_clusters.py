"""Clusters lose a worker, and every file is there once: short runs of the commands of this folder."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import venv_with
from tests.support.paths import ROOT
from tests.transports.shards.test_page import RAY

PATIENCE = 300.0


def lose_a_worker(python: "str | Path", engine: str, files: int) -> None:
    command = [python, "-m", f"tests.system.cluster.{engine}", "--workers", "2", "--kill", "1", "--shard-files", "50"]
    done = subprocess.run(
        [*command, "--files", str(files)], capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=ROOT
    )
    assert done.stdout, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["wrong"] == []
    assert outcome["killed"] == 1
    assert outcome["images"] == files


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs distributed: the extra `dask`")
def test_a_dask_cluster_that_loses_a_worker_uploads_every_file_once() -> None:
    lose_a_worker(sys.executable, "dask", 400)


@pytest.mark.slow
def test_a_ray_cluster_that_loses_a_worker_uploads_every_file_once() -> None:
    lose_a_worker(venv_with(*RAY), "ray", 400)
