"""The benchmarks work. No test looks at a second; those with the load server are skipped without a C compiler."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.scenarios import QUICK, SCENARIOS, Environments, files_for, measure
from tests.benchmarks.server import compile_server
from tests.benchmarks.tables import TARGETS, Results, targets_table
from tests.support.paths import ROOT

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))),
    reason="the load server is written in C, and there is no compiler",
)
HERE = Environments(reference=None, peers=None)


def command(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "tests.benchmarks", *arguments]
    return subprocess.run(line, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_server(tmp_path_factory.mktemp("server"))


def test_targets_that_were_not_measured_are_said_to_be_so() -> None:
    _, *rows = targets_table(Results())
    assert len(rows) == len(TARGETS) + 1
    assert all(row.endswith("not measured") for row in rows[1:])


@needs_compiler
def test_the_command_measures_what_it_is_asked_for_and_writes_all_samples(tmp_path: Path) -> None:
    """Both faces and both floors, in small calls; with profiles."""
    report, profiles = tmp_path / "report.json", tmp_path / "profiles"
    clients = ["h11", "h11-anyio", "ours", "ours-async"]
    options = ["--quick", "--rounds", "1", "--json", str(report), "--profile", str(profiles)]
    done = command("calls", "layers", *options, *(f"--client={client}" for client in clients))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "calls, blocking: of h11 " in done.stdout
    written = json.loads(report.read_text())
    counts = {client: len(each["rates"]) for client, each in written["figures"]["calls"].items()}
    assert counts == dict.fromkeys(clients, 1)
    assert written["layers"]["flow and session"] > 0
    assert {path.stem for path in profiles.iterdir()} == {f"calls-{client}" for client in clients}


@needs_compiler
@pytest.mark.parametrize("name", ["at_once", "pages", "upload_multipart", "upload_many"])
def test_a_scenario_runs_on_both_faces(program: Path, name: str) -> None:
    figures = measure(SCENARIOS[name], program, HERE, QUICK, ["raw", "ours", "ours-async"])
    assert {client: found.trouble for client, found in figures.items()} == {"raw": "", "ours": "", "ours-async": ""}
    assert all(rate > 0 for found in figures.values() for rate in found.rates)


@needs_compiler
def test_a_client_without_its_environment_is_reported_and_the_others_are_measured(program: Path) -> None:
    figures = measure(SCENARIOS["pages"], program, HERE, QUICK, ["raw", "reference"])
    assert figures["raw"].rates
    assert not figures["reference"].rates
    assert "environment" in figures["reference"].trouble


@pytest.mark.parametrize(
    ("scenario", "variables", "words"),
    [("calls", {"PATH": ""}, ["there is no compiler"]), ("speed", {}, list(SCENARIOS))],
    ids=["no compiler", "no such scenario"],
)
def test_the_command_says_what_is_missing(scenario: str, variables: dict[str, str], words: list[str]) -> None:
    done = command(scenario, "--client", "raw", **variables)
    assert done.returncode == 2
    assert [word for word in words if word not in done.stderr] == []


def test_the_files_of_an_upload_have_the_size_that_is_wanted_and_are_removed() -> None:
    with files_for("upload_many", QUICK) as paths:
        assert [os.path.getsize(path) for path in paths] == [QUICK.each] * QUICK.many
    assert not any(map(os.path.exists, paths))


def test_the_sandbox_is_measured_beside_a_floor() -> None:
    line = [sys.executable, "-m", "tests.benchmarks.sandbox", "--rounds", "1", "--divide", "20"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("of the floor") == 3
