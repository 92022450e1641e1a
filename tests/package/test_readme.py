"""The pages are right: their Python blocks run, their commands exist, their tables are those of the code.

Each block of Python runs by itself, unchanged, against a sandbox.
"""

import re
import shlex
import tomllib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from pixel_transports.cli import cli
from pixel_transports.sandbox import SandboxServer, sample_photos
from tests.package.operations_table import markdown
from tests.support.paths import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        *(path for folder in ("pixel_core", "pixel_transports", "tests") for path in (ROOT / folder).rglob("*.md")),
    )
    if "changes" not in path.parts
}
README = PAGES["README.md"]

ELSEWHERE = {f"pixel_transports/{room}/README.md" for room in ("adapters", "shards", "testing")}
"""Pages whose blocks are run by the tests of their rooms."""


def blocks_of(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


EVERY_BLOCK = [
    pytest.param(block, name, id=f"{name}-{number}")
    for name, page in PAGES.items()
    if name not in ELSEWHERE
    for number, block in enumerate(blocks_of(page, "python"), 1)
]


@pytest.fixture
def prepared(server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings in the environment and in `.env`, and a folder of photos, as the examples need them."""
    environment = server.sandbox.environment(server.url)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    (tmp_path / "photos").mkdir()
    for photo in sample_photos():
        (tmp_path / "photos" / photo.name).write_bytes(photo.read_bytes())
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(("block", "page"), EVERY_BLOCK)
def test_every_python_block_of_every_page_runs_as_written(block: str, page: str) -> None:
    exec(compile(block, page, "exec"), {"__name__": "__main__"})


def test_every_block_is_in_a_language_that_is_checked() -> None:
    fences = {fence for page in PAGES.values() for fence in re.findall(r"^```(.*)\n(?:.*\n)*?```$", page, re.MULTILINE)}
    assert fences <= {"python", "python not-run", "sh", "console", ""}


def test_every_command_of_a_shell_block_is_known() -> None:
    pages = [page for name, page in PAGES.items() if name not in ELSEWHERE]
    lines = [line for page in pages for block in blocks_of(page, "sh") for line in block.splitlines()]
    for page in pages:
        lines += re.findall(r"^\$ (.*)", "".join(blocks_of(page, "console")), re.MULTILINE)
    commands = [shlex.split(each, comments=True) for line in lines for each in line.split("&&")]
    assert len(commands) > 8
    assert [problem for words in commands if (problem := _problem(words))] == []


def _problem(words: Sequence[str]) -> str | None:
    """The problem of a command, or None."""
    program, *rest = words
    match Path(program).name:
        case "pixel":
            return _problem_of_pixel(rest)
        case "python" | "python3" if "-m" in rest:  # the next test looks for its module
            return None
        case "pip":
            project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
            unknown = {*re.findall(r"\[(.*)\]", " ".join(rest))} - {*project["optional-dependencies"]}
            return f"there are no extras {unknown}" if unknown or rest[0] != "install" else None
    return f"{program} is not known"


def _problem_of_pixel(words: Sequence[str]) -> str | None:
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        if name not in command.commands:
            return f"pixel has no command {name}"
        command = command.commands[name]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    return f"pixel {words[0]} does not know {', '.join(unknown)}" if unknown else None


def test_every_module_that_a_page_says_to_run_is_there() -> None:
    named = {module for page in PAGES.values() for module in re.findall(r"python -m ([\w.]+)", page)}
    assert "tests.system.conformance" in named
    assert [module for module in named if find_spec(module) is None] == []


def test_every_link_inside_leads_somewhere() -> None:
    for name, page in PAGES.items():
        links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page) if "://" not in link]
        assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    ("part", "printed"),
    [("client.upload_folder", [photo.name for photo in sample_photos()]), ("def drive", ["demo@example.com"])],
    ids=["the upload uploads all photos", "the driver of ten lines gets an answer"],
)
def test_an_example_prints_its_results(part: str, printed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [each for each in blocks_of(README, "python") if part in each]
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    lines = capsys.readouterr().out.splitlines()
    assert [expected in line for expected, line in zip(printed, lines, strict=True)] == [True] * len(printed)


def test_the_table_of_operations_is_that_of_the_code() -> None:
    assert markdown() in PAGES["pixel_core/api/README.md"]


def test_each_shell_block_of_the_readme_is_one_command_line() -> None:
    blocks = blocks_of(README, "sh")
    assert [len(block.splitlines()) for block in blocks] == [1, 1]
    assert "pixel demo" in blocks[0]
    assert "pytest" in blocks[1]


def test_the_readme_has_fewer_than_200_lines() -> None:
    assert len(README.splitlines()) < 200


def test_each_defect_of_the_reference_has_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| (.+) \|$", PAGES["tests/README.md"], re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 23))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)\(", sources))
    named = {name for _, names in rows for name in re.findall(r"`(test_\w+)`", names)}
    assert named - defined == set()
