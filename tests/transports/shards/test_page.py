"""The code blocks of the page of the shards run as programs and upload photos."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pixel_transports import PixelClient
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from tests.support.environments import DEPENDENCIES, venv_with
from tests.support.paths import ROOT
from tests.transports.shards.serving import make_photos

PAGE = (ROOT / "pixel_transports" / "shards" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TIMEOUT = 300.0
PROJECT, COLLECTION = 7, 12
RAY = ("ray", "pillow", *DEPENDENCIES)


@pytest.fixture
def collection(server: SandboxServer, pixel_settings: PixelApiSettings) -> None:
    """The project and the data collection of the examples."""
    with PixelClient.from_settings(pixel_settings) as client:
        while (project := client.create_project("Cluster", "", SAMPLE_AREA)["id"]) < PROJECT:
            pass
        while client.create_data_collection(project, "Cluster", "", "image")["id"] < COLLECTION:
            pass
    assert server.sandbox.state.collections[COLLECTION].project_id == PROJECT


def start_block(
    server: SandboxServer, folder: Path, word: str, python: "str | Path" = sys.executable, **environment: str
) -> "subprocess.Popen[str]":
    """Run the block that contains this word, in a folder with its files."""
    assert len(BLOCKS) == 3, "each block has a test here"
    (block,) = [each for each in BLOCKS if word in each]
    (folder / "upload.py").write_text(block)
    variables = {**os.environ, **server.sandbox.environment(server.url), **environment, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen([python, "upload.py"], cwd=folder, env=variables, stdout=pipe, stderr=pipe, text=True)


def output_of(process: "subprocess.Popen[str]") -> str:
    output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    return output


def names(server: SandboxServer) -> Counter[str]:
    return Counter(each.file_name for each in server.sandbox.state.resources_by_collection[COLLECTION].values())


@pytest.mark.usefixtures("collection")
@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs distributed: the extra `dask`")
def test_the_dask_block_uploads_a_folder(server: SandboxServer, tmp_path: Path) -> None:
    paths, _ = make_photos(tmp_path / "photos", 6)
    assert output_of(start_block(server, tmp_path, "LocalCluster")) == "6 uploaded, 0 skipped, ()\n"
    assert names(server) == {path.name: 1 for path in paths}


@pytest.mark.slow
@pytest.mark.usefixtures("collection")
def test_the_ray_block_uploads_a_folder(server: SandboxServer, tmp_path: Path) -> None:
    python = venv_with(*RAY)
    paths, _ = make_photos(tmp_path / "photos", 6)
    done = start_block(server, tmp_path, "ray.init", python, RAY_USAGE_STATS_ENABLED="0")
    assert output_of(done) == "6 uploaded, 0 skipped, ()\n"
    assert names(server) == {path.name: 1 for path in paths}


@pytest.mark.usefixtures("collection")
def test_tasks_of_the_slurm_block_upload_a_list_once_even_if_all_are_requeued(
    server: SandboxServer, tmp_path: Path
) -> None:
    """The list has more than a shard of files, so each task has one; both run at a time, and twice."""
    paths, _ = make_photos(tmp_path / "photos", 500)
    lines = [*map(str, paths), "photos/flight_01/DJI_0000.jpg", json.dumps({"file": str(tmp_path / "last.jpg")})]
    for line in (tmp_path / "photos" / "flight_01" / "DJI_0000.jpg", tmp_path / "last.jpg"):
        line.parent.mkdir(exist_ok=True)
        line.write_bytes(paths[0].read_bytes() + line.name.encode())
    (tmp_path / "photos.txt").write_text("\n".join(lines))
    for attempt in ("0", "1"):
        array = {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_JOB_ID": "7", "SLURM_RESTART_COUNT": attempt}
        tasks = [start_block(server, tmp_path, "SLURM", SLURM_ARRAY_TASK_ID=task, **array) for task in ("0", "1")]
        for task in tasks:
            output_of(task)
    assert names(server) == Counter([path.name for path in paths] + ["DJI_0000.jpg", "last.jpg"])
    assert len(list((tmp_path / "journals").glob("*.sqlite"))) == 2
