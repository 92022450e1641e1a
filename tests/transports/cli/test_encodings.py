"""Output never fails for its text: what an encoding lacks, and what is no visible character, is escaped."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer
from tests.support.cli_runs import COMMAND, JPEG, Place, clean_environment
from tests.transports.cli.support import at_terminal

STRANGE = "Jæren → 😀\u4f60 \x1b[31mred \u009b2J \u202e back\ttab\r\nline"
SENT: tuple[str | bytes, ...] = ("Jæren → 😀.jpg", "c1\u009b2J.jpg", "rtl\u202e.jpg")
REFUSED: tuple[str | bytes, ...] = (b"raw\xff.jpg", "tab\tname.jpg", "line\nbreak.jpg", "\x1b[2Jesc.jpg")

ENCODINGS = ("cp1252", "latin-1", "ascii", "utf-8")
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
CODECS = {"the C locale": "ascii"}

_HERE = "--project {project} --collection {collection}"
COMMANDS = (
    "--help",
    "upload --help",
    "projects list",
    "projects list --csv",
    "projects list -v",
    f"images show 999 {_HERE} -v",
    f"upload . {_HERE} --dry-run",
    f"upload . {_HERE} --report report.csv -v",
    f"upload {{refused}} {_HERE} --metadata {{refused}}",
    "journal list --all",
    "projects create x --area {refused}",
    "demo .",
)
JSON_COMMANDS = (
    "projects list --geojson",
    f"upload . {_HERE} --dry-run --json",
    f"upload . {_HERE} --json --report report.json",
    "journal list --all --json",
)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Path]]:
    """A project and files with strange names."""
    folder = tmp_path_factory.mktemp("strange")
    for number, name in enumerate((*SENT, *REFUSED)):
        (folder / os.fsdecode(name)).write_bytes(JPEG + bytes([number]) * 100)
    with SandboxServer(Sandbox(job_seconds=0)) as server, (place := Place.at(server)).client:
        place.client.create_project(STRANGE, STRANGE, SAMPLE_AREA, tags=[STRANGE])
        run_in((place, folder), f"upload . {_HERE}", "utf-8")  # so that the journal has files
        yield place, folder


def run_in(strange: tuple[Place, Path], command: str, encoding: str) -> "subprocess.CompletedProcess[bytes]":
    place, folder = strange
    names = {"project": place.project, "collection": place.collections["image"], "refused": "\0"}
    arguments = [each.format(**names).replace("\0", os.fsdecode(REFUSED[0])) for each in command.split()]
    environment = {
        **place.environment,
        "PIXEL_JOURNAL": str(folder.with_suffix(".sqlite")),
        **(C_LOCALE if encoding == "the C locale" else {"PYTHONIOENCODING": encoding}),
    }
    return subprocess.run(
        [*COMMAND, *arguments], env=clean_environment(environment), cwd=folder, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        *((command, "the C locale") for command in COMMANDS),
        *((command, encoding) for command in COMMANDS if " -v" in command for encoding in ("cp1252", "utf-8")),
    ],
)
def test_text_is_printed_in_any_encoding_with_escapes(strange: tuple[Place, Path], command: str, encoding: str) -> None:
    done = run_in(strange, command, encoding)
    text = (done.stdout + done.stderr).decode(CODECS.get(encoding, encoding))
    assert "Traceback" not in text
    assert text.strip()
    between_columns = "\t" if command.startswith("upload") else ""
    assert [each for each in text if not each.isprintable() and each not in f"\n{between_columns}"] == []


@pytest.mark.parametrize(
    ("command", "encoding"),
    [*((command, "the C locale") for command in JSON_COMMANDS), *((JSON_COMMANDS[0], each) for each in ENCODINGS)],
)
def test_json_is_printed_in_any_encoding_with_the_escapes_of_json(
    strange: tuple[Place, Path], command: str, encoding: str
) -> None:
    done = run_in(strange, command, encoding)
    assert b"Traceback" not in done.stderr
    out = done.stdout.decode(CODECS.get(encoding, encoding))
    assert [each for each in out if not each.isprintable() and each != "\n"] == []
    if command == "projects list --geojson":
        assert [each["properties"]["name"] for each in json.loads(out)["features"]][-1] == STRANGE
    else:
        paths = [json.loads(line).get("file", json.loads(line).get("path")) for line in out.splitlines()]
        assert {each.rpartition(".")[2] for each in paths} == {"jpg"}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "Jæren → 😀你"),
        ("latin-1", r"Jæren \u2192 \U0001f600\u4f60"),
        ("cp1252", r"Jæren \u2192 \U0001f600\u4f60"),
        ("ascii", r"J\xe6ren \u2192 \U0001f600\u4f60"),
    ],
)
def test_only_what_the_encoding_lacks_is_escaped_and_a_row_is_a_line(
    strange: tuple[Place, Path], encoding: str, name: str
) -> None:
    lines = run_in(strange, "projects list --columns name,id", encoding).stdout.decode(encoding).splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith(rf"{name} \x1b[31mred \x9b2J \u202e back\ttab\r\nline  ")


def test_a_progress_bar_at_a_terminal_of_ascii_is_drawn_in_ascii(strange: tuple[Place, Path]) -> None:
    place, folder = strange
    settings = {**place.environment, "PYTHONIOENCODING": "ascii"}
    done = at_terminal(
        *place.arguments(folder / os.fsdecode(SENT[0]), "--no-resume"), environment=settings, stderr=True
    )
    assert (done.returncode, done.stderr.isascii(), "----" in done.stderr) == (0, True, True)
    assert "1 of 1 files done" in done.stderr
    assert r"\u" not in done.stderr
    assert done.stdout.startswith(r"J\xe6ren \u2192 \U0001f600.jpg")
