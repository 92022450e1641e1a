"""The sessions of an operator, from the settings to a search, with mistakes, as golden files: at terminals of three
widths, and in pipes of three encodings."""

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pixel_transports.sandbox import SAMPLE_AREA, ManualClock, Sandbox, SandboxServer
from tests.support.cli_runs import COMMAND, clean_environment, make_photos
from tests.transports.cli.support import at_terminal, check_golden

ELSEWHERE = {
    "PIXEL_API_URL": "https://pixel.test/api/acme",
    "PIXEL_AUTH_SERVER_URL": "https://pixel.test/auth",
    "PIXEL_JOURNAL": "/journal.sqlite",
    **{each: "" for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for each in (name, name.lower())},
}
"""Settings that are the same on every machine."""

# Each command, and the settings that differ.
SESSION: tuple[tuple[str, dict[str, str]], ...] = (
    ("config", ELSEWHERE),
    ("projects list", {"PIXEL_PASSWORD": "typo"}),
    ("projects create 'Jæren → mai' --area open.geojson", {}),
    ("projects create '' --area area.geojson", {}),
    (
        "projects create 'Jæren → mai' --area area.geojson --description 'Flights of the first half of May' --tag 2024",
        {},
    ),
    ("collections create Photos --project 1 --type photos", {}),
    ("collections create Photos --project 1 --type image", {}),
    ("upload photos --project 1 --collection 9", {}),
    ("upload photos --project 1 --collection 2 --workers 1", {}),
    ("upload photos --project 1 --collection 2 --workers 1", {}),
    ("projects list", {}),
    ("images list --project 1 --collection 2", {}),
    ("search --on images --filter name '~' '%→%' --sort name --columns name,md5", {}),
    ("jobs show 99", {}),
)

Run = Callable[[list[str], dict[str, str]], tuple[int, str, str]]


def terminal(width: int) -> Run:
    def run(arguments: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
        done = at_terminal(*arguments, environment={**environment, "COLUMNS": str(width), "PAGER": "cat"})
        return done.returncode, done.stdout, done.stderr

    return run


def pipe(encoding: str) -> Run:
    def run(arguments: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=clean_environment({**environment, "PYTHONIOENCODING": encoding}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)

    return run


@pytest.mark.parametrize(
    ("name", "run"),
    [
        *((f"terminal-{width}", terminal(width)) for width in (60, 80, 200)),
        *((f"pipe-{encoding}", pipe(encoding)) for encoding in ("utf-8", "cp1252", "ascii")),
    ],
)
def test_the_session_of_an_operator_is_that_of_the_golden_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("area.geojson").write_text(json.dumps(SAMPLE_AREA))
    Path("open.geojson").write_text('{"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.8, 58.8], [5.8, 58.9]]]}')
    first, second, empty = make_photos(Path("photos"), 3)
    first.rename("photos/Jæren → 1.jpg")
    second.rename("photos/tab\t2.jpg")
    empty.write_bytes(b"")
    with SandboxServer(Sandbox(clock=ManualClock(), job_seconds=0)) as server:
        environment = {**server.sandbox.environment(server.url), "PIXEL_JOURNAL": "journal.sqlite"}
        runs = [(command, *run(shlex.split(command), {**environment, **changes})) for command, changes in SESSION]
    check_golden(f"sessions/{name}", *runs)
