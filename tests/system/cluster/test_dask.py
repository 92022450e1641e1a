"""A Dask cluster loses a worker, and every file is there once: a short run of `python -m tests.system.cluster.dask`."""

import importlib.util
import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

PATIENCE = 300.0


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs distributed: the extra `dask`")
def test_a_cluster_that_loses_a_worker_uploads_every_file_once() -> None:
    command = [sys.executable, "-m", "tests.system.cluster.dask", "--files", "400", "--workers", "2", "--kill", "1"]
    done = subprocess.run(
        [*command, "--shard-files", "50"], capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=ROOT
    )
    assert done.stdout, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["wrong"] == []
    assert outcome["killed"] == 1
    assert outcome["images"] == 400
