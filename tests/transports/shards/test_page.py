"""The code blocks of the page of the shards run as programs and upload photos."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pixel_transports import PixelClient
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from tests.support.paths import ROOT
from tests.transports.shards.serving import make_photos

PAGE = (ROOT / "pixel_transports" / "shards" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TIMEOUT = 300.0
PROJECT, COLLECTION = 7, 12


@pytest.fixture
def collection(server: SandboxServer, pixel_settings: PixelApiSettings) -> None:
    """The project and the data collection of the examples."""
    with PixelClient.from_settings(pixel_settings) as client:
        while (project := client.create_project("Cluster", "", SAMPLE_AREA)["id"]) < PROJECT:
            pass
        while client.create_data_collection(project, "Cluster", "", "image")["id"] < COLLECTION:
            pass
    assert server.sandbox.state.collections[COLLECTION].project_id == PROJECT


def run_block(server: SandboxServer, folder: Path, word: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the block that contains this word, in a folder with its files."""
    assert len(BLOCKS) == 2, "each block has a test here"
    (block,) = [each for each in BLOCKS if word in each]
    (folder / "upload.py").write_text(block)
    variables = {**os.environ, **server.sandbox.environment(server.url), **environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "upload.py"]
    options: Any = {"capture_output": True, "text": True, "timeout": TIMEOUT}
    return subprocess.run(command, cwd=folder, env=variables, check=False, **options)


def names(server: SandboxServer) -> Counter[str]:
    return Counter(each.file_name for each in server.sandbox.state.resources_by_collection[COLLECTION].values())


@pytest.mark.usefixtures("collection")
@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs distributed: the extra `dask`")
def test_the_dask_block_uploads_a_folder(server: SandboxServer, tmp_path: Path) -> None:
    paths, _ = make_photos(tmp_path / "photos", 6)
    done = run_block(server, tmp_path, "LocalCluster")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6 uploaded, 0 skipped, ()\n"
    assert names(server) == {path.name: 1 for path in paths}


@pytest.mark.usefixtures("collection")
def test_the_slurm_block_uploads_a_list_once_even_if_the_task_is_restarted(
    server: SandboxServer, tmp_path: Path
) -> None:
    paths, _ = make_photos(tmp_path / "photos", 4)
    lines = [str(paths[0]), "photos/flight_00/DJI_0001.jpg", json.dumps({"file": str(paths[2])}), str(paths[3])]
    (tmp_path / "photos.txt").write_text("\n".join(lines))
    task = {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "1"}
    for environment in (task, {**task, "SLURM_RESTART_COUNT": "1"}):
        done = run_block(server, tmp_path, "SLURM", **environment)
        assert done.returncode == 0, done.stderr
    assert names(server) == {path.name: 1 for path in paths}
